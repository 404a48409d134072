//! The shape of an operation, and the statement that applies all operations of one shape at once.
//!
//! A statement takes `$1` the operations as JSON (`e` the edit, `o` the place in it, `k0…` the key,
//! `g0…` the guard, `v0…` the values, `c` the channel's id), `$2`–`$3` the edits and `$4`–`$5` the
//! places to apply. It returns the operations whose row was found, null if there is none.

use serde_json::{Map, Value as Json};

use super::name::{column, key, of, quoted};
use super::value::json_value;
use crate::store::{
    LiveColumn, LiveTable,
    edit::{CheckedOp, ColumnValues},
};

/// What an assignment does to its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// The value.
    Set,
    /// The value, only if another assignment changes something: who edited last.
    SetIfChanged,
    /// The sum.
    Add,
    /// The list with the missing items.
    AddItems,
    /// The list without the items.
    RemoveItems,
}

/// Which statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
}

/// What operations of one statement have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) verb: Verb,
    pub(super) table: usize,
    assigned: Vec<(usize, How)>,
    guarded: Vec<usize>,
}

/// An operation: its shape, the row's key if it is known, and the JSON for the statement.
#[derive(Debug)]
pub(super) struct Shaped {
    pub(super) shape: Shape,
    pub(super) key: Option<Vec<rowcast_protocol::Value>>,
    pub(super) row: Map<String, Json>,
}

/// Brings an operation into shape. `place` is the key in the hand-made order, if it asks for one.
pub(super) fn shaped(tables: &[LiveTable], op: &CheckedOp, place: Option<&str>) -> Option<Shaped> {
    let table = tables.get(table_of(op))?;
    let mut builder = Builder::new(op, table);
    match op {
        CheckedOp::Insert { fields, .. } => {
            builder.assign(fields, How::Set);
        }
        CheckedOp::Update { change, guard, .. } => {
            builder.guard(guard);
            builder.assign(&change.set, How::Set);
            builder.assign(&change.inc, How::Add);
            builder.items(&change.add, How::AddItems);
            builder.items(&change.remove, How::RemoveItems);
        }
        CheckedOp::Move { to_id, guard, .. } => {
            builder.guard(guard);
            builder.assign(&vec![(table.channel_column, to_id.clone())], How::Set);
        }
        CheckedOp::Delete { guard, .. } => builder.guard(guard),
    }
    if let Some(place) = place {
        builder.text(table.order, How::Set, place);
    }
    Some(builder.finish(op))
}

/// A new key in the hand-made order for a row that makes room for another.
pub(super) fn shifted(
    table_index: usize,
    table: &LiveTable,
    key: Vec<rowcast_protocol::Value>,
    place: &str,
) -> Shaped {
    let change = crate::store::edit::FieldOps::default();
    let op = CheckedOp::Update { table: table_index, key, change, guard: Vec::new() };
    let mut builder = Builder::new(&op, table);
    builder.text(table.order, How::Set, place);
    builder.finish(&op)
}

pub(super) fn table_of(op: &CheckedOp) -> usize {
    match op {
        CheckedOp::Insert { table, .. }
        | CheckedOp::Update { table, .. }
        | CheckedOp::Delete { table, .. }
        | CheckedOp::Move { table, .. } => *table,
    }
}

fn verb_of(op: &CheckedOp) -> Verb {
    match op {
        CheckedOp::Insert { .. } => Verb::Insert,
        CheckedOp::Update { .. } | CheckedOp::Move { .. } => Verb::Update,
        CheckedOp::Delete { .. } => Verb::Delete,
    }
}

struct Builder<'a> {
    table: &'a LiveTable,
    shape: Shape,
    row: Map<String, Json>,
}

impl<'a> Builder<'a> {
    fn new(op: &CheckedOp, table: &'a LiveTable) -> Self {
        let shape = Shape {
            verb: verb_of(op),
            table: table_of(op),
            assigned: Vec::new(),
            guarded: Vec::new(),
        };
        Self { table, shape, row: Map::new() }
    }

    fn value(&mut self, column: usize, how: How, json: Json) {
        let is_editor = self.shape.verb == Verb::Update && self.table.editor == Some(column);
        let how = if is_editor && how == How::Set { How::SetIfChanged } else { how };
        self.row.insert(format!("v{}", self.shape.assigned.len()), json);
        self.shape.assigned.push((column, how));
    }

    fn assign(&mut self, values: &ColumnValues, how: How) {
        for (index, value) in values {
            let json = self.table.columns.get(*index).map(|column| json_value(column, value));
            self.value(*index, how, json.unwrap_or_default());
        }
    }

    fn items(&mut self, lists: &[(usize, Vec<rowcast_protocol::Value>)], how: How) {
        for (index, items) in lists {
            let list = rowcast_protocol::Value::List(items.clone());
            let json = self.table.columns.get(*index).map(|column| json_value(column, &list));
            self.value(*index, how, json.unwrap_or_default());
        }
    }

    fn text(&mut self, column: Option<usize>, how: How, text: &str) {
        if let Some(column) = column {
            self.value(column, how, Json::from(text));
        }
    }

    fn guard(&mut self, guard: &ColumnValues) {
        for (place, (index, value)) in guard.iter().enumerate() {
            let json = self.table.columns.get(*index).map(|column| json_value(column, value));
            self.row.insert(format!("g{place}"), json.unwrap_or_default());
            self.shape.guarded.push(*index);
        }
    }

    fn finish(mut self, op: &CheckedOp) -> Shaped {
        let key = match op {
            CheckedOp::Insert { fields, .. } => key_among(self.table, fields),
            CheckedOp::Update { key, .. }
            | CheckedOp::Delete { key, .. }
            | CheckedOp::Move { key, .. } => Some(key.clone()),
        };
        if self.shape.verb != Verb::Insert {
            let parts = super::name::key(self.table).zip(key.iter().flatten()).enumerate();
            for (place, (column, value)) in parts {
                self.row.insert(format!("k{place}"), json_value(column, value));
            }
        }
        Shaped { shape: self.shape, key, row: self.row }
    }
}

/// The key of a row to insert, if all of it is given.
pub(super) fn key_among(
    table: &LiveTable,
    fields: &ColumnValues,
) -> Option<Vec<rowcast_protocol::Value>> {
    let part = |wanted: &usize| {
        fields.iter().find(|(index, _)| index == wanted).map(|(_, value)| value.clone())
    };
    table.key.iter().map(part).collect()
}

impl Shape {
    /// The statement.
    pub(super) fn statement(&self, table: &LiveTable) -> String {
        let target = format!("{} AS t", quoted(&table.name));
        let input = self.input(table);
        let range = "e.e BETWEEN $2 AND $3 AND e.o BETWEEN $4 AND $5";
        match self.verb {
            Verb::Insert => self.insert(table, &target, &input, range),
            Verb::Update if self.assigned.is_empty() => format!(
                "SELECT array_agg({HIT}) FROM {target}, {input} WHERE {range} AND {}",
                self.found(table)
            ),
            Verb::Update => {
                let assignments = self.assignments(table);
                let rows = self.found(table);
                returning(&format!(
                    "UPDATE {target} SET {assignments} FROM {input} WHERE {range} AND {rows}"
                ))
            }
            Verb::Delete => {
                let rows = self.found(table);
                returning(&format!("DELETE FROM {target} USING {input} WHERE {range} AND {rows}"))
            }
        }
    }

    /// The statement that reads the row of an operation as it is: `$2` the edit, `$3` the place.
    pub(super) fn probe(&self, table: &LiveTable) -> String {
        if self.verb == Verb::Insert {
            return "SELECT NULL::text".to_owned();
        }
        format!(
            "SELECT {} FROM {} AS t, {} WHERE e.e = $2 AND e.o = $3 AND {}",
            super::name::json_of_row("t", table),
            quoted(&table.name),
            self.input(table),
            in_channel(table),
        )
    }

    /// The only column that a sum or list could have failed at.
    pub(super) fn column_of(&self, how: &[How]) -> Option<usize> {
        let mut found = self.assigned.iter().filter(|(_, one)| how.contains(one));
        let (column, _) = found.next()?;
        found.next().is_none().then_some(*column)
    }

    /// The operations as a table `e`.
    fn input(&self, table: &LiveTable) -> String {
        let mut columns = vec!["e integer".to_owned(), "o integer".to_owned()];
        let mut add = |name: String, kind: &str| columns.push(format!("{name} {kind}"));
        if self.verb != Verb::Insert {
            let channel = column(table, table.channel_column).map(|column| &column.sql_type);
            add("c".to_owned(), channel.map_or("text", String::as_str));
            for (place, column) in key(table).enumerate() {
                add(format!("k{place}"), &column.sql_type);
            }
        }
        for (place, (index, how)) in self.assigned.iter().enumerate() {
            let Some(column) = column(table, *index) else { continue };
            let is_items = matches!(how, How::AddItems | How::RemoveItems);
            add(format!("v{place}"), if is_items { "jsonb" } else { &column.sql_type });
        }
        for (place, index) in self.guarded.iter().enumerate() {
            let kind = column(table, *index).map(|column| column.sql_type.as_str());
            add(format!("g{place}"), kind.unwrap_or("text"));
        }
        format!("jsonb_to_recordset($1) AS e({})", columns.join(", "))
    }

    fn insert(&self, table: &LiveTable, target: &str, input: &str, range: &str) -> String {
        let columns = self.assigned.iter().filter_map(|(index, _)| column(table, *index));
        let names: Vec<String> = columns.map(|column| quoted(&column.name)).collect();
        let values: Vec<String> = (0..names.len()).map(|place| format!("e.v{place}")).collect();
        format!(
            "WITH given AS MATERIALIZED (SELECT * FROM {input} WHERE {range}), \
             done AS (INSERT INTO {target} ({}) SELECT {} FROM given e ORDER BY e.e, e.o RETURNING 1) \
             SELECT array_agg({HIT}) FROM given e \
             WHERE (SELECT count(*) FROM done) = (SELECT count(*) FROM given)",
            names.join(", "),
            values.join(", "),
        )
    }

    fn assignments(&self, table: &LiveTable) -> String {
        let all = self.assigned.iter().enumerate().filter_map(|(place, (index, how))| {
            let column = column(table, *index)?;
            let value = match how {
                How::SetIfChanged => self.set_if_changed(table, place, column),
                how => assigned_value(*how, place, column),
            };
            Some(format!("{} = {value}", quoted(&column.name)))
        });
        all.collect::<Vec<_>>().join(", ")
    }

    fn set_if_changed(&self, table: &LiveTable, place: usize, editor: &LiveColumn) -> String {
        let others = self.assigned.iter().enumerate().filter_map(|(place, (index, how))| {
            let column = column(table, *index).filter(|_| *how != How::SetIfChanged)?;
            let value = assigned_value(*how, place, column);
            Some(format!(
                "{} IS DISTINCT FROM {}",
                comparable(&of("t", column), column),
                comparable(&value, column)
            ))
        });
        let changed = others.collect::<Vec<_>>().join(" OR ");
        if changed.is_empty() {
            return format!("e.v{place}");
        }
        format!("CASE WHEN {changed} THEN e.v{place} ELSE {} END", of("t", editor))
    }

    /// The rows named, if their guards hold.
    fn found(&self, table: &LiveTable) -> String {
        let mut conditions = in_channel(table);
        for (place, index) in self.guarded.iter().enumerate() {
            if let Some(column) = column(table, *index) {
                let (is, wanted) = (of("t", column), format!("e.g{place}"));
                conditions.push_str(&format!(
                    " AND {} IS NOT DISTINCT FROM {}",
                    comparable(&is, column),
                    comparable(&wanted, column)
                ));
            }
        }
        conditions
    }
}

/// An operation as one number: the edit, then the place in it.
const HIT: &str = "(e.e::bigint << 32) + e.o";

/// From here on, `o` counts rows that only make room for another; they may be gone.
pub(super) const MAKING_ROOM: usize = 1_000_000;

fn returning(statement: &str) -> String {
    format!("WITH done AS ({statement} RETURNING {HIT} AS hit) SELECT array_agg(hit) FROM done")
}

fn in_channel(table: &LiveTable) -> String {
    let mut conditions: Vec<String> = key(table)
        .enumerate()
        .map(|(place, column)| format!("{} = e.k{place}", of("t", column)))
        .collect();
    if let Some(channel) = column(table, table.channel_column) {
        conditions.push(format!("{} = e.c", of("t", channel)));
    }
    conditions.join(" AND ")
}

fn assigned_value(how: How, place: usize, column: &LiveColumn) -> String {
    let old = of("t", column);
    let name = super::name::literal(&column.name);
    match how {
        How::Set | How::SetIfChanged => format!("e.v{place}"),
        How::Add => format!("coalesce({old}, 0) + e.v{place}"),
        How::AddItems => {
            as_column(&format!("rowcast.list_add(to_jsonb({old}), e.v{place}, {name})"), column)
        }
        How::RemoveItems => {
            as_column(&format!("rowcast.list_remove(to_jsonb({old}), e.v{place}, {name})"), column)
        }
    }
}

/// JSON as a value of the column.
fn as_column(json: &str, column: &LiveColumn) -> String {
    match column.sql_type.strip_suffix("[]") {
        None if column.sql_type == "jsonb" => json.to_owned(),
        None => format!("({json})::{}", column.sql_type),
        Some(item) => format!(
            "(CASE WHEN {json} IS NOT NULL THEN ARRAY(SELECT item::{item} FROM jsonb_array_elements_text({json}) item) END)"
        ),
    }
}

fn comparable(value: &str, column: &LiveColumn) -> String {
    match column.kind {
        rowcast_protocol::ColumnType::Other => format!("({value})::text"),
        rowcast_protocol::ColumnType::Json if column.sql_type == "json" => {
            format!("({value})::text::jsonb")
        }
        _ => value.to_owned(),
    }
}
