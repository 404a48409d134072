//! Values in and out: the wire's values bound to statements, the database's values read from rows.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rowcast_protocol::{ColumnType, Value};
use sqlx::{
    Arguments as _, Row as _, Sqlite, TypeInfo as _, ValueRef as _,
    sqlite::{SqliteArguments, SqliteRow, SqliteValueRef},
};

use super::super::{
    error::StoreError,
    schema::LiveColumn,
    values::{Raw, respelled, wire_value},
};

/// Parameters of a text of statements, in order.
#[derive(Default)]
pub(super) struct Bound(SqliteArguments);

impl Bound {
    /// No parameters.
    pub(super) fn none() -> SqliteArguments {
        SqliteArguments::default()
    }

    /// Adds something that sqlx can bind.
    pub(super) fn with<'t, T: sqlx::Encode<'t, Sqlite> + sqlx::Type<Sqlite>>(
        mut self,
        value: T,
    ) -> Self {
        self.push(value);
        self
    }

    /// Adds something that sqlx can bind.
    pub(super) fn push<'t, T: sqlx::Encode<'t, Sqlite> + sqlx::Type<Sqlite>>(&mut self, value: T) {
        if let Err(error) = self.0.add(value) {
            tracing::error!(%error, "a parameter could not be encoded");
        }
    }

    /// Adds NULLs.
    pub(super) fn push_nulls(&mut self, count: usize) {
        for _ in 0..count {
            self.push(None::<i64>);
        }
    }

    /// Adds a value that a column is to hold, or that names a row, as it is written there.
    pub(super) fn push_column(&mut self, column: &LiveColumn, value: &Value) {
        match (column.kind, value) {
            _ if let Some(raw) = as_it_stands(column.kind, value) => self.push_raw(raw),
            (ColumnType::Timestamp, Value::Text(text)) => {
                self.push_raw(respelled(column.form.timestamps, text));
            }
            _ => self.push_value(column.kind, value),
        }
    }

    /// Adds a value of a column of this type.
    pub(super) fn push_value(&mut self, kind: ColumnType, value: &Value) {
        match (kind, value) {
            (_, Value::Null) => self.push_nulls(1),
            (ColumnType::Json | ColumnType::List, value) => self.push(json_text(value)),
            // NaN would become NULL; it is kept as text, which comes after all numbers.
            (ColumnType::Float, Value::Text(text)) => match text.parse::<f64>() {
                Ok(number) if !number.is_nan() => self.push(number),
                _ => self.push(text.clone()),
            },
            (ColumnType::Int, Value::Text(text)) => match text.parse::<i64>() {
                Ok(number) => self.push(number),
                Err(_) => self.push(text.clone()),
            },
            (_, Value::Bool(truth)) => self.push(i64::from(*truth)),
            (_, Value::Int(number)) => self.push(*number),
            (_, Value::Float(number)) => self.push(*number),
            (_, Value::Text(text)) => self.push(text.clone()),
            (_, Value::Bytes(bytes)) => self.push(bytes.clone()),
            (_, list_or_map) => self.push(json_text(list_or_map)),
        }
    }

    /// Adds a value just as a row gave it.
    pub(super) fn push_raw(&mut self, raw: Raw) {
        match raw {
            Raw::Null => self.push_nulls(1),
            Raw::Bool(truth) => self.push(i64::from(truth)),
            Raw::Int(number) => self.push(number),
            Raw::Real(number) => self.push(number),
            Raw::Text(text) => self.push(text),
            Raw::Blob(bytes) => self.push(bytes),
        }
    }

    /// The parameters.
    pub(super) fn done(self) -> SqliteArguments {
        self.0
    }
}

/// A value just as it stands in the database, in the place of the wire's, which has one form for several
/// of these: in a list of one, or, since bytes become text in cursors, of two.
pub(super) fn standing(raw: Raw) -> Value {
    Value::List(match raw {
        Raw::Int(number) => vec![Value::Int(number)],
        Raw::Real(number) => vec![Value::Float(number)],
        Raw::Text(text) => vec![Value::Text(text)],
        Raw::Blob(bytes) => vec![Value::Bytes(bytes), Value::Null],
        Raw::Null | Raw::Bool(_) => vec![Value::Null],
    })
}

/// What [`standing`] made, of a type whose values are no lists.
pub(super) fn as_it_stands(kind: ColumnType, value: &Value) -> Option<Raw> {
    let Value::List(items) = value else { return None };
    if matches!(kind, ColumnType::Json | ColumnType::List) {
        return None;
    }
    match items.as_slice() {
        [Value::Int(number)] => Some(Raw::Int(*number)),
        [Value::Float(number)] => Some(Raw::Real(*number)),
        [Value::Text(text)] => Some(Raw::Text(text.clone())),
        [Value::Bytes(bytes), Value::Null] => Some(Raw::Blob(bytes.clone())),
        [Value::Text(base64), Value::Null] => STANDARD.decode(base64).ok().map(Raw::Blob),
        _ => None,
    }
}

fn json_text(value: &Value) -> String {
    String::from_utf8(rowcast_protocol::Codec::Json.encode(value).to_vec()).unwrap_or_default()
}

/// The value in a row's column, as it stands in the database.
pub(super) fn raw(row: &SqliteRow, column: usize) -> Result<Raw, StoreError> {
    let value = row.try_get_raw(column).map_err(broken)?;
    if value.is_null() {
        return Ok(Raw::Null);
    }
    // The reader of each kind, chosen before the value is handed over.
    let read: fn(SqliteValueRef<'_>) -> Result<Raw, StoreError> = match value.type_info().name() {
        "INTEGER" | "BOOLEAN" => |value| decode(value).map(Raw::Int),
        "REAL" => |value| decode(value).map(Raw::Real),
        "BLOB" => |value| decode(value).map(Raw::Blob),
        _ => |value| text(value).map(Raw::Text),
    };
    read(value)
}

/// How a row's column is stored: `INTEGER`, `REAL`, `TEXT`, `BLOB` or `NULL`.
pub(super) fn stored_as(row: &SqliteRow, column: usize) -> Result<&'static str, StoreError> {
    let value = row.try_get_raw(column).map_err(broken)?;
    if value.is_null() {
        return Ok("NULL");
    }
    Ok(match value.type_info().name() {
        "INTEGER" | "BOOLEAN" => "INTEGER",
        "REAL" => "REAL",
        "BLOB" => "BLOB",
        _ => "TEXT",
    })
}

/// Text, also where an outside writer stored bytes that are none.
fn text(value: SqliteValueRef<'_>) -> Result<String, StoreError> {
    let bytes: &[u8] = decode(value)?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn decode<'r, T: sqlx::Decode<'r, Sqlite>>(value: SqliteValueRef<'r>) -> Result<T, StoreError> {
    T::decode(value).map_err(|error| StoreError::Failed(error.to_string()))
}

/// The value in a row's column, as the wire has it.
pub(super) fn wire(row: &SqliteRow, column: usize, kind: ColumnType) -> Result<Value, StoreError> {
    Ok(wire_value(kind, raw(row, column)?))
}

/// A column of one of the engine's own tables.
pub(super) fn own<'r, T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>>(
    row: &'r SqliteRow,
    column: usize,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(broken)
}

/// A number of one of the engine's own tables.
pub(super) fn number(row: &SqliteRow, column: usize) -> Result<u64, StoreError> {
    Ok(own::<i64>(row, column)?.cast_unsigned())
}

#[expect(clippy::needless_pass_by_value, reason = "so that `map_err` takes it")]
fn broken(error: sqlx::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}
