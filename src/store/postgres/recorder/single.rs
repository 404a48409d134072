//! One updated row, by far the most frequent case, on a way of its own.

use std::fmt::Write as _;

use super::{
    ACTOR, INSERT, LONGEST, STEP, channel_column, channel_of, differ, named_channels,
    names_channel, replaced,
};
use crate::store::{
    LiveColumn, LiveTable,
    postgres::name::{json_of, key, literal, of, visible},
};

/// Records a single updated row of a table that fits: nothing is joined, and only the columns that
/// changed are looked at twice. Rows that move or change their key go the long way.
pub(super) fn single_sql(table: &LiveTable) -> String {
    let (old, new) = ("rowcast_old", "rowcast_new");
    let columns: Vec<&LiveColumn> = visible(table).filter(|c| may_differ(table, c)).collect();
    let changed: String =
        columns.chunks(COMPARED_AT_ONCE).map(|some| changed_among(old, new, some)).collect();
    let keys: Vec<String> = key(table).map(|column| json_of(new, column)).collect();
    let channel = format!("({})", channel_of(new, table));
    let named = match channel_column(table).filter(|column| names_channel(column)) {
        Some(column) => format!(" AND {} IS NOT NULL", of(new, column)),
        None => named_channels(table).replace("c.channel", &channel),
    };
    format!(
        "        SELECT * INTO rowcast_old FROM old_rows;
        SELECT * INTO rowcast_new FROM new_rows;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        IF NOT {replaced} THEN
{changed}            IF rowcast_body <> ''{named} THEN
                rowcast_body := concat('[\"u\",[', concat_ws(',', {keys}), '],{{', substr(rowcast_body, 2), '}}]');
                {INSERT} VALUES ({ACTOR}, {STEP}, {channel}, {name}, 1,
                    CASE WHEN octet_length(rowcast_body) <= {LONGEST} THEN rowcast_body END);
            END IF;
            RETURN NULL;
        END IF;
",
        replaced = replaced(old, new, table),
        keys = keys.join(", "),
        name = literal(&table.name),
    )
}

/// Whether a row that was not replaced can still differ here: its key cannot, nor its channel's
/// column, unless that is a text that a collation takes for equal.
fn may_differ(table: &LiveTable, column: &LiveColumn) -> bool {
    let is_key = key(table).any(|key| key.name == column.name);
    let is_channel = channel_column(table).is_some_and(|channel| channel.name == column.name);
    !(is_key || is_channel && names_channel(column))
}

/// Columns of a single row that are first compared in one expression: in every transaction the
/// database makes each expression that it comes to ready anew.
const COMPARED_AT_ONCE: usize = 6;

/// Adds those of these columns that changed to the body.
fn changed_among(old: &str, new: &str, columns: &[&LiveColumn]) -> String {
    let differing: Vec<String> = columns.iter().map(|column| differ(old, new, column)).collect();
    let mut sql = format!("            IF {} THEN\n", differing.join(" OR "));
    for (column, differs) in columns.iter().zip(&differing) {
        let name = serde_json::to_string(&column.name).unwrap_or_default();
        let _ = write!(
            sql,
            "                IF {differs} THEN
                    rowcast_body := concat(rowcast_body, {}, {}, ',', {}, ']');
                END IF;\n",
            literal(&format!(",{name}:[")),
            json_of(new, column),
            json_of(old, column),
        );
    }
    sql + "            END IF;\n"
}
