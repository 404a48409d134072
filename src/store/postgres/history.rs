//! The past of one row, from its channel's log.

use rowcast_protocol::{ChannelName, ColumnType, Seq, Value, reply::PastChange};

use super::{
    PostgresStore,
    entry::EntryRow,
    raw::{wire_key, wire_key_value},
};
use crate::store::{LiveTable, StoreError, history::PastPage};

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
        let (schema, needle) = (self.schema.load_full(), needle(table, key));
        let mut page = PastPage::new(&table.name, wire_key_value(table, key), limit);
        let mut before = before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX);
        loop {
            let entries = self.entries_with(channel, before, &needle).await?;
            let Some(oldest) = entries.last().map(|entry| entry.seq) else { break };
            before = oldest;
            for entry in entries {
                let decoded = entry.decode(&schema)?;
                if !page.take(&decoded.stored.entry, decoded.olds) {
                    return Ok(page.finish());
                }
            }
        }
        Ok(page.finish())
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
