//! Projects over HTTP, and what open sockets notice of it.

use serde_json::json;

use super::*;
use crate::support::{
    database::Kind,
    on_both_stores,
    world::{project, project_id},
};

on_both_stores! {
    a_project_is_made_renamed_and_deleted_before_everybodys_eyes,
    projects_come_in_pages,
}

async fn a_project_is_made_renamed_and_deleted_before_everybodys_eyes(store: Kind) {
    let world = World::on(store).await;
    let ada = somebody(&world, "ada");
    let made = ada.posts("/projects", json!({ "name": " Vega " })).await.is(201);
    assert_eq!((made.text("name"), made.text("role")), ("Vega".to_owned(), "owner".to_owned()));
    let (path, channel) = (format!("/projects/{}", made.text("id")), project(&made.text("id")));
    let member = json!({ "user": "vera", "role": "viewer" });
    ada.posts(&format!("{path}/members"), member).await.is(201);
    let mut vera = world.vera().await;
    vera.subscribes(&channel).await;
    somebody(&world, "vera")
        .patches(&path, json!({ "name": "Mine" }))
        .await
        .fails(403, "forbidden");
    somebody(&world, "eve").patches(&path, json!({ "name": "Mine" })).await.fails(404, "not_found");
    ada.patches(&path, json!({ "name": "" })).await.fails(422, "check");
    ada.patches(&path, json!({ "name": "Lyra" })).await.is(200);
    vera.sees(&channel, "the new name", |view| {
        view.row("projects", channel.id()).and_then(|row| row.get("name")) == Some(&"Lyra".into())
    })
    .await;
    somebody(&world, "vera").deletes(&path).await.fails(403, "forbidden");
    let began = tokio::time::Instant::now();
    ada.deletes(&path).await.is(204);
    assert_eq!(vera.is_removed().await.channel, channel);
    assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
    ada.deletes(&path).await.fails(404, "not_found");
}

async fn projects_come_in_pages(store: Kind) {
    let world = World::on(store).await;
    let ada = somebody(&world, "ada");
    let mut made = vec![project_id(), crate::support::world::other_id()];
    for number in 0..3 {
        let answer = ada.posts("/projects", json!({ "name": format!("P{number}") })).await.is(201);
        made.push(answer.text("id"));
    }
    let (mut seen, mut path) = (Vec::new(), "/projects?limit=2".to_owned());
    loop {
        let page = ada.gets(&path).await.is(200).body;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/projects?limit=2&cursor={next}");
    }
    seen.sort_unstable();
    made.sort_unstable();
    assert_eq!(seen, made);
    for bad in ["limit=0", "limit=1001", "limit=x", "cursor=!!", "colour=red"] {
        ada.gets(&format!("/projects?{bad}")).await.fails(400, "bad_message");
    }
    nobody(&world).gets("/projects").await.fails(401, "unauthorized");
}
