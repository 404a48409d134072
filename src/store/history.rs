//! A page of one row's past, told out of entries, whichever store they come from.

use std::time::Duration;

use rowcast_protocol::{Change, Entry, Fields, Seq, Value, reply::PastChange};

use super::weight::{PAGE_BYTES, bytes_of_fields};

/// How long a store looks through a log at a time: others wait for the same connections.
pub(super) const LOOKING: Duration = Duration::from_millis(200);

/// A page that fills up, newest first.
#[derive(Debug)]
pub struct PastPage<'a> {
    table: &'a str,
    key: Value,
    limit: usize,
    changes: Vec<PastChange>,
    bytes: usize,
    /// The last entry on the page.
    oldest: Option<Seq>,
    is_full: bool,
}

/// A piece of the past of a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// The changes, newest first; possibly none.
    pub changes: Vec<PastChange>,
    /// Where there may be older ones: before this entry.
    pub next: Option<Seq>,
}

impl<'a> PastPage<'a> {
    /// An empty page about the row with this key, as the wire has it. It holds whole entries, and no
    /// more than `limit` changes and [`PAGE_BYTES`] unless one entry alone has more.
    #[must_use]
    pub fn new(table: &'a str, key: Value, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        Self { table, key, limit, changes: Vec::new(), bytes: 0, oldest: None, is_full: false }
    }

    /// Takes the next older entry; `olds` are the old values of its changes, one item each. Returns
    /// whether the page takes another one.
    pub fn take(&mut self, entry: &Entry, olds: Vec<Fields>) -> bool {
        let changes = entry.changes.iter().zip(olds).rev();
        let past: Vec<PastChange> =
            changes.filter_map(|(change, old)| self.past(entry, change, old)).collect();
        if past.is_empty() {
            return true;
        }
        let bytes: usize =
            past.iter().map(|past| bytes_of_fields(&past.new) + bytes_of_fields(&past.old)).sum();
        let fits =
            self.changes.len() + past.len() <= self.limit && self.bytes + bytes <= PAGE_BYTES;
        self.is_full = !fits && !self.changes.is_empty();
        if !self.is_full {
            self.changes.extend(past);
            self.bytes += bytes;
            self.oldest = Some(entry.seq);
        }
        !self.is_full
    }

    /// The page; `looked_to`: the last entry that was looked at, if there are older ones.
    #[must_use]
    pub fn finish(self, looked_to: Option<Seq>) -> Past {
        let next = if self.is_full { self.oldest } else { looked_to };
        Past { changes: self.changes, next }
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
