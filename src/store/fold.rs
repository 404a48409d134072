//! From recorded changes of rows to entries of logs: what a change means to the channels it
//! concerns, and how many changes one entry holds.

use std::collections::BTreeSet;

use rowcast_protocol::{
    Change, ChannelName, Fields, Value,
    news::{EditOf, FieldsChange, KeyChange, RowChange},
};

use super::{schema::LiveTable, weight::bytes_of_fields};

/// How much one entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryLimits {
    /// Changes of rows.
    pub changes: usize,
    /// Bytes of changes as JSON.
    pub bytes: usize,
}

impl Default for EntryLimits {
    fn default() -> Self {
        Self { changes: 1_000, bytes: 1 << 20 }
    }
}

/// A row as it was recorded: the wire's values by the index of their column. `None`: hidden, or, in
/// an update, the same before and after.
pub type RowImage = Vec<Option<Value>>;

/// A change of a row as one channel's log keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// What clients are told.
    pub change: Change,
    /// The old values of the fields that changed; the whole row for a delete or leave.
    pub old: Fields,
}

impl Recorded {
    /// About how many bytes its old and new values have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let new = match &self.change {
            Change::Insert(row) | Change::Enter(row) => bytes_of_fields(&row.row),
            Change::Update(fields) => bytes_of_fields(&fields.set),
            Change::Delete(_) | Change::Leave(_) => 0,
        };
        new + bytes_of_fields(&self.old)
    }

    /// As many bytes as the change can have as JSON, however its text is escaped.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        let table = table_of(&self.change).len();
        let values = match &self.change {
            Change::Insert(row) | Change::Enter(row) => most_of(&row.key) + most_in(&row.row),
            Change::Update(fields) => most_of(&fields.key) + most_in(&fields.set),
            Change::Delete(key) | Change::Leave(key) => most_of(&key.key),
        };
        64 + table * 6 + values
    }
}

fn most_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() * 6 + 3,
        Value::Bytes(bytes) => bytes.len() * 2 + 8,
        Value::List(items) => items.iter().map(most_of).sum::<usize>() + 3,
        Value::Map(fields) => most_in(fields),
        Value::Number(digits) => digits.len(),
        _ => 32,
    }
}

fn most_in(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| name.len() * 6 + 4 + most_of(value)).sum::<usize>() + 3
}

/// What a change of a row means to the channels it concerns, in order.
///
/// Both images of an update hold at least the key, the channel's column and what differs; if the
/// key or the channel's column differs, both are whole. A row whose channel's column makes no
/// channel name (an outside writer's) concerns nobody.
#[must_use]
pub fn changes_of(
    table: &LiveTable,
    before: Option<&RowImage>,
    after: Option<&RowImage>,
) -> Vec<(ChannelName, Recorded)> {
    let from = before.and_then(|row| channel_of(table, row));
    let to = after.and_then(|row| channel_of(table, row));
    match (from.zip(before), to.zip(after)) {
        (None, None) => Vec::new(),
        (None, Some((channel, row))) => vec![(channel, whole(table, row, Change::Insert))],
        (Some((channel, row)), None) => vec![(channel, gone(table, row, Change::Delete))],
        (Some((from, old)), Some((to, new))) if from != to => {
            vec![(from, gone(table, old, Change::Leave)), (to, whole(table, new, Change::Enter))]
        }
        (Some((channel, old)), Some((_, new))) if key_of(table, old) != key_of(table, new) => vec![
            (channel.clone(), gone(table, old, Change::Delete)),
            (channel, whole(table, new, Change::Insert)),
        ],
        (Some((channel, old)), Some((_, new))) => {
            difference(table, old, new).map(|recorded| (channel, recorded)).into_iter().collect()
        }
    }
}

/// The channel of a row, if the value of its column makes a name.
#[must_use]
pub fn channel_of(table: &LiveTable, row: &RowImage) -> Option<ChannelName> {
    let id = match row.get(table.channel_column)?.as_ref()? {
        Value::Text(id) => id.clone(),
        Value::Int(id) => id.to_string(),
        _ => return None,
    };
    ChannelName::new(&format!("{}:{id}", table.channel_kind)).ok()
}

/// The key of a row on the wire: the one column's value, or a list of several.
#[must_use]
pub fn key_of(table: &LiveTable, row: &RowImage) -> Value {
    let mut parts: Vec<Value> = table
        .key
        .iter()
        .map(|&column| row.get(column).cloned().flatten().unwrap_or_default())
        .collect();
    if parts.len() == 1 { parts.swap_remove(0) } else { Value::List(parts) }
}

/// The fields of a row as clients see them.
#[must_use]
pub fn fields_of(table: &LiveTable, row: &RowImage) -> Fields {
    let named = table.columns.iter().zip(row).filter(|(column, _)| !column.hidden);
    Fields(
        named.filter_map(|(column, value)| Some((column.name.clone(), value.clone()?))).collect(),
    )
}

fn whole(table: &LiveTable, row: &RowImage, change: fn(RowChange) -> Change) -> Recorded {
    let change = change(RowChange {
        table: table.name.clone(),
        key: key_of(table, row),
        row: fields_of(table, row),
        edit: None,
    });
    Recorded { change, old: Fields::new() }
}

fn gone(table: &LiveTable, row: &RowImage, change: fn(KeyChange) -> Change) -> Recorded {
    let change =
        change(KeyChange { table: table.name.clone(), key: key_of(table, row), edit: None });
    Recorded { change, old: fields_of(table, row) }
}

fn difference(table: &LiveTable, old: &RowImage, new: &RowImage) -> Option<Recorded> {
    let (mut set, mut was) = (Fields::new(), Fields::new());
    for ((column, old), new) in table.columns.iter().zip(old).zip(new) {
        if let (Some(old), Some(new)) = (old, new)
            && old != new
            && !column.hidden
        {
            set.insert(column.name.clone(), new.clone());
            was.insert(column.name.clone(), old.clone());
        }
    }
    let change = Change::Update(FieldsChange {
        table: table.name.clone(),
        key: key_of(table, new),
        set,
        edit: None,
    });
    (!was.is_empty()).then_some(Recorded { change, old: was })
}

/// The table that a change is about.
#[must_use]
pub fn table_of(change: &Change) -> &str {
    match change {
        Change::Insert(row) | Change::Enter(row) => &row.table,
        Change::Update(fields) => &fields.table,
        Change::Delete(key) | Change::Leave(key) => &key.table,
    }
}

fn name_edit(change: &mut Change, index: Option<u32>) {
    *match change {
        Change::Insert(row) | Change::Enter(row) => &mut row.edit,
        Change::Update(fields) => &mut fields.edit,
        Change::Delete(key) | Change::Leave(key) => &mut key.edit,
    } = index;
}

/// Gathers the changes of one entry.
#[derive(Debug)]
pub struct EntryBuilder {
    limits: EntryLimits,
    edits: Vec<EditOf>,
    changes: Vec<Change>,
    olds: Vec<Fields>,
    json: Vec<u8>,
    count: usize,
    tables: BTreeSet<String>,
}

/// The content of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// The edits in it.
    pub edits: Vec<EditOf>,
    /// The changes; none if this is a reset.
    pub changes: Vec<Change>,
    /// The same changes as JSON: a list, as it stands on the wire.
    pub json: String,
    /// The old values, one item per change.
    pub olds: Vec<Fields>,
    /// The tables that changed by more than an entry holds.
    pub reset: Vec<String>,
}

impl EntryBuilder {
    /// An empty entry.
    #[must_use]
    pub fn new(limits: EntryLimits) -> Self {
        Self {
            limits,
            edits: Vec::new(),
            changes: Vec::new(),
            olds: Vec::new(),
            json: vec![b'['],
            count: 0,
            tables: BTreeSet::new(),
        }
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether more was added than an entry holds.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.count > self.limits.changes || self.json.len() > self.limits.bytes
    }

    /// Whether an entry would hold what is here and what is there.
    #[must_use]
    pub fn has_room_for(&self, other: &Self) -> bool {
        self.count + other.count <= self.limits.changes
            && self.json.len() + other.json.len() <= self.limits.bytes
    }

    /// Names an edit; changes that follow may point at it by the index returned.
    pub fn name_edit(&mut self, edit: EditOf) -> u32 {
        self.edits.push(edit);
        u32::try_from(self.edits.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds a change. Once there are more than an entry holds, only the tables are remembered.
    pub fn push(&mut self, mut recorded: Recorded, edit: Option<u32>) {
        self.count += 1;
        if !self.tables.contains(table_of(&recorded.change)) {
            self.tables.insert(table_of(&recorded.change).to_owned());
        }
        if self.is_over() {
            self.forget();
            return;
        }
        name_edit(&mut recorded.change, edit);
        if !self.changes.is_empty() {
            self.json.push(b',');
        }
        rowcast_protocol::Codec::Json.encode_into(&recorded.change, &mut self.json);
        self.changes.push(recorded.change);
        self.olds.push(recorded.old);
    }

    /// Counts changes of a table that are known only by their number.
    pub fn push_unseen(&mut self, table: &str, count: usize) {
        self.count += count;
        self.tables.insert(table.to_owned());
    }

    /// Appends another entry's edits and changes.
    pub fn append(&mut self, other: Self) {
        let offset = u32::try_from(self.edits.len()).unwrap_or(u32::MAX);
        self.edits.extend(other.edits);
        let unseen = other.count - other.changes.len();
        for (change, old) in other.changes.into_iter().zip(other.olds) {
            let edit = edit_in(&change).map(|index| index.saturating_add(offset));
            self.push(Recorded { change, old }, edit);
        }
        self.count += unseen;
        self.tables.extend(other.tables);
    }

    /// The entry: its changes, or, if there are too many, a reset.
    #[must_use]
    pub fn finish(mut self) -> Folded {
        let over = self.is_over();
        if over {
            self.forget();
        }
        self.json.push(b']');
        Folded {
            edits: self.edits,
            json: String::from_utf8(self.json).unwrap_or_default(),
            changes: self.changes,
            olds: self.olds,
            reset: if over { self.tables.into_iter().collect() } else { Vec::new() },
        }
    }

    fn forget(&mut self) {
        self.changes = Vec::new();
        self.olds = Vec::new();
        self.json.truncate(1);
        // What was over in bytes stays over.
        self.count = self.count.max(self.limits.changes + 1);
    }
}

fn edit_in(change: &Change) -> Option<u32> {
    match change {
        Change::Insert(row) | Change::Enter(row) => row.edit,
        Change::Update(fields) => fields.edit,
        Change::Delete(key) | Change::Leave(key) => key.edit,
    }
}
