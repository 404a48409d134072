//! Values in normal form: what a client may send for each type of column, and the one way in which
//! a store gets it.

use rowcast_protocol::{ColumnType, ErrorCode, Value};

use crate::store::{
    EditError, LiveColumn,
    values::accept::{accepted, fit, is_unending, recognised},
};

/// A new value in normal form for a column; null only if it may be null.
///
/// # Errors
/// `not_null` or `wrong_type`, naming the field.
pub(super) fn fit_column(
    column: &LiveColumn,
    nullable: bool,
    value: &Value,
) -> Result<Value, EditError> {
    present(column, nullable, value, accepted)
}

/// The same of a value to compare with or to put back.
pub(super) fn known_value(
    column: &LiveColumn,
    nullable: bool,
    value: &Value,
) -> Result<Value, EditError> {
    present(column, nullable, value, recognised)
}

fn present(
    column: &LiveColumn,
    nullable: bool,
    value: &Value,
    fit: fn(&LiveColumn, &Value) -> Option<Value>,
) -> Result<Value, EditError> {
    if !value.is_null() {
        return fit(column, value).ok_or_else(|| misfit(column, value));
    }
    if nullable {
        return Ok(Value::Null);
    }
    let why = format!("`{}` must have a value", column.name);
    Err(EditError::new(ErrorCode::NotNull, why).in_field(&column.name))
}

/// A number to add to a column of this type.
#[must_use]
pub(super) fn step(kind: ColumnType, value: &Value) -> Option<Value> {
    let number = matches!(kind, ColumnType::Int | ColumnType::Float | ColumnType::Decimal);
    let finite = !value.as_str().is_some_and(is_unending);
    if number && finite { fit(kind, value) } else { None }
}

/// The error that says what the column holds and what it was given.
pub(super) fn misfit(column: &LiveColumn, value: &Value) -> EditError {
    let (name, given) = (&column.name, value.kind());
    let given = if given == "text" { "this text" } else { given };
    let why = format!("`{name}` holds {}; {given} does not fit", expected(column.kind));
    EditError::new(ErrorCode::WrongType, why).in_field(name)
}

fn expected(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Bool => "a boolean",
        ColumnType::Int => "an integer of 64 bits, as a number or a decimal string",
        ColumnType::Float => "a number, or the text NaN, Infinity or -Infinity",
        ColumnType::Decimal => "a decimal number as text, such as \"12.50\"",
        ColumnType::Text => "text without NUL",
        ColumnType::Uuid => "a UUID",
        ColumnType::Date => "a day, such as 2026-11-20",
        ColumnType::Time => "a time of day, such as 10:15:00",
        ColumnType::Timestamp => "an instant of RFC 3339, such as 2026-11-20T10:15:00Z",
        ColumnType::Bytes => "bytes, or base64 text",
        ColumnType::Json => {
            "JSON without NUL in its texts, and with numbers of at most 1,000 digits"
        }
        ColumnType::List => "a list of values of its type",
        ColumnType::Other => "the database's text for its type, without NUL",
    }
}
