//! Reading without a subscription: lists of rows, one row, entries of a log, and what undoing one
//! would take.
//!
//! [`params`] holds the parameters of a list against the live tables, as `commit::check` does with
//! edits; [`place`] makes the opaque cursors between the pages of a list; [`tag`] names the state of
//! a row. Rights are the caller's: whoever asks here may read the channel.

use std::sync::Arc;

use rowcast_protocol::{
    Change, ChannelName, ColumnType, Cursor, Entry, ErrorCode, ErrorReply, Fields, Seq, Value,
    reply::SnapshotReason,
};

use crate::store::{
    Applied, CheckedEdit, EditError, LiveTable, NamedRow, PastEntry, ReadAfter, Store, StoreError,
    query::SortBy, replay::by_key,
};

mod params;
mod place;
pub mod tag;
mod turns;

pub use turns::{Turn, Turns};

/// The most entries of one answer.
const MOST_ENTRIES: usize = 1_000;

/// Bytes of entries of one answer, about.
const ENTRY_BYTES: usize = 1 << 20;

/// Answers questions about rows and logs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reads(Arc<dyn Store>);

/// A page of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The rows, with the fields asked for.
    pub items: Vec<Fields>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// How many rows pass the filters, if asked.
    pub total: Option<u64>,
    /// How many rows a page has at most.
    pub limit: u32,
    /// How many rows were skipped; none where the page goes on after a cursor.
    pub offset: Option<u32>,
    /// The place in the channel's log at which the rows were read.
    pub cursor_log: Cursor,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entries {
    /// In order, without a gap.
    pub items: Vec<Entry>,
    /// The place after the last of them.
    pub cursor: Cursor,
    /// The newest place.
    pub head: Cursor,
}

/// Why entries cannot be had.
#[derive(Debug)]
pub enum EntriesError {
    /// The log cannot be continued from the cursor.
    Gone(SnapshotReason),
    /// The database cannot be read.
    Store(Box<ErrorReply>),
}

impl Reads {
    /// Asks this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// The table of a channel.
    ///
    /// # Errors
    /// `unknown_table`; `unavailable` while it is not as declared.
    pub fn table(&self, channel: &ChannelName, name: &str) -> Result<Arc<LiveTable>, ErrorReply> {
        let schema = self.0.schema();
        Ok(Arc::clone(schema.find(name, channel.kind())?.1))
    }

    /// A page of the rows of a table, by the parameters of a request.
    ///
    /// # Errors
    /// What is wrong with the parameters; or that the database cannot be read.
    pub async fn list(
        &self,
        channel: &ChannelName,
        table: &str,
        parameters: &[(String, String)],
    ) -> Result<Listed, ErrorReply> {
        let table = self.table(channel, table)?;
        let query = params::query(&table, parameters)?;
        let found = self.0.select(channel, &table, &query).await.map_err(unreadable)?;
        Ok(Listed {
            items: found.rows,
            next: found.next.map(|values| place::text(&table, &query, &values)),
            total: found.total,
            limit: query.limit,
            offset: match query.from {
                crate::store::query::From::Start => Some(0),
                crate::store::query::From::Offset(rows) => Some(rows),
                crate::store::query::From::After(_) => None,
            },
            cursor_log: found.head,
        })
    }

    /// One row.
    ///
    /// # Errors
    /// `not_found`; or that the database cannot be read.
    pub async fn row(&self, channel: &ChannelName, row: &NamedRow) -> Result<Fields, ErrorReply> {
        let found = self.find(channel, row).await?;
        found.ok_or_else(|| {
            let table = Some(row.table.name.clone());
            let words = "the channel has no row with this key";
            ErrorReply { table, ..ErrorReply::new(ErrorCode::NotFound, words) }
        })
    }

    async fn find(
        &self,
        channel: &ChannelName,
        row: &NamedRow,
    ) -> Result<Option<Fields>, ErrorReply> {
        let query = by_key(&row.table, &row.key);
        let found = self.0.select(channel, &row.table, &query).await;
        Ok(found.map_err(unreadable)?.rows.pop())
    }

    /// The entries after a place, or from the beginning of the log.
    ///
    /// # Errors
    /// If the log cannot be continued from there, or the database cannot be read.
    pub async fn entries(
        &self,
        channel: &ChannelName,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Entries, EntriesError> {
        let failed = |error| EntriesError::Store(Box::new(unreadable(error)));
        let heads = self.0.heads(std::slice::from_ref(channel)).await.map_err(failed)?;
        let newest = heads.first().map(|head| head.cursor);
        let beginning = newest.map(|head| Cursor { seq: 0, tag: 0, ..head });
        let Some(after) = after.or(beginning) else {
            return Err(EntriesError::Gone(SnapshotReason::NoCursor));
        };
        let read = self.0.read_after(channel, after, ENTRY_BYTES).await.map_err(failed)?;
        let (mut entries, head) = match read {
            ReadAfter::Entries { entries, head } => (entries, head),
            ReadAfter::Snapshot(reason) => return Err(EntriesError::Gone(reason)),
        };
        entries.truncate(limit.clamp(1, MOST_ENTRIES));
        let last = entries.last().map(|last| (last.entry.seq, last.tag));
        let cursor = last.map_or(after, |(seq, tag)| Cursor { seq, tag, ..after });
        Ok(Entries {
            items: entries.into_iter().map(|stored| stored.entry).collect(),
            cursor,
            head,
        })
    }

    /// One entry with what it replaced.
    ///
    /// # Errors
    /// `not_found`; or that the database cannot be read.
    pub async fn entry(&self, channel: &ChannelName, seq: Seq) -> Result<PastEntry, ErrorReply> {
        let found = self.0.entry(channel, seq).await.map_err(unreadable)?;
        found.ok_or_else(|| {
            let words = "the log has no entry with this number, or it is no longer kept";
            ErrorReply::new(ErrorCode::NotFound, words)
        })
    }

    /// The row that an edit inserted, as it is after all that the edit's triggers did, by the entry
    /// that the edit stands in.
    ///
    /// # Errors
    /// As [`Reads::entry`].
    pub async fn inserted(
        &self,
        channel: &ChannelName,
        table: &str,
        seq: Seq,
        edit: rowcast_protocol::EditId,
    ) -> Result<Option<(Value, Fields)>, ErrorReply> {
        let entry = self.entry(channel, seq).await?.stored.entry;
        let place = entry.edits.iter().position(|of| of.id == edit);
        let place = place.and_then(|place| u32::try_from(place).ok());
        Ok(entry.changes.into_iter().fold(None, |made, change| after(made, change, table, place)))
    }

    /// What became of an edit that was sent before.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn outcome(
        &self,
        edit: &CheckedEdit,
    ) -> Result<Option<Result<Applied, EditError>>, ErrorReply> {
        self.0.outcome(edit).await.map_err(unreadable)
    }

    /// The rows of an entry that are no longer as it left them, with how they are.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn changed_since(
        &self,
        channel: &ChannelName,
        past: &PastEntry,
        rows: &[NamedRow],
    ) -> Result<Vec<Value>, ErrorReply> {
        let mut changed = Vec::new();
        for (row, change) in rows.iter().zip(&past.stored.entry.changes).take(100) {
            let now = self.find(channel, row).await?;
            let editor = editor_of(&row.table);
            if !tag::is_as_left(change, now.as_ref(), editor) {
                changed.push(tag::as_it_is(change, now));
            }
        }
        Ok(changed)
    }
}

fn editor_of(table: &LiveTable) -> Option<&str> {
    table.editor.and_then(|index| table.columns.get(index)).map(|column| column.name.as_str())
}

fn by_the_key(table: &LiveTable) -> impl Iterator<Item = SortBy> {
    table.key.iter().map(|&column| SortBy { column, descending: false })
}

fn visible(table: &LiveTable) -> impl Iterator<Item = usize> {
    table.columns.iter().enumerate().filter(|(_, column)| !column.hidden).map(|(index, _)| index)
}

#[expect(clippy::needless_pass_by_value, reason = "so that `map_err` takes it")]
fn unreadable(error: StoreError) -> ErrorReply {
    tracing::warn!(%error, "the database could not answer a question");
    let words = match error {
        StoreError::Busy(_) => "the database is busy, or this asks for too much; ask for less",
        _ => "the database could not answer; try again later",
    };
    ErrorReply::new(error.code(), words)
}

/// What a change makes of the row that an edit inserted. A row whose key a trigger changes is deleted
/// and inserted again.
fn after(
    made: Option<(Value, Fields)>,
    change: Change,
    table: &str,
    edit: Option<u32>,
) -> Option<(Value, Fields)> {
    let is_own = |key: &Value| made.as_ref().is_some_and(|(made, _)| made == key);
    match change {
        Change::Insert(row) if edit.is_some() && row.edit == edit && row.table == table => {
            made.or(Some((row.key, row.row)))
        }
        Change::Delete(gone) if gone.table == table && is_own(&gone.key) => None,
        Change::Leave(gone) if gone.table == table && is_own(&gone.key) => None,
        Change::Update(update) if update.table == table && is_own(&update.key) => {
            made.map(|(key, mut row)| {
                row.0.extend(update.set.0);
                (key, row)
            })
        }
        _ => made,
    }
}

/// The key of a row from the texts of its parts, as a path has them: types whose values are no texts
/// are written as in JSON.
#[must_use]
pub fn key_of_texts(table: &LiveTable, parts: &[String]) -> Value {
    let columns = table.key.iter().map(|index| table.columns.get(*index).map(|column| column.kind));
    let mut values: Vec<Value> = parts
        .iter()
        .zip(columns.chain(std::iter::repeat(None)))
        .map(|(text, kind)| kind.map_or_else(|| text.as_str().into(), |kind| of_text(kind, text)))
        .collect();
    if values.len() == 1 && table.key.len() == 1 {
        values.swap_remove(0)
    } else {
        Value::List(values)
    }
}

fn of_text(kind: ColumnType, text: &str) -> Value {
    let read = match kind {
        ColumnType::Bool => text.parse().ok().map(Value::Bool),
        ColumnType::Float => text.parse().ok().map(Value::float),
        ColumnType::Json => Value::from_json(text).ok().filter(|value| value.as_str().is_none()),
        _ => None,
    };
    read.unwrap_or_else(|| text.into())
}
