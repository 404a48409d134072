//! Rights: what a role may do, and what happens on open sockets when it changes.

use rowcast_protocol::{ErrorCode, Reply, Role, ServerMessage};
use tokio::time::Instant;

use crate::support::{
    database::Kind,
    edits::{comment, delete, move_to, new_task, rename, set},
    on_both_stores,
    world::{World, id, person, project_id},
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
