//! `record`: what recording costs writers who know nothing of the hub.
//!
//! On databases of its own, with no hub running: the same statements with and without the recording
//! triggers, in turn; the median round counts. The tables' other triggers stay.

mod figures;
mod triggers;

use std::time::Duration;

use sqlx::Executor as _;
use tokio::time::Instant;

use self::{
    figures::{Compared, Figures},
    triggers::Triggers,
};
use crate::{
    cli::RecordArgs,
    error::LoadError,
    findings::Findings,
    report::{self, Report},
    target::{
        Database, HubBinary, Limits, Spawned, insert_projects, insert_tasks, interruptible, row_id,
    },
};

/// Blocks of transactions of one row, in the place of a round.
const BLOCKS_PER_ROUND: usize = 4;

/// Runs it. `true`: always, where it comes to its end.
pub(crate) async fn run(args: RecordArgs) -> Result<bool, LoadError> {
    let each = args.rows.div_ceil(args.projects.max(1));
    let (single, spread) = on_database(&args, args.projects, each, true).await?;
    let (_, together) = on_database(&args, 1, args.rows, false).await?;
    let store = args.database_url.as_ref().map_or("sqlite", |_| "postgres");
    let figures = Figures { single, spread, together };
    report::say(&figures.table(&args, store).to_string())?;
    let file = args.json.clone();
    Report::new("record", store, args, figures, Findings::default()).finish(file.as_deref())
}

/// Compares on a fresh database with so many projects of so many rows.
async fn on_database(
    args: &RecordArgs,
    projects: usize,
    each: usize,
    single: bool,
) -> Result<(Option<Compared>, Compared), LoadError> {
    let binary = HubBinary::find(args.hub.as_deref()).await?;
    let spawned = Spawned::prepare(binary, args.database_url.as_deref(), Limits::Raised).await?;
    let outcome = interruptible(async {
        let database = spawned.database().await?;
        let made = insert_projects(&database, &[], projects).await?;
        insert_tasks(&database, &made, each).await?;
        let outcome = compare(args, &database, projects * each, single).await;
        database.close().await;
        outcome
    });
    let outcome = outcome.await;
    spawned.close().await;
    outcome
}

async fn compare(
    args: &RecordArgs,
    database: &Database,
    rows: usize,
    single: bool,
) -> Result<(Option<Compared>, Compared), LoadError> {
    let triggers = Triggers::of(database).await?;
    triggers.tidy(database).await?;
    let rounds = args.rounds.max(1);
    let singly = if single {
        Some(compare_single(args, database, &triggers, rows, rounds * BLOCKS_PER_ROUND).await?)
    } else {
        None
    };
    let mut bulk = Compared::default();
    let bar = report::bar(rounds as u64, "large updates");
    for round in 0..rounds {
        for recorded in in_turn(round) {
            triggers.set(database, recorded).await?;
            triggers.tidy(database).await?;
            bulk.add(recorded, update_all(database, round, recorded).await?);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((singly, bulk))
}

/// Short blocks in turn, so that what else the machine does meets both alike.
async fn compare_single(
    args: &RecordArgs,
    database: &Database,
    triggers: &Triggers,
    rows: usize,
    blocks: usize,
) -> Result<Compared, LoadError> {
    let mut singly = Compared::default();
    let bar = report::bar(blocks as u64, "transactions of one row");
    for block in 0..blocks {
        for recorded in in_turn(block) {
            triggers.set(database, recorded).await?;
            singly.add(recorded, transactions(args, database, rows, block).await?);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(singly)
}

/// With and without recording; now one first, now the other.
fn in_turn(round: usize) -> [bool; 2] {
    let first = round % 2 == 1;
    [first, !first]
}

/// How long a transaction of one row takes, on one connection.
async fn transactions(
    args: &RecordArgs,
    database: &Database,
    rows: usize,
    round: usize,
) -> Result<Duration, LoadError> {
    let count = args.transactions.max(1);
    let began = Instant::now();
    for number in 0..count {
        let row = row_id((number * 7_919) % rows.max(1) + 1).to_string();
        one(database, &format!("round {round}, {number}"), &row).await?;
    }
    Ok(began.elapsed() / u32::try_from(count).unwrap_or(u32::MAX))
}

/// One transaction, prepared.
async fn one(database: &Database, title: &str, row: &str) -> Result<(), LoadError> {
    match database {
        Database::Sqlite(pool) => {
            let update = sqlx::query("UPDATE tasks SET title = ? WHERE id = ?");
            pool.execute(update.bind(title).bind(row)).await?;
        }
        Database::Postgres(pool) => {
            let update = sqlx::query("UPDATE tasks SET title = $1 WHERE id = $2::text::uuid");
            pool.execute(update.bind(title).bind(row)).await?;
        }
    }
    Ok(())
}

/// How long it takes to update all rows in one statement.
async fn update_all(
    database: &Database,
    round: usize,
    recorded: bool,
) -> Result<Duration, LoadError> {
    let began = Instant::now();
    database.execute(format!("UPDATE tasks SET description = 'round {round} {recorded}'")).await?;
    Ok(began.elapsed())
}
