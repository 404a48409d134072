//! What only PostgreSQL has: many writers at once, isolation levels, prepared transactions, roles,
//! sessions that are cut off, servers that take no writes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rowcast::store::{Store, StoreError, Verdict, edit::FieldOps, fold::EntryLimits, postgres};
use rowcast_protocol::{Change, ErrorCode, Value};
use tokio::task::JoinSet;

use crate::{
    bench::{Bench, P, Q, board, declarations, id, project, tale, text},
    harness::{Harness as _, Outsider},
    postgres::Postgres,
};

type PgBench = Bench<Postgres>;

async fn second_hub(bench: &PgBench) -> Arc<dyn Store> {
    bench.harness.open(&declarations(), EntryLimits::default()).await.unwrap()
}

/// Rolls back, or leaves a transaction prepared for somebody else to finish.
async fn finish(
    writer: &mut Box<dyn Outsider>,
    random: &mut StdRng,
    name: &str,
) -> Result<(), String> {
    match random.random_range(0..6) {
        0 => writer.try_run("ROLLBACK").await,
        1 => {
            writer.try_run(&format!("PREPARE TRANSACTION '{name}'")).await?;
            pause(random).await;
            let end = if random.random_bool(0.7) { "COMMIT" } else { "ROLLBACK" };
            writer.try_run(&format!("{end} PREPARED '{name}'")).await
        }
        _ => writer.try_run("COMMIT").await,
    }
}

/// Time to think.
async fn pause(random: &mut StdRng) {
    tokio::time::sleep(Duration::from_micros(random.random_range(0..3_000))).await;
}

/// One transaction over a few boards, its rows in order of their ids so that two outsiders do not
/// deadlock with each other.
async fn a_transaction(
    writer: &mut Box<dyn Outsider>,
    random: &mut StdRng,
    name: &str,
) -> Result<(), String> {
    let level = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"][random.random_range(0..3)];
    writer.try_run(&format!("BEGIN ISOLATION LEVEL {level}")).await?;
    let mut keys: Vec<i64> =
        (0..random.random_range(1..5)).map(|_| random.random_range(0..60)).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let to = random.random_range(0..6);
        let sql = match random.random_range(0..8) {
            0 => format!("UPDATE cards SET board = 'b{to}', count = count + 1 WHERE id = {key}"),
            1 => format!("DELETE FROM cards WHERE id = {key}"),
            2 => format!(
                "INSERT INTO cards(id, board, title) VALUES ({key}, 'b{to}', 'new')
                 ON CONFLICT (id) DO UPDATE SET count = cards.count + 1"
            ),
            _ => format!("UPDATE cards SET count = count + 1, title = '{name}' WHERE id = {key}"),
        };
        writer.try_run(&sql).await?;
        pause(random).await;
    }
    finish(writer, random, name).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_outside_writers_leave_gapless_ordered_logs() {
    let bench = PgBench::fresh().await;
    for key in 0..60 {
        let sql =
            format!("INSERT INTO cards(id, board, title) VALUES ({key}, 'b{}', 't')", key % 6);
        bench.outsider().await.run(&sql).await;
    }
    let (first, second) = (bench.store.clone(), second_hub(&bench).await);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut writers = JoinSet::new();
    for n in 0..64_u64 {
        let mut writer = bench.outsider().await;
        writers.spawn(async move {
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(n));
            let mut failures = Vec::new();
            for round in 0..12 {
                if let Err(error) =
                    a_transaction(&mut writer, &mut random, &format!("w{n}_{round}")).await
                {
                    failures.push(error);
                    let _ = writer.try_run("ROLLBACK").await;
                }
            }
            failures
        });
    }
    let hubs = [first.clone(), second.clone()].map(|hub| {
        let edits: Vec<_> = (0..150_i64)
            .map(|n| {
                let channel = board(&format!("b{}", n % 6));
                let inc = bench.columns("cards", &[("count", Value::Int(1))]);
                let change = FieldOps { inc, ..FieldOps::default() };
                bench.edit(
                    "ada",
                    &channel,
                    vec![bench.change("cards", &Value::Int(n % 60), change)],
                )
            })
            .collect();
        async move {
            for edit in &edits {
                hub.commit(std::slice::from_ref(edit)).await.unwrap();
                hub.number().await.unwrap();
            }
        }
    });
    let [one, two] = hubs;
    tokio::join!(one, two);
    let mut failures = Vec::new();
    while let Some(done) = writers.join_next().await {
        failures.extend(done.unwrap());
    }
    // Isolation levels fail writers for what other writers did; nothing else may.
    let ours: Vec<_> = failures
        .iter()
        .filter(|error| !error.contains("could not serialize") && !error.contains("aborted"))
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
    bench.number().await;
    for n in 0..6 {
        let channel = board(&format!("b{n}"));
        let log = bench.log(&channel).await;
        let seqs: Vec<u64> = log.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
        counts_grow_by_one(&log);
        bench.log_gives_the_rows(&channel).await;
    }
}

/// Every writer adds one to what it finds: an entry that overwrote another's count stands after it.
fn counts_grow_by_one(log: &[rowcast_protocol::Entry]) {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let number = |value: Option<&Value>| match value {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    };
    for change in log.iter().flat_map(|entry| &entry.changes) {
        match change {
            Change::Insert(row) | Change::Enter(row) => {
                counts.insert(row.key.as_text(), number(row.row.get("count")).unwrap());
            }
            Change::Update(update) => {
                let Some(count) = number(update.set.get("count")) else { continue };
                let before = counts.insert(update.key.as_text(), count);
                assert_eq!(before, Some(count - 1), "{update:?}");
            }
            Change::Delete(key) | Change::Leave(key) => {
                counts.remove(&key.key.as_text());
            }
        }
    }
}

trait AsText {
    fn as_text(&self) -> String;
}

impl AsText for Value {
    fn as_text(&self) -> String {
        crate::bench::key_text(self)
    }
}

async fn cards_on_one_board(bench: &PgBench, count: u32) {
    let sql = format!(
        "INSERT INTO cards(id, board, title) SELECT i, 'b', 'card' FROM generate_series(1, {count}) i"
    );
    bench.outside(&sql).await;
}

async fn a_huge_update_blocks_nobody(rows: u32) {
    let bench = PgBench::fresh().await;
    cards_on_one_board(&bench, rows).await;
    bench
        .outside(
            "INSERT INTO cards(id, board, title) VALUES (-1, 'b', 'small'), (-2, 'b', 'small')",
        )
        .await;
    let before = bench.head(&board("b")).await;
    let mut huge = bench.outsider().await;
    huge.run("BEGIN; UPDATE cards SET title = 'all' WHERE id > 0").await;
    bench
        .outsider()
        .await
        .run("SET lock_timeout = '1s'; UPDATE cards SET title = 'mine' WHERE id = -1")
        .await;
    let op = bench.set("cards", &Value::Int(-2), &[("title", text("ours"))]);
    bench.applies("ada", &board("b"), vec![op]).await;
    assert_eq!(bench.after(&board("b"), before).await.len(), 2);
    huge.run("COMMIT").await;
    bench.number().await;
    let entry = bench.last_stored(&board("b")).await;
    assert_eq!((entry.seq, entry.reset.as_slice()), (before.seq + 3, &["cards".to_owned()][..]));
}

#[tokio::test]
async fn an_update_of_two_hundred_thousand_rows_is_a_reset_and_blocks_nobody() {
    a_huge_update_blocks_nobody(200_000).await;
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn an_update_of_a_million_rows_is_a_reset_and_blocks_nobody() {
    a_huge_update_blocks_nobody(1_000_000).await;
}

#[tokio::test]
async fn a_large_update_over_many_boards_is_recorded_row_by_row() {
    let bench = PgBench::fresh().await;
    let insert = "INSERT INTO cards(id, board, title)
        SELECT i, 'b' || i % 40, 'card' FROM generate_series(1, 8000) i";
    bench.outside(insert).await;
    bench
        .outside("UPDATE cards SET title = 'all', count = id, id = id + 100000 WHERE id % 2 = 0")
        .await;
    bench.outside("UPDATE cards SET board = 'b' || (id + 1) % 40 WHERE id % 3 = 0").await;
    for n in 0..40 {
        let channel = board(&format!("b{n}"));
        assert!(bench.log(&channel).await.iter().all(|entry| entry.reset.is_empty()));
        bench.log_gives_the_rows(&channel).await;
    }
}

#[tokio::test]
async fn a_prepared_transaction_is_seen_once_it_is_committed() {
    let bench = PgBench::fresh().await;
    bench.card(1, None).await;
    let head = bench.head(&board("b")).await;
    let mut writer = bench.outsider().await;
    writer.run("BEGIN; UPDATE cards SET title = 'prepared' WHERE id = 1").await;
    writer.run("PREPARE TRANSACTION 'seen once committed'").await;
    bench.number().await;
    assert_eq!(bench.head(&board("b")).await, head);
    bench.outside("COMMIT PREPARED 'seen once committed'").await;
    assert_eq!(tale(&bench.last(&board("b")).await), [r#"update cards 1 {"title":"prepared"}"#]);
}

#[tokio::test]
async fn a_session_that_replays_replication_is_recorded_too() {
    let bench = PgBench::fresh().await;
    bench.card(1, None).await;
    bench
        .outside("SET session_replication_role = replica; UPDATE cards SET title = 'replica'")
        .await;
    assert_eq!(tale(&bench.last(&board("b")).await), [r#"update cards 1 {"title":"replica"}"#]);
}

#[tokio::test]
async fn a_writer_with_rights_on_the_table_alone_is_recorded() {
    let bench = PgBench::fresh().await;
    let database = bench.harness.url.rsplit('/').next().unwrap().to_owned();
    bench.card(1, None).await;
    bench
        .outside(&format!(
            "CREATE ROLE app_{database}; GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON cards TO app_{database};
             SET ROLE app_{database}; SET search_path = pg_temp;
             UPDATE public.cards SET title = 'by the app'; INSERT INTO public.cards(id, board, title) VALUES (2, 'b', 't')"
        ))
        .await;
    assert_eq!(bench.last(&board("b")).await.changes.len(), 2);
    bench.log_gives_the_rows(&board("b")).await;
}

#[tokio::test]
async fn a_writer_may_say_who_it_is() {
    let bench = PgBench::fresh().await;
    bench.card(1, None).await;
    bench
        .outside(
            "BEGIN; SET LOCAL rowcast.actor = 'importer'; UPDATE cards SET title = 'x'; COMMIT",
        )
        .await;
    assert_eq!(bench.last(&board("b")).await.by.as_deref(), Some("importer"));
    bench.outside("UPDATE cards SET title = 'y'").await;
    assert_eq!(bench.last(&board("b")).await.by, None);
}

#[tokio::test]
async fn truncating_resets_every_board_that_has_a_log() {
    let bench = PgBench::fresh().await;
    bench.outside("INSERT INTO cards(id, board, title) VALUES (1, 'b', 't'), (2, 'c', 't')").await;
    let task = bench.task(1, "elsewhere").await;
    let p = bench.head(&project(P)).await;
    bench
        .outsider()
        .await
        .run("TRUNCATE cards; INSERT INTO cards(id, board, title) VALUES (3, 'b', 'new')")
        .await;
    // An edit of the board comes after what it saw.
    let op = bench.set("cards", &Value::Int(3), &[("title", text("seen"))]);
    let applied = bench.applies("ada", &board("b"), vec![op]).await;
    bench.number().await;
    assert_eq!(bench.last_stored(&board("c")).await.reset, ["cards"]);
    assert_eq!(applied.seq, bench.head(&board("b")).await.seq);
    assert_eq!(bench.head(&project(P)).await, p, "{task:?} is of another kind of channel");
}

#[tokio::test]
async fn a_locked_row_keeps_only_its_own_edit_waiting() {
    let bench = PgBench::fresh().await;
    cards_on_one_board(&bench, 64).await;
    let mut writer = bench.outsider().await;
    writer.run("BEGIN; UPDATE cards SET title = 'locked' WHERE id = 20").await;
    let edits: Vec<_> = (1..=64_i64)
        .map(|key| {
            let op = bench.set("cards", &Value::Int(key), &[("title", text("edited"))]);
            bench.edit("ada", &board("b"), vec![op])
        })
        .collect();
    let outcomes = bench.commit(&edits).await.outcomes;
    for (key, outcome) in (1..).zip(outcomes) {
        match outcome {
            Ok(_) => assert_ne!(key, 20),
            Err(error) => assert_eq!((key, error.code), (20, ErrorCode::Busy)),
        }
    }
    writer.run("COMMIT").await;
    assert!(bench.commit(&edits[19..20]).await.outcomes[0].is_ok());
    bench.log_gives_the_rows(&board("b")).await;
}

#[tokio::test]
async fn a_check_put_off_until_commit_blames_its_edit() {
    let bench = PgBench::fresh().await;
    cards_on_one_board(&bench, 8).await;
    bench
        .outside(
            "ALTER TABLE cards DROP CONSTRAINT cards_parent_fkey;
             ALTER TABLE cards ADD CONSTRAINT cards_parent_fkey FOREIGN KEY (parent)
             REFERENCES cards (id) DEFERRABLE INITIALLY DEFERRED",
        )
        .await;
    let edits: Vec<_> = (1..=8_i64)
        .map(|key| {
            let parent = Value::Int(if key == 5 { 99 } else { 1 });
            let op = bench.set("cards", &Value::Int(key), &[("parent", parent)]);
            bench.edit("ada", &board("b"), vec![op])
        })
        .collect();
    let outcomes = bench.commit(&edits).await.outcomes;
    for (key, outcome) in (1..).zip(&outcomes) {
        match outcome {
            Ok(_) => assert_ne!(key, 5),
            Err(error) => {
                assert_eq!((key, error.code), (5, ErrorCode::ForeignKey));
                assert_eq!(error.constraint.as_deref(), Some("cards_parent_fkey"));
            }
        }
    }
    let again = bench.commit(&edits).await.outcomes;
    assert_eq!(again[4], outcomes[4], "the refusal is kept");
    bench.log_gives_the_rows(&board("b")).await;
}

#[tokio::test]
async fn text_with_a_nul_character_is_refused_alone() {
    let bench = PgBench::fresh().await;
    bench.card(1, None).await;
    bench.card(2, None).await;
    let edits = ["a\0b", "fine"].map(|title| {
        let key = Value::Int(if title == "fine" { 1 } else { 2 });
        bench.edit("ada", &board("b"), vec![bench.set("cards", &key, &[("title", text(title))])])
    });
    let outcomes = bench.commit(&edits).await.outcomes;
    assert_eq!(outcomes[0].clone().unwrap_err().code, ErrorCode::WrongType);
    assert!(outcomes[1].is_ok());
}

#[tokio::test]
async fn what_fails_as_if_the_disk_were_full_is_told_at_once_also_alone() {
    let declared =
        "[[tables]]\nname = \"traps\"\nchannel = \"board:{board}\"\ninsert = \"editor\"\n";
    let bench = PgBench::with_tables(Postgres::TRAP_TABLE, declared).await;
    let fields = [("id", Value::Int(1)), ("board", text("b")), ("said", text("53100"))];
    let edit = [bench.edit("ada", &board("b"), vec![bench.insert("traps", &fields)])];
    // An error of the whole batch would be tried for as long as the committer has patience.
    let error = bench.commit(&edit).await.outcomes.remove(0).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFull);
    bench.outside("DROP TRIGGER trap ON traps").await;
    assert!(bench.commit(&edit).await.outcomes[0].is_ok(), "it is not kept");
}

#[tokio::test]
async fn two_hubs_that_get_the_same_edit_at_once_apply_it_once() {
    let bench = PgBench::fresh().await;
    bench.card(1, None).await;
    let other = second_hub(&bench).await;
    for _ in 0..20 {
        let inc = bench.columns("cards", &[("count", Value::Int(1))]);
        let change = FieldOps { inc, ..FieldOps::default() };
        let edit =
            [bench.edit("ada", &board("b"), vec![bench.change("cards", &Value::Int(1), change)])];
        let (one, two) = tokio::join!(bench.store.commit(&edit), other.commit(&edit));
        let outcomes = [one, two].map(|done| done.unwrap().outcomes.remove(0).unwrap());
        assert_eq!(outcomes[0].seq, outcomes[1].seq);
        assert_ne!(outcomes[0].replayed, outcomes[1].replayed);
    }
    assert_eq!(bench.field(&board("b"), "cards", &Value::Int(1), "count").await, Value::Int(20));
}

#[tokio::test]
async fn a_hub_whose_sessions_are_cut_off_goes_on() {
    let bench = PgBench::fresh().await;
    let task = bench.task(1, "a").await;
    for n in 0..5 {
        bench
            .outsider()
            .await
            .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rowcast' AND datname = current_database()")
            .await;
        let op = bench.set("tasks", &task, &[("title", text(format!("t{n}")))]);
        bench.applies("ada", &project(P), vec![op]).await;
    }
    while bench.store.heads(&[project(Q)]).await.is_err() {}
    bench.log_gives_the_rows(&project(P)).await;
}

#[tokio::test]
async fn a_database_that_takes_no_writes_says_so_until_it_does() {
    let bench = PgBench::fresh().await;
    let task = bench.task(1, "a").await;
    let database = bench.harness.url.rsplit('/').next().unwrap().to_owned();
    let switch = |on: bool| {
        format!(
            "ALTER DATABASE {database} SET default_transaction_read_only = {on};
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'rowcast' AND datname = '{database}' AND {on}"
        )
    };
    let mut writer = bench.outsider().await;
    writer.run("SET default_transaction_read_only = off").await;
    writer.run(&switch(true)).await;
    let op = bench.set("tasks", &task, &[("title", text("b"))]);
    let edit = [bench.edit("ada", &project(P), vec![op])];
    let refused = bench.store.commit(&edit).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly(_)), "{refused:?}");
    assert!(matches!(bench.store.ping().await, Err(StoreError::ReadOnly(_))));
    assert!(bench.store.heads(&[project(P)]).await.is_ok(), "reading goes on");
    writer.run("SET default_transaction_read_only = off").await;
    writer.run(&switch(false)).await;
    assert!(bench.store.commit(&edit).await.unwrap().outcomes[0].is_ok());
    bench.store.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_away_is_unavailable_at_once() {
    let options = postgres::Options {
        pools: postgres::PoolSizes { patience: Duration::from_millis(300), ..Default::default() },
        ..Default::default()
    };
    let opened = postgres::open("postgres://nobody@127.0.0.1:1/x", &declarations(), options).await;
    assert!(matches!(opened, Err(StoreError::Unavailable(_))), "{opened:?}");
}

#[tokio::test]
async fn a_task_with_many_comments_is_deleted_by_its_project() {
    let bench = PgBench::fresh().await;
    bench.task(1, "t").await;
    let comments = format!(
        "INSERT INTO comments(project_id, task_id, body) SELECT '{P}', '{}', 'c' FROM generate_series(1, 1500)",
        id(1)
    );
    bench.outside(&comments).await;
    bench.outside(&format!("DELETE FROM projects WHERE id = '{P}'")).await;
    let entry = bench.last_stored(&project(P)).await;
    assert!(entry.reset.contains(&"comments".to_owned()), "{entry:?}");
    assert!(bench.rows(&project(P)).await.rows.is_empty());
}

#[tokio::test]
async fn a_hub_starts_beside_a_writer_who_does_not_end() {
    let bench = PgBench::fresh().await;
    bench.task(1, "Before").await;
    let mut writer = bench.outsider().await;
    writer.run("BEGIN; UPDATE tasks SET title = 'While'").await;
    bench.harness.migrate(&declarations()).await.unwrap();
    writer.run("COMMIT").await;
}

#[tokio::test]
async fn a_migration_waits_for_a_writer_and_lets_others_pass() {
    let bench = PgBench::fresh().await;
    bench.task(1, "Before").await;
    bench.harness.drop_a_trigger("tasks").await;
    let mut writer = bench.outsider().await;
    writer.run("BEGIN; UPDATE tasks SET title = 'While'").await;
    let done = AtomicBool::new(false);
    let migration = async {
        bench.harness.migrate(&declarations()).await.unwrap();
        done.store(true, Ordering::Relaxed);
    };
    let writers = async {
        let mut other = bench.outsider().await;
        for n in 2..12 {
            let id = id(n);
            let values = format!("VALUES ('{id}', '{P}', 'Other')");
            other.run(&format!("INSERT INTO tasks (id, project_id, title) {values}")).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(!done.load(Ordering::Relaxed), "it did not wait for the first writer");
        writer.run("COMMIT").await;
    };
    tokio::join!(migration, writers);
    let found = bench.store.examine().await.unwrap();
    let triggers = found.iter().find(|found| found.subject == "triggers of tasks").unwrap();
    assert_eq!(triggers.verdict, Verdict::Good, "{triggers:?}");
}
