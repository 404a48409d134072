//! Schemas of rows and of what the log holds.

use rowcast_protocol::{ColumnSchema, ColumnType, TableSchema};
use serde_json::{Map, Value, json};

use super::parts::{component, put};

/// Schemas of all live tables.
pub(in crate::http::api) fn schemas(tables: &[TableSchema]) -> Map<String, Value> {
    let mut schemas = Map::new();
    for table in tables {
        let name = component(&table.name);
        schemas.insert(name.clone(), row_schema(table));
        schemas.insert(format!("{name}.fields"), fields_schema(table));
    }
    schemas.insert("change".to_owned(), past_change());
    schemas.insert("entry".to_owned(), entry());
    schemas.insert("ack".to_owned(), ack());
    schemas.insert("operation".to_owned(), operation());
    schemas
}

pub(super) fn row_schema(table: &TableSchema) -> Value {
    let properties: Map<String, Value> =
        table.columns.iter().map(|column| (column.name.clone(), column_schema(column))).collect();
    let words = format!("A row of the channel `{}`", table.channel);
    json!({"type": "object", "description": words, "properties": properties})
}

/// What a client may write. Which fields a new row must have, the database knows.
pub(super) fn fields_schema(table: &TableSchema) -> Value {
    let writable = table
        .columns
        .iter()
        .filter(|column| !column.readonly && table.order.as_deref() != Some(&*column.name));
    let properties: Map<String, Value> =
        writable.map(|column| (column.name.clone(), column_schema(column))).collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

pub(super) fn column_schema(column: &ColumnSchema) -> Value {
    let mut schema = value_schema(column.kind);
    if column.nullable
        && let Some(kinds) = schema.get_mut("type")
    {
        let known = kinds.take();
        let mut all = known.as_array().cloned().unwrap_or_else(|| vec![known]);
        all.push(json!("null"));
        *kinds = json!(all);
    }
    if !column.values.is_empty() {
        let null = column.nullable.then_some(Value::Null);
        let values = column.values.iter().map(|value| json!(value)).chain(null);
        put(&mut schema, "enum", values.collect());
    }
    if column.readonly {
        put(&mut schema, "readOnly", json!(true));
    }
    schema
}

pub(super) fn value_schema(kind: ColumnType) -> Value {
    match kind {
        ColumnType::Bool => json!({"type": "boolean"}),
        ColumnType::Int => json!({"type": ["integer", "string"],
            "description": "Beyond 2^53 as text"}),
        ColumnType::Float => json!({"type": ["number", "string"],
            "description": "NaN and infinities as text"}),
        ColumnType::Decimal => json!({"type": "string", "example": "12.50"}),
        ColumnType::Text | ColumnType::Other => json!({"type": "string"}),
        ColumnType::Uuid => json!({"type": "string", "format": "uuid"}),
        ColumnType::Date => json!({"type": "string", "format": "date"}),
        ColumnType::Time => json!({"type": "string", "example": "10:15:00.000000"}),
        ColumnType::Timestamp => json!({"type": "string", "format": "date-time",
            "example": "2026-11-20T10:15:00.000000Z"}),
        ColumnType::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        ColumnType::Json | ColumnType::List => json!({}),
    }
}

/// A value where all values are text.
pub(super) fn path_value(kind: ColumnType) -> Value {
    match kind {
        ColumnType::Bool => json!({"type": "boolean"}),
        ColumnType::Int => json!({"type": "integer"}),
        ColumnType::Float => json!({"type": "number"}),
        ColumnType::Uuid => json!({"type": "string", "format": "uuid"}),
        ColumnType::Date => json!({"type": "string", "format": "date"}),
        ColumnType::Timestamp => json!({"type": "string", "format": "date-time"}),
        _ => json!({"type": "string", "minLength": 1}),
    }
}

pub(super) fn past_change() -> Value {
    json!({"type": "object", "required": ["seq", "at", "op"], "properties": {
        "seq": {"type": "integer"},
        "at": {"type": "string", "format": "date-time"},
        "op": {"enum": ["insert", "update", "delete", "enter", "leave"]},
        "user": {"type": "string"},
        "edit": {"type": "string", "format": "uuid"},
        "new": {"type": "object"},
        "old": {"type": "object"},
    }})
}

pub(super) fn entry() -> Value {
    json!({"type": "object", "required": ["seq", "at"],
    "description": "What one transaction did to the channel; see the protocol's `entries`",
    "properties": {
        "seq": {"type": "integer"},
        "at": {"type": "string", "format": "date-time"},
        "edits": {"type": "array", "items": {"type": "object"}},
        "by": {"type": "string"},
        "changes": {"type": "array", "items": {"type": "object"}},
        "reset": {"type": "array", "items": {"type": "string"}},
    }})
}

pub(super) fn ack() -> Value {
    json!({"type": "object", "required": ["id", "channel", "epoch", "seq", "replayed"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "channel": {"type": "string"},
        "epoch": {"type": "string"},
        "seq": {"type": "integer", "description": "The entry in which the edit stands"},
        "replayed": {"type": "boolean",
            "description": "Whether this is the stored outcome of an earlier request"},
    }})
}

pub(super) fn operation() -> Value {
    json!({"type": "object", "required": ["op", "table"],
    "description": "An operation as on the socket: insert, update, delete or move",
    "properties": {
        "op": {"enum": ["insert", "update", "delete", "move"]},
        "table": {"type": "string"},
        "key": {},
        "row": {"type": "object"},
        "set": {"type": "object"},
        "inc": {"type": "object"},
        "add": {"type": "object"},
        "remove": {"type": "object"},
        "if": {"type": "object"},
        "place": {},
        "to": {"type": "string"},
    }})
}
