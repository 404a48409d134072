//! The rows of one channel as a client holds them, folded by the protocol's rules, and every rule
//! that the hub must keep checked on the way.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use rowcast_protocol::{
    Change, Entry, Epoch, Fields, Schema, Seq, Value,
    news::{Entries, SnapshotBegin, SnapshotEnd, SnapshotPage},
};

/// A row by its table and key.
pub(super) type RowKey = (String, String);
/// The rows of a channel.
pub(super) type Rows = BTreeMap<RowKey, Fields>;

/// The key columns of each table.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<String, Vec<String>>);

impl Keys {
    /// As the hub's schema says.
    pub(super) fn of(schema: &Schema) -> Self {
        let tables = schema.tables.iter().flatten();
        Self(tables.map(|table| (table.name.clone(), table.key.clone())).collect())
    }

    fn of_row(&self, table: &str, row: &Fields) -> RowKey {
        let columns = self.0.get(table).map_or(&[] as &[String], Vec::as_slice);
        let value = |column: &String| row.get(column).cloned().unwrap_or_default();
        let key = match columns {
            [only] => text(&value(only)),
            several => text(&Value::List(several.iter().map(value).collect())),
        };
        (table.to_owned(), key)
    }
}

fn text(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// What the hub must not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("entry {got} came where {due} was due: a hole")]
    Hole { due: Seq, got: Seq },
    #[error("entry {got} came where {due} was due: a repetition")]
    Repeated { due: Seq, got: Seq },
    #[error("entries came before the snapshot they follow")]
    Unfounded,
    #[error("entries came in the middle of a snapshot")]
    WithinSnapshot,
    #[error("the cursor stands at {cursor}, its last entry is {last}")]
    Cursor { cursor: Seq, last: Seq },
    #[error("a snapshot's page or end came without its beginning")]
    NoBeginning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing yet.
    Empty,
    /// Pages of a snapshot are coming.
    Pages,
    /// Entries are coming; whole from `show` on.
    Entries { show: Seq },
    /// A reset came: the client must subscribe again.
    Void,
}

/// What a client must do after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    GoOn,
    /// Subscribe without a cursor.
    SubscribeAgain,
}

/// One channel's rows on one device.
#[derive(Debug)]
pub(super) struct Replica {
    keys: Rc<Keys>,
    stage: Stage,
    epoch: Option<Epoch>,
    seq: Seq,
    rows: Rows,
    /// How many snapshots came.
    snapshots: u64,
}

impl Replica {
    pub(super) fn new(keys: Rc<Keys>) -> Self {
        Self { keys, stage: Stage::Empty, epoch: None, seq: 0, rows: Rows::new(), snapshots: 0 }
    }

    /// Whether the rows are whole.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.stage, Stage::Entries { show } if self.seq >= show)
    }

    /// The last entry that was applied.
    pub(super) fn seq(&self) -> Seq {
        self.seq
    }

    /// The rows.
    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// How many snapshots came; more than one: the hub started over.
    pub(super) fn snapshots(&self) -> u64 {
        self.snapshots
    }

    /// A snapshot begins: what was there is void.
    pub(super) fn begin(&mut self, begin: &SnapshotBegin) {
        self.stage = Stage::Pages;
        self.epoch = Some(begin.epoch);
        self.rows.clear();
        self.snapshots += 1;
    }

    /// Some rows of a snapshot.
    pub(super) fn page(&mut self, page: &SnapshotPage) -> Result<(), Fault> {
        if self.stage != Stage::Pages {
            return Err(Fault::NoBeginning);
        }
        let keyed = page.rows.iter().map(|row| (self.keys.of_row(&page.table, row), row.clone()));
        self.rows.extend(keyed);
        Ok(())
    }

    /// The end of a snapshot.
    pub(super) fn end(&mut self, end: &SnapshotEnd) -> Result<(), Fault> {
        if self.stage != Stage::Pages {
            return Err(Fault::NoBeginning);
        }
        self.stage = Stage::Entries { show: end.show };
        self.seq = end.seq;
        if end.cursor.seq == end.seq {
            Ok(())
        } else {
            Err(Fault::Cursor { cursor: end.cursor.seq, last: end.seq })
        }
    }

    /// Applies entries, and hands out each.
    pub(super) fn entries<'a>(
        &mut self,
        news: &'a Entries,
        mut each: impl FnMut(&'a Entry),
    ) -> Result<Next, Fault> {
        match self.stage {
            Stage::Empty => return Err(Fault::Unfounded),
            Stage::Pages => return Err(Fault::WithinSnapshot),
            Stage::Void => return Ok(Next::GoOn),
            Stage::Entries { .. } => {}
        }
        let mut fault = None;
        for entry in &news.entries {
            if let Err(found) = self.expect(entry.seq) {
                fault.get_or_insert(found);
            }
            self.apply(entry);
            each(entry);
            if self.stage == Stage::Void {
                return Ok(Next::SubscribeAgain);
            }
        }
        match fault {
            Some(fault) => Err(fault),
            None if news.cursor.seq != self.seq => {
                Err(Fault::Cursor { cursor: news.cursor.seq, last: self.seq })
            }
            None => Ok(Next::GoOn),
        }
    }

    fn expect(&self, got: Seq) -> Result<(), Fault> {
        let due = self.seq + 1;
        match got.cmp(&due) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(Fault::Hole { due, got }),
            std::cmp::Ordering::Less => Err(Fault::Repeated { due, got }),
        }
    }

    fn apply(&mut self, entry: &Entry) {
        self.seq = entry.seq;
        if !entry.reset.is_empty() {
            self.stage = Stage::Void;
        }
        entry.changes.iter().for_each(|change| self.change(change));
    }

    fn change(&mut self, change: &Change) {
        let key = |table: &String, key: &Value| (table.clone(), text(key));
        match change {
            Change::Insert(new) | Change::Enter(new) => {
                self.rows.insert(key(&new.table, &new.key), new.row.clone());
            }
            Change::Update(changed) => {
                if let Some(row) = self.rows.get_mut(&key(&changed.table, &changed.key)) {
                    row.0.extend(
                        changed.set.0.iter().map(|(name, value)| (name.clone(), value.clone())),
                    );
                }
            }
            Change::Delete(gone) | Change::Leave(gone) => {
                self.rows.remove(&key(&gone.table, &gone.key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::{
        ChannelName, Cursor,
        news::{FieldsChange, KeyChange, RowChange},
        reply::SnapshotReason,
    };

    use super::*;

    const EPOCH: Epoch = Epoch(7);

    fn channel() -> ChannelName {
        ChannelName::new("project:1").unwrap()
    }

    fn cursor(seq: Seq) -> Cursor {
        Cursor { epoch: EPOCH, seq, tag: 1 }
    }

    fn row(id: &str, title: &str) -> Fields {
        Fields::from_iter([("id", Value::from(id)), ("title", title.into())])
    }

    fn news(changes: Vec<(Seq, Change)>) -> Entries {
        let last = changes.last().map_or(0, |(seq, _)| *seq);
        let entry = |(seq, change)| Entry { seq, changes: vec![change], ..Entry::default() };
        let entries = changes.into_iter().map(entry).collect();
        Entries { channel: channel(), entries, cursor: cursor(last) }
    }

    fn renamed(id: &str, title: &str) -> Change {
        let set = Fields::from_iter([("title", title)]);
        Change::Update(FieldsChange { table: "tasks".to_owned(), key: id.into(), set, edit: None })
    }

    /// A replica at entry 5 with tasks `a` and `b`, whole from 6 on.
    fn replica() -> Replica {
        let keys = Keys(HashMap::from([("tasks".to_owned(), vec!["id".to_owned()])]));
        let mut replica = Replica::new(Rc::new(keys));
        let reason = SnapshotReason::NoCursor;
        replica.begin(&SnapshotBegin { channel: channel(), epoch: EPOCH, reason });
        let rows = vec![row("a", "one"), row("b", "two")];
        let page = SnapshotPage { channel: channel(), table: "tasks".to_owned(), seq: 6, rows };
        replica.page(&page).unwrap();
        let end = SnapshotEnd { channel: channel(), cursor: cursor(5), seq: 5, show: 6 };
        replica.end(&end).unwrap();
        replica
    }

    #[test]
    fn it_is_whole_once_the_entry_to_show_is_applied() {
        let mut replica = replica();
        assert!(!replica.is_whole());
        let next = replica.entries(&news(vec![(6, renamed("a", "uno"))]), |_| {});
        assert_eq!(next, Ok(Next::GoOn));
        assert!(replica.is_whole());
        assert_eq!(replica.rows[&("tasks".to_owned(), "a".to_owned())], row("a", "uno"));
    }

    #[test]
    fn inserts_replace_and_changes_of_unknown_rows_are_ignored() {
        let mut replica = replica();
        let insert = RowChange {
            table: "tasks".to_owned(),
            key: "a".into(),
            row: row("a", "new"),
            edit: None,
        };
        let delete = KeyChange { table: "tasks".to_owned(), key: "b".into(), edit: None };
        let changes = vec![
            (6, Change::Insert(insert)),
            (7, Change::Delete(delete.clone())),
            (8, Change::Leave(delete)),
            (9, renamed("b", "gone")),
        ];
        replica.entries(&news(changes), |_| {}).unwrap();
        assert_eq!(replica.rows().values().collect::<Vec<_>>(), [&row("a", "new")]);
    }

    #[test]
    fn holes_and_repetitions_are_faults() {
        let mut replica = replica();
        let hole = replica.entries(&news(vec![(7, renamed("a", "x"))]), |_| {});
        assert_eq!(hole, Err(Fault::Hole { due: 6, got: 7 }));
        let again = replica.entries(&news(vec![(7, renamed("a", "x"))]), |_| {});
        assert_eq!(again, Err(Fault::Repeated { due: 8, got: 7 }));
    }

    #[test]
    fn entries_within_a_snapshot_are_a_fault() {
        let mut replica = replica();
        replica.begin(&SnapshotBegin {
            channel: channel(),
            epoch: EPOCH,
            reason: SnapshotReason::FarBehind,
        });
        let within = replica.entries(&news(vec![(6, renamed("a", "x"))]), |_| {});
        assert_eq!(within, Err(Fault::WithinSnapshot));
        assert_eq!(replica.snapshots(), 2);
    }

    #[test]
    fn after_a_reset_entries_are_ignored_until_a_snapshot() {
        let mut replica = replica();
        let entry = Entry { seq: 6, reset: vec!["tasks".to_owned()], ..Entry::default() };
        let reset = Entries { channel: channel(), entries: vec![entry], cursor: cursor(6) };
        assert_eq!(replica.entries(&reset, |_| {}), Ok(Next::SubscribeAgain));
        assert_eq!(replica.entries(&news(vec![(9, renamed("a", "x"))]), |_| {}), Ok(Next::GoOn));
        assert!(!replica.is_whole());
    }
}
