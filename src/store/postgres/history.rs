//! The past of one row, from its channel's log.

use rowcast_protocol::{
    Change, ChannelName, ColumnType, Fields, Seq, Value, news::EditOf, reply::PastChange,
};

use super::{
    PostgresStore,
    entry::{Decoded, EntryRow},
    raw::{wire_key, wire_key_value},
};
use crate::store::{LiveTable, StoreError};

const PAST: &str = "
    SELECT e.channel, e.seq, e.tag, e.actor, e.edits::text, e.reset, e.changes,
        to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at
    FROM rowcast.entry e
    WHERE e.channel = $1 AND e.seq < $2 AND strpos(e.changes, $3) > 0
    ORDER BY e.seq DESC LIMIT $4";

impl PostgresStore {
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

/// How many of these changes make whole entries and are no more than `limit`; at least one entry,
/// however long.
fn whole_entries(past: &[PastChange], limit: usize) -> usize {
    if past.len() <= limit {
        return past.len();
    }
    let cut_seq = past.get(limit).map(|change| change.seq);
    let whole = past.iter().take_while(|change| Some(change.seq) != cut_seq).count();
    if whole > 0 { whole } else { past.iter().filter(|c| Some(c.seq) == cut_seq).count() }
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
