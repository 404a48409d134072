//! What only SQLite knows: rows replaced in silence, other libraries, one file for two hubs.

use std::{process::Command, time::Duration};

use rowcast::store::{ReadAfter, fold::EntryLimits};
use rowcast_protocol::{Change, ChannelName, ErrorCode, Value, reply::SnapshotReason};

use super::Sqlite;
use crate::{
    bench::{Bench, P, Q, board, declarations, id, key_text, project, tale, text},
    harness::Harness as _,
};

#[tokio::test]
async fn a_row_replaced_in_silence_is_told_to_the_channel_it_left() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.card(1, Some("a0")).await;
    bench.outside("INSERT OR REPLACE INTO cards(id, board, title) VALUES (1, 'c', 'moved')").await;
    assert_eq!(tale(&bench.last(&board("b")).await), ["leave cards 1"]);
    assert_eq!(tale(&bench.last(&board("c")).await), ["enter cards 1"]);
    bench.outside("INSERT OR REPLACE INTO cards(id, board, title) VALUES (1, 'c', 'same')").await;
    assert_eq!(tale(&bench.last(&board("c")).await), ["insert cards 1"]);
    for channel in ["b", "c"] {
        bench.log_gives_the_rows(&board(channel)).await;
    }
}

#[tokio::test]
async fn a_row_replaced_for_another_unique_value_is_deleted() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.outside("INSERT INTO cards(id, board, title, slug) VALUES (1, 'b', 't', 's')").await;
    bench
        .outside("INSERT OR REPLACE INTO cards(id, board, title, slug) VALUES (2, 'c', 'u', 's')")
        .await;
    assert_eq!(tale(&bench.last(&board("b")).await), ["delete cards 1"]);
    bench.log_gives_the_rows(&board("b")).await;
    bench.log_gives_the_rows(&board("c")).await;
}

#[tokio::test]
async fn a_row_in_the_way_of_an_insert_that_is_ignored_stays() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.card(1, Some("a0")).await;
    let head = bench.head(&board("b")).await;
    bench.outside("INSERT OR IGNORE INTO cards(id, board, title) VALUES (1, 'c', 'no')").await;
    assert_eq!(bench.head(&board("b")).await, head);
    bench
        .outside(
            "INSERT INTO cards(id, board, title) VALUES (1, 'c', 'up')
             ON CONFLICT (id) DO UPDATE SET title = excluded.title",
        )
        .await;
    assert_eq!(tale(&bench.last(&board("b")).await), [r#"update cards 1 {"title":"up"}"#]);
    assert_eq!(bench.head(&board("c")).await.seq, 0);
    bench.log_gives_the_rows(&board("b")).await;
}

#[tokio::test]
async fn the_system_s_own_shell_is_recorded_exactly() {
    let bench = Bench::<Sqlite>::fresh().await;
    let sql = "PRAGMA trusted_schema = off;
        INSERT INTO cards(id, board, title, weight, raw, tags) VALUES
            (1, 'b', 'a' || char(0) || 'b', 0.1 + 0.2, x'00ff', '{\"a\": 1.10}'),
            (2, 'b', x'fffe', -9e999, zeroblob(3), 'not json'),
            (3, 'b', 3.5, 'heavy', 'text', 17);
        UPDATE cards SET weight = weight * 1.1, count = 9223372036854775807 WHERE id = 1;
        DELETE FROM cards WHERE id = 3;
        INSERT INTO projects(id, name) VALUES ('aaaaaaaa-0000-4000-8000-0000000000ff', 'x');
        INSERT INTO members(project_id, user_id, role) SELECT id, 'ben', 'editor' FROM projects
            WHERE name = 'x';
        INSERT INTO tasks(project_id, title, assignee) SELECT id, 'by hand', 'ada' FROM projects
            WHERE name = 'x';
        INSERT INTO comments(project_id, task_id, author, body)
            SELECT project_id, id, 'ada', '@ben!' FROM tasks;";
    let shell = Command::new("sqlite3").arg(bench.harness.path()).arg(sql).status();
    let Ok(status) = shell else { return };
    assert!(status.success());
    bench.number().await;
    assert_eq!(bench.rows(&board("b")).await.rows.len(), 2);
    assert_eq!(bench.rows(&project(&id(255))).await.rows.len(), 4);
    for channel in ["board:b", "user:ada", "user:ben", project(&id(255)).as_str()] {
        bench.log_gives_the_rows(&ChannelName::new(channel).unwrap()).await;
    }
}

#[tokio::test]
async fn a_backlog_is_numbered_in_passes_that_tell_the_truth() {
    let bench = Bench::<Sqlite>::fresh().await;
    let sql = "BEGIN;
        INSERT INTO cards(id, board, title)
            WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 9000)
            SELECT i, CASE WHEN i <= 5000 THEN 'huge' ELSE 'small' || (i % 8) END, 't' FROM s;
        UPDATE cards SET board = 'huge' WHERE id BETWEEN 8001 AND 8100;
        UPDATE cards SET board = 'small1' WHERE id BETWEEN 1 AND 100;
        UPDATE cards SET title = 'late' WHERE id BETWEEN 50 AND 150 OR id > 8050;
        COMMIT";
    bench.outside(sql).await;
    assert_eq!(bench.last_stored(&board("huge")).await.reset, ["cards"]);
    for n in 0..8 {
        bench.log_gives_the_rows(&board(&format!("small{n}"))).await;
    }
    assert_eq!(bench.head(&board("huge")).await.seq, 1, "one reset says it all");
    bench.outside("UPDATE cards SET title = 'one' WHERE id = 200").await;
    assert_eq!(bench.head(&board("huge")).await.seq, 2);
}

#[tokio::test]
async fn an_edit_that_breaks_the_whole_transaction_harms_no_neighbour() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench
        .outsider()
        .await
        .run(
            "CREATE TABLE owners (id BIGINT PRIMARY KEY);
             CREATE TRIGGER stop BEFORE UPDATE OF title ON cards WHEN NEW.title = 'stop'
                BEGIN SELECT RAISE(ROLLBACK, 'titles must not stop'); END;
             CREATE TABLE late (id BIGINT REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER later AFTER UPDATE OF title ON cards WHEN NEW.title = 'late'
                BEGIN INSERT INTO late VALUES (NEW.id); END;",
        )
        .await;
    bench.refresh().await;
    for key in 1..=4 {
        bench.card(key, None).await;
    }
    let titles = ["fine", "stop", "late", "good"];
    let edits: Vec<_> = (1_i64..)
        .zip(titles)
        .map(|(key, title)| {
            let op = bench.set("cards", &Value::Int(key), &[("title", text(title))]);
            bench.edit("ada", &board("b"), vec![op])
        })
        .collect();
    let outcomes = bench.commit(&edits).await.outcomes;
    let codes: Vec<_> =
        outcomes.iter().map(|outcome| outcome.as_ref().err().map(|error| error.code)).collect();
    assert_eq!(codes, [None, Some(ErrorCode::Refused), Some(ErrorCode::ForeignKey), None]);
    assert!(outcomes[1].as_ref().unwrap_err().message.contains("must not stop"));
    assert_eq!(bench.commit(&edits).await.outcomes[1], outcomes[1], "the refusal is remembered");
    bench.log_gives_the_rows(&board("b")).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_nothing_open() {
    let bench = Bench::<Sqlite>::fresh().await;
    let task = bench.task(1, "0").await;
    for n in 0..40_u64 {
        let op = bench.set("tasks", &task, &[("title", text(format!("t{n}")))]);
        let edit = bench.edit("ada", &project(P), vec![op]);
        let patience = Duration::from_micros(n * 20);
        let gone = tokio::time::timeout(patience, bench.store.commit(std::slice::from_ref(&edit)));
        drop(gone.await);
        let again = bench.store.commit(std::slice::from_ref(&edit)).await.unwrap();
        again.outcomes[0].clone().unwrap();
        bench.outsider().await.run("UPDATE tasks SET status = 'doing'").await;
    }
    bench.store.number().await.unwrap();
    bench.log_gives_the_rows(&project(P)).await;
    let log = bench.log(&project(P)).await;
    assert_eq!(log.iter().map(|entry| entry.edits.len()).sum::<usize>(), 41, "each edit once");
}

#[tokio::test]
async fn two_hubs_on_one_file_share_its_logs() {
    let bench = Bench::<Sqlite>::fresh().await;
    let other = bench.harness.open(&declarations(), EntryLimits::default()).await.unwrap();
    let task = bench.task(1, "a").await;
    for n in 0..10 {
        let edit = |user, field| {
            let op = bench.set("tasks", &task, &[(field, text(format!("{n}")))]);
            [bench.edit(user, &project(P), vec![op])]
        };
        let (here, there) = (edit("ada", "title"), edit("ben", "description"));
        let (one, two) = tokio::join!(bench.store.commit(&here), other.commit(&there));
        let (one, two) = (one.unwrap(), two.unwrap());
        let (one, two) = (one.outcomes[0].clone().unwrap(), two.outcomes[0].clone().unwrap());
        assert_eq!(one.seq.abs_diff(two.seq), 1);
    }
    bench.log_gives_the_rows(&project(P)).await;
}

#[tokio::test]
async fn writers_of_all_sorts_at_once_leave_logs_without_a_hole() {
    let bench = Bench::<Sqlite>::fresh().await;
    for n in 0..8 {
        bench.task(n, "t").await;
    }
    let outsider = |who: usize| {
        let bench = &bench;
        async move {
            let mut writer = bench.outsider().await;
            for n in 0..30 {
                let (key, to) = (id((n + who) % 8), if n % 2 == 0 { P } else { Q });
                let end = if n % 5 == 0 { "ROLLBACK" } else { "COMMIT" };
                let begin = "BEGIN IMMEDIATE; UPDATE tasks SET description = description || 'x'";
                writer.run(begin).await;
                tokio::task::yield_now().await;
                writer
                    .run(&format!(
                        "UPDATE tasks SET project_id = '{to}', title = 'w{who} {n}' WHERE id = '{key}'; {end}"
                    ))
                    .await;
            }
        }
    };
    let hub = async {
        for n in 0..60_usize {
            let ops = |p: &str| {
                let op = bench.set(
                    "tasks",
                    &text(id(n % 8)),
                    &[("status", text(["todo", "done"][n % 2]))],
                );
                bench.edit("ada", &project(p), vec![op])
            };
            bench.store.commit(&[ops(P), ops(Q)]).await.unwrap();
            bench.store.number().await.unwrap();
        }
    };
    tokio::join!(outsider(1), outsider(2), outsider(3), hub);
    while !bench.store.number().await.unwrap().is_empty() {}
    for channel in [project(P), project(Q)] {
        let log = bench.log(&channel).await;
        assert!(log.iter().zip(1..).all(|(entry, seq)| entry.seq == seq));
        bench.log_gives_the_rows(&channel).await;
    }
}

#[tokio::test]
async fn a_store_that_is_open_during_a_migration_loses_nothing() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.card(1, None).await;
    let head = bench.head(&board("b")).await;
    let mut writer = bench.outsider().await;
    writer.run("ALTER TABLE cards ADD COLUMN extra TEXT").await;
    bench.harness.migrate(&declarations()).await.unwrap();
    writer.run("UPDATE cards SET extra = 'new'").await;
    let op = bench.set("cards", &Value::Int(1), &[("title", text("t"))]);
    let edit = [bench.edit("ada", &board("b"), vec![op])];
    bench.commit(&edit).await.outcomes[0].clone().unwrap();
    let read = bench.store.read_after(&board("b"), head, 1 << 20).await.unwrap();
    assert_eq!(read, ReadAfter::Snapshot(SnapshotReason::Reset), "a new column has values");
    let row = bench.row(&board("b"), "cards", &Value::Int(1)).await.unwrap();
    assert_eq!((row.get("extra"), row.get("title")), (Some(&text("new")), Some(&text("t"))));
}

#[tokio::test]
async fn what_was_recorded_before_a_migration_is_told_after_it() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.card(1, None).await;
    let mut writer = bench.outsider().await;
    writer.run("UPDATE cards SET title = 'old shape', slug = 's'; ALTER TABLE cards ADD COLUMN extra TEXT").await;
    bench.store.close().await;
    let refused = bench.harness.open(&declarations(), EntryLimits::default()).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("migrate")));
    bench.harness.migrate(&declarations()).await.unwrap();
    writer.run("UPDATE cards SET extra = 'new shape'").await;
    let store = bench.harness.open(&declarations(), EntryLimits::default()).await.unwrap();
    let bench = bench.reopened(store);
    bench.number().await;
    let entry = bench.last(&board("b")).await;
    let key = key_text(&Value::Int(1));
    let told: Vec<String> = tale(&entry);
    assert_eq!(
        told,
        [
            format!(r#"update cards {key} {{"slug":"s","title":"old shape"}}"#),
            format!(r#"update cards {key} {{"extra":"new shape"}}"#),
        ]
    );
    assert!(matches!(entry.changes[1], Change::Update(_)));
}
