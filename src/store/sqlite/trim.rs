//! Forgets what is older than it must be kept, a piece at a time, so that no edit waits long.

use std::time::Duration;

use jiff::Timestamp;
use rowcast_protocol::Seq;
use sqlx::SqlitePool;

use super::{
    super::error::StoreError,
    connection::{Connection, nth, store_error},
    raw::{Bound, number, own},
    read::rows,
};

/// Entries or outcomes that one transaction deletes.
const PIECE: u64 = 2_000;

/// Entries of a channel that may go.
pub(super) struct Old {
    channel: i64,
    from: Seq,
    until: Seq,
}

/// The instant before which things are old, in microseconds since 1970.
pub(super) fn cutoff(keep: Duration) -> i64 {
    let keep = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
    Timestamp::now().as_microsecond().saturating_sub(keep)
}

/// What may go, channel by channel, in pieces.
pub(super) async fn old_entries(pool: &SqlitePool, cutoff: i64) -> Result<Vec<Old>, StoreError> {
    let sql =
        "SELECT channel, min(seq), max(seq) FROM rowcast_entry WHERE at <= ? GROUP BY channel";
    let mut pieces = Vec::new();
    for row in rows(pool, sql.to_owned(), Bound::default().with(cutoff).done()).await? {
        let (channel, mut from, last) = (own(&row, 0)?, number(&row, 1)?, number(&row, 2)?);
        while from <= last {
            let until = last.min(from + PIECE - 1);
            pieces.push(Old { channel, from, until });
            from = until + 1;
        }
    }
    Ok(pieces)
}

/// Deletes a piece, and remembers where its channel begins now. Returns how many entries went.
pub(super) async fn forget_entries(
    connection: &mut Connection,
    old: &Old,
) -> Result<u64, StoreError> {
    let until = old.until.cast_signed();
    let sql = "BEGIN IMMEDIATE;
        UPDATE rowcast_channel SET floor_tag = e.tag, floor = e.seq
            FROM rowcast_entry e WHERE rowcast_channel.id = ? AND e.channel = ? AND e.seq = ?
            AND rowcast_channel.floor < e.seq;
        DELETE FROM rowcast_entry WHERE channel = ? AND seq BETWEEN ? AND ?;
        COMMIT";
    let bound = Bound::default()
        .with(old.channel)
        .with(old.channel)
        .with(until)
        .with(old.channel)
        .with(old.from.cast_signed())
        .with(until);
    piece(connection, sql, bound, 2).await
}

/// Deletes a piece of the outcomes stored before an instant. Returns how many went.
pub(super) async fn forget_outcomes(
    connection: &mut Connection,
    cutoff: i64,
) -> Result<u64, StoreError> {
    let sql = "BEGIN IMMEDIATE;
        DELETE FROM rowcast_edit WHERE at <= ? AND n IN (SELECT n FROM rowcast_edit ORDER BY n LIMIT ?);
        COMMIT";
    let bound = Bound::default().with(cutoff).with(PIECE.cast_signed());
    piece(connection, sql, bound, 1).await
}

async fn piece(
    connection: &mut Connection,
    sql: &str,
    bound: Bound,
    deleting: usize,
) -> Result<u64, StoreError> {
    let answers = connection.run(sql, bound.done()).await;
    if answers.is_err() {
        let _ = connection.run("ROLLBACK", Bound::none()).await;
    }
    Ok(nth(answers.map_err(store_error)?, deleting).changed)
}
