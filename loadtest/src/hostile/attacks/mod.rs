//! The attacks. Each goes on until it is stopped; a connection that the hub ends is opened again.

mod plain;
mod sockets;
mod storm;

use std::{rc::Rc, time::Duration};

use tokio::task::JoinSet;

use super::ground::Ground;
use crate::{cli::Kind, wire::LinkError};

/// How long a client whose connection was ended waits before it comes again.
const BEFORE_AGAIN: Duration = Duration::from_millis(50);

/// Does it.
pub(super) async fn run(kind: Kind, ground: Ground) {
    let ground = Rc::new(ground);
    match kind {
        Kind::Pongs => many(1, ground, sockets::pongs).await,
        Kind::Unread => many(50, ground, sockets::unread).await,
        Kind::Lists => many(8, ground, plain::lists).await,
        Kind::Pipelined => many(1, ground, sockets::pipelined).await,
        Kind::Refusals => many(1, ground, sockets::refusals).await,
        Kind::LargeRows => many(4, ground, plain::large_rows).await,
        Kind::Refused => many(4, ground, sockets::refused).await,
        Kind::Signals => many(1, ground, sockets::signals).await,
        Kind::Scans => many(20, ground, sockets::scans).await,
        Kind::UnreadHttp => many(300, ground, plain::unread).await,
        Kind::Storm => storm::run(ground).await,
    }
}

/// So many clients that do the same, each again and again.
async fn many<F>(clients: usize, ground: Rc<Ground>, once: fn(Rc<Ground>, usize) -> F)
where
    F: Future<Output = Result<(), LinkError>> + 'static,
{
    let mut all = JoinSet::new();
    for number in 0..clients {
        let ground = Rc::clone(&ground);
        all.spawn_local(async move {
            loop {
                if let Err(error) = once(Rc::clone(&ground), number).await {
                    ground.deeds.ended(error.code());
                    tokio::time::sleep(BEFORE_AGAIN).await;
                }
            }
        });
    }
    all.join_all().await;
}
