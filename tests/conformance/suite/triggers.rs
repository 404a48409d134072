//! Triggers of people's own that do something else than what was asked for.

use rowcast_protocol::{Change, ChannelName, ErrorCode, Value};

use crate::{
    bench::{Bench, tale, text},
    harness::Harness,
};

const DECLARED: &str = "
    [[tables]]
    name = \"papers\"
    channel = \"at:{place}\"
    insert = \"editor\"
    update = \"editor\"
    delete = \"editor\"";

fn here() -> ChannelName {
    ChannelName::new("at:here").unwrap()
}

/// Seven papers, `a` to `g`.
async fn papers<H: Harness>() -> Bench<H> {
    let bench = Bench::<H>::with_tables(H::PAPERS, DECLARED).await;
    let rows = "('a'), ('b'), ('c'), ('d'), ('e'), ('f'), ('g')".replace(')', ", 'here', 'old')");
    bench.outside(&format!("INSERT INTO papers (slug, place, title) VALUES {rows}")).await;
    bench
}

const SLUGS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// Who did each change of the newest entry that was announced: every edit of the batch, in order.
async fn each_names_its_edit<H: Harness>(bench: &Bench<H>) {
    let entry = bench.last_stored(&here()).await;
    for change in &entry.changes {
        assert!(change.edit().is_some(), "{change:?} is nobody's");
    }
}

/// What the triggers left behind.
async fn trail<H: Harness>(bench: &Bench<H>, count: usize) {
    let same = format!(
        "INSERT INTO papers (slug, place) SELECT 'z', NULL WHERE (SELECT count(*) FROM trail) <> {count}"
    );
    bench.outsider().await.run(&same).await;
}

pub(crate) async fn a_delete_that_a_trigger_turns_into_a_mark_is_accepted<H: Harness>() {
    let bench = papers::<H>().await;
    let delete = |slug: &str| bench.delete("papers", &text(slug));
    bench.applies("ada", &here(), vec![delete("a")]).await;
    assert_eq!(tale(&bench.last(&here()).await), [r#"update papers "a" {"gone":true} by 0"#]);
    each_names_its_edit(&bench).await;
    let edits: Vec<_> =
        SLUGS[1..].iter().map(|slug| bench.edit("ada", &here(), vec![delete(slug)])).collect();
    for outcome in bench.commit(&edits).await.outcomes {
        outcome.unwrap();
    }
    each_names_its_edit(&bench).await;
    for slug in SLUGS {
        assert_eq!(bench.field(&here(), "papers", &text(slug), "gone").await, Value::Bool(true));
    }
    bench.log_gives_the_rows(&here()).await;
}

pub(crate) async fn deletes_of_what_is_not_there_are_refused_beside_it<H: Harness>() {
    let bench = papers::<H>().await;
    let guard = [("title", text("other"))];
    let edits = [
        vec![bench.delete("papers", &text("a"))],
        vec![bench.delete("papers", &text("nowhere"))],
        vec![bench.delete_if("papers", &text("b"), &guard)],
        vec![bench.delete("papers", &text("c")), bench.delete("papers", &text("nowhere"))],
        vec![bench.delete_if("papers", &text("d"), &[("title", text("old"))])],
    ];
    let alone = papers::<H>().await;
    let mut expected = Vec::new();
    for ops in &edits {
        expected.push(alone.tries("ada", &here(), ops.clone()).await.map(drop).map_err(|e| e.code));
    }
    let edits = edits.map(|ops| bench.edit("ada", &here(), ops));
    let outcomes = bench.commit(&edits).await.outcomes;
    let codes: Vec<_> = outcomes.into_iter().map(|o| o.map(drop).map_err(|e| e.code)).collect();
    let missing = Err(ErrorCode::NotFound);
    assert_eq!(codes, [Ok(()), missing, Err(ErrorCode::GuardFailed), missing, Ok(())]);
    assert_eq!(codes, expected, "alone each has the same outcome");
    for (slug, gone) in [("a", true), ("b", false), ("c", false), ("d", true)] {
        let is = bench.field(&here(), "papers", &text(slug), "gone").await;
        assert_eq!(is == Value::Bool(true), gone, "{slug}");
    }
    bench.log_gives_the_rows(&here()).await;
}

pub(crate) async fn an_update_that_a_trigger_leaves_out_is_accepted<H: Harness>() {
    let bench = papers::<H>().await;
    let set = |slug: &str, title: &str| bench.set("papers", &text(slug), &[("title", text(title))]);
    let head = bench.head(&here()).await;
    let applied = bench.applies("ada", &here(), vec![set("a", "frozen")]).await;
    assert_eq!(applied.seq, head.seq, "nothing changed");
    trail(&bench, 1).await;
    let titles = ["frozen", "new", "frozen", "new", "frozen", "new"];
    let edits = SLUGS.iter().zip(titles).map(|(slug, title)| vec![set(slug, title)]);
    let edits: Vec<_> = edits
        .chain([vec![set("nowhere", "frozen")], vec![set("g", "frozen"), set("g", "after")]])
        .map(|ops| bench.edit("ada", &here(), ops))
        .collect();
    let mut outcomes = bench.commit(&edits).await.outcomes;
    assert_eq!(outcomes.remove(6).unwrap_err().code, ErrorCode::NotFound);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    for (slug, title) in SLUGS.iter().zip(["old", "new", "old", "new", "old", "new", "after"]) {
        assert_eq!(bench.field(&here(), "papers", &text(*slug), "title").await, text(title));
    }
    trail(&bench, 5).await;
    bench.log_gives_the_rows(&here()).await;
}

pub(crate) async fn an_insert_that_a_trigger_leaves_out_is_refused_whole<H: Harness>() {
    let bench = papers::<H>().await;
    let make = |slug: &str, title: &str| {
        let fields = [("slug", text(slug)), ("place", text("here")), ("title", text(title))];
        bench.insert("papers", &fields)
    };
    let refused = bench.fails("ada", &here(), vec![make("u", "unwanted")]).await;
    assert_eq!(refused.code, ErrorCode::Refused);
    trail(&bench, 0).await;
    let edits = [("m", "fine"), ("n", "unwanted"), ("o", "fine"), ("p", "fine"), ("q", "unwanted")]
        .map(|(slug, title)| bench.edit("ada", &here(), vec![make(slug, title)]));
    let outcomes = bench.commit(&edits).await.outcomes;
    let codes = outcomes.iter().map(|outcome| outcome.as_ref().err().map(|error| error.code));
    let refused = Some(ErrorCode::Refused);
    assert_eq!(codes.collect::<Vec<_>>(), [None, refused, None, None, refused]);
    trail(&bench, 0).await;
    bench.log_gives_the_rows(&here()).await;
}

pub(crate) async fn a_key_that_a_trigger_changes_is_its_edit_s<H: Harness>() {
    let bench = papers::<H>().await;
    let make =
        |slug: &str| bench.insert("papers", &[("slug", text(slug)), ("place", text("here"))]);
    bench.applies("ada", &here(), vec![make("ONE")]).await;
    each_names_its_edit(&bench).await;
    let edits: Vec<_> = ["Two", "three", "FOUR", "fIVE", "six"]
        .into_iter()
        .map(|slug| bench.edit("ada", &here(), vec![make(slug)]))
        .collect();
    let committed = bench.commit(&edits).await;
    assert!(committed.outcomes.iter().all(Result::is_ok), "{:?}", committed.outcomes);
    each_names_its_edit(&bench).await;
    let entry = bench.last_stored(&here()).await;
    for (slug, edit) in ["two", "three", "four", "five", "six"].iter().zip(&edits) {
        let made = entry.changes.iter().rev().find_map(|change| match change {
            Change::Insert(row) if row.key == text(*slug) => row.edit,
            _ => None,
        });
        let place = usize::try_from(made.unwrap()).unwrap();
        assert_eq!(entry.edits[place].id, edit.id, "{slug}");
    }
    bench.log_gives_the_rows(&here()).await;
}
