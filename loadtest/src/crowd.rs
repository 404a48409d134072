//! Many sockets at once: opened, greeted and subscribed, some dozens at a time.

use std::rc::Rc;

use rowcast_protocol::{ChannelName, Codec, reply::Welcome};
use tokio::task::JoinSet;

use crate::{
    error::LoadError,
    report,
    target::Target,
    wire::{Address, Link, LinkError},
};

/// Sockets that are being opened at once.
const AT_ONCE: usize = 64;

/// One socket that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    /// Whose it is.
    pub(crate) token: Rc<str>,
    /// What it follows.
    pub(crate) channels: Vec<ChannelName>,
}

/// A socket that follows its channels.
#[derive(Debug)]
pub(crate) struct Seated {
    pub(crate) link: Link,
    pub(crate) welcome: Box<Welcome>,
}

/// Opens all of them, in order.
pub(crate) async fn open(
    target: &Target,
    codec: Codec,
    seats: Vec<Seat>,
) -> Result<Vec<Seated>, LoadError> {
    let bar = report::bar(seats.len() as u64, "opening sockets");
    let mut seated = Vec::with_capacity(seats.len());
    for some in seats.chunks(AT_ONCE) {
        let mut opening = JoinSet::new();
        for (number, seat) in some.iter().cloned().enumerate() {
            let address = target.address.clone();
            opening.spawn_local(async move { (number, one(address, codec, seat).await) });
        }
        let mut opened = opening.join_all().await;
        opened.sort_by_key(|(number, _)| *number);
        for (_, link) in opened {
            seated.push(link.map_err(LoadError::link("cannot open a socket"))?);
        }
        bar.inc(some.len() as u64);
    }
    bar.finish_and_clear();
    Ok(seated)
}

async fn one(address: Address, codec: Codec, seat: Seat) -> Result<Seated, LinkError> {
    let mut link = Link::open(&address, None, codec).await?;
    let welcome = link.greet(&seat.token).await?;
    for channel in &seat.channels {
        link.subscribe(channel).await?;
    }
    Ok(Seated { link, welcome })
}
