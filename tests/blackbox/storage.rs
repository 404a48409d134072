//! Databases that are full, foreign, newer or damaged.

use std::{path::Path, process::Command};

use rowcast_protocol::ErrorCode;
use serde_json::json;

use crate::support::{
    database::{Database, Kind},
    edits::{comment, edit, set},
    hub::Hub,
    on_both_stores,
    waiting::eventually,
    world::{World, id},
};

/// A small disk of its own.
struct Disk {
    folder: Option<tempfile::TempDir>,
}

impl Disk {
    /// `None`, said loudly, where nobody may mount anything.
    fn of_megabytes(size: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let options = format!("size={size}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { folder: Some(folder) });
        }
        eprintln!("SKIPPED: only root may mount a small disk; a full disk was NOT tested");
        None
    }

    fn path(&self) -> &Path {
        self.folder.as_ref().expect("it is mounted").path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_edits_loses_nothing_and_recovers() {
    let Some(disk) = Disk::of_megabytes(12) else { return };
    let database = Database::in_folder(tempfile::tempdir_in(disk.path()).expect("a folder"));
    let world = World::within(database, &[]).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let filler = disk.path().join("filler");
    let zeros = Command::new("dd")
        .args(["if=/dev/zero", "bs=64k", &format!("of={}", filler.display())])
        .output()
        .expect("dd runs");
    assert!(!zeros.status.success(), "the disk is not full");
    let long = "x".repeat(50_000);
    let mut acked = Vec::new();
    let refused = loop {
        let body = format!("{}{long}", acked.len());
        let edit = edit(&world.project, vec![comment(&id(1), &body)]);
        match ada.tries(&edit).await {
            Ok(_) => acked.push(edit),
            Err(error) => {
                assert_eq!((error.code, error.retry), (ErrorCode::StorageFull, true), "{error:?}");
                break edit;
            }
        }
    };
    let mut vera = world.vera().await;
    vera.subscribes(&world.project).await;
    assert_eq!(vera.view(&world.project).table("comments").count(), acked.len());
    std::fs::remove_file(filler).expect("there is room again");
    eventually("the edit to be taken", async || ada.tries(&refused).await.is_ok()).await;
    bob.sees(&world.project, "all comments", |view| {
        view.table("comments").count() == acked.len() + 1
    })
    .await;
    let sound = world.outsider().await.texts("PRAGMA integrity_check").await;
    assert_eq!(sound, ["ok"]);
}

on_both_stores! {
    a_newer_database_is_refused_at_start,
    a_foreign_database_is_refused_at_start_and_left_alone,
    a_hub_starts_again_and_again_on_the_same_database,
}

async fn a_newer_database_is_refused_at_start(store: Kind) {
    let database = Database::create(store).await;
    drop(Hub::start(&database, &[]).await);
    let newer = match store {
        Kind::Sqlite => {
            "INSERT INTO rowcast_migrations (version, description, success, checksum, execution_time) \
                         VALUES (9999, 'of the future', TRUE, x'00', 0)"
        }
        Kind::Postgres => "UPDATE rowcast.fact SET value = '9999' WHERE name = 'format'",
    };
    database.outsider().await.runs(newer).await;
    let words = Hub::try_start(&database, &[]).await.expect_err("it must not start");
    assert!(words.to_lowercase().contains("newer") || words.contains("later"), "{words}");
}

async fn a_foreign_database_is_refused_at_start_and_left_alone(store: Kind) {
    let database = Database::create(store).await;
    let mut outsider = database.outsider().await;
    outsider.runs("CREATE TABLE tasks (id integer PRIMARY KEY, what text)").await;
    outsider.runs("INSERT INTO tasks (id, what) VALUES (1, 'theirs')").await;
    let words = Hub::try_start(&database, &[]).await.expect_err("it must not start");
    assert!(words.contains("of the same names (tasks)"), "{words}");
    let added = match store {
        Kind::Sqlite => "SELECT name FROM sqlite_schema WHERE name LIKE 'rowcast%'",
        Kind::Postgres => "SELECT nspname::text FROM pg_namespace WHERE nspname = 'rowcast'",
    };
    assert_eq!(outsider.texts(added).await, [""; 0]);
    assert_eq!(outsider.texts("SELECT what FROM tasks").await, ["theirs"]);
    assert!(
        outsider.tries("INSERT INTO tasks (id, what) VALUES (2, 'still theirs')").await.is_ok()
    );
}

async fn a_hub_starts_again_and_again_on_the_same_database(store: Kind) {
    let database = Database::create(store).await;
    for _ in 0..3 {
        drop(Hub::start(&database, &[]).await);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_at_start_and_left_alone() {
    let database = Database::create(Kind::Sqlite).await;
    std::fs::write(database.file(), b"Dear diary, today I learned about databases.").unwrap();
    let words = Hub::try_start(&database, &[]).await.expect_err("it must not start");
    assert!(words.contains("no database"), "{words}");
    assert!(words.contains(&database.file().display().to_string()), "{words}");
    assert!(words.contains("DATABASE_URL"), "{words}");
    assert!(std::fs::read(database.file()).unwrap().starts_with(b"Dear diary"));
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    let mut database = Database::create(Kind::Sqlite).await;
    database.url = "postgres://ada:s3cret@127.0.0.1:1/nowhere".to_owned();
    let words = Hub::try_start(&database, &[]).await.expect_err("it must not start");
    assert!(!words.contains("s3cret"), "{words}");
}

#[tokio::test]
async fn a_hub_whose_port_is_taken_leaves_no_database_behind() {
    let database = Database::create(Kind::Sqlite).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let words = Hub::try_start(&database, &[("SERVER__LISTEN", &address)]).await.unwrap_err();
    assert!(words.contains(&address) && words.contains("ROWCAST_SERVER__LISTEN"), "{words}");
    assert!(!database.file().exists());
}

#[tokio::test]
async fn a_wrong_setting_is_named_at_start() {
    let database = Database::create(Kind::Sqlite).await;
    let words = Hub::try_start(&database, &[("LIMITS__OPS", "many")]).await.unwrap_err();
    assert!(words.contains("limits.ops") && words.contains("ROWCAST_LIMITS__OPS"), "{words}");
}

#[tokio::test]
async fn a_copy_of_the_file_taken_at_any_time_holds_every_ack_before_it() {
    let world = World::on(Kind::Sqlite).await;
    let mut ada = world.ada().await;
    for round in 0..5 {
        let mut acked = 0;
        for number in 0..20 {
            let description = json!({ "description": format!("{round} {number}") });
            ada.edits(&world.project, vec![set("tasks", &id(1), description)]).await;
            acked = number;
        }
        // As a power cut would leave it: the file and what was written ahead, nothing else.
        let copy = Database::create(Kind::Sqlite).await;
        for end in ["", "-wal"] {
            let from = format!("{}{end}", world.database.file().display());
            std::fs::copy(from, format!("{}{end}", copy.file().display())).expect("it is there");
        }
        let found = copy
            .outsider()
            .await
            .texts("SELECT description FROM tasks WHERE title = 'Task 1'")
            .await;
        assert_eq!(found, [format!("{round} {acked}")]);
    }
}

#[tokio::test]
async fn a_second_hub_on_one_sqlite_file_does_not_start() {
    let database = Database::create(Kind::Sqlite).await;
    let hub = Hub::start(&database, &[]).await;
    let words = Hub::try_start(&database, &[]).await.expect_err("it must not start");
    assert!(words.contains("another hub runs on"), "{words}");
    assert_eq!(hub.get("/readyz").await.0, 200);
    drop(hub);
    drop(Hub::start(&database, &[]).await);
}

#[tokio::test]
async fn a_new_database_is_readable_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = Database::create(Kind::Sqlite).await;
    let _hub = Hub::start(&database, &[]).await;
    for name in ["rowcast.db", "rowcast.db-wal", "rowcast.db-shm", "rowcast.db-hub"] {
        let file = database.folder.path().join(name);
        let mode = std::fs::metadata(&file).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
