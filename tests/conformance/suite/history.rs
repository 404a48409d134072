//! The past of a row.

use rowcast_protocol::{ChannelName, Seq, Value, reply::PastChange};

use crate::{
    bench::{Bench, P, Q, board, project, text},
    harness::Harness,
};

async fn past<H: Harness>(
    bench: &Bench<H>,
    channel: &ChannelName,
    key: &Value,
    before: Option<Seq>,
    limit: u32,
) -> (Vec<PastChange>, bool) {
    let schema = bench.store.schema();
    let name = if channel.kind() == "board" { "cards" } else { "tasks" };
    let table = schema.tables.iter().find(|table| table.name == name).unwrap();
    let key = std::slice::from_ref(key);
    let past = bench.store.history(channel, table, key, before, limit).await.unwrap();
    (past.changes, past.next.is_some())
}

pub(crate) async fn a_rows_past_is_told_newest_first<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "one").await;
    bench.task(2, "another").await;
    let edit =
        bench.edit("ben", &project(P), vec![bench.set("tasks", &task, &[("title", text("two"))])]);
    bench.commit(std::slice::from_ref(&edit)).await;
    bench.outside("UPDATE tasks SET title = 'three', status = 'done' WHERE title = 'two'").await;
    bench.applies("ada", &project(P), vec![bench.delete("tasks", &task)]).await;

    let (past, more) = past(&bench, &project(P), &task, None, 50).await;
    assert!(!more);
    let told: Vec<_> =
        past.iter().map(|change| (change.op.as_str(), change.user.as_deref())).collect();
    let expected = [
        ("delete", Some("ada")),
        ("update", None),
        ("update", Some("ben")),
        ("insert", Some("ada")),
    ];
    assert_eq!(told, expected);
    assert!(past.windows(2).all(|pair| pair[0].seq > pair[1].seq));
    assert_eq!(past[2].edit, Some(edit.id));
    assert_eq!(past[2].new.get("title"), Some(&text("two")));
    assert_eq!(past[2].old.get("title"), Some(&text("one")));
    assert_eq!((past[2].new.len(), past[2].old.len()), (1, 1));
    assert_eq!(past[1].old.get("status"), Some(&text("todo")));
    assert_eq!(past[3].new.get("title"), Some(&text("one")));
    assert!(past[3].old.is_empty() && past[0].new.is_empty());
    assert_eq!(past[0].old.get("title"), Some(&text("three")), "a deleted row is kept whole");
}

pub(crate) async fn history_comes_in_pages<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    bench.card(2, None).await;
    for n in 0..20 {
        bench
            .applies(
                "ada",
                &board("b"),
                vec![bench.set("cards", &Value::Int(1), &[("title", text(format!("t{n}")))])],
            )
            .await;
        bench
            .applies(
                "ada",
                &board("b"),
                vec![bench.set("cards", &Value::Int(2), &[("title", text(format!("t{n}")))])],
            )
            .await;
    }
    let (mut before, mut titles) = (None, Vec::new());
    loop {
        let (page, more) = past(&bench, &board("b"), &Value::Int(1), before, 6).await;
        assert!(page.len() <= 6 && !page.is_empty());
        before = page.last().map(|change| change.seq);
        titles.extend(page.iter().map(|change| change.new.get("title").unwrap().clone()));
        if !more {
            break;
        }
    }
    let expected: Vec<_> =
        (0..20).rev().map(|n| text(format!("t{n}"))).chain([text("card 1")]).collect();
    assert_eq!(titles, expected);
}

pub(crate) async fn a_page_of_history_ends_between_entries<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let steps = |first: i32| -> String {
        let step = |n| format!("UPDATE cards SET title = 't{n}' WHERE id = 1;");
        (first..first + 5).map(step).collect()
    };
    bench.outside(&format!("BEGIN; {} COMMIT", steps(0))).await;
    bench.outside(&format!("BEGIN; {} COMMIT", steps(5))).await;
    let (mut before, mut lengths) = (None, Vec::new());
    for limit in [2, 7, 9] {
        let (page, more) = past(&bench, &board("b"), &Value::Int(1), before, limit).await;
        before = page.last().map(|change| change.seq);
        lengths.push((page.len(), more));
        if limit == 2 {
            let titles: Vec<_> = page.iter().filter_map(|change| change.new.get("title")).collect();
            assert_eq!(titles, ["t9", "t8", "t7", "t6", "t5"].map(text).iter().collect::<Vec<_>>());
        }
    }
    assert_eq!(lengths, [(5, true), (6, false), (0, false)]);
    let (page, more) = past(&bench, &board("b"), &Value::Int(1), None, 9).await;
    assert_eq!((page.len(), more), (5, true), "the second entry would be cut");
}

pub(crate) async fn a_move_ends_and_begins_a_past<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "wanderer").await;
    bench
        .applies("ben", &project(P), vec![bench.move_to("tasks", &task, &project(Q), text(Q))])
        .await;
    let (left, _) = past(&bench, &project(P), &task, None, 50).await;
    assert_eq!((left[0].op.as_str(), left[0].user.as_deref()), ("leave", Some("ben")));
    assert_eq!(left[0].old.get("title"), Some(&text("wanderer")));
    assert_eq!(left[1].op, "insert");
    let (entered, more) = past(&bench, &project(Q), &task, None, 50).await;
    assert_eq!((entered.len(), entered[0].op.as_str(), more), (1, "enter", false));
    assert_eq!(entered[0].new.get("title"), Some(&text("wanderer")));
}
