//! The keys by which clients name rows.

use rowcast_protocol::{ColumnType, ErrorCode, Value};

use super::values;
use crate::store::{EditError, LiveColumn, LiveTable};

/// A row's key in normal form: one value per column of the primary key. On the wire it is the value
/// itself where the key has one column, else a list.
///
/// # Errors
/// If the number of values or the type of one does not match the key.
pub fn row_key(table: &LiveTable, key: &Value) -> Result<Vec<Value>, EditError> {
    let parts = match (key, table.key.len()) {
        (single, 1) => std::slice::from_ref(single),
        (Value::List(parts), count) if parts.len() == count => parts,
        (_, count) => return Err(misshapen(table, count)),
    };
    let columns = table.key.iter().filter_map(|index| table.columns.get(*index));
    columns.zip(parts).map(|(column, part)| key_part(column, part)).collect()
}

/// A key may be what does not fit its column's type, where the database holds such; but never no UUID.
fn key_part(column: &LiveColumn, part: &Value) -> Result<Value, EditError> {
    match column.kind {
        ColumnType::Uuid => values::fit_column(column, false, part),
        _ => values::known_value(column, false, part),
    }
}

fn misshapen(table: &LiveTable, count: usize) -> EditError {
    let name = &table.name;
    let why = format!("a key of `{name}` is a list of {count} values");
    EditError::new(ErrorCode::WrongType, why)
}
