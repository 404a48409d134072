//! The thread of a hostile client.

use std::thread::JoinHandle;

use tokio::{sync::oneshot, task::LocalSet};

use super::{attacks, ground::Ground};
use crate::{cli::Kind, error::LoadError};

/// How much the thread yields to the one that measures, so that what is measured is the hub.
const NICE: i32 = 10;

/// A hostile client at work.
#[derive(Debug)]
pub(super) struct Attacker {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<Result<(), LoadError>>,
}

impl Attacker {
    /// Lets it begin.
    pub(super) fn start(kind: Kind, ground: Ground) -> Result<Self, LoadError> {
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("hostile".to_owned());
        let thread = thread.spawn(move || {
            let outcome = work(kind, ground, stopped);
            // Nobody waits where the run was interrupted.
            let _unheard = end.send(());
            outcome
        });
        let thread = thread.map_err(LoadError::io("cannot start a thread"))?;
        Ok(Self { stop, ended, thread })
    }

    /// Ends it; all its connections are closed then.
    pub(super) async fn end(self) -> Result<(), LoadError> {
        drop(self.stop);
        // It is told by dropping, and ends by dropping: neither says more.
        let _either = self.ended.await;
        let panicked = |_| LoadError::Usage("the hostile client panicked".to_owned());
        self.thread.join().map_err(panicked)?
    }
}

fn work(kind: Kind, ground: Ground, stopped: oneshot::Receiver<()>) -> Result<(), LoadError> {
    let cannot = "cannot begin an attack";
    // Of this thread alone, on Linux. Where it is not allowed the attack is only stronger.
    let _stronger = rustix::process::setpriority_process(None, NICE);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LoadError::io(cannot))?;
    LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            () = attacks::run(kind, ground) => {}
            _ = stopped => {}
        }
    });
    Ok(())
}
