//! Reads logs: heads, and what lies after a cursor. Each read is one statement, so it sees one
//! instant.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use rowcast_protocol::{
    Change, ChannelName, ColumnType, Cursor, Entry, Fields, Seq, Value, reply::SnapshotReason,
};
use sqlx::{
    AssertSqlSafe, SqlitePool,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    super::{Head, ReadAfter, StoredEntry, error::StoreError, schema::LiveSchema},
    connection::store_error,
    facts::Facts,
    raw::{Bound, number, own},
    values_list::{padded, values_list},
};

/// Channels that one statement asks for.
const CHUNK: usize = 1_024;

/// The rows of one statement, which stays prepared.
pub(super) async fn rows(
    pool: &SqlitePool,
    sql: String,
    arguments: SqliteArguments,
) -> Result<Vec<SqliteRow>, StoreError> {
    sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(pool).await.map_err(store_error)
}

/// The newest positions of these channels, in their order.
pub(super) async fn heads(
    facts: &Facts,
    pool: &SqlitePool,
    channels: &[ChannelName],
) -> Result<Vec<Head>, StoreError> {
    let mut known: HashMap<String, Cursor> = HashMap::new();
    for chunk in channels.chunks(CHUNK) {
        let mut bound = Bound::default();
        for channel in chunk {
            bound.push(channel.as_str().to_owned());
        }
        bound.push_nulls(padded(chunk.len()) - chunk.len());
        let sql = format!(
            "SELECT c.name, c.head, c.tag FROM {} CROSS JOIN rowcast_channel c ON c.name = column1",
            values_list(chunk.len(), 1)
        );
        for row in rows(pool, sql, bound.done()).await? {
            known.insert(own(&row, 0)?, facts.cursor(number(&row, 1)?, tag(&row, 2)?));
        }
    }
    let head = |channel: &ChannelName| Head {
        channel: channel.clone(),
        cursor: known.get(channel.as_str()).copied().unwrap_or(facts.cursor(0, 0)),
    };
    Ok(channels.iter().map(head).collect())
}

pub(super) fn tag(row: &SqliteRow, column: usize) -> Result<u32, StoreError> {
    u32::try_from(own::<i64>(row, column)?).map_err(|error| StoreError::Failed(error.to_string()))
}

const AFTER: &str = "SELECT c.head, c.tag, c.floor, c.floor_tag, c.reset,
        (SELECT tag FROM rowcast_entry WHERE channel = c.id AND seq = ?),
        e.seq, e.tag, e.at, e.reset, e.edits, e.changes
    FROM rowcast_channel c LEFT JOIN rowcast_entry e ON e.channel = c.id AND e.seq > ?
    WHERE c.name = ? ORDER BY e.seq";

/// What lies after a cursor.
pub(super) async fn after(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    cursor: Cursor,
    budget: usize,
) -> Result<ReadAfter, StoreError> {
    if cursor.epoch != facts.epoch {
        return Ok(ReadAfter::Snapshot(SnapshotReason::OtherHistory));
    }
    let seq = i64::try_from(cursor.seq).unwrap_or(i64::MAX);
    let arguments = Bound::default().with(seq).with(seq).with(channel.as_str().to_owned()).done();
    let mut stream = sqlx::query_with(AFTER, arguments).fetch(pool);
    let (mut entries, mut head, mut bytes) = (Vec::new(), facts.cursor(0, 0), 0);
    let mut is_known = false;
    while let Some(row) = stream.try_next().await.map_err(store_error)? {
        if !is_known {
            let bounds = Bounds::read(&row)?;
            if let Some(reason) = bounds.refusal(cursor) {
                return Ok(ReadAfter::Snapshot(reason));
            }
            head = facts.cursor(bounds.head, bounds.head_tag);
            is_known = true;
        }
        if own::<Option<i64>>(&row, 6)?.is_none() {
            break;
        }
        bytes += own::<&str>(&row, 10)?.len() + own::<&str>(&row, 11)?.len();
        if bytes > budget && !entries.is_empty() {
            break;
        }
        entries.push(stored_entry(&facts.schema, &row)?);
    }
    if !is_known && let Some(reason) = Bounds::default().refusal(cursor) {
        return Ok(ReadAfter::Snapshot(reason));
    }
    Ok(ReadAfter::Entries { entries, head })
}

/// Where a log begins and ends.
#[derive(Default)]
struct Bounds {
    head: Seq,
    head_tag: u32,
    floor: Seq,
    floor_tag: u32,
    reset: Seq,
    /// The tag of the entry that the cursor names.
    tag: Option<u32>,
}

impl Bounds {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let here: Option<i64> = own(row, 5)?;
        Ok(Self {
            head: number(row, 0)?,
            head_tag: tag(row, 1)?,
            floor: number(row, 2)?,
            floor_tag: tag(row, 3)?,
            reset: number(row, 4)?,
            tag: here.and_then(|tag| u32::try_from(tag).ok()),
        })
    }

    /// Why a cursor of this epoch cannot be continued.
    fn refusal(&self, cursor: Cursor) -> Option<SnapshotReason> {
        let expected = match cursor.seq {
            seq if seq > self.head => return Some(SnapshotReason::Ahead),
            seq if seq < self.floor => return Some(SnapshotReason::TooOld),
            0 => Some(0),
            seq if seq == self.floor => Some(self.floor_tag),
            _ => self.tag,
        };
        if expected != Some(cursor.tag) {
            return Some(SnapshotReason::OtherHistory);
        }
        (self.reset > cursor.seq).then_some(SnapshotReason::Reset)
    }
}

/// An entry from columns 6 to 11.
pub(super) fn stored_entry(
    schema: &LiveSchema,
    row: &SqliteRow,
) -> Result<StoredEntry, StoreError> {
    let reset: Option<&str> = own(row, 9)?;
    let entry = Entry {
        seq: number(row, 6)?,
        at: instant(row, 8)?,
        edits: parsed(own(row, 10)?)?,
        by: None,
        changes: changes(schema, own(row, 11)?)?,
        reset: reset.map_or(Ok(Vec::new()), parsed)?,
    };
    Ok(StoredEntry { tag: tag(row, 7)?, entry })
}

/// An instant as the wire has it.
pub(super) fn instant(row: &SqliteRow, column: usize) -> Result<String, StoreError> {
    let at = Timestamp::from_microsecond(own(row, column)?);
    at.map(crate::instant::instant).map_err(|error| StoreError::Failed(error.to_string()))
}

/// Something that was stored as JSON.
pub(super) fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Failed(format!("a log entry: {error}")))
}

/// The changes of an entry, without what is hidden by now.
pub(super) fn changes(schema: &LiveSchema, text: &str) -> Result<Vec<Change>, StoreError> {
    let mut changes: Vec<Change> = parsed(text)?;
    for change in &mut changes {
        let (table, fields) = match change {
            Change::Insert(row) | Change::Enter(row) => (&row.table, &mut row.row),
            Change::Update(update) => (&update.table, &mut update.set),
            Change::Delete(_) | Change::Leave(_) => continue,
        };
        as_declared(schema, table, fields);
    }
    Ok(changes)
}

/// The table of a change.
pub(super) fn change_table(change: &Change) -> &str {
    match change {
        Change::Insert(row) | Change::Enter(row) => &row.table,
        Change::Update(fields) => &fields.table,
        Change::Delete(gone) | Change::Leave(gone) => &gone.table,
    }
}

/// Values of the log as the tables are declared now: columns that are hidden or gone are left out, and
/// the base64 text of byte columns becomes bytes, which JSON does not have.
pub(super) fn as_declared(schema: &LiveSchema, table: &str, fields: &mut Fields) {
    let Some(table) = schema.tables.iter().find(|live| live.name == table) else {
        fields.0.clear();
        return;
    };
    fields.0.retain(|name, _| table.column(name).is_some());
    for column in table.columns.iter().filter(|column| column.kind == ColumnType::Bytes) {
        if let Some(value) = fields.0.get_mut(&column.name)
            && let Value::Text(text) = value
            && let Ok(bytes) = STANDARD.decode(text.as_bytes())
        {
            *value = Value::Bytes(bytes);
        }
    }
}
