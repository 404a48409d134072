//! A page of one row's past, told out of entries, whichever store they come from.

use rowcast_protocol::{Change, Entry, Fields, Value, reply::PastChange};

/// A page that fills up, newest first.
#[derive(Debug)]
pub struct PastPage<'a> {
    table: &'a str,
    key: Value,
    limit: usize,
    changes: Vec<PastChange>,
    more: bool,
}

impl<'a> PastPage<'a> {
    /// An empty page about the row with this key, as the wire has it. It holds whole entries, and no
    /// more than `limit` changes unless one entry alone has more.
    #[must_use]
    pub fn new(table: &'a str, key: Value, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        Self { table, key, limit, changes: Vec::new(), more: false }
    }

    /// Takes the next older entry; `olds` are the old values of its changes, one item each. Returns
    /// whether the page takes another one.
    pub fn take(&mut self, entry: &Entry, olds: Vec<Fields>) -> bool {
        let changes = entry.changes.iter().zip(olds).rev();
        let past: Vec<PastChange> =
            changes.filter_map(|(change, old)| self.past(entry, change, old)).collect();
        let fits = self.changes.is_empty() || self.changes.len() + past.len() <= self.limit;
        if fits {
            self.changes.extend(past);
        } else {
            self.more = true;
        }
        fits
    }

    /// The changes, and whether there are older ones.
    #[must_use]
    pub fn finish(self) -> (Vec<PastChange>, bool) {
        (self.changes, self.more)
    }

    /// A change of an entry, if it is about the row.
    fn past(&self, entry: &Entry, change: &Change, old: Fields) -> Option<PastChange> {
        let (op, table, key, new, edit) = match change {
            Change::Insert(row) => ("insert", &row.table, &row.key, Some(&row.row), row.edit),
            Change::Enter(row) => ("enter", &row.table, &row.key, Some(&row.row), row.edit),
            Change::Update(row) => ("update", &row.table, &row.key, Some(&row.set), row.edit),
            Change::Delete(row) => ("delete", &row.table, &row.key, None, row.edit),
            Change::Leave(row) => ("leave", &row.table, &row.key, None, row.edit),
        };
        let edit = edit.and_then(|edit| entry.edits.get(usize::try_from(edit).ok()?));
        (table == self.table && *key == self.key).then(|| PastChange {
            seq: entry.seq,
            at: entry.at.clone(),
            op: op.to_owned(),
            user: edit.map(|edit| edit.user.clone()).or_else(|| entry.by.clone()),
            edit: edit.map(|edit| edit.id),
            new: new.cloned().unwrap_or_default(),
            old,
        })
    }
}
