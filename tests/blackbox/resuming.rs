//! Coming back: with a cursor that fits nothing is lost or doubled; with one that does not, the hub
//! says so and sends a snapshot.

use rowcast_protocol::{
    Cursor, Epoch, ErrorCode,
    reply::{SnapshotReason, Start},
    request::PresenceMode,
};

use crate::support::{
    database::Kind,
    device::Device,
    edits::{new_task, rename},
    link::Link,
    on_both_stores,
    world::{World, id},
};

async fn starts(
    device: &mut Device,
    world: &World,
    cursor: Cursor,
) -> (Start, Option<SnapshotReason>) {
    let subscribed =
        device.subscribes_as(&world.project, Some(cursor), PresenceMode::Off, None).await;
    (subscribed.start, subscribed.reason)
}

fn seqs_of(device: &Device, world: &World) -> Vec<u64> {
    device.view(&world.project).entries.iter().map(|entry| entry.seq).collect()
}

on_both_stores! {
    whoever_comes_back_gets_exactly_what_was_missed,
    whoever_missed_nothing_gets_nothing_until_something_happens,
    a_cursor_holds_after_the_hub_was_killed,
    a_cursor_from_the_future_gets_a_snapshot,
    a_cursor_of_another_history_gets_a_snapshot,
    a_cursor_of_another_channel_gets_a_snapshot,
    a_text_that_is_no_cursor_is_an_error,
    a_restored_database_is_told_from_the_one_that_was_known,
    a_stream_stays_without_gaps_however_often_it_is_cut,
    a_connection_cut_in_the_middle_of_a_snapshot_begins_again,
}

async fn whoever_comes_back_gets_exactly_what_was_missed(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let view = bob.view(&world.project).clone();
    drop(bob);
    for number in 0..5 {
        ada.edits(&world.project, vec![rename(&id(1), &format!("Missed {number}"))]).await;
    }
    let mut bob = world.bob().await;
    let subscribed = bob.resumes(&world.project, &view).await;
    assert_eq!((subscribed.start, subscribed.head), (Start::Resume, view.seq + 5));
    assert_eq!(seqs_of(&bob, &world), (view.seq + 1..=view.seq + 5).collect::<Vec<_>>());
    assert_eq!(bob.task(&world.project, &id(1)).get("title"), Some(&"Missed 4".into()));
}

async fn whoever_missed_nothing_gets_nothing_until_something_happens(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let view = bob.view(&world.project).clone();
    let mut again = world.bob().await;
    assert_eq!(again.resumes(&world.project, &view).await.start, Start::Resume);
    again.is_up_to_date().await;
    assert_eq!(seqs_of(&again, &world), Vec::<u64>::new());
    ada.edits(&world.project, vec![rename(&id(1), "Something")]).await;
    again.sees_title(&world.project, &id(1), "Something").await;
}

async fn a_cursor_holds_after_the_hub_was_killed(store: Kind) {
    let mut world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let view = bob.view(&world.project).clone();
    ada.edits(&world.project, vec![rename(&id(1), "Before the crash")]).await;
    world.hub.is_killed();
    world.hub.starts_again().await;
    let mut bob = world.bob().await;
    assert_eq!(bob.resumes(&world.project, &view).await.start, Start::Resume);
    assert_eq!(bob.task(&world.project, &id(1)).get("title"), Some(&"Before the crash".into()));
    world.ada().await.edits(&world.project, vec![rename(&id(1), "After it")]).await;
    bob.sees_title(&world.project, &id(1), "After it").await;
}

async fn a_cursor_from_the_future_gets_a_snapshot(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let cursor = bob.view(&world.project).cursor.unwrap();
    let ahead = Cursor { seq: cursor.seq + 1000, ..cursor };
    assert_eq!(
        starts(&mut bob, &world, ahead).await,
        (Start::Snapshot, Some(SnapshotReason::Ahead))
    );
}

async fn a_cursor_of_another_history_gets_a_snapshot(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    ada.edits(&world.project, vec![rename(&id(1), "Later")]).await;
    bob.sees_title(&world.project, &id(1), "Later").await;
    let cursor = bob.view(&world.project).cursor.unwrap();
    let other_history = (Start::Snapshot, Some(SnapshotReason::OtherHistory));
    let epoch = Cursor { epoch: Epoch(cursor.epoch.0 ^ 1), ..cursor };
    assert_eq!(starts(&mut bob, &world, epoch).await, other_history);
    let tag = Cursor { tag: cursor.tag ^ 1, ..cursor };
    assert_eq!(starts(&mut bob, &world, tag).await, other_history);
    let older = Cursor { seq: cursor.seq - 1, ..cursor };
    assert_eq!(starts(&mut bob, &world, older).await, other_history);
}

async fn a_cursor_of_another_channel_gets_a_snapshot(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.other).await;
    let cursor = bob.view(&world.other).cursor.unwrap();
    assert_eq!(starts(&mut bob, &world, cursor).await.0, Start::Snapshot);
    assert_eq!(bob.view(&world.project).table("tasks").count(), 3);
}

async fn a_text_that_is_no_cursor_is_an_error(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    for cursor in ["", "x", "AAAA", "n459bFtKOSgAAAAAAAAAKRorPE0A", "n459bFtKOSgAAAAAAAAAKRorPE0="]
    {
        let reference = ada.next_ref();
        let channel = &world.project;
        let request = serde_json::json!({
            "type": "subscribe", "ref": reference, "channel": channel, "cursor": cursor,
        });
        ada.stream.send_bytes(request.to_string()).await.unwrap();
        match ada.reply(reference).await {
            rowcast_protocol::Reply::Error(error) => assert_eq!(error.code, ErrorCode::BadCursor),
            other => panic!("{other:?} is no error"),
        }
    }
    ada.subscribes(&world.project).await;
}

async fn a_restored_database_is_told_from_the_one_that_was_known(store: Kind) {
    let mut world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let saved = Backup::of(&mut world).await;
    let mut ada_again = world.ada().await;
    let mut bob_again = world.bob().await;
    bob_again.resumes(&world.project, bob.view(&world.project)).await;
    for number in 0..3 {
        ada_again.edits(&world.project, vec![rename(&id(1), &format!("Lost {number}"))]).await;
    }
    bob_again.sees_title(&world.project, &id(1), "Lost 2").await;
    let known = bob_again.view(&world.project).clone();
    saved.restores(&mut world).await;
    drop((ada, ada_again));
    ada = world.ada().await;
    for number in 0..3 {
        ada.edits(&world.project, vec![rename(&id(1), &format!("Anew {number}"))]).await;
    }
    let mut bob = world.bob().await;
    let subscribed = bob.resumes(&world.project, &known).await;
    assert_eq!(subscribed.reason, Some(SnapshotReason::OtherHistory));
    assert_eq!(bob.task(&world.project, &id(1)).get("title"), Some(&"Anew 2".into()));
}

async fn a_stream_stays_without_gaps_however_often_it_is_cut(store: Kind) {
    let world = World::on(store).await;
    let link = Link::to(world.hub.address).await;
    let mut ada = world.ada().await;
    let mut bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::MsgPack).await;
    bob.subscribes(&world.project).await;
    let first = bob.view(&world.project).seq;
    for round in 0..10 {
        ada.edits(&world.project, vec![rename(&id(1), &format!("Round {round}"))]).await;
        if round % 3 == 0 {
            bob.sees_title(&world.project, &id(1), &format!("Round {round}")).await;
        }
        ada.edits(&world.project, vec![rename(&id(2), &format!("Round {round}"))]).await;
        if round % 2 == 0 {
            link.is_cut()
        } else {
            link.is_reset()
        }
        let _ = bob.is_closed().await;
        let view = bob.view(&world.project).clone();
        bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::MsgPack).await;
        assert_eq!(bob.resumes(&world.project, &view).await.start, Start::Resume);
    }
    bob.sees_title(&world.project, &id(2), "Round 9").await;
    let seqs = seqs_of(&bob, &world);
    assert_eq!(seqs, (first + 1..=first + 20).collect::<Vec<_>>());
}

async fn a_connection_cut_in_the_middle_of_a_snapshot_begins_again(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    for chunk in 0..4 {
        let tasks = (0..250).map(|n| new_task(&id(1000 + chunk * 250 + n), &"x".repeat(100)));
        ada.edits(&world.project, tasks.collect()).await;
    }
    let link = Link::to(world.hub.address).await;
    for bytes in [20_000, 60_000, 150_000] {
        link.turns(crate::support::link::Weather::CutAfter(bytes));
        let mut bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::Json).await;
        let reference = bob.next_ref();
        let request = crate::support::device::subscribe(reference, &world.project);
        bob.send(&rowcast_protocol::Request::Subscribe(request)).await;
        assert_eq!(bob.is_closed().await, None);
    }
    link.turns(crate::support::link::Weather::Fair);
    let mut bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::Json).await;
    bob.subscribes(&world.project).await;
    assert_eq!(bob.view(&world.project).table("tasks").count(), 1003);
}

/// A copy of the database, taken while the hub is stopped.
struct Backup {
    copy: String,
}

impl Backup {
    async fn of(world: &mut World) -> Self {
        world.hub.is_killed();
        let copy = match world.database.kind {
            Kind::Sqlite => {
                let copy = world.database.folder.path().join("backup.db").display().to_string();
                world.outsider().await.runs(&format!("VACUUM INTO '{copy}'")).await;
                copy
            }
            Kind::Postgres => world.database.copied().await,
        };
        world.hub.starts_again().await;
        Self { copy }
    }

    async fn restores(self, world: &mut World) {
        world.hub.is_killed();
        match world.database.kind {
            Kind::Sqlite => {
                for end in ["-wal", "-shm"] {
                    let _ =
                        std::fs::remove_file(format!("{}{end}", world.database.file().display()));
                }
                std::fs::rename(&self.copy, world.database.file()).unwrap();
            }
            Kind::Postgres => {
                world.database.url.clone_from(&self.copy);
                world.hub.set("STORE__URL", &self.copy);
            }
        }
        world.hub.starts_again().await;
    }
}
