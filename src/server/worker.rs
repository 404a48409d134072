//! Workers: threads, each with a single-threaded runtime, its share of the sockets and its flush
//! loop.

use std::{sync::Arc, thread::JoinHandle};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{accept::Accepted, connection, error::ServeError};
use crate::{
    http::{App, WorkerApp},
    hub::Flusher,
    session::sweep::Sockets,
};

/// Connections that may wait for a worker.
const DOOR: usize = 1024;

/// A worker's thread and the way to it.
type Started = (JoinHandle<()>, mpsc::Sender<Accepted>);

/// Starts one worker per flusher.
pub(super) fn start_all(
    app: &Arc<App>,
    flushers: &[Arc<Flusher>],
    sockets: &[Arc<Sockets>],
    stop: &CancellationToken,
    tracker: &TaskTracker,
) -> Result<Vec<Started>, ServeError> {
    flushers
        .iter()
        .zip(sockets)
        .map(|(flusher, sockets)| {
            let app = WorkerApp {
                app: Arc::clone(app),
                flusher: Arc::clone(flusher),
                sockets: Arc::clone(sockets),
                tracker: tracker.clone(),
            };
            start(app, stop.clone())
        })
        .collect()
}

fn start(app: WorkerApp, stop: CancellationToken) -> Result<Started, ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Worker)?;
    let (door, arrivals) = mpsc::channel(DOOR);
    let thread = std::thread::Builder::new()
        .name(format!("worker-{}", app.flusher.worker()))
        .spawn(move || runtime.block_on(run(app, arrivals, stop)))
        .map_err(ServeError::Worker)?;
    Ok((thread, door))
}

async fn run(app: WorkerApp, mut arrivals: mpsc::Receiver<Accepted>, stop: CancellationToken) {
    let tracker = app.tracker.clone();
    let flusher = Arc::clone(&app.flusher);
    let until = stop.clone();
    tracker.spawn(async move {
        until.run_until_cancelled(flusher.run()).await;
    });
    let flusher = Arc::clone(&app.flusher);
    let until = stop.clone();
    tracker.spawn(async move {
        until.run_until_cancelled(flusher.clock.run()).await;
    });
    let app = Arc::new(app);
    let router = app.app.router(&app);
    while let Some(accepted) = arrivals.recv().await {
        tracker.spawn(connection::serve(Arc::clone(&app), router.clone(), accepted));
    }
    // The runtime lives as long as this does, and with it the sessions that are ending.
    drop((app, router));
    tracker.wait().await;
}
