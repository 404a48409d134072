//! An edit's id is applied once.

use rowcast_protocol::{ErrorCode, Value};

use crate::{
    bench::{Bench, P, board, project, text},
    harness::Harness,
};

pub(crate) async fn the_same_edit_again_is_answered_from_memory<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let inc = bench.columns("cards", &[("count", Value::Int(1))]);
    let change = rowcast::store::edit::FieldOps { inc, ..Default::default() };
    let edit = bench.edit("ada", &board("b"), vec![bench.change("cards", &Value::Int(1), change)]);
    let first = bench.commit(std::slice::from_ref(&edit)).await.outcomes.remove(0).unwrap();
    let neighbour = bench.edit(
        "ben",
        &board("b"),
        vec![bench.set("cards", &Value::Int(1), &[("title", text("x"))])],
    );
    let again = bench.commit(&[edit, neighbour]).await.outcomes.remove(0).unwrap();
    assert_eq!((again.seq, again.epoch, again.replayed), (first.seq, first.epoch, true));
    assert_eq!(bench.field(&board("b"), "cards", &Value::Int(1), "count").await, Value::Int(1));
    assert_eq!(bench.last(&board("b")).await.edits.len(), 1, "a replayed edit is not named again");
}

pub(crate) async fn the_same_id_with_other_content_is_a_conflict<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a").await;
    let mut edit =
        bench.edit("ada", &project(P), vec![bench.set("tasks", &task, &[("title", text("b"))])]);
    bench.commit(std::slice::from_ref(&edit)).await;
    edit.hash = [9; 16];
    edit.ops = vec![bench.set("tasks", &task, &[("title", text("c"))])];
    let error = bench.commit(&[edit]).await.outcomes.remove(0).unwrap_err();
    assert_eq!(error.code, ErrorCode::EditConflict);
    assert_eq!(bench.field(&project(P), "tasks", &task, "title").await, text("b"));
}

pub(crate) async fn a_refusal_is_remembered_too<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let guard = [("title", text("other"))];
    let op = bench.set_if("cards", &Value::Int(1), &[("title", text("x"))], &guard);
    let guarded = bench.edit("ada", &board("b"), vec![op]);
    let fields = [
        ("id", Value::Int(2)),
        ("board", text("b")),
        ("title", text("x")),
        ("count", Value::Int(-1)),
    ];
    let broken = bench.edit("ada", &board("b"), vec![bench.insert("cards", &fields)]);
    let edits = [guarded, broken];
    let first = bench.commit(&edits).await.outcomes;
    bench.outside("UPDATE cards SET title = 'other'").await;
    let second = bench.commit(&edits).await.outcomes;
    assert_eq!(first, second);
    assert_eq!(second[0].clone().unwrap_err().code, ErrorCode::GuardFailed);
    assert_eq!(second[1].clone().unwrap_err().constraint.as_deref(), Some("cards_count_check"));
    assert_eq!(bench.field(&board("b"), "cards", &Value::Int(1), "title").await, text("other"));
}

pub(crate) async fn two_people_may_use_one_id<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a").await;
    let adas =
        bench.edit("ada", &project(P), vec![bench.set("tasks", &task, &[("title", text("b"))])]);
    let mut bens = adas.clone();
    bens.user = "ben".into();
    bens.ops = vec![bench.set("tasks", &task, &[("title", text("c"))])];
    let outcomes = bench.commit(&[adas, bens]).await.outcomes;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|applied| !applied.replayed)));
    assert_eq!(bench.field(&project(P), "tasks", &task, "title").await, text("c"));
}

pub(crate) async fn a_retryable_refusal_is_not_remembered<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a").await;
    let edit =
        bench.edit("ada", &project(P), vec![bench.set("tasks", &task, &[("title", text("b"))])]);
    let mut writer = bench.outsider().await;
    writer.run("BEGIN; UPDATE tasks SET title = 'locked'").await;
    let refused = match bench.store.commit(std::slice::from_ref(&edit)).await {
        Ok(committed) => committed.outcomes[0].clone().unwrap_err().code,
        Err(error) => error.code(),
    };
    assert_eq!(refused, ErrorCode::Busy);
    writer.run("ROLLBACK").await;
    let applied = bench.commit(&[edit]).await.outcomes.remove(0).unwrap();
    assert!(!applied.replayed);
    assert_eq!(bench.field(&project(P), "tasks", &task, "title").await, text("b"));
}

pub(crate) async fn a_failed_guard_is_kept_without_the_row_it_met<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let large = "x".repeat(1_000_000);
    bench.outside(&format!("UPDATE cards SET title = '{large}' WHERE id = 1")).await;
    let guard = [("title", text("y".repeat(22_000)))];
    let set = [("count", Value::Int(1))];
    let refused = || bench.set_if("cards", &Value::Int(1), &set, &guard);
    let edits: Vec<_> = (0..20).map(|_| bench.edit("ada", &board("b"), vec![refused()])).collect();
    for edit in &edits {
        let error = bench.commit(std::slice::from_ref(edit)).await.outcomes.remove(0).unwrap_err();
        assert_eq!(error.code, ErrorCode::GuardFailed);
        assert_eq!(error.row.unwrap().get("title"), Some(&text(large.as_str())));
    }
    let kept = format!(
        "CREATE TABLE kept AS SELECT sum(length(CAST({} AS text))) AS n FROM {}",
        H::REFUSAL.0,
        H::REFUSAL.1
    );
    let mut outsider = bench.outsider().await;
    outsider.run(&kept).await;
    outsider.run("CREATE TABLE few (n BIGINT CHECK (n BETWEEN 1 AND 20000))").await;
    outsider.run("INSERT INTO few SELECT n FROM kept").await;
    // Told again, it has the row as it is by then.
    bench.outside("UPDATE cards SET title = 'short' WHERE id = 1").await;
    let again = bench.commit(&edits[..1]).await.outcomes.remove(0).unwrap_err();
    assert_eq!(again.code, ErrorCode::GuardFailed);
    assert_eq!(again.row.unwrap().get("title"), Some(&text("short")));
    let asked = bench.store.outcome(&edits[1]).await.unwrap().unwrap().unwrap_err();
    assert_eq!(asked.row.unwrap().get("title"), Some(&text("short")));
}
