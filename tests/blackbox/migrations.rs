//! Migrations that people really run, and what an operator does when something went wrong.

use std::process::{Command, Output};

use crate::{
    interop::{python, runs},
    support::{
        checker::tests,
        database::{Database, Kind},
        device::Device,
        edits::{edit, rename},
        on_both_stores,
        waiting::eventually,
        world::{World, id, project_id},
    },
    tables::holds_what_is_stored,
};

on_both_stores! {
    everybody_follows_the_migrations_of_alembic_under_load,
    a_table_is_mended_beside_a_hub_and_without_one,
    tables_that_are_not_live_are_named,
}

/// Runs the migrations up to one of them.
fn upgrade(database: &Database, until: &str) -> Command {
    let url = match database.kind {
        Kind::Sqlite => format!("sqlite:///{}", database.file().display()),
        Kind::Postgres => {
            let (_, rest) = database.url.split_once("://").expect("a URL");
            format!("postgresql+psycopg://{rest}")
        }
    };
    let mut command = Command::new(python());
    command
        .args(["-B", "-m", "alembic", "-c"])
        .arg(tests().join("interop/alembic/alembic.ini"))
        .args(["-x", &format!("url={url}"), "upgrade", until]);
    command
}

async fn everybody_follows_the_migrations_of_alembic_under_load(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    for device in [&mut ada, &mut bob] {
        device.subscribes(&world.project).await;
    }
    let mut round = 0;
    // A column that was renamed can be dropped once a hub has seen its new name.
    for until in ["2", "3", "5", "head"] {
        let mut command = upgrade(&world.database, until);
        let migration = tokio::task::spawn_blocking(move || runs(&mut command));
        while !migration.is_finished() {
            round += 1;
            writes_meanwhile(&world, &mut ada, round).await;
        }
        migration.await.expect("the migrations run");
        let last = edit(&world.project, vec![rename(&id(3), &format!("after {until}"))]);
        eventually("an edit to be taken", async || bob.tries(&last).await.is_ok()).await;
        for device in [&mut ada, &mut bob] {
            holds_what_is_stored(device, &world, "tasks", "title").await;
            holds_what_is_stored(device, &world, "comments", "body").await;
        }
    }
    let mut vera = world.vera().await;
    vera.subscribes(&world.project).await;
    holds_what_is_stored(&mut vera, &world, "comments", "body").await;
}

/// An edit over the socket, and statements of somebody else. While a table is away nobody can write it.
async fn writes_meanwhile(world: &World, device: &mut Device, round: u32) {
    let sent = edit(&world.project, vec![rename(&id(2), &format!("edited {round}"))]);
    if let Err(error) = device.tries(&sent).await {
        assert!(error.retry, "{error:?}");
    }
    let title = format!("UPDATE tasks SET title = 'written {round}' WHERE id = '{}'", id(1));
    let comment = format!(
        "INSERT INTO comments (id, project_id, task_id, author, body)
         VALUES ('{}', '{}', '{}', 'ada', 'round {round}')",
        id(1000 + round),
        project_id(),
        id(1),
    );
    let mut writer = world.outsider().await;
    for sql in [title, comment] {
        let _ = writer.tries(&sql).await;
    }
}

fn rowcast(database: &Database, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rowcast"))
        .args(arguments)
        .env("DATABASE_URL", &database.url)
        .env("ROWCAST_LOG__LEVEL", "off")
        .current_dir(database.folder.path())
        .output()
        .expect("it runs")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

/// Changes a task while its triggers are away for a moment.
async fn unrecorded(world: &World, title: &str) {
    let change = format!("UPDATE tasks SET title = '{title}' WHERE id = '{}'", id(1));
    let mut outsider = world.outsider().await;
    let sql = match world.database.kind {
        Kind::Postgres => format!(
            "BEGIN; ALTER TABLE tasks DISABLE TRIGGER USER; {change}; ALTER TABLE tasks ENABLE TRIGGER USER; COMMIT"
        ),
        Kind::Sqlite => {
            let of = "FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'tasks'
                AND name GLOB 'rowcast_*' ORDER BY rowid";
            let drops =
                outsider.texts(&format!("SELECT 'DROP TRIGGER ' || name || ';' {of}")).await;
            let makes = outsider.texts(&format!("SELECT sql || ';' {of}")).await;
            format!("BEGIN IMMEDIATE; {} {change}; {} COMMIT", drops.concat(), makes.concat())
        }
    };
    outsider.runs(&sql).await;
}

async fn a_table_is_mended_beside_a_hub_and_without_one(store: Kind) {
    let mut world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    unrecorded(&world, "Unseen").await;
    let done = rowcast(&world.database, &["mend", "tasks"]);
    assert!(done.status.success(), "{}", words(&done));
    assert_eq!(words(&done), "tasks is recorded anew, and its channels are reset\n");
    holds_what_is_stored(&mut bob, &world, "tasks", "title").await;
    bob.edits(&world.project, vec![rename(&id(1), "Seen")]).await;
    bob.sees_title(&world.project, &id(1), "Seen").await;
    let refused = rowcast(&world.database, &["mend", "tusks"]);
    assert!(!refused.status.success() && words(&refused).contains("no table `tusks` is declared"));
    let view = bob.view(&world.project).clone();
    world.hub.is_killed();
    unrecorded(&world, "Unseen again").await;
    let done = rowcast(&world.database, &["mend"]);
    assert!(words(&done).contains("comments is recorded anew"), "{}", words(&done));
    world.hub.starts_again().await;
    let mut ada = world.ada().await;
    ada.resumes(&world.project, &view).await;
    holds_what_is_stored(&mut ada, &world, "tasks", "title").await;
}

async fn tables_that_are_not_live_are_named(store: Kind) {
    let mut world = World::on(store).await;
    world.hub.is_killed();
    let mut migrator = world.outsider().await;
    for sql in
        ["ALTER TABLE comments RENAME TO remarks", "ALTER TABLE notifications RENAME TO news"]
    {
        migrator.runs(sql).await;
    }
    for (arguments, subject) in [
        (&["doctor"][..], "table comments"),
        (&["migrate"], "`comments` is not in the database"),
        (&["mend"], "comments is not live"),
    ] {
        let output = rowcast(&world.database, arguments);
        let said = words(&output);
        assert!(!output.status.success(), "{said}");
        for words in [subject, &subject.replace("comments", "notifications"), "not in the database"]
        {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
    }
    for sql in
        ["ALTER TABLE remarks RENAME TO comments", "ALTER TABLE news RENAME TO notifications"]
    {
        migrator.runs(sql).await;
    }
    let done = rowcast(&world.database, &["mend"]);
    assert!(done.status.success(), "{}", words(&done));
    world.hub.starts_again().await;
}
