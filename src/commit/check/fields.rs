//! The fields of an operation: which columns it may write, and in which way.

use rowcast_protocol::{ColumnType, ErrorCode, Fields, Place, Value};

use super::{Scope, bad, readonly, row_key, short, values};
use crate::store::{
    EditError, LiveColumn,
    edit::{CheckedPlace, ColumnValues, FieldOps},
    values::accept::items,
};

impl Scope<'_> {
    /// The fields of a new row in column order, the channel's column and the stamps among them.
    pub(super) fn new_row(&self, row: &Fields) -> Result<ColumnValues, EditError> {
        let channel = self.table.channel_column;
        let channel_value = self.channel_value(self.channel)?;
        let mut fields = Vec::with_capacity(row.len() + 3);
        for (name, value) in row.iter() {
            let (index, column) = self.column(name)?;
            if index == channel {
                self.same_channel(index, value, &channel_value)?;
            } else {
                self.writable(index, column)?;
                fields.push(self.fitting(index, value)?);
            }
        }
        fields.push((channel, channel_value));
        self.stamp(self.table.author, &mut fields)?;
        self.stamp(self.table.editor, &mut fields)?;
        self.nothing_missing(&fields)?;
        fields.sort_by_key(|(index, _)| *index);
        Ok(fields)
    }

    pub(super) fn set(&self, fields: &Fields) -> Result<ColumnValues, EditError> {
        in_column_order(fields, |name, value| {
            let (index, _) = self.changeable(name)?;
            self.fitting(index, value)
        })
    }

    pub(super) fn increments(&self, fields: &Fields) -> Result<ColumnValues, EditError> {
        in_column_order(fields, |name, value| {
            let (index, column) = self.changeable(name)?;
            values::step(column.kind, value)
                .map(|step| (index, step))
                .ok_or_else(|| cannot_increment(column, value))
        })
    }

    pub(super) fn items(&self, fields: &Fields) -> Result<Vec<(usize, Vec<Value>)>, EditError> {
        in_column_order(fields, |name, value| self.items_of(name, value))
    }

    fn items_of(&self, name: &str, value: &Value) -> Result<(usize, Vec<Value>), EditError> {
        let (index, column) = self.changeable(name)?;
        if !matches!(column.kind, ColumnType::Json | ColumnType::List) {
            let why = "items are added and removed only where a column holds JSON or a list";
            return Err(wrong_type(column, why));
        }
        items(column, value).map(|items| (index, items)).ok_or_else(|| {
            wrong_type(column, "what to add or remove is a list of items that it can hold")
        })
    }

    /// Values that a row must have. Every visible column may be asked for.
    pub(super) fn guard(&self, fields: &Fields) -> Result<ColumnValues, EditError> {
        in_column_order(fields, |name, value| {
            let (index, _) = self.column(name)?;
            self.known(index, value)
        })
    }

    pub(super) fn place(
        &self,
        place: Option<&Place>,
        own_key: Option<&[Value]>,
    ) -> Result<Option<CheckedPlace>, EditError> {
        let Some(place) = place else { return Ok(None) };
        if self.table.order.is_none() {
            let why = format!("rows of `{}` have no hand-made order", self.table.name);
            return Err(EditError::new(ErrorCode::WrongType, why));
        }
        let anchor = |key: &Value| {
            let key = row_key(self.table, key)?;
            if own_key == Some(&key) {
                return Err(bad("a row cannot be placed beside itself"));
            }
            Ok(key)
        };
        Ok(Some(match place {
            Place::First => CheckedPlace::First,
            Place::Last => CheckedPlace::Last,
            Place::After(key) => CheckedPlace::After(anchor(key)?),
            Place::Before(key) => CheckedPlace::Before(anchor(key)?),
        }))
    }

    /// Whether a row must have a place because its order column may not be empty.
    pub(super) fn order_is_required(&self) -> bool {
        let column = self.table.order.and_then(|index| self.table.columns.get(index));
        column.is_some_and(|column| !column.nullable && !column.has_default)
    }

    pub(super) fn each_column_once(&self, change: &FieldOps) -> Result<(), EditError> {
        let values = change.set.iter().chain(&change.inc).map(|(index, _)| *index);
        let lists = change.add.iter().chain(&change.remove).map(|(index, _)| *index);
        let mut seen: Vec<usize> = values.chain(lists).collect();
        seen.sort_unstable();
        let twice = seen.iter().zip(seen.iter().skip(1)).find(|(one, next)| one == next);
        twice.map_or(Ok(()), |(&index, _)| {
            let name = self.name_of(index);
            Err(bad(format!("`{name}` is changed twice in one operation")).in_field(name))
        })
    }

    pub(super) fn name_of(&self, index: usize) -> &str {
        self.table.columns.get(index).map_or("", |column| &column.name)
    }

    /// The column and the value in its normal form.
    pub(super) fn fitting(&self, index: usize, value: &Value) -> Result<(usize, Value), EditError> {
        let column = self.table.columns.get(index).ok_or_else(|| no_field(self, ""))?;
        let nullable = column.nullable && !self.table.key.contains(&index);
        values::fit_column(column, nullable, value).map(|value| (index, value))
    }

    /// The column and a value to compare with or to put back, in its normal form.
    pub(super) fn known(&self, index: usize, value: &Value) -> Result<(usize, Value), EditError> {
        let column = self.table.columns.get(index).ok_or_else(|| no_field(self, ""))?;
        let nullable = column.nullable && !self.table.key.contains(&index);
        values::known_value(column, nullable, value).map(|value| (index, value))
    }

    fn column(&self, name: &str) -> Result<(usize, &LiveColumn), EditError> {
        self.table.column(name).ok_or_else(|| no_field(self, name))
    }

    /// A column that an update may write.
    fn changeable(&self, name: &str) -> Result<(usize, &LiveColumn), EditError> {
        let (index, column) = self.column(name)?;
        if self.table.key.contains(&index) {
            return Err(readonly(&column.name, "belongs to the row's key and cannot change"));
        }
        if index == self.table.channel_column {
            return Err(readonly(
                &column.name,
                "says which channel the row is in; use the operation `move`",
            ));
        }
        self.writable(index, column)?;
        Ok((index, column))
    }

    /// A column that a client may give a value at all.
    fn writable(&self, index: usize, column: &LiveColumn) -> Result<(), EditError> {
        let index = Some(index);
        let why = if index == self.table.order {
            "is filled by the hub; use `place`"
        } else if index == self.table.author || index == self.table.editor {
            "is filled by the hub with the person who makes the edit"
        } else if column.generated {
            "is computed by the database from other fields"
        } else if column.readonly {
            "is set by the server alone"
        } else {
            return Ok(());
        };
        Err(readonly(&column.name, why))
    }

    fn same_channel(&self, index: usize, given: &Value, own: &Value) -> Result<(), EditError> {
        let (_, given) = self.fitting(index, given)?;
        if given == *own {
            return Ok(());
        }
        let name = self.name_of(index);
        let why = format!("`{name}` must be the channel's id, or be left out");
        Err(EditError::new(ErrorCode::WrongType, why).in_field(name))
    }

    pub(super) fn nothing_missing(&self, fields: &ColumnValues) -> Result<(), EditError> {
        let missing = self.table.columns.iter().enumerate().find(|(index, column)| {
            let optional = column.nullable && !self.table.key.contains(index);
            let filled = column.has_default || column.hidden || Some(*index) == self.table.order;
            !optional && !filled && !fields.iter().any(|(given, _)| given == index)
        });
        missing.map_or(Ok(()), |(_, column)| {
            let why = format!("`{}` must have a value", column.name);
            Err(EditError::new(ErrorCode::NotNull, why).in_field(&column.name))
        })
    }
}

/// Fields in the order of the table's columns, so that equal sets of columns look equal.
fn in_column_order<T>(
    fields: &Fields,
    mut check: impl FnMut(&str, &Value) -> Result<(usize, T), EditError>,
) -> Result<Vec<(usize, T)>, EditError> {
    let checked: Result<Vec<_>, _> =
        fields.iter().map(|(name, value)| check(name, value)).collect();
    let mut checked = checked?;
    checked.sort_by_key(|(index, _)| *index);
    Ok(checked)
}

fn no_field(scope: &Scope<'_>, name: &str) -> EditError {
    let name = short(name);
    let why = format!("`{}` has no field `{name}`", scope.table.name);
    EditError::new(ErrorCode::UnknownField, why).in_field(&name)
}

fn wrong_type(column: &LiveColumn, why: &str) -> EditError {
    EditError::new(ErrorCode::WrongType, format!("`{}`: {why}", column.name)).in_field(&column.name)
}

fn cannot_increment(column: &LiveColumn, value: &Value) -> EditError {
    if matches!(column.kind, ColumnType::Int | ColumnType::Float | ColumnType::Decimal) {
        values::misfit(column, value)
    } else {
        wrong_type(column, "only a number can be increased")
    }
}
