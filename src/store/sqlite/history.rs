//! The past of a row, out of its channel's log.

use futures_util::TryStreamExt as _;
use rowcast_protocol::{ChannelName, Entry, Fields, Seq, Value};
use sqlx::{SqlitePool, sqlite::SqliteRow};
use tokio::time::Instant;

use super::{
    super::{
        error::StoreError,
        history::{LOOKING, Past, PastPage},
        schema::{LiveSchema, LiveTable},
    },
    connection::store_error,
    facts::Facts,
    query::{PATIENCE, work_until},
    raw::{Bound, number, own},
    read::{as_declared, changes, instant, parsed},
    row::wire_key,
    transaction::key_text,
};

/// Entries, newest first; of those that do not name the row the number alone. The text of a change
/// begins with its operation, then table and key follow, so the entries can be told apart without being
/// decoded.
const SELECT: &str =
    "SELECT seq, at, CASE WHEN named THEN edits END, CASE WHEN named THEN changes END,
        CASE WHEN named THEN olds END, named
    FROM (SELECT e.*, instr(e.changes, ?3) > 0 AS named
        FROM rowcast_channel c CROSS JOIN rowcast_entry e ON e.channel = c.id
        WHERE c.name = ?1 AND e.seq < ?2 ORDER BY e.seq DESC)";

/// A piece of a row's past. Connections of `pool` are for what has a deadline.
pub(super) async fn history(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    table: &LiveTable,
    key: &[Value],
    before: Option<Seq>,
    limit: u32,
) -> Result<Past, StoreError> {
    let key = wire_key(table, key);
    let needle =
        format!("\"table\":{},\"key\":{}", key_text(&table.name.as_str().into()), key_text(&key));
    let before = before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX);
    let arguments =
        Bound::default().with(channel.as_str().to_owned()).with(before).with(needle).done();
    let mut connection = pool.acquire().await.map_err(store_error)?;
    work_until(&mut connection, Instant::now() + PATIENCE).await?;
    let began = Instant::now();
    let mut stream = sqlx::query_with(SELECT, arguments).fetch(&mut *connection);
    let mut page = PastPage::new(&table.name, key, limit);
    while let Some(row) = stream.try_next().await.map_err(store_error)? {
        if own::<bool>(&row, 5)? {
            let (entry, olds) = entry_of(&facts.schema, &row, &table.name)?;
            if !page.take(&entry, olds) {
                return Ok(page.finish(None));
            }
        }
        if began.elapsed() > LOOKING {
            return Ok(page.finish(Some(number(&row, 0)?)));
        }
    }
    Ok(page.finish(None))
}

/// An entry, and the old values of its changes; those of this table as the wire has them.
fn entry_of(
    schema: &LiveSchema,
    row: &SqliteRow,
    table: &str,
) -> Result<(Entry, Vec<Fields>), StoreError> {
    let mut olds: Vec<Fields> = parsed(own(row, 4)?)?;
    for old in &mut olds {
        as_declared(schema, table, old);
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
