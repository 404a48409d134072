//! The accept loop: one for the process, hands connections to the workers in turn.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::session::{Place, Places};

/// How long to wait when the process has no file left for a connection.
const BREATHER: Duration = Duration::from_millis(50);

/// A connection on its way to a worker.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The stream, not yet known to any runtime.
    pub(super) stream: std::net::TcpStream,
    /// Who connected.
    pub(super) peer: SocketAddr,
    /// Holds a place among the connections of the node.
    pub(super) place: Place,
}

/// Accepts until told to stop. The workers' doors close with it.
pub(super) async fn run(
    listener: TcpListener,
    doors: Vec<mpsc::Sender<Accepted>>,
    places: Places<()>,
    stop: CancellationToken,
) {
    let mut next = 0_usize;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                next = next.wrapping_add(1);
                let door = doors.get(next % doors.len().max(1));
                if let Err(error) = hand_over(stream, peer, &places, door) {
                    debug!(%peer, %error, "a connection was turned away");
                }
            }
            Err(error) => {
                // Usually no file descriptor is left; what is open must go on.
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
}

fn hand_over(
    stream: TcpStream,
    peer: SocketAddr,
    places: &Places<()>,
    door: Option<&mpsc::Sender<Accepted>>,
) -> io::Result<()> {
    let full = || io::Error::other("this node is full");
    let place = places.take(()).ok_or_else(full)?;
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let door = door.ok_or_else(full)?;
    door.try_send(Accepted { stream, peer, place }).map_err(|_| full())
}
