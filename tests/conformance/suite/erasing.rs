//! Erasing: what must be gone, and what must not.

use rowcast::store::{Erasure, ReadAfter, Verdict, erase::NOBODY};
use rowcast_protocol::{ChannelName, Cursor, reply::SnapshotReason};

use crate::{
    bench::{Bench, P, project, text},
    harness::Harness,
};

/// Every entry of a log with what it replaced, as text.
async fn whole_log<H: Harness>(bench: &Bench<H>, channel: &ChannelName) -> Vec<String> {
    let mut entries = Vec::new();
    for seq in 1..=bench.head(channel).await.seq {
        let past = bench.store.entry(channel, seq).await.unwrap();
        entries.push(format!("{:?}", past.expect("the log has no gaps")));
    }
    entries
}

async fn nothing_is_bad<H: Harness>(bench: &Bench<H>) {
    for finding in bench.store.examine().await.unwrap() {
        assert_ne!(finding.verdict, Verdict::Bad, "{finding:?}");
    }
}

/// That a reader who knows nothing yet, or what was before, takes a snapshot.
async fn the_beginning_needs_a_snapshot<H: Harness>(bench: &Bench<H>, channel: &ChannelName) {
    let start = Cursor { seq: 0, tag: 0, ..bench.head(channel).await };
    let read = bench.store.read_after(channel, start, 1 << 20).await.unwrap();
    assert_eq!(read, ReadAfter::Snapshot(SnapshotReason::Reset));
}

pub(crate) async fn a_person_goes_from_rows_log_and_outcomes<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside("UPDATE users SET name = 'Benjamin' WHERE id = 'ben'; UPDATE members SET name = 'Benjamin' WHERE user_id = 'ben'").await;
    let (mine, other) = (bench.task(1, "one").await, bench.task(2, "two").await);
    let change =
        [("title", text("by ben \"ben\"")), ("assignee", text("ben")), ("updated_by", text("ben"))];
    let edit = bench.edit("ben", &project(P), vec![bench.set("tasks", &mine, &change)]);
    bench.commit(std::slice::from_ref(&edit)).await;
    bench
        .applies("ada", &project(P), vec![bench.set("tasks", &other, &[("assignee", text("ben"))])])
        .await;
    let before = whole_log(&bench, &project(P)).await;
    assert!(before.iter().any(|entry| entry.contains("Benjamin")));

    let erased = bench.store.erase(&Erasure::Person("ben".to_owned())).await.unwrap();
    assert!(erased.rows >= 1 && erased.entries >= 3 && erased.outcomes == 1, "{erased:?}");
    let after = whole_log(&bench, &project(P)).await;
    assert!(after.len() > before.len(), "the removal itself is told");
    for entry in &after {
        assert!(!entry.contains("Benjamin") && !entry.contains("Text(\"ben\")"), "{entry}");
        assert!(!entry.contains("user: \"ben\""), "{entry}");
    }
    let row = bench.row(&project(P), "tasks", &mine).await.unwrap();
    assert_eq!(row.get("title"), Some(&text("by ben \"ben\"")), "what was written stays");
    assert!(row.get("assignee").unwrap().is_null() && row.get("updated_by").unwrap().is_null());
    let schema = bench.store.schema();
    let table = schema.tables.iter().find(|table| table.name == "tasks").unwrap();
    let key = std::slice::from_ref(&mine);
    let past = bench.store.history(&project(P), table, key, None, 50).await.unwrap().changes;
    assert!(past.iter().any(|change| change.user.as_deref() == Some(NOBODY)), "{past:?}");
    assert_eq!(bench.store.role(&project(P), "ben").await.unwrap(), None);
    assert_eq!(bench.store.person_name("ben").await.unwrap(), None);
    assert_eq!(bench.store.outcome(&edit).await.unwrap(), None);
    let own = ChannelName::new("user:ben").unwrap();
    for entry in whole_log(&bench, &own).await {
        assert!(entry.contains("changes: []"), "{entry}");
    }
    the_beginning_needs_a_snapshot(&bench, &project(P)).await;
    nothing_is_bad(&bench).await;
    let again = bench.store.erase(&Erasure::Person("ben".to_owned())).await.unwrap();
    assert_eq!((again.rows, again.entries, again.outcomes), (0, 0, 0));
    let on =
        bench.edit("ada", &project(P), vec![bench.set("tasks", &mine, &[("title", text("on"))])]);
    bench.store.commit(&[on]).await.unwrap().outcomes.remove(0).unwrap();
}

pub(crate) async fn the_past_of_a_row_goes_and_the_row_stays<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let (mine, other) = (bench.task(1, "first secret").await, bench.task(2, "two").await);
    for title in ["second secret", "plain"] {
        let both = vec![
            bench.set("tasks", &mine, &[("title", text(title))]),
            bench.set(
                "tasks",
                &other,
                &[("title", text(format!("beside {title}").replace("secret", "it")))],
            ),
        ];
        bench.applies("ada", &project(P), both).await;
    }
    let schema = bench.store.schema();
    let table = schema.tables.iter().find(|table| table.name == "tasks").unwrap();
    let what = Erasure::Past { table: table.clone(), key: vec![mine.clone()] };
    let erased = bench.store.erase(&what).await.unwrap();
    assert_eq!((erased.rows, erased.entries), (0, 3));
    for entry in whole_log(&bench, &project(P)).await {
        assert!(!entry.contains("secret"), "{entry}");
    }
    let history = |key| {
        let (bench, table) = (&bench, table);
        async move {
            let key = std::slice::from_ref(key);
            bench.store.history(&project(P), table, key, None, 50).await.unwrap().changes
        }
    };
    assert_eq!(history(&mine).await, []);
    assert_eq!(history(&other).await.len(), 3);
    let row = bench.row(&project(P), "tasks", &mine).await.unwrap();
    assert_eq!(row.get("title"), Some(&text("plain")));
    the_beginning_needs_a_snapshot(&bench, &project(P)).await;
    nothing_is_bad(&bench).await;
}
