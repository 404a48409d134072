//! Checks an edit against the live tables and the person's role, before any store sees it.
//!
//! What passes needs no second look: every column exists and may be written in this way, every
//! value fits its column and is in the normal form that [`crate::store::edit`] describes. What the
//! database alone can know (constraints, whether rows exist, guards) is left to it.
//!
//! Rights: inserting, updating and deleting need the role that the table's declaration names. A
//! move takes a row away from one channel and adds it to another: it needs the rights to update and
//! delete here, and the right to insert there. The caller checks the latter, since `role` is the
//! person's role in the edit's own channel.

use std::sync::Arc;

use rowcast_protocol::{
    ChannelName, Edit, ErrorCode, Op, Role, Value,
    request::{Delete, Insert, Move, Update},
};

use crate::store::{
    CheckedEdit, CheckedOp, EditError, LiveColumn, LiveSchema, LiveTable,
    edit::{CheckedPlace, ColumnValues, FieldOps},
    values::accept::accepted,
};

mod fields;
mod fingerprint;
mod key;
#[cfg(test)]
mod tests;
mod undo;
mod values;

pub use fingerprint::with_tag;
pub use key::row_key;
pub use undo::{rows_of, undo};

/// Checks an edit of a person who has this role in the edit's channel, and brings its values into
/// normal form. Touches nothing but memory and never panics.
///
/// # Errors
/// The first thing that is wrong, naming the operation, the table and the field.
pub fn check(
    schema: &Arc<LiveSchema>,
    user: &Arc<str>,
    role: Role,
    edit: &Edit,
) -> Result<CheckedEdit, EditError> {
    if edit.ops.is_empty() {
        return Err(bad("an edit needs at least one operation"));
    }
    let check_at = |(index, op)| {
        check_op(schema, user, role, edit, op)
            .map_err(|error: EditError| error.in_op(index).in_table(&short(op.table())))
    };
    Ok(CheckedEdit {
        schema: Arc::clone(schema),
        user: Arc::clone(user),
        id: edit.id,
        hash: fingerprint::of(edit)?,
        channel: edit.channel.clone(),
        ops: edit.ops.iter().enumerate().map(check_at).collect::<Result<_, _>>()?,
    })
}

fn check_op(
    schema: &LiveSchema,
    user: &Arc<str>,
    role: Role,
    edit: &Edit,
    op: &Op,
) -> Result<CheckedOp, EditError> {
    let kind = edit.channel.kind();
    let (index, table) = schema.find(op.table(), kind)?;
    let scope = Scope { index, table, channel: &edit.channel, user, role };
    match op {
        Op::Insert(op) => scope.insert(op),
        Op::Update(op) => scope.update(op),
        Op::Delete(op) => scope.delete(op),
        Op::Move(_) if edit.ops.len() > 1 => Err(bad("a move stands alone in its edit")),
        Op::Move(op) => scope.move_row(op),
    }
}

/// One operation's surroundings.
struct Scope<'a> {
    index: usize,
    table: &'a LiveTable,
    channel: &'a ChannelName,
    user: &'a Arc<str>,
    role: Role,
}

impl Scope<'_> {
    fn insert(&self, op: &Insert) -> Result<CheckedOp, EditError> {
        self.allow("insert into", self.table.insert)?;
        let place = self.place(op.place.as_ref(), None)?;
        let place = place.or_else(|| self.order_is_required().then_some(CheckedPlace::Last));
        Ok(CheckedOp::Insert { table: self.index, fields: self.new_row(&op.row)?, place })
    }

    fn update(&self, op: &Update) -> Result<CheckedOp, EditError> {
        self.allow("update", self.table.update)?;
        let key = row_key(self.table, &op.key)?;
        let change = self.change(op, &key)?;
        Ok(CheckedOp::Update { table: self.index, key, change, guard: self.guard(&op.guard)? })
    }

    fn delete(&self, op: &Delete) -> Result<CheckedOp, EditError> {
        self.allow("delete from", self.table.delete)?;
        let key = row_key(self.table, &op.key)?;
        Ok(CheckedOp::Delete { table: self.index, key, guard: self.guard(&op.guard)? })
    }

    fn move_row(&self, op: &Move) -> Result<CheckedOp, EditError> {
        self.allow("update", self.table.update)?;
        self.allow("delete from", self.table.delete)?;
        let key = row_key(self.table, &op.key)?;
        self.movable_to(&op.to)?;
        let to_id = self.channel_value(&op.to)?;
        let guard = self.guard(&op.guard)?;
        Ok(CheckedOp::Move { table: self.index, key, to: op.to.clone(), to_id, guard })
    }

    fn allow(&self, deed: &str, least: Option<Role>) -> Result<(), EditError> {
        if least.is_some_and(|least| self.role >= least) {
            return Ok(());
        }
        let table = &self.table.name;
        let who = match least {
            Some(Role::Owner) => "only owners may",
            Some(_) => "only editors and owners may",
            None => "no client may",
        };
        Err(EditError::new(ErrorCode::Forbidden, format!("{who} {deed} `{table}`")))
    }

    fn movable_to(&self, to: &ChannelName) -> Result<(), EditError> {
        if self.table.key.contains(&self.table.channel_column) {
            let name = self.name_of(self.table.channel_column);
            return Err(readonly(name, "belongs to the row's key, so the row cannot move"));
        }
        if to.kind() != self.channel.kind() {
            return Err(bad(format!(
                "a row moves only between channels of one kind, here `{}`",
                self.channel.kind()
            )));
        }
        if to == self.channel {
            return Err(bad("the row is to move to the channel it is in"));
        }
        Ok(())
    }

    /// The value of the channel's column for the rows of a channel.
    fn channel_value(&self, channel: &ChannelName) -> Result<Value, EditError> {
        let column = self.table.columns.get(self.table.channel_column);
        column.and_then(|column| channel_id(column, channel.id())).ok_or_else(|| {
            EditError::new(ErrorCode::UnknownChannel, format!("there is no channel {channel}"))
        })
    }

    /// Author and editor are filled by the hub, whatever the client sent.
    fn stamp(&self, column: Option<usize>, fields: &mut ColumnValues) -> Result<(), EditError> {
        let Some(index) = column else { return Ok(()) };
        if fields.iter().any(|(other, _)| *other == index) {
            return Ok(());
        }
        let user = Value::from(&**self.user);
        let (_, value) = self.fitting(index, &user)?;
        fields.push((index, value));
        Ok(())
    }

    fn change(&self, op: &Update, key: &[Value]) -> Result<FieldOps, EditError> {
        let mut change = FieldOps {
            set: self.set(&op.set)?,
            inc: self.increments(&op.inc)?,
            add: self.items(&op.add)?,
            remove: self.items(&op.remove)?,
            place: self.place(op.place.as_ref(), Some(key))?,
        };
        self.each_column_once(&change)?;
        if change != FieldOps::default() {
            self.stamp(self.table.editor, &mut change.set)?;
            change.set.sort_by_key(|(index, _)| *index);
        }
        Ok(change)
    }
}

/// Whether this is the name of a channel, the way its rows' changes are recorded: the id is in the
/// normal form of the column that holds it, byte for byte. `project:ABC` is not another spelling of
/// `project:abc` but no channel at all.
#[must_use]
pub fn is_channel(schema: &LiveSchema, channel: &ChannelName) -> bool {
    let of_kind = schema.tables.iter().filter(|table| table.channel_kind == channel.kind());
    let mut columns = of_kind.filter_map(|table| table.columns.get(table.channel_column));
    columns.all(|column| channel_id(column, channel.id()).is_some())
}

/// A channel's id as a value of the column that holds it; `None`: it is spelled otherwise than it
/// would be recorded.
fn channel_id(column: &LiveColumn, id: &str) -> Option<Value> {
    let value = accepted(column, &Value::from(id))?;
    let spelled = match &value {
        Value::Text(text) => text == id,
        Value::Int(number) => number.to_string() == id,
        _ => false,
    };
    spelled.then_some(value)
}

fn bad(message: impl Into<String>) -> EditError {
    EditError::new(ErrorCode::BadMessage, message)
}

fn readonly(field: &str, why: &str) -> EditError {
    EditError::new(ErrorCode::ReadonlyField, format!("`{field}` {why}")).in_field(field)
}

/// The beginning of a name that a client made up.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}
