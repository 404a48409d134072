//! What the triggers and queries give as JSON text, brought into the wire's form.
//!
//! A record is `{"t": table, "s": step, "c": [change, …]}`; a change is `["u", key, {column: [new,
//! old]}]`, `["i", row]`, `["d", row]`, `["e", row]` or `["l", row]` (insert, delete, enter, leave).
//! An entry's `changes` are records with commas between them.

use std::{borrow::Cow, collections::HashMap};

use rowcast_protocol::{
    Change, ColumnType, EditId, Entry, Fields, Value,
    news::{EditOf, FieldsChange, KeyChange, RowChange},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::store::{
    LiveColumn, LiveSchema, LiveTable, StoreError, StoredEntry,
    fold::Recorded,
    values::{Raw, wire_of_checked, wire_value},
};

type RawRow<'a> = HashMap<String, &'a RawValue>;

#[derive(Deserialize)]
struct Record<'a> {
    t: Cow<'a, str>,
    s: i32,
    #[serde(borrow)]
    c: Vec<&'a RawValue>,
}

/// An edit as it is kept beside the entry: who, and which rows at which steps.
#[derive(Debug, Deserialize)]
struct KeptEdit {
    i: Uuid,
    u: String,
    o: Vec<KeptOp>,
}

/// A step, the table's name and the key in the wire's form; no key: all that the step did.
#[derive(Debug, Deserialize)]
struct KeptOp(i32, String, Option<Vec<Value>>);

/// An entry as the database keeps it.
#[derive(Debug)]
pub(super) struct EntryRow {
    pub(super) channel: String,
    pub(super) seq: i64,
    pub(super) tag: i32,
    pub(super) at: String,
    pub(super) actor: Option<String>,
    pub(super) edits: Option<String>,
    pub(super) reset: Option<Vec<String>>,
    pub(super) changes: Option<String>,
}

/// An entry, and the old values of its changes, one item each.
pub(super) struct Decoded {
    pub(super) stored: StoredEntry,
    pub(super) olds: Vec<Fields>,
}

impl EntryRow {
    /// Reads the columns of a query.
    pub(super) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            channel: row.try_get("channel")?,
            seq: row.try_get("seq")?,
            tag: row.try_get("tag")?,
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            edits: row.try_get("edits")?,
            reset: row.try_get("reset")?,
            changes: row.try_get("changes")?,
        })
    }

    /// The entry as clients see it.
    pub(super) fn decode(self, schema: &LiveSchema) -> Result<Decoded, StoreError> {
        let kept = self.kept_edits()?;
        let mut decoder = Decoder::new(schema, &kept);
        if let Some(changes) = &self.changes {
            decoder.read(changes).map_err(|e| broken(&self, &e))?;
        }
        let (edits, recorded) = decoder.finish();
        let (changes, olds) = recorded.into_iter().map(|r| (r.change, r.old)).unzip();
        let entry = Entry {
            seq: self.seq.unsigned_abs(),
            at: self.at,
            edits,
            by: self.actor,
            changes,
            reset: self.reset.unwrap_or_default(),
        };
        Ok(Decoded { stored: StoredEntry { tag: self.tag.unsigned_abs(), entry }, olds })
    }

    fn kept_edits(&self) -> Result<Vec<KeptEdit>, StoreError> {
        let Some(edits) = &self.edits else { return Ok(Vec::new()) };
        serde_json::from_str(edits).map_err(|e| broken(self, &e))
    }
}

fn broken(row: &EntryRow, error: &serde_json::Error) -> StoreError {
    StoreError::Failed(format!("entry {} of {} cannot be read: {error}", row.seq, row.channel))
}

/// A change with the edit that made it, by its place among the kept ones.
struct Attributed {
    edit: Option<usize>,
    recorded: Recorded,
}

/// Reads records and finds the edit that made each change.
struct Decoder<'a> {
    schema: &'a LiveSchema,
    kept: &'a [KeptEdit],
    by_row: HashMap<(i32, &'a str, String), usize>,
    by_step: HashMap<i32, usize>,
    changes: Vec<Attributed>,
}

impl<'a> Decoder<'a> {
    fn new(schema: &'a LiveSchema, kept: &'a [KeptEdit]) -> Self {
        let (mut by_row, mut by_step) = (HashMap::new(), HashMap::new());
        for (index, edit) in kept.iter().enumerate() {
            for KeptOp(step, table, key) in &edit.o {
                if let Some(key) = key {
                    by_row.insert((*step, table.as_str(), text_of(&list_or_one(key))), index);
                } else {
                    by_step.insert(*step, index);
                }
            }
        }
        Self { schema, kept, by_row, by_step, changes: Vec::new() }
    }

    fn read(&mut self, changes: &str) -> Result<(), serde_json::Error> {
        let list = format!("[{changes}]");
        let records: Vec<Record<'_>> = serde_json::from_str(&list)?;
        for record in records {
            self.read_record(&record)?;
        }
        Ok(())
    }

    /// The changes of one statement: what goes before what comes, else in the order of the edits.
    fn read_record(&mut self, record: &Record<'_>) -> Result<(), serde_json::Error> {
        let schema = self.schema;
        let Some(table) = schema.tables.iter().find(|table| table.name == record.t) else {
            return Ok(());
        };
        let mut found = Vec::with_capacity(record.c.len());
        for change in &record.c {
            let recorded = change_of(table, change.get())?;
            let edit = self.edit_of(record.s, &recorded.change);
            found.push(Attributed { edit, recorded });
        }
        found.sort_by_key(|change| (!is_end(&change.recorded.change), change.edit));
        self.changes.append(&mut found);
        Ok(())
    }

    fn edit_of(&self, step: i32, change: &Change) -> Option<usize> {
        if step == 0 || self.kept.is_empty() {
            return None;
        }
        let (table, key) = row_of(change);
        let by_row = self.by_row.get(&(step, table, text_of(key)));
        by_row.or_else(|| self.by_step.get(&step)).copied()
    }

    /// The edits that changed something, in order, and the changes that name them by their place.
    fn finish(self) -> (Vec<EditOf>, Vec<Recorded>) {
        let mut named = vec![None; self.kept.len()];
        for edit in self.changes.iter().filter_map(|change| change.edit) {
            if let Some(place) = named.get_mut(edit) {
                *place = Some(0);
            }
        }
        let mut edits = Vec::new();
        for (place, kept) in named.iter_mut().zip(self.kept).filter(|(place, _)| place.is_some()) {
            *place = u32::try_from(edits.len()).ok();
            edits.push(EditOf { id: EditId(kept.i), user: kept.u.clone() });
        }
        let changes = self.changes.into_iter().map(|Attributed { edit, mut recorded }| {
            let edit = edit.and_then(|edit| named.get(edit).copied().flatten());
            *edit_in(&mut recorded.change) = edit;
            recorded
        });
        (edits, changes.collect())
    }
}

fn row_of(change: &Change) -> (&str, &Value) {
    match change {
        Change::Insert(row) | Change::Enter(row) => (&row.table, &row.key),
        Change::Update(fields) => (&fields.table, &fields.key),
        Change::Delete(key) | Change::Leave(key) => (&key.table, &key.key),
    }
}

fn edit_in(change: &mut Change) -> &mut Option<u32> {
    match change {
        Change::Insert(row) | Change::Enter(row) => &mut row.edit,
        Change::Update(fields) => &mut fields.edit,
        Change::Delete(key) | Change::Leave(key) => &mut key.edit,
    }
}

fn is_end(change: &Change) -> bool {
    matches!(change, Change::Delete(_) | Change::Leave(_))
}

/// One change from its JSON.
fn change_of(table: &LiveTable, json: &str) -> Result<Recorded, serde_json::Error> {
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
    if json == "null" {
        return Value::Null;
    }
    if matches!(column.kind, ColumnType::Json | ColumnType::List) {
        return wire_value(column.kind, Raw::Text(json.to_owned()));
    }
    if column.kind == ColumnType::Float && !json.starts_with('"') {
        // Read as text: the JSON reader may be off in the last digit.
        return wire_value(column.kind, Raw::Text(json.to_owned()));
    }
    let raw = match serde_json::from_str(json) {
        Ok(serde_json::Value::String(text)) if column.kind == ColumnType::Bytes => {
            Raw::Blob(bytes_of_hex(&text))
        }
        Ok(serde_json::Value::String(text)) => Raw::Text(text),
        Ok(serde_json::Value::Bool(truth)) => Raw::Bool(truth),
        Ok(other) => Raw::Json(other),
        Err(_) => Raw::Text(json.to_owned()),
    };
    wire_value(column.kind, raw)
}

fn bytes_of_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .filter_map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

fn text_of(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn list_or_one(parts: &[Value]) -> Value {
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
