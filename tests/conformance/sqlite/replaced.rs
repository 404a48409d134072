//! Rows that `OR REPLACE` removes, for which SQLite fires no delete trigger: whatever kept them from being
//! equal to the new one, they leave the screens.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use rowcast_protocol::{Change, ChannelName, Value};

use super::Sqlite;
use crate::bench::{Bench, Replica, key_text, tale, text};

/// Tables with everything that can be unique.
const TABLES: &str = "
    CREATE TABLE spots (
        id INTEGER PRIMARY KEY,
        place TEXT NOT NULL,
        name TEXT NOT NULL DEFAULT d,
        n INTEGER,
        note TEXT COLLATE NOCASE,
        low TEXT AS (lower(name)) VIRTUAL,
        hint TEXT,
        CONSTRAINT spots_name_key UNIQUE (name, n)
    );
    CREATE UNIQUE INDEX spots_few ON spots (note) WHERE n > 1 AND note IS NOT 'free'; -- the others may
    CREATE UNIQUE INDEX spots_expression ON spots (place, CASE WHEN n = '3' THEN lower(hint) END DESC);
    CREATE UNIQUE INDEX spots_low ON spots (low, hint COLLATE NOCASE) WHERE spots.n IS NULL;
    CREATE TABLE pairs (
        k TEXT COLLATE NOCASE NOT NULL, n NOT NULL, place TEXT NOT NULL, label TEXT UNIQUE,
        PRIMARY KEY (k, n)
    ) WITHOUT ROWID;
    CREATE TABLE words (
        word TEXT PRIMARY KEY ON CONFLICT REPLACE NOT NULL,
        place TEXT NOT NULL,
        twin TEXT UNIQUE ON CONFLICT REPLACE
    );";

const DECLARED: &str = r#"
    [[tables]]
    name = "spots"
    channel = "spot:{place}"
    hidden = ["hint"]

    [[tables]]
    name = "pairs"
    channel = "spot:{place}"

    [[tables]]
    name = "words"
    channel = "spot:{place}"
"#;

fn spot(place: &str) -> ChannelName {
    ChannelName::new(&format!("spot:{place}")).unwrap()
}

async fn bench() -> Bench<Sqlite> {
    Bench::<Sqlite>::with_tables(TABLES, DECLARED).await
}

/// What statements do, as the newest entries of two places tell it.
async fn told(bench: &Bench<Sqlite>, sql: &str) -> (Vec<String>, Vec<String>) {
    let before = (bench.head(&spot("p")).await, bench.head(&spot("q")).await);
    bench.outside(sql).await;
    let mut told = (Vec::new(), Vec::new());
    for entry in bench.after(&spot("p"), before.0).await {
        told.0.extend(tale(&entry));
    }
    for entry in bench.after(&spot("q"), before.1).await {
        told.1.extend(tale(&entry));
    }
    told
}

#[tokio::test]
async fn a_row_replaced_for_any_unique_index_is_deleted() {
    let bench = bench().await;
    for (first, second) in [
        // A constraint; the second's number is made by the database.
        ("(id, place, name, n) VALUES (1, 'p', 'a', 1)", "(place, name, n) VALUES ('q', 'a', 1)"),
        // The default takes the place of a null that may not be.
        ("(id, place, n) VALUES (1, 'p', 2)", "(place, name, n) VALUES ('q', NULL, 2)"),
        // Some of the rows, under another collation.
        (
            "(id, place, name, n, note) VALUES (1, 'p', 'x', 3, 'Bar')",
            "(place, name, n, note) VALUES ('q', 'y', 4, 'bAR')",
        ),
        // An expression in which types matter.
        (
            "(id, place, name, n, hint) VALUES (1, 'p', 'x', 3, 'Foo')",
            "(place, name, n, hint) VALUES ('p', 'y', '3', 'FOO')",
        ),
        // A generated column, and an expression's own collation.
        (
            "(id, place, name, hint) VALUES (1, 'p', 'Same', 'one')",
            "(place, name, hint) VALUES ('q', 'sAME', 'ONE')",
        ),
    ] {
        bench.outside("DELETE FROM spots").await;
        bench.outside(&format!("INSERT INTO spots {first}")).await;
        let (p, q) = told(&bench, &format!("INSERT OR REPLACE INTO spots {second}")).await;
        assert_eq!(p[0], "delete spots 1", "{second}");
        assert_eq!(p.len() + q.len(), 2, "{p:?} {q:?}");
        // An update is no better.
        bench.outside("DELETE FROM spots").await;
        let apart = "INSERT INTO spots (id, place, name) VALUES (9, 'q', 'apart')";
        bench.outside(&format!("INSERT INTO spots {first}; {apart}")).await;
        let (names, values) = second.split_once(" VALUES ").unwrap();
        let update = format!("UPDATE OR REPLACE spots SET {names} = {values} WHERE id = 9");
        let (p, q) = told(&bench, &update).await;
        assert_eq!(p[0], "delete spots 1", "{update}");
        assert!(q.iter().any(|told| told.contains(" spots 9")), "{q:?}");
        for place in ["p", "q"] {
            bench.log_gives_the_rows(&spot(place)).await;
        }
    }
}

#[tokio::test]
async fn a_row_may_be_replaced_for_its_number_or_by_a_table_that_says_so() {
    let bench = bench().await;
    bench.outside("INSERT INTO words (rowid, word, place) VALUES (7, 'a', 'p')").await;
    let (p, q) =
        told(&bench, "INSERT OR REPLACE INTO words (_rowid_, word, place) VALUES (7, 'b', 'q')")
            .await;
    assert_eq!(
        (&*p, &*q),
        (&["delete words \"a\"".to_owned()][..], &["insert words \"b\"".to_owned()][..])
    );
    bench.outside("INSERT INTO words (rowid, word, place) VALUES (9, 'c', 'p')").await;
    let (p, _) = told(&bench, "UPDATE OR REPLACE words SET oid = 9 WHERE word = 'b'").await;
    assert_eq!(p, ["delete words \"c\""]);
    let (_, q) = told(&bench, "INSERT INTO words VALUES ('b', 'p', NULL)").await;
    assert_eq!(q, ["leave words \"b\""]);
    bench.outside("INSERT INTO words VALUES ('x', 'q', 'twin')").await;
    let (_, q) = told(&bench, "INSERT INTO words VALUES ('y', 'p', 'twin')").await;
    assert_eq!(q, ["delete words \"x\""]);
    let (p, _) = told(&bench, "UPDATE words SET word = 'b' WHERE word = 'y'").await;
    assert_eq!(p, ["delete words \"b\"", "delete words \"y\"", "insert words \"b\""]);
    for place in ["p", "q"] {
        bench.log_gives_the_rows(&spot(place)).await;
    }
}

#[tokio::test]
async fn a_row_in_the_way_that_stayed_is_not_taken_for_gone_later() {
    let bench = bench().await;
    bench.outside("INSERT INTO pairs VALUES ('a', 1, 'p', 'one'), ('b', 1, 'p', 'two')").await;
    let (p, q) = told(
        &bench,
        "BEGIN;
         INSERT OR IGNORE INTO pairs VALUES ('c', 1, 'q', 'one');
         UPDATE pairs SET label = 'other' WHERE k = 'a';
         INSERT INTO pairs VALUES ('c', 1, 'q', 'one');
         INSERT OR IGNORE INTO pairs VALUES ('B', 1, 'q', NULL);
         UPDATE pairs SET k = 'd' WHERE k = 'b';
         INSERT INTO pairs VALUES ('b', 1, 'q', NULL);
         INSERT INTO pairs VALUES ('D', 1, 'q', 'none') ON CONFLICT DO UPDATE SET label = 'three';
         DELETE FROM pairs WHERE k = 'd';
         INSERT INTO pairs VALUES ('d', 1, 'q', 'four');
         COMMIT",
    )
    .await;
    let expected = [
        r#"update pairs ["a","1"] {"label":"other"}"#,
        r#"delete pairs ["b","1"]"#,
        r#"insert pairs ["d","1"]"#,
        r#"update pairs ["d","1"] {"label":"three"}"#,
        r#"delete pairs ["d","1"]"#,
    ];
    assert_eq!(p, expected);
    assert_eq!(
        q,
        [r#"insert pairs ["c","1"]"#, r#"insert pairs ["b","1"]"#, r#"insert pairs ["d","1"]"#]
    );
}

#[tokio::test]
async fn a_writer_who_has_delete_triggers_fire_tells_each_row_once() {
    let bench = bench().await;
    bench.outside("INSERT INTO spots (id, place, name, n) VALUES (1, 'p', 'a', 1)").await;
    let sql = "PRAGMA recursive_triggers = on;
        INSERT OR REPLACE INTO spots (id, place, name, n) VALUES (2, 'q', 'a', 1)";
    let (p, q) = told(&bench, sql).await;
    assert_eq!((p, q), (vec!["delete spots 1".to_owned()], vec!["insert spots 2".to_owned()]));
}

#[tokio::test]
async fn many_rows_in_the_way_cost_no_more_than_each_alone() {
    let bench = bench().await;
    let rows = |from: &str| {
        format!(
            "INSERT OR IGNORE INTO words (word, place, twin)
                WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 900)
                SELECT {from} || i, 'p', i FROM s"
        )
    };
    bench.outside(&rows("'w'")).await;
    let again = format!("{}; INSERT INTO words VALUES ('last', 'q', NULL)", rows("'again'"));
    bench.outsider().await.run(&again).await;
    let waiting = bench.harness.count("rowcast_pending").await;
    assert!(waiting < 100, "{waiting} records of rows that stayed");
    bench.number().await;
    assert_eq!(bench.harness.count("rowcast_pending").await, 0);
    bench.log_gives_the_rows(&spot("p")).await;
}

/// Folds what an entry says, and objects to news of rows that are not there.
fn apply_strictly(replica: &mut Replica, entry: &rowcast_protocol::Entry) {
    for change in &entry.changes {
        let (table, key) = match change {
            Change::Update(fields) => (&fields.table, &fields.key),
            Change::Delete(gone) | Change::Leave(gone) => (&gone.table, &gone.key),
            Change::Insert(_) | Change::Enter(_) => continue,
        };
        let is_there = |change: &Change| match change {
            Change::Insert(row) | Change::Enter(row) => row.table == *table && row.key == *key,
            _ => false,
        };
        let known = replica.rows.contains_key(&(table.clone(), key_text(key)))
            || entry.changes.iter().any(is_there);
        assert!(known, "{change:?} is about no row");
    }
    replica.apply(entry);
}

/// A random statement of somebody who does not think much.
fn statement(random: &mut StdRng) -> String {
    let pick = |random: &mut StdRng, from: &[&str]| (*from.choose(random).unwrap()).to_owned();
    let or = ["", "", "OR IGNORE", "OR REPLACE", "OR REPLACE", "OR REPLACE"];
    let (names, number) = (["'a'", "'A'", "'b'", "'c'"], ["1", "2", "3", "'3'", "NULL"]);
    let place = ["'p'", "'p'", "'q'"];
    let row: (&str, Vec<(&str, &[&str])>) = match random.random_range(0..3) {
        0 => (
            "spots",
            vec![
                ("id", &["1", "2", "3", "4", "NULL", "NULL"]),
                ("place", &place),
                ("name", &["'a'", "'A'", "'b'", "'d'"]),
                ("n", &number),
                ("note", &["'x'", "'X'", "'free'", "NULL"]),
                ("hint", &["'h'", "'H'", "NULL"]),
            ],
        ),
        1 => (
            "pairs",
            vec![
                ("k", &names),
                // A text of the same digits would have the same key.
                ("n", &["1", "2", "3", "NULL"]),
                ("place", &place),
                ("label", &["'x'", "'y'", "NULL"]),
            ],
        ),
        _ => (
            "words",
            vec![
                ("rowid", &["1", "2", "3", "NULL"]),
                ("word", &names),
                ("place", &place),
                ("twin", &["'x'", "'y'", "NULL"]),
            ],
        ),
    };
    let (table, mut columns) = row;
    let or = pick(random, &or);
    let values = |random: &mut StdRng, columns: &[(&str, &[&str])]| -> Vec<String> {
        columns.iter().map(|(_, values)| pick(random, values)).collect()
    };
    if random.random_bool(0.6) {
        let rows: Vec<String> = (0..random.random_range(1..3))
            .map(|_| format!("({})", values(random, &columns).join(", ")))
            .collect();
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let upsert =
            if random.random_bool(0.1) { "ON CONFLICT DO UPDATE SET place = 'q'" } else { "" };
        return format!(
            "INSERT {or} INTO {table} ({}) VALUES {} {upsert}",
            names.join(", "),
            rows.join(", ")
        );
    }
    let (key, keys) = columns[0];
    let at = pick(random, keys);
    if random.random_bool(0.1) {
        return format!("DELETE FROM {table} WHERE {key} IS {at}");
    }
    columns.retain(|_| random.random_bool(0.5));
    if columns.is_empty() {
        columns.push((key, keys));
    }
    let set = columns.iter().map(|(name, values)| format!("{name} = {}", pick(random, values)));
    let set = set.collect::<Vec<_>>().join(", ");
    let which =
        if random.random_bool(0.2) { String::new() } else { format!("WHERE {key} IS {at}") };
    format!("UPDATE {or} {table} SET {set} {which}")
}

/// Set `ROWCAST_SEED` for another run.
#[tokio::test]
async fn whatever_replaces_what_the_log_gives_the_rows() {
    let seed = std::env::var_os("ROWCAST_SEED").and_then(|seed| seed.to_str()?.parse().ok());
    let seed: u64 = seed.unwrap_or(1);
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let bench = bench().await;
    let places = [spot("p"), spot("q")];
    let mut replicas = [bench.rows(&places[0]).await, bench.rows(&places[1]).await];
    let mut writer = bench.outsider().await;
    for round in 0..250 {
        let statements: Vec<String> =
            (0..random.random_range(1..5)).map(|_| statement(&mut random)).collect();
        let heads = [bench.head(&places[0]).await, bench.head(&places[1]).await];
        writer.run("BEGIN").await;
        for sql in &statements {
            // Many are refused.
            let _ = writer.try_run(sql).await;
        }
        let _ = writer.try_run("COMMIT").await;
        bench.number().await;
        for ((place, replica), head) in places.iter().zip(&mut replicas).zip(heads) {
            for entry in bench.after(place, head).await {
                apply_strictly(replica, &entry);
            }
            let rows = bench.rows(place).await.rows;
            assert_eq!(replica.rows, rows, "seed {seed}, round {round}, {place}: {statements:#?}");
        }
    }
}

#[tokio::test]
async fn what_a_trigger_replaces_within_an_edit_is_the_edit_s_doing() {
    let bench = Bench::<Sqlite>::fresh().await;
    bench
        .outsider()
        .await
        .run(
            "CREATE TRIGGER twin AFTER INSERT ON cards WHEN NEW.slug IS NULL BEGIN
                INSERT OR REPLACE INTO cards (id, board, title, slug)
                    VALUES (NEW.id + 100, NEW.board, 'twin', 'twin');
             END",
        )
        .await;
    let board = crate::bench::board("b");
    let card = |key: i64| {
        let fields = [("id", Value::Int(key)), ("board", text("b")), ("title", text("t"))];
        bench.edit("ada", &board, vec![bench.insert("cards", &fields)])
    };
    let edits = [card(1), card(2), card(3)];
    for outcome in bench.commit(&edits).await.outcomes {
        outcome.unwrap();
    }
    bench.log_gives_the_rows(&board).await;
    assert_eq!(bench.rows(&board).await.rows.len(), 4);
}
