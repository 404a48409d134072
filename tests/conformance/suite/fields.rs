//! What an update does to fields, guards, and columns that nobody sees.

use rowcast::store::edit::FieldOps;
use rowcast_protocol::{ErrorCode, Value};

use crate::{
    bench::{Bench, P, board, json, project, text},
    harness::Harness,
};

pub(crate) async fn fields_that_are_not_named_stay<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "title").await;
    bench
        .applies("ada", &project(P), vec![bench.set("tasks", &task, &[("status", text("doing"))])])
        .await;
    bench
        .applies("ben", &project(P), vec![bench.set("tasks", &task, &[("priority", text("high"))])])
        .await;
    let row = bench.row(&project(P), "tasks", &task).await.unwrap();
    for (field, value) in [("title", "title"), ("status", "doing"), ("priority", "high")] {
        assert_eq!(row.get(field), Some(&text(value)));
    }
}

pub(crate) async fn numbers_are_added<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let add = |column, by| {
        let inc = bench.columns("cards", &[(column, by)]);
        bench.change("cards", &Value::Int(1), FieldOps { inc, ..FieldOps::default() })
    };
    for (column, by, sum) in [
        ("count", Value::Int(5), Value::Int(5)),
        ("count", Value::Int(-2), Value::Int(3)),
        ("weight", Value::Float(0.5), Value::Float(0.5)),
        ("weight", Value::Int(2), Value::Float(2.5)),
        ("price", text("0.1"), text("0.1")),
        ("price", text("12345678901234567890.2"), text("12345678901234567890.3")),
        ("price", text("-12345678901234567890.3"), text("0.0")),
    ] {
        bench.applies("ada", &board("b"), vec![add(column, by)]).await;
        assert_eq!(
            bench.field(&board("b"), "cards", &Value::Int(1), column).await,
            sum,
            "{column}"
        );
    }
    let edits: Vec<_> = (0..10)
        .map(|_| bench.edit("ada", &board("b"), vec![add("count", Value::Int(1))]))
        .collect();
    bench.commit(&edits).await;
    assert_eq!(bench.field(&board("b"), "cards", &Value::Int(1), "count").await, Value::Int(13));
    let error = bench.fails("ada", &board("b"), vec![add("count", Value::Int(-14))]).await;
    assert_eq!(error.code, ErrorCode::Check);
    let error = bench.fails("ada", &board("b"), vec![add("count", Value::Int(i64::MAX))]).await;
    assert_eq!((error.code, error.op), (ErrorCode::WrongType, Some(0)));
    assert_eq!((error.table.as_deref(), error.field.as_deref()), (Some("cards"), Some("count")));
}

pub(crate) async fn items_are_added_and_removed<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let tags = bench.columns("cards", &[("tags", Value::Null)])[0].0;
    let change = |add: Vec<Value>, remove: Vec<Value>| {
        let lists = |items: Vec<Value>| if items.is_empty() { vec![] } else { vec![(tags, items)] };
        let change = FieldOps { add: lists(add), remove: lists(remove), ..FieldOps::default() };
        bench.change("cards", &Value::Int(1), change)
    };
    for (add, remove, left) in [
        (vec![text("red"), text("blue")], vec![], r#"["red","blue"]"#),
        (vec![text("red"), text("green"), text("green")], vec![], r#"["red","blue","green"]"#),
        (vec![], vec![text("blue"), text("black")], r#"["red","green"]"#),
        (
            vec![Value::Int(1), json(r#"{"b":1,"a":[2]}"#)],
            vec![],
            r#"["red","green",1,{"a":[2],"b":1}]"#,
        ),
        (vec![json(r#"{"a":[2],"b":1}"#)], vec![], r#"["red","green",1,{"a":[2],"b":1}]"#),
        (vec![], vec![json(r#"{"a":[2],"b":1}"#), Value::Int(1)], r#"["red","green"]"#),
    ] {
        bench.applies("ada", &board("b"), vec![change(add, remove)]).await;
        let found = bench.field(&board("b"), "cards", &Value::Int(1), "tags").await;
        assert_eq!(serde_json::to_string(&found).unwrap(), left);
    }
    bench.outside(r#"UPDATE cards SET tags = '{"no":"list"}'"#).await;
    let error = bench.fails("ada", &board("b"), vec![change(vec![text("red")], vec![])]).await;
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::WrongType, Some("tags")));
}

pub(crate) async fn a_guard_that_fails_returns_the_row<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "mine").await;
    let guarded =
        |guard: (&str, Value)| bench.set_if("tasks", &task, &[("title", text("yours"))], &[guard]);
    let edits = [
        bench.edit("ada", &project(P), vec![guarded(("title", text("other")))]),
        bench.edit(
            "ben",
            &project(P),
            vec![bench.set("tasks", &task, &[("status", text("done"))])],
        ),
        bench.edit("ada", &project(P), vec![guarded(("due_date", text("2026-11-20")))]),
        bench.edit(
            "ada",
            &project(P),
            vec![bench.delete_if("tasks", &task, &[("status", text("todo"))])],
        ),
    ];
    let outcomes = bench.commit(&edits).await.outcomes;
    assert!(outcomes[1].is_ok());
    for (n, status) in [(0, "todo"), (2, "done"), (3, "done")] {
        let error = outcomes[n].clone().unwrap_err();
        assert_eq!((error.code, error.op), (ErrorCode::GuardFailed, Some(0)));
        assert_eq!((error.table.as_deref(), error.key.as_ref()), (Some("tasks"), Some(&task)));
        let row = error.row.unwrap();
        assert_eq!(row.get("title"), Some(&text("mine")));
        assert_eq!(row.get("status"), Some(&text(status)));
    }
    assert_eq!(bench.field(&project(P), "tasks", &task, "title").await, text("mine"));
}

pub(crate) async fn a_guard_that_holds_lets_the_edit_pass<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a").await;
    let guard = [("title", text("a")), ("due_date", Value::Null), ("labels", json("[]"))];
    let op = bench.set_if("tasks", &task, &[("due_date", text("2026-11-20"))], &guard);
    bench.applies("ada", &project(P), vec![op]).await;
    let guard = [("due_date", text("2026-11-20"))];
    bench.applies("ada", &project(P), vec![bench.delete_if("tasks", &task, &guard)]).await;
    assert_eq!(bench.row(&project(P), "tasks", &task).await, None);
}

pub(crate) async fn hidden_columns_never_appear<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside("INSERT INTO cards(id, board, title, secret) VALUES (1, 'b', 't', 'hush'), (2, 'b', 't', 'hush')").await;
    let head = bench.head(&board("b")).await;
    bench.outside("UPDATE cards SET secret = 'hush hush'").await;
    assert_eq!(bench.head(&board("b")).await, head, "a hidden column alone is no news");
    bench.outside("UPDATE cards SET secret = 'hush!', title = 'u'").await;
    let guard = [("title", text("not this"))];
    let op = bench.set_if("cards", &Value::Int(1), &[("title", text("v"))], &guard);
    let error = bench.fails("ada", &board("b"), vec![op]).await;
    bench
        .applies(
            "ada",
            &board("b"),
            vec![bench.set("cards", &Value::Int(1), &[("title", text("w"))])],
        )
        .await;
    bench.applies("ada", &board("b"), vec![bench.delete("cards", &Value::Int(2))]).await;
    bench.outside("UPDATE cards SET board = 'c'").await;
    let schema = bench.store.schema();
    let table = schema.tables.iter().find(|table| table.name == "cards").unwrap();
    let past =
        bench.store.history(&board("b"), table, &[Value::Int(1)], None, 100).await.unwrap().changes;
    let seen = format!(
        "{error:?}{past:?}{:?}{:?}{:?}{:?}",
        bench.log(&board("b")).await,
        bench.log(&board("c")).await,
        bench.rows(&board("c")).await,
        schema.wire,
    );
    assert!(seen.contains("title"));
    assert!(!seen.contains("hush") && !seen.contains("secret"), "{seen}");
}

pub(crate) async fn values_of_all_kinds_can_be_written<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let mut values = vec![
        ("title", text("Zoë \u{1F980} \"quoted\" \\ 'single' \r\n\t\u{7f} end")),
        ("count", Value::Int(i64::MAX)),
        ("weight", Value::Float(0.1 + 0.2)),
        ("price", text("-12345678901234567890.123456789")),
        ("tags", json(r#"{"b":[1,null,{"c":"d"}],"a":1.5}"#)),
        ("done", Value::Bool(true)),
        ("day", text("2024-02-29")),
        ("at", text("2026-11-20T10:15:00.000001Z")),
        ("raw", Value::Bytes(vec![0, 1, 254, 255])),
    ];
    let mut row = values.clone();
    row.extend([("id", Value::Int(-7)), ("board", text("b"))]);
    bench.applies("ada", &board("b"), vec![bench.insert("cards", &row)]).await;
    let found = bench.row(&board("b"), "cards", &Value::Int(-7)).await.unwrap();
    values[1].1 = text(i64::MAX.to_string());
    for (name, value) in &values {
        assert_eq!(found.get(name), Some(value), "{name}");
    }
    bench.log_gives_the_rows(&board("b")).await;
    let nulls: Vec<_> = ["weight", "price", "tags", "done", "day", "at", "raw"]
        .map(|name| (name, Value::Null))
        .to_vec();
    bench.applies("ada", &board("b"), vec![bench.set("cards", &Value::Int(-7), &nulls)]).await;
    let rest: Vec<_> = row.iter().filter(|(name, _)| *name != "id").cloned().collect();
    bench.applies("ada", &board("b"), vec![bench.set("cards", &Value::Int(-7), &rest)]).await;
    assert_eq!(bench.row(&board("b"), "cards", &Value::Int(-7)).await.unwrap(), found);
    bench.log_gives_the_rows(&board("b")).await;
}
