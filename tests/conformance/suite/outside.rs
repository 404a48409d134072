//! Writers that know nothing of Rowcast: what the logs say of them.

use std::time::Duration;

use rowcast_protocol::{Change, ChannelName, ErrorCode, Value};

use crate::{
    bench::{Bench, P, Q, board, id, key_text, project, tale, text},
    harness::Harness,
};

fn task_sql(n: usize, project: &str, title: &str) -> String {
    format!(
        "INSERT INTO tasks(id, project_id, title) VALUES ('{}', '{project}', '{title}');",
        id(n)
    )
}

pub(crate) async fn an_insert_an_update_and_a_delete_are_found<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let key = key_text(&text(id(1)));
    let before = bench.head(&project(P)).await;
    let insert = task_sql(1, P, "a");
    for sql in [insert.as_str(), "UPDATE tasks SET title = 'b'", "DELETE FROM tasks"] {
        bench.outsider().await.run(sql).await;
        let appended = bench.store.number().await.unwrap();
        assert_eq!(appended.len(), 1);
        assert_eq!((&appended[0].channel, appended[0].entries.len()), (&project(P), 1));
        assert!(appended[0].entries[0].entry.edits.is_empty());
    }
    assert!(bench.store.number().await.unwrap().is_empty());
    let entries = bench.after(&project(P), before).await;
    let told: Vec<String> = entries.iter().flat_map(tale).collect();
    let update = format!("update tasks {key} {{\"title\":\"b\"}}");
    assert_eq!(told, [format!("insert tasks {key}"), update, format!("delete tasks {key}")]);
}

pub(crate) async fn statements_of_one_transaction_stand_together<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let before = bench.head(&project(P)).await;
    let sql = format!(
        "BEGIN; {} {} UPDATE tasks SET status = 'doing'; DELETE FROM tasks WHERE title = 'a'; COMMIT",
        task_sql(1, P, "a"),
        task_sql(2, P, "b")
    );
    bench.outside(&sql).await;
    let entries = bench.after(&project(P), before).await;
    assert_eq!(entries.len(), 1);
    let ops: Vec<_> =
        tale(&entries[0]).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(ops, ["insert", "insert", "update", "update", "delete"]);
    bench.log_gives_the_rows(&project(P)).await;
}

pub(crate) async fn what_was_rolled_back_never_shows<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let before = bench.head(&project(P)).await;
    bench.outside(&format!("BEGIN; {} ROLLBACK", task_sql(1, P, "never"))).await;
    let mut writer = bench.outsider().await;
    writer.run("BEGIN").await;
    writer.run(&task_sql(2, P, "fine")).await;
    assert!(writer.try_run(&task_sql(3, P, "")).await.is_err(), "the check must refuse it");
    writer.run("ROLLBACK").await;
    bench.number().await;
    assert_eq!(bench.head(&project(P)).await, before);
}

pub(crate) async fn an_update_that_changes_nothing_is_not_recorded<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.task(1, "same").await;
    let before = bench.head(&project(P)).await;
    bench.outside("UPDATE tasks SET title = 'same', status = status").await;
    assert_eq!(bench.head(&project(P)).await, before);
}

pub(crate) async fn cascades_are_recorded<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for n in 1..=3 {
        bench.task(n, "t").await;
    }
    bench.outside("UPDATE tasks SET assignee = 'cleo'").await;
    bench.outside("DELETE FROM users WHERE id = 'cleo'").await;
    let updates = tale(&bench.last(&project(P)).await)
        .iter()
        .filter(|line| line.contains(r#"{"assignee":null}"#))
        .count();
    assert_eq!(updates, 3);
    bench.outside(&format!("DELETE FROM projects WHERE id = '{P}'")).await;
    let told = tale(&bench.last(&project(P)).await);
    assert_eq!(told.iter().filter(|line| line.starts_with("delete tasks")).count(), 3);
    assert_eq!(told.iter().filter(|line| line.starts_with("delete members")).count(), 2);
    assert_eq!(bench.rows(&project(P)).await.rows.len(), 0);
    bench.log_gives_the_rows(&project(P)).await;
}

pub(crate) async fn a_move_between_channels_is_told_to_both<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "t").await;
    bench.outside(&format!("UPDATE tasks SET project_id = '{Q}', title = 'u'")).await;
    assert_eq!(tale(&bench.last(&project(P)).await), [format!("leave tasks {}", key_text(&task))]);
    let entry = bench.last(&project(Q)).await;
    let Change::Enter(enter) = &entry.changes[0] else { panic!("{entry:?}") };
    assert_eq!(enter.row.get("title"), Some(&text("u")));
    bench.log_gives_the_rows(&project(P)).await;
    bench.log_gives_the_rows(&project(Q)).await;
}

pub(crate) async fn emptying_a_table_is_seen<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for n in 1..=5 {
        bench.task(n, "t").await;
    }
    let before = bench.head(&project(P)).await;
    let mut replica = bench.rows(&project(P)).await;
    bench.outside(&H::emptying("tasks")).await;
    match bench.store.read_after(&project(P), before, 1 << 20).await.unwrap() {
        rowcast::store::ReadAfter::Entries { entries, .. } => {
            entries.iter().for_each(|stored| replica.apply(&stored.entry));
        }
        rowcast::store::ReadAfter::Snapshot(reason) => {
            assert_eq!(reason, rowcast_protocol::reply::SnapshotReason::Reset);
            replica = bench.rows(&project(P)).await;
        }
    }
    assert!(replica.rows.keys().all(|(table, _)| table != "tasks"));
    assert_eq!(replica, bench.rows(&project(P)).await);
}

const MANY_CARDS: &str = "INSERT INTO cards(id, board, title)
    WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1501)
    SELECT i, 'b', 'card' FROM s";

pub(crate) async fn a_huge_update_becomes_a_reset<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(MANY_CARDS).await;
    let entry = bench.last_stored(&board("b")).await;
    assert_eq!((entry.reset.as_slice(), entry.changes.len()), (&["cards".to_owned()][..], 0));
    bench.outside("UPDATE cards SET title = 'changed' WHERE id <= 1001").await;
    assert_eq!(bench.last_stored(&board("b")).await.reset, ["cards"]);
    bench.outside("UPDATE cards SET title = 'again' WHERE id <= 1000").await;
    let entry = bench.last_stored(&board("b")).await;
    assert_eq!((entry.reset.len(), entry.changes.len()), (0, 1_000));
    let seq = bench.head(&board("b")).await.seq;
    assert!(seq >= 3);
    let op = bench.set("cards", &Value::Int(1), &[("title", text("edited"))]);
    let applied = bench.applies("ada", &board("b"), vec![op]).await;
    assert_eq!(applied.seq, seq + 1);
}

pub(crate) async fn a_reset_of_one_channel_spares_the_others<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let sql = format!(
        "BEGIN; {MANY_CARDS}; INSERT INTO cards(id, board, title) VALUES (-1, 'other', 'o');
         UPDATE cards SET board = 'other' WHERE id = 7; UPDATE cards SET title = 'late' WHERE id = 7; COMMIT"
    );
    bench.outside(&sql).await;
    assert_eq!(bench.last_stored(&board("b")).await.reset, ["cards"]);
    assert!(bench.log(&board("other")).await.iter().all(|entry| entry.reset.is_empty()));
    bench.log_gives_the_rows(&board("other")).await;
    assert_eq!(bench.rows(&board("other")).await.rows.len(), 2);
}

pub(crate) async fn what_follows_a_huge_update_is_told_too<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(MANY_CARDS).await;
    let sql =
        "BEGIN; UPDATE cards SET title = 'all'; UPDATE cards SET board = 'other' WHERE id = 7;
         UPDATE cards SET title = 'late' WHERE id IN (7, 8);
         DELETE FROM cards WHERE id > 1400; UPDATE cards SET id = -9 WHERE id = 9;
         INSERT INTO cards(id, board, title) VALUES (2000, 'b', 'new'), (2001, 'other', 'new');
         UPDATE cards SET board = 'b' WHERE id = 2001; COMMIT";
    bench.outside(sql).await;
    assert_eq!(bench.last_stored(&board("b")).await.reset, ["cards"]);
    bench.log_gives_the_rows(&board("other")).await;
    assert_eq!(bench.rows(&board("b")).await.rows.len(), 1401);
    bench.outside("UPDATE cards SET title = 'after' WHERE id = 8").await;
    assert_eq!(
        tale(&bench.last_stored(&board("b")).await),
        [r#"update cards 8 {"title":"after"}"#]
    );
}

pub(crate) async fn a_huge_move_is_told_to_both<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(MANY_CARDS).await;
    bench.outside("UPDATE cards SET board = 'c' WHERE id <= 1400").await;
    for (name, rows) in [("b", 101), ("c", 1_400)] {
        assert_eq!(bench.last_stored(&board(name)).await.reset, ["cards"]);
        assert_eq!(bench.rows(&board(name)).await.rows.len(), rows);
    }
    bench.outside("UPDATE cards SET title = 'after' WHERE id IN (1400, 1401)").await;
    for (name, id) in [("b", 1_401), ("c", 1_400)] {
        let told = tale(&bench.last_stored(&board(name)).await);
        assert_eq!(told, [format!(r#"update cards {id} {{"title":"after"}}"#)]);
    }
}

pub(crate) async fn a_changed_primary_key_is_a_new_row<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, Some("a0")).await;
    bench.outside("UPDATE cards SET id = 2, title = 'renamed'").await;
    assert_eq!(tale(&bench.last(&board("b")).await), ["delete cards 1", "insert cards 2"]);
    bench.log_gives_the_rows(&board("b")).await;
    bench.outside("UPDATE cards SET id = 3, board = 'c'").await;
    assert_eq!(tale(&bench.last(&board("b")).await), ["leave cards 2"]);
    assert_eq!(tale(&bench.last(&board("c")).await), ["enter cards 3"]);
    bench.log_gives_the_rows(&board("b")).await;
    bench.log_gives_the_rows(&board("c")).await;
}

pub(crate) async fn an_insert_over_a_row_replaces_it<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, Some("a0")).await;
    bench.card(2, Some("a1")).await;
    bench
        .outside(
            "INSERT INTO cards(id, board, title) VALUES (1, 'b', 'over')
             ON CONFLICT (id) DO UPDATE SET title = excluded.title;
             INSERT INTO cards(id, board, title) VALUES (2, 'b', 'not') ON CONFLICT DO NOTHING",
        )
        .await;
    let told = tale(&bench.last(&board("b")).await);
    assert_eq!(told, [r#"update cards 1 {"title":"over"}"#]);
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn strange_text_and_large_values_survive<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let strange = "Zoë \u{1F980} \"q\" \\n '' \r\n\t\u{1} \u{7f} \u{feff} \u{10ffff} {\"a\":[}";
    let large = "ü".repeat(30_000);
    bench
        .outside(&format!(
            "INSERT INTO cards(id, board, title, slug, weight, count, price) VALUES
             (9007199254740993, 'b', '{strange}', '{large}', 1.7976931348623157e308, 9223372036854775807, '0.10'),
             (-9223372036854775807, 'b', '', '', 5e-324, 0, '1e2'), (0, 'b', 'x', 'x', 0.1, 1, '-0')"
        ))
        .await;
    let row = bench.row(&board("b"), "cards", &text("9007199254740993")).await.unwrap();
    assert_eq!(row.get("title"), Some(&text(strange.replace("''", "'"))));
    assert_eq!(row.get("slug"), Some(&text(large)));
    assert_eq!(row.get("weight"), Some(&Value::Float(f64::MAX)));
    assert_eq!(row.get("count"), Some(&text("9223372036854775807")));
    bench.log_gives_the_rows(&board("b")).await;
    bench.outside("UPDATE cards SET weight = 0.30000000000000004, title = title || '!'").await;
    bench.log_gives_the_rows(&board("b")).await;
    let op = bench.set("cards", &Value::Int(9_007_199_254_740_993), &[("title", text("plain"))]);
    bench.applies("ada", &board("b"), vec![op]).await;
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn an_outsiders_change_comes_before_the_edit_that_saw_it<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a").await;
    let before = bench.head(&project(P)).await;
    bench.outsider().await.run("UPDATE tasks SET title = 'b'").await;
    let op = bench.set_if("tasks", &task, &[("title", text("c"))], &[("title", text("b"))]);
    let edit = bench.edit("ada", &project(P), vec![op]);
    let committed = bench.commit(&[edit]).await;
    let told: Vec<_> =
        bench.after(&project(P), before).await.iter().map(|e| (e.seq, e.edits.len())).collect();
    assert_eq!(told, [(before.seq + 1, 0), (before.seq + 2, 1)]);
    let entries: Vec<_> = committed
        .appended
        .into_iter()
        .filter(|appended| appended.channel == project(P))
        .flat_map(|appended| appended.entries)
        .collect();
    assert_eq!(entries, bench.stored_after(&project(P), before).await);
    bench.log_gives_the_rows(&project(P)).await;
}

pub(crate) async fn a_busy_writer_is_waited_for<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a").await;
    let mut writer = bench.outsider().await;
    writer.run("BEGIN; UPDATE tasks SET title = 'b'").await;
    let edit = bench.edit(
        "ada",
        &project(P),
        vec![bench.set("tasks", &task, &[("status", text("done"))])],
    );
    let commit = bench.store.commit(std::slice::from_ref(&edit));
    let release = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        writer.run("COMMIT").await;
    };
    let (committed, ()) = tokio::join!(commit, release);
    let outcome = match committed {
        Ok(mut committed) => committed.outcomes.remove(0),
        Err(error) => panic!("{error}"),
    };
    match outcome {
        Ok(applied) => assert!(!applied.replayed),
        Err(error) => assert_eq!(error.code, ErrorCode::Busy),
    }
    bench.commit(&[edit]).await.outcomes.remove(0).unwrap();
    bench.number().await;
    let row = bench.row(&project(P), "tasks", &task).await.unwrap();
    assert_eq!((row.get("title"), row.get("status")), (Some(&text("b")), Some(&text("done"))));
    bench.log_gives_the_rows(&project(P)).await;
}

pub(crate) async fn notifications_are_made<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench
        .outside(&format!(
        "INSERT INTO tasks(id, project_id, title, created_by) VALUES ('{0}', '{P}', 't', 'ada');
         UPDATE tasks SET assignee = 'ben', updated_by = 'ada';
         UPDATE tasks SET assignee = 'cleo', updated_by = 'cleo';
         UPDATE tasks SET assignee = 'ben', updated_by = 'ada';
         INSERT INTO comments(project_id, task_id, author, body) VALUES
            ('{P}', '{0}', 'ben', 'look, @cleo and @nobody'), ('{P}', '{0}', 'cleo', 'seen, @ben.'),
            ('{P}', '{0}', 'ada', 'fine')",
        id(1)
    ))
        .await;
    for (user, expected) in [
        ("ada", vec![("commented", "ben"), ("commented", "cleo")]),
        (
            "ben",
            vec![
                ("assigned", "ada"),
                ("assigned", "ada"),
                ("mentioned", "cleo"),
                ("commented", "ada"),
            ],
        ),
        ("cleo", vec![("mentioned", "ben")]),
    ] {
        let channel = ChannelName::new(&format!("user:{user}")).unwrap();
        let rows = bench.rows(&channel).await.rows;
        let mut found: Vec<_> = rows
            .values()
            .filter(|row| row.get("kind").is_some())
            .map(|row| {
                ["kind", "actor"].map(|name| row.get(name).unwrap().as_str().unwrap().to_owned())
            })
            .collect();
        let mut expected: Vec<_> =
            expected.iter().map(|(kind, actor)| [kind, actor].map(|&s| s.to_owned())).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{user}");
        bench.log_gives_the_rows(&channel).await;
    }
}
