//! Tables that somebody changes while others write them and no hub looks.

use rowcast_protocol::ChannelName;

use super::PgBench;
use crate::{
    bench::{board, declarations},
    harness::Harness as _,
    server::connect,
};

const NOTES: &str = "
    CREATE TABLE notes (nr bigint PRIMARY KEY, place text NOT NULL, title text, secret text, size integer);
    INSERT INTO notes VALUES (1, 'here', 'one', 'S3CRET', 1), (2, 'there', 'two', 'S3CRET', 2)";

const DECLARED: &str = "
    [[tables]]
    name = \"notes\"
    channel = \"at:{place}\"
    hidden = [\"secret\"]";

fn at(place: &str) -> ChannelName {
    ChannelName::new(&format!("at:{place}")).unwrap()
}

/// Notes with a log in two channels.
async fn notes() -> PgBench {
    let bench = PgBench::with_tables(NOTES, DECLARED).await;
    bench.outside("UPDATE notes SET title = title || '.'").await;
    bench
}

/// What a session does that prepared its statements before: none may fail.
const WRITES: [&str; 4] = ["EXECUTE ins(3)", "EXECUTE upd(1)", "EXECUTE upd_all", "EXECUTE del(3)"];

const PREPARED: &str = "
    PREPARE ins(bigint) AS INSERT INTO notes (nr, place) VALUES ($1, 'here');
    PREPARE upd(bigint) AS UPDATE notes SET secret = 'S3CRET' || $1 WHERE nr = $1;
    PREPARE upd_all AS UPDATE notes SET secret = 'S3CRET again';
    PREPARE del(bigint) AS DELETE FROM notes WHERE nr = $1;";

/// Changes of the table that leave these writes possible, and the name of the table afterwards.
const CHANGES: [(&str, bool); 12] = [
    ("ALTER TABLE notes DROP COLUMN title", true),
    ("ALTER TABLE notes RENAME COLUMN title TO heading", true),
    ("ALTER TABLE notes ALTER COLUMN title TYPE json USING NULL", true),
    ("ALTER TABLE notes ALTER COLUMN size TYPE text", true),
    ("ALTER TABLE notes ALTER COLUMN size TYPE point USING NULL", true),
    ("ALTER TABLE notes DROP COLUMN size, ADD COLUMN size integer", true),
    ("ALTER TABLE notes DROP CONSTRAINT notes_pkey, ALTER COLUMN nr TYPE numeric", true),
    ("ALTER TABLE notes ALTER COLUMN place DROP NOT NULL", false),
    ("ALTER TABLE notes ADD COLUMN rowcast_row text, ADD COLUMN rowcast_large text", false),
    ("ALTER TABLE notes ALTER COLUMN title SET DATA TYPE text COLLATE \"C\"", false),
    ("ALTER TYPE pg_catalog.int4 OWNER TO CURRENT_USER", false),
    ("CREATE DOMAIN named AS text; ALTER TABLE notes ALTER COLUMN place TYPE named", true),
];

#[tokio::test]
async fn writers_never_notice_that_a_table_was_changed() {
    for (change, marks) in CHANGES {
        let bench = notes().await;
        let mut pooled = bench.outsider().await;
        pooled.run(PREPARED).await;
        for sql in WRITES.iter().chain(&WRITES) {
            pooled.run(sql).await;
        }
        let mut repeatable = bench.outsider().await;
        repeatable.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT").await;
        bench.number().await;
        let before = bench.head(&at("here")).await;
        bench.outsider().await.run(change).await;
        for sql in WRITES {
            pooled.try_run(sql).await.unwrap_or_else(|error| panic!("{change}: {sql}: {error}"));
        }
        repeatable
            .try_run("UPDATE notes SET secret = 'x' WHERE false")
            .await
            .unwrap_or_else(|error| panic!("{change}: {error}"));
        repeatable.run("COMMIT").await;
        bench.number().await;
        let marked = bench.announced(&at("here")).entry;
        assert_eq!(marked.reset == ["notes"], marks, "{change}: {marked:?}");
        assert!(bench.head(&at("here")).await.seq > before.seq, "{change}");
    }
}

#[tokio::test]
async fn a_transaction_that_began_before_the_change_goes_on_too() {
    let bench = notes().await;
    let mut writer = bench.outsider().await;
    writer.run("UPDATE notes SET title = 'planned' WHERE nr = 1").await;
    bench.number().await;
    writer.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM members").await;
    bench.outsider().await.run("ALTER TABLE notes RENAME COLUMN title TO heading").await;
    writer.run("UPDATE notes SET size = 7 WHERE nr = 1; COMMIT").await;
    bench.number().await;
    assert_eq!(bench.last_stored(&at("here")).await.reset, ["notes"]);
}

#[tokio::test]
async fn only_channels_that_were_written_are_shown_anew() {
    let bench = notes().await;
    let elsewhere = bench.head(&at("there")).await;
    bench.outsider().await.run("ALTER TABLE notes DROP COLUMN title").await;
    bench.outside("UPDATE notes SET size = 5 WHERE place = 'here'").await;
    assert_eq!(bench.last_stored(&at("here")).await.reset, ["notes"]);
    assert_eq!(bench.head(&at("there")).await, elsewhere);
    bench.outside("UPDATE notes SET place = 'there'").await;
    assert_eq!(bench.last_stored(&at("there")).await.reset, ["notes"]);
}

#[tokio::test]
async fn without_the_channels_column_all_channels_of_the_kind_are_shown_anew() {
    for change in ["ALTER TABLE notes DROP COLUMN place", "ALTER TABLE notes RENAME TO sheets"] {
        let bench = notes().await;
        let cards = bench.head(&board("b")).await;
        bench.outsider().await.run(change).await;
        let table = if change.ends_with("sheets") { "sheets" } else { "notes" };
        let mut writer = bench.outsider().await;
        for n in 0..20 {
            writer.run(&format!("UPDATE {table} SET size = {n} WHERE nr = 1")).await;
        }
        bench.number().await;
        for place in ["here", "there"] {
            assert_eq!(bench.last_stored(&at(place)).await.reset, ["notes"]);
        }
        assert_eq!(bench.log(&board("b")).await.len(), 0, "{cards:?}");
    }
}

#[tokio::test]
async fn a_hidden_column_stays_hidden_under_any_name() {
    for change in [
        "ALTER TABLE notes RENAME COLUMN secret TO open",
        "ALTER TABLE notes RENAME COLUMN title TO was; ALTER TABLE notes RENAME COLUMN secret TO title",
        "ALTER TABLE notes DROP COLUMN title; ALTER TABLE notes RENAME COLUMN secret TO title",
        "ALTER TABLE notes DROP COLUMN title; ALTER TABLE notes RENAME COLUMN secret TO title;
         ALTER TABLE notes ADD COLUMN secret text",
    ] {
        let bench = notes().await;
        let mut pooled = bench.outsider().await;
        let writes = "
            UPDATE notes SET size = size + 1 WHERE nr = 1; UPDATE notes SET size = size + 1;
            UPDATE notes SET place = 'there' WHERE nr = 1; UPDATE notes SET place = 'here' WHERE nr = 1;
            INSERT INTO notes (nr, place) SELECT i, 'here' FROM generate_series(10, 1100) i;
            DELETE FROM notes WHERE nr > 9";
        pooled.run(writes).await;
        bench.outsider().await.run(change).await;
        let column = if change.contains("title") { "title" } else { "open" };
        pooled.run(writes).await;
        pooled
            .run(&format!("UPDATE notes SET {column} = 'S3CRET too', size = 0; DELETE FROM notes"))
            .await;
        let told: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM rowcast.pending WHERE changes LIKE '%S3CRET%')",
        )
        .fetch_one(&mut connect(&bench.harness.url).await)
        .await
        .unwrap();
        assert!(!told, "{change}");
    }
}

#[tokio::test]
async fn an_edit_of_a_changed_table_is_acked_where_the_reset_stands() {
    let bench = notes().await;
    bench.outsider().await.run("ALTER TABLE notes RENAME COLUMN title TO heading").await;
    let op = bench.set("notes", &rowcast_protocol::Value::Int(1), &[("size", 9.into())]);
    let applied = bench.applies("ada", &at("here"), vec![op]).await;
    let entry = bench.last_stored(&at("here")).await;
    assert_eq!((entry.seq, entry.reset.as_slice()), (applied.seq, &["notes".to_owned()][..]));
}

#[tokio::test]
async fn a_migration_shows_anew_what_nobody_watched() {
    let mut all = declarations();
    all.tables.extend(crate::bench::read_declarations(DECLARED).tables);
    for (change, is_reset) in [
        ("SELECT", false),
        ("DROP TRIGGER rowcast_record_update ON notes; UPDATE notes SET title = 'unseen'", true),
        ("ALTER TABLE notes ALTER COLUMN size TYPE bigint", true),
        (
            "CREATE TABLE copy (LIKE notes INCLUDING ALL); INSERT INTO copy SELECT * FROM notes;
          DROP TABLE notes; ALTER TABLE copy RENAME TO notes",
            true,
        ),
    ] {
        let bench = notes().await;
        bench.outsider().await.run(change).await;
        let before = bench.head(&at("here")).await;
        bench.harness.migrate(&all).await.unwrap();
        bench.number().await;
        let after = bench.head(&at("here")).await;
        assert_eq!(after != before, is_reset, "{change}");
        if is_reset {
            assert_eq!(bench.last_stored(&at("here")).await.reset, ["notes"], "{change}");
        }
        bench.harness.migrate(&all).await.unwrap();
        bench.number().await;
        assert_eq!(bench.head(&at("here")).await, after, "{change}: again");
    }
}
