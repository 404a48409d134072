//! Services: tokens that reach some projects, until they are ended.

use serde_json::json;

use super::*;
use crate::support::{
    database::Kind,
    edits::rename,
    on_both_stores,
    world::{id, other_id, project_id},
};

on_both_stores! {
    a_service_works_in_its_projects_alone_until_it_is_ended,
    only_owners_and_administrators_make_services,
}

fn wanted(projects: &[(String, &str)]) -> Value {
    let projects: Vec<_> =
        projects.iter().map(|(id, role)| json!({ "id": id, "role": role })).collect();
    json!({ "name": "Importer", "projects": projects })
}

async fn a_service_works_in_its_projects_alone_until_it_is_ended(store: Kind) {
    let world = World::on(store).await;
    let ada = somebody(&world, "ada");
    let made = ada.posts("/service-tokens", wanted(&[(project_id(), "editor")])).await.is(201);
    let token = made.text("token");
    let mut importer = device(&world, &token).await;
    assert_eq!(importer.welcome.user.name, "Importer");
    assert_eq!(importer.welcome.user.id, made.text("user"));
    assert_eq!(importer.welcome.expires, None);
    importer.subscribes(&world.project).await;
    importer.edits(&world.project, vec![rename(&id(1), "Imported")]).await;
    let error = importer.fails_to_subscribe(&world.other).await;
    assert_eq!(error.code, rowcast_protocol::ErrorCode::UnknownChannel);
    let web = nobody(&world).with_token(&token);
    assert_eq!(web.gets("/auth/me").await.is(200).body["email"], Value::Null);
    // Its scope is what it was made for; it cannot widen it.
    web.posts("/projects", json!({ "name": "Mine" })).await.fails(403, "forbidden");
    web.posts("/service-tokens", wanted(&[])).await.fails(403, "forbidden");
    web.posts("/invitations/accept", json!({ "code": "x" })).await.fails(403, "forbidden");
    let listed = ada.gets("/service-tokens").await.is(200).body;
    assert!(listed["items"][0].get("token").is_none());
    assert_eq!(listed["items"][0]["projects"][0]["role"], "editor");
    let path = format!("/service-tokens/{}", made.text("id"));
    somebody(&world, "bob").deletes(&path).await.fails(404, "not_found");
    let began = tokio::time::Instant::now();
    ada.deletes(&path).await.is(204);
    assert_eq!(importer.is_closed().await, Some(4500));
    assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
    web.gets("/auth/me").await.fails(401, "unauthorized");
    ada.deletes(&path).await.fails(404, "not_found");
    assert_eq!(ada.gets("/service-tokens").await.is(200).body["items"], json!([]));
}

async fn only_owners_and_administrators_make_services(store: Kind) {
    let world = World::on(store).await;
    let make =
        async |user: &str, body: Value| somebody(&world, user).posts("/service-tokens", body).await;
    make("bob", wanted(&[(project_id(), "viewer")])).await.fails(403, "forbidden");
    make("eve", wanted(&[(project_id(), "viewer")])).await.fails(404, "not_found");
    make("ada", wanted(&[])).await.fails(403, "forbidden");
    let mut queues = wanted(&[(project_id(), "viewer"), (other_id(), "viewer")]);
    make("ada", queues.clone()).await.is(201);
    queues["queues"] = json!(["gpu"]);
    make("ada", queues.clone()).await.fails(403, "forbidden");
    let admin = nobody(&world).with_token(&world.admin_token("root"));
    let made = admin.posts("/service-tokens", queues.clone()).await.is(201);
    assert_eq!(made.body["queues"], json!(["gpu"]));
    queues["queues"] = json!(["a b"]);
    admin.posts("/service-tokens", queues).await.fails(422, "check");
    let mut short = wanted(&[(project_id(), "viewer")]);
    short["expires_in_days"] = json!(0);
    make("ada", short.clone()).await.fails(400, "bad_message");
    short["expires_in_days"] = json!(1);
    let made = make("ada", short).await.is(201);
    let device = device(&world, &made.text("token")).await;
    assert_eq!(device.welcome.expires, Some(made.text("expires_at")));
}
