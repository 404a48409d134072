//! Members over HTTP, and what open sockets notice of it.

use rowcast_protocol::{ErrorCode, Role};
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::support::{
    database::Kind,
    edits::rename,
    on_both_stores,
    waiting::eventually,
    world::{id, person, project_id},
};

on_both_stores! {
    who_is_added_knows_it_on_all_devices_and_may_come_in,
    who_is_removed_is_out_within_a_second,
    a_role_that_changes_counts_within_a_second,
    the_last_owner_stays_and_everybody_else_may_leave,
}

fn members(user: &str) -> String {
    format!("/projects/{}/members{user}", project_id())
}

async fn who_is_added_knows_it_on_all_devices_and_may_come_in(store: Kind) {
    let world = World::on(store).await;
    let ada = somebody(&world, "ada");
    let dora = registers(&world, "dora").await;
    let mut devices = [device(&world, &dora.access).await, device(&world, &dora.access).await];
    let own = person(&dora.id);
    for device in &mut devices {
        device.subscribes(&own).await;
    }
    let by_email = json!({ "email": "DORA@example.org", "role": "editor" });
    let added = ada.posts(&members(""), by_email.clone()).await.is(201).body;
    assert_eq!(added, json!({ "user": { "id": dora.id, "name": "dora" }, "role": "editor" }));
    for device in &mut devices {
        device
            .sees(&own, "the notification", |view| {
                view.table("notifications").any(|row| {
                    row.get("kind") == Some(&"added".into())
                        && row.get("actor") == Some(&"ada".into())
                        && row.get("project_id") == Some(&project_id().as_str().into())
                })
            })
            .await;
        assert_eq!(device.subscribes(&world.project).await.role, Role::Editor);
    }
    ada.posts(&members(""), by_email).await.fails(409, "unique");
    let unknown = json!({ "email": "nobody@example.org", "role": "viewer" });
    ada.posts(&members(""), unknown).await.fails(404, "not_found");
    let both = json!({ "email": "a@b", "user": "eve", "role": "viewer" });
    ada.posts(&members(""), both).await.fails(400, "bad_message");
    let role = json!({ "user": "eve", "role": "king" });
    ada.posts(&members(""), role).await.fails(400, "bad_message");
    let eve = json!({ "user": "eve", "role": "viewer" });
    dora.web.posts(&members(""), eve).await.fails(403, "forbidden");
    let all = dora.web.gets(&members("")).await.is(200).body;
    assert_eq!(all["items"].as_array().unwrap().len(), 4);
    somebody(&world, "eve").gets(&members("")).await.fails(404, "not_found");
}

async fn who_is_removed_is_out_within_a_second(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    somebody(&world, "vera").deletes(&members("/bob")).await.fails(403, "forbidden");
    let began = Instant::now();
    somebody(&world, "ada").deletes(&members("/bob")).await.is(204);
    assert_eq!(bob.is_removed().await.code, ErrorCode::Forbidden);
    assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
    let error = bob.is_refused(&world.project, vec![rename(&id(1), "Revenge")]).await;
    assert_eq!(error.code, ErrorCode::UnknownChannel);
    somebody(&world, "ada").deletes(&members("/bob")).await.fails(404, "not_found");
}

async fn a_role_that_changes_counts_within_a_second(store: Kind) {
    let world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    for (role, allowed) in [("viewer", false), ("editor", true)] {
        let began = Instant::now();
        let body = json!({ "role": role });
        let changed = somebody(&world, "ada").patches(&members("/bob"), body).await.is(200).body;
        assert_eq!(changed["role"], role);
        let mut number = 0;
        eventually("the role to count", async || {
            number += 1;
            let title = format!("{role} {number}");
            let edit = crate::support::edits::edit(&world.project, vec![rename(&id(1), &title)]);
            bob.tries(&edit).await.is_ok() == allowed
        })
        .await;
        assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
    }
}

async fn the_last_owner_stays_and_everybody_else_may_leave(store: Kind) {
    let world = World::on(store).await;
    let ada = somebody(&world, "ada");
    ada.deletes(&members("/ada")).await.fails(409, "last_owner");
    ada.patches(&members("/ada"), json!({ "role": "viewer" })).await.fails(409, "last_owner");
    somebody(&world, "vera").deletes(&members("/vera")).await.is(204);
    ada.patches(&members("/bob"), json!({ "role": "owner" })).await.is(200);
    ada.deletes(&members("/ada")).await.is(204);
    somebody(&world, "bob").deletes(&members("/bob")).await.fails(409, "last_owner");
    ada.gets(&members("")).await.fails(404, "not_found");
}
