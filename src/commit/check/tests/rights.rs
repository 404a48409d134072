//! Rights: each operation needs the role that the table's declaration names.

use super::*;

const TABLES: [&str; 2] = ["tasks", "seats"];

fn op(kind: &str, table: &str) -> serde_json::Value {
    let key = if table == "seats" { json!([1, PROJECT]) } else { json!(TASK) };
    match kind {
        "insert" => json!([{ "op": kind, "table": table, "row": { "title": "a" } }]),
        "move" => {
            json!([{ "op": kind, "table": table, "key": key, "to": format!("project:{OTHER}") }])
        }
        _ => json!([{ "op": kind, "table": table, "key": key }]),
    }
}

#[test]
fn the_declared_role_is_the_least_that_may() {
    let (viewer, editor, owner) = (Some(Role::Viewer), Some(Role::Editor), Some(Role::Owner));
    let least = |kind: &str, table: &str| match (kind, table) {
        ("insert", "seats") => None,
        ("delete", "seats") => viewer,
        ("update" | "move", "seats") => owner,
        _ => editor,
    };
    for (kind, table) in ["insert", "update", "delete", "move"]
        .iter()
        .flat_map(|kind| TABLES.map(|table| (*kind, table)))
    {
        for role in [Role::Viewer, Role::Editor, Role::Owner] {
            let allowed = least(kind, table).is_some_and(|least| role >= least);
            let outcome = checked_as(role, &edit(op(kind, table)));
            let forbidden = outcome.is_err_and(|error| error.code == ErrorCode::Forbidden);
            assert_eq!(forbidden, !allowed, "{kind} {table} as {role:?}");
        }
    }
}

#[test]
fn a_move_needs_the_rights_to_update_and_to_delete() {
    for (update, delete) in [(Some(Role::Owner), Some(Role::Editor)), (Some(Role::Editor), None)] {
        let schema = schema_with(|tasks| (tasks.update, tasks.delete) = (update, delete));
        let edit = edit(op("move", "tasks"));
        let error = check(&schema, &Arc::from("ada"), Role::Editor, &edit).unwrap_err();
        assert_eq!(error.code, ErrorCode::Forbidden);
    }
}

#[test]
fn rights_come_before_everything_else_about_the_row() {
    let ops = json!([{ "op": "insert", "table": "tasks", "row": { "nonsense": 1 } }]);
    let error = checked_as(Role::Viewer, &edit(ops)).unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert_eq!(error.message, "only editors and owners may insert into `tasks`");
}
