//! Edits: what an ack means, and that one edit is one whole.

use rowcast_protocol::{ErrorCode, Place, Value};
use serde_json::json;

use crate::support::{
    database::Kind,
    edits::{comment, delete, edit, label, move_to, new_task, new_task_at, rename, set},
    on_both_stores,
    world::{World, id},
};

on_both_stores! {
    an_ack_names_the_entry_that_everybody_gets,
    an_acked_edit_survives_a_crash,
    an_edit_that_changes_nothing_acks_the_head,
    operations_see_the_ones_before_them,
    edits_of_different_fields_merge,
    edits_of_one_client_take_effect_in_order,
    rows_are_placed_by_hand,
    a_task_moves_to_another_project,
    deleting_a_task_deletes_what_hangs_on_it,
    an_edit_needs_no_subscription_but_names_one_channel,
    the_hub_knows_who_made_and_who_changed_a_task,
}

async fn an_ack_names_the_entry_that_everybody_gets(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    bob.subscribes(&world.project).await;
    let ack = ada.edits(&world.project, vec![rename(&id(1), "Named")]).await;
    assert!(!ack.replayed);
    for device in [&mut ada, &mut bob] {
        device.sees_title(&world.project, &id(1), "Named").await;
        let view = device.view(&world.project);
        assert_eq!(view.epoch, Some(ack.epoch));
        let entry = view.entries.iter().find(|entry| entry.seq == ack.seq).expect("it came");
        assert_eq!((entry.edits[0].id, entry.edits[0].user.as_str()), (ack.id, "ada"));
        assert!(entry.by.is_none());
    }
}

async fn an_acked_edit_survives_a_crash(store: Kind) {
    let mut world = World::on(store).await;
    let mut ada = world.ada().await;
    let mut last = ada.edits(&world.project, vec![rename(&id(1), "Durable 0")]).await;
    for number in 1..20 {
        let next =
            ada.edits(&world.project, vec![rename(&id(1), &format!("Durable {number}"))]).await;
        assert_eq!(next.seq, last.seq + 1);
        last = next;
        if number % 5 == 0 {
            world.hub.is_killed();
            world.hub.starts_again().await;
            ada = world.ada().await;
        }
    }
    ada.subscribes(&world.project).await;
    assert_eq!(ada.task(&world.project, &id(1)).get("title"), Some(&"Durable 19".into()));
    assert_eq!(ada.view(&world.project).seq, last.seq);
}

async fn an_edit_that_changes_nothing_acks_the_head(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    ada.subscribes(&world.project).await;
    let before = ada.edits(&world.project, vec![label(&id(1), "x")]).await;
    let nothing = ada.edits(&world.project, vec![label(&id(1), "x")]).await;
    assert_eq!((nothing.epoch, nothing.seq), (before.epoch, before.seq));
    let after = ada.edits(&world.project, vec![label(&id(1), "y")]).await;
    assert_eq!(after.seq, before.seq + 1);
}

async fn operations_see_the_ones_before_them(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let ops = vec![
        new_task(&id(60), "New"),
        rename(&id(60), "Newer"),
        comment(&id(60), "Newest"),
        delete("tasks", &id(3)),
    ];
    bob.edits(&world.project, ops).await;
    bob.sees_title(&world.project, &id(60), "Newer").await;
    assert_eq!(bob.view(&world.project).table("comments").count(), 1);
    assert!(bob.view(&world.project).row("tasks", &id(3)).is_none());
}

async fn edits_of_different_fields_merge(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    let (one, other) = (
        edit(&world.project, vec![rename(&id(1), "Hers")]),
        edit(&world.project, vec![set("tasks", &id(1), json!({"status": "done"}))]),
    );
    let (first, second) = (ada.sends(&one).await, bob.sends(&other).await);
    ada.reply(first).await;
    bob.reply(second).await;
    ada.sees(&world.project, "both", |view| {
        let row = view.row("tasks", &id(1)).unwrap();
        row.get("title") == Some(&"Hers".into()) && row.get("status") == Some(&"done".into())
    })
    .await;
}

async fn edits_of_one_client_take_effect_in_order(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut refs = Vec::new();
    for number in 0..100 {
        let edit = edit(&world.project, vec![rename(&id(1), &format!("Title {number}"))]);
        refs.push(bob.sends(&edit).await);
    }
    let mut last = 0;
    for reference in refs {
        let rowcast_protocol::Reply::Ack(ack) = bob.reply(reference).await else {
            panic!("refused")
        };
        assert!(ack.seq >= last);
        last = ack.seq;
    }
    bob.sees_title(&world.project, &id(1), "Title 99").await;
}

async fn rows_are_placed_by_hand(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    bob.edits(
        &world.project,
        vec![
            new_task_at(&id(31), "first", Place::First),
            new_task_at(&id(32), "second", Place::After(id(31).into())),
            new_task_at(&id(33), "between", Place::Before(id(32).into())),
            new_task_at(&id(34), "last", Place::Last),
        ],
    )
    .await;
    bob.sees_title(&world.project, &id(34), "last").await;
    let mut order: Vec<_> = bob
        .view(&world.project)
        .table("tasks")
        .map(|row| {
            let text = |field| row.get(field).and_then(|value| value.as_str()).map(str::to_owned);
            let position = text("position");
            (position.is_none(), position, text("id"), text("title").unwrap())
        })
        .collect();
    // By the bytes of the position; whoever has none comes last, by the key.
    order.sort();
    let titles: Vec<_> = order.iter().map(|(.., title)| title.as_str()).collect();
    assert_eq!(titles, ["first", "between", "second", "last", "Task 1", "Task 2", "Task 3"]);
    let error = bob
        .is_refused(&world.project, vec![new_task_at(&id(35), "x", Place::After(id(404).into()))])
        .await;
    assert_eq!(error.code, ErrorCode::NotFound);
}

async fn a_task_moves_to_another_project(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    bob.subscribes(&world.other).await;
    let ack = ada.edits(&world.project, vec![move_to(&id(1), &world.other)]).await;
    assert_eq!(ack.channel, world.project);
    ada.sees_no(&world.project, "tasks", &id(1)).await;
    bob.sees_title(&world.other, &id(1), "Task 1").await;
    let left = &ada.view(&world.project).entries.last().unwrap().changes[0];
    assert!(matches!(left, rowcast_protocol::Change::Leave(_)), "{left:?}");
    let error = ada.is_refused(&world.project, vec![rename(&id(1), "Gone")]).await;
    assert_eq!(error.code, ErrorCode::NotFound);
}

async fn deleting_a_task_deletes_what_hangs_on_it(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    ada.edits(&world.project, vec![comment(&id(1), "one"), comment(&id(1), "two")]).await;
    ada.edits(&world.project, vec![set("tasks", &id(2), json!({"parent_id": id(1)}))]).await;
    let ack = ada.edits(&world.project, vec![delete("tasks", &id(1))]).await;
    bob.sees_no(&world.project, "tasks", &id(1)).await;
    let view = bob.view(&world.project);
    assert_eq!((view.table("comments").count(), view.table("tasks").count()), (0, 1));
    let entry = view.entries.iter().find(|entry| entry.seq == ack.seq).unwrap();
    assert_eq!(entry.changes.len(), 4, "one entry holds the whole cascade: {:?}", entry.changes);
}

async fn an_edit_needs_no_subscription_but_names_one_channel(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.edits(&world.other, vec![rename(&id(9), "From outside")]).await;
    let error = bob.is_refused(&world.other, vec![rename(&id(1), "In another channel")]).await;
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(error.key, Some(Value::from(id(1))));
}

async fn the_hub_knows_who_made_and_who_changed_a_task(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    ada.edits(&world.project, vec![new_task(&id(40), "Hers")]).await;
    bob.edits(&world.project, vec![rename(&id(40), "His too")]).await;
    bob.sees_title(&world.project, &id(40), "His too").await;
    let task = bob.task(&world.project, &id(40));
    assert_eq!(
        (task.get("created_by"), task.get("updated_by")),
        (Some(&"ada".into()), Some(&"bob".into()))
    );
}
