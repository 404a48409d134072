//! The triggers that record which rows `OR REPLACE` removes. For those SQLite fires no delete trigger
//! unless the writer asks for it.
//!
//! - Before a row is written, the rows that stand in its way are noted: `P`.
//! - After it was written, those of them that are gone were removed by it: `P` becomes `D`. One with the
//!   key of a row that was inserted, on another channel, becomes `L`: the `I` that follows took its place.
//!   One with the same key on the same channel is simply overwritten.
//!
//! What became of a `P` is known when the writer's statement is done, whatever it was: a `P` that is left
//! stayed (`OR IGNORE`, an upsert), and means nothing. It is forgotten when its row is deleted or gets
//! another key, when it is noted again, or when there are many: rows are written within rows only as deep
//! as triggers go.
//!
//! A `P` needs the `I` that follows, so it has a flooded channel recorded again.

use super::{
    super::schema::LiveColumn,
    connection::quoted,
    triggers::{Trigger, Writer, columns, recorded},
    unique::Uniques,
};

/// How many rows may be in the way at a time, for each way of being so: a trigger may write a row of
/// the table while another is about to be written, and so on.
const DEPTH: usize = 8;

/// The row in the way, where its values are read.
const ROW: &str = "rowcast_row";

/// The triggers.
pub(super) fn triggers(writer: &Writer<'_>, uniques: &Uniques) -> Vec<Trigger> {
    let columns = uniques.columns().map(|columns| {
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        format!(" OF {}", names.join(", "))
    });
    let columns = columns.unwrap_or_default();
    let is_any = format!("EXISTS (SELECT 1 {})", writer.in_the_way());
    let on_insert = InTheWay::new(writer, uniques, &writer.is_elsewhere());
    let on_update = InTheWay::new(writer, uniques, &writer.is_another());
    let again = format!(
        "UPDATE rowcast_flood SET recorded = 1 WHERE shape = {} AND ch = NEW.{}",
        writer.shape,
        writer.channel(),
    );
    let note = format!("{}; {again}", on_insert.note());
    let update = |when: &str| format!("{when} UPDATE{columns}");
    vec![
        writer.trigger("replace", "BEFORE INSERT", &on_insert.is_any(), &note),
        writer.trigger("replaced", "AFTER INSERT", &is_any, &writer.removed_by_insert()),
        writer.trigger("update_replace", &update("BEFORE"), &on_update.is_any(), &on_update.note()),
        writer.trigger("update_replaced", &update("AFTER"), &is_any, &writer.removed_by_update()),
    ]
}

/// The rows that are in the way of `NEW`.
struct InTheWay<'a> {
    writer: &'a Writer<'a>,
    uniques: &'a Uniques,
    /// For each way of being so.
    conditions: Vec<String>,
}

impl<'a> InTheWay<'a> {
    /// Those for which this holds too.
    fn new(writer: &'a Writer<'a>, uniques: &'a Uniques, only: &str) -> Self {
        let conditions = uniques.conditions().into_iter();
        let conditions = conditions.map(|condition| format!("{condition} AND ({only})")).collect();
        Self { writer, uniques, conditions }
    }

    fn table(&self) -> String {
        quoted(&self.writer.table.name)
    }

    /// Whether there is one.
    fn is_any(&self) -> String {
        let table = self.table();
        let each = self.conditions.iter();
        let each = each.map(|c| format!("EXISTS (SELECT 1 FROM {table} WHERE {c})"));
        format!(
            "EXISTS (SELECT 1 FROM {} WHERE {})",
            self.writer.absent("NEW"),
            each.collect::<Vec<_>>().join(" OR "),
        )
    }

    /// Records them.
    fn note(&self) -> String {
        let (table, shape, pending) = (self.table(), self.writer.shape, self.writer.in_the_way());
        let names: Vec<String> = match self.uniques.row_number {
            Some(number) => vec![number.to_owned()],
            None => self.writer.key().map(|(_, column)| quoted(&column.name)).collect(),
        };
        let here: Vec<String> = names.iter().map(|name| format!("{ROW}.{name}")).collect();
        let same: Vec<String> =
            names.iter().zip(&here).map(|(name, here)| format!("{name} = {here}")).collect();
        let same = same.join(" AND ");
        let value = |name: &str| format!("(SELECT {} FROM {table} WHERE {same})", quoted(name));
        let values: Vec<String> =
            recorded(self.writer.table).map(|(_, column)| value(&column.name)).collect();
        let each = self.conditions.iter();
        let each = each.map(|c| format!("SELECT {} FROM {table} WHERE {c}", names.join(", ")));
        format!(
            "INSERT INTO rowcast_pending (shape, op, och, {columns})
                SELECT {shape}, 'P', {ROW}.{channel}, {values} FROM {table} AS {ROW}, {absent}
                WHERE ({here}) IN ({found});
             DELETE {pending} AND (EXISTS (SELECT 1 FROM rowcast_pending AS again
                WHERE again.op = 'P' AND again.shape = {shape} AND again.id > rowcast_pending.id
                AND {again}) OR id <= (SELECT id {pending} ORDER BY id DESC LIMIT 1 OFFSET {most}))",
            columns = columns(values.len(), true, false),
            channel = self.writer.channel(),
            values = values.join(", "),
            absent = self.writer.absent("NEW"),
            here = here.join(", "),
            found = each.collect::<Vec<_>>().join(" UNION "),
            again = self.writer.has_key(|place, _| format!("again.o{place}")),
            most = self.uniques.count() * DEPTH,
        )
    }
}

impl Writer<'_> {
    /// The records of rows in the way.
    fn in_the_way(&self) -> String {
        format!("FROM rowcast_pending WHERE op = 'P' AND shape = {}", self.shape)
    }

    /// Forgets that a row was in the way, which was deleted or has another key now.
    pub(super) fn forget_in_the_way(&self) -> String {
        let own = self.has_key(|_, column| format!("OLD.{}", quoted(&column.name)));
        format!("DELETE {} AND {own}", self.in_the_way())
    }

    fn removed_by_insert(&self) -> String {
        let same = self.has_key(|_, column| format!("NEW.{}", quoted(&column.name)));
        format!(
            "UPDATE rowcast_pending SET op = CASE WHEN {same} THEN 'L' ELSE 'D' END
                WHERE op = 'P' AND shape = {} AND ({same} OR {})",
            self.shape,
            self.is_gone(),
        )
    }

    fn removed_by_update(&self) -> String {
        let old = self.has_key(|_, column| format!("OLD.{}", quoted(&column.name)));
        let new = self.has_key(|_, column| format!("NEW.{}", quoted(&column.name)));
        format!(
            "UPDATE rowcast_pending SET op = 'D'
                WHERE op = 'P' AND shape = {} AND NOT ({old}) AND ({new} OR {})",
            self.shape,
            self.is_gone(),
        )
    }

    /// Whether the table has no row with the recorded key any more.
    fn is_gone(&self) -> String {
        let is_same = self.key().map(|(place, column)| {
            let name = quoted(&column.name);
            // The first finds it with the index, whatever its collation is.
            format!(
                "{ROW}.{name} IS rowcast_pending.o{place}
                    AND {ROW}.{name} IS rowcast_pending.o{place} COLLATE BINARY"
            )
        });
        format!(
            "NOT EXISTS (SELECT 1 FROM {} AS {ROW} WHERE {})",
            quoted(&self.table.name),
            is_same.collect::<Vec<_>>().join(" AND "),
        )
    }

    /// Whether a recorded old row has this key.
    fn has_key(&self, value: impl Fn(usize, &LiveColumn) -> String) -> String {
        let is = |(place, column): (usize, &LiveColumn)| {
            format!("rowcast_pending.o{place} IS {} COLLATE BINARY", value(place, column))
        };
        self.key().map(is).collect::<Vec<_>>().join(" AND ")
    }

    /// The columns of the key, and their places in a record.
    fn key(&self) -> impl Iterator<Item = (usize, &LiveColumn)> {
        let places = recorded(self.table).enumerate();
        places.filter_map(|(place, (index, column))| {
            self.table.key.contains(&index).then_some((place, column))
        })
    }

    /// Whether a row of the table has another key or channel than the new one.
    fn is_elsewhere(&self) -> String {
        let differs = |column: &LiveColumn| {
            let name = quoted(&column.name);
            format!("{name} IS NOT NEW.{name} COLLATE BINARY")
        };
        self.anchors().map(differs).collect::<Vec<_>>().join(" OR ")
    }

    /// Whether a row of the table is not the one that is updated.
    fn is_another(&self) -> String {
        let differs = |(_, column): (usize, &LiveColumn)| {
            let name = quoted(&column.name);
            format!("{name} IS NOT OLD.{name} COLLATE BINARY")
        };
        self.key().map(differs).collect::<Vec<_>>().join(" OR ")
    }
}
