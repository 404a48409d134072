//! Figures, by hand: `cargo test --release --test conformance measure -- --ignored --nocapture`.
//! They print what the server used, beside `pgbench` doing one transaction per edit on the same
//! tables with the same triggers.

use std::{process::Command, sync::Arc, time::Duration};

use rowcast::store::CheckedEdit;
use rowcast_protocol::{ChannelName, Value};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    bench::{Bench, project, text},
    harness::Outsider,
    postgres::Postgres,
    server::connect,
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

async fn number(bench: &Bench<Postgres>) {
    while !bench.store.number().await.unwrap().is_empty() {}
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
            number(&bench).await;
            quiet(&mut bench.outsider().await).await;
        }
    }
}

/// A writer, and the CPU microseconds that its server process uses.
struct Measured {
    connection: PgConnection,
    process: i32,
}

impl Measured {
    async fn new(bench: &Bench<Postgres>) -> Self {
        let mut connection = connect(&bench.harness.url).await;
        let query = sqlx::query_scalar("SELECT pg_backend_pid()");
        let process = query.fetch_one(&mut connection).await.unwrap();
        Self { connection, process }
    }

    async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut self.connection).await.unwrap();
    }

    /// Nanoseconds of CPU that the server process has used.
    fn used(&self) -> u64 {
        let told = std::fs::read_to_string(format!("/proc/{}/schedstat", self.process)).unwrap();
        told.split(' ').next().unwrap().parse().unwrap()
    }

    /// Milliseconds of CPU for a statement.
    async fn costs(&mut self, sql: &str) -> f64 {
        let before = self.used();
        self.run(sql).await;
        (self.used() - before) as f64 / 1e6
    }

    /// Microseconds of CPU for a one-row transaction, the median of some rounds.
    async fn one_row_costs(&mut self) -> f64 {
        let sql = "UPDATE tasks SET title = 'Title ' || random(), updated_by = 'ada' WHERE id = $1::text::uuid";
        let mut rounds = Vec::new();
        for round in 0..15 {
            let before = self.used();
            for n in 0..200 {
                let (key, _) = Spread::ThousandProjects.row(round * 200 + n);
                sqlx::query(sql).bind(key).execute(&mut self.connection).await.unwrap();
            }
            rounds.push((self.used() - before) as f64 / 200.0 / 1e3);
        }
        rounds.sort_by(f64::total_cmp);
        rounds[rounds.len() / 2]
    }
}

const OFF: &str = "ALTER TABLE tasks DISABLE TRIGGER rowcast_record_update";
const ON: &str = "ALTER TABLE tasks ENABLE ALWAYS TRIGGER rowcast_record_update";

const BIG: &str = "
    INSERT INTO projects(id, name) VALUES ('00000000-0000-4000-8000-00000000ffff', 'big');
    INSERT INTO tasks(project_id, title)
        SELECT '00000000-0000-4000-8000-00000000ffff', 't' FROM generate_series(1, 100000);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn what_recording_costs_an_outsider() {
    let bench = prepared().await;
    bench.outside(BIG).await;
    let mut writer = Measured::new(&bench).await;
    for round in 0..4 {
        let mut single = [0.0; 2];
        for (place, switch) in [OFF, ON].into_iter().enumerate() {
            writer.run(switch).await;
            single[place] = writer.one_row_costs().await;
        }
        let [plain, recorded] = single;
        println!(
            "{round} one-row transaction: {plain:.0} us of CPU, recorded {recorded:.0}, {:.0} more",
            recorded - plain
        );
        number(&bench).await;
        for (what, filter) in [
            (
                "over 1,000 channels",
                "NOT IN ('00000000-0000-4000-8000-000000000000', '00000000-0000-4000-8000-00000000ffff')",
            ),
            ("over one channel", "= '00000000-0000-4000-8000-00000000ffff'"),
        ] {
            let mut bulk = [0.0; 2];
            for (place, switch) in [OFF, ON].into_iter().enumerate() {
                for sql in [switch, "VACUUM tasks", "CHECKPOINT"] {
                    writer.run(sql).await;
                }
                let sql =
                    format!("UPDATE tasks SET title = title || 'x' WHERE project_id {filter}");
                bulk[place] = writer.costs(&sql).await;
            }
            let [plain, recorded] = bulk;
            println!(
                "{round} 100,000 rows {what}: {plain:.0} ms of CPU, recorded {recorded:.0}, {:.1} times",
                recorded / plain
            );
            number(&bench).await;
        }
    }
}
