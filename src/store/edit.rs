//! Edits that were checked against the schema: what a store applies without looking again.
//!
//! Columns are indexes into [`LiveTable::columns`](super::LiveTable::columns), tables indexes into
//! [`LiveSchema::tables`](super::LiveSchema::tables). Values fit their column's type and are in one
//! normal form: UUIDs in lower case, instants as `2026-11-20T10:15:00.000000Z`, integers as
//! [`Value::Int`], decimals as text, bytes as [`Value::Bytes`]. Null stands only where the column
//! may be null.

use std::sync::Arc;

use rowcast_protocol::{ChannelName, EditId, Value};

use super::{
    LiveSchema, LiveTable,
    weight::{bytes_of, bytes_of_values},
};

/// Fields by the index of their column.
pub type ColumnValues = Vec<(usize, Value)>;

/// A row that a client named.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedRow {
    /// Its table as it was when the key was checked.
    pub table: Arc<LiveTable>,
    /// The values of its key columns.
    pub key: Vec<Value>,
}

/// An edit, ready to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedEdit {
    /// The tables that it was checked against: every index below is one of these.
    pub schema: Arc<LiveSchema>,
    /// Who makes it.
    pub user: Arc<str>,
    /// Made by the client.
    pub id: EditId,
    /// A hash of everything else in the edit: the same id with another hash is a conflict.
    pub hash: [u8; 16],
    /// The channel of every row named.
    pub channel: ChannelName,
    /// At least one; a `Move` stands alone.
    pub ops: Vec<CheckedOp>,
}

impl CheckedEdit {
    /// About how many bytes its values have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ops.iter().map(CheckedOp::bytes).sum()
    }
}

/// One operation, ready to be applied.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckedOp {
    /// Adds a row; the channel's column is among the fields.
    Insert {
        /// The table.
        table: usize,
        /// The fields that have a value; the others take the database's defaults.
        fields: ColumnValues,
        /// The place in the hand-made order.
        place: Option<CheckedPlace>,
    },
    /// Changes fields of a row of the edit's channel.
    Update {
        /// The table.
        table: usize,
        /// The row.
        key: Vec<Value>,
        /// What to change.
        change: FieldOps,
        /// Applied only if these fields hold these values.
        guard: ColumnValues,
    },
    /// Removes a row of the edit's channel.
    Delete {
        /// The table.
        table: usize,
        /// The row.
        key: Vec<Value>,
        /// Applied only if these fields hold these values.
        guard: ColumnValues,
    },
    /// Moves a row of the edit's channel to another channel of the same kind.
    Move {
        /// The table.
        table: usize,
        /// The row.
        key: Vec<Value>,
        /// Where it goes.
        to: ChannelName,
        /// The new value of the channel's column.
        to_id: Value,
        /// Applied only if these fields hold these values.
        guard: ColumnValues,
    },
}

impl CheckedOp {
    /// The index of its table.
    #[must_use]
    pub fn table(&self) -> usize {
        match self {
            Self::Insert { table, .. }
            | Self::Update { table, .. }
            | Self::Delete { table, .. }
            | Self::Move { table, .. } => *table,
        }
    }

    /// Where it places its row by hand.
    #[must_use]
    pub fn place(&self) -> Option<&CheckedPlace> {
        match self {
            Self::Insert { place, .. } => place.as_ref(),
            Self::Update { change, .. } => change.place.as_ref(),
            Self::Delete { .. } | Self::Move { .. } => None,
        }
    }

    fn bytes(&self) -> usize {
        let values = match self {
            Self::Insert { fields, .. } => bytes_of_values(fields),
            Self::Update { change, guard, .. } => change.bytes() + bytes_of_values(guard),
            Self::Delete { guard, .. } | Self::Move { guard, .. } => bytes_of_values(guard),
        };
        64 + values
    }
}

/// What an update does to fields. No column stands twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FieldOps {
    /// New values.
    pub set: ColumnValues,
    /// Numbers to add; null counts as 0. Columns of type int, float or decimal.
    pub inc: ColumnValues,
    /// Lists of items to add where they are missing; null counts as empty. Columns of type json or
    /// list.
    pub add: Vec<(usize, Vec<Value>)>,
    /// Lists of items to remove. Columns of type json or list.
    pub remove: Vec<(usize, Vec<Value>)>,
    /// The place in the hand-made order.
    pub place: Option<CheckedPlace>,
}

impl FieldOps {
    fn bytes(&self) -> usize {
        let lists = self.add.iter().chain(&self.remove).flat_map(|(_, items)| items);
        bytes_of_values(&self.set) + bytes_of_values(&self.inc) + lists.map(bytes_of).sum::<usize>()
    }
}

/// A place in the hand-made order of the edit's channel.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckedPlace {
    /// Before all others.
    First,
    /// After all others that have a place.
    Last,
    /// Right after the row with this key.
    After(Vec<Value>),
    /// Right before the row with this key.
    Before(Vec<Value>),
}
