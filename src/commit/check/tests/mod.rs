//! What edits are let through, in which form, and what each kind of mistake is answered.

#![expect(clippy::needless_pass_by_value, reason = "`json!` reads best when it is handed over")]

use std::sync::Arc;

use rowcast_protocol::{ColumnType, Edit, ErrorCode, Fields, Role, Value};
use serde_json::json;

use super::check;
use crate::store::{CheckedEdit, CheckedOp, EditError, LiveColumn, LiveSchema, LiveTable};

mod moves;
mod never_panics;
mod operations;
mod rights;
mod values;

const PROJECT: &str = "01997a3e-0000-7000-8000-000000000001";
const OTHER: &str = "01997a3e-0000-7000-8000-000000000002";
const TASK: &str = "01997a3e-0000-7000-8000-0000000000aa";

fn column(name: &str, kind: ColumnType) -> LiveColumn {
    LiveColumn {
        name: name.to_owned(),
        kind,
        sql_type: String::new(),
        form: crate::store::ColumnForm::default(),
        made_type: false,
        nullable: true,
        has_default: false,
        generated: false,
        readonly: false,
        values: Vec::new(),
        hidden: false,
    }
}

fn list(name: &str) -> LiveColumn {
    let form = crate::store::ColumnForm { item: Some(ColumnType::Json), ..Default::default() };
    LiveColumn { form, ..column(name, ColumnType::List) }
}

fn required(name: &str, kind: ColumnType) -> LiveColumn {
    LiveColumn { nullable: false, ..column(name, kind) }
}

fn table(name: &str, columns: Vec<LiveColumn>) -> LiveTable {
    LiveTable {
        name: name.to_owned(),
        channel_kind: "project".to_owned(),
        channel_column: 1,
        key: vec![0],
        order: None,
        author: None,
        editor: None,
        insert: Some(Role::Editor),
        update: Some(Role::Editor),
        delete: Some(Role::Editor),
        columns,
        relations: Vec::new(),
        references: Vec::new(),
    }
}

fn tasks() -> LiveTable {
    let columns = vec![
        LiveColumn { has_default: true, ..required("id", ColumnType::Uuid) },
        required("project_id", ColumnType::Uuid),
        required("title", ColumnType::Text),
        column("position", ColumnType::Text),
        column("count", ColumnType::Int),
        column("weight", ColumnType::Float),
        column("price", ColumnType::Decimal),
        column("done", ColumnType::Bool),
        column("due_date", ColumnType::Date),
        column("at", ColumnType::Time),
        column("completed_at", ColumnType::Timestamp),
        column("picture", ColumnType::Bytes),
        column("metadata", ColumnType::Json),
        list("labels"),
        column("span", ColumnType::Other),
        LiveColumn {
            readonly: true,
            has_default: true,
            ..required("created_at", ColumnType::Timestamp)
        },
        column("created_by", ColumnType::Text),
        column("updated_by", ColumnType::Text),
        LiveColumn { hidden: true, ..required("secret", ColumnType::Text) },
        column("assignee", ColumnType::Uuid),
    ];
    LiveTable { order: Some(3), author: Some(16), editor: Some(17), ..table("tasks", columns) }
}

/// A table whose key has two columns, the channel's among them.
fn seats() -> LiveTable {
    let columns = vec![
        required("row", ColumnType::Int),
        required("project_id", ColumnType::Uuid),
        column("taken", ColumnType::Bool),
    ];
    LiveTable {
        key: vec![0, 1],
        insert: None,
        update: Some(Role::Owner),
        delete: Some(Role::Viewer),
        ..table("seats", columns)
    }
}

fn schema() -> Arc<LiveSchema> {
    Arc::new(LiveSchema::of(vec![tasks(), seats()]))
}

/// The same tables, with the first one changed.
fn schema_with(change: impl FnOnce(&mut LiveTable)) -> Arc<LiveSchema> {
    let mut tasks = tasks();
    change(&mut tasks);
    Arc::new(LiveSchema::of(vec![tasks, seats()]))
}

/// The edit with these operations, on the channel of the project.
fn edit(ops: serde_json::Value) -> Edit {
    edit_on(&format!("project:{PROJECT}"), ops)
}

fn edit_on(channel: &str, ops: serde_json::Value) -> Edit {
    let id = "01997a3e-0000-7000-8000-00000000ed17";
    serde_json::from_value(json!({ "id": id, "channel": channel, "ops": ops })).unwrap()
}

fn checked_as(role: Role, edit: &Edit) -> Result<CheckedEdit, EditError> {
    check(&schema(), &Arc::from("ada"), role, edit)
}

#[track_caller]
fn accepted(ops: serde_json::Value) -> CheckedEdit {
    checked_as(Role::Editor, &edit(ops)).unwrap()
}

#[track_caller]
fn refused(ops: serde_json::Value) -> EditError {
    checked_as(Role::Editor, &edit(ops)).unwrap_err()
}

/// The normal form of a value of a field of `tasks`, or the code it is refused with.
fn stored(field: &str, value: impl Into<Value>) -> Result<Value, ErrorCode> {
    let mut edit = edit(json!([{ "op": "update", "table": "tasks", "key": TASK }]));
    let rowcast_protocol::Op::Update(update) = &mut edit.ops[0] else { unreachable!() };
    update.set = Fields::from_iter([(field, value.into())]);
    let checked = checked_as(Role::Editor, &edit).map_err(|error| {
        assert_eq!(error.field.as_deref(), Some(field), "{error:?}");
        assert_eq!((error.op, error.table.as_deref()), (Some(0), Some("tasks")));
        error.code
    })?;
    let CheckedOp::Update { change, .. } = &checked.ops[0] else { unreachable!() };
    Ok(value_of(&change.set, field))
}

#[track_caller]
fn value_of(fields: &[(usize, Value)], name: &str) -> Value {
    let (index, _) = tasks().column(name).map(|(index, column)| (index, column.clone())).unwrap();
    fields.iter().find(|(column, _)| *column == index).unwrap().1.clone()
}
