//! The shape of an operation: what operations that one statement applies have in common.

use std::sync::Arc;

use rowcast_protocol::{Fields, Value};

use super::value::{json_operand, json_value};
use crate::store::{
    LiveTable,
    edit::{CheckedOp, ColumnValues},
    weight::are_large,
};

/// From here on, `o` counts rows that only make room for another; they may be gone.
pub(super) const MAKING_ROOM: usize = 1_000_000;

/// What an assignment does to its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// The value.
    Set,
    /// The value, only if another assignment changes something: who edited last.
    SetIfChanged,
    /// The sum.
    Add,
    /// The list with the missing items.
    AddItems,
    /// The list without the items.
    RemoveItems,
}

/// Which statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
}

/// What operations of one statement have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) verb: Verb,
    pub(super) table: usize,
    pub(super) assigned: Vec<(usize, How)>,
    pub(super) guarded: Vec<usize>,
    /// Whether the row is weighed when it has been written.
    pub(super) weighed: bool,
}

/// An operation: its shape, the row's key if it is known, and the JSON for the statement.
#[derive(Debug)]
pub(super) struct Shaped {
    pub(super) shape: Shape,
    pub(super) key: Option<Vec<Value>>,
    pub(super) row: Fields,
}

/// Brings an operation into shape. `place` is the key in the hand-made order, if it asks for one.
pub(super) fn shaped(
    tables: &[Arc<LiveTable>],
    op: &CheckedOp,
    place: Option<&str>,
) -> Option<Shaped> {
    let table = tables.get(op.table())?;
    let mut builder = Builder::new(op, table);
    match op {
        CheckedOp::Insert { fields, .. } => {
            builder.shape.weighed = are_large(fields);
            builder.assign(fields, How::Set);
        }
        CheckedOp::Update { change, guard, .. } => {
            builder.shape.weighed = are_large(&change.set) || !change.add.is_empty();
            builder.guard(guard);
            builder.assign(&change.set, How::Set);
            builder.assign(&change.inc, How::Add);
            builder.items(&change.add, How::AddItems);
            builder.items(&change.remove, How::RemoveItems);
        }
        CheckedOp::Move { to, to_id, guard, .. } => {
            builder.guard(guard);
            builder.row.insert("m", to.id());
            builder.assign(&vec![(table.channel_column, to_id.clone())], How::Set);
        }
        CheckedOp::Delete { guard, .. } => builder.guard(guard),
    }
    if let Some(place) = place {
        builder.text(table.order, How::Set, place);
    }
    Some(builder.finish(op))
}

/// A new key in the hand-made order for a row that makes room for another.
pub(super) fn shifted(
    table_index: usize,
    table: &LiveTable,
    key: Vec<Value>,
    place: &str,
) -> Shaped {
    let change = crate::store::edit::FieldOps::default();
    let op = CheckedOp::Update { table: table_index, key, change, guard: Vec::new() };
    let mut builder = Builder::new(&op, table);
    builder.text(table.order, How::Set, place);
    builder.finish(&op)
}

fn verb_of(op: &CheckedOp) -> Verb {
    match op {
        CheckedOp::Insert { .. } => Verb::Insert,
        CheckedOp::Update { .. } | CheckedOp::Move { .. } => Verb::Update,
        CheckedOp::Delete { .. } => Verb::Delete,
    }
}

struct Builder<'a> {
    table: &'a LiveTable,
    shape: Shape,
    row: Fields,
}

impl<'a> Builder<'a> {
    fn new(op: &CheckedOp, table: &'a LiveTable) -> Self {
        let shape = Shape {
            verb: verb_of(op),
            table: op.table(),
            assigned: Vec::new(),
            guarded: Vec::new(),
            weighed: false,
        };
        Self { table, shape, row: Fields::new() }
    }

    fn value(&mut self, column: usize, how: How, json: Value) {
        let is_editor = self.shape.verb == Verb::Update && self.table.editor == Some(column);
        let how = if is_editor && how == How::Set { How::SetIfChanged } else { how };
        self.row.insert(format!("v{}", self.shape.assigned.len()), json);
        self.shape.assigned.push((column, how));
    }

    fn assign(&mut self, values: &ColumnValues, how: How) {
        for (index, value) in values {
            let json = self.table.columns.get(*index).map(|column| json_value(column, value));
            self.value(*index, how, json.unwrap_or_default());
        }
    }

    fn items(&mut self, lists: &[(usize, Vec<Value>)], how: How) {
        for (index, items) in lists {
            let list = Value::List(items.clone());
            let json = self.table.columns.get(*index).map(|column| json_value(column, &list));
            self.value(*index, how, json.unwrap_or_default());
        }
    }

    fn text(&mut self, column: Option<usize>, how: How, text: &str) {
        if let Some(column) = column {
            self.value(column, how, Value::from(text));
        }
    }

    fn guard(&mut self, guard: &ColumnValues) {
        for (place, (index, value)) in guard.iter().enumerate() {
            let json = self.table.columns.get(*index).map(|column| json_operand(column, value));
            self.row.insert(format!("g{place}"), json.unwrap_or_default());
            self.shape.guarded.push(*index);
        }
    }

    fn finish(mut self, op: &CheckedOp) -> Shaped {
        let key = match op {
            CheckedOp::Insert { fields, .. } => key_among(self.table, fields),
            CheckedOp::Update { key, .. }
            | CheckedOp::Delete { key, .. }
            | CheckedOp::Move { key, .. } => Some(key.clone()),
        };
        if self.shape.verb != Verb::Insert {
            let parts = super::name::key(self.table).zip(key.iter().flatten()).enumerate();
            for (place, (column, value)) in parts {
                self.row.insert(format!("k{place}"), json_operand(column, value));
            }
        }
        Shaped { shape: self.shape, key, row: self.row }
    }
}

/// The key of a row to insert, if all of it is given.
pub(super) fn key_among(table: &LiveTable, fields: &ColumnValues) -> Option<Vec<Value>> {
    let part = |wanted: &usize| {
        fields.iter().find(|(index, _)| index == wanted).map(|(_, value)| value.clone())
    };
    table.key.iter().map(part).collect()
}

impl Shape {
    /// The only column that a sum or list could have failed at.
    pub(super) fn column_of(&self, how: &[How]) -> Option<usize> {
        let mut found = self.assigned.iter().filter(|(_, one)| how.contains(one));
        let (column, _) = found.next()?;
        found.next().is_none().then_some(*column)
    }
}
