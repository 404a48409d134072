//! Reading logs: heads, what lies after a cursor, the past of a row; and forgetting.

use std::time::Duration;

use rowcast_protocol::{
    Change, ChannelName, ColumnType, Cursor, Fields, Seq, Value,
    news::EditOf,
    reply::{PastChange, SnapshotReason},
};
use sqlx::{Row as _, postgres::PgRow};

use super::{
    PostgresStore,
    raw::{Decoded, EntryRow, wire_key, wire_key_value},
};
use crate::store::{Head, LiveTable, ReadAfter, StoreError, StoredEntry, Trimmed};

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

const PAST: &str = "
    SELECT e.channel, e.seq, e.tag, e.actor, e.edits::text, e.reset, e.changes,
        to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at
    FROM rowcast.entry e
    WHERE e.channel = $1 AND e.seq < $2 AND strpos(e.changes, $3) > 0
    ORDER BY e.seq DESC LIMIT $4";

/// How many rows one statement forgets.
const FORGET_AT_ONCE: i64 = 5_000;

/// The newest entry of a log holds its head: it stays, without its content (`bytes` tells).
const FORGET_ENTRIES: &str = "
    WITH old AS (
        SELECT e.channel, e.seq, NOT EXISTS (
            SELECT FROM rowcast.entry next WHERE next.channel = e.channel AND next.seq > e.seq
        ) AS newest
        FROM rowcast.entry e WHERE e.at <= now() - make_interval(secs => $1)
          AND (e.bytes >= 0 OR EXISTS (SELECT FROM rowcast.entry next
                                       WHERE next.channel = e.channel AND next.seq > e.seq))
        ORDER BY e.channel, e.seq LIMIT $2
    ), gone AS (
        DELETE FROM rowcast.entry e USING old
        WHERE NOT old.newest AND e.channel = old.channel AND e.seq = old.seq RETURNING e.bytes
    ), emptied AS (
        UPDATE rowcast.entry e
        SET bytes = -1, changes = NULL, edits = NULL, actor = NULL, reset = NULL FROM old
        WHERE old.newest AND e.channel = old.channel AND e.seq = old.seq RETURNING 0 AS bytes
    )
    SELECT count(*) FILTER (WHERE bytes >= 0), count(*)
    FROM (SELECT bytes FROM gone UNION ALL SELECT bytes FROM emptied) all_of_them";

const FORGET_OUTCOMES: &str = "
    WITH gone AS (
        DELETE FROM rowcast.edit e USING (
            SELECT old.user_id, old.id FROM rowcast.edit old
            WHERE old.at <= now() - make_interval(secs => $1) LIMIT $2
        ) old WHERE e.user_id = old.user_id AND e.id = old.id RETURNING 1
    )
    SELECT count(*), count(*) FROM gone";

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
        let entries = rows.iter().filter_map(entry_of).map(|entry| -> Result<_, StoreError> {
            Ok(lent.settle(entry)?.decode(&self.schema)?.stored)
        });
        let entries: Vec<StoredEntry> = entries.collect::<Result<_, _>>()?;
        Ok(ReadAfter::Entries { entries, head: self.cursor(found.head_seq, found.head_tag) })
    }

    /// See [`Store::history`](crate::store::Store::history).
    pub(super) async fn read_history(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        key: &[Value],
        before: Option<Seq>,
        limit: u32,
    ) -> Result<(Vec<PastChange>, bool), StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let needle = needle(table, key);
        let key = wire_key_value(table, key);
        let mut before = before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX);
        let mut past = Vec::new();
        while past.len() <= limit {
            let entries = self.entries_with(channel, before, &needle).await?;
            let Some(oldest) = entries.last().map(|entry| entry.seq) else { break };
            before = oldest;
            for entry in entries {
                past.extend(past_of(&entry.decode(&self.schema)?, &table.name, &key));
            }
        }
        // A page ends between entries: the next one continues before its last entry.
        let cut = whole_entries(&past, limit);
        let more = past.len() > cut;
        past.truncate(cut);
        Ok((past, more))
    }

    async fn entries_with(
        &self,
        channel: &ChannelName,
        before: i64,
        needle: &str,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let query =
            sqlx::query(PAST).bind(channel.as_str()).bind(before).bind(needle).bind(100_i64);
        let mut lent = self.pools.reader().await?;
        let rows = query.fetch_all(lent.connection()).await;
        let rows = lent.settle(rows)?;
        let entries: Result<Vec<EntryRow>, sqlx::Error> = rows.iter().map(EntryRow::read).collect();
        lent.settle(entries)
    }

    /// See [`Store::trim`](crate::store::Store::trim).
    pub(super) async fn forget(
        &self,
        keep_log: Duration,
        keep_outcomes: Duration,
    ) -> Result<Trimmed, StoreError> {
        Ok(Trimmed {
            entries: self.forget_all(FORGET_ENTRIES, keep_log).await?,
            outcomes: self.forget_all(FORGET_OUTCOMES, keep_outcomes).await?,
        })
    }

    async fn forget_all(&self, sql: &'static str, keep: Duration) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let mut lent = self.pools.writer().await?;
            let query = sqlx::query(sql).bind(keep.as_secs_f64()).bind(FORGET_AT_ONCE);
            let row = query.fetch_one(lent.connection()).await;
            let row = lent.settle(row)?;
            let forgotten: i64 = lent.settle(row.try_get(0))?;
            let touched: i64 = lent.settle(row.try_get(1))?;
            total += forgotten.unsigned_abs();
            if touched < FORGET_AT_ONCE {
                return Ok(total);
            }
        }
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

/// A text that stands in the changes of a row with this key; empty if there is none to look for.
fn needle(table: &LiveTable, key: &[Value]) -> String {
    let last = table.key.last().and_then(|&index| table.columns.get(index));
    match (last.map(|column| column.kind), key.last()) {
        (Some(ColumnType::Int), Some(Value::Int(number))) => number.to_string(),
        (Some(ColumnType::Uuid | ColumnType::Text), Some(_)) => wire_key(table, key)
            .last()
            .and_then(|part| serde_json::to_string(part).ok())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// How many of these changes make whole entries and are no more than `limit`; at least one entry.
fn whole_entries(past: &[PastChange], limit: usize) -> usize {
    if past.len() <= limit {
        return past.len();
    }
    let cut_seq = past.get(limit).map(|change| change.seq);
    let whole = past.iter().take_while(|change| Some(change.seq) != cut_seq).count();
    if whole > 0 { whole } else { limit }
}

/// What an entry did to one row, newest first.
fn past_of(decoded: &Decoded, table: &str, key: &Value) -> Vec<PastChange> {
    let entry = &decoded.stored.entry;
    let changes = entry.changes.iter().zip(&decoded.olds).rev();
    let past = changes.filter_map(|(change, old)| {
        let (op, of_table, of_key, new, edit) = parts(change);
        if of_table != table || of_key != key {
            return None;
        }
        let edit: Option<&EditOf> =
            edit.and_then(|edit| entry.edits.get(usize::try_from(edit).ok()?));
        Some(PastChange {
            seq: entry.seq,
            at: entry.at.clone(),
            op: op.to_owned(),
            user: edit.map(|edit| edit.user.clone()).or_else(|| entry.by.clone()),
            edit: edit.map(|edit| edit.id),
            new: new.cloned().unwrap_or_default(),
            old: old.clone(),
        })
    });
    past.collect()
}

type Parts<'a> = (&'static str, &'a str, &'a Value, Option<&'a Fields>, Option<u32>);

fn parts(change: &Change) -> Parts<'_> {
    match change {
        Change::Insert(row) => ("insert", &row.table, &row.key, Some(&row.row), row.edit),
        Change::Enter(row) => ("enter", &row.table, &row.key, Some(&row.row), row.edit),
        Change::Update(row) => ("update", &row.table, &row.key, Some(&row.set), row.edit),
        Change::Delete(row) => ("delete", &row.table, &row.key, None, row.edit),
        Change::Leave(row) => ("leave", &row.table, &row.key, None, row.edit),
    }
}
