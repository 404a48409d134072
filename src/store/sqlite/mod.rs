//! The store on SQLite: one file, one writer.
//!
//! - **One writer.** All writes of the hub go through one connection, on a thread of its own, in
//!   transactions that begin with `BEGIN IMMEDIATE`. Reads have connections of their own and never
//!   wait for it (WAL).
//! - **Recording** is the triggers' work ([`triggers`]); they copy values into `rowcast_pending`
//!   and do nothing else. What stands there when the hub begins a transaction is an outsider's, what
//!   is added later is the hub's own, so the triggers need no context row to tell who did what.
//! - **Numbering** is the last step of every transaction of the hub: first what outsiders left
//!   ([`outside`]; of a long [`backlog`] only what concerns its channels), then its own ([`own`]).
//! - **Nothing is open when nothing runs.** If a caller goes away in the middle, the transaction is
//!   rolled back before the next one begins.
//!
//! Reading order: [`commit`], [`attempt`], [`transaction`], [`apply`], [`sets`], [`log`]; then [`read`] and
//! [`page`].

use std::{path::Path, slice, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use rowcast_protocol::{ChannelName, Cursor, Role, Seq, Value};
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use tokio::sync::Mutex;

use self::{
    connection::{Connection, store_error},
    facts::Facts,
    reload::Reload,
    writer::{Turn, Writer},
};
use super::{
    Appended, Applied, CheckedEdit, Committed, EditError, EditLimits, Erased, Erasure, Finding,
    Fitness, Head, LiveSchema, LiveTable, Page, PagePlace, Past, PastEntry, Query, ReadAfter,
    Selected, Standing, Store, Trimmed,
    accounts::{AccountStore, Book},
    build::{fitting_schema, live_schema},
    declaration::Declarations,
    error::StoreError,
    fold::EntryLimits,
    rebind::Rebound,
    replay,
};

mod access;
mod accounts;
mod apply;
mod arithmetic;
mod assign;
mod attempt;
mod backlog;
mod catalogue;
mod check;
mod commit;
mod connection;
mod constraint;
mod erase;
mod examine;
mod facts;
mod history;
mod log;
mod migrate;
mod outcomes;
mod outside;
mod own;
mod page;
mod past;
mod place;
mod query;
mod raw;
mod read;
mod records;
mod references;
mod reload;
mod replaced;
mod row;
mod sets;
mod spelled;
#[cfg(test)]
mod tests;
mod tokens;
mod transaction;
mod triggers;
mod trim;
mod unique;
mod values_list;
mod writer;

pub use migrate::{mend, migrate};

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How much one entry holds.
    pub limits: EntryLimits,
    /// How heavy an edit may be.
    pub edits: EditLimits,
    /// How long a write waits for somebody else's before it fails with `busy`.
    pub busy_timeout: Duration,
    /// Connections that read.
    pub readers: u32,
    /// Whether every table must be as it is declared, and recorded.
    pub fitness: Fitness,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: EntryLimits::default(),
            edits: EditLimits::default(),
            busy_timeout: Duration::from_secs(5),
            readers: 4,
            fitness: Fitness::default(),
        }
    }
}

/// Rows that a reading connection prepares before they are asked for. One may have a megabyte.
const READ_AHEAD: usize = 8;

/// How often a batch is begun again because the tables were changed.
const CHANGES: u32 = 4;

/// A store on a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    declarations: Declarations,
    facts: ArcSwap<Facts>,
    /// `None` once the store is closed.
    writer: Mutex<Option<Writer>>,
    readers: SqlitePool,
    /// For questions of people, which may take long and have a deadline.
    askers: SqlitePool,
}

/// Opens a database that [`migrate()`] has prepared for these declarations.
///
/// # Errors
/// [`StoreError::Unfit`] if it is not there, not prepared, newer, or, unless it is opened as it is,
/// prepared for other declarations; other errors if it cannot be opened.
pub async fn open(
    path: &Path,
    declarations: &Declarations,
    options: Options,
) -> Result<SqliteStore, StoreError> {
    if !path.exists() {
        let words = format!("there is no database {}; run `rowcast migrate`", path.display());
        return Err(StoreError::Unfit(words));
    }
    connection::refuse_foreign(path)?;
    let write = connection::writer_options(path, options.busy_timeout);
    let mut connection = Connection::open(&write).await?;
    let facts = load(&mut connection, declarations, options).await;
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => {
            connection.close().await;
            return Err(error);
        }
    };
    let read = connection::reader_options(path, options.busy_timeout).row_buffer_size(READ_AHEAD);
    let readers = SqlitePoolOptions::new()
        .max_connections(options.readers)
        .min_connections(1)
        .test_before_acquire(false)
        .connect_with(read.clone())
        .await
        .map_err(store_error)?;
    let askers = SqlitePoolOptions::new()
        .max_connections(options.readers.div_ceil(2))
        .test_before_acquire(false)
        .connect_lazy_with(read);
    let writer = Mutex::new(Some(Writer::new(connection, options.busy_timeout)));
    let (declarations, facts) = (declarations.clone(), ArcSwap::from_pointee(facts));
    Ok(SqliteStore { declarations, facts, writer, readers, askers })
}

async fn load(
    connection: &mut Connection,
    declarations: &Declarations,
    options: Options,
) -> Result<Facts, StoreError> {
    migrate::refuse_unfit(connection).await?;
    let catalogue = catalogue::tables(connection, declarations).await?;
    if options.fitness == Fitness::AsIs {
        let schema = fitting_schema(declarations, &catalogue);
        return Facts::load(connection, schema, options.limits, options.edits).await;
    }
    let schema = live_schema(declarations, &catalogue)?;
    let present = migrate::present(connection).await?;
    for table in &schema.tables {
        let expected = migrate::expected_of(connection, table).await?;
        if expected.iter().any(|trigger| !present.contains(trigger)) {
            return Err(migrate::not_recorded(&table.name));
        }
    }
    Facts::load(connection, schema, options.limits, options.edits).await
}

impl SqliteStore {
    /// What is known of the database at present.
    fn facts(&self) -> Arc<Facts> {
        self.facts.load_full()
    }

    /// Takes over the tables as they are now.
    async fn reload(
        &self,
        turn: &mut Turn<'_>,
        mend: &[String],
    ) -> Result<Vec<Appended>, StoreError> {
        let before = self.facts();
        let reload = Reload {
            declarations: &self.declarations,
            limits: before.limits,
            edits: before.edits,
            before: Some(&before.schema),
            mend,
            strict: false,
        };
        let writer = turn.writer()?;
        let (facts, appended) = reload.run(&mut writer.connection).await?;
        writer.look_again();
        self.facts.store(Arc::new(facts));
        Ok(appended)
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn schema(&self) -> Arc<LiveSchema> {
        Arc::clone(&self.facts.load().schema)
    }

    fn lanes(&self) -> usize {
        1
    }

    async fn commit_while(
        &self,
        edits: &[CheckedEdit],
        standing: Standing<'_>,
    ) -> Result<Committed, StoreError> {
        let mut turn = Turn::of(&self.writer).await?;
        let mut appended = Vec::new();
        for _ in 0..CHANGES {
            let facts = self.facts();
            let rebound = Rebound::new(edits, &facts.schema);
            match turn.writer()?.commit(&facts, &rebound.edits, standing).await {
                Err(StoreError::Changed) => appended.extend(self.reload(&mut turn, &[]).await?),
                Err(error) => {
                    turn.end();
                    return Err(error);
                }
                Ok(mut committed) => {
                    turn.end();
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
        let mut turn = Turn::of(&self.writer).await?;
        let mut appended = Vec::new();
        for _ in 0..CHANGES {
            match turn.writer()?.number(&self.facts()).await {
                Err(StoreError::Changed) => appended.extend(self.reload(&mut turn, &[]).await?),
                Err(error) => {
                    turn.end();
                    return Err(error);
                }
                Ok(numbered) => {
                    turn.end();
                    appended.extend(numbered);
                    return Ok(appended);
                }
            }
        }
        Err(StoreError::Changed)
    }

    async fn refresh(&self) -> Result<Vec<Appended>, StoreError> {
        let mut turn = Turn::of(&self.writer).await?;
        let appended = match turn.writer()?.is_as_known(&self.facts()).await {
            Err(StoreError::Changed) => self.reload(&mut turn, &[]).await,
            looked => looked.map(|()| Vec::new()),
        };
        turn.end();
        appended
    }

    async fn mend(&self, table: &str) -> Result<Vec<Appended>, StoreError> {
        self.declarations.must_name(table)?;
        let mut turn = Turn::of(&self.writer).await?;
        let appended = self.reload(&mut turn, &[table.to_owned()]).await;
        turn.end();
        appended
    }

    async fn heads(&self, channels: &[ChannelName]) -> Result<Vec<Head>, StoreError> {
        read::heads(&self.facts(), &self.readers, channels).await
    }

    async fn read_after(
        &self,
        channel: &ChannelName,
        cursor: Cursor,
        budget: usize,
    ) -> Result<ReadAfter, StoreError> {
        read::after(&self.facts(), &self.readers, channel, cursor, budget).await
    }

    async fn snapshot_page(
        &self,
        channel: &ChannelName,
        after: Option<PagePlace>,
        rows: u32,
    ) -> Result<Page, StoreError> {
        page::page(&self.facts(), &self.readers, channel, after, rows).await
    }

    async fn history(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        key: &[Value],
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Past, StoreError> {
        history::history(&self.facts(), &self.askers, channel, table, key, before, limit).await
    }

    async fn select(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        query: &Query,
    ) -> Result<Selected, StoreError> {
        query::select(&self.facts(), &self.askers, channel, table, query).await
    }

    async fn entry(
        &self,
        channel: &ChannelName,
        seq: Seq,
    ) -> Result<Option<PastEntry>, StoreError> {
        past::entry(&self.facts(), &self.readers, channel, seq).await
    }

    async fn outcome(
        &self,
        edit: &CheckedEdit,
    ) -> Result<Option<Result<Applied, EditError>>, StoreError> {
        let outcome = past::outcome(&self.facts(), &self.readers, edit).await?;
        let Some(mut outcome) = outcome else { return Ok(None) };
        let (edits, outcomes) = (slice::from_ref(edit), slice::from_mut(&mut outcome));
        replay::add_rows(self, edits, outcomes).await;
        Ok(Some(outcome))
    }

    async fn roles(
        &self,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<Vec<Option<Role>>, StoreError> {
        access::roles(&self.facts(), &self.readers, channel, users).await
    }

    async fn person_name(&self, user: &str) -> Result<Option<String>, StoreError> {
        access::person_name(&self.readers, user).await
    }

    async fn erase(&self, what: &Erasure) -> Result<Erased, StoreError> {
        self.erase_all(what).await
    }

    async fn trim(
        &self,
        keep_log: Duration,
        keep_outcomes: Duration,
    ) -> Result<Trimmed, StoreError> {
        let mut trimmed = Trimmed::default();
        for old in trim::old_entries(&self.readers, trim::cutoff(keep_log)).await? {
            let mut turn = Turn::of(&self.writer).await?;
            trimmed.entries += trim::forget_entries(&mut turn.writer()?.connection, &old).await?;
            turn.end();
        }
        let cutoff = trim::cutoff(keep_outcomes);
        loop {
            let mut turn = Turn::of(&self.writer).await?;
            let gone = trim::forget_outcomes(&mut turn.writer()?.connection, cutoff).await?;
            turn.end();
            trimmed.outcomes += gone;
            if gone == 0 {
                return Ok(trimmed);
            }
        }
    }

    async fn examine(&self) -> Result<Vec<Finding>, StoreError> {
        let mut turn = Turn::of(&self.writer).await?;
        let findings = examine::writer(&self.facts(), &mut turn.writer()?.connection).await;
        turn.end();
        let mut findings = findings?;
        findings.extend(examine::contents(&self.facts(), &self.readers).await?);
        Ok(findings)
    }

    fn accounts(self: Arc<Self>) -> Arc<dyn AccountStore> {
        Arc::new(Book(self))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let mut turn = Turn::of(&self.writer).await?;
        let answer = turn.writer()?.ping().await;
        if answer.is_ok() {
            turn.end();
        }
        answer
    }

    async fn close(&self) {
        let writer = self.writer.lock().await.take();
        self.readers.close().await;
        self.askers.close().await;
        if let Some(writer) = writer {
            writer.connection.close().await;
        }
    }
}
