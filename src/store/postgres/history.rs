//! The past of one row, from its channel's log.

use rowcast_protocol::{ChannelName, ColumnType, Seq, Value};

use super::{
    PostgresStore,
    entry::EntryRow,
    raw::{wire_key, wire_key_value},
};
use crate::store::{
    LiveTable, Past, StoreError,
    history::{LOOKING, PastPage},
};

const PAST: &str = "
    SELECT coalesce(e.channel, '') AS channel, e.seq, e.tag, e.actor, e.edits::text, e.reset, e.changes,
        to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at
    FROM rowcast.entries_with($1, $2, $3, $4, $5) e";

/// Bytes of entries that are read at a time: they hold the changes of other rows too.
const ENTRY_BYTES: i32 = 4 << 20;

impl PostgresStore {
    /// See [`Store::history`](crate::store::Store::history).
    pub(super) async fn read_history(
        &self,
        channel: &ChannelName,
        table: &LiveTable,
        key: &[Value],
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Past, StoreError> {
        let schema = self.schema.load_full();
        let before = before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX);
        let query = sqlx::query(PAST)
            .bind(channel.as_str())
            .bind(before)
            .bind(needle(table, key))
            .bind(ENTRY_BYTES)
            .bind(i32::try_from(LOOKING.as_millis()).unwrap_or(i32::MAX));
        let mut lent = self.pools.asker().await?;
        let rows = query.fetch_all(lent.connection()).await;
        let rows = lent.settle(rows)?;
        let entries: Result<Vec<EntryRow>, sqlx::Error> = rows.iter().map(EntryRow::read).collect();
        let mut page = PastPage::new(&table.name, wire_key_value(table, key), limit);
        for entry in lent.settle(entries)? {
            if entry.channel.is_empty() {
                return Ok(page.finish(Some(entry.seq.unsigned_abs())));
            }
            let decoded = entry.decode(&schema)?;
            if !page.take(&decoded.stored.entry, decoded.olds) {
                break;
            }
        }
        Ok(page.finish(None))
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
