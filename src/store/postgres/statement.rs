//! The statement that applies all operations of one shape at once.
//!
//! It takes `$1` the operations as JSON (`e` the edit, `o` the place in it, `k0…` the key, `g0…` the
//! guard, `v0…` the values, `c` the channel's id), `$2`–`$3` the edits and `$4`–`$5` the places to
//! apply. It returns the operations whose row was found, null if there is none, and the keys that are
//! not as the operations name them.

use rowcast_protocol::ColumnType;

use super::{
    name::{column, is_exactly, json_of_row, json_of_value, key, literal, of, quoted, table_name},
    shape::{How, Shape, Verb},
    value::{compared, is_text, key_type, operand_type},
};
use crate::store::{EditLimits, LiveColumn, LiveTable};

impl Shape {
    /// The statement. `told` is what it also returns of each row; see [`super::references`].
    pub(super) fn statement(
        &self,
        table: &LiveTable,
        limits: EditLimits,
        told: Option<&str>,
    ) -> String {
        let told = told.map(|told| (format!(", {told} AS told"), self.all_told()));
        let (told, all_told) = told.unwrap_or_default();
        let target = format!("{} AS t", table_name(table));
        let input = self.input(table);
        let range = "e.e BETWEEN $2 AND $3 AND e.o BETWEEN $4 AND $5";
        match self.verb {
            Verb::Insert => self.insert(table, &input, range, limits, [&told, all_told]),
            Verb::Update if self.assigned.is_empty() => format!(
                "SELECT pg_catalog.array_agg({HIT}) FROM {target}, {input} WHERE {range} AND {}",
                self.found(table)
            ),
            Verb::Update => {
                let assignments = self.assignments(table, limits);
                let rows = self.found(table);
                let asked: Vec<String> =
                    (0..table.key.len()).map(|place| format!("e.k{place}")).collect();
                let (is, asked) = (key_json(table, &key_values(table)), key_json(table, &asked));
                format!(
                    "WITH done AS (UPDATE {target} SET {assignments} FROM {input} \
                     WHERE {range} AND {rows} RETURNING {HIT} AS hit, e.e, {is} AS key_is, {asked} AS key_asked, {fits} AS fits{told}) \
                     SELECT pg_catalog.array_agg(d.hit), {moved}{all_told} FROM done d WHERE d.fits",
                    fits = self.fits(table, limits),
                    moved = moved(table, "d.e", "d.key_is", "d.key_asked"),
                )
            }
            Verb::Delete => {
                let rows = self.found(table);
                let delete = format!("DELETE FROM {target} USING {input} WHERE {range} AND {rows}");
                format!(
                    "WITH done AS ({delete} RETURNING {HIT} AS hit{told}) \
                     SELECT pg_catalog.array_agg(d.hit), NULL::jsonb{all_told} FROM done d"
                )
            }
        }
    }

    /// The statement that reads the row of an operation as it is: `$2` the edit, `$3` the place; and
    /// whether a trigger may have done something else in the place of what was asked for.
    pub(super) fn probe(&self, table: &LiveTable) -> String {
        if self.verb == Verb::Insert {
            return "SELECT NULL::text, true".to_owned();
        }
        let oids: Vec<String> = table.relations.iter().map(|own| own.oid.to_string()).collect();
        // Rows that an update moves to another partition are deleted there and inserted here.
        let event = match self.verb {
            Verb::Update if oids.len() == 1 => 16,
            Verb::Update => 4 + 8 + 16,
            Verb::Delete | Verb::Insert => 8,
        };
        format!(
            "SELECT r.row, EXISTS (SELECT FROM pg_catalog.pg_trigger g \
                 WHERE g.tgrelid = ANY ('{{{oids}}}'::oid[]) AND g.tgenabled <> 'D' \
                     AND g.tgtype & 3 = 3 AND g.tgtype & {event} <> 0) \
             FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT {row} AS row FROM {name} AS t, {input} \
                 WHERE e.e = $2 AND e.o = $3 AND {place}) r ON true",
            oids = oids.join(","),
            row = json_of_row("t", table),
            name = table_name(table),
            input = self.input(table),
            place = in_channel(table),
        )
    }

    /// The statement that locks the row of an operation and says whether its guards hold; none for
    /// an insert.
    pub(super) fn lock(&self, table: &LiveTable) -> Option<String> {
        (self.verb != Verb::Insert).then(|| {
            format!(
                "SELECT {}, true{} FROM {} AS t, {} WHERE e.e = $2 AND e.o = $3 AND {} FOR UPDATE OF t",
                json_of_row("t", table),
                self.guards(table),
                table_name(table),
                self.input(table),
                in_channel(table),
            )
        })
    }

    /// What was told of all rows, as one list. Of new rows it is only known here whose they are.
    fn all_told(&self) -> &'static str {
        match self.verb {
            Verb::Insert => {
                ", (SELECT pg_catalog.jsonb_agg(v || pg_catalog.jsonb_build_object('o', i.o, 'c', i.c)) \
                 FROM given i JOIN made r ON r.nth = i.nth, pg_catalog.jsonb_array_elements(r.told) v)"
            }
            Verb::Update | Verb::Delete => {
                ", (SELECT pg_catalog.jsonb_agg(v) FROM done r, pg_catalog.jsonb_array_elements(r.told) v)"
            }
        }
    }

    /// The operations as a table `e`.
    fn input(&self, table: &LiveTable) -> String {
        let mut columns = vec!["e integer".to_owned(), "o integer".to_owned()];
        let mut add = |name: String, kind: &str| columns.push(format!("{name} {kind}"));
        if self.moves(table) {
            add("m".to_owned(), "text");
        }
        if self.verb == Verb::Insert {
            add("c".to_owned(), "text");
        } else {
            let channel = column(table, table.channel_column).map(|column| &column.sql_type);
            add("c".to_owned(), channel.map_or("text", String::as_str));
            for (place, column) in key(table).enumerate() {
                add(format!("k{place}"), key_type(column));
            }
        }
        for (place, (index, how)) in self.assigned.iter().enumerate() {
            let Some(column) = column(table, *index) else { continue };
            let is_items = matches!(how, How::AddItems | How::RemoveItems);
            let of_json = is_items && column.kind == ColumnType::Json;
            add(format!("v{place}"), if of_json { "jsonb" } else { &column.sql_type });
        }
        for (place, index) in self.guarded.iter().enumerate() {
            let kind = column(table, *index).map(operand_type);
            add(format!("g{place}"), kind.unwrap_or("text"));
        }
        format!("pg_catalog.jsonb_to_recordset($1) AS e({})", columns.join(", "))
    }

    /// Whether the row that was written is no larger than a row may be.
    fn fits(&self, table: &LiveTable, limits: EditLimits) -> String {
        if !self.weighed {
            return "true".to_owned();
        }
        let row = json_of_row("t", table);
        format!(
            "rowcast.row_fits(pg_catalog.octet_length({row}), {})",
            limits.row_bytes.min(i32::MAX as usize)
        )
    }

    fn insert(
        &self,
        table: &LiveTable,
        input: &str,
        range: &str,
        limits: EditLimits,
        [told, all_told]: [&str; 2],
    ) -> String {
        let columns = self.assigned.iter().filter_map(|(index, _)| column(table, *index));
        let names: Vec<String> = columns.map(|column| quoted(&column.name)).collect();
        let values: Vec<String> = (0..names.len()).map(|place| format!("e.v{place}")).collect();
        // Rows are inserted in order, and so returned; together they are only as many as were given
        // if no trigger left one out.
        let given =
            "WITH given AS MATERIALIZED (SELECT *, row_number() OVER (ORDER BY e.e, e.o) AS nth";
        format!(
            "{given} FROM {input} WHERE {range}), \
             done AS (INSERT INTO {target} AS t ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM given e ORDER BY e.nth RETURNING {is} AS key_is, {fits} AS fits{told}), \
             made AS (SELECT d.*, row_number() OVER () AS nth FROM done d) \
             SELECT pg_catalog.array_agg({HIT}), {moved}{all_told} FROM given e JOIN made m ON m.nth = e.nth \
             WHERE (SELECT pg_catalog.count(*) FROM done d WHERE d.fits) = (SELECT pg_catalog.count(*) FROM given)",
            names.join(", "),
            values.join(", "),
            target = table_name(table),
            fits = self.fits(table, limits),
            is = key_json(table, &key_values(table)),
            moved = self.inserted_elsewhere(table),
        )
    }

    /// The keys that are not as they were given; none where the database makes them.
    fn inserted_elsewhere(&self, table: &LiveTable) -> String {
        let given = table.key.iter().map(|key| {
            let place = self.assigned.iter().position(|(index, _)| index == key)?;
            Some(format!("e.v{place}"))
        });
        given.collect::<Option<Vec<String>>>().map_or_else(
            || "NULL::jsonb".to_owned(),
            |given| moved(table, "e.e", "m.key_is", &key_json(table, &given)),
        )
    }

    fn assignments(&self, table: &LiveTable, limits: EditLimits) -> String {
        let all = self.assigned.iter().enumerate().filter_map(|(place, (index, how))| {
            let column = column(table, *index)?;
            let value = match how {
                How::SetIfChanged => self.set_if_changed(table, place, column, limits),
                how => assigned_value(*how, place, column, limits),
            };
            Some(format!("{} = {value}", quoted(&column.name)))
        });
        all.collect::<Vec<_>>().join(", ")
    }

    fn set_if_changed(
        &self,
        table: &LiveTable,
        place: usize,
        editor: &LiveColumn,
        limits: EditLimits,
    ) -> String {
        let others = self.assigned.iter().enumerate().filter_map(|(place, (index, how))| {
            let column = column(table, *index).filter(|_| *how != How::SetIfChanged)?;
            let value = assigned_value(*how, place, column, limits);
            Some(format!(
                "{} IS DISTINCT FROM {}",
                compared(&of("t", column), column),
                compared(&format!("({value})"), column)
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
        in_channel(table) + &self.guards(table)
    }

    fn guards(&self, table: &LiveTable) -> String {
        let mut conditions = String::new();
        for (place, index) in self.guarded.iter().enumerate() {
            if let Some(column) = column(table, *index) {
                let (is, wanted) = (of("t", column), format!("e.g{place}"));
                conditions.push_str(&format!(
                    " AND {} IS NOT DISTINCT FROM {}",
                    compared(&is, column),
                    compared(&wanted, column)
                ));
            }
        }
        conditions
    }
}

fn key_values(table: &LiveTable) -> Vec<String> {
    key(table).map(|column| of("t", column)).collect()
}

/// JSON text of a key with these values.
fn key_json(table: &LiveTable, values: &[String]) -> String {
    let parts: Vec<String> =
        key(table).zip(values).map(|(column, value)| json_of_value(value, column)).collect();
    format!("'[' || {} || ']'", parts.join(" || ',' || "))
}

/// The keys that are not as the edits asked for.
fn moved(table: &LiveTable, edit: &str, is: &str, asked: &str) -> String {
    format!(
        "pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('e', {edit}, 't', {}, 'k', ({is})::jsonb)) \
         FILTER (WHERE {is} <> {asked})",
        literal(&table.name),
    )
}

/// An operation as one number: the edit, then the place in it.
const HIT: &str = "(e.e::bigint << 32) + e.o";

fn in_channel(table: &LiveTable) -> String {
    let mut conditions: Vec<String> = key(table)
        .enumerate()
        .map(|(place, column)| is_key(&of("t", column), &format!("e.k{place}"), column))
        .collect();
    if let Some(channel) = column(table, table.channel_column) {
        conditions.push(is_exactly("t", channel, "e.c"));
    }
    conditions.join(" AND ")
}

fn assigned_value(how: How, place: usize, column: &LiveColumn, limits: EditLimits) -> String {
    let old = of("t", column);
    let name = literal(&column.name);
    match how {
        How::Set | How::SetIfChanged => format!("e.v{place}"),
        How::Add => format!("coalesce({old}, 0) + e.v{place}"),
        How::AddItems if column.kind == ColumnType::List => {
            format!("rowcast.array_add({old}, e.v{place}, {name}, {})", limits.list_items)
        }
        How::RemoveItems if column.kind == ColumnType::List => {
            format!("rowcast.array_remove({old}, e.v{place}, {name})")
        }
        How::AddItems => {
            let most = limits.list_items;
            let added =
                format!("rowcast.list_add(pg_catalog.to_jsonb({old}), e.v{place}, {name}, {most})");
            as_column(&added, column)
        }
        How::RemoveItems => as_column(
            &format!("rowcast.list_remove(pg_catalog.to_jsonb({old}), e.v{place}, {name})"),
            column,
        ),
    }
}

/// Whether a column of the key has this value. Of texts the index may find more than the very same.
fn is_key(own: &str, value: &str, column: &LiveColumn) -> String {
    let same = format!("{} = {}", compared(own, column), compared(value, column));
    match column.kind {
        ColumnType::Text if !is_text(column) => same,
        ColumnType::Text | ColumnType::Other => format!("{own} = {value} AND {same}"),
        _ => format!("{own} = {value}"),
    }
}

/// JSON as a value of the column.
fn as_column(json: &str, column: &LiveColumn) -> String {
    match column.sql_type.as_str() {
        "jsonb" => json.to_owned(),
        sql_type => format!("({json})::{sql_type}"),
    }
}
