//! The past of a row, out of its channel's log.

use futures_util::TryStreamExt as _;
use rowcast_protocol::{ChannelName, Entry, Fields, Seq, Value, reply::PastChange};
use sqlx::{SqlitePool, sqlite::SqliteRow};

use super::{
    super::{
        error::StoreError,
        history::PastPage,
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
    let mut page = PastPage::new(&table.name, key, limit);
    while let Some(row) = stream.try_next().await.map_err(store_error)? {
        let (entry, olds) = entry_of(&facts.schema, &row, &table.name)?;
        if !page.take(&entry, olds) {
            break;
        }
    }
    Ok(page.finish())
}

/// An entry, and the old values of its changes; those of this table as the wire has them.
fn entry_of(
    schema: &LiveSchema,
    row: &SqliteRow,
    table: &str,
) -> Result<(Entry, Vec<Fields>), StoreError> {
    let mut olds: Vec<Fields> = parsed(own(row, 4)?)?;
    for old in &mut olds {
        restore_bytes(schema, table, old);
    }
    let entry = Entry {
        seq: number(row, 0)?,
        at: instant(row, 1)?,
        edits: parsed(own(row, 2)?)?,
        by: None,
        changes: changes(schema, own(row, 3)?)?,
        reset: Vec::new(),
    };
    Ok((entry, olds))
}
