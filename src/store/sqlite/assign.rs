//! What an update sets. The column that names the last editor follows only if another one changes:
//! an edit that changes nothing must leave no trace.

use super::{super::schema::LiveTable, row::column_name};

/// The assignments of an update of these columns, `value` giving the n-th one's new value. `table_name`
/// goes before the columns where they are read.
pub(super) fn assignments(
    table: &LiveTable,
    columns: &[usize],
    table_name: &str,
    value: impl Fn(usize) -> String,
) -> String {
    let assigned = columns.iter().enumerate().map(|(n, &column)| {
        let name = column_name(table, column);
        if !is_stamp(table, columns, column) {
            return format!("{name} = {}", value(n));
        }
        let differ: Vec<String> = others(columns, column)
            .map(|(n, other)| {
                let other = column_name(table, other);
                format!("{table_name}.{other} IS NOT {} COLLATE BINARY", value(n))
            })
            .collect();
        let (changed, new) = (differ.join(" OR "), value(n));
        format!("{name} = CASE WHEN {changed} THEN {new} ELSE {table_name}.{name} END")
    });
    assigned.collect::<Vec<_>>().join(", ")
}

/// Which values stand in [`assignments`], in the order of the text, by their place in `columns`.
pub(super) fn values_named(table: &LiveTable, columns: &[usize]) -> Vec<usize> {
    let mut named = Vec::with_capacity(columns.len());
    for (n, &column) in columns.iter().enumerate() {
        if is_stamp(table, columns, column) {
            named.extend(others(columns, column).map(|(n, _)| n));
        }
        named.push(n);
    }
    named
}

fn is_stamp(table: &LiveTable, columns: &[usize], column: usize) -> bool {
    table.editor == Some(column) && columns.len() > 1
}

fn others(columns: &[usize], stamp: usize) -> impl Iterator<Item = (usize, usize)> {
    columns.iter().copied().enumerate().filter(move |(_, column)| *column != stamp)
}
