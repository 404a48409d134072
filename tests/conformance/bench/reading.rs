//! Logs and rows as the store tells them.

use rowcast::store::{ReadAfter, StoredEntry};
use rowcast_protocol::{ChannelName, Cursor, Entry, Fields, Value};

use super::{Bench, Replica, board, key_text};
use crate::harness::Harness;

impl<H: Harness> Bench<H> {
    pub(crate) async fn head(&self, channel: &ChannelName) -> Cursor {
        self.store.heads(std::slice::from_ref(channel)).await.unwrap().remove(0).cursor
    }

    /// The whole log with its tags.
    pub(crate) async fn stored_log(&self, channel: &ChannelName) -> Vec<StoredEntry> {
        let start = Cursor { seq: 0, tag: 0, ..self.head(channel).await };
        self.stored_after(channel, start).await
    }

    /// What lies after a cursor that must fit.
    pub(crate) async fn stored_after(
        &self,
        channel: &ChannelName,
        cursor: Cursor,
    ) -> Vec<StoredEntry> {
        match self.store.read_after(channel, cursor, 1 << 30).await.unwrap() {
            ReadAfter::Entries { entries, .. } => entries,
            ReadAfter::Snapshot(reason) => panic!("{channel} needs a snapshot: {reason:?}"),
        }
    }

    /// The whole log.
    pub(crate) async fn log(&self, channel: &ChannelName) -> Vec<Entry> {
        self.stored_log(channel).await.into_iter().map(|stored| stored.entry).collect()
    }

    /// The entries after a cursor.
    pub(crate) async fn after(&self, channel: &ChannelName, cursor: Cursor) -> Vec<Entry> {
        let entries = self.stored_after(channel, cursor).await;
        entries.into_iter().map(|stored| stored.entry).collect()
    }

    /// The newest entry.
    pub(crate) async fn last(&self, channel: &ChannelName) -> Entry {
        self.log(channel).await.pop().expect("the log is empty")
    }

    /// The rows of a channel as a snapshot has them, page by page.
    pub(crate) async fn rows(&self, channel: &ChannelName) -> Replica {
        let mut replica = Replica::default();
        let mut place = None;
        loop {
            let page = self.store.snapshot_page(channel, place, 7).await.unwrap();
            if let Some(table) = &page.table {
                replica.take_page(table, page.rows);
            }
            match page.next {
                Some(next) => place = Some(next),
                None => return replica,
            }
        }
    }

    /// One row as a snapshot has it.
    pub(crate) async fn row(
        &self,
        channel: &ChannelName,
        table: &str,
        key: &Value,
    ) -> Option<Fields> {
        self.rows(channel).await.rows.remove(&(table.to_owned(), key_text(key)))
    }

    /// One field as a snapshot has it.
    #[track_caller]
    pub(crate) fn field(
        &self,
        channel: &ChannelName,
        table: &str,
        key: &Value,
        field: &str,
    ) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        let row = self.row(channel, table, key);
        async move {
            let row = row.await.unwrap_or_else(|| panic!("{place}: there is no such row"));
            row.get(field).cloned().unwrap_or_else(|| panic!("{place}: there is no such field"))
        }
    }

    /// The keys of the board `b` in their hand-made order.
    pub(crate) async fn order(&self) -> Vec<i64> {
        let rows = self.rows(&board("b")).await.rows;
        let mut placed: Vec<(bool, String, i64)> = rows
            .values()
            .map(|row| {
                let pos = row.get("pos").and_then(Value::as_str);
                let Some(Value::Int(id)) = row.get("id") else { panic!("a card has an id") };
                (pos.is_none(), pos.unwrap_or_default().to_owned(), *id)
            })
            .collect();
        placed.sort();
        placed.into_iter().map(|(_, _, id)| id).collect()
    }

    /// That the log, folded from the beginning, gives the rows of the channel.
    pub(crate) async fn log_gives_the_rows(&self, channel: &ChannelName) {
        let mut replica = Replica::default();
        for entry in self.log(channel).await {
            replica.apply(&entry);
        }
        assert_eq!(replica, self.rows(channel).await, "{channel}");
    }
}
