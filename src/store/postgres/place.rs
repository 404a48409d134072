//! Hand-made orders: which key a row gets that an edit places.
//!
//! An order is read under its channel's lock and kept up while the operations of the batch are gone
//! through, so that each sees what the ones before it did. Outsiders take no lock; two rows that
//! end up with one key are told apart by their ids.

use std::collections::HashMap;

use rowcast_protocol::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::{
    failure::Failure,
    name::{column, json_of, key, of, quoted},
    plan::KnownFailures,
    raw::wire_key,
    shape::table_of,
    value::text_value,
};
use crate::store::{
    CheckedEdit, CheckedOp, LiveTable,
    edit::{CheckedPlace, ColumnValues},
    order::{LONG_KEY, evenly_spaced, key_between},
};

/// Where an operation puts its row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Placement {
    /// The row's key in the order; none: it stands right already.
    pub(super) key: Option<String>,
    /// Other rows that get new keys, by their primary keys.
    pub(super) others: Vec<(Vec<Value>, String)>,
}

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
    tables: &[LiveTable],
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
            let table_index = table_of(op);
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
            let order = (table_of(op), edit.channel.id());
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
    let mut placed = ops.filter(|op| table_of(op) == table && place_of(op).is_some());
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
        let key = super::raw::key_from_json(table, &key);
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
        "SELECT ARRAY[{}], ({position})::text AS position FROM {} t WHERE {} = $1::{}",
        keys.join(", "),
        quoted(&table.name),
        of("t", channel),
        channel.sql_type,
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

/// A row in an order.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    /// The primary key as text, to find it by.
    name: String,
    key: Vec<Value>,
    position: Option<String>,
}

/// A channel's rows in order; those without a place last.
#[derive(Debug, Default)]
struct Order {
    rows: Vec<Place>,
    /// How many rows were added whose keys the database makes.
    nameless: usize,
}

impl Order {
    /// What an operation does to the order. The error is the key of an anchor that is not there.
    fn follow(&mut self, table: &LiveTable, op: &CheckedOp) -> Result<Option<Placement>, Value> {
        let row = self.row_of(table, op);
        match op {
            CheckedOp::Delete { .. } | CheckedOp::Move { .. } => {
                self.rows.retain(|place| place.name != row.name);
                Ok(None)
            }
            CheckedOp::Insert { place: Some(place), .. } => self.put(table, row, place).map(Some),
            CheckedOp::Insert { fields, .. } => {
                self.add(row, position_in(table, fields));
                Ok(None)
            }
            CheckedOp::Update { change, .. } => {
                if let Some(place) = &change.place {
                    return self.put(table, row, place).map(Some);
                }
                if table.order.is_some_and(|order| change.set.iter().any(|(c, _)| *c == order)) {
                    self.rows.retain(|place| place.name != row.name);
                    self.add(row, position_in(table, &change.set));
                }
                Ok(None)
            }
        }
    }

    fn row_of(&mut self, table: &LiveTable, op: &CheckedOp) -> Place {
        let key = match op {
            CheckedOp::Insert { fields, .. } => super::shape::key_among(table, fields),
            CheckedOp::Update { key, .. }
            | CheckedOp::Delete { key, .. }
            | CheckedOp::Move { key, .. } => Some(key.clone()),
        };
        let key = key.map(|key| wire_key(table, &key));
        let name = key.as_deref().map_or_else(
            || {
                self.nameless += 1;
                format!("new {}", self.nameless)
            },
            text,
        );
        Place { name, key: key.unwrap_or_default(), position: None }
    }

    fn add(&mut self, row: Place, position: Option<String>) {
        let row = Place { position, ..row };
        let after = |place: &Place| match (&place.position, &row.position) {
            (Some(there), Some(here)) => there <= here,
            (Some(_), None) => true,
            (None, _) => row.position.is_none(),
        };
        let index = self.rows.partition_point(after);
        self.rows.insert(index, row);
    }

    /// Puts a row where `place` says.
    fn put(
        &mut self,
        table: &LiveTable,
        mut row: Place,
        place: &CheckedPlace,
    ) -> Result<Placement, Value> {
        let was = self.rows.iter().position(|other| other.name == row.name);
        if let Some(anchor) = anchor_of(place)
            && was.is_some()
            && text(&wire_key(table, anchor)) == row.name
        {
            return Ok(Placement::default());
        }
        let current = was.map(|index| self.rows.remove(index));
        let index = match self.index_of(table, place) {
            Ok(index) => index,
            Err(anchor) => {
                if let (Some(index), Some(current)) = (was, current) {
                    self.rows.insert(index, current);
                }
                return Err(anchor);
            }
        };
        if let Some(current) = current.filter(|row| was == Some(index) && row.position.is_some()) {
            self.rows.insert(index, current);
            return Ok(Placement::default());
        }
        let key = self.key_at(index);
        row.position.clone_from(&key);
        self.rows.insert(index, row);
        Ok(match key {
            Some(_) => Placement { key, others: Vec::new() },
            None => self.rebalance(index),
        })
    }

    fn index_of(&self, table: &LiveTable, place: &CheckedPlace) -> Result<usize, Value> {
        let find = |anchor: &[Value]| {
            let name = text(&wire_key(table, anchor));
            self.rows
                .iter()
                .position(|row| row.name == name)
                .ok_or_else(|| super::raw::wire_key_value(table, anchor))
        };
        match place {
            CheckedPlace::First => Ok(0),
            CheckedPlace::Last => Ok(self.placed()),
            CheckedPlace::After(anchor) => find(anchor).map(|index| index + 1),
            CheckedPlace::Before(anchor) => find(anchor),
        }
    }

    fn placed(&self) -> usize {
        self.rows.partition_point(|row| row.position.is_some())
    }

    /// A key for a row between two others, if there is room for a short one.
    fn key_at(&self, index: usize) -> Option<String> {
        let low = match index.checked_sub(1) {
            Some(before) => Some(self.rows.get(before)?.position.as_deref()?),
            None => None,
        };
        let high = self.rows.get(index).and_then(|row| row.position.as_deref());
        key_between(low, high).filter(|key| key.len() <= LONG_KEY)
    }

    /// New keys for all rows that have a place, and for all up to this one.
    fn rebalance(&mut self, index: usize) -> Placement {
        let last = self.rows.iter().rposition(|row| row.position.is_some()).unwrap_or(0);
        let mut placement = Placement::default();
        let keys = evenly_spaced(last.max(index) + 1);
        for ((at, row), key) in self.rows.iter_mut().enumerate().zip(keys) {
            if at == index {
                placement.key = Some(key.clone());
            } else if row.position.as_deref() != Some(&key) {
                placement.others.push((row.key.clone(), key.clone()));
            }
            row.position = Some(key);
        }
        placement
    }
}

fn anchor_of(place: &CheckedPlace) -> Option<&[Value]> {
    match place {
        CheckedPlace::After(anchor) | CheckedPlace::Before(anchor) => Some(anchor),
        CheckedPlace::First | CheckedPlace::Last => None,
    }
}

fn position_in(table: &LiveTable, fields: &ColumnValues) -> Option<String> {
    let order = table.order?;
    let (_, value) = fields.iter().find(|(column, _)| *column == order)?;
    text_value(table.columns.get(order)?, value)
}

fn text(key: &[Value]) -> String {
    serde_json::to_string(key).unwrap_or_default()
}
