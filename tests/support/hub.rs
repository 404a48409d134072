//! A hub as its operator runs it: the built binary, a process of its own.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::Arc,
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
};

use super::{database::Database, waiting::eventually};

/// Lines of the log that are kept for whoever wants to know why a test failed.
const LINES: usize = 200;

/// A running hub. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Where it listens, also after it was started again.
    pub(crate) address: SocketAddr,
    settings: Vec<(String, String)>,
    folder: PathBuf,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    log: Log,
}

/// What a hub says.
#[derive(Debug, Clone)]
struct Log {
    lines: Arc<Mutex<VecDeque<String>>>,
    address: watch::Receiver<Option<SocketAddr>>,
}

impl Hub {
    /// A hub on a database, with settings such as `("LIMITS__OPS", "5")`, that is ready.
    pub(crate) async fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        match Self::try_start(database, settings).await {
            Ok(hub) => hub,
            Err(log) => panic!("the hub does not start:\n{log}"),
        }
    }

    /// As [`Hub::start`]; or what the hub said before it gave up.
    pub(crate) async fn try_start(
        database: &Database,
        settings: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut hub = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: all_settings(database, settings),
            folder: database.folder.path().to_owned(),
            process: None,
        };
        hub.try_start_again().await?;
        Ok(hub)
    }

    /// Starts it again, on the same database and port, with the same settings.
    pub(crate) async fn starts_again(&mut self) {
        if let Err(log) = self.try_start_again().await {
            panic!("the hub does not start again:\n{log}");
        }
    }

    /// Changes a setting for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((format!("ROWCAST_{name}"), value.to_owned()));
    }

    async fn try_start_again(&mut self) -> Result<(), String> {
        let mut process = Process::spawn(self);
        let address = process.log.address.wait_for(Option::is_some).await.ok().and_then(|a| *a);
        let Some(address) = address else {
            let _ = process.child.wait();
            return Err(process.log.text());
        };
        self.address = address;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it, as a crash would.
    pub(crate) fn is_killed(&mut self) {
        drop(self.process.take());
    }

    /// Asks it to stop, as an operator does.
    pub(crate) fn is_asked_to_stop(&self) {
        self.is_sent(Signal::TERM);
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ends(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        let mut status = None;
        eventually("the hub to end", async || {
            status = process.child.try_wait().expect("it can be waited for");
            status.is_some()
        })
        .await;
        status.expect("it ended")
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().expect("it runs").child.id()
    }

    /// Stops it as a debugger does, or lets it go on.
    pub(crate) fn is_sent(&self, signal: Signal) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("it has an id");
        kill_process(id, signal).expect("it can be told");
    }

    /// Bytes of memory that it has in use.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.expect("a number") * 1024
    }

    /// Asks over HTTP: the status and the body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(process) = &self.process
        {
            eprintln!("--- the hub's log\n{}---", process.log.text());
        }
    }
}

impl Process {
    fn spawn(hub: &Hub) -> Self {
        let ours = |(name, _): &(std::ffi::OsString, std::ffi::OsString)| {
            let name = name.to_string_lossy();
            (name.starts_with("ROWCAST_") && name != "ROWCAST_BUG") || name == "DATABASE_URL"
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast"));
        for (name, _) in std::env::vars_os().filter(ours) {
            command.env_remove(name);
        }
        let mut child = command
            .env("ROWCAST_SERVER__LISTEN", hub.address.to_string())
            .envs(hub.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(&hub.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the hub starts");
        let log = Log::of(child.stderr.take().expect("it is piped"));
        Self { child, log }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    /// Reads in a thread of its own, so that the hub never waits for the test.
    fn of(stderr: ChildStderr) -> Self {
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let (announce, address) = watch::channel(None);
        let kept = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let found = address_in(&line);
                let mut kept = kept.lock();
                kept.push_back(line);
                if kept.len() > LINES {
                    kept.pop_front();
                }
                if found.is_some() {
                    announce.send_replace(found);
                }
            }
        });
        Self { lines, address }
    }

    fn text(&self) -> String {
        self.lines.lock().iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The address in the line that says that the hub listens.
fn address_in(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line["message"] == "rowcast listens").then(|| line["address"].as_str()?.parse().ok())?
}

fn all_settings(database: &Database, settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let folder = database.folder.path().join("keys").display().to_string();
    let ours = [
        ("STORE__URL", database.url.as_str()),
        ("AUTH__KEY_FOLDER", &folder),
        ("AUTH__LEEWAY_SECONDS", "0"),
        ("ACCOUNTS__ATTEMPTS_PER_MINUTE", "0"),
        ("LOG__FORMAT", "json"),
        ("DEMO__ENABLED", "false"),
        ("SERVER__DRAIN_SECONDS", "1"),
        ("SERVER__WORKERS", "2"),
    ];
    let named = |(name, value): &(&str, &str)| (format!("ROWCAST_{name}"), (*value).to_owned());
    ours.iter().chain(settings).map(named).collect()
}
