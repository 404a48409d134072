//! The channel of a person: all of somebody's devices agree on what concerns them.

use rowcast_protocol::Value;
use serde_json::json;

use crate::support::{
    database::Kind,
    device::Device,
    edits::{comment, delete, set},
    on_both_stores,
    view::View,
    world::{World, id, person},
};

/// Kind, actor and task of the notifications, in some order.
fn notifications(view: &View) -> Vec<(Value, Value, Value)> {
    let field =
        |row: &rowcast_protocol::Fields, name: &str| row.get(name).cloned().unwrap_or_default();
    let mut all: Vec<_> = view
        .table("notifications")
        .map(|row| (field(row, "kind"), field(row, "actor"), field(row, "task_id")))
        .collect();
    all.sort_by_key(|row| format!("{row:?}"));
    all
}

async fn sees_notifications(device: &mut Device, of: &str, expected: &[(&str, &str, &str)]) {
    let expected: Vec<(Value, Value, Value)> = expected
        .iter()
        .map(|(kind, actor, task)| ((*kind).into(), (*actor).into(), (*task).into()))
        .collect();
    device.sees(&person(of), "the notifications", |view| notifications(view) == expected).await;
}

on_both_stores! {
    whoever_is_assigned_is_told_on_every_device,
    nobody_is_told_what_they_did_themselves,
    whoever_is_mentioned_and_whoever_is_concerned_is_told_once,
    what_one_device_reads_or_deletes_the_other_sees,
    an_outsider_who_assigns_by_plain_sql_tells_too,
}

async fn whoever_is_assigned_is_told_on_every_device(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    let mut bobs = [world.bob().await, world.device("bob", rowcast_protocol::Codec::Json).await];
    for bob in &mut bobs {
        bob.subscribes(&person("bob")).await;
    }
    ada.edits(&world.project, vec![set("tasks", &id(1), json!({"assignee": "bob"}))]).await;
    for bob in &mut bobs {
        sees_notifications(bob, "bob", &[("assigned", "ada", &id(1))]).await;
    }
}

async fn nobody_is_told_what_they_did_themselves(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&person("bob")).await;
    bob.edits(&world.project, vec![set("tasks", &id(1), json!({"assignee": "bob"}))]).await;
    bob.edits(&world.project, vec![comment(&id(1), "Mine, @bob")]).await;
    ada.edits(&world.project, vec![comment(&id(1), "Yours")]).await;
    sees_notifications(&mut bob, "bob", &[("commented", "ada", &id(1))]).await;
}

async fn whoever_is_mentioned_and_whoever_is_concerned_is_told_once(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob, mut vera) = (world.ada().await, world.bob().await, world.vera().await);
    bob.subscribes(&person("bob")).await;
    vera.subscribes(&person("vera")).await;
    ada.edits(&world.project, vec![set("tasks", &id(2), json!({"assignee": "bob"}))]).await;
    ada.edits(
        &world.project,
        vec![comment(&id(2), "What do you think, @bob and @vera and @nobody?")],
    )
    .await;
    sees_notifications(&mut vera, "vera", &[("mentioned", "ada", &id(2))]).await;
    sees_notifications(
        &mut bob,
        "bob",
        &[("assigned", "ada", &id(2)), ("mentioned", "ada", &id(2))],
    )
    .await;
}

async fn what_one_device_reads_or_deletes_the_other_sees(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    let (mut phone, mut laptop) =
        (world.bob().await, world.device("bob", rowcast_protocol::Codec::Json).await);
    phone.subscribes(&person("bob")).await;
    laptop.subscribes(&person("bob")).await;
    ada.edits(&world.project, vec![set("tasks", &id(1), json!({"assignee": "bob"}))]).await;
    sees_notifications(&mut phone, "bob", &[("assigned", "ada", &id(1))]).await;
    let key = phone
        .view(&person("bob"))
        .table("notifications")
        .next()
        .unwrap()
        .get("id")
        .unwrap()
        .clone();
    let key = key.as_str().unwrap().to_owned();
    phone
        .edits(
            &person("bob"),
            vec![set("notifications", &key, json!({"read_at": "2026-01-01T00:00:00Z"}))],
        )
        .await;
    laptop
        .sees(&person("bob"), "it to be read", |view| {
            view.row("notifications", &key).and_then(|row| row.get("read_at"))
                == Some(&"2026-01-01T00:00:00.000000Z".into())
        })
        .await;
    laptop.edits(&person("bob"), vec![delete("notifications", &key)]).await;
    phone.sees_no(&person("bob"), "notifications", &key).await;
}

async fn an_outsider_who_assigns_by_plain_sql_tells_too(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&person("bob")).await;
    world
        .outsider()
        .await
        .runs(&format!(
            "UPDATE tasks SET assignee = 'bob', updated_by = 'cron' WHERE id = '{}'",
            id(3)
        ))
        .await;
    sees_notifications(&mut bob, "bob", &[("assigned", "cron", &id(3))]).await;
}
