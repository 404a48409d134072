//! Attacks over sockets.

use std::{rc::Rc, time::Duration};

use rowcast_protocol::{
    ChannelName, Fields, Op, Request,
    request::{History, SendSignal},
};
use uuid::Uuid;

use super::super::ground::Ground;
use crate::{
    rows,
    wire::{Link, LinkError, Outbox},
};

/// What a flood does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Everything,
    Nothing,
}

/// Sends without end; after each batch it waits so long.
async fn flood(
    ground: &Ground,
    link: Link,
    reading: Reading,
    pause: Duration,
    mut queue: impl FnMut(&Outbox) -> u64,
) -> Result<(), LinkError> {
    let Link { outbox, mut receiver } = link;
    let sending = async {
        loop {
            let sent = queue(&outbox);
            outbox.flush().await?;
            ground.deeds.sent(sent);
            if pause.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(pause).await;
            }
        }
    };
    let receiving = async {
        if reading == Reading::Nothing {
            std::future::pending::<()>().await;
        }
        loop {
            receiver.receive(|_| {}).await?;
        }
    };
    tokio::select! {
        ended = receiving => ended,
        ended = sending => ended,
    }
}

/// Pongs, before it has greeted.
pub(super) async fn pongs(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let source = ground.source(number).map(|source| (source.ip(), 0).into());
    let link = Link::open(&ground.address, source, ground.codec).await?;
    let queue = |outbox: &Outbox| {
        (0..1_000).for_each(|_| outbox.queue_pong());
        1_000
    };
    flood(&ground, link, Reading::Everything, Duration::ZERO, queue).await
}

/// Requests whose answers are never read.
pub(super) async fn unread(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let link = follower(&ground, number).await?;
    let queue = |outbox: &Outbox| {
        outbox.queue(&history(&ground, ground.row));
        1
    };
    flood(&ground, link, Reading::Nothing, Duration::from_millis(20), queue).await
}

/// Three hundred requests at once, whose answers are large and read.
pub(super) async fn pipelined(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let link = follower(&ground, number).await?;
    let queue = |outbox: &Outbox| {
        (0..300).for_each(|_| outbox.queue(&history(&ground, ground.row)));
        300
    };
    flood(&ground, link, Reading::Everything, Duration::from_secs(1), queue).await
}

/// Edits with a guard of 22 KB that fails, on a row of 1 MB.
pub(super) async fn refusals(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let link = follower(&ground, number).await?;
    let queue = |outbox: &Outbox| {
        let mut update = rows::update(ground.row, Fields::from_iter([("title", "mine")]));
        update.guard = Fields::from_iter([("description", "y".repeat(22_000))]);
        outbox.queue(&rows::request(0, ground.channel(), vec![Op::Update(update)]));
        1
    };
    flood(&ground, link, Reading::Everything, Duration::from_millis(11), queue).await
}

/// Edits of a table that is not there.
pub(super) async fn refused(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let link = follower(&ground, number).await?;
    let queue = |outbox: &Outbox| {
        for _ in 0..64 {
            let mut update = rows::update(Uuid::now_v7(), Fields::from_iter([("title", "x")]));
            "nothing".clone_into(&mut update.table);
            outbox.queue(&rows::request(0, ground.channel(), vec![Op::Update(update)]));
        }
        64
    };
    flood(&ground, link, Reading::Everything, Duration::ZERO, queue).await
}

/// Large signals into several channels.
pub(super) async fn signals(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let mut link = ground.link(number).await?;
    let channels: Vec<&ChannelName> = ground.channels.iter().take(6).collect();
    for channel in &channels {
        link.subscribe(channel).await?;
    }
    let mut next = channels.into_iter().cycle();
    let queue = |outbox: &Outbox| {
        let Some(channel) = next.next() else { return 0 };
        outbox.queue(&Request::Signal(SendSignal {
            reference: None,
            channel: channel.clone(),
            name: "load".to_owned(),
            body: "x".repeat(60_000).into(),
        }));
        1
    };
    // Just below the limit of bytes.
    flood(&ground, link, Reading::Everything, Duration::from_millis(15), queue).await
}

/// The history of a row that last changed long ago.
pub(super) async fn scans(ground: Rc<Ground>, number: usize) -> Result<(), LinkError> {
    let link = follower(&ground, number).await?;
    let queue = |outbox: &Outbox| {
        (0..5).for_each(|_| outbox.queue(&history(&ground, ground.row)));
        5
    };
    flood(&ground, link, Reading::Everything, Duration::from_millis(100), queue).await
}

/// A socket that follows the first project.
async fn follower(ground: &Ground, number: usize) -> Result<Link, LinkError> {
    let mut link = ground.link(number).await?;
    link.subscribe(ground.channel()).await?;
    Ok(link)
}

fn history(ground: &Ground, row: Uuid) -> Request {
    Request::History(History {
        reference: 0,
        channel: ground.channel().clone(),
        table: "tasks".to_owned(),
        key: row.to_string().into(),
        before: None,
        limit: Some(100),
    })
}
