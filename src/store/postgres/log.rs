//! Reading logs: heads, and what lies after a cursor.

use rowcast_protocol::{ChannelName, Cursor, reply::SnapshotReason};
use sqlx::{Row as _, postgres::PgRow};

use super::{PostgresStore, entry::EntryRow};
use crate::store::{Head, ReadAfter, StoreError, StoredEntry};

const HEADS: &str = "
    SELECT head.seq, head.tag FROM unnest($1::text[]) WITH ORDINALITY wanted(name, nth)
    LEFT JOIN LATERAL (
        SELECT e.seq, e.tag FROM rowcast.entry e
        WHERE e.channel = wanted.name ORDER BY e.seq DESC LIMIT 1
    ) head ON true
    ORDER BY wanted.nth";

/// Never more entries than this at once, however small they are.
const MOST_ENTRIES: i64 = 1_000;

/// What an entry costs beside its changes, bytes.
const ENTRY_BYTES: i64 = 100;

const READ: &str = "
    SELECT head.seq AS head_seq, head.tag AS head_tag, first.seq AS first_seq, first.bytes < 0 AS first_empty, mine.tag AS my_tag,
        EXISTS (SELECT FROM rowcast.entry r
                WHERE r.channel = $1 AND r.seq > $2 AND r.reset IS NOT NULL) AS reset_between,
        e.channel, e.seq, e.tag, e.actor, e.edits::text, e.reset, e.changes,
        to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at
    FROM (SELECT 1) one
    LEFT JOIN LATERAL (SELECT h.seq, h.tag FROM rowcast.entry h
        WHERE h.channel = $1 ORDER BY h.seq DESC LIMIT 1) head ON true
    LEFT JOIN LATERAL (SELECT f.seq, f.bytes FROM rowcast.entry f
        WHERE f.channel = $1 ORDER BY f.seq LIMIT 1) first ON true
    LEFT JOIN rowcast.entry mine ON mine.channel = $1 AND mine.seq = $2
    LEFT JOIN LATERAL (
        SELECT * FROM (
            SELECT w.*, sum(w.bytes + $4) OVER (ORDER BY w.seq) - w.bytes - $4 AS before
            FROM (SELECT * FROM rowcast.entry x WHERE x.channel = $1 AND x.seq > $2
                  ORDER BY x.seq LIMIT $5) w
        ) counted WHERE counted.before < $3
    ) e ON true
    ORDER BY e.seq";

impl PostgresStore {
    /// See [`Store::heads`](crate::store::Store::heads).
    pub(super) async fn read_heads(
        &self,
        channels: &[ChannelName],
    ) -> Result<Vec<Head>, StoreError> {
        let names: Vec<&str> = channels.iter().map(ChannelName::as_str).collect();
        let mut lent = self.pools.reader().await?;
        let rows = sqlx::query(HEADS).bind(names).fetch_all(lent.connection()).await;
        let rows = lent.settle(rows)?;
        let heads = channels.iter().zip(&rows).map(|(channel, row)| {
            let cursor = self.cursor(row.try_get("seq")?, row.try_get("tag")?);
            Ok(Head { channel: channel.clone(), cursor })
        });
        let heads: Result<Vec<Head>, sqlx::Error> = heads.collect();
        lent.settle(heads)
    }

    /// See [`Store::read_after`](crate::store::Store::read_after).
    pub(super) async fn read_log(
        &self,
        channel: &ChannelName,
        cursor: Cursor,
        budget: usize,
    ) -> Result<ReadAfter, StoreError> {
        if cursor.epoch != self.epoch {
            return Ok(ReadAfter::Snapshot(SnapshotReason::OtherHistory));
        }
        let query = sqlx::query(READ)
            .bind(channel.as_str())
            .bind(i64::try_from(cursor.seq).unwrap_or(i64::MAX))
            .bind(i64::try_from(budget.max(1)).unwrap_or(i64::MAX))
            .bind(ENTRY_BYTES)
            .bind(MOST_ENTRIES);
        let mut lent = self.pools.reader().await?;
        let rows = query.fetch_all(lent.connection()).await;
        let rows = lent.settle(rows)?;
        let Some(found) = rows.first().map(Found::read) else {
            return Err(StoreError::Failed("reading a log gave nothing".to_owned()));
        };
        let found = lent.settle(found)?;
        if let Some(reason) = found.reason(cursor) {
            return Ok(ReadAfter::Snapshot(reason));
        }
        let schema = self.schema.load_full();
        let entries = rows.iter().filter_map(entry_of).map(|entry| -> Result<_, StoreError> {
            Ok(lent.settle(entry)?.decode(&schema)?.stored)
        });
        let entries: Vec<StoredEntry> = entries.collect::<Result<_, _>>()?;
        Ok(ReadAfter::Entries { entries, head: self.cursor(found.head_seq, found.head_tag) })
    }
}

/// What a read found beside the entries.
struct Found {
    head_seq: Option<i64>,
    head_tag: Option<i32>,
    first_seq: Option<i64>,
    first_empty: Option<bool>,
    my_tag: Option<i32>,
    reset_between: bool,
}

impl Found {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            head_seq: row.try_get("head_seq")?,
            head_tag: row.try_get("head_tag")?,
            first_seq: row.try_get("first_seq")?,
            first_empty: row.try_get("first_empty")?,
            my_tag: row.try_get("my_tag")?,
            reset_between: row.try_get("reset_between")?,
        })
    }

    /// Why the cursor cannot be continued, if it cannot.
    fn reason(&self, cursor: Cursor) -> Option<SnapshotReason> {
        let seq = i64::try_from(cursor.seq).unwrap_or(i64::MAX);
        if seq > self.head_seq.unwrap_or(0) {
            return Some(SnapshotReason::Ahead);
        }
        let known = match self.my_tag {
            Some(tag) => tag.unsigned_abs() == cursor.tag,
            None if seq == 0 => cursor.tag == 0,
            None => return Some(SnapshotReason::TooOld),
        };
        if !known {
            return Some(SnapshotReason::OtherHistory);
        }
        let first = self.first_seq.unwrap_or(1);
        if (seq == 0 && first > 1) || (seq < first && self.first_empty == Some(true)) {
            return Some(SnapshotReason::TooOld);
        }
        self.reset_between.then_some(SnapshotReason::Reset)
    }
}

/// The entry in a row of a read, if there is one.
fn entry_of(row: &PgRow) -> Option<Result<EntryRow, sqlx::Error>> {
    match row.try_get::<Option<i64>, _>("seq") {
        Ok(None) => None,
        Ok(Some(_)) => Some(EntryRow::read(row)),
        Err(error) => Some(Err(error)),
    }
}
