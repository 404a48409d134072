//! Values of checked edits as the JSON that `jsonb_to_recordset` reads into columns.

use std::fmt::Write as _;

use rowcast_protocol::{ColumnType, Value};
use serde_json::Value as Json;

use crate::store::{LiveColumn, edit::CheckedOp};

/// The JSON of a column's value.
pub(super) fn json_value(column: &LiveColumn, value: &Value) -> Json {
    match (column.kind, value) {
        (ColumnType::Bytes, Value::Bytes(bytes)) => Json::from(hex(bytes)),
        _ => plain(value),
    }
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::from(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(hex(bytes)),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(fields) => Json::Object(
            fields.iter().map(|(name, value)| (name.to_owned(), plain(value))).collect(),
        ),
    }
}

/// Bytes as the database reads them.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A single value as the text that the database casts to the column's type.
pub(super) fn text_value(column: &LiveColumn, value: &Value) -> Option<String> {
    match json_value(column, value) {
        Json::Null => None,
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// The column of a value that holds a NUL character, which no text of the database can hold.
pub(super) fn column_with_nul(op: &CheckedOp) -> Option<Option<usize>> {
    let among =
        |values: &[(usize, Value)]| values.iter().find(|(_, v)| has_nul(v)).map(|(c, _)| *c);
    let in_lists = |lists: &[(usize, Vec<Value>)]| {
        lists.iter().find(|(_, items)| items.iter().any(has_nul)).map(|(column, _)| *column)
    };
    let in_key = |key: &[Value]| key.iter().any(has_nul).then_some(None);
    match op {
        CheckedOp::Insert { fields, .. } => among(fields).map(Some),
        CheckedOp::Update { key, change, guard, .. } => among(&change.set)
            .or_else(|| among(guard))
            .or_else(|| in_lists(&change.add))
            .or_else(|| in_lists(&change.remove))
            .map(Some)
            .or_else(|| in_key(key)),
        CheckedOp::Delete { key, guard, .. } | CheckedOp::Move { key, guard, .. } => {
            among(guard).map(Some).or_else(|| in_key(key))
        }
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.contains('\0'),
        Value::List(items) => items.iter().any(has_nul),
        Value::Map(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        _ => false,
    }
}
