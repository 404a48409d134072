//! The hub: what flows from logs to sockets on this node.
//!
//! A channel exists here while somebody follows it. [`Hub::append`] is the one way in for entries,
//! whoever numbered them; [`flush`] is the one way out. The hub names neither axum nor a database;
//! what it needs from the store it asks through the contract.
//!
//! Reading order: [`channel`], [`tail`], [`subscription`], [`socket`], [`flush`], [`catchup`].

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use dashmap::DashMap;
use rowcast_protocol::{Change, ChannelName, Entry, ErrorCode, Seq};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::task::TaskTracker;

use crate::{
    metrics::Metrics,
    planted,
    store::{Appended, NamedRow, Past, Store, StoreError, StoredEntry, declaration::AccessRule},
};

pub mod admission;
pub mod batches;
pub mod catchup;
pub mod census;
pub mod channel;
pub mod clock;
pub mod ephemera;
pub mod flush;
pub mod frame;
pub mod kept;
pub mod latest;
pub mod people;
mod repair;
pub mod ring;
pub mod snapshot;
pub mod socket;
pub mod subscription;
pub mod tail;

use admission::Admission;
pub use channel::Channel;
pub use flush::Flusher;
pub use socket::{Holder, Socket};
pub use subscription::{Subscriber, Subscription};

/// How long a log is looked through for a row before the answer says where to go on.
const LOOKING: Duration = Duration::from_secs(5);

/// Pages of snapshots that are read at a time: not so many that nothing is left of a store's readers
/// for what is live.
const PAGES_AT_ONCE: usize = 2;

/// How much memory a channel may use.
#[derive(Debug, Clone, Copy)]
pub struct HubLimits {
    /// Bytes of encoded entries per channel.
    pub tail_bytes: usize,
    /// Signals kept per channel.
    pub signals: usize,
    /// Bytes of the signals kept per channel.
    pub signal_bytes: usize,
    /// Snapshots that are sent at a time.
    pub snapshots: usize,
    /// Snapshots that wait for others.
    pub snapshots_waiting: usize,
}

/// Told when the rows that grant access to a channel changed.
pub trait AccessWatcher: Send + Sync + 'static {
    /// Whatever is remembered of roles in this channel counts no more, and whoever follows it here
    /// must be looked at again.
    fn access_changed(&self, name: &ChannelName, channel: Option<&Arc<Channel>>);
}

/// What all channels share.
pub struct Context {
    /// Where logs are read back from.
    pub store: Arc<dyn Store>,
    /// Bounds on memory.
    pub limits: HubLimits,
    /// Whose snapshot is sent now.
    admission: Admission,
    /// Pages of snapshots that may be read now.
    pages: Semaphore,
    /// Bytes that channels keep of what was read for others.
    read_bytes: Arc<AtomicUsize>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Tasks that a shutdown waits for.
    pub tracker: TaskTracker,
    /// One per worker.
    pub flushers: Vec<Arc<Flusher>>,
    /// Who re-checks access.
    pub watcher: std::sync::OnceLock<Arc<dyn AccessWatcher>>,
    /// Tables whose changes grant or take access, with their kind of channel.
    access_tables: HashSet<(String, String)>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Context {
    /// Has access looked at again if one of these entries may have changed it.
    fn look_at_access(&self, appended: &Appended, channel: Option<&Arc<Channel>>) {
        let kind = appended.channel.kind();
        if appended.entries.iter().any(|stored| self.touches_access(kind, &stored.entry)) {
            self.access_changed(&appended.channel, channel);
        }
    }

    fn access_changed(&self, name: &ChannelName, channel: Option<&Arc<Channel>>) {
        if let Some(watcher) = self.watcher.get() {
            watcher.access_changed(name, channel);
        }
    }

    fn touches_access(&self, kind: &str, entry: &Entry) -> bool {
        let grants =
            |table: &str| self.access_tables.iter().any(|(of, name)| of == kind && name == table);
        entry.reset.iter().any(|table| grants(table))
            || entry.changes.iter().any(|change| grants(table_of(change)))
    }
}

fn table_of(change: &Change) -> &str {
    match change {
        Change::Insert(row) | Change::Enter(row) => &row.table,
        Change::Update(fields) => &fields.table,
        Change::Delete(key) | Change::Leave(key) => &key.table,
    }
}

/// The channels of this node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    context: Arc<Context>,
    channels: Arc<DashMap<ChannelName, Arc<Channel>>>,
}

impl Hub {
    /// A hub without channels, for these workers.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        limits: HubLimits,
        metrics: Arc<Metrics>,
        tracker: TaskTracker,
        flushers: Vec<Arc<Flusher>>,
    ) -> Self {
        let access_tables = access_tables(&store);
        let watcher = std::sync::OnceLock::new();
        let admission = Admission::new(limits.snapshots, limits.snapshots_waiting);
        let read_bytes = Arc::default();
        let context = Context {
            store,
            limits,
            admission,
            pages: Semaphore::new(PAGES_AT_ONCE),
            read_bytes,
            metrics,
            tracker,
            flushers,
            watcher,
            access_tables,
        };
        Self { context: Arc::new(context), channels: Arc::default() }
    }

    /// Names who re-checks access. Once.
    pub fn watch_access(&self, watcher: Arc<dyn AccessWatcher>) {
        // A second watcher would be a mistake of the caller; the first one stays.
        let _ = self.context.watcher.set(watcher);
    }

    /// When somebody on this socket who wants a snapshot must come back; `None`: now is right.
    #[must_use]
    pub fn come_back_in(&self, socket: &Socket) -> Option<Duration> {
        self.context.admission.come_back_in(socket.worker_late())
    }

    /// The channel, which stays at least while it is held.
    ///
    /// # Errors
    /// If it is not open yet and the store cannot be read.
    pub async fn open(&self, name: &ChannelName) -> Result<Arc<Channel>, StoreError> {
        if let Some(channel) = self.get(name) {
            return Ok(channel);
        }
        let heads = self.context.store.heads(std::slice::from_ref(name)).await?;
        let head = heads
            .first()
            .map(|head| head.cursor)
            .ok_or_else(|| StoreError::Failed(format!("the store knows no head for `{name}`")))?;
        let made = || Arc::new(Channel::new(name.clone(), head, Arc::clone(&self.context)));
        let channel = Arc::clone(self.channels.entry(name.clone()).or_insert_with(made).value());
        self.count_channels();
        // Entries may have been numbered between the read and the insertion.
        repair::spawn(Arc::clone(&channel));
        Ok(channel)
    }

    /// The channel, if somebody follows it or did lately.
    #[must_use]
    pub fn get(&self, name: &ChannelName) -> Option<Arc<Channel>> {
        self.channels.get(name).map(|channel| Arc::clone(channel.value()))
    }

    /// The past of a row within a channel's log, newest first: a page, or, where the log is long and
    /// tells little of the row, where to go on.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn history(
        &self,
        channel: &ChannelName,
        row: &NamedRow,
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Past, StoreError> {
        let store = &self.context.store;
        let (began, mut before) = (Instant::now(), before);
        loop {
            let past = store.history(channel, &row.table, &row.key, before, limit).await?;
            if past.next.is_none() || !past.changes.is_empty() || began.elapsed() > LOOKING {
                return Ok(past);
            }
            before = past.next;
        }
    }

    /// Takes entries that were numbered. If nobody here follows the channel, they count only for what
    /// is remembered of people's roles in it.
    pub fn append(&self, appended: &Appended) {
        self.context.metrics.entries.inc_by(appended.entries.len() as u64);
        if appended.entries.first().is_some_and(|first| planted::loses_news(first.entry.seq)) {
            return;
        }
        match self.get(&appended.channel) {
            Some(channel) => channel.take(appended),
            None => self.context.look_at_access(appended, None),
        }
        self.look_at_those_without_logs(appended);
    }

    /// A table that was emptied is told as resets in the logs of its kind of channels. Those that have
    /// no log are not told.
    fn look_at_those_without_logs(&self, appended: &Appended) {
        let kind = appended.channel.kind();
        let resets = |stored: &StoredEntry| {
            !stored.entry.reset.is_empty() && self.context.touches_access(kind, &stored.entry)
        };
        if appended.entries.iter().any(resets) {
            for channel in self.without_logs().iter().filter(|of| of.name().kind() == kind) {
                self.context.access_changed(channel.name(), Some(channel));
            }
        }
    }

    fn without_logs(&self) -> Vec<Arc<Channel>> {
        let channels = self.channels.iter().map(|channel| Arc::clone(channel.value()));
        channels.filter(|channel| channel.head_seq() == 0).collect()
    }

    /// Forgets the channels that nobody follows any more, and what was read for those who were
    /// behind in the others, if it is of no use.
    pub fn sweep(&self) {
        self.channels.retain(|_, channel| channel.is_followed() || Arc::strong_count(channel) > 1);
        self.channels.iter().for_each(|channel| channel.forget_unused_reads());
        self.count_channels();
    }

    fn count_channels(&self) {
        self.context.metrics.channels.set(self.channels.len().try_into().unwrap_or(i64::MAX));
    }

    /// Has whoever follows a channel that has no log begin again: no entry can tell them that what
    /// they hold is void.
    pub fn begin_again_without_logs(&self) {
        for subscription in self.without_logs().iter().flat_map(|channel| channel.everybody()) {
            let words = "the tables have changed; subscribe again";
            subscription.remove(ErrorCode::Busy, words);
        }
    }

    /// The names of the channels that are open here.
    #[must_use]
    pub fn open_channels(&self) -> Vec<ChannelName> {
        self.channels.iter().map(|channel| channel.key().clone()).collect()
    }

    /// Compares the heads of the open channels with the store's, and reads what is missing. A
    /// safety net: entries that another process numbered, or a message that was lost.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn check_heads(&self, page: usize) -> Result<(), StoreError> {
        for names in self.open_channels().chunks(page.max(1)) {
            for head in self.context.store.heads(names).await? {
                if let Some(channel) = self.get(&head.channel)
                    && (channel.head_seq() < head.cursor.seq
                        || channel.head().epoch != head.cursor.epoch)
                {
                    repair::spawn(channel);
                }
            }
            tokio::time::sleep(Duration::ZERO).await;
        }
        Ok(())
    }
}

impl Channel {
    /// Appends, fills holes, and has access looked at again where it may have changed.
    fn take(self: &Arc<Self>, appended: &Appended) {
        if self.append(appended) == tail::Arrival::Hole {
            repair::spawn(Arc::clone(self));
        }
        self.context.look_at_access(appended, Some(self));
    }
}

fn access_tables(store: &Arc<dyn Store>) -> HashSet<(String, String)> {
    let members = |rule: &AccessRule| match rule {
        AccessRule::Members(members) => Some(members.table.clone()),
        AccessRule::Own(_) => None,
    };
    let access = &store.schema().access;
    access.iter().filter_map(|access| Some((access.kind.clone(), members(&access.rule)?))).collect()
}
