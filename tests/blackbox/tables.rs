//! Tables that somebody changes while the hub runs: writers go on writing, devices are told, and in the
//! end everybody holds what the database has.

use std::{collections::BTreeMap, sync::Arc};

use rowcast_protocol::{Codec, ErrorCode, News};

use crate::support::{
    database::{Kind, Outsider},
    device::Device,
    edits::{edit, rename},
    gate::{Call, Gate, Side, hub_behind},
    hub::Hub,
    on_both_stores,
    waiting::eventually,
    world::{World, id, project_id},
};

on_both_stores! {
    devices_follow_a_table_through_every_migration,
    a_table_that_is_away_refuses_edits_for_the_moment_and_its_rows_leave,
}

/// Makes `comments` anew with another column: a new table, the rows, the old one away, its name.
fn rebuilt(store: Kind) -> &'static str {
    match store {
        Kind::Sqlite => {
            "CREATE TABLE fresh (id TEXT PRIMARY KEY NOT NULL, project_id TEXT NOT NULL,
                 task_id TEXT NOT NULL, author TEXT, body TEXT NOT NULL,
                 created_at TIMESTAMP NOT NULL DEFAULT (datetime('now')), mood TEXT);
             INSERT INTO fresh (id, project_id, task_id, author, body)
                 SELECT id, project_id, task_id, author, body FROM comments;
             DROP TABLE comments;
             ALTER TABLE fresh RENAME TO comments;"
        }
        Kind::Postgres => {
            "CREATE TABLE fresh (LIKE comments INCLUDING ALL, mood text);
             INSERT INTO fresh (id, project_id, task_id, author, body)
                 SELECT id, project_id, task_id, author, body FROM comments;
             DROP TABLE comments CASCADE;
             ALTER TABLE fresh RENAME TO comments;"
        }
    }
}

/// Statements of a migration, each of which changes what is recorded of `tasks` or `comments`.
fn migrations(store: Kind) -> Vec<&'static str> {
    vec![
        "ALTER TABLE tasks ADD COLUMN note TEXT DEFAULT 'none'",
        "UPDATE tasks SET note = 'written by the migration'",
        "ALTER TABLE tasks RENAME COLUMN note TO remark",
        "UPDATE tasks SET remark = 'again'",
        rebuilt(store),
        "UPDATE comments SET mood = 'good'",
    ]
}

/// Somebody who writes all the time, whatever becomes of the tables.
pub(crate) async fn writes(outsider: &mut Outsider, round: usize) {
    let title = format!("UPDATE tasks SET title = 'round {round}' WHERE id = '{}'", id(1));
    outsider.runs(&title).await;
    let comment = format!(
        "INSERT INTO comments (id, project_id, task_id, author, body) \
         VALUES ('{}', '{}', '{}', 'ada', 'round {round}')",
        id(1000 + u32::try_from(round).expect("a small number")),
        project_id(),
        id(1),
    );
    outsider.runs(&comment).await;
}

/// Takes a snapshot again wherever the hub said so, until nothing is left to be said.
pub(crate) async fn settles(device: &mut Device, world: &World) {
    device.is_up_to_date().await;
    while !device.resets.is_empty() {
        device.subscribes(&world.project).await;
        device.is_up_to_date().await;
    }
}

/// What a device has of a column of a table, by key.
fn held(device: &Device, world: &World, table: &str, column: &str) -> BTreeMap<String, String> {
    let text = |row: &rowcast_protocol::Fields, name: &str| {
        row.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let rows = device.view(&world.project).table(table);
    rows.map(|row| (text(row, "id"), text(row, column))).collect()
}

async fn stored(outsider: &mut Outsider, table: &str, column: &str) -> BTreeMap<String, String> {
    let sql = format!(
        "SELECT CAST(id AS TEXT) || '=' || coalesce({column}, '') FROM {table} \
         WHERE CAST(project_id AS TEXT) = '{}'",
        project_id()
    );
    let pairs = outsider.texts(&sql).await;
    let pair = |text: &String| text.split_once('=').map(|(key, value)| (key.into(), value.into()));
    pairs.iter().filter_map(pair).collect()
}

async fn devices_follow_a_table_through_every_migration(store: Kind) {
    let world = World::on(store).await;
    let (ada, bob) = (world.ada().await, world.bob().await);
    follow_every_migration(&world, ada, bob).await;
}

/// Hubs that share a database notice the same change, and one of them records it.
#[tokio::test]
async fn devices_of_two_hubs_follow_a_table_through_every_migration() {
    let world = World::on(Kind::Postgres).await;
    let second = Hub::start(&world.database, &[]).await;
    let ada = world.ada().await;
    let bob = world.device_at(second.address, "bob", Codec::MsgPack).await;
    follow_every_migration(&world, ada, bob).await;
}

/// What a hub told before it looked is told again.
#[tokio::test]
async fn a_hub_that_looks_at_the_tables_late_leaves_nobody_behind() {
    let world = World::on(Kind::Postgres).await;
    let gate = Arc::new(Gate::default());
    gate.closes(Call::Refresh, Side::Before);
    let late = hub_behind(&world.database, &gate).await;
    gate.is_reached().await;
    let mut ada = world.ada().await;
    let mut bob = world.device_at(late.address, "bob", Codec::Json).await;
    bob.subscribes(&world.project).await;
    bob.edits(&world.project, vec![rename(&id(1), "Before")]).await;
    world.outsider().await.runs("ALTER TABLE tasks ADD COLUMN remark TEXT DEFAULT 'new'").await;
    ada.hears_news("the new schema", |news| matches!(news, News::Schema(_)).then_some(())).await;
    let after = format!("UPDATE tasks SET title = 'After' WHERE id = '{}'", id(2));
    world.outsider().await.runs(&after).await;
    eventually("what comes after the reset", async || {
        settles(&mut bob, &world).await;
        let task = bob.view(&world.project).row("tasks", &id(2));
        task.and_then(|task| task.get("title")) == Some(&"After".into())
    })
    .await;
    gate.opens();
    holds_what_is_stored(&mut bob, &world, "tasks", "remark").await;
    late.drain().await;
}

async fn follow_every_migration(world: &World, mut ada: Device, mut bob: Device) {
    for device in [&mut ada, &mut bob] {
        device.subscribes(&world.project).await;
    }
    let (mut migrator, mut writer) = (world.outsider().await, world.outsider().await);
    let before = ada.welcome.schema.hash.clone();
    for (round, migration) in migrations(world.database.kind).into_iter().enumerate() {
        migrator.runs(migration).await;
        writes(&mut writer, round).await;
        // Edits go on too; while a table changes they may be told to come again.
        for (number, device) in [(2, &mut ada), (3, &mut bob)] {
            let sent = edit(&world.project, vec![rename(&id(number), &format!("edited {round}"))]);
            eventually("the edit to be taken", async || device.tries(&sent).await.is_ok()).await;
        }
    }
    let has_all = |schema: &rowcast_protocol::Schema| {
        let column = |table: &str, column: &str| {
            schema
                .tables
                .iter()
                .flatten()
                .any(|t| t.name == table && t.columns.iter().any(|known| known.name == column))
        };
        column("tasks", "remark") && column("comments", "mood")
    };
    for device in [&mut ada, &mut bob] {
        let told = device
            .hears_news("the new schema", |news| match news {
                News::Schema(schema) if has_all(schema) => Some(schema.hash.clone()),
                _ => None,
            })
            .await;
        assert_ne!(told, before);
        assert_eq!(world.ada().await.welcome.schema.hash, told);
    }
    writes(&mut writer, 100).await;
    for device in [&mut ada, &mut bob] {
        for (table, column) in
            [("tasks", "title"), ("tasks", "remark"), ("comments", "body"), ("comments", "mood")]
        {
            holds_what_is_stored(device, world, table, column).await;
        }
    }
}

/// Waits until a device has what the database has of a column.
pub(crate) async fn holds_what_is_stored(
    device: &mut Device,
    world: &World,
    table: &str,
    column: &str,
) {
    let wanted = stored(&mut world.outsider().await, table, column).await;
    eventually("the device to hold what the database has", async || {
        settles(device, world).await;
        held(device, world, table, column) == wanted
    })
    .await;
}

async fn a_table_that_is_away_refuses_edits_for_the_moment_and_its_rows_leave(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut migrator = world.outsider().await;
    migrator.runs("ALTER TABLE tasks RENAME TO tasks_elsewhere").await;
    bob.hears_news("a schema without tasks", |news| match news {
        News::Schema(schema) => {
            schema.tables.iter().flatten().all(|table| table.name != "tasks").then_some(())
        }
        _ => None,
    })
    .await;
    let sent = edit(&world.project, vec![rename(&id(1), "not now")]);
    let error = bob.tries(&sent).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable);
    eventually("the rows to leave", async || {
        settles(&mut bob, &world).await;
        bob.view(&world.project).table("tasks").next().is_none()
    })
    .await;
    migrator.runs("ALTER TABLE tasks_elsewhere RENAME TO tasks").await;
    eventually("the same edit to be taken", async || bob.tries(&sent).await.is_ok()).await;
    eventually("the rows to be back", async || {
        settles(&mut bob, &world).await;
        let task = bob.view(&world.project).row("tasks", &id(1)).cloned();
        task.is_some_and(|task| task.get("title") == Some(&"not now".into()))
    })
    .await;
}
