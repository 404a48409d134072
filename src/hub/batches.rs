//! The shared batches of one flush of one channel: each made once, given to every subscriber that
//! stands at the same place.

use bytes::Bytes;
use rowcast_protocol::{Codec, Cursor};

use super::{channel::Channel, latest::Version};

/// Batches held at once: a bound on memory when every subscriber stands somewhere else.
const MAX_KNOWN: usize = 16;

/// What was made, by where its readers stand.
type Made<K, V> = Vec<(K, V)>;

/// Batches made so far in this flush.
#[derive(Debug)]
pub struct Batches<'a> {
    channel: &'a Channel,
    log: Made<(Codec, Cursor), Option<(Bytes, Cursor)>>,
    states: Made<(Codec, Version), (Bytes, Version)>,
    presence: Made<(Codec, Version), (Bytes, Version)>,
    signals: Made<(Codec, u64), (Bytes, u64)>,
    /// Entries and bytes of the log that were given to subscribers; counted at the end, so that
    /// workers do not share a counter on their way.
    delivered: (u64, u64),
}

impl Drop for Batches<'_> {
    fn drop(&mut self) {
        let (entries, bytes) = self.delivered;
        if entries > 0 {
            self.channel.count_delivered(entries, bytes);
        }
    }
}

impl<'a> Batches<'a> {
    /// None yet.
    #[must_use]
    pub fn new(channel: &'a Channel) -> Self {
        Self {
            channel,
            log: Vec::new(),
            states: Vec::new(),
            presence: Vec::new(),
            signals: Vec::new(),
            delivered: (0, 0),
        }
    }

    /// Counts entries that a subscriber was given.
    pub fn count(&mut self, entries: u64, bytes: usize) {
        self.delivered.0 += entries;
        self.delivered.1 += bytes as u64;
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> &'a Channel {
        self.channel
    }

    /// What lies after a cursor and the place after it; `None`: not in the tail.
    pub fn log(&mut self, codec: Codec, cursor: Cursor) -> Option<(Bytes, Cursor)> {
        made(&mut self.log, (codec, cursor), || self.channel.log_after(cursor, codec))
    }

    /// The states that changed after a version, and the newest version.
    pub fn states(&mut self, codec: Codec, version: Version) -> (Bytes, Version) {
        made(&mut self.states, (codec, version), || {
            self.channel.ephemera().states_after(version, codec)
        })
    }

    /// The people who came, changed or left after a version, and the newest version.
    pub fn presence(&mut self, codec: Codec, version: Version) -> (Bytes, Version) {
        made(&mut self.presence, (codec, version), || {
            self.channel.ephemera().presence_after(version, codec)
        })
    }

    /// The signals from a number on, and the next number.
    pub fn signals(&mut self, codec: Codec, number: u64) -> (Bytes, u64) {
        made(&mut self.signals, (codec, number), || {
            self.channel.ephemera().signals_from(number, codec)
        })
    }
}

fn made<K: PartialEq, V: Clone>(known: &mut Made<K, V>, key: K, make: impl FnOnce() -> V) -> V {
    if let Some((_, value)) = known.iter().find(|(other, _)| *other == key) {
        return value.clone();
    }
    let value = make();
    if known.len() == MAX_KNOWN {
        known.clear();
    }
    known.push((key, value.clone()));
    value
}
