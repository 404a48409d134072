//! What a channel carries beside its log and does not store: states, presence, signals.
//!
//! Each has a version that only grows and can be read without the lock, so that a reader with
//! nothing to fetch costs a comparison.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
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
    ring::Ring,
    subscription::Subscriber,
    tail::CodecsInUse,
};

/// A state is somebody's: the session and the key.
type StateKey = (Arc<str>, String);

/// States, presence and signals of one channel on this node.
#[derive(Debug)]
pub struct Ephemera {
    channel: ChannelName,
    content: Mutex<Content>,
    states: AtomicU64,
    presence: AtomicU64,
    signals: AtomicU64,
    /// Signals that are kept for slow readers.
    signals_kept: usize,
}

#[derive(Debug, Default)]
struct Content {
    states: Latest<StateKey, StateItem>,
    people: People,
    ring: Ring,
}

/// How much state one session may hold in a channel.
#[derive(Debug, Clone, Copy)]
pub struct StateBounds {
    /// Keys.
    pub keys: usize,
    /// Bytes of all values, as JSON.
    pub bytes: usize,
}

/// Why a state is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuchState {
    /// Too many keys.
    Keys,
    /// Too many bytes.
    Bytes,
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
    pub fn new(channel: ChannelName, signals_kept: usize) -> Self {
        Self {
            channel,
            content: Mutex::default(),
            states: AtomicU64::new(0),
            presence: AtomicU64::new(0),
            signals: AtomicU64::new(0),
            signals_kept,
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
        let owned: Vec<_> =
            content.states.keys().filter(|(owner, _)| owner == session).cloned().collect();
        for key in owned {
            content.states.remove(&key);
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
        content.ring.push(signal, codecs, self.signals_kept);
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
        if value.is_null() {
            self.states.remove(&id);
            return Ok(());
        }
        let others = |other: &&StateKey| other.0 == id.0 && other.1 != id.1;
        let held: Vec<_> = self.states.keys().filter(others).collect();
        if held.len() >= bounds.keys {
            return Err(TooMuchState::Keys);
        }
        let size = |value: &Value| Codec::Json.encode(value).len();
        let held: usize =
            held.iter().filter_map(|key| self.states.get(key)).map(|held| size(&held.value)).sum();
        if held + size(&value) > bounds.bytes {
            return Err(TooMuchState::Bytes);
        }
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

/// How a state that is gone is told.
fn cleared((session, key): &StateKey) -> StateItem {
    StateItem {
        session: session.to_string(),
        user: String::new(),
        key: key.clone(),
        value: Value::Null,
    }
}
