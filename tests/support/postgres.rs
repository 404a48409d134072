//! A throwaway PostgreSQL server for tests: found or installed, started in a directory of its own,
//! never as root, stopped and removed when the process that asked for it is gone.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

/// The oldest version that will do.
const OLDEST: u32 = 15;

/// Starts a server in `$1` with the programs in `$0`, waits until whoever started this is gone
/// (its end of the pipe closes, however it ended), then stops the server and removes all traces.
const KEEPER: &str = r#"
bin=$0 dir=$1 port=$2; shift 2
"$bin/postgres" -D "$dir/data" -k "$dir" -p "$port" -c listen_addresses=127.0.0.1 \
    -c max_connections=250 -c max_prepared_transactions=50 -c shared_buffers=128MB \
    -c max_locks_per_transaction=256 -c log_min_messages=warning >"$dir/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
# A background child ignores the signal until it has its own handlers: insist.
while kill -QUIT $server 2>/dev/null; do sleep 0.1; done
rm -rf "$dir"
"#;

/// A running server.
pub(crate) struct Server {
    port: u16,
    databases: AtomicU32,
    /// Its standard input is the pipe that keeps the server up.
    _keeper: Child,
}

impl Server {
    /// The server of this process, started at the first call.
    pub(crate) fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    fn start() -> Self {
        let bin = programs();
        let directory =
            tempfile::Builder::new().prefix("rowcast-postgres-").tempdir().unwrap().keep();
        let user = unprivileged_user(&directory);
        initialise(&bin, user, &directory);
        let port = free_port();
        let keeper = as_user(user, Path::new("/bin/sh"))
            .args(["-c", KEEPER])
            .arg(&bin)
            .arg(&directory)
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for(&bin, port, &directory);
        Self { port, databases: AtomicU32::new(0), _keeper: keeper }
    }

    /// The address of a database of this name.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database and returns its address.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let sql = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        let mut connection = connect(&self.url("postgres")).await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        self.url(&name)
    }
}

/// A plain connection.
pub(crate) async fn connect(url: &str) -> PgConnection {
    url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
}

/// The server's programs.
pub(crate) fn programs() -> PathBuf {
    find().or_else(install).unwrap_or_else(|| {
        panic!("no PostgreSQL {OLDEST} or later was found; install it (Debian: apt-get install postgresql)")
    })
}

/// Makes an empty server in `data` of a directory.
pub(crate) fn initialise(bin: &Path, user: Option<&str>, directory: &Path) {
    let made = as_user(user, &bin.join("initdb"))
        .args(["-D", &format!("{}/data", directory.display())])
        .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "initdb failed");
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(bin: &Path, port: u16, directory: &Path) {
    let ready = || {
        Command::new(bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status()
            .unwrap()
            .success()
    };
    let began = std::time::SystemTime::now();
    while !ready() {
        if began.elapsed().unwrap().as_secs() > 60 {
            let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
            panic!("the server does not start:\n{log}");
        }
        std::thread::yield_now();
    }
}

/// The newest server programs at hand.
fn find() -> Option<PathBuf> {
    let on_path = std::env::split_paths(&std::env::var_os("PATH")?).collect::<Vec<_>>();
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok();
    let installed = installed.into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let candidates = on_path.into_iter().chain(installed);
    // A link leads to where the other programs are.
    let homes = candidates.filter_map(|bin| {
        Some(std::fs::canonicalize(bin.join("postgres")).ok()?.parent()?.to_owned())
    });
    homes
        .filter_map(|bin| Some((version(&bin)?, bin)))
        .filter(|(version, _)| *version >= OLDEST)
        .max()
        .map(|(_, bin)| bin)
}

fn version(bin: &Path) -> Option<u32> {
    if !["initdb", "pg_isready"].iter().all(|program| bin.join(program).exists()) {
        return None;
    }
    let told = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let number =
        told.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split('.').next()?.parse().ok()
}

/// Installs the distribution's server, if that is possible.
fn install() -> Option<PathBuf> {
    if !is_root() {
        return None;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let install = ["install", "-y", "--no-install-recommends", "postgresql"];
    (apt(&install) || (apt(&["update"]) && apt(&install))).then(find)?
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// The server refuses to run as root: then it runs as somebody else, who is given the directory.
pub(crate) fn unprivileged_user(directory: &Path) -> Option<&'static str> {
    if !is_root() {
        return None;
    }
    let exists =
        |user: &&str| Command::new("id").arg("-u").arg(user).output().unwrap().status.success();
    let user = ["postgres", "nobody"].into_iter().find(|user| exists(user)).unwrap();
    let owned = Command::new("chown").arg(user).arg(directory).status().unwrap();
    assert!(owned.success());
    Some(user)
}

/// A command that runs as this user.
pub(crate) fn as_user(user: Option<&str>, program: &Path) -> Command {
    match user {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid"]);
            command.arg(if user == "nobody" { "nogroup" } else { user });
            command.args(["--clear-groups", "--"]).arg(program).current_dir("/");
            command
        }
    }
}
