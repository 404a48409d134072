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
    an_address_is_invited_and_tells_nothing,
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
    let by_id = json!({ "user": dora.id, "role": "editor" });
    let added = ada.posts(&members(""), by_id.clone()).await.is(201).body;
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
    ada.posts(&members(""), by_id).await.fails(409, "unique");
    let unknown = json!({ "user": "nobody", "role": "viewer" });
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

async fn an_address_is_invited_and_tells_nothing(store: Kind) {
    let world = World::on(store).await;
    let ada = somebody(&world, "ada");
    // Somebody else was first to register with Carol's address.
    let squatter = registers(&world, "carol").await;
    let invite = async |email: &str| {
        let wanted = json!({ "email": email, "role": "editor" });
        ada.posts(&members(""), wanted).await.is(202)
    };
    let (known, unknown) = (invite("carol@example.org").await, invite("nobody@example.org").await);
    let shape = |answer: &crate::support::web::Answer| {
        let mut body = answer.body.clone();
        for own in ["id", "code", "url", "email", "expires_at"] {
            assert!(body[own].take().is_string(), "{own}");
        }
        body
    };
    assert_eq!(shape(&known), shape(&unknown));
    squatter.web.gets(&members("")).await.fails(404, "not_found");
    let listed = ada.gets(&format!("/projects/{}/invitations", project_id())).await.is(200).body;
    let items = listed["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["email"] == "carol@example.org"), "{listed}");
    // The link was handed to Carol, who has an account with another address. It works once.
    let carol = registers(&world, "carol.w").await;
    let code = json!({ "code": known.text("code") });
    carol.web.posts("/invitations/accept", code.clone()).await.is(200);
    squatter.web.posts("/invitations/accept", code).await.fails(410, "link_expired");
    let all = ada.gets(&members("")).await.is(200).body;
    let ids: Vec<_> = all["items"].as_array().unwrap().iter().map(|m| &m["user"]["id"]).collect();
    assert!(ids.contains(&&json!(carol.id)) && !ids.contains(&&json!(squatter.id)), "{all}");
    ada.posts(&members(""), json!({ "email": "no address", "role": "editor" }))
        .await
        .fails(422, "check");
    somebody(&world, "bob")
        .posts(&members(""), json!({ "email": "carol@example.org", "role": "editor" }))
        .await
        .fails(403, "forbidden");
}
