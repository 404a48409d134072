//! Edits: rows, records, numbers and outcomes in one transaction.

use rowcast::store::fold::EntryLimits;
use rowcast_protocol::{ChannelName, ErrorCode, Value};

use crate::{
    bench::{Bench, P, Q, board, id, key_text, project, tale, text},
    harness::Harness,
};

pub(crate) async fn an_edit_becomes_a_row_an_entry_and_an_outcome<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let before = bench.head(&project(P)).await;
    let fields = [("id", text(id(1))), ("project_id", text(P)), ("title", text("write"))];
    let edit = bench.edit("ada", &project(P), vec![bench.insert("tasks", &fields)]);
    let committed = bench.commit(std::slice::from_ref(&edit)).await;
    let applied = committed.outcomes[0].clone().unwrap();
    assert_eq!((applied.seq, applied.replayed), (before.seq + 1, false));
    assert!(!committed.left_unnumbered);

    let stored = bench.stored_after(&project(P), before).await;
    assert_eq!(committed.appended.len(), 1);
    assert_eq!(committed.appended[0].channel, project(P));
    assert_eq!(committed.appended[0].epoch, applied.epoch);
    assert_eq!(committed.appended[0].entries, stored);

    let entry = &stored[0].entry;
    assert_eq!(entry.edits.len(), 1);
    assert_eq!((entry.edits[0].id, entry.edits[0].user.as_str()), (edit.id, "ada"));
    assert_eq!(tale(entry), [format!("insert tasks \"{}\" by 0", id(1))]);
    let row = bench.row(&project(P), "tasks", &text(id(1))).await.unwrap();
    assert_eq!(row.get("status"), Some(&text("todo")));
    bench.log_gives_the_rows(&project(P)).await;
}

pub(crate) async fn a_batch_on_one_channel_is_one_entry_that_names_every_edit<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let a = bench.task(1, "a").await;
    let b = bench.task(2, "b").await;
    let before = bench.head(&project(P)).await;
    let edits = [
        bench.edit("ada", &project(P), vec![bench.set("tasks", &a, &[("title", text("a2"))])]),
        bench.edit("ben", &project(P), vec![bench.set("tasks", &b, &[("title", text("b2"))])]),
        bench.edit("ben", &project(P), vec![bench.set("tasks", &a, &[("status", text("done"))])]),
    ];
    let committed = bench.commit(&edits).await;
    let entries = bench.after(&project(P), before).await;
    assert_eq!(entries.len(), 1);
    let named: Vec<_> = entries[0].edits.iter().map(|edit| (edit.id, edit.user.as_str())).collect();
    assert_eq!(named, [(edits[0].id, "ada"), (edits[1].id, "ben"), (edits[2].id, "ben")]);
    let (a, b) = (key_text(&a), key_text(&b));
    assert_eq!(
        tale(&entries[0]),
        [
            format!("update tasks {a} {{\"title\":\"a2\"}} by 0"),
            format!("update tasks {b} {{\"title\":\"b2\"}} by 1"),
            format!("update tasks {a} {{\"status\":\"done\"}} by 2"),
        ]
    );
    for outcome in committed.outcomes {
        assert_eq!(outcome.unwrap().seq, entries[0].seq);
    }
}

pub(crate) async fn numbering_is_gapless_over_many_channels<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for round in 0..5_i64 {
        let edits: Vec<_> = (0..20_i64)
            .map(|n| {
                let channel = format!("c{}", (n * round) % 7);
                let fields = [
                    ("id", Value::Int(round * 100 + n)),
                    ("board", text(&channel)),
                    ("title", text("x")),
                ];
                bench.edit("ada", &board(&channel), vec![bench.insert("cards", &fields)])
            })
            .collect();
        let committed = bench.commit(&edits).await;
        assert!(committed.outcomes.iter().all(Result::is_ok));
        bench.outsider().await.run(&format!("UPDATE cards SET title = 'r{round}'")).await;
    }
    bench.number().await;
    for n in 0..7 {
        let channel = board(&format!("c{n}"));
        let seqs: Vec<u64> = bench.log(&channel).await.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
        assert_eq!(bench.head(&channel).await.seq, seqs.len() as u64);
        bench.log_gives_the_rows(&channel).await;
    }
}

pub(crate) async fn an_update_that_changes_nothing_acks_the_head<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "same").await;
    let head = bench.head(&project(P)).await;
    let same = || bench.set("tasks", &task, &[("title", text("same"))]);
    let applied = bench.applies("ada", &project(P), vec![same()]).await;
    assert_eq!(applied.seq, head.seq);
    assert_eq!(bench.head(&project(P)).await, head);
    let edits = [
        bench.edit("ada", &project(P), vec![same()]),
        bench.edit(
            "ben",
            &project(P),
            vec![bench.set("tasks", &task, &[("title", text("other"))])],
        ),
    ];
    bench.commit(&edits).await;
    let entry = bench.last(&project(P)).await;
    assert_eq!(entry.seq, head.seq + 1);
    assert_eq!(entry.edits.len(), 1, "an edit that changed nothing is not named");
    assert_eq!(entry.edits[0].user, "ben");
}

pub(crate) async fn the_same_again_by_another_person_leaves_no_trace<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let (one, two) = (bench.task(1, "same").await, bench.task(2, "same").await);
    let stamped = |user: &str, task: &Value, title: &str| {
        let set = [("title", text(title)), ("due_date", Value::Null), ("updated_by", text(user))];
        bench.edit(user, &project(P), vec![bench.set("tasks", task, &set)])
    };
    bench.commit(&[stamped("ada", &one, "mine"), stamped("ada", &two, "mine")]).await;
    let head = bench.head(&project(P)).await;
    for batch in [vec![&one], vec![&one, &two]] {
        let edits: Vec<_> = batch.iter().map(|task| stamped("ben", task, "mine")).collect();
        for outcome in bench.commit(&edits).await.outcomes {
            assert_eq!(outcome.unwrap().seq, head.seq);
        }
        assert_eq!(bench.head(&project(P)).await, head);
        assert_eq!(bench.field(&project(P), "tasks", &one, "updated_by").await, text("ada"));
    }
    for batch in [
        vec![stamped("ben", &one, "his")],
        vec![stamped("ben", &one, "b"), stamped("ben", &two, "b")],
    ] {
        bench.commit(&batch).await;
        assert_eq!(bench.field(&project(P), "tasks", &one, "updated_by").await, text("ben"));
    }
    bench.log_gives_the_rows(&project(P)).await;
}

pub(crate) async fn edits_of_one_row_apply_in_order<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "0").await;
    let edits: Vec<_> = (1..=40)
        .map(|n| {
            let op = bench.set("tasks", &task, &[("title", text(n.to_string()))]);
            bench.edit("ada", &project(P), vec![op])
        })
        .collect();
    bench.commit(&edits).await;
    let told = tale(&bench.last(&project(P)).await);
    let expected: Vec<String> = (1..=40)
        .map(|n| format!("update tasks {} {{\"title\":\"{n}\"}} by {}", key_text(&task), n - 1))
        .collect();
    assert_eq!(told, expected);
}

pub(crate) async fn a_deleted_row_is_gone_with_what_hangs_on_it<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let parent = bench.task(1, "parent").await;
    let child = bench.task(2, "child").await;
    let op = bench.set("tasks", &child, &[("parent_id", parent.clone())]);
    bench.applies("ada", &project(P), vec![op]).await;
    bench.applies("ben", &project(P), vec![bench.delete("tasks", &parent)]).await;
    let entry = bench.last(&project(P)).await;
    let mut told = tale(&entry);
    told.sort();
    let expected = [&parent, &child].map(|key| format!("delete tasks {} by 0", key_text(key)));
    assert_eq!(told, expected);
    assert_eq!(bench.row(&project(P), "tasks", &child).await, None);
    let error = bench.fails("ben", &project(P), vec![bench.delete("tasks", &parent)]).await;
    assert_eq!((error.code, error.key), (ErrorCode::NotFound, Some(parent)));
}

pub(crate) async fn a_row_that_moves_leaves_one_log_and_enters_the_other<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "wanderer").await;
    let (p, q) = (bench.head(&project(P)).await, bench.head(&project(Q)).await);
    let op = bench.move_to("tasks", &task, &project(Q), text(Q));
    let applied = bench.applies("ada", &project(P), vec![op]).await;
    assert_eq!(applied.seq, p.seq + 1);
    let left = bench.after(&project(P), p).await;
    assert_eq!(tale(&left[0]), [format!("leave tasks {} by 0", key_text(&task))]);
    let entered = bench.after(&project(Q), q).await;
    assert!(tale(&entered[0])[0].starts_with(&format!("enter tasks {}", key_text(&task))));
    let rowcast_protocol::Change::Enter(enter) = &entered[0].changes[0] else { panic!() };
    assert_eq!(enter.row.get("title"), Some(&text("wanderer")));
    assert_eq!(enter.row.get("project_id"), Some(&text(Q)));
    assert!(enter.row.get("created_at").is_some());
    bench.log_gives_the_rows(&project(P)).await;
    bench.log_gives_the_rows(&project(Q)).await;
}

pub(crate) async fn an_edit_of_several_operations_is_whole_or_nothing<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a").await;
    let ops = || {
        vec![
            bench.set("tasks", &task, &[("title", text("b"))]),
            bench.set("tasks", &text(id(99)), &[("title", text("nobody"))]),
        ]
    };
    let neighbour = bench.set("tasks", &task, &[("status", text("doing"))]);
    let edits =
        [bench.edit("ada", &project(P), ops()), bench.edit("ben", &project(P), vec![neighbour])];
    let outcomes = bench.commit(&edits).await.outcomes;
    let error = outcomes[0].clone().unwrap_err();
    assert_eq!((error.code, error.op), (ErrorCode::NotFound, Some(1)));
    assert_eq!((error.table.as_deref(), error.key), (Some("tasks"), Some(text(id(99)))));
    assert!(outcomes[1].is_ok());
    assert_eq!(bench.field(&project(P), "tasks", &task, "title").await, text("a"));
    assert_eq!(bench.field(&project(P), "tasks", &task, "status").await, text("doing"));
}

pub(crate) async fn a_row_of_another_channel_is_not_found<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "of P").await;
    for op in [
        bench.set("tasks", &task, &[("title", text("x"))]),
        bench.delete("tasks", &task),
        bench.move_to("tasks", &task, &project(P), text(P)),
    ] {
        let error = bench.fails("ada", &project(Q), vec![op]).await;
        assert_eq!((error.code, error.op), (ErrorCode::NotFound, Some(0)));
    }
    assert_eq!(bench.field(&project(P), "tasks", &task, "title").await, text("of P"));
}

pub(crate) async fn a_move_to_a_place_that_does_not_exist_fails<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "stays").await;
    let nowhere = id(77);
    let op = bench.move_to("tasks", &task, &project(&nowhere), text(&nowhere));
    let error = bench.fails("ada", &project(P), vec![op]).await;
    assert_eq!(error.code, ErrorCode::ForeignKey);
    assert_eq!(error.constraint.as_deref(), Some("tasks_project_id_fkey"));
    assert_eq!(bench.field(&project(P), "tasks", &task, "title").await, text("stays"));
}

pub(crate) async fn an_edit_above_the_bounds_is_refused<H: Harness>() {
    let bench = Bench::<H>::with_limits(EntryLimits { changes: 20, bytes: 1 << 20 }).await;
    let task = bench.task(1, "much discussed").await;
    for n in 0..25 {
        bench
            .outside(&format!(
                "INSERT INTO comments(project_id, task_id, body) VALUES ('{P}', '{}', 'c{n}')",
                id(1)
            ))
            .await;
    }
    let head = bench.head(&project(P)).await;
    let neighbour = bench.set("tasks", &task, &[("status", text("done"))]);
    let edits = [
        bench.edit("ada", &project(P), vec![bench.delete("tasks", &task)]),
        bench.edit("ben", &project(P), vec![neighbour]),
    ];
    let outcomes = bench.commit(&edits).await.outcomes;
    assert_eq!(outcomes[0].clone().unwrap_err().code, ErrorCode::TooLarge);
    assert_eq!(outcomes[1].clone().unwrap().seq, head.seq + 1);
    assert_eq!(bench.rows(&project(P)).await.rows.len(), 30, "25 comments, a task and P's people");
    bench.log_gives_the_rows(&project(P)).await;
}

pub(crate) async fn a_batch_above_the_bounds_is_several_entries<H: Harness>() {
    let bench = Bench::<H>::with_limits(EntryLimits { changes: 10, bytes: 1 << 20 }).await;
    let before = bench.head(&project(P)).await;
    let edits: Vec<_> = (0..35)
        .map(|n| {
            let fields = [("id", text(id(n))), ("project_id", text(P)), ("title", text("x"))];
            bench.edit("ada", &project(P), vec![bench.insert("tasks", &fields)])
        })
        .collect();
    let outcomes = bench.commit(&edits).await.outcomes;
    let entries = bench.after(&project(P), before).await;
    assert!(entries.iter().all(|entry| entry.changes.len() <= 10 && entry.reset.is_empty()));
    for (edit, outcome) in edits.iter().zip(outcomes) {
        let seq = outcome.unwrap().seq;
        let entry = entries.iter().find(|entry| entry.seq == seq).unwrap();
        assert!(entry.edits.iter().any(|named| named.id == edit.id));
    }
    bench.log_gives_the_rows(&project(P)).await;
}

pub(crate) async fn side_effects_reach_their_own_channels<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "for ben").await;
    let bens = ChannelName::new("user:ben").unwrap();
    let op = bench.set("tasks", &task, &[("assignee", text("ben")), ("updated_by", text("ada"))]);
    let edit = bench.edit("ada", &project(P), vec![op]);
    let committed = bench.commit(&[edit]).await;
    if committed.left_unnumbered {
        bench.number().await;
    }
    let entry = bench.last(&bens).await;
    assert!(entry.edits.is_empty(), "an edit is named in its own channel only");
    assert!(tale(&entry)[0].starts_with("insert notifications "), "{entry:?}");
    bench.log_gives_the_rows(&bens).await;
}

pub(crate) async fn mixed_batches_give_what_their_order_says<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let (a, b, c) = (text(id(1)), text(id(2)), text(id(3)));
    let new = |key: &Value, title: &str| {
        bench.insert(
            "tasks",
            &[("id", key.clone()), ("project_id", text(P)), ("title", text(title))],
        )
    };
    let ops = [
        new(&a, "a"),
        bench.set("tasks", &a, &[("title", text("a2"))]),
        new(&b, "b"),
        bench.set("tasks", &b, &[("parent_id", a.clone())]),
        bench.set_if("tasks", &a, &[("title", text("a3"))], &[("title", text("a2"))]),
        bench.set_if("tasks", &a, &[("title", text("a4"))], &[("title", text("a2"))]),
        new(&c, "c"),
        bench.delete("tasks", &c),
        bench.set("tasks", &c, &[("title", text("gone"))]),
        bench.set("tasks", &a, &[("status", text("done"))]),
    ];
    let edits = ops.map(|op| bench.edit("ada", &project(P), vec![op]));
    let outcomes = bench.commit(&edits).await.outcomes;
    let failed: Vec<_> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(n, outcome)| Some((n, outcome.as_ref().err()?.code)))
        .collect();
    assert_eq!(failed, [(5, ErrorCode::GuardFailed), (8, ErrorCode::NotFound)]);
    let row = bench.row(&project(P), "tasks", &a).await.unwrap();
    assert_eq!((row.get("title"), row.get("status")), (Some(&text("a3")), Some(&text("done"))));
    assert_eq!(bench.field(&project(P), "tasks", &b, "parent_id").await, a);
    assert_eq!(bench.row(&project(P), "tasks", &c).await, None);
    let entry = bench.last(&project(P)).await;
    let named: Vec<_> = entry.edits.iter().map(|edit| edit.id).collect();
    let expected: Vec<_> =
        [0, 1, 2, 3, 4, 6, 7, 9].into_iter().map(|n: usize| edits[n].id).collect();
    assert_eq!(named, expected);
    bench.log_gives_the_rows(&project(P)).await;
}
