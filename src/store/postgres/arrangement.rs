//! A hand-made order in memory, kept up while the operations of a batch are gone through.

use rowcast_protocol::Value;

use super::{
    raw::{wire_key, wire_key_value},
    shape::key_among,
    value::text_value,
};
use crate::store::{
    CheckedOp, LiveTable,
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

/// A row in an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// The primary key as text, to find it by.
    pub(super) name: String,
    pub(super) key: Vec<Value>,
    pub(super) position: Option<String>,
}

/// A channel's rows in order; those without a place last.
#[derive(Debug, Default)]
pub(super) struct Order {
    pub(super) rows: Vec<Place>,
    /// How many rows were added whose keys the database makes.
    nameless: usize,
}

impl Order {
    /// What an operation does to the order. The error is the key of an anchor that is not there.
    pub(super) fn follow(
        &mut self,
        table: &LiveTable,
        op: &CheckedOp,
    ) -> Result<Option<Placement>, Value> {
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
            CheckedOp::Insert { fields, .. } => key_among(table, fields),
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
                .ok_or_else(|| wire_key_value(table, anchor))
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

pub(super) fn text(key: &[Value]) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(positions: &[Option<&str>]) -> Order {
        let rows = positions.iter().enumerate().map(|(n, position)| Place {
            name: n.to_string(),
            key: Vec::new(),
            position: position.map(str::to_owned),
        });
        Order { rows: rows.collect(), nameless: 0 }
    }

    #[test]
    fn a_short_key_is_found_between_two_others() {
        assert_eq!(order(&[Some("a0"), Some("a1")]).key_at(1).as_deref(), Some("a0V"));
        assert_eq!(order(&[]).key_at(0).as_deref(), Some("a0"));
        assert_eq!(order(&[Some("a0"), None]).key_at(1).as_deref(), Some("a1"));
    }

    #[test]
    fn there_is_no_key_beside_a_row_without_a_place_or_a_foreign_one() {
        assert_eq!(order(&[None, None]).key_at(1), None);
        assert_eq!(order(&[Some("7"), Some("8")]).key_at(1), None);
    }

    #[test]
    fn rebalancing_leaves_rows_after_the_placed_ones_alone() {
        let mut order = order(&[Some("7"), None, Some("8"), None, None]);
        // The second is the one being placed; the last two have no place and need none.
        let placement = order.rebalance(1);
        assert_eq!(placement.key.as_deref(), Some("a1"));
        assert_eq!(placement.others.len(), 2);
        assert!(order.rows[3..].iter().all(|row| row.position.is_none()));
    }
}
