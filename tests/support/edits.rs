//! Edits, in few words.

use rowcast_protocol::{
    ChannelName, Edit, EditId, Fields, Op, Place, Value,
    edit::{Delete, Insert, Move, Update},
};
use uuid::Uuid;

/// A new edit with an id of its own.
pub(crate) fn edit(channel: &ChannelName, ops: Vec<Op>) -> Edit {
    Edit { id: EditId(Uuid::now_v7()), channel: channel.clone(), ops }
}

/// Fields from `serde_json::json!`.
pub(crate) fn fields(json: serde_json::Value) -> Fields {
    match Value::from(json) {
        Value::Map(fields) => fields,
        other => panic!("{other:?} are no fields"),
    }
}

/// Changes fields of a row.
pub(crate) fn set(table: &str, key: &str, json: serde_json::Value) -> Op {
    Op::Update(Update {
        table: table.to_owned(),
        key: key.into(),
        set: fields(json),
        ..Update::default()
    })
}

/// Renames a task.
pub(crate) fn rename(task: &str, title: &str) -> Op {
    set("tasks", task, serde_json::json!({ "title": title }))
}

/// Renames a task that still has this title.
pub(crate) fn rename_from(task: &str, from: &str, title: &str) -> Op {
    Op::Update(Update {
        table: "tasks".to_owned(),
        key: task.into(),
        set: fields(serde_json::json!({ "title": title })),
        guard: fields(serde_json::json!({ "title": from })),
        ..Update::default()
    })
}

/// Adds items to a list of a task where they are missing.
pub(crate) fn label(task: &str, label: &str) -> Op {
    Op::Update(Update {
        table: "tasks".to_owned(),
        key: task.into(),
        add: fields(serde_json::json!({ "labels": [label] })),
        ..Update::default()
    })
}

/// Adds a row.
pub(crate) fn insert(table: &str, json: serde_json::Value) -> Op {
    Op::Insert(Insert { table: table.to_owned(), row: fields(json), place: None })
}

/// Adds a task with this key.
pub(crate) fn new_task(task: &str, title: &str) -> Op {
    insert("tasks", serde_json::json!({ "id": task, "title": title }))
}

/// Adds a task with this key at a place.
pub(crate) fn new_task_at(task: &str, title: &str, place: Place) -> Op {
    Op::Insert(Insert {
        table: "tasks".to_owned(),
        row: fields(serde_json::json!({ "id": task, "title": title })),
        place: Some(place),
    })
}

/// Says something about a task. The database makes the key.
pub(crate) fn comment(task: &str, body: &str) -> Op {
    insert("comments", serde_json::json!({ "task_id": task, "body": body }))
}

/// Removes a row.
pub(crate) fn delete(table: &str, key: &str) -> Op {
    Op::Delete(Delete { table: table.to_owned(), key: key.into(), guard: Fields::new() })
}

/// Moves a task to another project.
pub(crate) fn move_to(task: &str, to: &ChannelName) -> Op {
    Op::Move(Move {
        table: "tasks".to_owned(),
        key: task.into(),
        to: to.clone(),
        guard: Fields::new(),
    })
}
