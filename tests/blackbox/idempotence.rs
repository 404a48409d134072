//! Sending again: the same edit is applied once, whenever and wherever it is sent again.

use rowcast_protocol::{Edit, ErrorCode, Reply};

use crate::support::{
    database::Kind,
    edits::{comment, edit, rename},
    link::{Link, Weather},
    on_both_stores,
    world::{World, id},
};

on_both_stores! {
    the_same_edit_again_gives_the_same_ack,
    an_edit_is_applied_once_however_many_devices_send_it_at_once,
    the_same_edit_again_is_known_after_a_crash,
    an_edit_that_was_refused_is_refused_again,
    the_same_id_with_other_content_is_a_conflict,
    two_people_may_use_the_same_id,
    the_content_is_the_same_in_both_encodings,
    an_edit_whose_ack_was_lost_is_sent_again_and_stands_once,
}

async fn the_same_edit_again_gives_the_same_ack(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let once = edit(&world.project, vec![comment(&id(1), "Only once")]);
    let first = bob.tries(&once).await.unwrap();
    let again = bob.tries(&once).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!((first.epoch, first.seq), (again.epoch, again.seq));
    bob.edits(&world.project, vec![rename(&id(1), "After")]).await;
    bob.sees_title(&world.project, &id(1), "After").await;
    assert_eq!(bob.view(&world.project).table("comments").count(), 1);
}

async fn an_edit_is_applied_once_however_many_devices_send_it_at_once(store: Kind) {
    let world = World::on(store).await;
    let once = edit(&world.project, vec![comment(&id(1), "Only once")]);
    let mut devices = Vec::new();
    for _ in 0..6 {
        devices.push(world.bob().await);
    }
    let mut refs = Vec::new();
    for device in &mut devices {
        refs.push([device.sends(&once).await, device.sends(&once).await]);
    }
    let mut acks = Vec::new();
    for (device, refs) in devices.iter_mut().zip(refs) {
        for reference in refs {
            let Reply::Ack(ack) = device.reply(reference).await else { panic!("refused") };
            acks.push(ack);
        }
    }
    assert_eq!(acks.iter().filter(|ack| !ack.replayed).count(), 1);
    assert!(acks.iter().all(|ack| ack.seq == acks[0].seq));
    assert_eq!(world.outsider().await.counts("comments").await, 1);
}

async fn the_same_edit_again_is_known_after_a_crash(store: Kind) {
    let mut world = World::on(store).await;
    let once = edit(&world.project, vec![comment(&id(1), "Only once")]);
    let first = world.ada().await.tries(&once).await.unwrap();
    world.hub.is_killed();
    world.hub.starts_again().await;
    let again = world.ada().await.tries(&once).await.unwrap();
    assert!(again.replayed);
    assert_eq!((first.epoch, first.seq), (again.epoch, again.seq));
    assert_eq!(world.outsider().await.counts("comments").await, 1);
}

async fn an_edit_that_was_refused_is_refused_again(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    let bad = edit(&world.project, vec![rename(&id(90), "Not there yet")]);
    let first = ada.tries(&bad).await.unwrap_err();
    ada.edits(&world.project, vec![crate::support::edits::new_task(&id(90), "Now it is")]).await;
    let again = ada.tries(&bad).await.unwrap_err();
    assert_eq!((first.code, again.code), (ErrorCode::NotFound, ErrorCode::NotFound));
    assert_eq!((first.op, first.table), (again.op, again.table));
}

async fn the_same_id_with_other_content_is_a_conflict(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    let one = edit(&world.project, vec![rename(&id(1), "One")]);
    let other = Edit { ops: vec![rename(&id(1), "Other")], ..one.clone() };
    let elsewhere = Edit { channel: world.other.clone(), ..one.clone() };
    let first = bob.tries(&one).await.unwrap();
    assert_eq!(bob.tries(&other).await.unwrap_err().code, ErrorCode::EditConflict);
    assert_eq!(bob.tries(&elsewhere).await.unwrap_err().code, ErrorCode::EditConflict);
    assert_eq!(bob.tries(&one).await.unwrap().seq, first.seq);
}

async fn two_people_may_use_the_same_id(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let hers = edit(&world.project, vec![rename(&id(1), "Hers")]);
    let his = Edit { ops: vec![rename(&id(2), "His")], ..hers.clone() };
    assert!(!ada.tries(&hers).await.unwrap().replayed);
    assert!(!bob.tries(&his).await.unwrap().replayed);
}

async fn the_content_is_the_same_in_both_encodings(store: Kind) {
    let world = World::on(store).await;
    let mut json = world.device("ada", rowcast_protocol::Codec::Json).await;
    let mut msgpack = world.device("ada", rowcast_protocol::Codec::MsgPack).await;
    let ops = vec![crate::support::edits::set(
        "tasks",
        &id(1),
        serde_json::json!({
            "metadata": {"b": 1, "a": [1.5, "x", null]}, "due_date": "2026-01-01",
        }),
    )];
    let once = edit(&world.project, ops);
    assert!(!json.tries(&once).await.unwrap().replayed);
    assert!(msgpack.tries(&once).await.unwrap().replayed);
}

async fn an_edit_whose_ack_was_lost_is_sent_again_and_stands_once(store: Kind) {
    let world = World::on(store).await;
    let link = Link::to(world.hub.address).await;
    let mut watcher = world.ada().await;
    watcher.subscribes(&world.project).await;
    let mut bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::MsgPack).await;
    bob.subscribes(&world.project).await;
    // What the hub says does not arrive any more; what Bob says does, before the stall.
    let once = edit(&world.project, vec![comment(&id(1), "Lost ack")]);
    bob.sends(&once).await;
    watcher.sees(&world.project, "the comment", |view| view.table("comments").count() == 1).await;
    link.turns(Weather::Stalled);
    link.is_cut();
    link.turns(Weather::Fair);
    let mut bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::MsgPack).await;
    let ack = bob.tries(&once).await.unwrap();
    assert!(ack.replayed);
    assert_eq!(world.outsider().await.counts("comments").await, 1);
    let entries = &watcher.view(&world.project).entries;
    assert_eq!(
        entries.iter().filter(|entry| entry.edits.iter().any(|of| of.id == once.id)).count(),
        1
    );
}
