//! The accept loop: one for the process, lets connections in at the door and hands them to the workers in turn.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use ipnet::IpNet;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::{
    http::{is_trusted, problem::Problem},
    metrics::{CodeLabel, Metrics},
    network::{Network, canonical},
    session::{Door, Full, Held},
};

/// How long to wait when the process has no file left for a connection.
const BREATHER: Duration = Duration::from_millis(50);

/// Connections at once that were turned away and may still hear why. The others are closed at once, which
/// may take back the answer.
const LINGERING: usize = 32;

/// How long one of them may take.
const HEARING: Duration = Duration::from_secs(1);

/// When one that is turned away should try again.
const LATER: Duration = Duration::from_secs(5);

/// A connection on its way to a worker.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The stream, not yet known to any runtime.
    pub(super) stream: std::net::TcpStream,
    /// Who connected.
    pub(super) peer: SocketAddr,
    /// Its places.
    pub(super) held: Held,
}

/// What the accept loop works with.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) door: Arc<Door>,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) workers: Vec<mpsc::Sender<Accepted>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tracker: TaskTracker,
}

impl Acceptor {
    /// Accepts until told to stop. The workers' queues close with it.
    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let mut next = 0_usize;
        let leaving = Arc::new(Semaphore::new(LINGERING));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    next = next.wrapping_add(1);
                    self.take(stream, canonical(peer), next, &leaving);
                }
                Err(error) => {
                    // Usually no file descriptor is left; what is open must go on.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATHER).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr, turn: usize, leaving: &Arc<Semaphore>) {
        let network = Network::of(peer.ip());
        let proxy = is_trusted(peer.ip(), &self.trusted_proxies);
        match self.door.enter((!proxy).then_some(network)) {
            Ok(held) => {
                if let Err(error) = self.hand_over(stream, peer, held, turn) {
                    self.count(Full::Node);
                    debug!(%peer, %error, "a connection was lost");
                }
            }
            Err(full) => {
                self.count(full);
                debug!(%peer, reason = full.words(), "a connection was turned away");
                let answer =
                    Problem::new(full.code(), full.words()).retry_after(LATER).bare_answer();
                // The kernel's buffer is empty: it goes out at once or not at all.
                if stream.try_write(&answer).is_ok()
                    && let Ok(permit) = Arc::clone(leaving).try_acquire_owned()
                {
                    self.tracker.spawn(linger(stream, permit));
                }
            }
        }
    }

    fn count(&self, full: Full) {
        let label = CodeLabel { code: full.code().as_str() };
        self.metrics.connections_refused.get_or_create(&label).inc();
    }

    fn hand_over(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        held: Held,
        turn: usize,
    ) -> io::Result<()> {
        let busy = || io::Error::other("the workers are behind");
        stream.set_nodelay(true)?;
        let stream = stream.into_std()?;
        let worker = self.workers.get(turn % self.workers.len().max(1)).ok_or_else(busy)?;
        worker.try_send(Accepted { stream, peer, held }).map_err(|_| busy())
    }
}

/// Reads what a client sends that was turned away, so that closing does not take back the answer.
async fn linger(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let mut rest = [0; 1024];
    let _done = tokio::time::timeout(HEARING, async {
        while stream.read(&mut rest).await.is_ok_and(|length| length > 0) {}
    })
    .await;
}
