//! The triggers that record: one row of `rowcast_pending` per change of a row.
//!
//! They copy values as they are, without a function or a conversion, so that they are exact and
//! cannot fail, whichever library the writer uses. Comparisons are bytewise, whatever collation a
//! column has.
//!
//! - `I`, `D`: the whole row.
//! - `U`: the key, and what differs; `mask` has a `1` for each column that does.
//! - `R`: the whole row twice, where the key or the channel changed.
//! - `L`, `P`: see [`replaced`].
//!
//! Once a channel is flooded (`rowcast_flood`, which a trigger of the migrations fills) a reset will
//! stand for its changes, so they are not recorded any more: the writer pays for a look-up instead.
//!
//! **A column can be dropped** although the triggers name it: see [`optional`]. Those of the key and of
//! the channel cannot.

use super::{
    super::schema::{LiveColumn, LiveTable},
    connection::quoted,
    replaced,
    unique::Uniques,
};

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trigger {
    /// Its name.
    pub(super) name: String,
    /// The table it is on.
    pub(super) table: String,
    /// The statement that makes it.
    pub(super) sql: String,
}

impl Trigger {
    /// Whether it stands where its name says; triggers follow a table that is renamed.
    pub(super) fn is_named_for_its_table(&self) -> bool {
        let what = self.name.strip_prefix("rowcast_").and_then(|name| {
            name.strip_prefix(self.table.as_str()).and_then(|rest| rest.strip_prefix('_'))
        });
        what.is_some_and(|what| KINDS.contains(&what))
    }
}

/// What the names of a table's triggers end with.
const KINDS: [&str; 8] = [
    "insert",
    "delete",
    "update",
    "rekey",
    "replace",
    "replaced",
    "update_replace",
    "update_replaced",
];

/// The columns of a table that are recorded.
pub(super) fn recorded(table: &LiveTable) -> impl Iterator<Item = (usize, &LiveColumn)> {
    table.columns.iter().enumerate().filter(|(_, column)| !column.hidden)
}

/// The triggers of a table. `shape` is the number of its columns' list.
pub(super) fn triggers(table: &LiveTable, shape: i64, uniques: &Uniques) -> Vec<Trigger> {
    let writer = Writer { table, shape };
    let mut all = vec![writer.insert(), writer.delete(), writer.update(), writer.rekey()];
    all.extend(replaced::triggers(&writer, uniques));
    all
}

/// Writes the triggers of a table.
pub(super) struct Writer<'a> {
    pub(super) table: &'a LiveTable,
    pub(super) shape: i64,
}

impl Writer<'_> {
    fn insert(&self) -> Trigger {
        let record = self.record('I', &["NEW"]);
        self.trigger("insert", "AFTER INSERT", &format!("NOT {}", self.flooded("NEW")), &record)
    }

    fn delete(&self) -> Trigger {
        let record = format!("{}; {}", self.record('D', &["OLD"]), self.forget_in_the_way());
        self.trigger("delete", "AFTER DELETE", &format!("NOT {}", self.flooded("OLD")), &record)
    }

    fn rekey(&self) -> Trigger {
        let record = format!("{}; {}", self.record('R', &["OLD", "NEW"]), self.forget_in_the_way());
        let (from, to) = (self.flooded("OLD"), self.flooded("NEW"));
        let when = format!("({}) AND NOT ({from} AND {to})", self.moved());
        self.trigger("rekey", "AFTER UPDATE", &when, &record)
    }

    fn update(&self) -> Trigger {
        let each: Vec<String> = recorded(self.table).map(|(_, c)| differs(&c.name)).collect();
        let when = format!("NOT {} AND NOT ({})", self.flooded("NEW"), self.moved());
        let mask: Vec<String> = each.iter().map(|differs| format!("({differs})")).collect();
        let changed = |side: &str| -> Vec<String> {
            recorded(self.table)
                .map(|(index, column)| {
                    let value = format!("{side}.{}", quoted(&column.name));
                    if self.is_anchor(index) && side == "OLD" {
                        return optional(&value);
                    }
                    optional(&format!("CASE WHEN {} THEN {value} END", differs(&column.name)))
                })
                .collect()
        };
        let (olds, news) = (changed("OLD"), changed("NEW"));
        let channel = self.channel();
        let names = columns(olds.len(), true, true);
        let record = format!(
            "INSERT INTO rowcast_pending (shape, op, mask, och, ch, {names})
                SELECT {}, 'U', {}, {}, {}, {}, {} FROM {}, {} WHERE {}",
            self.shape,
            optional(&mask.join(" || ")),
            optional(&format!("OLD.{channel}")),
            optional(&format!("NEW.{channel}")),
            olds.join(", "),
            news.join(", "),
            self.absent("OLD"),
            self.absent("NEW"),
            optional(&each.join(" OR ")),
        );
        self.trigger("update", "AFTER UPDATE", &when, &record)
    }

    /// Records these sides of a row, whole.
    fn record(&self, op: char, sides: &[&str]) -> String {
        let value = |side: &str, name: &str| optional(&format!("{side}.{}", quoted(name)));
        let channel = |side: &str| {
            if sides.contains(&side) {
                optional(&format!("{side}.{}", self.channel()))
            } else {
                "NULL".to_owned()
            }
        };
        let values: Vec<String> = sides
            .iter()
            .flat_map(|side| recorded(self.table).map(|(_, c)| value(side, &c.name)))
            .collect();
        let absent: Vec<String> = sides.iter().map(|side| self.absent(side)).collect();
        let count = recorded(self.table).count();
        let names = columns(count, sides.contains(&"OLD"), sides.contains(&"NEW"));
        format!(
            "INSERT INTO rowcast_pending (shape, op, och, ch, {names})
                SELECT {}, '{op}', {}, {}, {} FROM {}",
            self.shape,
            channel("OLD"),
            channel("NEW"),
            values.join(", "),
            absent.join(", "),
        )
    }

    /// A trigger of the table.
    pub(super) fn trigger(&self, what: &str, event: &str, when: &str, record: &str) -> Trigger {
        let name = format!("rowcast_{}_{what}", self.table.name);
        let sql = format!(
            "CREATE TRIGGER {} {event} ON {} WHEN {when} BEGIN {record}; END",
            quoted(&name),
            quoted(&self.table.name),
        );
        Trigger { name, table: self.table.name.clone(), sql }
    }

    /// The channel's column.
    pub(super) fn channel(&self) -> String {
        let column = self.table.columns.get(self.table.channel_column);
        column.map(|column| quoted(&column.name)).unwrap_or_default()
    }

    /// Whether a column says which row it is, or in which channel.
    fn is_anchor(&self, index: usize) -> bool {
        index == self.table.channel_column || self.table.key.contains(&index)
    }

    /// The columns that say which row it is, and in which channel.
    pub(super) fn anchors(&self) -> impl Iterator<Item = &LiveColumn> {
        recorded(self.table).filter(|(index, _)| self.is_anchor(*index)).map(|(_, column)| column)
    }

    /// Whether changes of the row's channel are not recorded any more.
    fn flooded(&self, side: &str) -> String {
        format!(
            "EXISTS (SELECT 1 FROM rowcast_flood WHERE shape = {} AND ch = {side}.{} AND NOT recorded)",
            self.shape,
            self.channel(),
        )
    }

    /// Whether the key or the channel changed.
    fn moved(&self) -> String {
        self.anchors().map(|column| differs(&column.name)).collect::<Vec<_>>().join(" OR ")
    }

    /// One row under this name with all columns that may be dropped, all NULL; see [`optional`].
    pub(super) fn absent(&self, name: &str) -> String {
        let columns = self.table.columns.iter().enumerate();
        let droppable = columns.filter(|(index, _)| !self.is_anchor(*index));
        let nulls: Vec<String> =
            droppable.map(|(_, column)| format!("NULL AS {}", quoted(&column.name))).collect();
        let nulls = if nulls.is_empty() { "NULL".to_owned() } else { nulls.join(", ") };
        format!("(SELECT {nulls} FROM rowcast_meta WHERE name = 'epoch') AS {name}")
    }
}

/// An expression over `OLD` and `NEW` that still has a value, NULL, when one of their columns is dropped.
///
/// SQLite drops no column that a trigger names and cannot find any more. In a query within the query
/// `SELECT … FROM` [`absent`](Writer::absent) it looks for `NEW.note` in the row first, and if the row has no
/// such column any more, in what stands under the name `NEW` in the query around. The one row of
/// `rowcast_meta` makes that a constant for SQLite; without a table it would copy the NULLs each time.
pub(super) fn optional(expression: &str) -> String {
    format!("(SELECT {expression})")
}

/// `o0, o1 …` and `n0, n1 …`.
pub(super) fn columns(count: usize, old: bool, new: bool) -> String {
    let names = |letter: char| (0..count).map(move |n| format!("{letter}{n}"));
    let olds = names('o').filter(|_| old);
    olds.chain(names('n').filter(|_| new)).collect::<Vec<_>>().join(", ")
}

fn differs(column: &str) -> String {
    format!("OLD.{0} IS NOT NEW.{0} COLLATE BINARY", quoted(column))
}
