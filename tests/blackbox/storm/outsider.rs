//! The outside writer of a run: plain SQL on the same tables, now and then rolled back.

use std::sync::Arc;

use rand::{RngExt as _, rngs::StdRng};
use uuid::Uuid;

use super::{fate::Fate, plan::PROJECTS, run::project_number};
use crate::support::database::{Database, Outsider};

/// Transactions per this many edits of the clients.
const EVERY: usize = 15;

/// Writes until the run is told to calm down; survives outages of the database.
pub(super) async fn writes(database: Arc<Database>, fate: Arc<Fate>, mut dice: StdRng) -> usize {
    let mut calm = fate.calm.subscribe();
    let mut connection: Option<Outsider> = None;
    let (mut next, mut committed) = (0, 0);
    loop {
        tokio::select! {
            _ = calm.wait_for(|calm| *calm) => return committed,
            () = fate.reaches(next) => {}
        }
        next = fate.settled() + EVERY;
        if connection.is_none() {
            connection = database.tries_outsider().await.ok();
        }
        let Some(outsider) = &mut connection else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let done = outsider.tries(&transaction(&mut dice)).await;
        committed += usize::from(done.is_ok());
        if done.is_err() {
            connection = None;
        }
        tokio::task::yield_now().await;
    }
}

fn transaction(dice: &mut StdRng) -> String {
    let statements: Vec<String> = (0..dice.random_range(1..4)).map(|_| statement(dice)).collect();
    let end = if dice.random_range(0..10) == 0 { "ROLLBACK" } else { "COMMIT" };
    format!("BEGIN; {}; {end}", statements.join("; "))
}

/// Statements touch any row, but delete only tasks that nobody comments on.
fn statement(dice: &mut StdRng) -> String {
    let project = project_number(dice.random_range(0..PROJECTS));
    let unique = Uuid::new_v4();
    match dice.random_range(0..6) {
        0 => format!(
            "INSERT INTO tasks (id, project_id, title) VALUES ('f{}', '{project}', 'hand {unique}')",
            &Uuid::new_v4().to_string()[1..]
        ),
        1 => {
            let digit = dice.random_range(0..16);
            format!(
                "DELETE FROM tasks WHERE project_id = '{project}' AND CAST(id AS TEXT) LIKE 'f%{digit:x}'"
            )
        }
        2 => {
            let digit = dice.random_range(0..16);
            let other = project_number(dice.random_range(0..PROJECTS));
            format!(
                "UPDATE tasks SET project_id = '{other}' \
                 WHERE project_id = '{project}' AND CAST(id AS TEXT) LIKE 'f%{digit:x}'"
            )
        }
        3 => format!("UPDATE projects SET name = 'hand {unique}' WHERE id = '{project}'"),
        _ => {
            let digit = dice.random_range(0..16);
            format!(
                "UPDATE tasks SET description = 'hand {unique}' \
                 WHERE project_id = '{project}' AND CAST(id AS TEXT) LIKE '%{digit:x}'"
            )
        }
    }
}
