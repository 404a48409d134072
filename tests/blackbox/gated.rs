//! A member is removed while the hub waits for its database on that member's behalf: at each await,
//! one after the other. Whatever was looked up before the removal opens nothing after it.

use std::sync::Arc;

use rowcast::{server::Server, store::rights::OLDEST_LOOK};
use rowcast_protocol::{
    ChannelName, Cursor, ErrorCode, News, Reply, Request, ServerMessage,
    request::{History, PresenceMode, Ref, Subscribe},
};
use serde_json::json;

use crate::support::{
    database::Kind,
    device::Device,
    edits::{edit, new_task, rename},
    gate::{Call, Gate, Side, gated_hub},
    on_both_stores,
    world::{World, id, project},
};

on_both_stores! {
    no_await_of_a_subscription_lets_a_removed_member_in,
    a_snapshot_under_way_ends_with_the_membership,
    a_history_under_way_is_not_told,
    a_list_under_way_is_not_told,
    a_request_with_a_condition_under_way_tells_no_row,
    an_edit_that_waits_in_its_lane_is_refused,
    an_edit_that_waits_in_its_commit_is_refused_and_its_neighbour_is_not,
    an_edit_that_waits_for_somebody_elses_lock_is_refused,
    a_refused_resubscription_ends_the_old_one,
    what_was_remembered_of_a_closed_channel_is_forgotten,
}

/// A world, and in the place of its hub one that can be stopped.
struct Scene {
    world: World,
    server: Server,
    gate: Arc<Gate>,
}

/// A project of Ada's in which Bob edits, and which nobody follows yet.
struct Project {
    id: String,
    channel: ChannelName,
    task: String,
}

impl Scene {
    async fn on(kind: Kind) -> Self {
        let mut world = World::on(kind).await;
        world.hub.is_killed();
        let (server, gate) = gated_hub(&world.database).await;
        world.hub.address = server.address;
        Self { world, server, gate }
    }

    async fn project(&self, number: u32) -> Project {
        let (id, task) = (id(0x1000 + number), id(0x2000 + number));
        let sql = format!(
            "INSERT INTO projects (id, name) VALUES ('{id}', 'P');
             INSERT INTO members (project_id, user_id, name, role) VALUES
                ('{id}', 'ada', 'Ada', 'owner'), ('{id}', 'bob', 'Bob', 'editor')"
        );
        self.world.outsider().await.runs(&sql).await;
        let channel = project(&id);
        let mut ada = self.world.ada().await;
        ada.edits(&channel, vec![new_task(&task, "One")]).await;
        Project { id, channel, task }
    }

    /// Removes Bob from a project, and waits until the hub knows.
    async fn removes_bob(&self, from: &Project) {
        let sql =
            format!("DELETE FROM members WHERE user_id = 'bob' AND project_id = '{}'", from.id);
        self.world.outsider().await.runs(&sql).await;
        self.gate.hub_has_heard().await;
    }

    /// Bob reads nothing and writes nothing.
    async fn bob_is_out(&self, of: &Project, bob: &mut Device, told: &str) {
        let mut ada = self.world.ada().await;
        ada.edits(&of.channel, vec![rename(&of.task, "Secret")]).await;
        let error = bob.is_refused(&of.channel, vec![rename(&of.task, "Bob's")]).await;
        assert_eq!(error.code, ErrorCode::UnknownChannel, "{told}");
        let secret = |message: &ServerMessage| format!("{message:?}").contains("Secret");
        assert!(!bob.inbox.iter().any(secret), "{told}: a removed member goes on reading");
    }
}

fn subscription(reference: Ref, to: &Project, cursor: Option<Cursor>) -> Request {
    let (channel, presence) = (to.channel.clone(), PresenceMode::Join);
    Request::Subscribe(Subscribe { reference, channel, cursor, presence, meta: None })
}

fn is_unknown(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(error) if error.code == ErrorCode::UnknownChannel)
}

async fn no_await_of_a_subscription_lets_a_removed_member_in(store: Kind) {
    let scene = Scene::on(store).await;
    // A role is asked for twice: before a channel is made for somebody, and after the entering.
    let stops = [
        (Call::Roles, Side::Before, 1),
        (Call::Roles, Side::After, 1),
        (Call::Heads, Side::Before, 1),
        (Call::Heads, Side::After, 1),
        (Call::Roles, Side::Before, 2),
        (Call::Roles, Side::After, 2),
        (Call::ReadAfter, Side::Before, 1),
        (Call::ReadAfter, Side::After, 1),
    ];
    for (number, (call, side, nth)) in stops.into_iter().enumerate() {
        let told = format!("{side:?} {call:?} {nth}");
        let project = scene.project(u32::try_from(number).unwrap()).await;
        let bobs = scene.world.browser("bob");
        let entries = format!("/channels/{}/entries?limit=1", project.channel);
        let cursor: Cursor =
            bobs.get(&entries).await.is(200).json()["cursor"].as_str().unwrap().parse().unwrap();
        let mut ada = scene.world.ada().await;
        ada.edits(&project.channel, vec![rename(&project.task, "Two")]).await;
        // What was asked over HTTP is remembered no more.
        tokio::time::sleep(rowcast::auth::REMEMBERED).await;
        let (mut bob, mut follower) = (scene.world.bob().await, scene.world.ada().await);
        if call == Call::ReadAfter {
            // A channel reads its log when it is made; here it is made before, for somebody else.
            scene.gate.closes(call, side);
            follower.subscribes(&project.channel).await;
            scene.gate.is_reached().await;
        }
        let reference = bob.next_ref();
        scene.gate.closes(call, side);
        if call == Call::ReadAfter {
            scene.gate.opens();
        }
        bob.send(&subscription(reference, &project, Some(cursor))).await;
        for _ in 1..nth {
            scene.gate.is_reached().await;
            scene.gate.closes(call, side);
            scene.gate.opens();
        }
        scene.gate.is_reached().await;
        scene.removes_bob(&project).await;
        scene.gate.opens();
        let reply = bob.reply(reference).await;
        if !is_unknown(&reply) {
            assert!(matches!(reply, Reply::Subscribed(_)), "{told}: {reply:?}");
            assert_eq!(bob.is_removed().await.channel, project.channel, "{told}");
        }
        scene.bob_is_out(&project, &mut bob, &told).await;
    }
    scene.server.drain().await;
}

async fn a_snapshot_under_way_ends_with_the_membership(store: Kind) {
    let scene = Scene::on(store).await;
    for (number, side) in [Side::Before, Side::After].into_iter().enumerate() {
        let project = scene.project(u32::try_from(number).unwrap()).await;
        let mut bob = scene.world.bob().await;
        scene.gate.closes(Call::Page, side);
        let reply = bob.asks(|reference| subscription(reference, &project, None)).await;
        assert!(matches!(reply, Reply::Subscribed(_)), "{reply:?}");
        scene.gate.is_reached().await;
        scene.removes_bob(&project).await;
        assert_eq!(bob.is_removed().await.channel, project.channel);
        scene.gate.opens();
        scene.bob_is_out(&project, &mut bob, &format!("{side:?}")).await;
        let page = |message: &ServerMessage| {
            let ServerMessage::News(news) = message else { return false };
            matches!(news, News::SnapshotBegin(_) | News::Snapshot(_) | News::SnapshotEnd(_))
        };
        assert!(!bob.inbox.iter().any(page), "{:?}", bob.inbox);
    }
    scene.server.drain().await;
}

async fn a_history_under_way_is_not_told(store: Kind) {
    let scene = Scene::on(store).await;
    let cases = [(Side::Before, false), (Side::After, false), (Side::After, true)];
    for (number, (side, follows)) in cases.into_iter().enumerate() {
        let project = scene.project(u32::try_from(number).unwrap()).await;
        let mut bob = scene.world.bob().await;
        if follows {
            bob.subscribes(&project.channel).await;
        }
        scene.gate.closes(Call::History, side);
        let reference = bob.next_ref();
        bob.send(&Request::History(History {
            reference,
            channel: project.channel.clone(),
            table: "tasks".to_owned(),
            key: project.task.as_str().into(),
            before: None,
            limit: None,
        }))
        .await;
        scene.gate.is_reached().await;
        scene.removes_bob(&project).await;
        scene.gate.opens();
        let reply = bob.reply(reference).await;
        assert!(is_unknown(&reply), "{side:?}: {reply:?}");
    }
    scene.server.drain().await;
}

async fn a_list_under_way_is_not_told(store: Kind) {
    let scene = Scene::on(store).await;
    for (number, side) in [Side::Before, Side::After].into_iter().enumerate() {
        let project = scene.project(u32::try_from(number).unwrap()).await;
        let bob = scene.world.browser("bob");
        let list = format!("/channels/{}/tasks", project.channel);
        scene.gate.closes(Call::Select, side);
        let (answer, ()) = tokio::join!(bob.get(&list), async {
            scene.gate.is_reached().await;
            scene.removes_bob(&project).await;
            scene.gate.opens();
        });
        answer.fails(404, "unknown_channel");
    }
    scene.server.drain().await;
}

async fn a_request_with_a_condition_under_way_tells_no_row(store: Kind) {
    let scene = Scene::on(store).await;
    for (number, side) in [Side::Before, Side::After].into_iter().enumerate() {
        let project = scene.project(u32::try_from(number).unwrap()).await;
        let bob = scene.world.browser("bob");
        let (tag, title) = ([("If-Match", "\"another\"")], json!({"title": "Bob's"}));
        let row = format!("/channels/{}/tasks/{}", project.channel, project.task);
        scene.gate.closes(Call::Select, side);
        let (answer, ()) = tokio::join!(bob.ask("PATCH", &row, &tag, Some(title)), async {
            scene.gate.is_reached().await;
            scene.removes_bob(&project).await;
            scene.gate.opens();
        });
        answer.fails(404, "unknown_channel");
    }
    scene.server.drain().await;
}

async fn an_edit_that_waits_in_its_lane_is_refused(store: Kind) {
    let scene = Scene::on(store).await;
    let lowered = |project: &Project| {
        let of = &project.id;
        format!("UPDATE members SET role = 'viewer' WHERE user_id = 'bob' AND project_id = '{of}'")
    };
    for (number, code) in [ErrorCode::UnknownChannel, ErrorCode::Forbidden].into_iter().enumerate()
    {
        let project = scene.project(u32::try_from(number).unwrap()).await;
        let (mut ada, mut bob) = (scene.world.ada().await, scene.world.bob().await);
        bob.subscribes(&project.channel).await;
        scene.gate.closes(Call::Commit, Side::Before);
        let first = ada.sends(&edit(&project.channel, vec![rename(&project.task, "Ada's")])).await;
        scene.gate.is_reached().await;
        let second = bob.sends(&edit(&project.channel, vec![rename(&project.task, "Bob's")])).await;
        bob.is_up_to_date().await;
        match code {
            ErrorCode::Forbidden => {
                scene.world.outsider().await.runs(&lowered(&project)).await;
                scene.gate.hub_has_heard().await;
            }
            _ => scene.removes_bob(&project).await,
        }
        scene.gate.opens();
        assert!(matches!(ada.reply(first).await, Reply::Ack(_)));
        let reply = bob.reply(second).await;
        assert!(matches!(&reply, Reply::Error(error) if error.code == code), "{reply:?}");
    }
    scene.server.drain().await;
}

async fn an_edit_that_waits_in_its_commit_is_refused_and_its_neighbour_is_not(store: Kind) {
    let scene = Scene::on(store).await;
    let project = scene.project(1).await;
    let (mut ada, mut bob) = (scene.world.ada().await, scene.world.bob().await);
    bob.subscribes(&project.channel).await;
    let title = |title: &str| edit(&project.channel, vec![rename(&project.task, title)]);
    scene.gate.closes(Call::Commit, Side::Before);
    let first = ada.sends(&title("First")).await;
    scene.gate.is_reached().await;
    let (adas, bobs) = (ada.sends(&title("Ada's")).await, bob.sends(&title("Bob's")).await);
    ada.is_up_to_date().await;
    bob.is_up_to_date().await;
    // Both are in the next batch, whose rights were looked at when it gets to the gate.
    scene.gate.closes(Call::Commit, Side::Before);
    scene.gate.opens();
    assert!(matches!(ada.reply(first).await, Reply::Ack(_)));
    scene.gate.is_reached().await;
    scene.removes_bob(&project).await;
    tokio::time::sleep(OLDEST_LOOK).await;
    scene.gate.opens();
    assert!(matches!(ada.reply(adas).await, Reply::Ack(_)));
    let reply = bob.reply(bobs).await;
    assert!(is_unknown(&reply), "{reply:?}");
    scene.server.drain().await;
}

async fn an_edit_that_waits_for_somebody_elses_lock_is_refused(store: Kind) {
    let scene = Scene::on(store).await;
    let project = scene.project(1).await;
    let mut bob = scene.world.bob().await;
    bob.subscribes(&project.channel).await;
    let (begin, row) = match store {
        Kind::Sqlite => ("BEGIN IMMEDIATE", String::new()),
        Kind::Postgres => {
            ("BEGIN", format!("SELECT 1 FROM tasks WHERE id = '{}' FOR UPDATE;", project.task))
        }
    };
    let mut holder = scene.world.outsider().await;
    let of = &project.id;
    let removal = format!("DELETE FROM members WHERE user_id = 'bob' AND project_id = '{of}'");
    holder.runs(&format!("{begin}; {row} {removal}")).await;
    scene.gate.closes(Call::Commit, Side::Before);
    let edit = edit(&project.channel, vec![rename(&project.task, "Bob's")]);
    let reference = bob.sends(&edit).await;
    scene.gate.is_reached().await;
    scene.gate.opens();
    tokio::time::sleep(2 * OLDEST_LOOK).await;
    holder.runs("COMMIT").await;
    let reply = bob.reply(reference).await;
    assert!(is_unknown(&reply), "{reply:?}");
    scene.server.drain().await;
}

async fn a_refused_resubscription_ends_the_old_one(store: Kind) {
    let scene = Scene::on(store).await;
    let project = scene.project(1).await;
    let mut bob = scene.world.bob().await;
    bob.joins(&project.channel).await;
    // Nobody hears of this removal.
    let unrecorded = match store {
        Kind::Sqlite => "DROP TRIGGER rowcast_members_delete".to_owned(),
        Kind::Postgres => "ALTER TABLE members DISABLE TRIGGER rowcast_record_delete".to_owned(),
    };
    scene.world.outsider().await.runs(&unrecorded).await;
    scene.removes_bob(&project).await;
    let reply = bob.asks(|reference| subscription(reference, &project, None)).await;
    assert!(is_unknown(&reply), "{reply:?}");
    assert_eq!(bob.is_removed().await.channel, project.channel);
    scene.bob_is_out(&project, &mut bob, "after a refused subscription").await;
    scene.server.drain().await;
}

async fn what_was_remembered_of_a_closed_channel_is_forgotten(store: Kind) {
    let scene = Scene::on(store).await;
    let project = scene.project(1).await;
    let (browser, mut bob) = (scene.world.browser("bob"), scene.world.bob().await);
    let list = format!("/channels/{}/tasks", project.channel);
    browser.get(&list).await.is(200);
    scene.removes_bob(&project).await;
    browser.get(&list).await.fails(404, "unknown_channel");
    assert_eq!(bob.fails_to_subscribe(&project.channel).await.code, ErrorCode::UnknownChannel);
    scene.bob_is_out(&project, &mut bob, "after the removal").await;
    scene.server.drain().await;
}
