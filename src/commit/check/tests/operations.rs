//! Operations: which fields they name, and what the hub adds.

use rowcast_protocol::{Change, ChannelName, EditId, Entry, news::KeyChange};

use super::*;
use crate::{
    commit::check::undo,
    store::{PastEntry, StoredEntry, edit::CheckedPlace},
};

fn update(members: serde_json::Value) -> serde_json::Value {
    let mut op = json!({ "op": "update", "table": "tasks", "key": TASK });
    op.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!([op])
}

fn insert(row: serde_json::Value) -> serde_json::Value {
    json!([{ "op": "insert", "table": "tasks", "row": row }])
}

#[track_caller]
fn refuses(ops: serde_json::Value, code: ErrorCode, field: Option<&str>) {
    let error = refused(ops);
    assert_eq!((error.code, error.field.as_deref()), (code, field), "{error}");
}

#[test]
fn an_insert_gets_its_channel_author_and_editor() {
    let checked = accepted(insert(json!({ "title": "Write" })));
    let CheckedOp::Insert { table: 0, fields, place: None } = &checked.ops[0] else {
        panic!("{checked:?}")
    };
    let expected = [(1, PROJECT), (2, "Write"), (16, "ada"), (17, "ada")];
    assert_eq!(*fields, expected.map(|(index, value)| (index, Value::from(value))));
}

#[test]
fn an_insert_may_name_its_key_and_its_own_channel() {
    let row =
        json!({ "id": TASK.to_uppercase(), "project_id": PROJECT.to_uppercase(), "title": "a" });
    let checked = accepted(insert(row));
    let CheckedOp::Insert { fields, .. } = &checked.ops[0] else { panic!("{checked:?}") };
    assert_eq!(value_of(fields, "id"), Value::from(TASK));
    assert_eq!(value_of(fields, "project_id"), Value::from(PROJECT));
}

#[test]
fn an_insert_into_another_channel_is_refused() {
    let row = json!({ "project_id": OTHER, "title": "a" });
    refuses(insert(row), ErrorCode::WrongType, Some("project_id"));
}

#[test]
fn a_required_field_must_be_there_unless_the_database_or_the_hub_fills_it() {
    refuses(insert(json!({})), ErrorCode::NotNull, Some("title"));
    refuses(insert(json!({ "title": null })), ErrorCode::NotNull, Some("title"));
}

#[test]
fn a_key_without_a_default_must_be_there_even_if_the_database_calls_it_nullable() {
    let schema = schema_with(|tasks| tasks.columns[0] = column("id", ColumnType::Uuid));
    let edit = edit(insert(json!({ "title": "a" })));
    let error = check(&schema, &Arc::from("ada"), Role::Editor, &edit).unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::NotNull, Some("id")));
}

#[test]
fn a_row_goes_last_where_the_order_column_must_have_a_value() {
    let schema = schema_with(|tasks| tasks.columns[3].nullable = false);
    let edit = edit(insert(json!({ "title": "a" })));
    let checked = check(&schema, &Arc::from("ada"), Role::Editor, &edit).unwrap();
    let CheckedOp::Insert { place, .. } = &checked.ops[0] else { panic!("{checked:?}") };
    assert_eq!(*place, Some(CheckedPlace::Last));
}

#[test]
fn fields_that_do_not_exist_or_are_hidden_are_unknown() {
    for name in ["colour", "secret", ""] {
        refuses(update(json!({ "set": { name: "x" } })), ErrorCode::UnknownField, Some(name));
        refuses(update(json!({ "if": { name: "x" } })), ErrorCode::UnknownField, Some(name));
        refuses(insert(json!({ "title": "a", name: "x" })), ErrorCode::UnknownField, Some(name));
    }
}

#[test]
fn what_the_hub_fills_cannot_be_written() {
    for name in ["created_at", "position", "created_by", "updated_by"] {
        refuses(update(json!({ "set": { name: "x" } })), ErrorCode::ReadonlyField, Some(name));
        refuses(insert(json!({ "title": "a", name: "x" })), ErrorCode::ReadonlyField, Some(name));
    }
}

#[test]
fn keys_and_channels_do_not_change_by_update() {
    refuses(update(json!({ "set": { "id": OTHER } })), ErrorCode::ReadonlyField, Some("id"));
    let error = refused(update(json!({ "set": { "project_id": OTHER } })));
    assert_eq!(
        (error.code, error.field.as_deref()),
        (ErrorCode::ReadonlyField, Some("project_id"))
    );
    assert!(error.message.contains("`move`"), "{error}");
}

#[test]
fn an_update_that_changes_something_gets_its_editor() {
    for members in [
        json!({ "set": { "title": "a" } }),
        json!({ "inc": { "count": 1 } }),
        json!({ "add": { "labels": ["a"] } }),
        json!({ "remove": { "metadata": ["a"] } }),
        json!({ "place": "first" }),
    ] {
        let checked = accepted(update(members));
        let CheckedOp::Update { change, .. } = &checked.ops[0] else { panic!("{checked:?}") };
        assert_eq!(value_of(&change.set, "updated_by"), Value::from("ada"));
    }
}

#[test]
fn an_update_that_only_compares_changes_nothing() {
    let checked = accepted(update(
        json!({ "if": { "done": null, "created_at": "2026-11-20T12:00:00+02:00" } }),
    ));
    let CheckedOp::Update { change, guard, key, .. } = &checked.ops[0] else {
        panic!("{checked:?}")
    };
    assert_eq!(*change, crate::store::edit::FieldOps::default());
    assert_eq!(*key, [Value::from(TASK)]);
    assert_eq!(value_of(guard, "created_at"), Value::from("2026-11-20T10:00:00.000000Z"));
    assert_eq!(value_of(guard, "done"), Value::Null);
}

#[test]
fn only_finite_numbers_increase_numbers() {
    let checked =
        accepted(update(json!({ "inc": { "count": "2", "weight": 1, "price": "-0.5" } })));
    let CheckedOp::Update { change, .. } = &checked.ops[0] else { panic!("{checked:?}") };
    assert_eq!(change.inc, [(4, Value::Int(2)), (5, Value::Float(1.0)), (6, Value::from("-0.5"))]);
    for (name, value) in [
        ("title", json!(1)),
        ("metadata", json!(1)),
        ("count", json!(1.5)),
        ("count", json!(null)),
        ("weight", json!("NaN")),
        ("price", json!("Infinity")),
    ] {
        refuses(update(json!({ "inc": { name: value } })), ErrorCode::WrongType, Some(name));
    }
}

#[test]
fn only_lists_are_added_to_and_removed_from_lists() {
    let checked =
        accepted(update(json!({ "add": { "labels": ["a", 1] }, "remove": { "metadata": [] } })));
    let CheckedOp::Update { change, .. } = &checked.ops[0] else { panic!("{checked:?}") };
    assert_eq!(change.add, [(13, vec![Value::from("a"), Value::Int(1)])]);
    assert_eq!(change.remove, [(12, vec![])]);
    for way in ["add", "remove"] {
        for (name, value) in [
            ("labels", json!("a")),
            ("labels", json!(["\0"])),
            ("title", json!(["a"])),
            ("labels", json!(null)),
        ] {
            refuses(update(json!({ way: { name: value } })), ErrorCode::WrongType, Some(name));
        }
    }
}

#[test]
fn no_column_is_changed_twice() {
    refuses(
        update(json!({ "set": { "count": 1 }, "inc": { "count": 1 } })),
        ErrorCode::BadMessage,
        Some("count"),
    );
    refuses(
        update(json!({ "add": { "labels": [1] }, "remove": { "labels": [2] } })),
        ErrorCode::BadMessage,
        Some("labels"),
    );
}

#[test]
fn places_name_rows_by_their_key() {
    for (given, expected) in [
        (json!("first"), CheckedPlace::First),
        (json!("last"), CheckedPlace::Last),
        (json!({ "after": OTHER.to_uppercase() }), CheckedPlace::After(vec![Value::from(OTHER)])),
        (json!({ "before": OTHER }), CheckedPlace::Before(vec![Value::from(OTHER)])),
    ] {
        let checked = accepted(update(json!({ "place": given })));
        let CheckedOp::Update { change, .. } = &checked.ops[0] else { panic!("{checked:?}") };
        assert_eq!(change.place, Some(expected));
    }
    refuses(update(json!({ "place": { "after": 7 } })), ErrorCode::WrongType, Some("id"));
    refuses(update(json!({ "place": { "after": TASK } })), ErrorCode::BadMessage, None);
}

#[test]
fn a_table_without_an_order_has_no_places() {
    let ops = json!([{ "op": "update", "table": "seats", "key": [1, PROJECT], "place": "first" }]);
    let error = checked_as(Role::Owner, &edit(ops)).unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongType);
}

#[test]
fn keys_have_as_many_values_as_columns() {
    let delete = |key| json!([{ "op": "delete", "table": "seats", "key": key }]);
    let checked = accepted(delete(json!(["3", PROJECT.to_uppercase()])));
    let CheckedOp::Delete { key, .. } = &checked.ops[0] else { panic!("{checked:?}") };
    assert_eq!(*key, [Value::Int(3), Value::from(PROJECT)]);
    refuses(delete(json!([3])), ErrorCode::WrongType, None);
    refuses(delete(json!([3, PROJECT, 1])), ErrorCode::WrongType, None);
    refuses(delete(json!(3)), ErrorCode::WrongType, None);
    refuses(delete(json!([null, PROJECT])), ErrorCode::NotNull, Some("row"));
    refuses(delete(json!([true, PROJECT])), ErrorCode::WrongType, Some("row"));
    let single = json!([{ "op": "delete", "table": "tasks", "key": [TASK] }]);
    refuses(single, ErrorCode::WrongType, Some("id"));
}

#[test]
fn an_error_names_its_operation_and_table() {
    let error = refused(json!([
        { "op": "delete", "table": "tasks", "key": TASK },
        { "op": "update", "table": "tasks", "key": TASK, "set": { "count": "x" } },
    ]));
    assert_eq!((error.op, error.table.as_deref()), (Some(1), Some("tasks")));
}

#[test]
fn tables_that_are_not_live_on_this_kind_of_channel_are_unknown() {
    let ops = json!([{ "op": "delete", "table": "users", "key": 1 }]);
    refuses(ops, ErrorCode::UnknownTable, None);
    let ops = json!([{ "op": "delete", "table": "tasks", "key": TASK }]);
    let error = checked_as(Role::Owner, &edit_on("user:ada", ops)).unwrap_err();
    assert_eq!((error.code, error.op), (ErrorCode::UnknownTable, Some(0)));
}

#[test]
fn an_edit_without_operations_is_refused() {
    assert_eq!(refused(json!([])).code, ErrorCode::BadMessage);
}

#[test]
fn a_channel_has_one_spelling() {
    let ops = insert(json!({ "title": "a" }));
    for name in [format!("project:{}", PROJECT.to_uppercase()), "project:7".to_owned()] {
        let error = checked_as(Role::Editor, &edit_on(&name, ops.clone())).unwrap_err();
        assert_eq!(error.code, ErrorCode::UnknownChannel, "{name}");
    }
}

#[test]
fn the_hash_depends_on_everything_but_the_id() {
    let one = accepted(insert(json!({ "title": "a" })));
    let mut again = edit(insert(json!({ "title": "a" })));
    again.id = rowcast_protocol::EditId(uuid::Uuid::nil());
    assert_eq!(checked_as(Role::Owner, &again).unwrap().hash, one.hash);
    assert_ne!(accepted(insert(json!({ "title": "b" }))).hash, one.hash);
    assert_ne!(accepted(insert(json!({ "title": "a", "done": null }))).hash, one.hash);
    let channel = format!("project:{OTHER}");
    let elsewhere = edit_on(&channel, insert(json!({ "title": "a" })));
    assert_ne!(checked_as(Role::Editor, &elsewhere).unwrap().hash, one.hash);
}

#[test]
fn both_encodings_of_bytes_have_one_hash() {
    let text = edit(update(json!({ "set": { "picture": "AP8=" } })));
    let mut bytes = text.clone();
    let rowcast_protocol::Op::Update(op) = &mut bytes.ops[0] else { unreachable!() };
    op.set.insert("picture", Value::Bytes(vec![0, 255]));
    assert_eq!(checked_as(Role::Editor, &text), checked_as(Role::Editor, &bytes));
}

#[test]
fn what_the_database_computes_is_neither_written_nor_restored() {
    let schema = schema_with(|tasks| {
        let computed = tasks.columns.iter_mut().find(|column| column.name == "title").unwrap();
        (computed.generated, computed.readonly, computed.has_default) = (true, true, true);
    });
    for ops in [insert(json!({ "title": "a" })), update(json!({ "set": { "title": "a" } }))] {
        let error = check(&schema, &Arc::from("ada"), Role::Editor, &edit(ops)).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::ReadonlyField, Some("title")));
    }
    let row: Fields = serde_json::from_value(
        json!({ "id": TASK, "project_id": PROJECT, "title": "a", "status": "todo" }),
    )
    .unwrap();
    let entry = Entry {
        seq: 1,
        at: String::new(),
        edits: Vec::new(),
        by: None,
        changes: vec![Change::Delete(KeyChange {
            table: "tasks".to_owned(),
            key: TASK.into(),
            edit: None,
        })],
        reset: Vec::new(),
    };
    let past = PastEntry { stored: StoredEntry { tag: 1, entry }, olds: vec![row] };
    let channel = ChannelName::new(&format!("project:{PROJECT}")).unwrap();
    let id = EditId(uuid::Uuid::from_u128(1));
    let undone = undo(&schema, &Arc::from("ada"), Role::Owner, (&channel, id), &past).unwrap();
    let CheckedOp::Insert { fields, .. } = &undone.ops[0] else { panic!("{undone:?}") };
    let title = schema.tables[0].columns.iter().position(|column| column.name == "title");
    assert!(fields.iter().all(|(index, _)| Some(*index) != title), "{fields:?}");
    assert!(!fields.is_empty());
}
