//! The contract with the database: live tables, the log, snapshots, outcomes of edits.
//!
//! Only a store gives out `seq`. It knows nothing of sockets, of the hub or of other nodes. Two
//! implementations, [`sqlite`] and [`postgres`], pass one conformance suite (`tests/conformance`).
//!
//! # What every store promises
//! - **One transaction.** An edit's rows, its records, its numbered entry and its stored outcome
//!   are one transaction. When [`Store::commit`] has returned an outcome, it is on disk.
//! - **Gapless.** The entries of a channel are numbered 1, 2, 3 … without gaps, and a reader that
//!   sees entry *n* can read every entry before it.
//! - **Cause before effect.** An entry that saw or overwrote another's effect comes after it.
//! - **Everybody is captured.** Any committed change of a live table, whoever made it, becomes part
//!   of exactly one entry of its channel. Recording never waits for a hub and never fails because
//!   of one; numbering is the hub's.
//! - **Once.** An edit's id is applied once per person; sent again it gives the stored outcome.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use rowcast_protocol::{
    Change, ChannelName, Cursor, EditId, Entry, Epoch, Fields, Role, Seq, Value,
    reply::SnapshotReason,
};

pub mod accounts;
pub mod build;
pub mod claim;
mod clause;
pub mod declaration;
pub mod demo;
pub mod edit;
pub mod erase;
pub mod error;
pub mod fold;
pub mod history;
mod open;
pub mod order;
mod placing;
pub mod postgres;
pub mod query;
mod rebind;
pub mod reference;
pub(crate) mod replay;
pub mod rights;
pub mod schema;
pub mod sqlite;
pub mod values;
pub mod weight;

pub use accounts::AccountStore;
pub use declaration::Declarations;
pub use edit::{CheckedEdit, CheckedOp, NamedRow};
pub use erase::{Erased, Erasure};
pub use error::{EditError, StoreError};
pub use history::Past;
pub use open::{Fitness, Made, mend, migrate, open, open_as_is};
pub use query::{Query, Selected};
pub use rights::Standing;
pub use schema::{ColumnForm, LiveColumn, LiveSchema, LiveTable, Relation, Unwatched};
pub use weight::EditLimits;

/// A database that holds live tables and their logs.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// The live tables as they are known at present. Another value takes its place when the tables
    /// change; whoever does several things with one asks once.
    fn schema(&self) -> Arc<LiveSchema>;

    /// How many commits may usefully run at once: 1 where there is one writer.
    fn lanes(&self) -> usize;

    /// Applies edits in order, each whole or not at all, in as few transactions as possible, and
    /// numbers what they and outsiders did to their channels.
    ///
    /// One edit's failure harms no other. `outcomes` has one item per edit, in order, but a batch
    /// that turns out heavy ends early: then the first edits have one and the others were not touched
    /// and are to be committed again. At least one has an outcome, unless all the time went into making
    /// room in a hand-made order, which goes on with the next commit. Two edits of the batch never share a
    /// person and an id (the committer sees to it).
    ///
    /// # Errors
    /// If the batch as a whole could not be committed, or it is unknown whether it was. Nothing may
    /// be acked then; the same batch may be committed again.
    async fn commit(&self, edits: &[CheckedEdit]) -> Result<Committed, StoreError> {
        self.commit_while(edits, Standing::UNASKED).await
    }

    /// As [`Store::commit`], as long as people's rights stand. A commit that had to wait for others'
    /// locks has them looked at again before anything of it can be seen.
    ///
    /// # Errors
    /// As [`Store::commit`]; [`StoreError::NotAllowed`] if somebody has lost a right meanwhile.
    async fn commit_while(
        &self,
        edits: &[CheckedEdit],
        standing: Standing<'_>,
    ) -> Result<Committed, StoreError>;

    /// Numbers what outsiders committed since, at most some thousand changes a call. Cheap when
    /// there is nothing. Channels that another hub is just numbering are left to it.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn number(&self) -> Result<Vec<Appended>, StoreError>;

    /// Looks whether the tables are still as [`Store::schema`] says, and if not takes them over as they
    /// are: they are recorded again, and every channel is reset of which a change may have been missed.
    /// A table that does not fit its declaration is not live until it does again. Cheap when nothing
    /// has changed. Returns what was added to the logs.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn refresh(&self) -> Result<Vec<Appended>, StoreError>;

    /// Makes the recording of a table anew, whatever it looks like, and resets its channels.
    ///
    /// # Errors
    /// If there is no such table, or the database cannot do it now.
    async fn mend(&self, table: &str) -> Result<Vec<Appended>, StoreError>;

    /// The newest positions of these channels; those without a log stand at 0 of the database's
    /// epoch.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn heads(&self, channels: &[ChannelName]) -> Result<Vec<Head>, StoreError>;

    /// The entries after a cursor, in order, about `budget` bytes of them, at least one if there is
    /// one; or that the cursor cannot be continued.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn read_after(
        &self,
        channel: &ChannelName,
        cursor: Cursor,
        budget: usize,
    ) -> Result<ReadAfter, StoreError>;

    /// A page of a channel's rows in key order, tables in schema order, read at one instant: at most
    /// so many rows and about [`weight::PAGE_BYTES`]. `after: None` begins; each page names the place
    /// for the next one.
    ///
    /// # Errors
    /// If the database cannot be read now; `busy` if the tables have changed since the page before.
    async fn snapshot_page(
        &self,
        channel: &ChannelName,
        after: Option<PagePlace>,
        rows: u32,
    ) -> Result<Page, StoreError>;

    /// The past of one row within this channel's log, newest first. `key` holds the values of the
    /// key columns. Looks for some hundred milliseconds at most: the answer says where to go on.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn history(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        key: &[Value],
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Past, StoreError>;

    /// The rows of a table in a channel that pass a query's filters, in its order, read at one
    /// instant; about [`weight::PAGE_BYTES`] of them at most. Takes some seconds at most.
    ///
    /// # Errors
    /// If the database cannot be read now; `busy` if it takes too long.
    async fn select(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        query: &Query,
    ) -> Result<Selected, StoreError>;

    /// One entry of a channel's log with what it replaced; `None`: there is none, or it is no longer
    /// kept.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn entry(&self, channel: &ChannelName, seq: Seq)
    -> Result<Option<PastEntry>, StoreError>;

    /// What became of an edit of this person with this id, if it was committed or refused before;
    /// a conflict if that one had another hash.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn outcome(
        &self,
        edit: &CheckedEdit,
    ) -> Result<Option<Result<Applied, EditError>>, StoreError>;

    /// What these people may do in a channel, by the declared access rules, in their order; `None`:
    /// nothing, or there is no such channel. The ids of channels and people are compared by bytes,
    /// however their columns compare.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn roles(
        &self,
        channel: &ChannelName,
        users: &[Arc<str>],
    ) -> Result<Vec<Option<Role>>, StoreError>;

    /// What one person may do in a channel; see [`Store::roles`].
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn role(&self, channel: &ChannelName, user: &str) -> Result<Option<Role>, StoreError> {
        let roles = self.roles(channel, &[user.into()]).await?;
        Ok(roles.first().copied().flatten())
    }

    /// The name others see of a person, if the database knows the person.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn person_name(&self, user: &str) -> Result<Option<String>, StoreError>;

    /// Erases a person's data, or the past of a row; see [`erase`]. What other processes hold in
    /// memory they keep until they forget it or end.
    ///
    /// # Errors
    /// If the database cannot do it now; doing it again finishes what was begun.
    async fn erase(&self, what: &Erasure) -> Result<Erased, StoreError>;

    /// Forgets entries older than `keep_log` and outcomes of edits older than `keep_outcomes`.
    ///
    /// # Errors
    /// If the database cannot do it now.
    async fn trim(
        &self,
        keep_log: Duration,
        keep_outcomes: Duration,
    ) -> Result<Trimmed, StoreError>;

    /// Looks for what should not be: missing triggers, gaps, rows that differ from the log, settings
    /// that weaken durability.
    ///
    /// # Errors
    /// If the database cannot be read now.
    async fn examine(&self) -> Result<Vec<Finding>, StoreError>;

    /// The accounts in this database.
    fn accounts(self: Arc<Self>) -> Arc<dyn AccountStore>;

    /// Whether the database answers and takes writes.
    ///
    /// # Errors
    /// If it does not.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Finishes what is under way and closes all connections.
    async fn close(&self);
}

/// An entry with the tag stored beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntry {
    /// Random, stored with the entry; cursors carry it.
    pub tag: u32,
    /// The entry as clients see it. Values of hidden columns are never in it.
    pub entry: Entry,
}

/// An entry with what it replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEntry {
    /// The entry.
    pub stored: StoredEntry,
    /// One item for each of its changes: the old values of the fields of an update, the whole row of
    /// a delete or leave, nothing for the others.
    pub olds: Vec<Fields>,
}

impl PastEntry {
    /// What one edit of the entry did; nothing, if the edit is not in it.
    #[must_use]
    pub fn of_edit(mut self, id: EditId) -> Self {
        let entry = &mut self.stored.entry;
        let place = entry.edits.iter().position(|edit| edit.id == id);
        let place = place.and_then(|place| u32::try_from(place).ok());
        let changes = std::mem::take(&mut entry.changes).into_iter().zip(self.olds);
        let own = |(change, _): &(Change, Fields)| place.is_some() && change.edit() == place;
        (entry.changes, self.olds) = changes.filter(own).unzip();
        entry.edits.retain(|edit| edit.id == id);
        self
    }
}

/// Entries that were added to one channel's log, in order and without a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// The channel.
    pub channel: ChannelName,
    /// The incarnation of its log.
    pub epoch: Epoch,
    /// At least one entry.
    pub entries: Vec<StoredEntry>,
}

/// What a commit did.
#[derive(Debug, Default)]
pub struct Committed {
    /// One for each of the first edits, in order; usually for all.
    pub outcomes: Vec<Result<Applied, EditError>>,
    /// What was added to the logs, also on behalf of outsiders. A channel may stand here twice; its
    /// entries are in order.
    pub appended: Vec<Appended>,
    /// Whether something was recorded that this commit did not number (a side effect on another
    /// channel): the poller should look at once.
    pub left_unnumbered: bool,
}

/// An edit that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The incarnation of the log.
    pub epoch: Epoch,
    /// The entry that holds the edit; the head of the log if it changed nothing.
    pub seq: Seq,
    /// Whether this is the stored outcome of an earlier commit.
    pub replayed: bool,
}

/// The newest position of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The channel.
    pub channel: ChannelName,
    /// After its newest entry.
    pub cursor: Cursor,
}

/// What lies after a cursor.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadAfter {
    /// These entries, possibly none; `head` was the newest then.
    Entries {
        /// In order, from the cursor on, without a gap.
        entries: Vec<StoredEntry>,
        /// The newest position when they were read.
        head: Cursor,
    },
    /// The cursor cannot be continued; the reader needs a snapshot.
    Snapshot(SnapshotReason),
}

/// Where the next page of a snapshot begins.
#[derive(Debug, Clone, PartialEq)]
pub struct PagePlace {
    /// The tables as the pages before showed them: a snapshot is of one schema.
    pub schema: Arc<LiveSchema>,
    /// The index of the table in them.
    pub table: usize,
    /// The key of the last row sent; `None`: from the table's beginning.
    pub key: Option<Vec<Value>>,
}

/// Rows of one table, read at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The channel's newest position at that instant.
    pub head: Cursor,
    /// The table; `None` where such channels have none.
    pub table: Option<Arc<LiveTable>>,
    /// Whole rows without hidden columns, in key order; possibly none.
    pub rows: Vec<Fields>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<PagePlace>,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trimmed {
    /// Entries.
    pub entries: u64,
    /// Stored outcomes.
    pub outcomes: u64,
}

/// Something an examination looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, such as `triggers of tasks`.
    pub subject: String,
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// What was seen, and what to do about it.
    pub detail: String,
}

/// How an examined thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Works, but should be looked at.
    Doubtful,
    /// Broken.
    Bad,
}
