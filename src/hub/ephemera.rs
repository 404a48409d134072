//! What a channel carries beside its log and does not store: states, presence, signals.
//!
//! Each has a version that only grows and can be read without the lock, so that a reader with
//! nothing to fetch costs a comparison.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use parking_lot::Mutex;
use rowcast_protocol::{
    ChannelName, Codec, News, SignalItem, StateItem, Value,
    news::{Missed, Presence},
};

use super::{
    frame::{ListFrames, ListKind, message_frames, push_message},
    latest::{Latest, Version},
    people::People,
    ring::{Ring, RingBounds},
    subscription::Subscriber,
    tail::CodecsInUse,
};

/// A state is somebody's: the session and the key.
type StateKey = (Arc<str>, String);

/// What a state costs beside its key and its value, about.
const STATE_BYTES: usize = 256;

/// States, presence and signals of one channel on this node.
#[derive(Debug)]
pub struct Ephemera {
    channel: ChannelName,
    content: Mutex<Content>,
    states: AtomicU64,
    presence: AtomicU64,
    signals: AtomicU64,
    /// Signals that are kept for slow readers.
    kept: RingBounds,
}

#[derive(Debug, Default)]
struct Content {
    states: Latest<StateKey, StateItem>,
    /// The bytes of each state's value, by session and key.
    held: HashMap<Arc<str>, BTreeMap<String, usize>>,
    /// What all states cost.
    state_bytes: usize,
    people: People,
    ring: Ring,
}

/// How much state may be held in a channel.
#[derive(Debug, Clone, Copy)]
pub struct StateBounds {
    /// Keys of one session.
    pub keys: usize,
    /// Bytes of all values of one session, as JSON.
    pub bytes: usize,
    /// Bytes of all states of the channel, with what they cost beside their values.
    pub channel_bytes: usize,
}

/// Why a state is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuchState {
    /// Too many keys.
    Keys,
    /// Too many bytes of the session.
    Bytes,
    /// Too many bytes in the channel.
    Channel,
}

/// The newest places of what is not stored.
#[derive(Debug, Clone, Copy)]
pub struct EphemeralHeads {
    /// Of the states.
    pub states: Version,
    /// Of presence.
    pub presence: Version,
    /// Of the signals.
    pub signals: u64,
}

impl Ephemera {
    /// Nothing yet; keeps so many signals for slow readers.
    #[must_use]
    pub fn new(channel: ChannelName, kept: RingBounds) -> Self {
        Self {
            channel,
            content: Mutex::default(),
            states: AtomicU64::new(0),
            presence: AtomicU64::new(0),
            signals: AtomicU64::new(0),
            kept,
        }
    }

    /// The newest places, without the lock.
    #[must_use]
    pub fn heads(&self) -> EphemeralHeads {
        EphemeralHeads {
            states: self.states.load(Ordering::Acquire),
            presence: self.presence.load(Ordering::Acquire),
            signals: self.signals.load(Ordering::Acquire),
        }
    }

    /// Sets or clears (null) a state of a session.
    pub(super) fn set_state(
        &self,
        owner: &Subscriber,
        key: String,
        value: Value,
        bounds: StateBounds,
    ) -> Result<(), TooMuchState> {
        let mut content = self.content.lock();
        content.set_state(owner, key, value, bounds)?;
        self.states.store(content.states.version(), Ordering::Release);
        Ok(())
    }

    /// Clears the states of a session.
    pub(super) fn clear_states(&self, session: &Arc<str>) {
        let mut content = self.content.lock();
        for (key, bytes) in content.held.remove(session).unwrap_or_default() {
            content.state_bytes -= cost(&key, bytes);
            content.states.remove(&(Arc::clone(session), key));
        }
        self.states.store(content.states.version(), Ordering::Release);
    }

    /// Changes who is here.
    pub(super) fn change_people(&self, change: impl FnOnce(&mut People)) {
        let mut content = self.content.lock();
        change(&mut content.people);
        self.presence.store(content.people.version(), Ordering::Release);
    }

    /// Adds a signal.
    pub(super) fn signal(&self, signal: &SignalItem, codecs: CodecsInUse) {
        let mut content = self.content.lock();
        content.ring.push(signal, codecs, self.kept);
        self.signals.store(content.ring.next(), Ordering::Release);
    }

    /// The frames with the states that changed after a version, and the newest version.
    #[must_use]
    pub fn states_after(&self, version: Version, codec: Codec) -> (Bytes, Version) {
        let content = self.content.lock();
        let changes = content.states.after(version);
        let mut items: Vec<Bytes> =
            changes.present.iter().map(|(_, state)| codec.encode(state)).collect();
        items.extend(changes.removed.iter().map(|key| codec.encode(&cleared(key))));
        let mut frames = ListFrames::new(codec, ListKind::States, &self.channel).full(changes.full);
        for item in &items {
            frames.push(item, None);
        }
        (frames.finish(None), content.states.version())
    }

    /// The frames with the people who came, changed or left after a version, and the newest version.
    #[must_use]
    pub fn presence_after(&self, version: Version, codec: Codec) -> (Bytes, Version) {
        let content = self.content.lock();
        let (full, here, left) = content.people.after(version);
        let news = News::Presence(Presence { channel: self.channel.clone(), full, here, left });
        (message_frames(codec, &codec.encode(&news)), content.people.version())
    }

    /// The frames with the signals from a number on, and the next number.
    #[must_use]
    pub fn signals_from(&self, number: u64, codec: Codec) -> (Bytes, u64) {
        let content = self.content.lock();
        let mut out = Vec::new();
        let missed = content.ring.missed(number);
        if missed > 0 {
            let news = News::Missed(Missed { channel: self.channel.clone(), signals: missed });
            push_message(&mut out, codec, &codec.encode(&news));
        }
        let mut frames = ListFrames::new(codec, ListKind::Signals, &self.channel);
        for signal in content.ring.from(number, codec) {
            frames.push(signal, None);
        }
        out.extend_from_slice(&frames.finish(None));
        (out.into(), content.ring.next())
    }
}

impl Content {
    fn set_state(
        &mut self,
        owner: &Subscriber,
        key: String,
        value: Value,
        bounds: StateBounds,
    ) -> Result<(), TooMuchState> {
        let id = (Arc::clone(&owner.session), key);
        let held = self.held.entry(Arc::clone(&owner.session)).or_default();
        let before = held.get(&id.1).map_or(0, |bytes| cost(&id.1, *bytes));
        if value.is_null() {
            held.remove(&id.1);
            self.state_bytes -= before;
            self.states.remove(&id);
            return Ok(());
        }
        let others = held.iter().filter(|(key, _)| **key != id.1);
        let (keys, bytes) = others.fold((0, 0), |(keys, sum), (_, size)| (keys + 1, sum + size));
        let size = Codec::Json.encode(&value).len();
        if keys >= bounds.keys {
            return Err(TooMuchState::Keys);
        }
        if bytes + size > bounds.bytes {
            return Err(TooMuchState::Bytes);
        }
        let after = self.state_bytes - before + cost(&id.1, size);
        if after > bounds.channel_bytes {
            return Err(TooMuchState::Channel);
        }
        self.state_bytes = after;
        held.insert(id.1.clone(), size);
        let item = StateItem {
            session: owner.session.to_string(),
            user: owner.user.to_string(),
            key: id.1.clone(),
            value,
        };
        self.states.set(id, item);
        Ok(())
    }
}

fn cost(key: &str, value_bytes: usize) -> usize {
    key.len() + value_bytes + STATE_BYTES
}

/// How a state that is gone is told.
fn cleared((session, key): &StateKey) -> StateItem {
    StateItem {
        session: session.to_string(),
        user: String::new(),
        key: key.clone(),
        value: Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: StateBounds = StateBounds { keys: 2, bytes: 100, channel_bytes: 1_000 };

    fn ephemera() -> Ephemera {
        let channel = ChannelName::new("project:1").unwrap();
        Ephemera::new(channel, RingBounds { signals: 1, bytes: 1 })
    }

    fn set(
        ephemera: &Ephemera,
        session: &str,
        key: &str,
        value: impl Into<Value>,
    ) -> Result<(), TooMuchState> {
        let who = Subscriber { session: session.into(), user: "ada".into(), name: "Ada".into() };
        ephemera.set_state(&who, key.to_owned(), value.into(), BOUNDS)
    }

    #[test]
    fn a_session_and_a_channel_hold_so_many_bytes_of_state() {
        let ephemera = ephemera();
        assert_eq!(set(&ephemera, "a", "x", "1".repeat(60)), Ok(()));
        assert_eq!(set(&ephemera, "a", "x", "1".repeat(90)), Ok(()), "in the place of the other");
        assert_eq!(set(&ephemera, "a", "y", "1".repeat(60)), Err(TooMuchState::Bytes));
        assert_eq!(set(&ephemera, "a", "y", 1), Ok(()));
        assert_eq!(set(&ephemera, "a", "z", 1), Err(TooMuchState::Keys));
        assert_eq!(set(&ephemera, "b", "x", 1), Ok(()));
        assert_eq!(set(&ephemera, "c", "x", 1), Err(TooMuchState::Channel));
        assert_eq!(set(&ephemera, "b", "x", Value::Null), Ok(()));
        assert_eq!(set(&ephemera, "c", "x", 1), Ok(()));
        ephemera.clear_states(&"a".into());
        assert_eq!(set(&ephemera, "d", "x", 1), Ok(()));
        ephemera.clear_states(&"c".into());
        ephemera.clear_states(&"d".into());
        assert_eq!(ephemera.content.lock().state_bytes, 0);
    }
}
