//! Who follows what on this node, for its operator.

use std::{collections::HashMap, sync::Arc};

use super::{Channel, Hub, Subscription};

/// A channel as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelCount {
    /// Its name.
    pub name: String,
    /// How many subscriptions.
    pub readers: u64,
    /// The number of its newest entry here.
    pub head: u64,
    /// Bytes of its newest entries in memory.
    pub tail_bytes: u64,
    /// How many entries the slowest reader is behind.
    pub lag: u64,
}

/// A socket as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketCount {
    /// The session's name.
    pub session: String,
    /// The person.
    pub user: String,
    /// What others see of the person.
    pub name: String,
    /// The address that connected, perhaps a proxy's.
    pub address: String,
    /// How long it is open, in milliseconds.
    pub open_ms: u64,
    /// How many channels it follows.
    pub channels: u64,
    /// Bytes that wait for it.
    pub queued_bytes: u64,
    /// How many entries it is behind, in all its channels.
    pub behind: u64,
}

/// Everything that is followed on this node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// The channels with most readers first.
    pub channels: Vec<ChannelCount>,
    /// The sockets that are slowest first.
    pub sockets: Vec<SocketCount>,
    /// How many people follow something.
    pub people: u64,
    /// How many sockets have bytes waiting or entries to catch up with.
    pub slow_readers: u64,
}

impl Hub {
    /// Counts who follows what; keeps the `most` busiest channels and slowest sockets.
    #[must_use]
    pub fn census(&self, most: usize) -> Census {
        let channels: Vec<Arc<Channel>> =
            self.channels.iter().map(|channel| Arc::clone(channel.value())).collect();
        let mut count = Count::default();
        let mut census = Census::default();
        for channel in channels {
            census.channels.push(count.channel(&channel));
        }
        census.people = count.people();
        census.sockets = count.sockets.into_values().collect();
        let slow = |socket: &&SocketCount| socket.queued_bytes > 0 || socket.behind > 0;
        census.slow_readers = census.sockets.iter().filter(slow).count() as u64;
        census
            .channels
            .sort_by(|one, other| (other.readers, &one.name).cmp(&(one.readers, &other.name)));
        census.sockets.sort_by(|one, other| {
            (other.behind, other.queued_bytes, &one.session).cmp(&(
                one.behind,
                one.queued_bytes,
                &other.session,
            ))
        });
        census.channels.truncate(most);
        census.sockets.truncate(most);
        census
    }
}

/// Sockets, by session.
#[derive(Default)]
struct Count {
    sockets: HashMap<String, SocketCount>,
}

impl Count {
    fn channel(&mut self, channel: &Channel) -> ChannelCount {
        let (head, everybody) = (channel.head_seq(), channel.everybody());
        let behind = everybody.iter().map(|reader| self.reader(reader, head));
        let (readers, lag) = behind.fold((0, 0), |(readers, lag), one| (readers + 1, one.max(lag)));
        let tail_bytes = channel.tail_bytes() as u64;
        ChannelCount { name: channel.name().to_string(), readers, head, tail_bytes, lag }
    }

    fn reader(&mut self, reader: &Subscription, head: u64) -> u64 {
        let behind = head.saturating_sub(reader.place());
        let session = reader.subscriber.session.to_string();
        let socket =
            self.sockets.entry(session).or_insert_with_key(|session| socket(reader, session));
        socket.channels += 1;
        socket.behind += behind;
        behind
    }

    fn people(&self) -> u64 {
        let mut people: Vec<&str> = self.sockets.values().map(|one| one.user.as_str()).collect();
        people.sort_unstable();
        people.dedup();
        people.len() as u64
    }
}

fn socket(reader: &Subscription, session: &str) -> SocketCount {
    let address = reader.socket.stream.peer_addr();
    SocketCount {
        session: session.to_owned(),
        user: reader.subscriber.user.to_string(),
        name: reader.subscriber.name.to_string(),
        address: address.map_or_else(|_| String::new(), |address| address.ip().to_string()),
        open_ms: reader.socket.vitals.now(),
        channels: 0,
        queued_bytes: reader.socket.queued() as u64,
        behind: 0,
    }
}
