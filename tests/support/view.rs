//! What a device has of a channel: rows, and the place in the log, by the rules of the protocol.

use std::collections::BTreeMap;

use rowcast_protocol::{
    Change, Cursor, Entry, Epoch, Fields, Seq, TableSchema, Value,
    news::{Entries, SnapshotBegin, SnapshotEnd, SnapshotPage},
};

/// Rows by table and key; keys as JSON text.
pub(crate) type Rows = BTreeMap<(String, String), Fields>;

/// What one device has of one channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// The rows; not to be shown before they are whole.
    pub(crate) rows: Rows,
    /// The incarnation of the log.
    pub(crate) epoch: Option<Epoch>,
    /// The last entry applied.
    pub(crate) seq: Seq,
    /// Where to go on after a reconnect.
    pub(crate) cursor: Option<Cursor>,
    /// The entry from which on the rows are whole; `None` while a snapshot is being built.
    pub(crate) show: Option<Seq>,
    /// Every entry applied since the device connected, for tests that look at entries.
    pub(crate) entries: Vec<Entry>,
    /// The seqs at which pages were read.
    pub(crate) pages: Vec<Seq>,
}

/// Why an entry cannot be applied.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// An entry is missing before this one.
    Gap(Seq),
    /// A change too large for one entry: subscribe again without a cursor.
    Reset,
}

impl View {
    /// Whether the rows can be shown.
    pub(crate) fn is_whole(&self) -> bool {
        self.show.is_some_and(|show| self.seq >= show)
    }

    /// Everything is void; a snapshot comes.
    pub(crate) fn begins(&mut self, begin: &SnapshotBegin) {
        *self = Self {
            epoch: Some(begin.epoch),
            entries: std::mem::take(&mut self.entries),
            ..Self::default()
        };
    }

    /// Takes a page.
    pub(crate) fn takes(&mut self, page: &SnapshotPage, schema: &[TableSchema]) {
        self.pages.push(page.seq);
        for row in &page.rows {
            let key = key_of(schema, &page.table, row);
            self.rows.insert((page.table.clone(), key), row.clone());
        }
    }

    /// The last page has come.
    pub(crate) fn ends(&mut self, end: &SnapshotEnd) {
        self.seq = end.seq;
        self.cursor = Some(end.cursor);
        self.show = Some(end.show);
    }

    /// Applies what follows; what is known already is ignored.
    pub(crate) fn applies(&mut self, news: &Entries) -> Result<(), Broken> {
        for entry in &news.entries {
            if entry.seq <= self.seq {
                continue;
            }
            if entry.seq != self.seq + 1 {
                return Err(Broken::Gap(entry.seq));
            }
            self.apply(entry);
            if !entry.reset.is_empty() {
                return Err(Broken::Reset);
            }
        }
        self.cursor = Some(news.cursor);
        Ok(())
    }

    fn apply(&mut self, entry: &Entry) {
        for change in &entry.changes {
            match change {
                Change::Insert(change) | Change::Enter(change) => {
                    self.rows.insert(place(&change.table, &change.key), change.row.clone());
                }
                Change::Update(change) => {
                    if let Some(row) = self.rows.get_mut(&place(&change.table, &change.key)) {
                        row.0.extend(change.set.0.clone());
                    }
                }
                Change::Delete(change) | Change::Leave(change) => {
                    self.rows.remove(&place(&change.table, &change.key));
                }
            }
        }
        self.seq = entry.seq;
        self.entries.push(entry.clone());
    }

    /// A row.
    pub(crate) fn row(&self, table: &str, key: &str) -> Option<&Fields> {
        self.rows.get(&place(table, &Value::from(key)))
    }

    /// The rows of a table.
    pub(crate) fn table<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Fields> {
        self.rows.iter().filter(move |((name, _), _)| name == table).map(|(_, row)| row)
    }
}

fn place(table: &str, key: &Value) -> (String, String) {
    (table.to_owned(), serde_json::to_string(key).expect("a key is a value"))
}

fn key_of(schema: &[TableSchema], table: &str, row: &Fields) -> String {
    let columns = schema.iter().find(|known| known.name == table).map(|known| &known.key);
    let columns = columns.unwrap_or_else(|| panic!("the schema has no table {table}"));
    let mut parts: Vec<Value> =
        columns.iter().map(|column| row.get(column).cloned().unwrap_or_default()).collect();
    let key = if parts.len() == 1 { parts.swap_remove(0) } else { Value::List(parts) };
    serde_json::to_string(&key).expect("a key is a value")
}
