//! What the triggers and queries give as JSON text, brought into the wire's form.
//!
//! A change is `["u", key, {column: [new, old]}]`, `["i", row]`, `["d", row]`, `["e", row]` or
//! `["l", row]` (update, insert, delete, enter, leave).

use std::collections::HashMap;

use rowcast_protocol::{
    Change, ColumnType, Fields, Value,
    news::{FieldsChange, KeyChange, RowChange},
};
use serde_json::value::RawValue;

use crate::store::{
    LiveColumn, LiveTable, StoreError,
    fold::Recorded,
    values::{Raw, wire_of_checked, wire_value},
};

type RawRow<'a> = HashMap<String, &'a RawValue>;

/// One change from its JSON.
pub(super) fn change_of(table: &LiveTable, json: &str) -> Result<Recorded, serde_json::Error> {
    if json.starts_with("[\"u\"") {
        return update_of(table, json);
    }
    let (op, row): (&str, RawRow<'_>) = serde_json::from_str(json)?;
    let (key, row) = (key_of_row(table, &row), fields_of_row(table, &row));
    let name = table.name.clone();
    Ok(match op {
        "d" | "l" => {
            let gone = KeyChange { table: name, key, edit: None };
            let change = if op == "d" { Change::Delete(gone) } else { Change::Leave(gone) };
            Recorded { change, old: row }
        }
        _ => {
            let whole = RowChange { table: name, key, row, edit: None };
            let change = if op == "e" { Change::Enter(whole) } else { Change::Insert(whole) };
            Recorded { change, old: Fields::new() }
        }
    })
}

fn update_of(table: &LiveTable, json: &str) -> Result<Recorded, serde_json::Error> {
    type Pairs<'a> = HashMap<String, (&'a RawValue, &'a RawValue)>;
    let (_, key, pairs): (&str, Vec<&RawValue>, Pairs<'_>) = serde_json::from_str(json)?;
    let (mut set, mut old) = (Fields::new(), Fields::new());
    for (name, (new, was)) in pairs {
        if let Some((_, column)) = table.column(&name) {
            set.insert(name.clone(), value_of(column, new.get()));
            old.insert(name, value_of(column, was.get()));
        }
    }
    let parts: Vec<Value> =
        key_columns(table).zip(key).map(|(column, raw)| value_of(column, raw.get())).collect();
    let key = list_or_one(&parts);
    let change = Change::Update(FieldsChange { table: table.name.clone(), key, set, edit: None });
    Ok(Recorded { change, old })
}

fn key_columns(table: &LiveTable) -> impl Iterator<Item = &LiveColumn> {
    table.key.iter().filter_map(|&index| table.columns.get(index))
}

fn key_of_row(table: &LiveTable, row: &RawRow<'_>) -> Value {
    let part = |column: &LiveColumn| {
        row.get(column.name.as_str()).map_or(Value::Null, |raw| value_of(column, raw.get()))
    };
    list_or_one(&key_columns(table).map(part).collect::<Vec<_>>())
}

fn fields_of_row(table: &LiveTable, row: &RawRow<'_>) -> Fields {
    let known = row.iter().filter_map(|(name, raw)| Some((name, table.column(name)?.1, raw)));
    known.map(|(name, column, raw)| (name.clone(), value_of(column, raw.get()))).collect()
}

/// A whole row, its JSON as the queries of this module give it.
pub(super) fn row_from_json(table: &LiveTable, json: &str) -> Result<Fields, StoreError> {
    let row: RawRow<'_> = serde_json::from_str(json)
        .map_err(|e| StoreError::Failed(format!("a row of {} cannot be read: {e}", table.name)))?;
    Ok(fields_of_row(table, &row))
}

/// A column's value from JSON.
fn value_of(column: &LiveColumn, json: &str) -> Value {
    match column.kind {
        _ if json == "null" => Value::Null,
        ColumnType::List => list_of(column.form.item.unwrap_or(ColumnType::Other), json),
        kind => scalar_of(kind, json),
    }
}

/// The items of a list came as texts, lists of lists as such.
fn list_of(kind: ColumnType, json: &str) -> Value {
    let item = |value: &Value| of_text(kind, value);
    match Value::from_json(json) {
        Ok(Value::List(items)) => Value::List(items.iter().map(item).collect()),
        Ok(other) => other,
        Err(_) => Value::from(json),
    }
}

fn of_text(kind: ColumnType, value: &Value) -> Value {
    match value {
        Value::Text(text) if kind == ColumnType::Bytes => {
            wire_value(kind, Raw::Blob(bytes_of_hex(text)))
        }
        Value::Text(text) => wire_value(kind, Raw::Text(text.clone())),
        Value::List(items) => Value::List(items.iter().map(|item| of_text(kind, item)).collect()),
        other => other.clone(),
    }
}

/// Numbers are read as texts, so that they keep their digits.
fn scalar_of(kind: ColumnType, json: &str) -> Value {
    let raw = match json {
        _ if kind == ColumnType::Json => Raw::Text(json.to_owned()),
        "true" => Raw::Bool(true),
        "false" => Raw::Bool(false),
        _ => match serde_json::from_str::<String>(json) {
            Ok(text) if kind == ColumnType::Bytes => Raw::Blob(bytes_of_hex(&text)),
            Ok(text) => Raw::Text(text),
            Err(_) => Raw::Text(json.to_owned()),
        },
    };
    wire_value(kind, raw)
}

fn bytes_of_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let digits = text.strip_prefix("\\x").unwrap_or(text);
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs
        .filter_map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

pub(super) fn text_of(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn list_or_one(parts: &[Value]) -> Value {
    match parts {
        [one] => one.clone(),
        several => Value::List(several.to_vec()),
    }
}

/// The key of a checked edit's row in the wire's form.
pub(super) fn wire_key(table: &LiveTable, key: &[Value]) -> Vec<Value> {
    key_columns(table).zip(key).map(|(column, value)| wire_of_checked(column.kind, value)).collect()
}

/// The same as one value, as it stands in messages.
pub(super) fn wire_key_value(table: &LiveTable, key: &[Value]) -> Value {
    list_or_one(&wire_key(table, key))
}

/// A key from the JSON of its columns.
pub(super) fn key_from_json(table: &LiveTable, parts: &[String]) -> Vec<Value> {
    key_columns(table).zip(parts).map(|(column, json)| value_of(column, json)).collect()
}

/// The key of a whole row in the wire's form.
pub(super) fn key_of_fields(table: &LiveTable, row: &Fields) -> Value {
    let part = |column: &LiveColumn| row.get(&column.name).cloned().unwrap_or_default();
    list_or_one(&key_columns(table).map(part).collect::<Vec<_>>())
}
