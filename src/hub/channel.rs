//! One channel on this node: the tail of its log, what it carries beside it, and who follows it,
//! per worker.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use bytes::Bytes;
use parking_lot::Mutex;
use rowcast_protocol::{ChannelName, Codec, Cursor, SignalItem, Value, request::PresenceMode};

use super::{
    Context,
    ephemera::{Ephemera, StateBounds, TooMuchState},
    kept::Kept,
    ring::RingBounds,
    snapshot::Snapshot,
    subscription::{Subscriber, Subscription},
    tail::{Arrival, CodecsInUse, EncodedEntry, Tail},
};
use crate::{
    planted::{self, Bug},
    store::Appended,
};

/// One channel on this node.
#[derive(Debug)]
pub struct Channel {
    name: ChannelName,
    /// What all channels share.
    pub(super) context: Arc<Context>,
    tail: Mutex<Tail>,
    /// The number of the newest entry, to be read without the lock.
    head: AtomicU64,
    ephemera: Ephemera,
    readers: Box<[Readers]>,
    json_readers: AtomicUsize,
    msgpack_readers: AtomicUsize,
    /// The number of the newest change of access that is known here. Subscriptions whose roles were
    /// looked up before are in doubt.
    access_changed: AtomicU64,
    /// Whether somebody looks at everybody's access.
    rechecking: AtomicBool,
    /// Whether a repair is under way.
    pub(super) repairing: AtomicBool,
    /// What was last read back for those who were behind, shared by those who come next.
    pub(super) read_back: tokio::sync::Mutex<Option<(Tail, Kept)>>,
    /// The snapshot last made, shared by those who come next.
    pub(super) snapshot: tokio::sync::Mutex<Option<(Arc<Snapshot>, Kept)>>,
    /// Whether one of these two was of use lately.
    pub(super) reads_used: AtomicBool,
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
        let limits = &context.limits;
        let kept = RingBounds { signals: limits.signals, bytes: limits.signal_bytes };
        let ephemera = Ephemera::new(name.clone(), kept);
        Self {
            name,
            context,
            tail: Mutex::new(tail),
            head: AtomicU64::new(head.seq),
            ephemera,
            readers,
            json_readers: AtomicUsize::new(0),
            msgpack_readers: AtomicUsize::new(0),
            access_changed: AtomicU64::new(0),
            rechecking: AtomicBool::new(false),
            repairing: AtomicBool::new(false),
            read_back: tokio::sync::Mutex::default(),
            snapshot: tokio::sync::Mutex::default(),
            reads_used: AtomicBool::new(false),
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

    /// What it carries beside the log.
    #[must_use]
    pub fn ephemera(&self) -> &Ephemera {
        &self.ephemera
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

    /// Takes a subscription out that nobody has heard of yet.
    pub fn withdraw(&self, subscription: &Arc<Subscription>) {
        subscription.end();
        self.detach(subscription);
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

    /// Puts a subscription that has entered in the place of another of the same session. Presence and
    /// states stay, unless the new one is not to be seen.
    pub fn replace(self: &Arc<Self>, old: &Arc<Subscription>, new: &Subscription) {
        old.end();
        let has_state = old.has_state.load(Ordering::Acquire);
        new.has_state.store(has_state, Ordering::Release);
        let unseen = new.presence != PresenceMode::Join && old.presence == PresenceMode::Join;
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

    // --- who may -----------------------------------------------------------------------------

    /// The number of the newest change of access that is known here.
    #[must_use]
    pub fn access_changed(&self) -> u64 {
        self.access_changed.load(Ordering::Acquire)
    }

    /// Puts everybody in doubt whose role was looked up before the change with this number.
    pub fn doubt_access(&self, change: u64) {
        self.access_changed.fetch_max(change, Ordering::AcqRel);
    }

    /// Whether somebody looks at everybody's access, to be set by whoever does.
    #[must_use]
    pub fn rechecking(&self) -> &AtomicBool {
        &self.rechecking
    }

    // --- the log -----------------------------------------------------------------------------

    /// Takes entries that were numbered, here or elsewhere.
    pub fn append(self: &Arc<Self>, appended: &Appended) -> Arrival {
        let codecs = self.codecs();
        let entries =
            appended.entries.iter().map(|entry| EncodedEntry::new(entry, codecs)).collect();
        let (arrival, is_other) = self.with_tail(|tail| {
            let is_other = tail.head().epoch != appended.epoch;
            (tail.append(appended.epoch, entries), is_other)
        });
        if is_other {
            // What was before in this history is not known here.
            self.context.access_changed(&self.name, Some(self));
        }
        if arrival != Arrival::Known {
            self.mark_dirty();
        }
        arrival
    }

    /// Learns the head of the log from the store, when nothing lies between it and a reader.
    pub(super) fn meet_head(self: &Arc<Self>, head: Cursor) {
        let (is_other, is_behind) = self.with_tail(|tail| {
            let ours = tail.head();
            // Another history, or a tail that began without knowing the tag of its beginning.
            let is_other =
                head.epoch != ours.epoch || (head.seq == ours.seq && head.tag != ours.tag);
            if is_other {
                *tail = Tail::new(head, self.context.limits.tail_bytes);
            }
            (is_other, tail.head().seq < head.seq)
        });
        if is_other {
            self.context.access_changed(&self.name, Some(self));
        }
        if is_behind {
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

    /// Forgets what was read for others, unless it was of use since the last time.
    pub(super) fn forget_unused_reads(&self) {
        if self.reads_used.swap(false, Ordering::AcqRel) {
            return;
        }
        // Whoever holds one of these is using it.
        if let Ok(mut read_back) = self.read_back.try_lock() {
            *read_back = None;
        }
        if let Ok(mut snapshot) = self.snapshot.try_lock() {
            *snapshot = None;
        }
    }

    /// Room for something that was read for one and may serve others.
    pub(super) fn keeps(&self, bytes: usize) -> Option<Kept> {
        self.reads_used.store(true, Ordering::Release);
        Kept::take(&self.context.read_bytes, bytes)
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
        self.ephemera.set_state(owner, key, value, bounds)?;
        self.mark_dirty();
        Ok(())
    }

    fn clear_states(self: &Arc<Self>, session: &Arc<str>) {
        self.ephemera.clear_states(session);
        self.mark_dirty();
    }

    /// A device of a person appears, or tells something new of itself.
    pub fn join(self: &Arc<Self>, who: &Subscriber, meta: Value) {
        self.ephemera.change_people(|people| people.join(who, meta));
        self.mark_dirty();
    }

    fn part(self: &Arc<Self>, who: &Subscriber) {
        self.ephemera.change_people(|people| people.part(who));
        self.mark_dirty();
    }

    /// Says something to whoever is there now.
    pub fn signal(self: &Arc<Self>, signal: &SignalItem) {
        self.ephemera.signal(signal, self.codecs());
        self.mark_dirty();
    }
}
