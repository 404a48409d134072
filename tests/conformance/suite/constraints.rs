//! Constraints: what breaks them is named, and nobody else is harmed.

use rowcast::store::{CheckedOp, EditError, fold::EntryLimits};
use rowcast_protocol::{ErrorCode, Value};

use crate::{
    bench::{Bench, P, board, declarations_with, id, project, tale, text},
    harness::Harness,
};

fn card(key: i64) -> [(&'static str, Value); 3] {
    [("id", Value::Int(key)), ("board", text("b")), ("title", text("new"))]
}

/// An operation for each kind of constraint, with the code, field and constraint expected.
fn broken<H: Harness>(
    bench: &Bench<H>,
) -> Vec<(CheckedOp, ErrorCode, Option<&'static str>, Option<&'static str>)> {
    let [key, board, title] = card(9);
    let with = |field| bench.insert("cards", &[key.clone(), board.clone(), title.clone(), field]);
    let one = Value::Int(1);
    vec![
        (bench.insert("cards", &card(1)), ErrorCode::Unique, None, Some("cards_pkey")),
        (with(("slug", text("one"))), ErrorCode::Unique, None, Some("cards_slug_key")),
        (
            with(("count", Value::Int(-1))),
            ErrorCode::Check,
            Some("count"),
            Some("cards_count_check"),
        ),
        (with(("parent", Value::Int(77))), ErrorCode::ForeignKey, None, Some("cards_parent_fkey")),
        (
            bench.insert("cards", &[key.clone(), board.clone()]),
            ErrorCode::NotNull,
            Some("title"),
            None,
        ),
        (
            bench.set("cards", &one, &[("slug", text("two"))]),
            ErrorCode::Unique,
            None,
            Some("cards_slug_key"),
        ),
        (
            bench.set("cards", &one, &[("count", Value::Int(-5))]),
            ErrorCode::Check,
            Some("count"),
            Some("cards_count_check"),
        ),
        (
            bench.set("cards", &one, &[("parent", Value::Int(78))]),
            ErrorCode::ForeignKey,
            None,
            Some("cards_parent_fkey"),
        ),
    ]
}

const CARDS: &str = "INSERT INTO cards(id, board, title, slug) VALUES (1, 'b', 'one', 'one'), (2, 'b', 'two', 'two')";

#[track_caller]
fn names(error: &EditError, code: ErrorCode, field: Option<&str>, constraint: Option<&str>) {
    assert_eq!(error.code, code, "{error:?}");
    assert_eq!(error.table.as_deref(), Some("cards"), "{error:?}");
    assert_eq!(error.constraint.as_deref(), constraint, "{error:?}");
    if field.is_some() {
        assert_eq!(error.field.as_deref(), field, "{error:?}");
    }
}

pub(crate) async fn each_broken_constraint_is_named<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(CARDS).await;
    for (op, code, field, constraint) in broken(&bench) {
        let fine = bench.set("cards", &Value::Int(2), &[("title", text("fine"))]);
        let error = bench.fails("ada", &board("b"), vec![fine, op]).await;
        names(&error, code, field, constraint);
        assert_eq!(error.op, Some(1), "{error:?}");
    }
    let error = bench
        .fails(
            "ada",
            &project(P),
            vec![bench.insert("tasks", &[("project_id", text(P)), ("title", text(""))])],
        )
        .await;
    assert_eq!(
        (error.code, error.constraint.as_deref(), error.field.as_deref()),
        (ErrorCode::Check, Some("tasks_title_check"), Some("title"))
    );
    assert_eq!(
        error.message,
        "`title` cannot have this value: the check `tasks_title_check` of the table forbids it"
    );
}

/// Tables whose checks have no names, or several columns, or the same text as another's.
const CHECKED: &str = "
    CREATE TABLE twins (id BIGINT PRIMARY KEY, title TEXT CHECK (length(title) > 1));
    CREATE TABLE checked (
        id BIGINT PRIMARY KEY, board TEXT NOT NULL,
        title TEXT CHECK (length(title) > 1) CHECK (title <> 'no'), low BIGINT, high BIGINT,
        CHECK (low < high), CONSTRAINT \"low enough\" CHECK (low < 100),
        CONSTRAINT kinds_of_titles CHECK (title IN ('aa', 'bb', 'no') OR title IS NULL));";

/// A table whose every row breaks a check of a column that nobody sees, and one with a column whose
/// name only begins with that of a hidden one.
const HUSHED: &str = "
    CREATE TABLE hushed (
        id BIGINT PRIMARY KEY, board TEXT NOT NULL, title TEXT,
        quiet TEXT DEFAULT 'x' CHECK (quiet <> 'x'));
    CREATE TABLE nights (
        id BIGINT PRIMARY KEY, board TEXT NOT NULL, quiet TEXT,
        quiet_hour TEXT CHECK (quiet_hour <> 't'));";

const HUSHED_LIVE: &str = r#"
[[tables]]
name = "hushed"
channel = "board:{board}"
insert = "editor"
hidden = ["quiet"]

[[tables]]
name = "nights"
channel = "board:{board}"
insert = "editor"
hidden = ["quiet"]
"#;

const CHECKED_LIVE: &str = r#"
[[tables]]
name = "checked"
channel = "board:{board}"
insert = "editor"
"#;

pub(crate) async fn a_broken_check_names_its_only_column<H: Harness>() {
    let bench = Bench::<H>::with_tables(CHECKED, CHECKED_LIVE).await;
    for (field, value, name, told) in [
        ("title", text("a"), "checked_title_check", Some("title")),
        ("title", text("no"), "checked_title_check1", Some("title")),
        ("title", text("else"), "kinds_of_titles", Some("title")),
        ("low", Value::Int(100), "low enough", Some("low")),
        ("low", Value::Int(9), "checked_check", None),
    ] {
        let mut row = vec![("id", Value::Int(1)), ("board", text("b")), (field, value)];
        if name == "checked_check" {
            row.push(("high", Value::Int(2)));
        }
        let op = bench.insert("checked", &row);
        let error = bench.fails("ada", &board("b"), vec![op]).await;
        assert_eq!(error.code, ErrorCode::Check, "{error:?}");
        assert_eq!(error.table.as_deref(), Some("checked"), "{error:?}");
        assert_eq!(error.constraint.as_deref(), Some(name), "{error:?}");
        assert_eq!(error.field.as_deref(), told, "{error:?}");
    }
}

pub(crate) async fn a_broken_check_does_not_tell_of_a_hidden_column<H: Harness>() {
    let bench = Bench::<H>::with_tables(HUSHED, HUSHED_LIVE).await;
    let row = |field| [("id", Value::Int(1)), ("board", text("b")), (field, text("t"))];
    let op = bench.insert("hushed", &row("title"));
    let error = bench.fails("ada", &board("b"), vec![op]).await;
    assert_eq!((error.code, error.table.as_deref()), (ErrorCode::Check, Some("hushed")));
    assert_eq!((&error.field, &error.constraint), (&None, &None));
    assert_eq!(error.message, "a check of the table forbids it");
    let op = bench.insert("nights", &row("quiet_hour"));
    let error = bench.fails("ada", &board("b"), vec![op]).await;
    assert_eq!(error.field.as_deref(), Some("quiet_hour"));
    assert_eq!(error.constraint.as_deref(), Some("nights_quiet_hour_check"));
}

const SAME: &str = "
    CREATE TABLE same (
        id BIGINT PRIMARY KEY, board TEXT NOT NULL, title TEXT,
        secret TEXT DEFAULT 'x', other_secret TEXT DEFAULT 'x',
        UNIQUE (secret));
    CREATE UNIQUE INDEX both_of_them ON same (title, other_secret);";

const SAME_LIVE: &str = r#"
[[tables]]
name = "same"
channel = "board:{board}"
insert = "editor"
update = "editor"
hidden = ["secret", "other_secret"]
"#;

pub(crate) async fn a_value_that_must_be_unique_does_not_tell_of_a_hidden_column<H: Harness>() {
    let bench = Bench::<H>::with_tables(SAME, SAME_LIVE).await;
    let row = |id| [("id", Value::Int(id)), ("board", text("b")), ("title", text("t"))];
    bench.applies("ada", &board("b"), vec![bench.insert("same", &row(1))]).await;
    let insert = bench.edit("ada", &board("b"), vec![bench.insert("same", &row(2))]);
    let error = bench.commit(std::slice::from_ref(&insert)).await.outcomes.remove(0).unwrap_err();
    assert_eq!(error.code, ErrorCode::Unique);
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    bench.outside("INSERT INTO same VALUES (3, 'b', 'u', 'y', 'x')").await;
    let title = [("title", text("u"))];
    let error =
        bench.fails("ada", &board("b"), vec![bench.set("same", &Value::Int(1), &title)]).await;
    assert_eq!(error.code, ErrorCode::Unique);
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let again = bench.commit(&[insert]).await.outcomes.remove(0).unwrap_err();
    assert!(!format!("{again:?}").contains("secret"), "{again:?}");
}

const DIARY: &str =
    "CREATE TABLE diary (id BIGINT PRIMARY KEY, board TEXT NOT NULL, n BIGINT, thought TEXT);";

const DIARY_LIVE: &str = r#"
[[tables]]
name = "diary"
channel = "board:{board}"
insert = "editor"
update = "editor"
delete = "editor"
"#;

pub(crate) async fn what_is_hidden_later_is_told_by_nothing<H: Harness>() {
    let bench = Bench::<H>::with_tables(DIARY, DIARY_LIVE).await;
    let (channel, key) = (board("b"), Value::Int(1));
    let row = [
        ("id", key.clone()),
        ("board", text("b")),
        ("n", Value::Int(1)),
        ("thought", text("mine 1")),
    ];
    bench.applies("ada", &channel, vec![bench.insert("diary", &row)]).await;
    let set = [("n", Value::Int(2)), ("thought", text("mine 2"))];
    bench.applies("ada", &channel, vec![bench.set("diary", &key, &set)]).await;
    let guarded = bench.set_if("diary", &key, &set, &[("n", Value::Int(9))]);
    let refused = bench.edit("ada", &channel, vec![guarded]);
    assert!(bench.commit(std::slice::from_ref(&refused)).await.outcomes[0].is_err());
    bench.applies("ada", &channel, vec![bench.delete("diary", &key)]).await;

    let declared = declarations_with(&format!("{DIARY_LIVE}hidden = [\"thought\"]"));
    bench.harness.migrate(&declared).await.unwrap();
    let store = bench.harness.open(&declared, EntryLimits::default()).await.unwrap();
    let bench = bench.reopened(store);
    let log = bench.log(&channel).await;
    let schema = bench.store.schema();
    let (_, table) = schema.table("diary", "board").unwrap();
    let past = bench.store.history(&channel, table, &[key], None, 50).await.unwrap();
    let mut told = format!("{log:?} {past:?}");
    for entry in &log {
        let found = bench.store.entry(&channel, entry.seq).await.unwrap().unwrap();
        told += &format!("{found:?}");
    }
    told += &format!("{:?}", bench.store.outcome(&refused).await.unwrap());
    assert!(
        told.contains("diary") && !told.contains("mine") && !told.contains("thought"),
        "{told}"
    );
}

pub(crate) async fn a_bad_edit_harms_no_neighbour<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(CARDS).await;
    let (mut edits, mut expected) = (Vec::new(), Vec::new());
    for (n, (op, code, field, constraint)) in broken(&bench).into_iter().enumerate() {
        let key = 100 + i64::try_from(n).unwrap();
        edits.push(bench.edit("ada", &board("b"), vec![bench.insert("cards", &card(key))]));
        edits.push(bench.edit("ben", &board("b"), vec![op]));
        expected.push((code, field, constraint));
    }
    let committed = bench.commit(&edits).await;
    for (pair, (code, field, constraint)) in committed.outcomes.chunks(2).zip(expected) {
        assert!(pair[0].is_ok(), "{pair:?}");
        names(pair[1].as_ref().unwrap_err(), code, field, constraint);
        assert_eq!(pair[1].as_ref().unwrap_err().op, Some(0));
    }
    let named: Vec<_> =
        bench.log(&board("b")).await.into_iter().flat_map(|entry| entry.edits).collect();
    assert_eq!(named.len(), 8);
    assert!(named.iter().all(|edit| edit.user == "ada"));
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn a_row_still_referred_to_stays<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(CARDS).await;
    bench.outside("UPDATE cards SET parent = 1 WHERE id = 2").await;
    let error = bench.fails("ada", &board("b"), vec![bench.delete("cards", &Value::Int(1))]).await;
    names(&error, ErrorCode::ForeignKey, None, Some("cards_parent_fkey"));
    assert_eq!(bench.order().await, [1, 2]);
}

pub(crate) async fn a_refused_edit_leaves_nothing<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "a task").await;
    let head = bench.head(&project(P)).await;
    let ops = vec![
        bench.set("tasks", &task, &[("title", text("changed"))]),
        bench.insert(
            "tasks",
            &[("id", text(id(2))), ("project_id", text(P)), ("title", text("new"))],
        ),
        bench.set("tasks", &task, &[("status", text("dreaming"))]),
    ];
    let error = bench.fails("ada", &project(P), ops).await;
    assert_eq!((error.code, error.op), (ErrorCode::Check, Some(2)));
    assert_eq!(bench.field(&project(P), "tasks", &task, "title").await, text("a task"));
    assert_eq!(bench.head(&project(P)).await, head);
    bench
        .applies("ada", &project(P), vec![bench.set("tasks", &task, &[("title", text("b"))])])
        .await;
    let told = tale(&bench.last(&project(P)).await);
    assert_eq!(told.len(), 1, "{told:?}");
}
