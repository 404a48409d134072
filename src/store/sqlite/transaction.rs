//! One transaction of the writer: statements, and what the triggers recorded of each.
//!
//! There is one writer at a time. So whatever stands in `rowcast_pending` right after our own
//! `BEGIN IMMEDIATE` is somebody else's, and whatever is added later is ours. A first record with
//! the number [`OWN`] keeps the two apart: SQLite numbers on from there. Each statement that changes rows is sent together with the question
//! what was recorded since, which tells which edit caused which change.

use std::collections::HashMap;

use rowcast_protocol::{ChannelName, Value};

use super::{
    super::{
        error::{EditError, StoreError},
        fold::{Recorded, RowImage},
        schema::LiveTable,
    },
    connection::{Answer, Connection, store_error},
    facts::Facts,
    query::compared,
    raw::{Bound, own, raw, standing},
    records::Record,
    row::{RowPlace, visible_columns},
    spelled::find_key,
};

/// The number after which a transaction of the hub records. No outsider gets that far.
pub(super) const OWN: i64 = 1 << 62;

/// Why an operation stopped.
#[derive(Debug)]
pub(super) enum Halt {
    /// The edit is to blame.
    Edit(EditError),
    /// A trigger left out the row that the edit is for: what it did instead must be taken back.
    LeftOut(EditError),
    /// There is no room at the place of this operation until some is made.
    NoRoom {
        /// The operation.
        op: usize,
    },
    /// The database refused a statement.
    Sql(sqlx::Error),
    /// The database failed.
    Store(StoreError),
}

impl From<sqlx::Error> for Halt {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<EditError> for Halt {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

/// A change that an edit caused.
#[derive(Debug)]
pub(super) struct Done {
    /// The edit, by its index in the batch; `None`: a side effect of several.
    pub(super) edit: Option<usize>,
    /// The channel.
    pub(super) channel: ChannelName,
    /// The change.
    pub(super) recorded: Recorded,
}

/// Who causes what a statement changes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause<'a> {
    /// One edit all of it.
    Edit(usize),
    /// Several edits: the rows of this table by their keys, as text.
    Rows(usize, &'a HashMap<String, usize>),
}

/// A transaction that is open.
#[derive(Debug)]
pub(super) struct Transaction<'a> {
    /// What is known of the database.
    pub(super) facts: &'a Facts,
    /// The writer's connection.
    pub(super) connection: &'a mut Connection,
    /// The last record that was read.
    seen: i64,
    /// What was changed so far.
    pub(super) done: Vec<Done>,
    /// About how many bytes of old and new values it has.
    pub(super) bytes: usize,
}

/// A point to which a transaction can be taken back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    seen: i64,
    done: usize,
    bytes: usize,
}

impl<'a> Transaction<'a> {
    /// Takes over after `BEGIN IMMEDIATE`, when there is a record with the number [`OWN`].
    pub(super) fn new(facts: &'a Facts, connection: &'a mut Connection) -> Self {
        Self { facts, connection, seen: OWN, done: Vec::new(), bytes: 0 }
    }

    /// Runs a statement that changes rows, and takes down what was recorded of it.
    pub(super) async fn change(
        &mut self,
        sql: &str,
        bound: Bound,
        cause: Cause<'_>,
    ) -> Result<Answer, Halt> {
        let sql = format!("{sql}; {} ORDER BY id", self.facts.select_records);
        let answers = self.connection.run(sql, bound.with(self.seen).with(i64::MAX).done()).await?;
        let mut answers = answers.into_iter();
        let answer = answers.next().unwrap_or_default();
        let rows = answers.next().unwrap_or_default().rows;
        let Some(last) = rows.last() else { return Ok(answer) };
        let last = own(last, 0)?;
        let mut renamed = HashMap::new();
        for record in self.facts.layouts.read(&self.facts.schema, &rows)? {
            let edit = self.cause_of(&record, cause, &mut renamed);
            for (channel, recorded) in record.changes(&self.facts.schema) {
                self.bytes += recorded.bytes();
                self.done.push(Done { edit, channel, recorded });
            }
        }
        self.seen = last;
        Ok(answer)
    }

    /// A row whose key a trigger changes is its edit's under the new key too; `renamed` has those.
    fn cause_of(
        &self,
        record: &Record,
        cause: Cause<'_>,
        renamed: &mut HashMap<String, usize>,
    ) -> Option<usize> {
        let (table, edits) = match cause {
            Cause::Edit(edit) => return Some(edit),
            Cause::Rows(table, edits) => (table, edits),
        };
        if table != record.table {
            return None;
        }
        let keys: Vec<String> = record.keys(&self.facts.schema).iter().map(key_text).collect();
        let edit = *keys.iter().find_map(|key| edits.get(key).or_else(|| renamed.get(key)))?;
        if keys.len() > 1 {
            renamed.extend(keys.into_iter().map(|key| (key, edit)));
        }
        Some(edit)
    }

    /// The row at a place, without hidden columns.
    pub(super) async fn row(
        &mut self,
        table: &LiveTable,
        place: &RowPlace<'_>,
    ) -> Result<Option<RowImage>, Halt> {
        let sql = format!("SELECT {} FROM {}", visible_columns(table), place.clause());
        let mut bound = Bound::default();
        place.push_onto(&mut bound);
        let answers = self.connection.run(sql, bound.done()).await?;
        let rows = answers.into_iter().next().unwrap_or_default().rows;
        let row = rows.first().map(|row| super::row::image(table, row, 0));
        Ok(row.transpose()?)
    }

    /// The key of a row of a channel as it stands there, if it is another spelling of this one.
    pub(super) async fn key_that_means(
        &mut self,
        table: &LiveTable,
        channel: &ChannelName,
        key: &[Value],
    ) -> Result<Option<Vec<Value>>, Halt> {
        let Some((sql, bound)) = find_key(table, channel, key, compared) else { return Ok(None) };
        let answers = self.connection.run_once(&sql, bound.done()).await?;
        let rows = answers.into_iter().next().unwrap_or_default().rows;
        let Some(row) = rows.first() else { return Ok(None) };
        let stored = (0..table.key.len()).map(|nth| raw(row, nth).map(standing));
        Ok(Some(stored.collect::<Result<_, _>>()?))
    }

    /// Whether the database has not taken everything back by itself.
    pub(super) async fn is_open(&mut self) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM rowcast_pending WHERE id = {OWN}");
        let answers = self.connection.run(sql, Bound::none()).await.map_err(store_error)?;
        Ok(answers.first().is_some_and(|answer| !answer.rows.is_empty()))
    }

    /// Begins something that may have to be taken back.
    pub(super) async fn savepoint(&mut self) -> Result<Mark, StoreError> {
        self.control("SAVEPOINT rowcast_edit").await?;
        Ok(Mark { seen: self.seen, done: self.done.len(), bytes: self.bytes })
    }

    /// Keeps what was done since the savepoint.
    pub(super) async fn keep(&mut self) -> Result<(), StoreError> {
        self.control("RELEASE rowcast_edit").await
    }

    /// Takes back what was done since the savepoint.
    pub(super) async fn take_back(&mut self, mark: Mark) -> Result<(), StoreError> {
        self.seen = mark.seen;
        self.done.truncate(mark.done);
        self.bytes = mark.bytes;
        self.control("ROLLBACK TO rowcast_edit; RELEASE rowcast_edit").await
    }

    async fn control(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection.run(sql, Bound::none()).await.map(drop).map_err(store_error)
    }
}

/// A key as text, to look up by.
pub(super) fn key_text(key: &Value) -> String {
    String::from_utf8(rowcast_protocol::Codec::Json.encode(key).to_vec()).unwrap_or_default()
}
