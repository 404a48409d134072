//! The inverse of an entry as an edit, guarded so that it leaves alone what others did since.
//!
//! It restores values as they stood in the log, also those that the hub filled: the hand-made order, the
//! author. Columns that are read-only (generated ones among them) it leaves alone: no edit of a person
//! writes them, and what they hold by now may have been set on purpose. Rights are those of the inverse:
//! who undoes a deletion must be allowed to insert.

use std::{collections::HashSet, sync::Arc};

use rowcast_protocol::{Change, ChannelName, EditId, ErrorCode, Fields, Role, Value};

use super::{Scope, fingerprint, row_key};
use crate::store::{
    CheckedEdit, CheckedOp, EditError, LiveSchema, LiveTable, NamedRow, PastEntry,
    edit::{ColumnValues, FieldOps},
};

/// The edit by which this person undoes an entry.
///
/// # Errors
/// If the entry is no such thing as can be undone, or the person's role does not allow it.
pub fn undo(
    schema: &Arc<LiveSchema>,
    user: &Arc<str>,
    role: Role,
    (channel, id): (&ChannelName, EditId),
    past: &PastEntry,
) -> Result<CheckedEdit, EditError> {
    let entry = &past.stored.entry;
    if !entry.reset.is_empty() || entry.changes.is_empty() {
        let words = "the log does not hold what this entry changed, so it cannot be undone";
        return Err(EditError::new(ErrorCode::Refused, words));
    }
    let undoer = Undoer { schema, user, role, channel };
    let inverse = entry.changes.iter().zip(&past.olds).rev();
    let ops: Result<Vec<Option<CheckedOp>>, EditError> =
        inverse.map(|(change, old)| undoer.inverse(change, old)).collect();
    let mut ops: Vec<CheckedOp> = ops?.into_iter().flatten().collect();
    if ops.is_empty() {
        let words = "the entry changed only fields that are set by the server alone";
        return Err(EditError::new(ErrorCode::ReadonlyField, words));
    }
    if each_row_once(&entry.changes) {
        // What is referred to comes first and goes last.
        ops.sort_by_key(rank);
    }
    let hash = fingerprint::of_undo(channel, entry);
    let (schema, user) = (Arc::clone(schema), Arc::clone(user));
    Ok(CheckedEdit { schema, user, id, hash, channel: channel.clone(), ops })
}

/// The rows that an entry's changes name, one for each.
///
/// # Errors
/// If a table of the entry is no longer live.
pub fn rows_of(
    schema: &LiveSchema,
    channel: &ChannelName,
    past: &PastEntry,
) -> Result<Vec<NamedRow>, EditError> {
    let changes = past.stored.entry.changes.iter();
    let rows = changes.map(|change| {
        let (table, key) = named(change);
        let (_, live) = table_of(schema, channel, table)?;
        Ok(NamedRow { table: Arc::clone(live), key: row_key(live, key)? })
    });
    rows.collect()
}

/// Whose hand undoes what.
struct Undoer<'a> {
    schema: &'a LiveSchema,
    user: &'a Arc<str>,
    role: Role,
    channel: &'a ChannelName,
}

impl Undoer<'_> {
    /// The inverse of a change; `None`: it changed nothing that a person may change.
    fn inverse(&self, change: &Change, old: &Fields) -> Result<Option<CheckedOp>, EditError> {
        let (name, key) = named(change);
        let (index, table) = table_of(self.schema, self.channel, name)?;
        let Self { user, role, channel, .. } = *self;
        let scope = Scope { index, table, channel, user, role };
        let key = row_key(table, key)?;
        let inverse = match change {
            Change::Insert(row) => {
                scope.allow("delete from", table.delete)?;
                Ok(Some(CheckedOp::Delete { table: index, key, guard: scope.guard_of(&row.row)? }))
            }
            Change::Update(fields) => {
                scope.allow("update", table.update)?;
                let mut change = FieldOps { set: scope.restored(old)?, ..FieldOps::default() };
                if change.set.is_empty() {
                    return Ok(None);
                }
                scope.stamp(table.editor, &mut change.set)?;
                change.set.sort_by_key(|(index, _)| *index);
                let mut guard = scope.guard_of(&fields.set)?;
                scope.leave_readonly(&mut guard);
                Ok(Some(CheckedOp::Update { table: index, key, change, guard }))
            }
            Change::Delete(_) => {
                scope.allow("insert into", table.insert)?;
                let mut fields = scope.all(old)?;
                scope.leave_readonly(&mut fields);
                scope.nothing_missing(&fields)?;
                Ok(Some(CheckedOp::Insert { table: index, fields, place: None }))
            }
            Change::Enter(_) | Change::Leave(_) => {
                let words = "a move is undone by moving the row back";
                Err(EditError::new(ErrorCode::Refused, words))
            }
        };
        inverse.map_err(|error: EditError| error.in_table(name))
    }
}

impl Scope<'_> {
    /// Values of the log for an update: neither the key nor the channel changes by one, and the
    /// last editor is whoever undoes.
    fn restored(&self, old: &Fields) -> Result<ColumnValues, EditError> {
        let mut set = self.all(old)?;
        self.leave_readonly(&mut set);
        let table = self.table;
        set.retain(|(index, _)| {
            !table.key.contains(index)
                && *index != table.channel_column
                && Some(*index) != table.editor
        });
        Ok(set)
    }

    /// Leaves out what no person writes: columns that are read-only, unless the hub fills them itself or
    /// they say which row it is and where.
    fn leave_readonly(&self, fields: &mut ColumnValues) {
        let table = self.table;
        fields.retain(|(index, _)| {
            let is_ours = [table.order, table.author, table.editor].contains(&Some(*index))
                || table.key.contains(index)
                || *index == table.channel_column;
            is_ours || table.columns.get(*index).is_some_and(|column| !column.readonly)
        });
    }

    /// What a row must still hold. Who edited it last does not matter.
    fn guard_of(&self, new: &Fields) -> Result<ColumnValues, EditError> {
        let mut guard = self.all(new)?;
        guard.retain(|(index, _)| Some(*index) != self.table.editor);
        Ok(guard)
    }

    /// All fields in column order; those of columns that are gone are left out, and those that the
    /// database computes.
    fn all(&self, fields: &Fields) -> Result<ColumnValues, EditError> {
        let known = fields.iter().filter_map(|(name, value)| {
            let (index, column) = self.table.column(name)?;
            (!column.generated).then_some((index, value))
        });
        let values = known.map(|(index, value)| self.known(index, value));
        let mut values = values.collect::<Result<ColumnValues, _>>()?;
        values.sort_by_key(|(index, _)| *index);
        Ok(values)
    }
}

fn table_of<'a>(
    schema: &'a LiveSchema,
    channel: &ChannelName,
    name: &str,
) -> Result<(usize, &'a Arc<LiveTable>), EditError> {
    schema.find(name, channel.kind())
}

fn named(change: &Change) -> (&str, &Value) {
    match change {
        Change::Insert(row) | Change::Enter(row) => (&row.table, &row.key),
        Change::Update(fields) => (&fields.table, &fields.key),
        Change::Delete(gone) | Change::Leave(gone) => (&gone.table, &gone.key),
    }
}

fn each_row_once(changes: &[Change]) -> bool {
    let mut seen = HashSet::new();
    let text = |key: &Value| serde_json::to_string(key).unwrap_or_default();
    changes.iter().map(named).all(|(table, key)| seen.insert((table, text(key))))
}

/// Insertions by their tables' order, then updates, then deletions in the opposite order.
fn rank(op: &CheckedOp) -> (u8, i64) {
    let place = |table: usize| i64::try_from(table).unwrap_or(i64::MAX);
    match op {
        CheckedOp::Insert { table, .. } => (0, place(*table)),
        CheckedOp::Update { .. } | CheckedOp::Move { .. } => (1, 0),
        CheckedOp::Delete { table, .. } => (2, -place(*table)),
    }
}
