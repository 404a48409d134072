//! Rights: what a role may do, and what happens on open sockets when it changes.

use rowcast_protocol::{Codec, ErrorCode, Reply, Role, ServerMessage};
use tokio::time::Instant;

use crate::support::{
    database::Kind,
    edits::{comment, delete, move_to, new_task, rename, set},
    hub::Hub,
    on_both_stores,
    world::{World, id, other_id, person, project_id},
};

/// What a person may notice of a change of rights, at most.
const EFFECTIVE: std::time::Duration = std::time::Duration::from_secs(1);

on_both_stores! {
    a_viewer_sees_everything_and_changes_nothing,
    a_stranger_learns_nothing,
    an_editor_is_no_owner,
    moving_needs_rights_in_both_places,
    a_removed_member_is_out_within_a_second_also_on_an_open_socket,
    a_removed_member_who_comes_back_with_a_cursor_is_refused,
    a_lowered_role_counts_at_once_and_a_raised_one_too,
    a_new_member_may_come_in_at_once,
    a_deleted_project_ends_every_subscription,
    everybody_has_a_channel_of_their_own,
}

async fn a_viewer_sees_everything_and_changes_nothing(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut vera) = (world.ada().await, world.vera().await);
    assert_eq!(vera.subscribes(&world.project).await.role, Role::Viewer);
    for op in [
        rename(&id(1), "Hers"),
        new_task(&id(50), "x"),
        comment(&id(1), "x"),
        delete("tasks", &id(1)),
    ] {
        let error = vera.is_refused(&world.project, vec![op]).await;
        assert_eq!((error.code, error.retry), (ErrorCode::Forbidden, false));
    }
    ada.edits(&world.project, vec![rename(&id(1), "Ada's")]).await;
    vera.sees_title(&world.project, &id(1), "Ada's").await;
}

async fn a_stranger_learns_nothing(store: Kind) {
    let world = World::on(store).await;
    let mut eve = world.eve().await;
    assert_eq!(eve.fails_to_subscribe(&world.project).await.code, ErrorCode::UnknownChannel);
    let error = eve.is_refused(&world.project, vec![rename(&id(1), "Eve's")]).await;
    assert_eq!(error.code, ErrorCode::UnknownChannel);
    assert!(error.row.is_none());
}

async fn an_editor_is_no_owner(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let name = |name: &str| set("projects", &project_id(), serde_json::json!({ "name": name }));
    let error = bob.is_refused(&world.project, vec![name("Bob's")]).await;
    assert_eq!(error.code, ErrorCode::Forbidden);
    ada.edits(&world.project, vec![name("Ada's")]).await;
}

async fn moving_needs_rights_in_both_places(store: Kind) {
    let world = World::on(store).await;
    world
        .outsider()
        .await
        .runs(&format!(
            "DELETE FROM members WHERE user_id = 'bob' AND project_id <> '{}'",
            project_id()
        ))
        .await;
    let mut bob = world.bob().await;
    crate::support::waiting::eventually("Bob to be out of the other project", async || {
        bob.is_refused(&world.project, vec![move_to(&id(404), &world.other)]).await.code
            == ErrorCode::UnknownChannel
    })
    .await;
    assert_eq!(
        bob.is_refused(&world.project, vec![move_to(&id(1), &world.other)]).await.code,
        ErrorCode::UnknownChannel
    );
    bob.subscribes(&world.project).await;
    assert!(bob.view(&world.project).row("tasks", &id(1)).is_some());
}

async fn a_removed_member_is_out_within_a_second_also_on_an_open_socket(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    bob.subscribes(&world.other).await;
    let mut outsider = world.outsider().await;
    let began = Instant::now();
    outsider
        .runs(&format!(
            "DELETE FROM members WHERE user_id = 'bob' AND project_id = '{}'",
            project_id()
        ))
        .await;
    let removed = bob.is_removed().await;
    assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
    assert_eq!((removed.channel, removed.code), (world.project.clone(), ErrorCode::Forbidden));
    bob.inbox.clear();
    ada.edits(&world.project, vec![rename(&id(1), "Secret")]).await;
    let error = bob.is_refused(&world.project, vec![rename(&id(1), "Revenge")]).await;
    assert_eq!(error.code, ErrorCode::UnknownChannel);
    assert_eq!(bob.fails_to_subscribe(&world.project).await.code, ErrorCode::UnknownChannel);
    let secret = |message: &ServerMessage| format!("{message:?}").contains("Secret");
    assert!(!bob.inbox.iter().any(secret), "a removed member goes on reading");
    // What he may still read goes on.
    ada.edits(&world.other, vec![rename(&id(9), "Not secret")]).await;
    bob.sees_title(&world.other, &id(9), "Not secret").await;
}

async fn a_removed_member_who_comes_back_with_a_cursor_is_refused(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut cursor = bob.view(&world.project).cursor;
    world.outsider().await.runs("DELETE FROM members WHERE user_id = 'bob'").await;
    bob.is_removed().await;
    let mut again = world.bob().await;
    let reply = again
        .asks(|reference| {
            rowcast_protocol::Request::Subscribe(rowcast_protocol::request::Subscribe {
                cursor: cursor.take(),
                ..crate::support::device::subscribe(reference, &world.project)
            })
        })
        .await;
    assert!(matches!(reply, Reply::Error(error) if error.code == ErrorCode::UnknownChannel));
}

async fn a_lowered_role_counts_at_once_and_a_raised_one_too(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut outsider = world.outsider().await;
    let role = |role: &str| format!("UPDATE members SET role = '{role}' WHERE user_id = 'bob'");
    let mut number = 0;
    for (role_now, allowed) in [("viewer", false), ("editor", true)] {
        let began = Instant::now();
        outsider.runs(&role(role_now)).await;
        crate::support::waiting::eventually("the role to count", async || {
            number += 1;
            let edit = crate::support::edits::edit(
                &world.project,
                vec![rename(&id(1), &format!("Title {number}"))],
            );
            bob.tries(&edit).await.is_ok() == allowed
        })
        .await;
        assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
    }
    bob.is_up_to_date().await;
}

async fn a_new_member_may_come_in_at_once(store: Kind) {
    let world = World::on(store).await;
    let mut eve = world.eve().await;
    assert_eq!(eve.fails_to_subscribe(&world.project).await.code, ErrorCode::UnknownChannel);
    let sql = format!(
        "INSERT INTO members (project_id, user_id, role) VALUES ('{}', 'eve', 'editor')",
        project_id()
    );
    world.outsider().await.runs(&sql).await;
    let began = Instant::now();
    crate::support::waiting::eventually("Eve to be let in", async || {
        let reply = eve
            .asks(|r| {
                rowcast_protocol::Request::Subscribe(crate::support::device::subscribe(
                    r,
                    &world.project,
                ))
            })
            .await;
        matches!(reply, Reply::Subscribed(_))
    })
    .await;
    assert!(began.elapsed() < 2 * EFFECTIVE, "it took {:?}", began.elapsed());
}

async fn a_deleted_project_ends_every_subscription(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut vera) = (world.ada().await, world.vera().await);
    ada.subscribes(&world.project).await;
    vera.subscribes(&world.project).await;
    world
        .outsider()
        .await
        .runs(&format!("DELETE FROM projects WHERE id = '{}'", project_id()))
        .await;
    assert_eq!(ada.is_removed().await.channel, world.project);
    assert_eq!(vera.is_removed().await.channel, world.project);
    assert_eq!(ada.fails_to_subscribe(&world.project).await.code, ErrorCode::UnknownChannel);
}

/// Two hubs on one database: what one does, or plain SQL, counts on the other within a second, whether
/// the person follows the channel there or only asks.
#[tokio::test]
async fn a_member_removed_on_one_node_is_out_on_the_other() {
    let mut world = World::on(Kind::Postgres).await;
    let here = world.hub.address;
    let there = Hub::start(&world.database, &[]).await;
    let adas = world.browser("ada");
    world.hub.address = there.address;
    let bobs = world.browser("bob");
    world.hub.address = here;
    let cases = [(world.project.clone(), project_id()), (world.other.clone(), other_id())];
    for (number, (channel, project)) in cases.into_iter().enumerate() {
        let mut follower = world.device_at(there.address, "bob", Codec::MsgPack).await;
        let mut writer = world.device_at(there.address, "bob", Codec::Json).await;
        follower.subscribes(&channel).await;
        writer.edits(&channel, vec![new_task(&id(70 + u32::from(number == 1)), "His")]).await;
        bobs.get(&format!("/channels/{channel}/tasks")).await.is(200);
        if number == 0 {
            adas.delete(&format!("/projects/{project}/members/bob")).await.is(204);
        } else {
            let sql =
                format!("DELETE FROM members WHERE user_id = 'bob' AND project_id = '{project}'");
            world.outsider().await.runs(&sql).await;
        }
        let began = Instant::now();
        assert_eq!(follower.is_removed().await.channel, channel);
        assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
        tokio::time::sleep_until(began + EFFECTIVE).await;
        for device in [&mut follower, &mut writer] {
            let error = device.is_refused(&channel, vec![new_task(&id(90), "Revenge")]).await;
            assert_eq!(error.code, ErrorCode::UnknownChannel);
            assert_eq!(device.fails_to_subscribe(&channel).await.code, ErrorCode::UnknownChannel);
        }
        bobs.get(&format!("/channels/{channel}/tasks")).await.fails(404, "unknown_channel");
    }
}

/// A table of members that is emptied is told in the logs of the channels; who follows one that has
/// none is looked at too.
#[tokio::test]
async fn nobody_is_left_in_a_channel_without_a_log_when_the_members_are_emptied() {
    let world = World::on(Kind::Postgres).await;
    let (mut ada, quiet) = (world.ada().await, id(0x77));
    let mut outsider = world.outsider().await;
    outsider
        .runs(&format!(
            "BEGIN;
             INSERT INTO projects (id, name) VALUES ('{quiet}', 'Quiet');
             INSERT INTO members (project_id, user_id, role) VALUES ('{quiet}', 'ada', 'owner');
             DELETE FROM rowcast.pending WHERE xid = pg_current_xact_id();
             COMMIT"
        ))
        .await;
    let channel = crate::support::world::project(&quiet);
    assert_eq!(ada.subscribes(&channel).await.head, 0, "it has no log");
    outsider.runs("TRUNCATE members CASCADE").await;
    let began = Instant::now();
    assert_eq!(ada.is_removed().await.channel, channel);
    assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
}

async fn everybody_has_a_channel_of_their_own(store: Kind) {
    let world = World::on(store).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    assert_eq!(ada.subscribes(&person("ada")).await.role, Role::Owner);
    assert_eq!(bob.fails_to_subscribe(&person("ada")).await.code, ErrorCode::UnknownChannel);
    ada.edits(&person("ada"), vec![set("users", "ada", serde_json::json!({"name": "Ada L."}))])
        .await;
    ada.sees(&person("ada"), "the new name", |view| {
        view.row("users", "ada").and_then(|row| row.get("name")) == Some(&"Ada L.".into())
    })
    .await;
}
