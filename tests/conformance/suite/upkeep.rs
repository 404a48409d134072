//! Trimming, examining, refusing.

use std::time::Duration;

use rowcast::store::{Finding, StoreError, Verdict, declaration::Declarations, fold::EntryLimits};
use rowcast_protocol::Value;

use crate::{
    bench::{Bench, P, board, declarations, project, text},
    harness::Harness,
};

pub(crate) async fn old_entries_and_outcomes_are_trimmed<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a").await;
    let edit =
        bench.edit("ada", &project(P), vec![bench.set("tasks", &task, &[("title", text("b"))])]);
    bench.commit(std::slice::from_ref(&edit)).await;
    let hour = Duration::from_secs(3600);
    let nothing = bench.store.trim(hour, hour).await.unwrap();
    assert_eq!((nothing.entries, nothing.outcomes), (0, 0));
    let all = bench.store.trim(Duration::ZERO, hour).await.unwrap();
    assert!(all.entries > 2);
    assert_eq!(all.outcomes, 0);
    assert!(bench.commit(std::slice::from_ref(&edit)).await.outcomes[0].clone().unwrap().replayed);
    assert_eq!(bench.store.trim(hour, Duration::ZERO).await.unwrap().outcomes, 2);
    assert!(!bench.commit(&[edit]).await.outcomes[0].clone().unwrap().replayed);
}

async fn findings<H: Harness>(bench: &Bench<H>, verdict: Verdict) -> Vec<Finding> {
    let all = bench.store.examine().await.unwrap();
    all.into_iter().filter(|finding| finding.verdict == verdict).collect()
}

async fn busy_bench<H: Harness>() -> Bench<H> {
    let bench = Bench::<H>::fresh().await;
    for key in 1..=5 {
        bench.card(key, None).await;
        bench.task(usize::try_from(key).unwrap(), "t").await;
    }
    bench.applies("ada", &board("b"), vec![bench.delete("cards", &Value::Int(3))]).await;
    bench.outside("UPDATE cards SET title = title || '!', board = 'c' WHERE id = 4").await;
    bench
}

pub(crate) async fn a_sound_database_is_found_good<H: Harness>() {
    let bench = busy_bench::<H>().await;
    bench.outsider().await.run("UPDATE cards SET title = 'not numbered yet' WHERE id = 5").await;
    assert_eq!(findings(&bench, Verdict::Bad).await, []);
    let good = findings(&bench, Verdict::Good).await;
    assert!(good.iter().any(|finding| finding.subject.contains("cards")), "{good:?}");
}

#[track_caller]
fn only_bad(bad: &[Finding], word: &str) {
    assert!(!bad.is_empty(), "nothing was found");
    for finding in bad {
        assert!(format!("{finding:?}").contains(word), "{finding:?} does not name {word}");
    }
}

pub(crate) async fn a_missing_trigger_is_found<H: Harness>() {
    let bench = busy_bench::<H>().await;
    bench.harness.drop_a_trigger("cards").await;
    only_bad(&findings(&bench, Verdict::Bad).await, "cards");
}

pub(crate) async fn a_tampered_row_is_found<H: Harness>() {
    for sql in [
        "UPDATE cards SET title = 'tampered' WHERE id = 2",
        "DELETE FROM cards WHERE id = 2",
        "INSERT INTO cards(id, board, title) VALUES (3, 'b', 'card 3')",
    ] {
        let bench = busy_bench::<H>().await;
        bench.harness.unrecorded("cards", sql).await;
        only_bad(&findings(&bench, Verdict::Bad).await, "cards");
    }
}

pub(crate) async fn a_gap_is_found<H: Harness>() {
    let bench = busy_bench::<H>().await;
    let head = bench.head(&project(P)).await.seq;
    bench
        .outsider()
        .await
        .run(&format!("DELETE FROM {} WHERE seq = {}", H::ENTRIES, head - 1))
        .await;
    let bad = findings(&bench, Verdict::Bad).await;
    only_bad(&bad, "log");
    assert!(bad.iter().any(|finding| finding.subject.contains(P)), "{bad:?}");
}

#[track_caller]
fn unfit<T>(result: Result<T, StoreError>, word: &str) {
    match result {
        Err(StoreError::Unfit(message)) => assert!(message.contains(word), "{message}"),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("this must be refused"),
    }
}

pub(crate) async fn a_database_that_was_not_migrated_is_refused<H: Harness>() {
    let harness = H::create().await;
    unfit(harness.open(&declarations(), EntryLimits::default()).await, "migrate");
    harness.outsider().await.run("CREATE TABLE tasks(id INTEGER PRIMARY KEY)").await;
    unfit(harness.open(&declarations(), EntryLimits::default()).await, "migrate");
    unfit(harness.migrate(&declarations()).await, "tasks");
}

pub(crate) async fn a_newer_database_is_refused<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.store.close().await;
    bench.harness.pretend_newer().await;
    unfit(bench.harness.open(&declarations(), EntryLimits::default()).await, "newer");
    unfit(bench.harness.migrate(&declarations()).await, "newer");
}

pub(crate) async fn declarations_that_do_not_fit_are_named<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let changed = |change: fn(&mut Declarations)| {
        let mut declared = declarations();
        change(&mut declared);
        declared
    };
    assert_eq!(declarations().tables[6].name, "cards");
    for (declared, word) in [
        (changed(|d| d.tables[6].name = "ghosts".into()), "ghosts"),
        (changed(|d| d.tables[6].channel = "board:{planet}".into()), "planet"),
        (changed(|d| d.tables[6].channel = "board".into()), "kind:{column}"),
        (changed(|d| d.tables[6].channel = "board:{slug}".into()), "may be null"),
        (changed(|d| d.tables[6].order = Some("count".into())), "count"),
        (changed(|d| d.tables[6].hidden.push("board".into())), "board"),
        (changed(|d| d.tables[6].hidden.push("id".into())), "id"),
        (changed(|d| d.tables[6].readonly.push("colour".into())), "colour"),
        (changed(|d| d.tables.push(d.tables[6].clone())), "twice"),
        (changed(|d| d.tables[6].name = H::OWN.into()), "cannot be live"),
    ] {
        unfit(bench.harness.migrate(&declared).await, word);
    }
    let more_hidden = changed(|d| d.tables[6].hidden.push("slug".into()));
    let opened = bench.harness.open(&more_hidden, EntryLimits::default()).await;
    unfit(opened, "migrate");
    bench.harness.migrate(&more_hidden).await.unwrap();
    let store = bench.harness.open(&more_hidden, EntryLimits::default()).await.unwrap();
    assert_ne!(store.schema().wire.hash, bench.store.schema().wire.hash);
}

pub(crate) async fn migrating_twice_changes_nothing<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.card(1, None).await;
    let head = bench.head(&board("b")).await;
    bench.outsider().await.run("UPDATE cards SET title = 'recorded before'").await;
    bench.harness.migrate(&declarations()).await.unwrap();
    bench.outsider().await.run("UPDATE cards SET slug = 'recorded after'").await;
    bench.number().await;
    bench.log_gives_the_rows(&board("b")).await;
    assert_eq!(bench.head(&board("b")).await.epoch, head.epoch);
    assert_eq!(
        bench.store.examine().await.unwrap().iter().map(|f| f.verdict).max(),
        Some(Verdict::Good)
    );
}

pub(crate) async fn the_texts_that_a_check_lists_are_in_the_schema<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let schema = bench.store.schema();
    let tables = schema.wire.tables.as_ref().unwrap();
    let tasks = tables.iter().find(|table| table.name == "tasks").unwrap();
    let listed: Vec<_> = tasks.columns.iter().filter(|column| !column.values.is_empty()).collect();
    let listed: Vec<_> = listed.iter().map(|c| (c.name.as_str(), c.values.join(" "))).collect();
    let expected =
        [("status", "todo doing done".into()), ("priority", "low medium high urgent".into())];
    assert_eq!(listed, expected);
}

pub(crate) async fn a_store_answers_a_ping<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.store.ping().await.unwrap();
    assert!(bench.store.lanes() >= 1);
}
