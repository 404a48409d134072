//! The statement that applies all operations of one shape at once.
//!
//! It takes `$1` the operations as JSON (`e` the edit, `o` the place in it, `k0…` the key, `g0…` the
//! guard, `v0…` the values, `c` the channel's id), `$2`–`$3` the edits and `$4`–`$5` the places to
//! apply. It returns the operations whose row was found, null if there is none.

use super::{
    name::{column, is_exactly, json_of_row, key, literal, of, quoted, table_name},
    shape::{How, Shape, Verb},
};
use crate::store::{LiveColumn, LiveTable};

impl Shape {
    /// The statement.
    pub(super) fn statement(&self, table: &LiveTable) -> String {
        let target = format!("{} AS t", table_name(table));
        let input = self.input(table);
        let range = "e.e BETWEEN $2 AND $3 AND e.o BETWEEN $4 AND $5";
        match self.verb {
            Verb::Insert => self.insert(table, &target, &input, range),
            Verb::Update if self.assigned.is_empty() => format!(
                "SELECT pg_catalog.array_agg({HIT}) FROM {target}, {input} WHERE {range} AND {}",
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
            json_of_row("t", table),
            table_name(table),
            self.input(table),
            in_channel(table),
        )
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
        format!("pg_catalog.jsonb_to_recordset($1) AS e({})", columns.join(", "))
    }

    fn insert(&self, table: &LiveTable, target: &str, input: &str, range: &str) -> String {
        let columns = self.assigned.iter().filter_map(|(index, _)| column(table, *index));
        let names: Vec<String> = columns.map(|column| quoted(&column.name)).collect();
        let values: Vec<String> = (0..names.len()).map(|place| format!("e.v{place}")).collect();
        format!(
            "WITH given AS MATERIALIZED (SELECT * FROM {input} WHERE {range}), \
             done AS (INSERT INTO {target} ({}) SELECT {} FROM given e ORDER BY e.e, e.o RETURNING 1) \
             SELECT pg_catalog.array_agg({HIT}) FROM given e \
             WHERE (SELECT pg_catalog.count(*) FROM done) = (SELECT pg_catalog.count(*) FROM given)",
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

fn returning(statement: &str) -> String {
    format!(
        "WITH done AS ({statement} RETURNING {HIT} AS hit) SELECT pg_catalog.array_agg(hit) FROM done"
    )
}

fn in_channel(table: &LiveTable) -> String {
    let mut conditions: Vec<String> = key(table)
        .enumerate()
        .map(|(place, column)| is_exactly("t", column, &format!("e.k{place}")))
        .collect();
    if let Some(channel) = column(table, table.channel_column) {
        conditions.push(is_exactly("t", channel, "e.c"));
    }
    conditions.join(" AND ")
}

fn assigned_value(how: How, place: usize, column: &LiveColumn) -> String {
    let old = of("t", column);
    let name = literal(&column.name);
    match how {
        How::Set | How::SetIfChanged => format!("e.v{place}"),
        How::Add => format!("coalesce({old}, 0) + e.v{place}"),
        How::AddItems => as_column(
            &format!("rowcast.list_add(pg_catalog.to_jsonb({old}), e.v{place}, {name})"),
            column,
        ),
        How::RemoveItems => as_column(
            &format!("rowcast.list_remove(pg_catalog.to_jsonb({old}), e.v{place}, {name})"),
            column,
        ),
    }
}

/// JSON as a value of the column.
fn as_column(json: &str, column: &LiveColumn) -> String {
    match column.sql_type.strip_suffix("[]") {
        None if column.sql_type == "jsonb" => json.to_owned(),
        None => format!("({json})::{}", column.sql_type),
        Some(item) => format!(
            "(CASE WHEN {json} IS NOT NULL THEN ARRAY(SELECT item::{item} FROM pg_catalog.jsonb_array_elements_text({json}) item) END)"
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
