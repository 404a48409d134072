//! Thousands of sockets that greet one after the other and then subscribe at once. They mean no harm:
//! each reads what comes, and comes back when it was told to.

use std::{cell::RefCell, ops::Range, rc::Rc, time::Duration};

use memchr::memmem;
use tokio::{
    sync::watch,
    task::{JoinSet, spawn_local},
};

use super::super::ground::Ground;
use crate::wire::{Link, LinkError};

/// Sockets that are opened at once.
const AT_ONCE: usize = 200;
/// How far into a message its type stands.
const HEAD: usize = 40;
/// When to come back where the hub did not say.
const LATER: Duration = Duration::from_secs(2);

/// Opens all, lets them subscribe, and holds them.
pub(super) async fn run(ground: Rc<Ground>) {
    let (begin, begun) = watch::channel(false);
    let numbers = Rc::new(RefCell::new(0..ground.sockets));
    let mut opening = JoinSet::new();
    for _ in 0..AT_ONCE {
        opening.spawn_local(open(Rc::clone(&ground), Rc::clone(&numbers), begun.clone()));
    }
    opening.join_all().await;
    begin.send_replace(true);
    std::future::pending().await
}

/// Opens one after the other; each lives on its own then.
async fn open(
    ground: Rc<Ground>,
    numbers: Rc<RefCell<Range<usize>>>,
    begun: watch::Receiver<bool>,
) {
    let next = || numbers.borrow_mut().next();
    while let Some(number) = next() {
        match one(&ground, number).await {
            Ok(link) => drop(spawn_local(live(Rc::clone(&ground), link, begun.clone()))),
            Err(error) => ground.deeds.lost(&error),
        }
    }
}

async fn one(ground: &Ground, number: usize) -> Result<Link, LinkError> {
    let mut link = Link::open(&ground.address, ground.source(number), ground.codec).await?;
    link.greet(ground.token(number)).await?;
    Ok(link)
}

/// However it ends: it was healthy.
async fn live(ground: Rc<Ground>, mut link: Link, mut begun: watch::Receiver<bool>) {
    if begun.wait_for(|begun| *begun).await.is_err() {
        return; // the run is over
    }
    let Err(error) = subscribe(&ground, &mut link).await else { return };
    ground.deeds.lost(&error);
}

/// Subscribes, again where it was told to come back, and reads.
async fn subscribe(ground: &Ground, link: &mut Link) -> Result<(), LinkError> {
    while let Err(error) = link.subscribe(ground.channel()).await {
        let LinkError::Error(reply) = error else { return Err(error) };
        if !reply.retry {
            return Err(LinkError::Error(reply));
        }
        ground.deeds.ended(format!("{}: to come back", reply.code.as_str()));
        tokio::time::sleep(reply.retry_after_ms.map_or(LATER, Duration::from_millis)).await;
    }
    ground.deeds.sent(1);
    loop {
        let look = |payload: &[u8]| {
            let head = payload.get(..HEAD).unwrap_or(payload);
            if memmem::find(head, b"snapshot_end").is_some() {
                ground.deeds.ended("snapshot whole".to_owned());
            }
        };
        link.receiver.receive(look).await?;
    }
}
