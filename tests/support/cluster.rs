//! A PostgreSQL server that one test may stop and start without harm to others.

use std::{
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use parking_lot::Mutex;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use super::{
    postgres::{as_user, free_port, initialise, programs, unprivileged_user},
    waiting::eventually,
};

/// Runs the server until whoever started this lets go of its input, however that ends.
const KEEPER: &str = r#"
"$0" "$@" >/dev/null 2>&1 </dev/null &
server=$!
cat >/dev/null
while kill -QUIT $server 2>/dev/null; do sleep 0.05; done
"#;

/// A server.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    user: Option<&'static str>,
    port: u16,
    keeper: Mutex<Option<Child>>,
}

impl Cluster {
    /// A new server that answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("rowcast-postgres-").tempdir().unwrap();
        let (programs, user) = (programs(), unprivileged_user(folder.path()));
        initialise(&programs, user, folder.path());
        let port = free_port();
        let cluster = Self { folder, programs, user, port, keeper: Mutex::new(None) };
        cluster.starts().await;
        cluster
    }

    /// The address of its only database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it (again) and waits until it answers.
    pub(crate) async fn starts(&self) {
        let folder = self.folder.path().display();
        let keeper = as_user(self.user, Path::new("/bin/sh"))
            .args(["-c", KEEPER])
            .arg(self.programs.join("postgres"))
            .args(["-D", &format!("{folder}/data"), "-k", &format!("{folder}")])
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .expect("the server starts");
        *self.keeper.lock() = Some(keeper);
        eventually("the server to answer", async || {
            let connecting = PgConnection::connect(&self.url()).await;
            connecting.is_ok()
        })
        .await;
    }

    /// Stops it at once, as a crash would, and waits until it is gone.
    pub(crate) async fn crashes(&self) {
        let keeper = self.keeper.lock().take();
        let ended = tokio::task::spawn_blocking(move || keeper.map(let_go));
        tokio::time::timeout(Duration::from_secs(30), ended)
            .await
            .expect("the server ends")
            .expect("nothing failed");
    }
}

fn let_go(mut keeper: Child) {
    drop(keeper.stdin.take());
    let _ = keeper.wait();
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.lock().take() {
            let_go(keeper);
        }
    }
}
