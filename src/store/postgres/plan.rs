//! Which statements a batch of edits takes: operations of one shape go together, and the result is
//! what the order of the edits says.
//!
//! Operations on different rows of one table may change places; operations on one row never do. A
//! delete may take other rows with it, so nothing passes it. An insert may be referred to, so what
//! follows comes after it. An edit's own operations keep their order. Where changing places makes a
//! statement fail, the database runs the edits in smaller and smaller groups, in order.

use std::{collections::HashMap, sync::Arc};

use rowcast_protocol::{Fields, Value};
use serde_json::{Value as Json, json};

use super::{
    place::Placements,
    raw::wire_key,
    references::takes_along,
    shape::{MAKING_ROOM, Shape, Shaped, Verb, shaped, shifted},
};
use crate::store::{CheckedEdit, LiveTable};

/// Failures known before the database was asked, by edit, as the database tells its own.
pub(super) type KnownFailures = HashMap<usize, Json>;

/// The statements for a batch.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// What each edit is called and did, as it is kept.
    pub(super) list: Vec<Json>,
    /// The edits of more than one operation.
    pub(super) several: Vec<i32>,
}

/// Operations of one shape on different rows.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) shape: Shape,
    pub(super) rows: Vec<Value>,
    alone: bool,
}

/// Plans a batch.
pub(super) fn plan(
    tables: &[Arc<LiveTable>],
    edits: &[CheckedEdit],
    places: &Placements,
    known: &KnownFailures,
) -> Plan {
    let mut planner =
        Planner { tables, plan: Plan::default(), rows: HashMap::new(), floor: 0, inserted: 0 };
    for (index, edit) in edits.iter().enumerate() {
        let ops = if known.contains_key(&index) {
            Vec::new()
        } else {
            planner.add_edit(index, edit, places)
        };
        planner.plan.list.push(json!({
            "e": index, "u": &*edit.user, "i": edit.id, "c": edit.channel.as_str(),
            "h": uuid::Uuid::from_bytes(edit.hash), "o": ops,
        }));
    }
    planner.plan
}

struct Planner<'a> {
    tables: &'a [Arc<LiveTable>],
    plan: Plan,
    /// The first step that may touch a row again.
    rows: HashMap<(usize, String), usize>,
    /// The first step that may follow the last delete.
    floor: usize,
    /// The first step that may follow the last insert, unless it is an insert of the same shape.
    inserted: usize,
}

impl Planner<'_> {
    /// Adds an edit's operations; tells at which steps they touch which rows.
    fn add_edit(&mut self, index: usize, edit: &CheckedEdit, places: &Placements) -> Vec<Json> {
        if edit.ops.len() > 1 {
            self.plan.several.push(i32::try_from(index).unwrap_or(i32::MAX));
        }
        let mut kept = Vec::with_capacity(edit.ops.len());
        let mut before: Option<usize> = None;
        for (place, op) in edit.ops.iter().enumerate() {
            let placement = places.get(&(index, place));
            let key = placement.and_then(|placement| placement.text.as_deref());
            let table = op.table();
            let own = shaped(self.tables, op, key);
            let others = placement.iter().flat_map(|placement| &placement.others);
            let others = others.filter_map(|(key, text)| {
                Some(shifted(table, self.tables.get(table)?, key.clone(), text))
            });
            let all: Vec<Shaped> = own.into_iter().chain(others).collect();
            for (nth, mut one) in all.into_iter().enumerate() {
                let place = if nth == 0 { place } else { MAKING_ROOM + place };
                one.row.insert("e", number(index));
                one.row.insert("o", number(place));
                one.row.insert("c", edit.channel.id());
                kept.push(self.add(one, &mut before));
            }
        }
        if kept.len() > edit.ops.len() && edit.ops.len() == 1 {
            self.plan.several.push(i32::try_from(index).unwrap_or(i32::MAX));
        }
        kept
    }

    fn add(&mut self, op: Shaped, before: &mut Option<usize>) -> Json {
        let table = self.tables.get(op.shape.table);
        let key = op.key.as_ref().zip(table).map(|(key, table)| wire_key(table, key));
        let row = key.as_ref().map(|key| (op.shape.table, text(key)));
        let verb = op.shape.verb;
        let takes_along = table.is_some_and(|table| takes_along(self.tables, table, &op.shape));
        let alone = verb == Verb::Delete || key.is_none() || takes_along;
        let step = self.step_for(&op.shape, alone, row.as_ref(), *before);
        *before = Some(step);
        self.note(verb, step, row);
        self.put(step, op.shape, op.row, alone);
        let name = table.map_or("", |table| table.name.as_str());
        json!([step + 1, name, if alone { None } else { key }])
    }

    /// The first step that the operation may join, or a new one at the end.
    fn step_for(
        &self,
        shape: &Shape,
        alone: bool,
        row: Option<&(usize, String)>,
        before: Option<usize>,
    ) -> usize {
        let end = self.plan.steps.len();
        if alone {
            return end;
        }
        let mut earliest = row
            .and_then(|row| self.rows.get(row))
            .map_or(self.floor, |step| (*step).max(self.floor));
        if shape.verb != Verb::Insert {
            earliest = earliest.max(self.inserted);
        }
        let after_own = before.unwrap_or(0);
        let joins = |(_, step): &(usize, &Step)| !step.alone && step.shape == *shape;
        let candidates = self.plan.steps.iter().enumerate().skip(earliest.max(after_own));
        let mut found = candidates.filter(joins).map(|(index, _)| index);
        found.find(|index| shape.verb != Verb::Insert || *index + 1 >= self.inserted).unwrap_or(end)
    }

    fn note(&mut self, verb: Verb, step: usize, row: Option<(usize, String)>) {
        match verb {
            Verb::Delete => self.floor = self.floor.max(step + 1),
            Verb::Insert => self.inserted = self.inserted.max(step + 1),
            Verb::Update => {}
        }
        if let Some(row) = row {
            self.rows.insert(row, step + 1);
        }
    }

    fn put(&mut self, index: usize, shape: Shape, row: Fields, alone: bool) {
        let row = Value::Map(row);
        match self.plan.steps.get_mut(index) {
            Some(step) => step.rows.push(row),
            None => self.plan.steps.push(Step { shape, rows: vec![row], alone }),
        }
    }
}

fn number(index: usize) -> Value {
    Value::Int(i64::try_from(index).unwrap_or(i64::MAX))
}

fn text(key: &[Value]) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::{ChannelName, ColumnType, EditId};

    use super::*;
    use crate::store::{CheckedOp, LiveColumn, LiveSchema, edit::FieldOps};

    fn table() -> LiveTable {
        let column = |name: &str, sql_type: &str, kind| LiveColumn {
            name: name.to_owned(),
            kind,
            sql_type: sql_type.to_owned(),
            form: crate::store::ColumnForm::default(),
            made_type: false,
            nullable: false,
            has_default: false,
            generated: false,
            readonly: false,
            values: Vec::new(),
            hidden: false,
        };
        LiveTable {
            name: "cards".to_owned(),
            channel_kind: "board".to_owned(),
            channel_column: 1,
            key: vec![0],
            order: None,
            author: None,
            editor: None,
            insert: None,
            update: None,
            delete: None,
            relations: Vec::new(),
            references: Vec::new(),
            columns: vec![
                column("id", "bigint", ColumnType::Int),
                column("board", "text", ColumnType::Text),
                column("title", "text", ColumnType::Text),
                column("count", "bigint", ColumnType::Int),
            ],
        }
    }

    fn set(key: i64, column: usize) -> CheckedOp {
        let change = FieldOps { set: vec![(column, Value::Int(1))], ..FieldOps::default() };
        CheckedOp::Update { table: 0, key: vec![Value::Int(key)], change, guard: Vec::new() }
    }

    fn delete(key: i64) -> CheckedOp {
        CheckedOp::Delete { table: 0, key: vec![Value::Int(key)], guard: Vec::new() }
    }

    fn insert(key: i64) -> CheckedOp {
        let fields = vec![(0, Value::Int(key)), (1, Value::from("b"))];
        CheckedOp::Insert { table: 0, fields, place: None }
    }

    /// The edits of each step, for edits of these operations.
    #[track_caller]
    fn takes(edits: Vec<Vec<CheckedOp>>, steps: &[&[u64]]) {
        let edits: Vec<CheckedEdit> = edits
            .into_iter()
            .map(|ops| CheckedEdit {
                schema: Arc::new(LiveSchema::of(vec![table()])),
                user: "ada".into(),
                id: EditId(uuid::Uuid::nil()),
                hash: [0; 16],
                channel: ChannelName::new("board:b").unwrap(),
                ops,
            })
            .collect();
        let plan = plan(&[Arc::new(table())], &edits, &Placements::new(), &KnownFailures::new());
        let edits_of = |step: &Step| -> Vec<u64> {
            let rows = step.rows.iter().map(|row| serde_json::to_value(row).unwrap());
            rows.map(|row| row["e"].as_u64().unwrap()).collect()
        };
        assert_eq!(plan.steps.iter().map(edits_of).collect::<Vec<_>>(), steps);
    }

    #[test]
    fn edits_of_one_shape_go_together() {
        takes(vec![vec![set(1, 2)], vec![set(2, 3)], vec![set(3, 2)]], &[&[0, 2], &[1]]);
        takes(vec![vec![insert(1)], vec![insert(2)]], &[&[0, 1]]);
    }

    #[test]
    fn edits_of_one_row_follow_each_other() {
        takes(vec![vec![set(1, 2)], vec![set(1, 2)], vec![set(2, 2)]], &[&[0, 2], &[1]]);
        takes(vec![vec![set(1, 2)], vec![set(1, 3)], vec![set(1, 2)]], &[&[0], &[1], &[2]]);
    }

    #[test]
    fn nothing_passes_a_delete() {
        let edits = vec![vec![set(1, 2)], vec![delete(2)], vec![set(3, 2)], vec![delete(4)]];
        takes(edits, &[&[0], &[1], &[2], &[3]]);
    }

    #[test]
    fn what_follows_an_insert_comes_after_it() {
        takes(vec![vec![set(1, 2)], vec![insert(2)], vec![set(3, 2)]], &[&[0], &[1], &[2]]);
    }

    #[test]
    fn the_operations_of_an_edit_keep_their_order() {
        takes(vec![vec![set(1, 2)], vec![set(2, 3), set(3, 2)]], &[&[0], &[1], &[1]]);
    }
}
