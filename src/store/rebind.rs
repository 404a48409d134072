//! Edits that were checked before the tables changed.
//!
//! A checked edit names tables and columns by their indexes in one schema. When a store comes to apply
//! it the tables may be others: what it names is looked up again by name. An edit that names something
//! that is gone or of another type is refused in a way that may be tried again; its next try is checked
//! against the new tables and told what is wrong with it.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use rowcast_protocol::ErrorCode;

use super::{
    CheckedEdit, CheckedOp, Committed, EditError, LiveSchema, LiveTable,
    edit::{ColumnValues, FieldOps},
};

/// A batch against the tables as they are.
pub(super) struct Rebound<'a> {
    /// The edits that can be applied, in order.
    pub(super) edits: Cow<'a, [CheckedEdit]>,
    /// The others, by their index in the whole batch.
    refused: BTreeMap<usize, EditError>,
}

impl<'a> Rebound<'a> {
    /// Looks again at the edits that were checked against other tables.
    pub(super) fn new(edits: &'a [CheckedEdit], now: &Arc<LiveSchema>) -> Self {
        let is_current = |edit: &CheckedEdit| Arc::ptr_eq(&edit.schema, now) || edit.schema == *now;
        if edits.iter().all(is_current) {
            return Self { edits: Cow::Borrowed(edits), refused: BTreeMap::new() };
        }
        let (mut kept, mut refused) = (Vec::new(), BTreeMap::new());
        for (index, edit) in edits.iter().enumerate() {
            match rebound(edit, now) {
                Some(edit) => kept.push(edit),
                None => {
                    refused.insert(index, changed());
                }
            }
        }
        Self { edits: Cow::Owned(kept), refused }
    }

    /// What was committed, with the refused edits in their places.
    pub(super) fn complete(self, mut committed: Committed) -> Committed {
        for (index, error) in self.refused {
            // What lies behind the end of a batch that ended early was not come to.
            if index <= committed.outcomes.len() {
                committed.outcomes.insert(index, Err(error));
            }
        }
        committed
    }
}

fn changed() -> EditError {
    EditError::new(ErrorCode::Busy, "the tables have just changed; send the same edit again")
}

/// The same edit with the indexes of these tables; `None` if something it names has changed.
fn rebound(edit: &CheckedEdit, now: &Arc<LiveSchema>) -> Option<CheckedEdit> {
    let ops = edit.ops.iter().map(|op| rebound_op(op, &edit.schema, now));
    Some(CheckedEdit { schema: Arc::clone(now), ops: ops.collect::<Option<_>>()?, ..edit.clone() })
}

fn rebound_op(op: &CheckedOp, then: &LiveSchema, now: &LiveSchema) -> Option<CheckedOp> {
    let mut op = op.clone();
    match &mut op {
        CheckedOp::Insert { table, fields, .. } => {
            Moved::find(table, then, now)?.columns(fields)?;
        }
        CheckedOp::Update { table, change, guard, .. } => {
            let moved = Moved::find(table, then, now)?;
            moved.change(change)?;
            moved.columns(guard)?;
        }
        CheckedOp::Delete { table, guard, .. } | CheckedOp::Move { table, guard, .. } => {
            Moved::find(table, then, now)?.columns(guard)?;
        }
    }
    Some(op)
}

/// A table before and after.
struct Moved<'a> {
    then: &'a LiveTable,
    now: &'a LiveTable,
}

impl<'a> Moved<'a> {
    /// Finds the table by its name and notes its new index.
    fn find(index: &mut usize, then: &'a LiveSchema, now: &'a LiveSchema) -> Option<Self> {
        let then = then.tables.get(*index)?;
        let (place, now) = now.table(&then.name, &then.channel_kind)?;
        *index = place;
        let moved = Self { then, now };
        let is_as_it_was = moved.key_and_channel_are_as_they_were();
        is_as_it_was.then_some(moved)
    }

    fn key_and_channel_are_as_they_were(&self) -> bool {
        let special = |table: &LiveTable| {
            let mut columns = table.key.clone();
            columns.push(table.channel_column);
            columns
        };
        let (then, now) = (special(self.then), special(self.now));
        then.len() == now.len()
            && then.iter().zip(now).all(|(&then, now)| self.column(then) == Some(now))
    }

    /// The new index of a column that still takes the same values.
    fn column(&self, then: usize) -> Option<usize> {
        let then = self.then.columns.get(then)?;
        let same = |now: &super::LiveColumn| {
            now.name == then.name && now.kind == then.kind && now.sql_type == then.sql_type
        };
        self.now.columns.iter().position(same)
    }

    fn columns(&self, values: &mut ColumnValues) -> Option<()> {
        for (column, _) in values {
            *column = self.column(*column)?;
        }
        Some(())
    }

    fn change(&self, change: &mut FieldOps) -> Option<()> {
        self.columns(&mut change.set)?;
        self.columns(&mut change.inc)?;
        for (column, _) in change.add.iter_mut().chain(&mut change.remove) {
            *column = self.column(*column)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::{ChannelName, ColumnType, EditId, Role, Value};

    use super::*;
    use crate::store::LiveColumn;

    fn table(columns: &[(&str, ColumnType)]) -> LiveTable {
        let column = |(name, kind): &(&str, ColumnType)| LiveColumn {
            name: (*name).to_owned(),
            kind: *kind,
            sql_type: format!("{kind:?}"),
            form: crate::store::ColumnForm::default(),
            made_type: false,
            nullable: true,
            has_default: false,
            generated: false,
            values: Vec::new(),
            readonly: false,
            hidden: false,
        };
        let place = |name: &str| columns.iter().position(|(column, _)| *column == name).unwrap();
        LiveTable {
            name: "notes".to_owned(),
            channel_kind: "board".to_owned(),
            channel_column: place("board"),
            key: vec![place("id")],
            order: None,
            author: None,
            editor: None,
            insert: Some(Role::Editor),
            update: Some(Role::Editor),
            delete: Some(Role::Editor),
            columns: columns.iter().map(column).collect(),
            relations: Vec::new(),
            references: Vec::new(),
        }
    }

    const THEN: [(&str, ColumnType); 4] = [
        ("id", ColumnType::Int),
        ("board", ColumnType::Text),
        ("note", ColumnType::Text),
        ("title", ColumnType::Text),
    ];

    /// An edit that sets the title, checked against these columns as they were.
    fn edit() -> CheckedEdit {
        let change = FieldOps { set: vec![(3, Value::from("t"))], ..FieldOps::default() };
        let op =
            CheckedOp::Update { table: 0, key: vec![Value::Int(1)], change, guard: Vec::new() };
        CheckedEdit {
            schema: Arc::new(LiveSchema::of(vec![table(&THEN)])),
            user: "ada".into(),
            id: EditId(uuid::Uuid::nil()),
            hash: [0; 16],
            channel: ChannelName::new("board:b").unwrap(),
            ops: vec![op],
        }
    }

    fn now(tables: Vec<LiveTable>) -> Arc<LiveSchema> {
        Arc::new(LiveSchema::of(tables))
    }

    #[test]
    fn a_column_that_moved_is_found_by_its_name() {
        let columns = [THEN[3], THEN[1], ("new", ColumnType::Int), THEN[0]];
        let now = now(vec![table(&columns)]);
        let edits = [edit()];
        let rebound = Rebound::new(&edits, &now);
        let CheckedOp::Update { change, .. } = &rebound.edits[0].ops[0] else { panic!() };
        assert_eq!(change.set, [(0, Value::from("t"))]);
        assert!(Arc::ptr_eq(&rebound.edits[0].schema, &now));
    }

    #[test]
    fn what_is_gone_or_of_another_type_may_be_tried_again() {
        let without_title = table(&THEN[..3]);
        let mut retyped = THEN;
        retyped[3].1 = ColumnType::Int;
        let mut rekeyed = THEN;
        rekeyed[0].1 = ColumnType::Uuid;
        for tables in [vec![], vec![without_title], vec![table(&retyped)], vec![table(&rekeyed)]] {
            let edits = [edit()];
            let rebound = Rebound::new(&edits, &now(tables));
            assert!(rebound.edits.is_empty());
            let none =
                Committed { outcomes: Vec::new(), appended: Vec::new(), left_unnumbered: false };
            let outcomes = rebound.complete(none).outcomes;
            assert!(outcomes[0].as_ref().is_err_and(|error| error.code.is_retryable()));
        }
    }

    #[test]
    fn edits_that_can_be_applied_keep_their_places_beside_those_that_cannot() {
        let mut gone = edit();
        let CheckedOp::Update { change, .. } = &mut gone.ops[0] else { panic!() };
        change.set = vec![(2, Value::from("n"))];
        let now = now(vec![table(&[THEN[0], THEN[1], THEN[3]])]);
        let edits = [edit(), gone, edit()];
        let rebound = Rebound::new(&edits, &now);
        assert_eq!(rebound.edits.len(), 2);
        let applied =
            super::super::Applied { epoch: rowcast_protocol::Epoch(1), seq: 1, replayed: false };
        let outcomes = vec![Ok(applied), Ok(applied)];
        let committed = Committed { outcomes, appended: Vec::new(), left_unnumbered: false };
        let outcomes = rebound.complete(committed).outcomes;
        assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    }
}
