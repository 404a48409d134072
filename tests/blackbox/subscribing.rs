//! Subscribing: snapshots, then entries, from the word `subscribed` on.

use rowcast_protocol::{
    ErrorCode, Reply, Request, Role, ServerMessage,
    reply::{SnapshotReason, Start},
    request::Unsubscribe,
};

use crate::support::{
    database::Kind,
    edits::{comment, label, new_task, rename},
    on_both_stores,
    world::{World, id, person, project},
};

on_both_stores! {
    a_newcomer_gets_a_snapshot_and_then_what_happens,
    both_encodings_show_the_same_rows,
    a_newcomer_misses_nothing_while_others_write,
    subscribing_again_starts_again,
    after_unsubscribing_nothing_more_comes,
    unsubscribing_from_what_is_not_followed_is_an_error,
    a_channel_that_does_not_exist_looks_like_one_that_is_not_ours,
    one_socket_follows_many_channels,
    a_message_too_long_for_one_frame_comes_in_parts,
    a_bulk_change_by_an_outsider_becomes_a_reset_and_a_snapshot,
    comments_and_tasks_of_a_project_come_in_one_entry_per_edit,
}

async fn a_newcomer_gets_a_snapshot_and_then_what_happens(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let subscribed = bob.subscribes(&world.project).await;
    assert_eq!((subscribed.start, subscribed.role), (Start::Snapshot, Role::Editor));
    assert_eq!(subscribed.reason, Some(SnapshotReason::NoCursor));
    assert_eq!(bob.view(&world.project).table("tasks").count(), 3);
    assert_eq!(bob.view(&world.project).table("members").count(), 3);
    assert_eq!(bob.view(&world.project).table("projects").count(), 1);
    ada.edits(&world.project, vec![rename(&id(1), "Renamed")]).await;
    bob.sees_title(&world.project, &id(1), "Renamed").await;
}

async fn both_encodings_show_the_same_rows(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let set = crate::support::edits::set(
        "tasks",
        &id(2),
        serde_json::json!({
            "description": "ünïcödé \u{1f980} \"quoted\"\n", "due_date": "2026-02-28",
            "completed_at": "2026-02-28T12:00:00+02:00", "labels": ["a", "b"],
            "metadata": {"n": 1, "f": 1.5, "deep": {"list": [null, true, "x"]}},
        }),
    );
    ada.subscribes(&world.project).await;
    ada.edits(&world.project, vec![set]).await;
    bob.subscribes(&world.project).await;
    ada.sees(&world.project, "the change", |view| {
        view.row("tasks", &id(2))
            .is_some_and(|row| row.get("due_date") == Some(&"2026-02-28".into()))
    })
    .await;
    assert_eq!(ada.view(&world.project).rows, bob.view(&world.project).rows);
    let task = bob.task(&world.project, &id(2));
    assert_eq!(task.get("completed_at"), Some(&"2026-02-28T10:00:00.000000Z".into()));
}

async fn a_newcomer_misses_nothing_while_others_write(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    let many = (100..900).map(|number| new_task(&id(number), "One of many"));
    for tasks in many.collect::<Vec<_>>().chunks(200) {
        ada.edits(&world.project, tasks.to_vec()).await;
    }
    for round in 0..10 {
        let mut bob = world.bob().await;
        for number in 0..20 {
            let title = format!("Round {round}, {number}");
            ada.sends(&crate::support::edits::edit(
                &world.project,
                vec![rename(&id(100 + number * 40), &title)],
            ))
            .await;
        }
        bob.subscribes(&world.project).await;
        bob.sees_title(&world.project, &id(100 + 19 * 40), &format!("Round {round}, 19")).await;
        for number in 0..20 {
            let task = bob.task(&world.project, &id(100 + number * 40));
            assert_eq!(task.get("title"), Some(&format!("Round {round}, {number}").into()));
        }
        assert_eq!(bob.view(&world.project).table("tasks").count(), 803);
    }
}

async fn subscribing_again_starts_again(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    ada.edits(&world.project, vec![rename(&id(1), "Before")]).await;
    bob.subscribes(&world.project).await;
    assert_eq!(bob.task(&world.project, &id(1)).get("title"), Some(&"Before".into()));
    let ack = ada.edits(&world.project, vec![rename(&id(1), "After")]).await;
    bob.sees_title(&world.project, &id(1), "After").await;
    // The entry comes once, not once per subscription.
    bob.is_up_to_date().await;
    let entries = &bob.view(&world.project).entries;
    assert_eq!(entries.iter().filter(|entry| entry.seq == ack.seq).count(), 1);
}

async fn after_unsubscribing_nothing_more_comes(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    assert!(matches!(bob.unsubscribes(&world.project).await, Reply::Unsubscribed(_)));
    bob.inbox.clear();
    ada.edits(&world.project, vec![rename(&id(1), "Unseen")]).await;
    // Entries of another channel come after those that must not.
    bob.subscribes(&world.other).await;
    ada.edits(&world.other, vec![rename(&id(9), "Seen")]).await;
    bob.sees_title(&world.other, &id(9), "Seen").await;
    let strays = bob.inbox.iter().filter(|message| match message {
        ServerMessage::News(news) => format!("{news:?}").contains(world.project.as_str()),
        ServerMessage::Reply(_) => false,
    });
    assert_eq!(strays.count(), 0);
}

async fn unsubscribing_from_what_is_not_followed_is_an_error(store: Kind) {
    let world = World::on(store).await;
    let mut ada = world.ada().await;
    let channel = world.project.clone();
    let error =
        ada.fails(|reference| Request::Unsubscribe(Unsubscribe { reference, channel })).await;
    assert_eq!(error.code, ErrorCode::NotSubscribed);
    assert_eq!(error.channel.as_ref(), Some(&world.project));
}

async fn a_channel_that_does_not_exist_looks_like_one_that_is_not_ours(store: Kind) {
    let world = World::on(store).await;
    let mut eve = world.eve().await;
    let theirs = eve.fails_to_subscribe(&world.project).await;
    let none = eve.fails_to_subscribe(&project(&id(0xfff))).await;
    let odd =
        eve.fails_to_subscribe(&rowcast_protocol::ChannelName::new("planet:mars").unwrap()).await;
    let private = eve.fails_to_subscribe(&person("ada")).await;
    for error in [theirs, none, odd, private] {
        assert_eq!(error.code, ErrorCode::UnknownChannel);
    }
}

async fn one_socket_follows_many_channels(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    bob.subscribes(&world.other).await;
    bob.subscribes(&person("bob")).await;
    ada.edits(&world.project, vec![rename(&id(1), "Here")]).await;
    ada.edits(&world.other, vec![rename(&id(9), "There")]).await;
    bob.sees_title(&world.project, &id(1), "Here").await;
    bob.sees_title(&world.other, &id(9), "There").await;
}

async fn a_message_too_long_for_one_frame_comes_in_parts(store: Kind) {
    let settings = [("LIMITS__MESSAGE_BYTES", "400000")];
    let world = World::with(store, &settings).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    bob.subscribes(&world.project).await;
    let long = "\"long\" ünd\n".repeat(15_000);
    let text =
        crate::support::edits::set("tasks", &id(1), serde_json::json!({ "description": long }));
    ada.edits(&world.project, vec![text]).await;
    for device in [&mut ada, &mut bob] {
        device
            .sees(&world.project, "the long text", |view| {
                view.row("tasks", &id(1)).and_then(|row| row.get("description"))
                    == Some(&long.as_str().into())
            })
            .await;
        assert!(device.stream.in_parts > 0, "it did not come in parts");
        assert!(device.stream.largest <= 65_536, "a frame of {} bytes", device.stream.largest);
    }
    // A snapshot with that row comes in parts too.
    let mut late = world.bob().await;
    late.subscribes(&world.project).await;
    assert_eq!(late.view(&world.project).rows, ada.view(&world.project).rows);
    assert!(late.stream.in_parts > 0 && late.stream.largest <= 65_536);
}

async fn a_bulk_change_by_an_outsider_becomes_a_reset_and_a_snapshot(store: Kind) {
    let world = World::with(store, &[("LIMITS__ENTRY_CHANGES", "100")]).await;
    let mut bob = world.bob().await;
    let mut ada = world.ada().await;
    for range in [200..270, 270..340] {
        let tasks = range.map(|number| new_task(&id(number), "Bulk")).collect();
        ada.edits(&world.project, tasks).await;
    }
    bob.subscribes(&world.project).await;
    world.outsider().await.runs("UPDATE tasks SET title = 'All at once'").await;
    let tables = bob
        .hears_news("a reset", |news| match news {
            rowcast_protocol::News::Entries(news) if news.channel == world.project => news
                .entries
                .iter()
                .find_map(|entry| (!entry.reset.is_empty()).then(|| entry.reset.clone())),
            _ => None,
        })
        .await;
    assert_eq!(tables, ["tasks"]);
    assert_eq!(bob.resets, std::slice::from_ref(&world.project));
    bob.subscribes(&world.project).await;
    let titles = bob
        .view(&world.project)
        .table("tasks")
        .filter(|row| row.get("title") == Some(&"All at once".into()))
        .count();
    assert_eq!(titles, 143);
    // Life goes on after it.
    ada.edits(&world.project, vec![rename(&id(1), "One alone")]).await;
    bob.sees_title(&world.project, &id(1), "One alone").await;
}

async fn comments_and_tasks_of_a_project_come_in_one_entry_per_edit(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let ops = vec![label(&id(1), "urgent"), comment(&id(1), "Have a look"), rename(&id(2), "Two")];
    let ack = ada.edits(&world.project, ops).await;
    bob.sees_title(&world.project, &id(2), "Two").await;
    let entry = bob.view(&world.project).entries.iter().find(|entry| entry.seq == ack.seq);
    let entry = entry.expect("the entry that the ack names");
    assert_eq!(entry.edits[0].id, ack.id);
    assert_eq!(entry.changes.len(), 3);
    assert_eq!(bob.view(&world.project).table("comments").count(), 1);
}
