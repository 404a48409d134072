//! One channel on this node: the tail of its log, its states, presence and signals, and who
//! follows it, per worker.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use bytes::Bytes;
use parking_lot::Mutex;
use rowcast_protocol::{
    ChannelName, Codec, Cursor, News, SignalItem, StateItem, Value,
    news::{Missed, Presence},
    request::PresenceMode,
};

use super::{
    Context,
    frame::{ListFrames, ListKind, message_frames, push_message},
    latest::{Latest, Version},
    people::People,
    ring::Ring,
    snapshot::Snapshot,
    subscription::{Subscriber, Subscription},
    tail::{Arrival, CodecsInUse, EncodedEntry, Tail},
};
use crate::{
    planted::{self, Bug},
    store::Appended,
};

/// A state is somebody's: the session and the key.
type StateKey = (Arc<str>, String);

/// One channel on this node.
#[derive(Debug)]
pub struct Channel {
    name: ChannelName,
    /// What all channels share.
    pub(super) context: Arc<Context>,
    tail: Mutex<Tail>,
    /// The number of the newest entry, to be read without the lock.
    head: AtomicU64,
    live: Mutex<Ephemera>,
    states: AtomicU64,
    presence: AtomicU64,
    signals: AtomicU64,
    readers: Box<[Readers]>,
    json_readers: AtomicUsize,
    msgpack_readers: AtomicUsize,
    /// Whether a repair is under way.
    pub(super) repairing: AtomicBool,
    /// What was last read back for those who were behind, shared by those who come next.
    pub(super) read_back: tokio::sync::Mutex<Option<Tail>>,
    /// The snapshot last made, shared by those who come next.
    pub(super) snapshot: tokio::sync::Mutex<Option<Arc<Snapshot>>>,
}

#[derive(Debug, Default)]
struct Ephemera {
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

impl Ephemera {
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

/// Those who follow a channel on one worker.
#[derive(Debug, Default)]
pub struct Readers {
    dirty: AtomicBool,
    /// How many there are, to be read without the lock.
    count: AtomicUsize,
    list: Mutex<Vec<Arc<Subscription>>>,
}

impl Readers {
    /// Calls `visit` with each. Nothing that is called may come back here.
    pub fn each(&self, mut visit: impl FnMut(&Arc<Subscription>)) {
        for subscription in self.list.lock().iter() {
            visit(subscription);
        }
    }

    /// Takes the dirty mark away.
    pub fn clean(&self) {
        self.dirty.store(false, Ordering::Release);
    }
}

impl Channel {
    /// A channel whose log stands at `head`.
    #[must_use]
    pub fn new(name: ChannelName, head: Cursor, context: Arc<Context>) -> Self {
        let readers = context.flushers.iter().map(|_| Readers::default()).collect();
        let tail = Tail::new(head, context.limits.tail_bytes);
        Self {
            name,
            context,
            tail: Mutex::new(tail),
            head: AtomicU64::new(head.seq),
            live: Mutex::default(),
            states: AtomicU64::new(0),
            presence: AtomicU64::new(0),
            signals: AtomicU64::new(0),
            readers,
            json_readers: AtomicUsize::new(0),
            msgpack_readers: AtomicUsize::new(0),
            repairing: AtomicBool::new(false),
            read_back: tokio::sync::Mutex::default(),
            snapshot: tokio::sync::Mutex::default(),
        }
    }

    /// The channel's name.
    #[must_use]
    pub fn name(&self) -> &ChannelName {
        &self.name
    }

    /// The place after the newest entry known here.
    #[must_use]
    pub fn head(&self) -> Cursor {
        self.tail.lock().head()
    }

    /// Bytes of the newest entries in memory.
    #[must_use]
    pub fn tail_bytes(&self) -> usize {
        self.tail.lock().bytes()
    }

    /// Counts what was written to readers.
    pub(super) fn count_delivered(&self, entries: u64, bytes: u64) {
        self.context.metrics.deliveries.inc_by(entries);
        self.context.metrics.delivered_bytes.inc_by(bytes);
    }

    /// The number of the newest entry known here, without the lock.
    #[must_use]
    pub fn head_seq(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// The newest places of what is not stored.
    #[must_use]
    pub fn ephemeral(&self) -> EphemeralHeads {
        EphemeralHeads {
            states: self.states.load(Ordering::Acquire),
            presence: self.presence.load(Ordering::Acquire),
            signals: self.signals.load(Ordering::Acquire),
        }
    }

    /// The number of the next signal.
    #[must_use]
    pub fn next_signal(&self) -> u64 {
        self.signals.load(Ordering::Acquire)
    }

    // --- who follows -------------------------------------------------------------------------

    /// Those who follow it on one worker.
    #[must_use]
    pub fn readers(&self, worker: usize) -> &Readers {
        // A worker's index is below the number of workers, so the remainder changes nothing.
        #[expect(clippy::indexing_slicing, reason = "the remainder is in range")]
        &self.readers[worker % self.readers.len()]
    }

    /// Adds a subscription.
    pub fn enter(&self, subscription: Arc<Subscription>) {
        self.codec_readers(subscription.socket.codec).fetch_add(1, Ordering::AcqRel);
        self.context.metrics.subscriptions.inc();
        let readers = self.readers(subscription.socket.worker());
        readers.count.fetch_add(1, Ordering::AcqRel);
        readers.list.lock().push(subscription);
    }

    /// Takes a subscription out, with its presence and its states. Once; again does nothing.
    pub fn leave(self: &Arc<Self>, subscription: &Arc<Subscription>) {
        if !self.detach(subscription) {
            return;
        }
        if subscription.presence == PresenceMode::Join {
            self.part(&subscription.subscriber);
        }
        if subscription.has_state.load(Ordering::Acquire) && !planted::is(Bug::StateStays) {
            self.clear_states(&subscription.subscriber.session);
        }
    }

    /// Puts a subscription of the same session in another's place. Presence and states stay, unless
    /// the new one is not to be seen.
    pub fn replace(self: &Arc<Self>, old: &Arc<Subscription>, new: Arc<Subscription>) {
        let has_state = old.has_state.load(Ordering::Acquire);
        new.has_state.store(has_state, Ordering::Release);
        let unseen = new.presence != PresenceMode::Join && old.presence == PresenceMode::Join;
        self.enter(new);
        if self.detach(old) && unseen {
            self.part(&old.subscriber);
        }
    }

    /// Whether it was among the readers, where it is no more.
    fn detach(&self, subscription: &Arc<Subscription>) -> bool {
        let readers = self.readers(subscription.socket.worker());
        let found = {
            let mut list = readers.list.lock();
            let place = list.iter().position(|other| Arc::ptr_eq(other, subscription));
            place.map(|place| list.swap_remove(place)).is_some()
        };
        if found {
            readers.count.fetch_sub(1, Ordering::AcqRel);
            self.codec_readers(subscription.socket.codec).fetch_sub(1, Ordering::AcqRel);
            self.context.metrics.subscriptions.dec();
        }
        found
    }

    /// Everybody who follows it here.
    #[must_use]
    pub fn everybody(&self) -> Vec<Arc<Subscription>> {
        let mut all = Vec::new();
        for readers in &self.readers {
            all.extend(readers.list.lock().iter().cloned());
        }
        all
    }

    /// Whether somebody follows it here.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.codecs() != CodecsInUse { json: false, msgpack: false }
    }

    fn codec_readers(&self, codec: Codec) -> &AtomicUsize {
        match codec {
            Codec::Json => &self.json_readers,
            Codec::MsgPack => &self.msgpack_readers,
        }
    }

    /// The codecs that somebody here uses.
    #[must_use]
    pub fn codecs(&self) -> CodecsInUse {
        CodecsInUse {
            json: self.json_readers.load(Ordering::Acquire) > 0,
            msgpack: self.msgpack_readers.load(Ordering::Acquire) > 0,
        }
    }

    /// Tells every worker that has readers here that there is something new.
    pub fn mark_dirty(self: &Arc<Self>) {
        for (worker, readers) in self.readers.iter().enumerate() {
            if readers.count.load(Ordering::Acquire) > 0 {
                self.mark_dirty_for(worker);
            }
        }
    }

    /// Tells one worker.
    pub fn mark_dirty_for(self: &Arc<Self>, worker: usize) {
        if !self.readers(worker).dirty.swap(true, Ordering::AcqRel)
            && let Some(flusher) = self.context.flushers.get(worker)
        {
            flusher.schedule_channel(Arc::clone(self));
        }
    }

    // --- the log -----------------------------------------------------------------------------

    /// Takes entries that were numbered, here or elsewhere.
    pub fn append(self: &Arc<Self>, appended: &Appended) -> Arrival {
        let codecs = self.codecs();
        let entries =
            appended.entries.iter().map(|entry| EncodedEntry::new(entry, codecs)).collect();
        let arrival = {
            let mut tail = self.tail.lock();
            let arrival = tail.append(appended.epoch, entries);
            self.head.store(tail.head().seq, Ordering::Release);
            arrival
        };
        if arrival != Arrival::Known {
            self.mark_dirty();
        }
        arrival
    }

    /// Learns the head of the log from the store, when nothing lies between it and a reader.
    pub(super) fn meet_head(self: &Arc<Self>, head: Cursor) {
        let behind = self.with_tail(|tail| {
            let ours = tail.head();
            if head.epoch != ours.epoch || (head.seq == ours.seq && head.tag != ours.tag) {
                // Another history, or a tail that began without knowing the tag of its beginning.
                *tail = Tail::new(head, self.context.limits.tail_bytes);
            }
            tail.head().seq < head.seq
        });
        if behind {
            super::repair::spawn(Arc::clone(self));
        }
    }

    /// Works on the tail.
    pub(super) fn with_tail<R>(&self, work: impl FnOnce(&mut Tail) -> R) -> R {
        let mut tail = self.tail.lock();
        let result = work(&mut tail);
        self.head.store(tail.head().seq, Ordering::Release);
        result
    }

    /// The frames after a cursor and the place after them; `None`: not all in the tail.
    #[must_use]
    pub fn log_after(&self, cursor: Cursor, codec: Codec) -> Option<(Bytes, Cursor)> {
        self.tail.lock().batch_after(cursor, codec, &self.name)
    }

    // --- state, presence, signals ------------------------------------------------------------

    /// Sets or clears (null) a state of a session.
    ///
    /// # Errors
    /// If the session would hold more than it may. Nothing has changed then.
    pub fn set_state(
        self: &Arc<Self>,
        owner: &Subscriber,
        key: String,
        value: Value,
        bounds: StateBounds,
    ) -> Result<(), TooMuchState> {
        {
            let mut live = self.live.lock();
            live.set_state(owner, key, value, bounds)?;
            self.states.store(live.states.version(), Ordering::Release);
        }
        self.mark_dirty();
        Ok(())
    }

    fn clear_states(self: &Arc<Self>, session: &Arc<str>) {
        {
            let mut live = self.live.lock();
            let owned: Vec<_> =
                live.states.keys().filter(|(owner, _)| owner == session).cloned().collect();
            for key in owned {
                live.states.remove(&key);
            }
            self.states.store(live.states.version(), Ordering::Release);
        }
        self.mark_dirty();
    }

    /// A device of a person appears, or tells something new of itself.
    pub fn join(self: &Arc<Self>, who: &Subscriber, meta: Value) {
        self.change_people(|people| people.join(who, meta));
    }

    fn part(self: &Arc<Self>, who: &Subscriber) {
        self.change_people(|people| people.part(who));
    }

    fn change_people(self: &Arc<Self>, change: impl FnOnce(&mut People)) {
        {
            let mut live = self.live.lock();
            change(&mut live.people);
            self.presence.store(live.people.version(), Ordering::Release);
        }
        self.mark_dirty();
    }

    /// Says something to whoever is there now.
    pub fn signal(self: &Arc<Self>, signal: &SignalItem) {
        {
            let mut live = self.live.lock();
            live.ring.push(signal, self.codecs(), self.context.limits.signals);
            self.signals.store(live.ring.next(), Ordering::Release);
        }
        self.mark_dirty();
    }

    /// The frames with the states that changed after a version, and the newest version.
    #[must_use]
    pub fn states_after(&self, version: Version, codec: Codec) -> (Bytes, Version) {
        let live = self.live.lock();
        let changes = live.states.after(version);
        let mut items: Vec<Bytes> =
            changes.present.iter().map(|(_, state)| codec.encode(state)).collect();
        items.extend(changes.removed.iter().map(|(session, key)| {
            codec.encode(&StateItem {
                session: session.to_string(),
                user: String::new(),
                key: key.clone(),
                value: Value::Null,
            })
        }));
        let mut frames = ListFrames::new(codec, ListKind::States, &self.name).full(changes.full);
        for item in &items {
            frames.push(item, None);
        }
        (frames.finish(None), live.states.version())
    }

    /// The frames with the people who came, changed or left after a version, and the newest version.
    #[must_use]
    pub fn presence_after(&self, version: Version, codec: Codec) -> (Bytes, Version) {
        let live = self.live.lock();
        let (full, here, left) = live.people.after(version);
        let news = News::Presence(Presence { channel: self.name.clone(), full, here, left });
        (message_frames(codec, &codec.encode(&news)), live.people.version())
    }

    /// The frames with the signals from a number on, and the next number.
    #[must_use]
    pub fn signals_from(&self, number: u64, codec: Codec) -> (Bytes, u64) {
        let live = self.live.lock();
        let mut out = Vec::new();
        let missed = live.ring.missed(number);
        if missed > 0 {
            let news = News::Missed(Missed { channel: self.name.clone(), signals: missed });
            push_message(&mut out, codec, &codec.encode(&news));
        }
        let mut frames = ListFrames::new(codec, ListKind::Signals, &self.name);
        for signal in live.ring.from(number, codec) {
            frames.push(signal, None);
        }
        out.extend_from_slice(&frames.finish(None));
        (out.into(), live.ring.next())
    }
}
