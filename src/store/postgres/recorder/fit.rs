//! Whether a table still is what a recorder's code was made for, and what is recorded if not.

use serde_json::{Value as Json, json};

use super::{ACTOR, Event, INSERT, STEP, channel_of, marker_of_kind, named_channels};
use crate::store::{LiveTable, Relation, postgres::name::literal};

/// Conditions that the database evaluates when it plans. They hold only in queries on a transition
/// table, which are planned anew after the table was changed.
pub(super) struct Fit {
    /// All visible columns are as they were.
    pub(super) all: String,
    /// The channel's column is.
    pub(super) channel: String,
}

impl Fit {
    pub(super) fn new(table: &LiveTable, relation: &Relation) -> Self {
        let columns = |wanted: &dyn Fn(usize) -> bool| -> Vec<Json> {
            let all = table.columns.iter().zip(&relation.columns).enumerate();
            let some = all.filter(|(index, _)| wanted(*index));
            some.map(
                |(_, (column, (number, kind)))| json!({ "n": number, "c": column.name, "t": kind }),
            )
            .collect()
        };
        let is_visible =
            |index: usize| table.columns.get(index).is_some_and(|column| !column.hidden);
        Self {
            all: condition(relation, columns(&is_visible)),
            channel: condition(relation, columns(&|index| index == table.channel_column)),
        }
    }
}

fn condition(relation: &Relation, columns: Vec<Json>) -> String {
    format!(
        "rowcast.fits({}, {}, {})",
        relation.oid,
        literal(&relation.sql_name),
        literal(&Json::Array(columns).to_string()),
    )
}

/// Records a marker and ends if the table is not as it was.
pub(super) fn marker_sql(table: &LiveTable, fit: &Fit, event: Event) -> String {
    let (new, old) = (channel_of("n", table), channel_of("o", table));
    let (rows, channels) = match event {
        Event::Delete => ("old_rows", format!("SELECT {old} AS channel FROM old_rows o")),
        Event::Update => (
            "new_rows",
            format!(
                "SELECT {new} AS channel FROM new_rows n UNION ALL SELECT {old} FROM old_rows o"
            ),
        ),
        _ => ("new_rows", format!("SELECT {new} AS channel FROM new_rows n")),
    };
    format!(
        "PERFORM FROM {rows} WHERE NOT {all} LIMIT 1;
    IF FOUND THEN
        PERFORM FROM {rows} WHERE {channel} LIMIT 1;
        IF FOUND THEN
            {INSERT} SELECT {ACTOR}, {STEP}, c.channel, {name}, 0, NULL
            FROM ({channels}) c WHERE true{named} GROUP BY c.channel;
        ELSE
            {INSERT} VALUES {marker};
        END IF;
        RETURN NULL;
    END IF;",
        all = fit.all,
        channel = fit.channel,
        name = literal(&table.name),
        named = named_channels(table),
        marker = marker_of_kind(table),
    )
}
