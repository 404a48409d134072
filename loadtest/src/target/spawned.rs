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

/// What a load needs other than the defaults. Variables of the environment stand above nothing here:
/// other settings of the hub can be given by `ROWCAST_…` as always.
const SETTINGS: &[(&str, &str)] = &[
    ("ROWCAST_DEMO__ENABLED", "false"),
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
    child: Option<Child>,
}

impl Spawned {
    /// Makes the database and brings it up to date.
    pub(crate) async fn prepare(
        binary: HubBinary,
        server: Option<&str>,
    ) -> Result<Self, LoadError> {
        let folder = tempfile::tempdir().map_err(LoadError::io("cannot make a folder"))?;
        let scratch = Scratch::make(server, folder.path()).await?;
        let spawned = Self { binary, folder, scratch, child: None };
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
        command.envs(SETTINGS.iter().copied());
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
