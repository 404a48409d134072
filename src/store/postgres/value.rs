//! Values of checked edits as the JSON that `jsonb_to_recordset` reads into columns, values as text
//! that is cast, and how columns are compared with them.

use std::fmt::Write as _;

use rowcast_protocol::{Codec, ColumnType, Value};

use super::name::output;
use crate::store::{LiveColumn, edit::CheckedOp, values::moment};

/// The JSON of a column's value.
pub(super) fn json_value(column: &LiveColumn, value: &Value) -> Value {
    match (column.kind, value) {
        (ColumnType::List, Value::List(items)) => list(column, items),
        _ => scalar(column.kind, value),
    }
}

fn list(column: &LiveColumn, items: &[Value]) -> Value {
    let kind = column.form.item.unwrap_or(ColumnType::Other);
    if kind == ColumnType::Json {
        return array_of_json(items).into();
    }
    let item = |item: &Value| match item {
        Value::List(items) => list(column, items),
        _ => scalar(kind, item),
    };
    Value::List(items.iter().map(item).collect())
}

/// As text: in JSON, a list among the items would be another dimension.
fn array_of_json(items: &[Value]) -> String {
    let item = |item: &Value| match item {
        Value::Null => "NULL".to_owned(),
        item => {
            let json = String::from_utf8_lossy(&Codec::Json.encode(item)).into_owned();
            format!("\"{}\"", json.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    format!("{{{}}}", items.iter().map(item).collect::<Vec<_>>().join(","))
}

fn scalar(kind: ColumnType, value: &Value) -> Value {
    match (kind, value) {
        (_, Value::Bytes(bytes)) => hex(bytes).into(),
        // As text: a number of JSON has no -0.
        (ColumnType::Float, Value::Float(number)) => format!("{number:e}").into(),
        (ColumnType::Date | ColumnType::Timestamp, Value::Text(text)) => moment_text(text).into(),
        _ => value.clone(),
    }
}

/// A day or an instant as the database reads it: years before 1 are counted backwards.
fn moment_text(text: &str) -> String {
    let signed =
        text.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let (year, negative) = match (signed, text.strip_prefix('+')) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => return rest.to_owned(),
        (None, None) if text.starts_with("0000-") => (text, true),
        (None, None) => return text.to_owned(),
    };
    let (year, rest) = year.split_once('-').unwrap_or((year, ""));
    let year = year.parse::<u32>().unwrap_or_default() + u32::from(negative);
    format!("{year:04}-{rest} BC")
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

/// The JSON of a value that a column is compared with: an instant that the database has no room for
/// is before or after all others.
pub(super) fn json_operand(column: &LiveColumn, value: &Value) -> Value {
    match (column.kind, value) {
        (ColumnType::Timestamp, Value::Text(text)) => within(text, TIMESTAMPS, value),
        (ColumnType::Date, Value::Text(text)) => within(text, DATES, value),
        _ => json_value(column, value),
    }
}

/// The first and the last instant, and the first and the last day, that the database holds.
const TIMESTAMPS: [&str; 2] = ["-004712-01-01T00:00:00Z", "+294276-12-31T23:59:59.999999Z"];
const DATES: [&str; 2] = ["-004712-01-01", "+5874897-12-31"];

fn within(text: &str, [first, last]: [&str; 2], value: &Value) -> Value {
    match moment::instant(text) {
        at if at < moment::instant(first) => "-infinity".into(),
        at if at > moment::instant(last) => "infinity".into(),
        _ => scalar(ColumnType::Timestamp, value),
    }
}

/// A value as the text that [`operand`] casts.
pub(super) fn text_value(column: &LiveColumn, value: &Value) -> Option<String> {
    let json = |value: &Value| String::from_utf8_lossy(&Codec::Json.encode(value)).into_owned();
    match json_operand(column, value) {
        Value::Null => None,
        value if matches!(column.kind, ColumnType::Json | ColumnType::List) => Some(json(&value)),
        Value::Text(text) => Some(text),
        other => Some(json(&other)),
    }
}

/// The SQL of a [`text_value`] with the column's own type.
pub(super) fn operand(place: &str, column: &LiveColumn, sql_type: &str) -> String {
    match column.kind {
        ColumnType::List => format!(
            "(SELECT r.v FROM pg_catalog.jsonb_to_record(pg_catalog.jsonb_build_object('v', {place}::jsonb)) AS r(v {sql_type}))"
        ),
        _ => format!("{place}::{sql_type}"),
    }
}

/// The type of a value that a column is compared with: wider than the column where that can be, so
/// that every value can be compared with it.
pub(super) fn operand_type(column: &LiveColumn) -> &str {
    match column.kind {
        ColumnType::Text | ColumnType::Other => "text",
        ColumnType::Int => "bigint",
        ColumnType::Decimal => "numeric",
        ColumnType::Float => "double precision",
        ColumnType::Json => "jsonb",
        _ => &column.sql_type,
    }
}

/// The type of a key's value: the column's own, so that its index serves, unless not every text is a
/// value of that.
pub(super) fn key_type(column: &LiveColumn) -> &str {
    match column.kind {
        ColumnType::Text if !is_text(column) => "text",
        ColumnType::Int | ColumnType::Decimal => operand_type(column),
        _ => &column.sql_type,
    }
}

/// Whether every text is a value of the column's type.
pub(super) fn is_text(column: &LiveColumn) -> bool {
    let name = column.sql_type.rsplit('.').next().unwrap_or_default();
    matches!(name, "text" | "character varying" | "bpchar" | "name" | "citext")
}

/// A column's value, or one that it is compared with, so that equal values are equal and the order is
/// the protocol's.
pub(super) fn compared(value: &str, column: &LiveColumn) -> String {
    match column.kind {
        ColumnType::Text | ColumnType::Other | ColumnType::List if column.made_type => {
            format!("(({}) COLLATE \"C\")", output(value))
        }
        ColumnType::Text | ColumnType::Other => format!("({value}::text COLLATE \"C\")"),
        // The double with the digits that people see.
        ColumnType::Float if column.sql_type == "real" => {
            format!("({value}::text::double precision)")
        }
        ColumnType::Json if column.sql_type == "json" => format!("({value}::text::jsonb)"),
        ColumnType::List => format!("pg_catalog.to_jsonb({value})"),
        _ => value.to_owned(),
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
