//! Rows refer to rows of their own channel, whoever asks for what.

use rowcast::store::{CheckedOp, Verdict, edit::FieldOps};
use rowcast_protocol::{ChannelName, ErrorCode, Value};

use crate::{
    bench::{Bench, Named, P, Q, board, declarations, id, project, tale, text},
    harness::Harness,
};

/// Places within places, and what is seen at them: references of every kind.
const PLACES: &str = "
    CREATE TABLE places (
        id BIGINT PRIMARY KEY, board TEXT NOT NULL, name TEXT UNIQUE,
        within BIGINT REFERENCES places (id) ON DELETE CASCADE);
    CREATE TABLE sights (
        id BIGINT PRIMARY KEY, board TEXT NOT NULL,
        place BIGINT REFERENCES places (id) ON DELETE SET NULL,
        named TEXT REFERENCES places (name) ON UPDATE CASCADE,
        origin BIGINT REFERENCES places (id) ON DELETE CASCADE);
    CREATE TABLE seats (hall TEXT, nr BIGINT, board TEXT NOT NULL, PRIMARY KEY (hall, nr));
    CREATE TABLE guests (
        id BIGINT PRIMARY KEY, board TEXT NOT NULL, hall TEXT DEFAULT 'big', nr BIGINT,
        FOREIGN KEY (hall, nr) REFERENCES seats (hall, nr));
    CREATE TABLE owners (id BIGINT PRIMARY KEY, board TEXT NOT NULL);
    CREATE TABLE things (
        id BIGINT PRIMARY KEY, board TEXT NOT NULL,
        owner BIGINT REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED);";

fn live() -> String {
    let tables = ["places", "sights", "seats", "guests", "owners", "things"].map(|name| {
        let across = if name == "sights" { "across = [\"origin\"]" } else { "" };
        format!(
            "[[tables]]\nname = \"{name}\"\nchannel = \"board:{{board}}\"\ninsert = \"editor\"\n\
             update = \"editor\"\ndelete = \"editor\"\n{across}\n"
        )
    });
    tables.concat()
}

/// Places 1 and 2 on the board `b`, 8 on the board `c`, each with a name, and a seat on each board.
const ROWS: &str = "
    INSERT INTO places (id, board, name) VALUES (1, 'b', 'one'), (2, 'b', 'two'), (8, 'c', 'eight');
    INSERT INTO seats VALUES ('big', 1, 'b'), ('small', 1, 'b'), ('big', 8, 'c'), ('small', 8, 'c');
    INSERT INTO owners VALUES (1, 'b'), (8, 'c');";

async fn places<H: Harness>() -> Bench<H> {
    let bench = Bench::<H>::with_tables(PLACES, &live()).await;
    bench.outside(ROWS).await;
    bench
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

/// The insertion of a row of the board `b` with one more field.
fn new<H: Harness>(bench: &Bench<H>, table: &str, key: i64, more: Named<'_>) -> CheckedOp {
    let mut fields = vec![("id", int(key)), ("board", text("b"))];
    fields.extend(more.iter().cloned());
    bench.insert(table, &fields)
}

pub(crate) async fn a_row_elsewhere_is_told_of_as_one_that_is_not_there<H: Harness>() {
    let bench = places::<H>().await;
    bench.outside("INSERT INTO sights (id, board) VALUES (5, 'b')").await;
    bench.outside("INSERT INTO guests (id, board, nr) VALUES (5, 'b', 1)").await;
    let five = int(5);
    let added =
        |by| FieldOps { inc: bench.columns("guests", &[("nr", int(by))]), ..FieldOps::default() };
    for (elsewhere, nowhere, field, constraint) in [
        (
            new(&bench, "places", 9, &[("within", int(8))]),
            new(&bench, "places", 9, &[("within", int(7))]),
            "within",
            "places_within_fkey",
        ),
        (
            new(&bench, "sights", 9, &[("named", text("eight"))]),
            new(&bench, "sights", 9, &[("named", text("seven"))]),
            "named",
            "sights_named_fkey",
        ),
        (
            bench.set("sights", &five, &[("place", int(8))]),
            bench.set("sights", &five, &[("place", int(7))]),
            "place",
            "sights_place_fkey",
        ),
        (
            new(&bench, "guests", 9, &[("nr", int(8))]),
            new(&bench, "guests", 9, &[("nr", int(7))]),
            "hall",
            "guests_hall_nr_fkey",
        ),
        (
            bench.change("guests", &five, added(7)),
            bench.change("guests", &five, added(6)),
            "hall",
            "guests_hall_nr_fkey",
        ),
    ] {
        let (elsewhere, nowhere) = (
            bench.fails("ada", &board("b"), vec![elsewhere]).await,
            bench.fails("ada", &board("b"), vec![nowhere]).await,
        );
        assert_eq!(elsewhere, nowhere);
        assert_eq!((elsewhere.code, elsewhere.op), (ErrorCode::ForeignKey, Some(0)));
        assert_eq!(elsewhere.field.as_deref(), Some(field));
        assert_eq!(elsewhere.constraint.as_deref(), Some(constraint));
    }
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn rows_of_one_channel_refer_to_each_other<H: Harness>() {
    let bench = places::<H>().await;
    let edits = vec![
        vec![new(&bench, "places", 3, &[]), new(&bench, "places", 4, &[("within", int(3))])],
        vec![new(&bench, "places", 5, &[("within", int(5))])],
        vec![new(&bench, "things", 3, &[("owner", int(3))]), new(&bench, "owners", 3, &[])],
        vec![new(&bench, "guests", 3, &[("nr", int(1))])],
        vec![bench.set("guests", &int(3), &[("hall", text("small"))])],
        vec![bench.set("places", &int(4), &[("within", Value::Null)])],
    ];
    for ops in &edits {
        bench.applies("ada", &board("b"), ops.clone()).await;
    }
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn among_many_edits_those_that_lead_elsewhere_are_refused<H: Harness>() {
    let bench = places::<H>().await;
    let mut edits = Vec::new();
    for n in 0..40 {
        let (channel, home, away) = if n % 2 == 0 { ("b", 1, 8) } else { ("c", 8, 1) };
        let place = if n % 5 == 3 { away } else { home };
        let fields = [("id", int(100 + n)), ("board", text(channel)), ("place", int(place))];
        edits.push(bench.edit("ada", &board(channel), vec![bench.insert("sights", &fields)]));
    }
    let outcomes = bench.commit(&edits).await.outcomes;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.is_err(), n % 5 == 3, "{n}: {outcome:?}");
    }
    // A parent and its child that come in one batch, made and changed by edits of their own.
    let ops = [
        new(&bench, "places", 50, &[]),
        new(&bench, "places", 51, &[("within", int(50))]),
        bench.set("places", &int(51), &[("within", int(8))]),
        bench.set("places", &int(51), &[("within", int(2))]),
        bench.delete("places", &int(50)),
    ];
    let edits = ops.map(|op| bench.edit("ada", &board("b"), vec![op]));
    let outcomes = bench.commit(&edits).await.outcomes;
    let passed: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(passed, [true, true, false, true, true], "{outcomes:?}");
    bench.log_gives_the_rows(&board("b")).await;
    bench.log_gives_the_rows(&board("c")).await;
}

pub(crate) async fn a_row_moves_alone_or_not_at_all<H: Harness>() {
    let bench = places::<H>().await;
    bench.applies("ada", &board("b"), vec![new(&bench, "sights", 1, &[("place", int(1))])]).await;
    let away = |table, key| bench.move_to(table, &int(key), &board("c"), text("c"));
    let error = bench.fails("ada", &board("b"), vec![away("sights", 1)]).await;
    assert_eq!(error.code, ErrorCode::ForeignKey);
    assert_eq!((error.table.as_deref(), error.field.as_deref()), (Some("sights"), Some("place")));
    let error = bench.fails("ada", &board("b"), vec![away("places", 1)]).await;
    assert_eq!(error.constraint.as_deref(), Some("sights_place_fkey"));
    // Whoever comes first in a batch is right.
    let refers =
        bench.edit("ada", &board("b"), vec![new(&bench, "sights", 2, &[("place", int(2))])]);
    let goes = bench.edit("ada", &board("b"), vec![away("places", 2)]);
    let outcomes = bench.commit(&[refers, goes]).await.outcomes;
    assert!(outcomes[0].is_ok() && outcomes[1].is_err(), "{outcomes:?}");
    let clears = bench.set("sights", &int(1), &[("place", Value::Null)]);
    bench.applies("ada", &board("b"), vec![clears]).await;
    bench.applies("ada", &board("b"), vec![away("places", 1)]).await;
    let late = vec![new(&bench, "sights", 3, &[("place", int(1))])];
    assert_eq!(bench.fails("ada", &board("b"), late).await.code, ErrorCode::ForeignKey);
    bench.log_gives_the_rows(&board("b")).await;
    bench.log_gives_the_rows(&board("c")).await;
}

pub(crate) async fn who_moves_a_row_and_who_refers_to_it_do_not_pass_each_other<H: Harness>() {
    let bench = places::<H>().await;
    for n in 0..12_i64 {
        let key = 200 + n;
        bench.applies("ada", &board("b"), vec![new(&bench, "places", key, &[])]).await;
        let to = bench.move_to("places", &int(key), &board("c"), text("c"));
        let goes = bench.edit("ada", &board("b"), vec![to]);
        let sight = new(&bench, "sights", key, &[("place", int(key))]);
        let refers = bench.edit("ben", &board("b"), vec![sight]);
        let (goes, refers) = ([goes], [refers]);
        let (goes, refers) = tokio::join!(bench.store.commit(&goes), bench.store.commit(&refers));
        let done = [goes, refers].map(Result::unwrap);
        let passed = [&done[0], &done[1]].map(|done| done.outcomes[0].is_ok());
        let mut appended: Vec<_> = done.into_iter().flat_map(|done| done.appended).collect();
        appended.sort_by_key(|appended| appended.entries[0].entry.seq);
        bench.remember(&appended);
        assert_eq!(passed.iter().filter(|passed| **passed).count(), 1, "{passed:?}");
    }
}

pub(crate) async fn a_deletion_takes_no_row_of_another_channel_along<H: Harness>() {
    let bench = places::<H>().await;
    // Somebody wrote what no edit could.
    bench
        .outside(
            "INSERT INTO places (id, board, within) VALUES (3, 'b', 2), (4, 'c', 3);
             INSERT INTO sights (id, board, place) VALUES (1, 'c', 1);
             INSERT INTO sights (id, board, named) VALUES (2, 'c', 'one');",
        )
        .await;
    let head = bench.head(&board("c")).await;
    for (op, table) in [
        (bench.delete("places", &int(1)), "sights"),
        (bench.delete("places", &int(2)), "places"),
        (bench.set("places", &int(1), &[("name", text("first"))]), "sights"),
    ] {
        let error = bench.fails("ada", &board("b"), vec![op.clone()]).await;
        assert_eq!(error.code, ErrorCode::ForeignKey, "{error:?}");
        assert_eq!(error.table.as_deref(), Some(table), "{error:?}");
        // Nor beside edits of the other channel.
        let fine = bench.set("places", &int(8), &[("within", Value::Null)]);
        let fine = bench.edit("ada", &board("c"), vec![fine]);
        let wrong = bench.edit("ada", &board("b"), vec![op]);
        let outcomes = bench.commit(&[wrong, fine]).await.outcomes;
        assert!(outcomes[0].is_err() && outcomes[1].is_ok(), "{outcomes:?}");
    }
    assert_eq!(bench.head(&board("c")).await, head);
    let found = bench.store.examine().await.unwrap();
    let of = |name: &str| {
        let found =
            found.iter().filter(|finding| finding.subject == format!("references of {name}"));
        found.map(|finding| (finding.verdict, &finding.detail)).collect::<Vec<_>>()
    };
    assert!(
        of("places")[0].0 == Verdict::Doubtful && of("places")[0].1.starts_with("1 rows refer")
    );
    assert_eq!(of("sights").len(), 2);
    assert!(
        of("guests")[0].0 == Verdict::Good && of("guests")[0].1.contains("(\"board\", \"hall\"")
    );
    bench
        .outside("UPDATE sights SET board = 'b', named = NULL; UPDATE places SET board = 'b' WHERE id = 4")
        .await;
    for key in [1, 2] {
        bench.applies("ada", &board("b"), vec![bench.delete("places", &int(key))]).await;
    }
    bench.log_gives_the_rows(&board("b")).await;
}

pub(crate) async fn what_is_declared_to_go_across_does<H: Harness>() {
    let bench = places::<H>().await;
    bench.applies("ada", &board("b"), vec![new(&bench, "sights", 1, &[("origin", int(8))])]).await;
    let from = bench.set("sights", &int(1), &[("origin", int(1)), ("place", int(1))]);
    bench.applies("ada", &board("b"), vec![from]).await;
    let both = bench.set("sights", &int(1), &[("origin", int(8)), ("place", int(8))]);
    let error = bench.fails("ada", &board("b"), vec![both]).await;
    assert_eq!(error.field.as_deref(), Some("place"));
}

pub(crate) async fn what_is_checked_late_is_checked_for_whoever_comes_late<H: Harness>() {
    let bench = places::<H>().await;
    let owned = |channel: &str, key: i64, owner: i64| {
        let fields = [("id", int(key)), ("board", text(channel)), ("owner", int(owner))];
        bench.edit("ada", &board(channel), vec![bench.insert("things", &fields)])
    };
    let owner = |channel: &str, key: i64| {
        let fields = [("id", int(key)), ("board", text(channel))];
        bench.edit("ben", &board(channel), vec![bench.insert("owners", &fields)])
    };
    let outcomes =
        bench.commit(&[owned("b", 1, 8), owned("b", 2, 7), owner("c", 7)]).await.outcomes;
    let found: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(found[..2], [false, false], "{outcomes:?}");
    let pairs =
        "SELECT count(*) FROM things t JOIN owners o ON o.id = t.owner WHERE o.board <> t.board";
    let mut outsider = bench.outsider().await;
    outsider.run("CREATE TABLE none (n BIGINT CHECK (n = 0))").await;
    outsider.run(&format!("INSERT INTO none {pairs}")).await;
}

/// The channel of a person.
fn person(user: &str) -> ChannelName {
    ChannelName::new(&format!("user:{user}")).unwrap()
}

/// How many notifications somebody has.
async fn notified<H: Harness>(bench: &Bench<H>, user: &str) -> usize {
    let rows = bench.rows(&person(user)).await.rows;
    rows.keys().filter(|(table, _)| table == "notifications").count()
}

/// A person who is a member of nothing but Q, and a task of Q that is hers.
const DORA: &str = "
    INSERT INTO users (id, name) VALUES ('dora', 'Dora');
    INSERT INTO members (project_id, user_id, role) VALUES ('22222222-0000-4000-8000-000000000002', 'dora', 'owner');
    INSERT INTO tasks (id, project_id, title, assignee, created_by) VALUES
        ('aaaaaaaa-0000-4000-8000-000000000009', '22222222-0000-4000-8000-000000000002', 'hers', 'dora', 'dora');";

pub(crate) async fn a_task_names_nobody_and_nothing_of_another_project<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    bench.outside(DORA).await;
    let task = bench.task(1, "of P").await;
    let hers = text(id(9));
    let comment = |task: &Value| {
        let fields = [
            ("project_id", text(P)),
            ("task_id", task.clone()),
            ("author", text("ada")),
            ("body", text("for you, @dora")),
        ];
        bench.insert("comments", &fields)
    };
    for (op, constraint, field) in [
        (
            bench.set("tasks", &task, &[("assignee", text("dora"))]),
            "tasks_assignee_fkey",
            "assignee",
        ),
        (
            bench.set("tasks", &task, &[("assignee", text("nobody"))]),
            "tasks_assignee_fkey",
            "assignee",
        ),
        (
            bench.set("tasks", &task, &[("parent_id", hers.clone())]),
            "tasks_parent_id_fkey",
            "parent_id",
        ),
        (comment(&hers), "comments_task_id_fkey", "task_id"),
        (comment(&text(id(77))), "comments_task_id_fkey", "task_id"),
    ] {
        let error = bench.fails("ada", &project(P), vec![op]).await;
        assert_eq!(error.code, ErrorCode::ForeignKey, "{error:?}");
        assert_eq!(error.constraint.as_deref(), Some(constraint), "{error:?}");
        assert_eq!(error.field.as_deref(), Some(field), "{error:?}");
    }
    bench.applies("ada", &project(P), vec![comment(&task)]).await;
    bench.number().await;
    assert_eq!(notified(&bench, "dora").await, 0);
    let plain =
        format!("UPDATE tasks SET assignee = 'dora', updated_by = 'cron' WHERE id = '{}'", id(1));
    assert!(bench.outsider().await.try_run(&plain).await.is_err());
}

pub(crate) async fn a_task_that_moves_takes_its_steps_and_comments_along<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let (task, step) = (bench.task(1, "whole").await, bench.task(2, "step").await);
    bench
        .outside(&format!(
            "UPDATE tasks SET parent_id = '{0}' WHERE id = '{1}';
             INSERT INTO comments (project_id, task_id, body) VALUES ('{P}', '{1}', 'fine')",
            id(1),
            id(2)
        ))
        .await;
    let away = |task| bench.move_to("tasks", task, &project(Q), text(Q));
    let error = bench.fails("ada", &project(P), vec![away(&step)]).await;
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::ForeignKey, Some("parent_id")));
    bench.applies("ada", &project(P), vec![away(&task)]).await;
    bench.number().await;
    assert_eq!(tale(&bench.last(&project(P)).await).len(), 3);
    let rows = bench.rows(&project(Q)).await.rows;
    let here = |table: &str| rows.keys().filter(|(name, _)| name == table).count();
    assert_eq!((here("tasks"), here("comments")), (2, 1));
    assert_eq!(bench.field(&project(Q), "tasks", &step, "parent_id").await, task);
    bench.log_gives_the_rows(&project(P)).await;
    bench.log_gives_the_rows(&project(Q)).await;
}

pub(crate) async fn who_leaves_a_project_has_nothing_of_it_any_more<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let task = bench.task(1, "t").await;
    bench.task(2, "untouched").await;
    let assign =
        bench.set("tasks", &task, &[("assignee", text("ben")), ("updated_by", text("ada"))]);
    bench.applies("ada", &project(P), vec![assign]).await;
    let elsewhere = format!(
        "INSERT INTO notifications (user_id, kind, project_id, body) VALUES ('ben', 'added', '{Q}', 'Q')"
    );
    bench.outside(&elsewhere).await;
    assert_eq!(notified(&bench, "ben").await, 2);
    bench
        .outside(&format!("DELETE FROM members WHERE user_id = 'ben' AND project_id = '{P}'"))
        .await;
    assert_eq!(notified(&bench, "ben").await, 1);
    assert_eq!(bench.field(&project(P), "tasks", &task, "assignee").await, Value::Null);
    assert_eq!(bench.field(&project(P), "tasks", &task, "updated_by").await, text("ada"));
    for channel in [project(P), person("ben")] {
        bench.log_gives_the_rows(&channel).await;
    }
    bench.outside("DELETE FROM users WHERE id = 'ben'").await;
    bench.outside(&format!("DELETE FROM projects WHERE id = '{P}'")).await;
    assert_eq!(bench.rows(&project(P)).await.rows.len(), 0);
    bench.log_gives_the_rows(&project(P)).await;
}

/// Rows that lead out of their projects, as an older program let people write them.
const LED_OUT: &str = "
    INSERT INTO users (id, name) VALUES ('ada', 'Ada'), ('eve', 'Eve');
    INSERT INTO projects (id, name) VALUES
        ('11111111-0000-4000-8000-000000000001', 'P'), ('22222222-0000-4000-8000-000000000002', 'Q');
    INSERT INTO members (project_id, user_id, name, role) VALUES
        ('11111111-0000-4000-8000-000000000001', 'ada', 'Ada', 'owner'),
        ('22222222-0000-4000-8000-000000000002', 'eve', 'Eve', 'owner');
    ALTER TABLE tasks ADD COLUMN estimate INTEGER;
    CREATE INDEX tasks_estimate ON tasks (estimate);
    CREATE TABLE bookings (task UUID REFERENCES tasks (id) ON DELETE CASCADE);
    INSERT INTO tasks (id, project_id, parent_id, title, assignee, estimate) VALUES
        ('aaaaaaaa-0000-4000-8000-000000000001', '11111111-0000-4000-8000-000000000001', NULL, 'p', 'ada', 7);
    INSERT INTO tasks (id, project_id, parent_id, title, assignee) VALUES
        ('aaaaaaaa-0000-4000-8000-000000000002', '22222222-0000-4000-8000-000000000002',
            'aaaaaaaa-0000-4000-8000-000000000001', 'q', 'ada'),
        ('aaaaaaaa-0000-4000-8000-000000000003', '22222222-0000-4000-8000-000000000002',
            'aaaaaaaa-0000-4000-8000-000000000002', 'r', 'eve');
    INSERT INTO bookings VALUES ('aaaaaaaa-0000-4000-8000-000000000001');
    INSERT INTO comments (project_id, task_id, body) VALUES
        ('11111111-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000002', 'stayed behind'),
        ('11111111-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000001', 'at home');";

pub(crate) async fn a_database_whose_rows_lead_out_is_upgraded<H: Harness>() {
    let harness = H::create().await;
    harness.older().await;
    harness.outsider().await.run(LED_OUT).await;
    harness.outsider().await.run(H::TABLES).await;
    harness.migrate(&declarations()).await.unwrap();
    let bench = Bench::on(harness, &declarations()).await;
    let task = |n| text(id(n));
    assert_eq!(bench.field(&project(P), "tasks", &task(1), "assignee").await, text("ada"));
    assert_eq!(bench.field(&project(P), "tasks", &task(1), "estimate").await, int(7));
    assert_eq!(bench.field(&project(Q), "tasks", &task(2), "parent_id").await, Value::Null);
    assert_eq!(bench.field(&project(Q), "tasks", &task(2), "assignee").await, Value::Null);
    assert_eq!(bench.field(&project(Q), "tasks", &task(3), "parent_id").await, task(2));
    assert_eq!(bench.field(&project(Q), "tasks", &task(3), "assignee").await, text("eve"));
    let comments = |rows: &crate::bench::Replica| {
        rows.rows.keys().filter(|(table, _)| table == "comments").count()
    };
    assert_eq!(comments(&bench.rows(&project(P)).await), 1);
    assert_eq!(comments(&bench.rows(&project(Q)).await), 1);
    let mut outsider = bench.outsider().await;
    for wrong in [
        format!("UPDATE tasks SET parent_id = '{}' WHERE id = '{}'", id(1), id(2)),
        format!("UPDATE tasks SET assignee = 'eve' WHERE id = '{}'", id(1)),
        format!("UPDATE comments SET task_id = '{}'", id(1)),
    ] {
        assert!(outsider.try_run(&wrong).await.is_err(), "{wrong}");
    }
    outsider.run("CREATE TABLE few (n BIGINT CHECK (n = 1))").await;
    outsider.run("INSERT INTO few SELECT count(*) FROM bookings").await;
    bench.applies("eve", &project(Q), vec![bench.delete("tasks", &task(2))]).await;
    assert!(bench.row(&project(Q), "tasks", &task(3)).await.is_none());
}
