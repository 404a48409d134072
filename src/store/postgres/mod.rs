//! The store on PostgreSQL 15 and later.
//!
//! # How a change becomes an entry
//! - **Recording** ([`recorder`]): statement triggers, made for each live table, insert what a
//!   statement did into `rowcast.pending`, one row per channel. That is all an outside writer ever
//!   pays for; it takes no lock that a hub could hold.
//! - **Numbering** (`functions.sql`, `number_channels`): under a lock per channel that only hubs
//!   take, the committed records of a channel become entries, one per transaction, ordered by their
//!   greatest record id. A transaction that saw or overwrote another's effect made its last record
//!   after the other had committed, so it comes after it.
//! - **Commits** ([`commit`]): a batch is one call of `commit_batch`, which locks, finds stored
//!   outcomes, applies, numbers (what outsiders left first, then its own) and keeps the outcomes.
//!   [`plan`] groups the operations into few statements; if one fails, the database undoes it and
//!   tries halves, down to the edit that is to blame.
//!
//! The trigger knows the step of the plan that it records for (a setting local to the transaction);
//! the entry keeps which edit touched which row at which step, and [`entry`] puts the two together
//! when the entry is read.
//!
//! Locks are always taken in this order: markers of truncated tables, channels sorted by key, rows.

mod access;
mod accounts;
mod answer;
mod catalogue;
mod commit;
mod connect;
mod entry;
mod erase;
mod examine;
mod failure;
mod history;
mod log;
mod migrate;
mod name;
mod past;
mod place;
mod plan;
mod query;
mod raw;
mod recorder;
mod references;
mod relations;
mod shape;
mod shipped;
mod snapshot;
mod statement;
mod trim;
mod value;
mod watch;
mod watched;

use std::{
    fmt, slice,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use parking_lot::Mutex;
use rowcast_protocol::{ChannelName, Cursor, Epoch, Role, Seq, Value};

pub use connect::PoolSizes;
pub use migrate::{mend, migrate};

use self::connect::Pools;
use super::{
    Appended, Applied, CheckedEdit, Committed, Declarations, EditError, EditLimits, Erased,
    Erasure, Finding, Fitness, Head, LiveSchema, LiveTable, Page, PagePlace, Past, PastEntry,
    Query, ReadAfter, Selected, Standing, Store, StoreError, Trimmed,
    accounts::{AccountStore, Book},
    fold::EntryLimits,
    rebind::Rebound,
    replay,
};

/// How often a batch is begun again because the tables were changed.
const CHANGES: u32 = 4;

/// What may be chosen when a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How much one entry holds.
    pub limits: EntryLimits,
    /// How heavy an edit may be.
    pub edits: EditLimits,
    /// How many connections.
    pub pools: PoolSizes,
    /// Whether every table must be as it is declared, and recorded.
    pub fitness: Fitness,
}

/// Live tables and logs in a PostgreSQL database.
pub struct PostgresStore {
    declarations: Declarations,
    url: String,
    schema: ArcSwap<LiveSchema>,
    /// What the catalogue said of the tables when they were looked at last.
    seen: Mutex<String>,
    /// Whether a batch found the tables other than they are known, or taking them over failed.
    must_look: AtomicBool,
    /// Whether batches have taken long of late.
    is_slow: AtomicBool,
    epoch: Epoch,
    options: Options,
    pools: Pools,
}

/// Opens a database that `migrate` has prepared for these declarations.
///
/// # Errors
/// [`StoreError::Unfit`] if it is foreign, newer, older than 15, or not migrated for these
/// declarations; [`StoreError::Unavailable`] if it cannot be reached.
pub async fn open(
    url: &str,
    declarations: &Declarations,
    options: Options,
) -> Result<PostgresStore, StoreError> {
    let pools = Pools::new(url, options.pools, options.edits.time)?;
    let mut lent = pools.reader().await?;
    let seen = watch::mark(lent.connection(), declarations).await.map_err(failure::store_error)?;
    let fit = migrate::check(lent.connection(), declarations, options.fitness).await?;
    drop(lent);
    Ok(PostgresStore {
        declarations: declarations.clone(),
        url: url.to_owned(),
        seen: Mutex::new(seen),
        must_look: AtomicBool::new(false),
        is_slow: AtomicBool::new(false),
        schema: ArcSwap::from_pointee(fit.schema),
        epoch: Epoch(fit.epoch),
        options,
        pools,
    })
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// A place in a log of this database.
    fn cursor(&self, seq: Option<i64>, tag: Option<i32>) -> Cursor {
        Cursor {
            epoch: self.epoch,
            seq: seq.unwrap_or(0).unsigned_abs(),
            tag: tag.unwrap_or(0).unsigned_abs(),
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn schema(&self) -> Arc<LiveSchema> {
        self.schema.load_full()
    }

    fn lanes(&self) -> usize {
        usize::try_from(self.options.pools.lanes).unwrap_or(1).max(1)
    }

    async fn commit_while(
        &self,
        edits: &[CheckedEdit],
        standing: Standing<'_>,
    ) -> Result<Committed, StoreError> {
        let mut appended = Vec::new();
        for _ in 0..CHANGES {
            let schema = self.schema.load_full();
            let rebound = Rebound::new(edits, &schema);
            match self.commit_edits(&schema, &rebound.edits, standing).await {
                Err(StoreError::Changed) => {
                    self.must_look.store(true, Ordering::Release);
                    appended.extend(self.look_again().await?);
                }
                Err(error) => return Err(error),
                Ok(mut committed) => {
                    appended.append(&mut committed.appended);
                    let mut committed = rebound.complete(Committed { appended, ..committed });
                    replay::add_rows(self, edits, &mut committed.outcomes).await;
                    return Ok(committed);
                }
            }
        }
        Err(StoreError::Changed)
    }

    async fn number(&self) -> Result<Vec<Appended>, StoreError> {
        self.number_pending().await
    }

    async fn refresh(&self) -> Result<Vec<Appended>, StoreError> {
        self.look_again().await
    }

    async fn mend(&self, table: &str) -> Result<Vec<Appended>, StoreError> {
        self.mend_table(table).await
    }

    async fn heads(&self, channels: &[ChannelName]) -> Result<Vec<Head>, StoreError> {
        self.read_heads(channels).await
    }

    async fn read_after(
        &self,
        channel: &ChannelName,
        cursor: Cursor,
        budget: usize,
    ) -> Result<ReadAfter, StoreError> {
        self.read_log(channel, cursor, budget).await
    }

    async fn snapshot_page(
        &self,
        channel: &ChannelName,
        after: Option<PagePlace>,
        rows: u32,
    ) -> Result<Page, StoreError> {
        self.read_page(channel, after, rows).await
    }

    async fn history(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        key: &[Value],
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Past, StoreError> {
        self.read_history(channel, table, key, before, limit).await
    }

    async fn select(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        query: &Query,
    ) -> Result<Selected, StoreError> {
        self.find_rows(channel, table, query).await
    }

    async fn entry(
        &self,
        channel: &ChannelName,
        seq: Seq,
    ) -> Result<Option<PastEntry>, StoreError> {
        self.read_entry(channel, seq).await
    }

    async fn outcome(
        &self,
        edit: &CheckedEdit,
    ) -> Result<Option<Result<Applied, EditError>>, StoreError> {
        let Some(mut outcome) = self.read_outcome(edit).await? else { return Ok(None) };
        let (edits, outcomes) = (slice::from_ref(edit), slice::from_mut(&mut outcome));
        replay::add_rows(self, edits, outcomes).await;
        Ok(Some(outcome))
    }

    async fn roles(
        &self,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<Vec<Option<Role>>, StoreError> {
        self.read_roles(channel, users).await
    }

    async fn person_name(&self, user: &str) -> Result<Option<String>, StoreError> {
        self.read_person_name(user).await
    }

    async fn erase(&self, what: &Erasure) -> Result<Erased, StoreError> {
        self.erase_all(what).await
    }

    async fn trim(
        &self,
        keep_log: Duration,
        keep_outcomes: Duration,
    ) -> Result<Trimmed, StoreError> {
        self.forget(keep_log, keep_outcomes).await
    }

    async fn examine(&self) -> Result<Vec<Finding>, StoreError> {
        self.look_around().await
    }

    fn accounts(self: Arc<Self>) -> Arc<dyn AccountStore> {
        Arc::new(Book(self))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let mut lent = self.pools.writer().await?;
        let sql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean";
        let result = sqlx::query_scalar::<_, bool>(sql).fetch_one(lent.connection()).await;
        if lent.settle(result)? {
            lent.discard();
            return Err(StoreError::ReadOnly("the server is a standby or read-only".to_owned()));
        }
        Ok(())
    }

    async fn close(&self) {
        self.pools.close().await;
    }
}
