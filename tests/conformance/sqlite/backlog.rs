//! Much that outsiders left: what is recorded of it, and who waits for it.

use std::time::Duration;

use rowcast::store::Committed;
use rowcast_protocol::{ChannelName, Value};
use tokio::time::Instant;

use super::Sqlite;
use crate::bench::{Bench, board, tale, text};

async fn count(bench: &Bench<Sqlite>, what: &str) -> i64 {
    bench.harness.count(what).await
}

fn cards(first: usize, last: usize, board: &str) -> String {
    format!(
        "INSERT INTO cards(id, board, title)
            WITH RECURSIVE s(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM s WHERE i < {last})
            SELECT i, {board}, 't' FROM s;"
    )
}

#[tokio::test]
async fn a_huge_update_is_not_recorded_to_its_end() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.outside(&cards(1, 9_000, "'b'")).await;
    for sql in [
        "UPDATE cards SET title = 'u'",
        "UPDATE cards SET board = 'c'",
        "UPDATE cards SET id = -id",
        "DELETE FROM cards",
    ] {
        bench.outsider().await.run(sql).await;
        assert!(count(&bench, "rowcast_pending").await < 3_000, "{sql}");
        bench.number().await;
        assert_eq!(count(&bench, "rowcast_flood").await, 0);
    }
}

#[tokio::test]
async fn a_row_that_a_flooded_channel_takes_in_silence_is_told_to_the_other() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.outside(&cards(1, 1_500, "'b'")).await;
    bench.outside("INSERT INTO cards(id, board, title, slug) VALUES (-1, 'c', 't', 's'), (-2, 'c', 't', 'x')").await;
    let sql = "BEGIN; UPDATE cards SET title = 'u' WHERE board = 'b';
        INSERT OR REPLACE INTO cards(id, board, title) VALUES (-1, 'b', 'taken');
        INSERT OR REPLACE INTO cards(id, board, title, slug) VALUES (-3, 'b', 'other', 'x'); COMMIT";
    bench.outside(sql).await;
    assert_eq!(tale(&bench.last(&board("c")).await), ["leave cards -1", "delete cards -2"]);
    assert_eq!(bench.last_stored(&board("b")).await.reset, ["cards"]);
}

#[tokio::test]
async fn a_writer_that_would_rather_fail_is_not_failed_by_a_flood() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.outside(&cards(1, 3_000, "'b'")).await;
    let mut writer = bench.outsider().await;
    for conflict in ["ABORT", "FAIL", "ROLLBACK", "IGNORE", "REPLACE"] {
        writer
            .run(&format!("UPDATE OR {conflict} cards SET title = '{conflict}', slug = id"))
            .await;
    }
    bench.number().await;
    assert_eq!(bench.last_stored(&board("b")).await.reset, ["cards"]);
}

fn concerned(committed: &Committed) -> Vec<(&ChannelName, usize)> {
    committed.appended.iter().map(|one| (&one.channel, one.entries.len())).collect()
}

#[tokio::test]
async fn a_batch_waits_for_the_backlog_of_its_own_channels_only() {
    let bench = Bench::<Sqlite>::fresh().await;
    let far = cards(1, 12_000, "'b' || (i % 100)");
    bench.outsider().await.run(&format!(
        "BEGIN; {far} UPDATE cards SET board = 'b7' WHERE id IN (1, 2); UPDATE cards SET title = 'u' WHERE id % 50 = 7; COMMIT"
    )).await;
    let op = bench.set("cards", &Value::Int(1), &[("title", text("edited"))]);
    let edit = bench.edit("ada", &board("b7"), vec![op]);
    let committed = bench.commit(&[edit]).await;
    assert_eq!(committed.outcomes[0].as_ref().unwrap().seq, 2);
    assert_eq!(concerned(&committed), [(&board("b7"), 2)]);
    assert!(committed.left_unnumbered);
    bench.log_gives_the_rows(&board("b7")).await;
    bench.number().await;
    for n in 0..100 {
        bench.log_gives_the_rows(&board(&format!("b{n}"))).await;
    }
    assert_eq!(bench.head(&board("b7")).await.seq, 2, "the backlog of this board was told once");
}

#[tokio::test]
async fn a_side_effect_comes_after_the_backlog_of_its_channel() {
    let bench = Bench::<Sqlite>::fresh().await;
    let beside = "CREATE TRIGGER beside AFTER UPDATE OF title ON cards WHEN NEW.title = 'push'
        BEGIN UPDATE cards SET count = count + 1 WHERE id = 8; END;";
    bench.outside(beside).await;
    bench.refresh().await;
    bench.outside(&cards(1, 20, "'b' || i")).await;
    let far = cards(21, 9_000, "'c' || (i % 100)");
    let sql = format!("BEGIN; {far} UPDATE cards SET count = 10 WHERE id = 8; COMMIT");
    bench.outsider().await.run(&sql).await;
    let op = bench.set("cards", &Value::Int(1), &[("title", text("push"))]);
    let edit = bench.edit("ada", &board("b1"), vec![op]);
    let committed = bench.commit(&[edit]).await;
    assert_eq!(concerned(&committed), [(&board("b8"), 2), (&board("b1"), 1)]);
    let last = tale(&bench.last(&board("b8")).await);
    assert_eq!(last, [r#"update cards 8 {"count":11}"#]);
    bench.number().await;
    for name in ["b1", "b8", "c7"] {
        bench.log_gives_the_rows(&board(name)).await;
    }
}

/// By hand: `cargo test --test conformance -- --ignored --nocapture beside_a_long_backlog`.
#[tokio::test]
#[ignore = "prints figures"]
async fn measure_a_batch_beside_a_long_backlog() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench.card(-1, None).await;
    let far = cards(1, 100_000, "'b' || (i % 1000)");
    bench.outsider().await.run(&far).await;
    let op = bench.set("cards", &Value::Int(-1), &[("title", text("edited"))]);
    let edit = bench.edit("ada", &board("b"), vec![op]);
    let began = Instant::now();
    bench.commit(&[edit]).await;
    println!("the batch: {:?}", began.elapsed());
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    loop {
        let pass = Instant::now();
        let appended = bench.store.number().await.unwrap();
        longest = longest.max(pass.elapsed());
        if appended.is_empty() {
            break;
        }
    }
    println!("the backlog of 100,000 rows: {:?}, its longest pass {longest:?}", began.elapsed());
}
