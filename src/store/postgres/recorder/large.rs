//! Statements that change so many rows of a channel that a reset stands for them.

use super::{Event, RESET_ROWS, channel_column, differs, id_of, names_channel, paired, text_of_id};
use crate::store::LiveTable;

/// How many of a large update's first rows are looked at.
const FIRST_ROWS: usize = 4 * RESET_ROWS;

pub(super) fn early_sql(table: &LiveTable, markers: &str) -> String {
    format!(
        "rowcast_large := ARRAY({count});
        IF cardinality(rowcast_large) > 0 THEN
            PERFORM FROM new_rows n WHERE {new} LIMIT 1;
            IF NOT FOUND THEN
                PERFORM FROM old_rows o WHERE {old} LIMIT 1;
            END IF;
            IF NOT FOUND THEN
                {markers}
                PERFORM set_config('work_mem', rowcast_memory, true);
                RETURN NULL;
            END IF;
        END IF;",
        count = count_sql(table, Event::Update, &paired(table, Some(FIRST_ROWS))),
        new = not_large("n", table),
        old = not_large("o", table),
    )
}

/// Finds the channels of which the statement changed too many rows. An update's rows are paired and
/// compared only if it touches so many rows of some channel.
pub(super) fn large_sql(table: &LiveTable, event: Event) -> String {
    let counted =
        format!("rowcast_large := ARRAY({});", count_sql(table, event, &paired(table, None)));
    if event != Event::Update {
        return counted;
    }
    format!(
        "rowcast_large := '{{}}';
        IF EXISTS (SELECT FROM (SELECT {} AS id FROM new_rows n UNION ALL SELECT {} FROM old_rows o) c
                   GROUP BY c.id HAVING count(*) > {RESET_ROWS}) THEN
            {counted}
        END IF;",
        id_of("n", table),
        id_of("o", table),
    )
}

/// The ids of the channels of which the statement changed too many rows.
fn count_sql(table: &LiveTable, event: Event, paired: &str) -> String {
    let ids = match event {
        Event::Update => format!(
            "SELECT unnest(CASE WHEN {old} = {new} THEN ARRAY[{new}] ELSE ARRAY[{old}, {new}] END) AS id \
             FROM {paired} WHERE {differs}",
            new = id_of("n", table),
            old = id_of("o", table),
            differs = differs(table),
        ),
        Event::Delete => format!("SELECT {} AS id FROM old_rows o", id_of("o", table)),
        _ => format!("SELECT {} AS id FROM new_rows n", id_of("n", table)),
    };
    format!(
        "SELECT c.id::text FROM ({ids}) c WHERE c.id IS NOT NULL GROUP BY c.id HAVING count(*) > {RESET_ROWS}"
    )
}

/// Whether a row is of none of the channels in `rowcast_large`, which holds texts.
pub(super) fn not_large(alias: &str, table: &LiveTable) -> String {
    let column = channel_column(table).filter(|column| names_channel(column));
    match column.map(|column| column.kind) {
        Some(rowcast_protocol::ColumnType::Uuid) => {
            format!("{} <> ALL (rowcast_large::uuid[])", id_of(alias, table))
        }
        Some(_) => format!("{} <> ALL (rowcast_large::bigint[])", id_of(alias, table)),
        None => format!("{} <> ALL (rowcast_large)", text_of_id(alias, table)),
    }
}
