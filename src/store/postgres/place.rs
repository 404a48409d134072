//! Hand-made orders: which key a row gets that an edit places.
//!
//! An order is read under its channel's lock and kept up while the operations of the batch are gone
//! through, so that each sees what the ones before it did. Outsiders take no lock; two rows that
//! end up with one key are told apart by their ids.

use std::{collections::HashMap, sync::Arc};

use rowcast_protocol::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::{
    arrangement::{Order, Place, Placement, text},
    failure::Failure,
    name::{column, is_exactly, json_of, key, of, table_name},
    plan::KnownFailures,
    raw::key_from_json,
};
use crate::store::{CheckedEdit, CheckedOp, LiveTable, edit::CheckedPlace};

/// Placements by edit and operation.
pub(super) type Placements = HashMap<(usize, usize), Placement>;

/// Whether an edit places a row.
pub(super) fn places_rows(edit: &CheckedEdit) -> bool {
    edit.ops.iter().any(|op| place_of(op).is_some())
}

fn place_of(op: &CheckedOp) -> Option<&CheckedPlace> {
    match op {
        CheckedOp::Insert { place, .. } => place.as_ref(),
        CheckedOp::Update { change, .. } => change.place.as_ref(),
        CheckedOp::Delete { .. } | CheckedOp::Move { .. } => None,
    }
}

/// Reads the orders that a batch needs and finds each row's place. Edits beside an anchor that is
/// not there fail.
pub(super) async fn placements(
    connection: &mut PgConnection,
    tables: &[Arc<LiveTable>],
    edits: &[CheckedEdit],
    known: &mut KnownFailures,
) -> Result<Placements, sqlx::Error> {
    let mut orders = HashMap::new();
    for (table_index, channel) in wanted(edits) {
        let Some(table) = tables.get(table_index) else { continue };
        let ends_only = only_ends(edits, table_index, channel);
        let order = read_order(connection, table, channel, ends_only).await?;
        orders.insert((table_index, channel), order);
    }
    let mut found = Placements::new();
    for (index, edit) in edits.iter().enumerate() {
        for (place, op) in edit.ops.iter().enumerate() {
            let table_index = op.table();
            let Some(order) = orders.get_mut(&(table_index, edit.channel.id())) else { continue };
            let Some(table) = tables.get(table_index) else { continue };
            match order.follow(table, op) {
                Ok(Some(placement)) => {
                    found.insert((index, place), placement);
                }
                Ok(None) => {}
                Err(anchor) => {
                    known.entry(index).or_insert_with(|| no_anchor(place, &anchor));
                }
            }
        }
    }
    Ok(found)
}

fn no_anchor(place: usize, anchor: &Value) -> serde_json::Value {
    let anchor = serde_json::to_value(anchor).ok();
    let failure = Failure { o: place, code: "RC404".to_owned(), anchor, ..Failure::default() };
    serde_json::to_value(failure).unwrap_or_default()
}

fn wanted(edits: &[CheckedEdit]) -> Vec<(usize, &str)> {
    let mut wanted: Vec<(usize, &str)> = Vec::new();
    for edit in edits {
        for op in edit.ops.iter().filter(|op| place_of(op).is_some()) {
            let order = (op.table(), edit.channel.id());
            if !wanted.contains(&order) {
                wanted.push(order);
            }
        }
    }
    wanted
}

/// Whether the batch only adds new rows at the ends of an order: then the ends are all it needs.
fn only_ends(edits: &[CheckedEdit], table: usize, channel: &str) -> bool {
    let ops = edits.iter().filter(|edit| edit.channel.id() == channel).flat_map(|edit| &edit.ops);
    let mut placed = ops.filter(|op| op.table() == table && place_of(op).is_some());
    placed.all(|op| {
        matches!(
            op,
            CheckedOp::Insert { place: Some(CheckedPlace::First | CheckedPlace::Last), .. }
        )
    })
}

async fn read_order(
    connection: &mut PgConnection,
    table: &LiveTable,
    channel: &str,
    ends_only: bool,
) -> Result<Order, sqlx::Error> {
    let Some(sql) = order_sql(table, ends_only) else { return Ok(Order::default()) };
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(channel).fetch_all(connection).await?;
    let mut order = Order::default();
    for row in rows {
        let key: Vec<String> = row.try_get(0)?;
        let key = key_from_json(table, &key);
        order.rows.push(Place { name: text(&key), key, position: row.try_get(1)? });
    }
    Ok(order)
}

fn order_sql(table: &LiveTable, ends_only: bool) -> Option<String> {
    let position = of("t", column(table, table.order?)?);
    let channel = column(table, table.channel_column)?;
    let keys: Vec<String> = key(table).map(|column| json_of("t", column)).collect();
    let ties: Vec<String> = key(table).map(|column| of("t", column)).collect();
    let select = format!(
        "SELECT ARRAY[{}], ({position})::text AS position FROM {} t WHERE {}",
        keys.join(", "),
        table_name(table),
        is_exactly("t", channel, "$1"),
    );
    let order = format!("{position} COLLATE \"C\" ASC NULLS LAST, {}", ties.join(", "));
    Some(if ends_only {
        format!(
            "(SELECT * FROM ({select} AND {position} IS NOT NULL ORDER BY {position} COLLATE \"C\" LIMIT 1) first) \
             UNION ALL (SELECT * FROM ({select} AND {position} IS NOT NULL ORDER BY {position} COLLATE \"C\" DESC LIMIT 1) last)"
        )
    } else {
        format!("{select} ORDER BY {order}")
    })
}
