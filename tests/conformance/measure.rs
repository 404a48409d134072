//! Figures, by hand: `cargo test --release --test conformance measure -- --ignored --nocapture`.
//! They print what the server used, beside `pgbench` doing one transaction per edit on the same
//! tables with the same triggers.

use std::{process::Command, sync::Arc, time::Duration};

use rowcast::store::CheckedEdit;
use rowcast_protocol::{ChannelName, Value};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    bench::{Bench, project, text},
    harness::Outsider,
    postgres::Postgres,
};

const SECONDS: u64 = 4;

const ROWS: &str = "
    INSERT INTO projects(id, name)
        SELECT ('00000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid, 'p' FROM generate_series(0, 1000) g;
    INSERT INTO tasks(id, project_id, title, created_by, updated_by)
        SELECT ('00000000-0000-4001-8000-' || lpad(g::text, 12, '0'))::uuid,
               '00000000-0000-4000-8000-000000000000', 't', 'ada', 'ada' FROM generate_series(0, 999) g;
    INSERT INTO tasks(id, project_id, title, created_by, updated_by)
        SELECT ('00000000-0000-4002-8000-' || lpad(g::text, 12, '0'))::uuid,
               ('00000000-0000-4000-8000-' || lpad((g % 1000 + 1)::text, 12, '0'))::uuid, 't', 'ada', 'ada'
        FROM generate_series(0, 99999) g;";

/// Where the edits go.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spread {
    OneProject,
    ThousandProjects,
}

impl Spread {
    fn row(self, n: u64) -> (String, ChannelName) {
        match self {
            Self::OneProject => (
                format!("00000000-0000-4001-8000-{:012}", n * 7 % 1000),
                project("00000000-0000-4000-8000-000000000000"),
            ),
            Self::ThousandProjects => {
                let row = n * 7_919 % 100_000;
                let channel = format!("00000000-0000-4000-8000-{:012}", row % 1000 + 1);
                (format!("00000000-0000-4002-8000-{row:012}"), project(&channel))
            }
        }
    }

    /// The statement of a plain client.
    fn script(self) -> String {
        let (kind, most) = match self {
            Self::OneProject => (1, 999),
            Self::ThousandProjects => (2, 99_999),
        };
        format!(
            "\\set r random(0, {most})\nUPDATE tasks SET title = 'Title number ' || :r || random(), updated_by = 'ada'
             WHERE id = ('00000000-0000-400{kind}-8000-' || lpad(:r::text, 12, '0'))::uuid;\n"
        )
        .replace("\n             WHERE", " WHERE")
    }
}

async fn prepared() -> Bench<Postgres> {
    let bench = Bench::<Postgres>::fresh().await;
    bench.outside(ROWS).await;
    quiet(&mut bench.outsider().await).await;
    bench
}

async fn quiet(outsider: &mut Box<dyn Outsider>) {
    outsider.run("VACUUM ANALYZE").await;
    outsider.run("CHECKPOINT").await;
}

fn batch(bench: &Bench<Postgres>, spread: Spread, from: u64, size: u64) -> Vec<CheckedEdit> {
    let edit = |n: u64| {
        let (key, channel) = spread.row(n);
        let set = [("title", text(format!("Title number {n}"))), ("updated_by", text("ada"))];
        bench.edit("ada", &channel, vec![bench.set("tasks", &Value::Text(key), &set)])
    };
    (from..from + size).map(edit).collect()
}

/// Edits committed in a second, and the server's CPU microseconds per edit.
async fn commits(
    bench: &Arc<Bench<Postgres>>,
    spread: Spread,
    size: u64,
    lanes: u64,
) -> (f64, f64) {
    let (began, used) = (Instant::now(), server_cpu());
    let until = began + Duration::from_secs(SECONDS);
    let mut all = JoinSet::new();
    for lane in 0..lanes {
        let bench = bench.clone();
        all.spawn(async move {
            let (mut next, mut done) = (lane * 1_000_003, 0);
            while Instant::now() < until {
                let edits = batch(&bench, spread, next, size);
                let committed = bench.store.commit(&edits).await.unwrap();
                assert!(committed.outcomes.iter().all(Result::is_ok));
                next += size;
                done += size;
            }
            done
        });
    }
    let mut done = 0;
    while let Some(one) = all.join_next().await {
        done += one.unwrap();
    }
    let done = done as f64;
    (done / began.elapsed().as_secs_f64(), (server_cpu() - used) * 1e6 / done)
}

/// CPU seconds of all processes named `postgres` that are alive.
fn server_cpu() -> f64 {
    let sum: u64 = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .filter(|stat| stat.contains("(postgres)"))
        .filter_map(|stat| {
            let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
            Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
        })
        .sum();
    sum as f64 / 100.0
}

/// Transactions per second of `pgbench`.
fn pgbench(url: &str, script: &str, clients: u32) -> f64 {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let told = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-j", "2", "-T", &SECONDS.to_string()])
        .args(["-c", &clients.to_string(), "-f"])
        .arg(file.path())
        .arg(url)
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let line = told.lines().find(|line| line.starts_with("tps = ")).unwrap();
    line.split(' ').nth(2).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn durable_edits_beside_pgbench() {
    let bench = Arc::new(prepared().await);
    for round in 0..2 {
        for spread in [Spread::OneProject, Spread::ThousandProjects] {
            for (size, lanes) in [(1, 1), (64, 1), (256, 1), (64, 4), (256, 4)] {
                let (rate, cpu) = commits(&bench, spread, size, lanes).await;
                println!(
                    "{round} {spread:?} batches of {size}, {lanes} connections: {rate:.0} edits/s, {cpu:.1} us of server CPU each"
                );
            }
            let (url, script) = (bench.harness.url.clone(), spread.script());
            let plain =
                tokio::task::spawn_blocking(move || pgbench(&url, &script, 32)).await.unwrap();
            println!(
                "{round} {spread:?} pgbench, 32 connections, one transaction per edit: {plain:.0} edits/s"
            );
            bench.number().await;
            quiet(&mut bench.outsider().await).await;
        }
    }
}

async fn timed(outsider: &mut Box<dyn Outsider>, sql: &str) -> f64 {
    let began = Instant::now();
    outsider.run(sql).await;
    began.elapsed().as_secs_f64()
}

const OFF: &str = "ALTER TABLE tasks DISABLE TRIGGER rowcast_record_update";
const ON: &str = "ALTER TABLE tasks ENABLE ALWAYS TRIGGER rowcast_record_update";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn what_recording_costs_an_outsider() {
    let bench = prepared().await;
    let mut outsider = bench.outsider().await;
    let script = Spread::ThousandProjects.script();
    for round in 0..4 {
        let mut single = [0.0; 2];
        for (place, switch) in [OFF, ON].into_iter().enumerate() {
            outsider.run(switch).await;
            let (url, script) = (bench.harness.url.clone(), script.clone());
            let rate =
                tokio::task::spawn_blocking(move || pgbench(&url, &script, 1)).await.unwrap();
            single[place] = 1e6 / rate;
        }
        println!(
            "{round} one-row transaction: {:.0} us, recorded {:.0} us, {:.0} us more",
            single[0],
            single[1],
            single[1] - single[0]
        );
        bench.number().await;
        for (what, filter) in [
            ("over 1,000 channels", "project_id <> '00000000-0000-4000-8000-000000000000'"),
            ("over one channel", "project_id = '00000000-0000-4000-8000-00000000ffff'"),
        ] {
            let mut bulk = [0.0; 2];
            for (place, switch) in [OFF, ON].into_iter().enumerate() {
                outsider.run(switch).await;
                outsider.run("VACUUM tasks").await;
                outsider.run("CHECKPOINT").await;
                bulk[place] = timed(
                    &mut outsider,
                    &format!("UPDATE tasks SET title = title || 'x' WHERE {filter}"),
                )
                .await;
            }
            println!(
                "{round} 100,000 rows {what}: {:.2} s, recorded {:.2} s, {:.1} times",
                bulk[0],
                bulk[1],
                bulk[1] / bulk[0]
            );
            bench.number().await;
            if round == 0 {
                outsider
                    .run(
                        "INSERT INTO projects(id, name) VALUES ('00000000-0000-4000-8000-00000000ffff', 'big')
                            ON CONFLICT DO NOTHING;
                         INSERT INTO tasks(project_id, title)
                            SELECT '00000000-0000-4000-8000-00000000ffff', 't' FROM generate_series(1, 100000)
                            WHERE NOT EXISTS (SELECT FROM tasks WHERE project_id = '00000000-0000-4000-8000-00000000ffff')",
                    )
                    .await;
                bench.number().await;
                quiet(&mut outsider).await;
            }
        }
    }
}
