//! What the edits of a batch wrote refers to rows of their own channels, and what they took along was theirs.
//!
//! A statement that sets a column of such a reference tells, for each row that it wrote, what it refers to.
//! When all edits are applied the checks read what was told, in statements of their own, so that rows of one
//! batch may refer to each other. Rows of the batch's channels are moved by nobody meanwhile but by writers
//! outside, who may: hubs hold the channels' locks.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{
    name::{column, is_exactly, literal, of, output, table_name},
    shape::{Shape, Verb},
};
use crate::store::{
    LiveColumn, LiveTable,
    reference::{Question, Written, are_followed, followers, questions},
};

/// The checks of a batch.
#[derive(Debug, Default)]
pub(super) struct Checks {
    all: Vec<Check>,
}

#[derive(Debug, PartialEq)]
struct Check {
    sql: String,
    table: String,
    column: String,
    constraint: String,
}

impl Checks {
    /// As the functions of the database take them.
    pub(super) fn json(&self) -> Json {
        let check = |check: &Check| json!({"sql": check.sql, "t": check.table, "c": check.column, "k": check.constraint});
        self.all.iter().map(check).collect()
    }

    /// What the statement of a step is to tell of each row `t` that it writes for an operation `e`: a list
    /// of objects. None, if there is nothing to check.
    pub(super) fn told(
        &mut self,
        tables: &[Arc<LiveTable>],
        shape: &Shape,
        step: usize,
    ) -> Option<String> {
        let table = tables.get(shape.table)?;
        let whose = match shape.written(table) {
            Some(Written::New) => "",
            Some(Written::Moved) => ", 'o', e.o, 'c', e.m",
            Some(Written::Changed) | None => ", 'o', e.o, 'c', e.c::text",
        };
        let mut told = Vec::new();
        let asked = shape.written(table).map(|w| questions(tables, table, w, &shape.columns()));
        for question in asked.unwrap_or_default() {
            let number = self.number(asked_of_rows(&question));
            let values = question.columns.iter().filter_map(|index| column(table, *index));
            let values =
                values.enumerate().map(|(n, column)| format!(", 'x{n}', {}", text(column)));
            told.push((number, values.collect::<String>()));
        }
        if takes_along(tables, table, shape) {
            let number = self.number(taken_along(tables, table));
            told.push((number, format!(", 's', {step}")));
        }
        let objects = told.iter().map(|(number, values)| {
            format!("pg_catalog.jsonb_build_object('n', {number}{whose}{values})")
        });
        let objects: Vec<String> = objects.collect();
        (!objects.is_empty())
            .then(|| format!("pg_catalog.jsonb_build_array({})", objects.join(", ")))
    }

    fn number(&mut self, check: Check) -> usize {
        let known = self.all.iter().position(|other| *other == check);
        known.unwrap_or_else(|| {
            self.all.push(check);
            self.all.len() - 1
        })
    }
}

impl Shape {
    /// How it writes rows; none: it deletes them, or writes nothing.
    fn written(&self, table: &LiveTable) -> Option<Written> {
        match self.verb {
            Verb::Insert => Some(Written::New),
            Verb::Update if self.moves(table) => Some(Written::Moved),
            Verb::Update if !self.assigned.is_empty() => Some(Written::Changed),
            Verb::Update | Verb::Delete => None,
        }
    }

    /// Whether it takes rows to another channel.
    pub(super) fn moves(&self, table: &LiveTable) -> bool {
        self.verb == Verb::Update && self.columns().contains(&table.channel_column)
    }

    fn columns(&self) -> Vec<usize> {
        self.assigned.iter().map(|(column, _)| *column).collect()
    }
}

/// Whether the database may change other rows with those of an operation, so that it goes alone.
pub(super) fn takes_along(tables: &[Arc<LiveTable>], table: &LiveTable, shape: &Shape) -> bool {
    match shape.verb {
        Verb::Insert => false,
        Verb::Update => !shape.moves(table) && are_followed(tables, table, &shape.columns()),
        Verb::Delete => followers(tables, &table.channel_kind).next().is_some(),
    }
}

/// What was told to one check, as a table `r`: `$1` all that was told, `$2` the check's number.
fn told_to(values: &str) -> String {
    format!("pg_catalog.jsonb_to_recordset($1) AS r(n integer, o integer, c text{values})")
}

/// Names the first operation whose row and one of another channel would refer to each other.
fn asked_of_rows(question: &Question<'_>) -> Check {
    let other = question.other;
    let written = question.columns.iter().filter_map(|index| column(question.table, *index));
    let others = question.other_columns.iter().filter_map(|index| column(other, *index));
    let same = |(n, (written, other)): (usize, (&LiveColumn, &LiveColumn))| {
        format!("{} = r.x{n}::{}", of("o", other), written.sql_type)
    };
    let is_same = written.zip(others).enumerate().map(same).collect::<Vec<_>>().join(" AND ");
    let values: String = (0..question.columns.len()).map(|n| format!(", x{n} text")).collect();
    let channel = column(other, other.channel_column);
    let in_channel = channel.map(|channel| is_exactly("o", channel, "r.c")).unwrap_or_default();
    Check {
        sql: format!(
            "SELECT r.o, NULL FROM {} JOIN {} o ON {is_same} \
             WHERE r.n = $2 AND NOT ({in_channel}) ORDER BY r.o LIMIT 1",
            told_to(&values),
            table_name(other),
        ),
        table: question.of.name.clone(),
        column: question.reference.field(question.of).unwrap_or_default().to_owned(),
        constraint: question.reference.constraint.clone(),
    }
}

/// Names the first operation that changed rows of other channels, which followed its own; and their table.
fn taken_along(tables: &[Arc<LiveTable>], table: &LiveTable) -> Check {
    let names = followers(tables, &table.channel_kind).map(literal).collect::<Vec<_>>();
    Check {
        sql: format!(
            "SELECT r.o, p.tbl FROM {} JOIN rowcast.pending p ON p.step = r.s AND p.channel <> {} || r.c \
             WHERE r.n = $2 AND p.step IS NOT NULL AND p.xid = pg_catalog.pg_current_xact_id() \
                 AND p.tbl IN ({}) ORDER BY r.o LIMIT 1",
            told_to(", s integer"),
            literal(&format!("{}:", table.channel_kind)),
            names.join(", "),
        ),
        table: String::new(),
        column: String::new(),
        constraint: String::new(),
    }
}

/// A column of the row that was written as text.
fn text(column: &LiveColumn) -> String {
    let value = of("t", column);
    if column.made_type { output(&value) } else { format!("{value}::text") }
}
