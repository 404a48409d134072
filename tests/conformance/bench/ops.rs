//! Operations and edits by names instead of indexes.

use std::sync::{Arc, atomic::Ordering};

use rowcast::store::{
    CheckedEdit, CheckedOp, LiveTable,
    edit::{CheckedPlace, ColumnValues, FieldOps},
};
use rowcast_protocol::{ChannelName, EditId, Value};

use super::{Bench, Named};
use crate::harness::Harness;

impl<H: Harness> Bench<H> {
    fn table(&self, name: &str) -> (usize, Arc<LiveTable>) {
        let tables = self.store.schema().tables.clone().into_iter();
        tables.enumerate().find(|(_, table)| table.name == name).unwrap()
    }

    /// Fields by the index of their column.
    pub(crate) fn columns(&self, table: &str, named: Named<'_>) -> ColumnValues {
        let (_, table) = self.table(table);
        let index = |name| table.columns.iter().position(|column| column.name == name).unwrap();
        named.iter().map(|(name, value)| (index(*name), value.clone())).collect()
    }

    pub(crate) fn insert(&self, table: &str, fields: Named<'_>) -> CheckedOp {
        self.insert_at(table, fields, None)
    }

    pub(crate) fn insert_at(
        &self,
        table: &str,
        fields: Named<'_>,
        place: Option<CheckedPlace>,
    ) -> CheckedOp {
        CheckedOp::Insert { table: self.table(table).0, fields: self.columns(table, fields), place }
    }

    pub(crate) fn set(&self, table: &str, key: &Value, set: Named<'_>) -> CheckedOp {
        self.change(table, key, FieldOps { set: self.columns(table, set), ..FieldOps::default() })
    }

    pub(crate) fn set_if(
        &self,
        table: &str,
        key: &Value,
        set: Named<'_>,
        guard: Named<'_>,
    ) -> CheckedOp {
        CheckedOp::Update {
            table: self.table(table).0,
            key: vec![key.clone()],
            change: FieldOps { set: self.columns(table, set), ..FieldOps::default() },
            guard: self.columns(table, guard),
        }
    }

    pub(crate) fn change(&self, table: &str, key: &Value, change: FieldOps) -> CheckedOp {
        let guard = Vec::new();
        CheckedOp::Update { table: self.table(table).0, key: vec![key.clone()], change, guard }
    }

    pub(crate) fn place(&self, key: i64, place: CheckedPlace) -> CheckedOp {
        let change = FieldOps { place: Some(place), ..FieldOps::default() };
        self.change("cards", &Value::Int(key), change)
    }

    pub(crate) fn delete(&self, table: &str, key: &Value) -> CheckedOp {
        self.delete_if(table, key, &[])
    }

    pub(crate) fn delete_if(&self, table: &str, key: &Value, guard: Named<'_>) -> CheckedOp {
        CheckedOp::Delete {
            table: self.table(table).0,
            key: vec![key.clone()],
            guard: self.columns(table, guard),
        }
    }

    pub(crate) fn move_to(
        &self,
        table: &str,
        key: &Value,
        to: &ChannelName,
        to_id: Value,
    ) -> CheckedOp {
        CheckedOp::Move {
            table: self.table(table).0,
            key: vec![key.clone()],
            to: to.clone(),
            to_id,
            guard: Vec::new(),
        }
    }

    /// An edit with an id of its own.
    pub(crate) fn edit(
        &self,
        user: &str,
        channel: &ChannelName,
        ops: Vec<CheckedOp>,
    ) -> CheckedEdit {
        let number = self.edits.fetch_add(1, Ordering::Relaxed);
        let mut hash = [0; 16];
        hash[8..].copy_from_slice(&number.to_be_bytes());
        CheckedEdit {
            schema: self.store.schema(),
            user: user.into(),
            id: EditId(uuid::Uuid::from_u128(
                0x0190_0000_0000_7000_8000 << 48 | u128::from(number),
            )),
            hash,
            channel: channel.clone(),
            ops,
        }
    }
}
