//! How heavy an edit may be: bounds on what it makes of a row, on the time it takes, and on what one
//! transaction takes on before it ends.

use std::time::Duration;

use rowcast_protocol::{ErrorCode, Fields, Value};

use super::{LiveTable, edit::ColumnValues, error::EditError};

/// Values of a row from so many bytes on are weighed together with the rest of the row.
pub(super) const LARGE: usize = 16 << 10;

/// What a single edit may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditLimits {
    /// Items of a list to which an edit adds.
    pub list_items: usize,
    /// Bytes, as JSON, of a row to which an edit adds items or writes large values.
    pub row_bytes: usize,
    /// How long the database may work on one edit. On SQLite about: its steps are counted.
    pub time: Duration,
}

impl Default for EditLimits {
    fn default() -> Self {
        Self { list_items: 10_000, row_bytes: 1 << 20, time: Duration::from_secs(2) }
    }
}

impl EditLimits {
    /// What a client is told whose list would have too many items.
    pub(super) fn too_many_items(&self, table: &LiveTable, column: usize) -> EditError {
        let name = table.columns.get(column).map_or("", |column| column.name.as_str());
        let words = format!("`{name}` {}", too_many_items(self.list_items));
        EditError::new(ErrorCode::TooLarge, words).in_table(&table.name).in_field(name)
    }

    /// What a client is told whose row would be too large. Names the field if it is one.
    pub(super) fn too_large_row(&self, table: &LiveTable, columns: &[usize]) -> EditError {
        let error = EditError::new(ErrorCode::TooLarge, too_large_row(self.row_bytes));
        let error = error.in_table(&table.name);
        match columns {
            [one] => match table.columns.get(*one) {
                Some(column) => error.in_field(&column.name),
                None => error,
            },
            _ => error,
        }
    }
}

/// The words about a list with too many items, after its name.
pub(super) fn too_many_items(most: usize) -> String {
    format!("would have more than {most} items (limits.list_items)")
}

/// The words about a row that is too large.
pub(super) fn too_large_row(most: usize) -> String {
    format!("the row would have more than {most} bytes (limits.row_bytes)")
}

/// The words about an edit that takes too long.
pub(super) const TOO_SLOW: &str =
    "the database would work longer on this edit than one may take (limits.edit_ms)";

/// What a client is told whose edit takes too long.
pub(super) fn too_slow() -> EditError {
    EditError::new(ErrorCode::TooLarge, TOO_SLOW)
}

/// Bytes of a page of rows or of history, as JSON: reading ends before the item that goes beyond. One
/// item comes even if it is larger.
pub const PAGE_BYTES: usize = 512 << 10;

/// Bytes of old and new values after which a transaction takes on no more edits.
pub(super) const ENOUGH_BYTES: usize = 4 << 20;

/// How long after its begin a transaction takes on no more edits: others may be waiting.
pub(super) const ENOUGH_TIME: Duration = Duration::from_millis(250);

/// About how many bytes a value has as JSON.
pub(super) fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 2,
        Value::Bytes(bytes) => bytes.len() * 4 / 3 + 2,
        Value::List(items) => items.iter().map(|item| bytes_of(item) + 1).sum::<usize>() + 2,
        Value::Map(fields) => bytes_of_fields(fields),
        Value::Number(digits) => digits.len(),
        _ => 8,
    }
}

/// About how many bytes these fields have as JSON.
pub(super) fn bytes_of_fields(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| name.len() + 4 + bytes_of(value)).sum::<usize>() + 2
}

/// About how many bytes these values have as JSON.
pub(super) fn bytes_of_values(values: &ColumnValues) -> usize {
    values.iter().map(|(_, value)| bytes_of(value)).sum()
}

/// Whether values are so large that their row is weighed.
pub(super) fn are_large(values: &ColumnValues) -> bool {
    bytes_of_values(values) >= LARGE
}
