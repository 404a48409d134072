//! `edits --beside-pgbench`: the hub flat out, and pgbench on a database like its own, in turn.
//!
//! pgbench makes one transaction per edit on 32 prepared connections, an UPDATE of one random row,
//! on the same tables with the same recording triggers. No hub runs on its database meanwhile, so it
//! has the machine to itself.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tokio::process::Command;

use super::{figures::Figures, measured};
use crate::{
    cli::{EditsArgs, MixName},
    error::LoadError,
    findings::Findings,
    report::{self, Report},
    target::{HubBinary, Limits, Spawned, insert_projects, insert_tasks, interruptible},
};

/// Connections of pgbench.
const CONNECTIONS: usize = 32;

/// Projects, and rows of each.
#[derive(Debug, Clone, Copy, Serialize)]
struct Shape {
    name: &'static str,
    projects: usize,
    rows: usize,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "one hot project", projects: 1, rows: 1_000 },
    Shape { name: "a thousand projects", projects: 1_000, rows: 10 },
];

/// Both, on one shape.
#[derive(Debug, Serialize)]
struct Beside {
    shape: Shape,
    hub: Figures,
    pgbench_per_second: f64,
    ratio: f64,
}

/// Runs it. `true`: nothing was wrong.
pub(crate) async fn beside_pgbench(args: EditsArgs) -> Result<bool, LoadError> {
    let program = find_pgbench()?;
    let (mut rows, mut wrong) = (Vec::new(), Findings::default());
    for shape in SHAPES {
        let shaped = shaped(&args, shape);
        let (_, hub, found) = measured(&shaped).await?;
        wrong.extend(found);
        let pgbench_per_second = pgbench(&args, shape, &program).await?;
        let ratio = hub.edits_per_second / pgbench_per_second;
        rows.push(Beside { shape, hub, pgbench_per_second, ratio });
    }
    report::say(&table(&rows).to_string())?;
    let file = args.hub.json.clone();
    Report::new("edits beside pgbench", (), args, rows, wrong).finish(file.as_deref())
}

fn shaped(args: &EditsArgs, shape: Shape) -> EditsArgs {
    let Shape { projects, rows, .. } = shape;
    EditsArgs { projects, rows, mix: MixName::Updates, ..args.clone() }
}

fn table(rows: &[Beside]) -> comfy_table::Table {
    let mut table = report::table(&[
        "flat out",
        "hub, edits/s",
        "pgbench -c 32, edits/s",
        "ratio",
        "to the ack, ms: p50 / p90 / p99 / max",
    ]);
    for row in rows {
        table.add_row([
            row.shape.name.to_owned(),
            report::short(row.hub.edits_per_second),
            report::short(row.pgbench_per_second),
            format!("{:.2}", row.ratio),
            report::percentiles(row.hub.ack),
        ]);
    }
    table
}

/// Transactions a second of pgbench, on a database of its own.
async fn pgbench(args: &EditsArgs, shape: Shape, program: &Path) -> Result<f64, LoadError> {
    let binary = HubBinary::find(args.hub.hub.as_deref()).await?;
    let spawned =
        Spawned::prepare(binary, args.hub.database_url.as_deref(), Limits::Raised).await?;
    let outcome = interruptible(on_database(args, shape, program, &spawned)).await;
    spawned.close().await;
    outcome
}

async fn on_database(
    args: &EditsArgs,
    shape: Shape,
    program: &Path,
    spawned: &Spawned,
) -> Result<f64, LoadError> {
    let database = spawned.database().await?;
    let projects = insert_projects(&database, &[], shape.projects).await?;
    insert_tasks(&database, &projects, shape.rows).await?;
    database.execute("VACUUM ANALYZE tasks".to_owned()).await?;
    database.close().await;
    let script = spawned.folder().join("edit.sql");
    std::fs::write(&script, edit_script(shape)).map_err(LoadError::io("cannot write a script"))?;
    let run = |seconds: f64| {
        let mut command = Command::new(program);
        command.args(["-n", "-M", "prepared", "-j", "2", "-c", &CONNECTIONS.to_string()]);
        command.args(["-T", &format!("{:.0}", seconds.max(1.0)), "-f"]).arg(&script);
        command.arg(spawned.database_url());
        crate::target::printed(command)
    };
    let progress = report::bar(1, "pgbench");
    run(args.warmup).await?;
    let output = run(args.seconds).await?;
    progress.finish_and_clear();
    let unread = || LoadError::Command { command: "pgbench".to_owned(), output: output.clone() };
    per_second(&output).ok_or_else(unread)
}

/// One edit: a random row gets a title that it did not have.
fn edit_script(shape: Shape) -> String {
    format!(
        "\\set row random(1, {})\n\\set n random(1, 1000000000)\n\
         UPDATE tasks SET title = 'edit ' || :n, updated_by = 'load-0' WHERE id = \
         ('00000000-0000-7000-8000-' || lpad(to_hex(:row::bigint), 12, '0'))::uuid;\n",
        shape.projects * shape.rows
    )
}

fn per_second(output: &str) -> Option<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

/// pgbench beside the newest server of the system, or wherever it is found.
fn find_pgbench() -> Result<PathBuf, LoadError> {
    let servers = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = servers.map(|folder| folder.path().join("bin/pgbench")).collect();
    found.extend(["/usr/bin/pgbench", "/usr/local/bin/pgbench"].map(PathBuf::from));
    found.retain(|path| path.is_file());
    found.sort();
    let missing = || LoadError::Usage("pgbench was not found; install PostgreSQL".to_owned());
    found.pop().ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_prints() {
        let output = "latency average = 12.1 ms\ntps = 2675.4 (without initial connection time)\n";
        assert_eq!(per_second(output), Some(2675.4));
        assert_eq!(per_second("pgbench: error"), None);
    }
}
