//! The triggers that record: one row of `rowcast_pending` per change of a row.
//!
//! They copy values as they are, without a function or a conversion, so that they are exact and
//! cannot fail, whichever library the writer uses. Comparisons are bytewise, whatever collation a
//! column has.
//!
//! - `I`, `D`: the whole row.
//! - `U`: the key, and what differs; `mask` has a `1` for each column that does.
//! - `R`: the whole row twice, where the key or the channel changed.
//! - `P`: a row that stands in the way of an insert. SQLite fires no delete trigger for a row that
//!   `INSERT OR REPLACE` removes; if an `I` of the same key follows, this row was removed.
//!
//! Once a channel is flooded (`rowcast_flood`, which a trigger of the migrations fills) a reset will
//! stand for its changes, so they are not recorded any more: the writer pays for a look-up instead.
//! A `P` needs the `I` that follows, so it has the channel recorded again.

use super::{
    super::schema::{LiveColumn, LiveTable},
    connection::quoted,
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
const KINDS: [&str; 5] = ["insert", "delete", "update", "rekey", "replace"];

/// The columns of a table that are recorded.
pub(super) fn recorded(table: &LiveTable) -> impl Iterator<Item = (usize, &LiveColumn)> {
    table.columns.iter().enumerate().filter(|(_, column)| !column.hidden)
}

/// The triggers of a table. `shape` is the number of its columns' list, `unique` the sets of columns
/// in which no two rows may be equal, the primary key among them.
pub(super) fn triggers(table: &LiveTable, shape: i64, unique: &[Vec<String>]) -> Vec<Trigger> {
    let writer = Writer { table, shape };
    vec![writer.insert(), writer.delete(), writer.update(), writer.rekey(), writer.replace(unique)]
}

struct Writer<'a> {
    table: &'a LiveTable,
    shape: i64,
}

impl Writer<'_> {
    fn insert(&self) -> Trigger {
        let record = self.record("'I'", "NULL", None, Some("NEW."));
        self.trigger("insert", "AFTER INSERT", &format!("NOT {}", self.flooded("NEW")), &record)
    }

    fn delete(&self) -> Trigger {
        let record = self.record("'D'", "NULL", Some("OLD."), None);
        self.trigger("delete", "AFTER DELETE", &format!("NOT {}", self.flooded("OLD")), &record)
    }

    fn rekey(&self) -> Trigger {
        let record = self.record("'R'", "NULL", Some("OLD."), Some("NEW."));
        let (from, to) = (self.flooded("OLD"), self.flooded("NEW"));
        let when = format!("({}) AND NOT ({from} AND {to})", self.moved());
        self.trigger("rekey", "AFTER UPDATE", &when, &record)
    }

    fn update(&self) -> Trigger {
        let each: Vec<String> = recorded(self.table).map(|(_, c)| differs(&c.name)).collect();
        let when = format!(
            "NOT {} AND NOT ({}) AND ({})",
            self.flooded("NEW"),
            self.moved(),
            each.join(" OR ")
        );
        let mask: Vec<String> = each.iter().map(|differs| format!("({differs})")).collect();
        let changed = |side: &str| -> Vec<String> {
            recorded(self.table)
                .map(|(index, column)| {
                    let value = format!("{side}.{}", quoted(&column.name));
                    if self.is_anchor(index) && side == "OLD" {
                        return value;
                    }
                    format!("CASE WHEN {} THEN {value} END", differs(&column.name))
                })
                .collect()
        };
        let (olds, news) = (changed("OLD"), changed("NEW"));
        let channel = self.channel();
        let names = columns(olds.len(), true, true);
        let record = format!(
            "INSERT INTO rowcast_pending (shape, op, mask, och, ch, {names}) VALUES ({}, 'U', {}, OLD.{channel}, NEW.{channel}, {}, {})",
            self.shape,
            mask.join(" || "),
            olds.join(", "),
            news.join(", "),
        );
        self.trigger("update", "AFTER UPDATE", &when, &record)
    }

    /// A row in the way: one with the same key on another channel, or with another key and the same
    /// values where they must be unique. One with the same key and channel is simply overwritten.
    fn replace(&self, unique: &[Vec<String>]) -> Trigger {
        let same = |columns: &[String]| {
            let pairs = columns.iter().map(|c| format!("o.{0} = NEW.{0}", quoted(c)));
            pairs.collect::<Vec<_>>().join(" AND ")
        };
        let elsewhere: Vec<String> = self.anchors().map(|c| differs_between(&c.name)).collect();
        let in_the_way: Vec<String> =
            unique.iter().map(|columns| format!("({})", same(columns))).collect();
        let from = format!(
            "FROM {} AS o WHERE ({}) AND ({})",
            quoted(&self.table.name),
            in_the_way.join(" OR "),
            elsewhere.join(" OR "),
        );
        let count = recorded(self.table).count();
        let olds: Vec<String> =
            recorded(self.table).map(|(_, c)| format!("o.{}", quoted(&c.name))).collect();
        let news: Vec<String> =
            recorded(self.table).map(|(_, c)| format!("NEW.{}", quoted(&c.name))).collect();
        let record = format!(
            "INSERT INTO rowcast_pending (shape, op, och, {}) SELECT {}, 'P', o.{}, {}, {} {from}",
            columns(count, true, true),
            self.shape,
            self.channel(),
            olds.join(", "),
            news.join(", "),
        );
        let again = format!(
            "UPDATE rowcast_flood SET recorded = 1 WHERE shape = {} AND ch = NEW.{}",
            self.shape,
            self.channel(),
        );
        let when = format!("EXISTS (SELECT 1 {from})");
        self.trigger("replace", "BEFORE INSERT", &when, &format!("{record}; {again}"))
    }

    fn record(&self, op: &str, mask: &str, old: Option<&str>, new: Option<&str>) -> String {
        let channel = self.channel();
        let at = |side: Option<&str>| {
            side.map_or_else(|| "NULL".to_owned(), |side| format!("{side}{channel}"))
        };
        let values: Vec<String> = [old, new]
            .into_iter()
            .flatten()
            .flat_map(|side| {
                recorded(self.table).map(move |(_, c)| format!("{side}{}", quoted(&c.name)))
            })
            .collect();
        let names = columns(recorded(self.table).count(), old.is_some(), new.is_some());
        format!(
            "INSERT INTO rowcast_pending (shape, op, mask, och, ch, {names}) VALUES ({}, {op}, {mask}, {}, {}, {})",
            self.shape,
            at(old),
            at(new),
            values.join(", "),
        )
    }

    fn trigger(&self, what: &str, event: &str, when: &str, record: &str) -> Trigger {
        let name = format!("rowcast_{}_{what}", self.table.name);
        let sql = format!(
            "CREATE TRIGGER {} {event} ON {} WHEN {when} BEGIN {record}; END",
            quoted(&name),
            quoted(&self.table.name),
        );
        Trigger { name, table: self.table.name.clone(), sql }
    }

    fn channel(&self) -> String {
        let column = self.table.columns.get(self.table.channel_column);
        column.map(|column| quoted(&column.name)).unwrap_or_default()
    }

    /// Whether a column says which row it is, or in which channel.
    fn is_anchor(&self, index: usize) -> bool {
        index == self.table.channel_column || self.table.key.contains(&index)
    }

    fn anchors(&self) -> impl Iterator<Item = &LiveColumn> {
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
}

/// `o0, o1 …` and `n0, n1 …`.
fn columns(count: usize, old: bool, new: bool) -> String {
    let names = |letter: char| (0..count).map(move |n| format!("{letter}{n}"));
    let olds = names('o').filter(|_| old);
    olds.chain(names('n').filter(|_| new)).collect::<Vec<_>>().join(", ")
}

fn differs(column: &str) -> String {
    format!("OLD.{0} IS NOT NEW.{0} COLLATE BINARY", quoted(column))
}

fn differs_between(column: &str) -> String {
    format!("o.{0} IS NOT NEW.{0} COLLATE BINARY", quoted(column))
}
