//! What a client makes of pages and entries.

use std::collections::BTreeMap;

use rowcast::store::LiveTable;
use rowcast_protocol::{Change, Entry, Fields, Value};

/// What a client holds of a channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Replica {
    /// Rows by table and key.
    pub(crate) rows: BTreeMap<(String, String), Fields>,
    /// The last entry applied.
    pub(crate) seq: u64,
}

/// A key as text, to sort by.
pub(crate) fn key_text(key: &Value) -> String {
    serde_json::to_string(key).unwrap()
}

impl Replica {
    /// Takes rows of a snapshot.
    pub(crate) fn take_page(&mut self, table: &LiveTable, rows: Vec<Fields>) {
        for row in rows {
            let mut key: Vec<Value> = table
                .key
                .iter()
                .map(|&c| row.get(&table.columns[c].name).unwrap().clone())
                .collect();
            let key = if key.len() == 1 { key.remove(0) } else { Value::List(key) };
            self.rows.insert((table.name.clone(), key_text(&key)), row);
        }
    }

    /// Applies an entry as a client does.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        assert!(entry.reset.is_empty(), "a reset needs a snapshot");
        for change in &entry.changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Insert(row) | Change::Enter(row) => {
                self.rows.insert((row.table.clone(), key_text(&row.key)), row.row.clone());
            }
            Change::Update(update) => {
                if let Some(row) = self.rows.get_mut(&(update.table.clone(), key_text(&update.key)))
                {
                    row.0.extend(update.set.0.clone());
                }
            }
            Change::Delete(gone) | Change::Leave(gone) => {
                self.rows.remove(&(gone.table.clone(), key_text(&gone.key)));
            }
        }
    }
}

/// A change in one line, such as `update tasks "k" {"title":"x"} by 0`.
pub(crate) fn told(change: &Change) -> String {
    let by = |edit: Option<u32>| edit.map(|edit| format!(" by {edit}")).unwrap_or_default();
    let line =
        |op, table: &str, key: &Value, edit| format!("{op} {table} {}{}", key_text(key), by(edit));
    match change {
        Change::Insert(row) => line("insert", &row.table, &row.key, row.edit),
        Change::Enter(row) => line("enter", &row.table, &row.key, row.edit),
        Change::Delete(key) => line("delete", &key.table, &key.key, key.edit),
        Change::Leave(key) => line("leave", &key.table, &key.key, key.edit),
        Change::Update(update) => {
            let set = serde_json::to_string(&update.set).unwrap();
            format!("update {} {} {set}{}", update.table, key_text(&update.key), by(update.edit))
        }
    }
}

/// All changes of an entry, in one line each.
pub(crate) fn tale(entry: &Entry) -> Vec<String> {
    entry.changes.iter().map(told).collect()
}
