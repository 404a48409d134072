//! Draining: clients are sent away in batches, each told when to come back, so that they do not
//! all come back at once.

use std::{sync::Arc, time::Duration};

use rand::RngExt as _;
use rowcast_protocol::{CloseCode, News, news::Drain};
use tracing::info;

use crate::{hub::Socket, session::sweep::Sockets};

/// How long one batch takes.
const STEP: Duration = Duration::from_millis(100);
/// The least sockets of a batch: a small node stops at once.
const BATCH: usize = 200;
/// The longest time a client is told to wait, if the drain itself is shorter.
const COME_BACK: Duration = Duration::from_secs(2);

/// Closes every socket, spread over `within`.
pub(super) async fn send_away(sockets: &[Arc<Sockets>], within: Duration) {
    let open: Vec<_> = sockets.iter().flat_map(|sockets| sockets.open()).collect();
    let steps = (within.as_millis() / STEP.as_millis()).max(1);
    let batch = open.len().div_ceil(usize::try_from(steps).unwrap_or(1)).max(BATCH);
    info!(sockets = open.len(), "draining");
    for (index, some) in open.chunks(batch).enumerate() {
        if index > 0 {
            tokio::time::sleep(STEP).await;
        }
        for socket in some {
            send_one_away(socket, within.max(COME_BACK));
        }
    }
}

fn send_one_away(socket: &Arc<Socket>, within: Duration) {
    let wait = rand::rng().random_range(Duration::ZERO..=within);
    let reconnect_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    socket.send(&News::Drain(Drain { reconnect_after_ms }));
    socket.close(CloseCode::Draining);
}
