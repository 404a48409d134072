//! A hub of one's own: a fresh database, raised limits, one process, removed at the end.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{Database, HubBinary, Scratch, binary::printed};
use crate::{error::LoadError, machine::Cores, process::Process, wire::Address};

/// How long a hub may take to become ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked whether it is ready.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);
/// Lines of the hub's log that an error shows.
const LAST_LINES: usize = 15;

/// Which limits a hub has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limits {
    /// So high that they do not stand in the way of a load.
    Raised,
    /// Those that every hub has.
    Shipped,
}

/// What every load needs other than the defaults. Other settings can be given by `ROWCAST_…` as
/// always, except for these.
const SETTINGS: &[(&str, &str)] = &[("ROWCAST_DEMO__ENABLED", "false")];

/// Limits that would stand in the way of a load.
const RAISED: &[(&str, &str)] = &[
    ("ROWCAST_LIMITS__SOCKETS_PER_USER", "0"),
    ("ROWCAST_LIMITS__SOCKETS_PER_ADDRESS", "0"),
    ("ROWCAST_LIMITS__SOCKETS_NOT_GREETED", "1000000"),
    ("ROWCAST_LIMITS__GREETING_SECONDS", "120"),
    ("ROWCAST_LIMITS__REQUESTS_PER_SECOND", "1000000"),
    ("ROWCAST_LIMITS__REQUESTS_BURST", "1000000"),
    ("ROWCAST_LIMITS__BYTES_PER_SECOND", "1000000000"),
    ("ROWCAST_LIMITS__SNAPSHOTS_WAITING", "1000000"),
    ("ROWCAST_LIMITS__SUBSCRIPTIONS", "100000"),
];

/// A hub that was started, or will be.
#[derive(Debug)]
pub(crate) struct Spawned {
    binary: HubBinary,
    folder: TempDir,
    scratch: Scratch,
    settings: Vec<(&'static str, &'static str)>,
    child: Option<Child>,
}

impl Spawned {
    /// Makes the database and brings it up to date.
    pub(crate) async fn prepare(
        binary: HubBinary,
        server: Option<&str>,
        limits: Limits,
    ) -> Result<Self, LoadError> {
        let folder = tempfile::tempdir().map_err(LoadError::io("cannot make a folder"))?;
        let settings = settings(&binary, folder.path(), limits).await?;
        let scratch = Scratch::make(server, folder.path()).await?;
        let spawned = Self { binary, folder, scratch, settings, child: None };
        match printed(spawned.command(&["migrate"])).await {
            Ok(_) => Ok(spawned),
            Err(error) => {
                spawned.close().await;
                Err(error)
            }
        }
    }

    /// The URL of its database.
    pub(crate) fn database_url(&self) -> &str {
        &self.scratch.url
    }

    /// Its folder, for files that go with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its database, as an outside writer sees it.
    pub(crate) async fn database(&self) -> Result<Database, LoadError> {
        Database::connect(&self.scratch.url).await
    }

    /// A token, signed with the hub's key.
    pub(crate) async fn token(&self, user: &str) -> Result<String, LoadError> {
        let arguments = ["token", "--user", user, "--minutes", "1440"];
        Ok(printed(self.command(&arguments)).await?.trim().to_owned())
    }

    /// Starts the hub on a free port, on these cores, and waits until it is ready.
    pub(crate) async fn start(
        &mut self,
        cores: Option<&Cores>,
    ) -> Result<(Address, Process), LoadError> {
        let socket = free_port()?;
        let log = self.folder.path().join("hub.log");
        let log = File::create(log).map_err(LoadError::io("cannot write the hub's log"))?;
        let also = log.try_clone().map_err(LoadError::io("cannot write the hub's log"))?;
        let mut command = self.command(&["serve"]);
        command.env("ROWCAST_SERVER__LISTEN", socket.to_string()).stdout(also).stderr(log);
        self.child = Some(on_cores(cores, || command.kill_on_drop(true).spawn())?);
        let address = Address { socket, host: socket.to_string() };
        self.wait_until_ready(&address).await?;
        let pid = self.child.as_ref().and_then(Child::id).unwrap_or_default();
        Ok((address, Process::new(pid)))
    }

    async fn wait_until_ready(&mut self, address: &Address) -> Result<(), LoadError> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            self.check_alive()?;
            if is_ready(address).await {
                return Ok(());
            }
            sleep(BETWEEN_QUESTIONS).await;
        }
        Err(LoadError::NotReady(self.last_words()))
    }

    /// An error with its last words, if it has ended.
    pub(crate) fn check_alive(&mut self) -> Result<(), LoadError> {
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(Some(_))) => Err(LoadError::HubEnded(self.last_words())),
            _ => Ok(()),
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("hub.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.binary.command(arguments);
        command.current_dir(self.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(self.settings.iter().copied());
        command.env("DATABASE_URL", &self.scratch.url).env_remove("ROWCAST_STORE__URL");
        command.env("ROWCAST_AUTH__KEY_FOLDER", self.folder.path().join("keys"));
        command
    }

    /// Stops it and removes its database.
    pub(crate) async fn close(self) {
        if let Some(mut child) = self.child {
            // It may have ended by itself.
            let _ended = child.kill().await;
        }
        // A database that cannot be removed is left to the one who runs the server.
        let _left = self.scratch.remove().await;
    }
}

/// The settings that this hub knows: an older one has fewer limits, and refuses names it does not know.
async fn settings(
    binary: &HubBinary,
    folder: &Path,
    limits: Limits,
) -> Result<Vec<(&'static str, &'static str)>, LoadError> {
    let raised = if limits == Limits::Raised { RAISED } else { &[] };
    let mut command = binary.command(&["config", "--defaults"]);
    let known = printed({
        command.current_dir(folder);
        command
    });
    let known = known.await?;
    let wanted = SETTINGS.iter().chain(raised);
    Ok(wanted.filter(|(variable, _)| knows(&known, variable)).copied().collect())
}

/// Whether a settings file has a line for the setting that this variable stands for.
fn knows(file: &str, variable: &str) -> bool {
    let path = variable.trim_start_matches("ROWCAST_").to_lowercase();
    let Some((section, name)) = path.split_once("__") else { return false };
    let lines = file.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    lines.any(|line| line.split_once(" = ").is_some_and(|(found, _)| found == name))
}

/// Starts something that stays on these cores, and goes on where this thread was.
fn on_cores<T>(
    cores: Option<&Cores>,
    start: impl FnOnce() -> std::io::Result<T>,
) -> Result<T, LoadError> {
    let before = Cores::current();
    if let Some(cores) = cores {
        cores.pin()?;
    }
    let started = start().map_err(LoadError::io("cannot start the hub"));
    if let (Some(before), Some(_)) = (before, cores) {
        before.pin()?;
    }
    started
}

fn free_port() -> Result<SocketAddr, LoadError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    listener.and_then(|listener| listener.local_addr()).map_err(LoadError::io("no free port"))
}

async fn is_ready(address: &Address) -> bool {
    timeout(Duration::from_secs(2), ask_ready(address))
        .await
        .is_ok_and(|answer| answer.unwrap_or(false))
}

async fn ask_ready(address: &Address) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address.socket).await?;
    let request =
        format!("GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", address.host);
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_told_only_settings_that_it_knows() {
        let file = "[server]\nworkers = 0\n[limits]\n# sockets = 1\nvalues = 7\n[http]\nurl = 1\n";
        assert!(knows(file, "ROWCAST_LIMITS__VALUES"));
        for unknown in ["LIMITS__SOCKETS", "LIMITS__URL", "LIMITS__WORKERS", "DEMO__ENABLED"] {
            assert!(!knows(file, &format!("ROWCAST_{unknown}")), "{unknown}");
        }
    }
}
