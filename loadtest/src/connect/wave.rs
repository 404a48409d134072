//! Opens sockets wave by wave.

use std::{collections::BTreeMap, rc::Rc};

use tokio::{
    task::JoinSet,
    time::{Duration, Instant},
};

use super::share::{Ready, Share};
use crate::wire::{Link, LinkError};

/// What a wave brought.
#[derive(Debug)]
pub(super) struct Wave {
    /// Sockets that follow their channel.
    pub(super) links: Vec<Link>,
    connecting: Duration,
    subscribing: Duration,
    errors: BTreeMap<String, u64>,
}

impl Wave {
    /// Adds what it brought to the whole.
    pub(super) fn add_to(&self, ready: &mut Ready) {
        ready.subscribed += self.links.len() as u64;
        ready.connecting += self.connecting.as_secs_f64();
        ready.subscribing += self.subscribing.as_secs_f64();
        for (code, count) in &self.errors {
            *ready.errors.entry(code.clone()).or_default() += count;
        }
    }
}

/// Opens these sockets at once, then greets and subscribes with all of them at once.
pub(super) async fn open(share: &Rc<Share>, numbers: std::ops::Range<usize>) -> Wave {
    let mut errors = BTreeMap::new();
    let began = Instant::now();
    let opening = numbers.map(|number| {
        let share = Rc::clone(share);
        async move {
            let source = share.source_of(number);
            Ok((number, Link::open(&share.address, source, share.codec.into()).await?))
        }
    });
    let opened = all(opening, &mut errors).await;
    let connecting = began.elapsed();
    let began = Instant::now();
    let subscribing = opened.into_iter().map(|(number, link)| {
        let share = Rc::clone(share);
        async move { subscribe(&share, number, link).await }
    });
    let links = all(subscribing, &mut errors).await;
    Wave { links, connecting, subscribing: began.elapsed(), errors }
}

async fn subscribe(share: &Share, number: usize, mut link: Link) -> Result<Link, LinkError> {
    link.greet(nth(&share.tokens, number).map_or("", String::as_str)).await?;
    if let Some(channel) = nth(&share.channels, number) {
        link.subscribe(channel).await?;
    }
    Ok(link)
}

fn nth<T>(items: &[T], number: usize) -> Option<&T> {
    items.get(number % items.len().max(1))
}

/// Does all of it at once, and counts what failed.
async fn all<T: 'static>(
    tasks: impl Iterator<Item = impl Future<Output = Result<T, LinkError>> + 'static>,
    errors: &mut BTreeMap<String, u64>,
) -> Vec<T> {
    let mut running = JoinSet::new();
    tasks.for_each(|task| drop(running.spawn_local(task)));
    let mut done = Vec::new();
    for outcome in running.join_all().await {
        match outcome {
            Ok(value) => done.push(value),
            Err(error) => *errors.entry(error.code()).or_default() += 1,
        }
    }
    done
}
