//! Reading logs: from anywhere, within a budget, never a wrong continuation.

use std::time::Duration;

use rowcast::store::{ReadAfter, fold::EntryLimits};
use rowcast_protocol::{Cursor, Epoch, Value, reply::SnapshotReason};

use crate::{
    bench::{Bench, P, board, declarations, id, project, text},
    harness::Harness,
};

/// Twenty entries on the board `b`, and the places after each of them.
async fn twenty<H: Harness>(bench: &Bench<H>) -> Vec<Cursor> {
    bench.card(1, None).await;
    for n in 0..19 {
        let op = bench.set("cards", &Value::Int(1), &[("title", text(format!("title {n}")))]);
        bench.applies("ada", &board("b"), vec![op]).await;
    }
    let epoch = bench.head(&board("b")).await.epoch;
    let log = bench.stored_log(&board("b")).await;
    log.iter().map(|stored| Cursor { epoch, seq: stored.entry.seq, tag: stored.tag }).collect()
}

async fn refused<H: Harness>(bench: &Bench<H>, cursor: Cursor) -> SnapshotReason {
    match bench.store.read_after(&board("b"), cursor, 1 << 20).await.unwrap() {
        ReadAfter::Snapshot(reason) => reason,
        entries @ ReadAfter::Entries { .. } => {
            panic!("{cursor:?} must not be continued: {entries:?}")
        }
    }
}

pub(crate) async fn a_reader_continues_from_any_place<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let cursors = twenty(&bench).await;
    let log = bench.log(&board("b")).await;
    assert_eq!(log.len(), 20);
    for (n, cursor) in cursors.iter().enumerate() {
        assert_eq!(bench.after(&board("b"), *cursor).await, log[n + 1..]);
    }
    assert_eq!(bench.head(&board("b")).await, *cursors.last().unwrap());
}

pub(crate) async fn a_budget_cuts_between_entries<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    twenty(&bench).await;
    let log = bench.stored_log(&board("b")).await;
    let head = bench.head(&board("b")).await;
    let mut cursor = Cursor { seq: 0, tag: 0, ..head };
    let (mut seen, mut reads) = (Vec::new(), 0);
    while cursor != head {
        let ReadAfter::Entries { entries, head: then } =
            bench.store.read_after(&board("b"), cursor, 300).await.unwrap()
        else {
            panic!("no snapshot is needed")
        };
        assert!((1..=8).contains(&entries.len()), "{}", entries.len());
        assert_eq!(then, head);
        let last = entries.last().unwrap();
        cursor = Cursor { seq: last.entry.seq, tag: last.tag, ..head };
        seen.extend(entries);
        reads += 1;
    }
    assert_eq!(seen, log);
    assert!(reads >= 4);
    let ReadAfter::Entries { entries, .. } =
        bench.store.read_after(&board("b"), Cursor { seq: 0, tag: 0, ..head }, 0).await.unwrap()
    else {
        panic!("no snapshot is needed")
    };
    assert_eq!(entries.len(), 1, "at least one entry");
}

pub(crate) async fn a_cursor_of_another_history_needs_a_snapshot<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let cursors = twenty(&bench).await;
    for cursor in [cursors[4], cursors[19]] {
        let other_epoch = Cursor { epoch: Epoch(!cursor.epoch.0), ..cursor };
        let other_tag = Cursor { tag: !cursor.tag, ..cursor };
        assert_eq!(refused(&bench, other_epoch).await, SnapshotReason::OtherHistory);
        assert_eq!(refused(&bench, other_tag).await, SnapshotReason::OtherHistory);
    }
}

pub(crate) async fn a_cursor_ahead_needs_a_snapshot<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let cursors = twenty(&bench).await;
    let ahead = Cursor { seq: 21, ..cursors[19] };
    assert_eq!(refused(&bench, ahead).await, SnapshotReason::Ahead);
}

pub(crate) async fn a_cursor_that_was_trimmed_needs_a_snapshot<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let cursors = twenty(&bench).await;
    let trimmed = bench.store.trim(Duration::ZERO, Duration::from_secs(3600)).await.unwrap();
    assert!(trimmed.entries >= 20);
    let beginning = Cursor { seq: 0, tag: 0, ..cursors[0] };
    for cursor in [beginning, cursors[0], cursors[18]] {
        assert_eq!(refused(&bench, cursor).await, SnapshotReason::TooOld);
    }
    let op = bench.set("cards", &Value::Int(1), &[("title", text("after"))]);
    let applied = bench.applies("ada", &board("b"), vec![op]).await;
    assert_eq!(applied.seq, 21, "numbers go on");
    let entries = bench.after(&board("b"), cursors[19]).await;
    assert_eq!(entries.len(), 1, "who had it all misses nothing");
    let wrong = Cursor { tag: !cursors[19].tag, ..cursors[19] };
    assert_eq!(refused(&bench, wrong).await, SnapshotReason::OtherHistory);
}

pub(crate) async fn a_reset_in_between_needs_a_snapshot<H: Harness>() {
    let bench = Bench::<H>::with_limits(EntryLimits { changes: 10, bytes: 1 << 20 }).await;
    for key in 1..=12 {
        bench.card(key, None).await;
    }
    let before = bench.head(&board("b")).await;
    bench.outside("UPDATE cards SET title = 'all'").await;
    assert_eq!(bench.last_stored(&board("b")).await.reset, ["cards"]);
    let at = bench.head(&board("b")).await;
    bench.outside("UPDATE cards SET title = 'one' WHERE id = 1").await;
    assert_eq!(refused(&bench, before).await, SnapshotReason::Reset);
    assert_eq!(bench.after(&board("b"), at).await.len(), 1);
}

pub(crate) async fn heads_of_unknown_channels_are_zero<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let known = bench.head(&project(P)).await;
    let channels = [board("nowhere"), project(P), board("else")];
    let heads = bench.store.heads(&channels).await.unwrap();
    let channels_told: Vec<_> = heads.iter().map(|head| head.channel.clone()).collect();
    assert_eq!(channels_told, channels, "in the order asked");
    assert_eq!(heads[1].cursor, known);
    let zero = Cursor { seq: 0, tag: 0, ..known };
    assert_eq!((heads[0].cursor, heads[2].cursor), (zero, zero));
    assert!(bench.after(&board("nowhere"), zero).await.is_empty());
}

pub(crate) async fn a_log_outlives_the_process<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.task(1, "durable").await;
    let log = bench.stored_log(&project(P)).await;
    let head = bench.head(&project(P)).await;
    bench.outsider().await.run("UPDATE tasks SET title = 'while away'").await;
    bench.store.close().await;
    let store = bench.harness.open(&declarations(), EntryLimits::default()).await.unwrap();
    assert_eq!(store.schema(), bench.store.schema());
    let bench = bench.reopened(store);
    assert_eq!(bench.head(&project(P)).await, head);
    assert_eq!(bench.stored_log(&project(P)).await, log);
    bench.number().await;
    assert_eq!(bench.after(&project(P), head).await.len(), 1);
    assert_eq!(bench.field(&project(P), "tasks", &text(id(1)), "title").await, text("while away"));
}
