//! Single entries with what they replaced, and stored outcomes of edits.

use rowcast_protocol::{ChannelName, Fields, Seq};
use sqlx::SqlitePool;

use super::{
    super::{
        Applied, PastEntry,
        edit::CheckedEdit,
        error::{EditError, StoreError},
    },
    connection::store_error,
    facts::Facts,
    outcomes,
    raw::{Bound, own},
    read::{as_declared, change_table, parsed, rows, stored_entry},
};

/// Columns as [`stored_entry`] wants them.
const ENTRY: &str = "SELECT NULL, NULL, NULL, NULL, NULL, NULL,
        e.seq, e.tag, e.at, e.reset, e.edits, e.changes, e.olds
    FROM rowcast_channel c JOIN rowcast_entry e ON e.channel = c.id
    WHERE c.name = ? AND e.seq = ?";

/// An entry with the old values of its changes.
pub(super) async fn entry(
    facts: &Facts,
    pool: &SqlitePool,
    channel: &ChannelName,
    seq: Seq,
) -> Result<Option<PastEntry>, StoreError> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let arguments = Bound::default().with(channel.as_str().to_owned()).with(seq).done();
    let found = sqlx::query_with(ENTRY, arguments).fetch_optional(pool).await;
    let Some(row) = found.map_err(store_error)? else { return Ok(None) };
    let stored = stored_entry(&facts.schema, &row)?;
    let mut olds: Vec<Fields> = parsed(own(&row, 12)?)?;
    for (change, old) in stored.entry.changes.iter().zip(&mut olds) {
        as_declared(&facts.schema, change_table(change), old);
    }
    Ok(Some(PastEntry { stored, olds }))
}

/// The stored outcome of an edit.
pub(super) async fn outcome(
    facts: &Facts,
    pool: &SqlitePool,
    edit: &CheckedEdit,
) -> Result<Option<Result<Applied, EditError>>, StoreError> {
    let edits = std::slice::from_ref(edit);
    let (sql, arguments) = outcomes::lookup(edits);
    let rows = rows(pool, sql, arguments).await?;
    Ok(outcomes::found(facts, edits, &rows)?.remove(&0))
}
