//! Links that let people in.

use serde_json::json;

use super::*;
use crate::support::{database::Kind, on_both_stores, world::project_id};

on_both_stores! {
    a_link_works_for_everybody_until_it_is_withdrawn,
    a_link_ends_in_time,
    who_was_removed_does_not_come_back_by_the_same_link,
    the_links_of_an_owner_end_with_the_owner,
    links_name_no_host_that_somebody_else_chose,
}

fn invitations() -> String {
    format!("/projects/{}/invitations", project_id())
}

async fn invites(world: &World, role: &str) -> crate::support::web::Answer {
    let body = json!({ "role": role, "days": 1 });
    somebody(world, "ada").posts(&invitations(), body).await.is(201)
}

async fn a_link_works_for_everybody_until_it_is_withdrawn(store: Kind) {
    let world = World::on(store).await;
    let made = invites(&world, "viewer").await;
    let code = json!({ "code": made.text("code") });
    let url = format!("http://{}/#join={}", world.hub.address, made.text("code"));
    assert_eq!(made.text("url"), url);
    let seen = nobody(&world).posts("/invitations/look", code.clone()).await.is(200).body;
    assert_eq!((&seen["project"]["name"], &seen["role"]), (&json!("Apollo"), &json!("viewer")));
    assert_eq!(seen["by"], "Ada");
    nobody(&world).posts("/invitations/accept", code.clone()).await.fails(401, "unauthorized");
    let dora = registers(&world, "dora").await;
    let mut device = device(&world, &dora.access).await;
    for web in [&dora.web, &dora.web, &somebody(&world, "eve")] {
        let joined = web.posts("/invitations/accept", code.clone()).await.is(200).body;
        assert_eq!(joined["project"], json!({ "id": project_id(), "name": "Apollo" }));
        assert_eq!(joined["role"], "viewer");
    }
    device.subscribes(&world.project).await;
    let ada = somebody(&world, "ada");
    let listed = ada.gets(&invitations()).await.is(200).body;
    assert_eq!(listed["items"][0]["by"], json!({ "id": "ada", "name": "Ada" }));
    assert!(listed["items"][0].get("code").is_none());
    let path = format!("{}/{}", invitations(), made.text("id"));
    dora.web.deletes(&path).await.fails(403, "forbidden");
    ada.deletes(&path).await.is(204);
    ada.deletes(&path).await.fails(404, "not_found");
    nobody(&world).posts("/invitations/look", code.clone()).await.fails(410, "link_expired");
    let fay = registers(&world, "fay").await;
    fay.web.posts("/invitations/accept", code).await.fails(410, "link_expired");
    somebody(&world, "bob")
        .posts(&invitations(), json!({ "role": "viewer" }))
        .await
        .fails(403, "forbidden");
    ada.posts(&invitations(), json!({ "role": "viewer", "days": 366 }))
        .await
        .fails(400, "bad_message");
}

async fn a_link_ends_in_time(store: Kind) {
    let world = World::on(store).await;
    let code = json!({ "code": invites(&world, "editor").await.text("code") });
    let table = if store == Kind::Sqlite { "rowcast_invitation" } else { "rowcast.invitation" };
    let sql = format!("UPDATE {table} SET expires_at = expires_at - 86400000000");
    world.outsider().await.runs(&sql).await;
    let eve = somebody(&world, "eve");
    eve.posts("/invitations/accept", code.clone()).await.fails(410, "link_expired");
    nobody(&world).posts("/invitations/look", code).await.fails(410, "link_expired");
    assert_eq!(somebody(&world, "ada").gets(&invitations()).await.is(200).body["items"], json!([]));
}

async fn who_was_removed_does_not_come_back_by_the_same_link(store: Kind) {
    let world = World::on(store).await;
    let code = json!({ "code": invites(&world, "editor").await.text("code") });
    let bob = somebody(&world, "bob");
    bob.posts("/invitations/accept", code.clone()).await.is(200);
    let path = format!("/projects/{}/members/bob", project_id());
    somebody(&world, "ada").deletes(&path).await.is(204);
    bob.posts("/invitations/accept", code).await.fails(410, "link_expired");
}

async fn the_links_of_an_owner_end_with_the_owner(store: Kind) {
    let world = World::on(store).await;
    let (ada, bob) = (somebody(&world, "ada"), somebody(&world, "bob"));
    let path = format!("/projects/{}/members/bob", project_id());
    let lower = json!({ "role": "editor" });
    let by_sql = format!(
        "UPDATE members SET role = 'viewer' WHERE user_id = 'bob' AND project_id = '{}'",
        project_id()
    );
    for way in ["lowered", "removed", "by SQL"] {
        let owner = json!({ "user": "bob", "role": "owner" });
        let again = ada.posts(&format!("/projects/{}/members", project_id()), owner).await;
        if again.status == 409 {
            ada.patches(&path, json!({ "role": "owner" })).await.is(200);
        }
        let body = json!({ "role": "owner", "days": 1 });
        let code = json!({ "code": bob.posts(&invitations(), body).await.is(201).text("code") });
        match way {
            "lowered" => drop(ada.patches(&path, lower.clone()).await.is(200)),
            "removed" => drop(ada.deletes(&path).await.is(204)),
            _ => world.outsider().await.runs(&by_sql).await,
        }
        nobody(&world).posts("/invitations/look", code.clone()).await.fails(410, "link_expired");
        let eve = somebody(&world, "eve");
        eve.posts("/invitations/accept", code.clone()).await.fails(410, "link_expired");
        let listed = ada.gets(&invitations()).await.is(200).body;
        assert_eq!(listed["items"], json!([]), "{way}");
        ada.patches(&path, json!({ "role": "owner" })).await;
        eve.posts("/invitations/accept", code).await.fails(410, "link_expired");
    }
}

async fn links_name_no_host_that_somebody_else_chose(store: Kind) {
    let world = World::on(store).await;
    let mut raw = crate::support::raw::Raw::connect(world.hub.address).await;
    let body = r#"{"role":"viewer"}"#;
    let token = world.token("ada", Duration::from_secs(60));
    raw.writes(format!(
        "POST /api/v1{} HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        invitations(),
        body.len()
    ))
    .await;
    let answer = String::from_utf8(raw.is_closed().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains(&format!("http://{}/#join=", world.hub.address)), "{answer}");
    assert!(!answer.contains("evil.example"), "{answer}");
}
