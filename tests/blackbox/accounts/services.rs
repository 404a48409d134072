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
    a_service_ends_with_the_owner_who_made_it,
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

async fn a_service_ends_with_the_owner_who_made_it(store: Kind) {
    let world = World::on(store).await;
    let (ada, bob) = (somebody(&world, "ada"), somebody(&world, "bob"));
    let member = |project: &str| format!("/projects/{project}/members/bob");
    let owner = json!({ "role": "owner" });
    let by_sql =
        format!("DELETE FROM members WHERE user_id = 'bob' AND project_id = '{}'", project_id());
    for way in ["lowered", "by SQL"] {
        for project in [project_id(), other_id()] {
            ada.patches(&member(&project), owner.clone()).await.is(200);
        }
        let one = wanted(&[(project_id(), "editor")]);
        let both = wanted(&[(project_id(), "editor"), (other_id(), "editor")]);
        let one = bob.posts("/service-tokens", one).await.is(201).text("token");
        let both = bob.posts("/service-tokens", both).await.is(201).text("token");
        let mut devices = [device(&world, &one).await, device(&world, &both).await];
        for device in &mut devices {
            device.subscribes(&world.project).await;
        }
        devices[1].subscribes(&world.other).await;
        let began = tokio::time::Instant::now();
        if way == "lowered" {
            ada.patches(&member(&project_id()), json!({ "role": "editor" })).await.is(200);
        } else {
            world.outsider().await.runs(&by_sql).await;
        }
        let [mut one_project, mut two_projects] = devices;
        assert_eq!(one_project.is_closed().await, Some(4500), "{way}");
        two_projects.is_removed().await;
        assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
        nobody(&world).with_token(&one).gets("/auth/me").await.fails(401, "unauthorized");
        // What the owner still has, the service still has.
        two_projects.edits(&world.other, vec![rename(&id(9), way)]).await;
        let error = two_projects.is_refused(&world.project, vec![rename(&id(1), way)]).await;
        assert_eq!(error.code, rowcast_protocol::ErrorCode::UnknownChannel);
    }
}
