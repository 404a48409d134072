//! The past of a row, out of its channel's log.

use futures_util::TryStreamExt as _;
use rowcast_protocol::{ChannelName, Entry, Fields, Seq, Value};
use sqlx::{SqliteConnection, SqlitePool, sqlite::SqliteRow};
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

/// Entries that name the row, newest first. The text of a change begins with its operation, then table and
/// key follow, so they are found without being decoded.
const SELECT: &str = "SELECT e.seq, e.at, e.edits, e.changes, e.olds
    FROM rowcast_channel c CROSS JOIN rowcast_entry e ON e.channel = c.id
    WHERE c.name = ?1 AND e.seq < ?2 AND e.seq >= ?3 AND instr(e.changes, ?4) > 0 ORDER BY e.seq DESC";
/// Entries among which one statement looks.
const PIECE: i64 = 2_000;

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
    let mut connection = pool.acquire().await.map_err(store_error)?;
    work_until(&mut connection, Instant::now() + PATIENCE).await?;
    let began = Instant::now();
    let (floor, mut before) = bounds(&mut connection, channel, before).await?;
    let mut page = PastPage::new(&table.name, key, limit);
    while before > floor {
        if began.elapsed() > LOOKING {
            return Ok(page.finish(Some(before.unsigned_abs())));
        }
        let (from, piece) = (before.saturating_sub(PIECE), Instant::now());
        let arguments = Bound::default()
            .with(channel.as_str().to_owned())
            .with(before)
            .with(from)
            .with(needle.clone());
        let mut stream = sqlx::query_with(SELECT, arguments.done()).fetch(&mut *connection);
        while let Some(row) = stream.try_next().await.map_err(store_error)? {
            let (entry, olds) = entry_of(&facts.schema, &row, &table.name)?;
            if !page.take(&entry, olds) {
                return Ok(page.finish(None));
            }
        }
        drop(stream);
        before = from;
        // Writers may have the processor in between.
        tokio::time::sleep(piece.elapsed()).await;
    }
    Ok(page.finish(None))
}

/// Below which number nothing is kept, and before which one entries are wanted: not beyond the log's head.
async fn bounds(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    before: Option<Seq>,
) -> Result<(i64, i64), StoreError> {
    let known = sqlx::query_as("SELECT floor, head FROM rowcast_channel WHERE name = ?")
        .bind(channel.as_str())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    let (floor, head): (i64, i64) = known.unwrap_or_default();
    let beyond = head.saturating_add(1);
    let before = before.and_then(|seq| i64::try_from(seq).ok());
    Ok((floor, before.unwrap_or(beyond).min(beyond)))
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
