//! Moves: one row, alone, to another channel of the same kind.

use super::*;

fn move_to(channel: &str) -> serde_json::Value {
    json!([{ "op": "move", "table": "tasks", "key": TASK, "to": channel, "if": { "count": "3" } }])
}

#[test]
fn a_move_names_the_channel_and_the_new_value_of_its_column() {
    let checked = accepted(move_to(&format!("project:{OTHER}")));
    let CheckedOp::Move { to, to_id, key, guard, .. } = &checked.ops[0] else {
        panic!("{checked:?}")
    };
    assert_eq!(to.id(), OTHER);
    assert_eq!(*to_id, Value::from(OTHER));
    assert_eq!(*key, [Value::from(TASK)]);
    assert_eq!(*guard, [(4, Value::Int(3))]);
}

#[test]
fn a_move_stands_alone() {
    let mut ops = move_to(&format!("project:{OTHER}"));
    ops.as_array_mut().unwrap().push(json!({ "op": "delete", "table": "tasks", "key": TASK }));
    assert_eq!(refused(ops).code, ErrorCode::BadMessage);
}

#[test]
fn a_move_goes_to_another_channel_of_the_same_kind() {
    assert_eq!(refused(move_to("user:ada")).code, ErrorCode::BadMessage);
    assert_eq!(refused(move_to(&format!("project:{PROJECT}"))).code, ErrorCode::BadMessage);
    assert_eq!(refused(move_to("project:nowhere")).code, ErrorCode::UnknownChannel);
}

#[test]
fn a_row_whose_key_holds_its_channel_cannot_move() {
    let to = format!("project:{OTHER}");
    let ops = json!([{ "op": "move", "table": "seats", "key": [1, PROJECT], "to": to }]);
    let error = checked_as(Role::Owner, &edit(ops)).unwrap_err();
    assert_eq!(error.code, ErrorCode::ReadonlyField);
    assert_eq!(error.field.as_deref(), Some("project_id"));
}
