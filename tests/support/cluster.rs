//! A throwaway PostgreSQL server: made in a folder of its own, durable as in production, and ended
//! with the process that started it, however that ends.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A server.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: TempDir,
    binaries: PathBuf,
    port: u16,
    running: parking_lot::Mutex<Option<Child>>,
}

impl Cluster {
    /// The server of all tests of this process.
    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: OnceCell<Arc<Cluster>> = OnceCell::const_new();
        Arc::clone(SHARED.get_or_init(async || Arc::new(Self::start().await)).await)
    }

    /// A server of its own.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("rowcast-pg-").tempdir().expect("a folder");
        let cluster = Self {
            binaries: find_binaries(),
            port: free_port(),
            folder,
            running: parking_lot::Mutex::new(None),
        };
        cluster.initialise();
        cluster.starts().await;
        cluster
    }

    /// Makes an empty database and returns its URL.
    pub(crate) async fn create_database(&self) -> String {
        self.make_database("").await
    }

    /// Copies a database that nobody uses and returns the copy's URL.
    pub(crate) async fn copy_database(&self, url: &str) -> String {
        let name = url.rsplit('/').next().expect("a name");
        self.make_database(&format!("TEMPLATE {name}")).await
    }

    async fn make_database(&self, options: &str) -> String {
        let name = format!("t{}", uuid::Uuid::new_v4().simple());
        let mut connection = self.connects().await.expect("the server answers");
        let sql = AssertSqlSafe(format!("CREATE DATABASE {name} {options}"));
        connection.execute(sql).await.expect("a database is made");
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Starts it (again) and waits until it answers.
    pub(crate) async fn starts(&self) {
        let data = self.data();
        // The shell ends the server when its own input ends: with this process at the latest.
        let script = "\"$0\" \"$@\" & pid=$!; read _; kill -QUIT $pid; wait $pid";
        let child = as_postgres(&self.folder)
            .args(["sh", "-c", script])
            .arg(self.binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.folder.path().display()))
            .args(["-c", "max_connections=300", "-c", "max_prepared_transactions=20"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("log")).expect("a log"))
            .spawn()
            .expect("the server starts");
        *self.running.lock() = Some(child);
        super::waiting::eventually("the server to answer", async || self.connects().await.is_ok())
            .await;
    }

    /// Stops it at once, as a crash would, and waits until it is gone.
    pub(crate) async fn crashes(&self) {
        let child = self.running.lock().take();
        if let Some(mut child) = child {
            drop(child.stdin.take());
            let ended = tokio::task::spawn_blocking(move || child.wait()).await;
            ended.expect("the thread ends").expect("the server ends");
        }
    }

    async fn connects(&self) -> Result<PgConnection, sqlx::Error> {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
        let connecting = PgConnection::connect(&url);
        match tokio::time::timeout(Duration::from_secs(5), connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn initialise(&self) {
        let status = Command::new("chmod").arg("0777").arg(self.folder.path()).status();
        assert!(status.expect("chmod runs").success());
        let made = as_postgres(&self.folder)
            .arg(self.binaries.join("initdb"))
            .args(["-D"])
            .arg(self.data())
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.lock().take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// A command that does not run as root: PostgreSQL refuses to.
fn as_postgres(folder: &TempDir) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        command
    } else {
        Command::new("env")
    };
    command.current_dir(folder.path());
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn find_binaries() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, path)| path.join("postgres").exists())
        .collect();
    found.sort_unstable();
    found.pop().map_or_else(on_path, |(_, path)| path)
}

fn on_path() -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).find(|path| path.join("postgres").exists());
    found.expect("PostgreSQL is installed; see CONTRIBUTING.md")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
