//! Columns that somebody drops, which the recording triggers name; and triggers of people's own that
//! were made after those.

use rowcast::store::fold::EntryLimits;
use rowcast_protocol::{Fields, Value};

use super::Sqlite;
use crate::{
    bench::{Bench, Replica, board, declarations, tale, text},
    harness::Harness as _,
};

async fn bench() -> Bench<Sqlite> {
    let bench = Bench::<Sqlite>::fresh().await;
    for key in 1..=3 {
        bench.card(key, None).await;
    }
    bench
}

fn has_column(bench: &Bench<Sqlite>, column: &str) -> bool {
    let schema = bench.store.schema();
    let cards = schema.tables.iter().find(|table| table.name == "cards").unwrap();
    cards.column(column).is_some()
}

async fn rows(bench: &Bench<Sqlite>) -> Replica {
    bench.rows(&board("b")).await
}

#[tokio::test]
async fn any_column_can_be_dropped_while_the_hub_runs() {
    let bench = bench().await;
    let mut writer = bench.outsider().await;
    let columns = ["weight", "price", "tags", "done", "day", "at", "raw"];
    for (round, column) in columns.into_iter().enumerate() {
        writer.run(&format!("ALTER TABLE cards DROP COLUMN {column}")).await;
        writer.run(&format!("UPDATE cards SET count = {round} + 1")).await;
        writer
            .run(&format!("INSERT INTO cards (id, board, title) VALUES (10 + {round}, 'b', 't')"))
            .await;
        let op = bench.set("cards", &Value::Int(1), &[("title", text(column))]);
        bench.applies("ada", &board("b"), vec![op]).await;
        assert!(!has_column(&bench, column));
        let cursor = bench.head(&board("b")).await;
        let mut replica = rows(&bench).await;
        bench
            .outside("UPDATE cards SET title = title || '!'; DELETE FROM cards WHERE id > 9")
            .await;
        for entry in bench.after(&board("b"), cursor).await {
            replica.apply(&entry);
        }
        assert_eq!(replica, rows(&bench).await);
    }
}

#[tokio::test]
async fn a_column_dropped_while_no_hub_runs_fails_nobody_and_loses_nothing() {
    let bench = bench().await;
    let cursor = bench.head(&board("b")).await;
    bench.store.close().await;
    let mut writer = bench.outsider().await;
    writer
        .run(
            "ALTER TABLE cards DROP COLUMN price;
             UPDATE cards SET title = 'later', weight = 2 WHERE id = 1;
             INSERT OR REPLACE INTO cards (id, board, title) VALUES (2, 'c', 'moved');
             INSERT INTO cards (id, board, title) VALUES (4, 'b', 'new');
             UPDATE cards SET id = 5 WHERE id = 4;
             DELETE FROM cards WHERE id = 3;",
        )
        .await;
    bench.harness.migrate(&declarations()).await.unwrap();
    let store = bench.harness.open(&declarations(), EntryLimits::default()).await.unwrap();
    let bench = bench.reopened(store);
    bench.number().await;
    let told: Vec<String> = bench.after(&board("b"), cursor).await.iter().flat_map(tale).collect();
    let expected = [
        r#"update cards 1 {"title":"later","weight":2.0}"#,
        "leave cards 2",
        "insert cards 4",
        "delete cards 4",
        "insert cards 5",
        "delete cards 3",
    ];
    assert_eq!(told, expected);
    let row: Fields = bench.row(&board("b"), "cards", &Value::Int(1)).await.unwrap();
    assert_eq!((row.get("price"), row.get("title")), (None, Some(&text("later"))));
}

#[tokio::test]
async fn a_column_can_be_renamed_and_then_dropped_with_its_index() {
    let bench = bench().await;
    let mut writer = bench.outsider().await;
    writer.run("CREATE UNIQUE INDEX few ON cards (lower(raw), \"day\") WHERE raw <> 'x'").await;
    bench.refresh().await;
    writer.run("ALTER TABLE cards RENAME COLUMN day TO date").await;
    writer
        .run("INSERT INTO cards (id, board, title, raw, date) VALUES (7, 'b', 't', 'Y', 1)")
        .await;
    writer.run("INSERT OR REPLACE INTO cards (id, board, title, raw, date) VALUES (8, 'b', 't', 'y', 1)").await;
    writer.run("DROP INDEX few; ALTER TABLE cards DROP COLUMN raw").await;
    writer.run("INSERT INTO cards (id, board, title) VALUES (9, 'b', 't')").await;
    bench.refresh().await;
    writer.run("ALTER TABLE cards DROP COLUMN date").await;
    let op = bench.set("cards", &Value::Int(1), &[("title", text("by an edit"))]);
    bench.applies("ada", &board("b"), vec![op]).await;
    assert!(!has_column(&bench, "date") && !has_column(&bench, "raw"));
    assert_eq!(rows(&bench).await.rows.len(), 5);
}

#[tokio::test]
async fn the_columns_that_place_a_row_cannot_be_dropped_while_it_is_live() {
    let bench = bench().await;
    let error = bench.outsider().await.try_run("ALTER TABLE cards DROP COLUMN board").await;
    assert!(error.unwrap_err().contains("rowcast_cards_"));
}

#[tokio::test]
async fn what_a_later_trigger_does_to_a_row_is_told_after_it() {
    let bench = bench().await;
    let before = bench.head(&board("b")).await;
    let mut writer = bench.outsider().await;
    writer
        .run(
            "CREATE TRIGGER tidy AFTER INSERT ON cards BEGIN
                UPDATE cards SET title = trim(NEW.title) WHERE id = NEW.id; END;
             INSERT INTO cards (id, board, title) VALUES (7, 'b', ' seven ');",
        )
        .await;
    bench.number().await;
    let read = bench.store.read_after(&board("b"), before, 1 << 20).await.unwrap();
    assert!(matches!(read, rowcast::store::ReadAfter::Snapshot(_)), "{read:?}");
    let cursor = bench.head(&board("b")).await;
    bench.outside("INSERT INTO cards (id, board, title) VALUES (8, 'b', ' eight ')").await;
    let told: Vec<String> = bench.after(&board("b"), cursor).await.iter().flat_map(tale).collect();
    assert_eq!(told, ["insert cards 8", r#"update cards 8 {"title":"eight"}"#]);
    let fields = [("id", Value::Int(9)), ("board", text("b")), ("title", text(" nine "))];
    let cursor = bench.head(&board("b")).await;
    bench.applies("ada", &board("b"), vec![bench.insert("cards", &fields)]).await;
    let entries = bench.after(&board("b"), cursor).await;
    assert_eq!(
        tale(&entries[0]),
        ["insert cards 9 by 0", r#"update cards 9 {"title":"nine"} by 0"#]
    );
    let head = bench.head(&board("b")).await;
    bench.store.refresh().await.unwrap();
    assert_eq!(bench.head(&board("b")).await, head, "nothing is reset without a reason");
}
