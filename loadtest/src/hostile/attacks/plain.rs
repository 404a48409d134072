//! Attacks over plain HTTP.

use std::{rc::Rc, time::Duration};

use tokio::io::AsyncWriteExt as _;

use super::super::ground::{Ground, description};
use crate::wire::{Ask, LinkError, open_plain};

/// Requests that one connection sends before it reads.
const PIPELINED: usize = 8;
/// How long a connection is held whose answers are not read; the hub ends it before.
const HELD: Duration = Duration::from_secs(40);
/// Bytes of a large value; a body may have 1 MiB.
const LARGE: usize = 1_000_000;

/// Lists of rows of 1 MB, read to their end.
pub(super) async fn lists(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let path = format!("{}?limit=60", ground.tasks());
    let ask = Ask { method: "GET", path: &path, token: ground.token(number), body: "" };
    told(&ground, ask).await
}

/// A new value of 1 MB.
pub(super) async fn large_rows(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let path = format!("{}/{}", ground.tasks(), ground.row);
    for letter in ['a', 'b'] {
        let body = description(letter, LARGE);
        let ask = Ask { method: "PATCH", path: &path, token: ground.token(number), body: &body };
        told(&ground, ask).await?;
    }
    Ok(())
}

async fn told(ground: &Ground, ask: Ask<'_>) -> Result<(), LinkError> {
    let source = ground.source(0).map(|source| (source.ip(), 0).into());
    let (status, _) = ask.send(&ground.address, source).await?;
    ground.deeds.sent(1);
    if status != 200 {
        ground.deeds.ended(format!("http {status}"));
    }
    Ok(())
}

/// Requests whose answers are never read.
pub(super) async fn unread(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let source = ground.source(0).map(|source| (source.ip(), 0).into());
    let mut stream = open_plain(&ground.address, source).await?;
    let path = format!("{}?limit=60", ground.tasks());
    let ask = Ask { method: "GET", path: &path, token: ground.token(number), body: "" };
    for _ in 0..PIPELINED {
        stream.write_all(&ask.bytes(&ground.address, "keep-alive")).await?;
        ground.deeds.sent(1);
    }
    tokio::time::sleep(HELD).await;
    Ok(())
}
