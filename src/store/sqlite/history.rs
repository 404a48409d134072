//! The past of a row, out of its channel's log.

use futures_util::TryStreamExt as _;
use rowcast_protocol::{Change, ChannelName, Fields, Seq, Value, news::EditOf, reply::PastChange};
use sqlx::{SqlitePool, sqlite::SqliteRow};

use super::{
    super::{
        error::StoreError,
        schema::{LiveSchema, LiveTable},
    },
    connection::store_error,
    facts::Facts,
    raw::{Bound, number, own},
    read::{changes, instant, parsed, restore_bytes},
    row::wire_key,
    transaction::key_text,
};

/// Entries that name the row, newest first. The text of a change begins with its operation, then
/// table and key follow, so the entries can be told apart without being decoded.
const SELECT: &str = "SELECT e.seq, e.at, e.edits, e.changes, e.olds
    FROM rowcast_channel c JOIN rowcast_entry e ON e.channel = c.id
    WHERE c.name = ? AND e.seq < ? AND instr(e.changes, ?) > 0 ORDER BY e.seq DESC";

/// The changes of a row, and whether there are older ones.
pub(super) async fn history(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    table: &LiveTable,
    key: &[Value],
    before: Option<Seq>,
    limit: u32,
) -> Result<(Vec<PastChange>, bool), StoreError> {
    let key = wire_key(table, key);
    let needle =
        format!("\"table\":{},\"key\":{}", key_text(&table.name.as_str().into()), key_text(&key));
    let before = before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX);
    let arguments =
        Bound::default().with(channel.as_str().to_owned()).with(before).with(needle).done();
    let mut stream = sqlx::query_with(SELECT, arguments).fetch(pool);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
    let mut past: Vec<PastChange> = Vec::new();
    while let Some(row) = stream.try_next().await.map_err(store_error)? {
        let of_entry = of_entry(&facts.schema, &row, table, &key)?;
        if !past.is_empty() && past.len() + of_entry.len() > limit && !of_entry.is_empty() {
            return Ok((past, true));
        }
        past.extend(of_entry);
    }
    Ok((past, false))
}

fn of_entry(
    schema: &LiveSchema,
    row: &SqliteRow,
    table: &LiveTable,
    key: &Value,
) -> Result<Vec<PastChange>, StoreError> {
    let entry =
        EntryRow { seq: number(row, 0)?, at: instant(row, 1)?, edits: parsed(own(row, 2)?)? };
    let olds: Vec<Fields> = parsed(own(row, 4)?)?;
    let mut past = Vec::new();
    for (change, mut old) in changes(schema, own(row, 3)?)?.into_iter().zip(olds) {
        restore_bytes(schema, &table.name, &mut old);
        past.extend(entry.past(change, old, &table.name, key));
    }
    past.reverse();
    Ok(past)
}

struct EntryRow {
    seq: Seq,
    at: String,
    edits: Vec<EditOf>,
}

impl EntryRow {
    fn past(&self, change: Change, old: Fields, table: &str, key: &Value) -> Option<PastChange> {
        let (op, of, row, edit, new) = match change {
            Change::Insert(row) => ("insert", row.table, row.key, row.edit, row.row),
            Change::Enter(row) => ("enter", row.table, row.key, row.edit, row.row),
            Change::Update(fields) => ("update", fields.table, fields.key, fields.edit, fields.set),
            Change::Delete(gone) => ("delete", gone.table, gone.key, gone.edit, Fields::new()),
            Change::Leave(gone) => ("leave", gone.table, gone.key, gone.edit, Fields::new()),
        };
        let by = edit.and_then(|index| self.edits.get(usize::try_from(index).ok()?));
        (of == table && row == *key).then(|| PastChange {
            seq: self.seq,
            at: self.at.clone(),
            op: op.to_owned(),
            user: by.map(|edit| edit.user.clone()),
            edit: by.map(|edit| edit.id),
            new,
            old,
        })
    }
}
