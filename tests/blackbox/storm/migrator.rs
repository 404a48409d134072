//! Whoever changes a live table of their own while the hub runs: a column comes, gets another name and
//! goes, and the table is made anew.

use std::{sync::Arc, time::Duration};

use rand::{RngExt as _, rngs::StdRng};

use super::fate::Fate;
use crate::support::database::{Database, Kind};

/// The table.
pub(super) const TABLE: &str = "things";
/// A column that it has from the last migration on.
pub(super) const ENDING: &str = "ending";

/// Migrations per this many edits of the clients.
const EVERY: usize = 700;

/// What a hub is told of the table.
pub(super) const DECLARED: &str = r#"
    [[tables]]
    name = "things"
    channel = "project:{project_id}"
    insert = "editor"
    update = "editor"
    delete = "editor"
"#;

/// Makes the table, before there is a hub.
pub(super) async fn makes_the_table(database: &Database) {
    let id = if database.kind == Kind::Postgres { "uuid" } else { "text" };
    let sql = format!(
        "CREATE TABLE {TABLE} (id {id} NOT NULL PRIMARY KEY, project_id {id} NOT NULL,
             body text NOT NULL DEFAULT '')"
    );
    database.outsider().await.runs(&sql).await;
}

/// Migrates until the run is told to calm down; how often.
pub(super) async fn migrates(database: Arc<Database>, fate: Arc<Fate>, mut dice: StdRng) -> usize {
    let mut calm = fate.calm.subscribe();
    let mut column: Option<&str> = None;
    let (mut next, mut count) = (EVERY, 0);
    loop {
        tokio::select! {
            biased;
            _ = calm.wait_for(|calm| *calm) => break,
            () = fate.reaches(next) => {}
        }
        if fate.settled() < next {
            // No edit is left to be made.
            let _ = calm.wait_for(|calm| *calm).await;
            break;
        }
        next = fate.settled() + EVERY;
        let (sql, then) = match (dice.random_range(0..3), column) {
            (0, _) => {
                let kept = column.filter(|_| database.kind == Kind::Postgres);
                (rebuilt(database.kind), kept)
            }
            (_, None) => {
                (format!("ALTER TABLE {TABLE} ADD COLUMN extra text DEFAULT 'x'"), Some("extra"))
            }
            (1, Some(old)) => {
                let new = if old == "extra" { "more" } else { "extra" };
                (format!("ALTER TABLE {TABLE} RENAME COLUMN {old} TO {new}"), Some(new))
            }
            (_, Some(old)) => (format!("ALTER TABLE {TABLE} DROP COLUMN {old}"), None),
        };
        is_done(&database, &sql).await;
        column = then;
        count += 1;
    }
    if let Some(column) = column {
        is_done(&database, &format!("ALTER TABLE {TABLE} DROP COLUMN {column}")).await;
    }
    is_done(&database, &format!("ALTER TABLE {TABLE} ADD COLUMN {ENDING} text")).await;
    count
}

/// A new table, the rows, the old one away, its name. On SQLite it loses the column that came later.
fn rebuilt(kind: Kind) -> String {
    let (fresh, columns) = match kind {
        Kind::Postgres => (format!("LIKE {TABLE} INCLUDING ALL"), "*"),
        Kind::Sqlite => (
            "id text NOT NULL PRIMARY KEY, project_id text NOT NULL, body text NOT NULL DEFAULT ''"
                .to_owned(),
            "id, project_id, body",
        ),
    };
    format!(
        "CREATE TABLE fresh ({fresh}); INSERT INTO fresh SELECT {columns} FROM {TABLE}; \
         DROP TABLE {TABLE}; ALTER TABLE fresh RENAME TO {TABLE}"
    )
}

/// Runs it, again while the database is away or busy.
async fn is_done(database: &Database, sql: &str) {
    let begin = if database.kind == Kind::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let sql = format!("{begin}; {sql}; COMMIT");
    loop {
        if let Ok(mut outsider) = database.tries_outsider().await {
            match outsider.tries(&sql).await {
                Ok(()) => return,
                Err(error) if is_done_already(&error.to_string()) => return,
                Err(_) => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether it was committed before the answer was lost.
fn is_done_already(words: &str) -> bool {
    ["already exists", "does not exist", "duplicate column", "no such column"]
        .iter()
        .any(|known| words.contains(known))
}
