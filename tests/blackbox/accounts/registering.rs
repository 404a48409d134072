//! Registering, and the first minute with an account.

use serde_json::json;

use super::*;
use crate::support::{database::Kind, on_both_stores, world::project};

on_both_stores! {
    whoever_registers_may_work_at_once,
    an_address_has_one_account,
}

async fn whoever_registers_may_work_at_once(store: Kind) {
    let world = World::on(store).await;
    let dora = registers(&world, "Dora").await;
    let me = dora.web.gets("/auth/me").await.is(200).body;
    let expected = json!({
        "id": dora.id, "name": "Dora", "email": "Dora@example.org", "admin": false,
    });
    assert_eq!(me, expected);
    let made = dora.web.posts("/projects", json!({ "name": "Vega" })).await.is(201);
    let mut device = device(&world, &dora.access).await;
    assert_eq!(device.welcome.user.name, "Dora");
    let channel = project(&made.text("id"));
    device.subscribes(&channel).await;
    assert_eq!(device.view(&channel).table("members").count(), 1);
    signs_in(&world, "dora").await;
}

async fn an_address_has_one_account(store: Kind) {
    let world = World::on(store).await;
    registers(&world, "Dora").await;
    let again = nobody(&world).posts("/auth/register", registration("DORA")).await;
    assert_eq!(again.fails(409, "email_taken")["errors"][0]["field"], "email");
}

#[tokio::test]
async fn what_cannot_be_registered_is_named() {
    let world = World::on(Kind::Sqlite).await;
    let with = async |field: &str, value: serde_json::Value| {
        let mut body = registration("dora");
        body[field] = value;
        nobody(&world).posts("/auth/register", body).await
    };
    for (field, value, status, code) in [
        ("email", json!("dora"), 422, "check"),
        ("email", json!(5), 400, "bad_message"),
        ("name", json!(" "), 422, "check"),
        ("name", json!("D\u{0}ra"), 422, "check"),
        ("name", json!("\u{202e}Dora"), 422, "check"),
        ("password", json!("short"), 422, "weak_password"),
        ("password", json!("x".repeat(257)), 422, "weak_password"),
        ("password", json!("dora@EXAMPLE.org"), 422, "weak_password"),
        ("cookie", json!("yes"), 400, "bad_message"),
        ("colour", json!("red"), 400, "bad_message"),
    ] {
        let problem = with(field, value).await.fails(status, code);
        assert_eq!(problem["errors"][0]["field"], field, "{problem:#}");
    }
    let strange = "<b>Dora</b> 'x'; --";
    let answer = with("name", json!(strange)).await.is(201);
    assert_eq!(answer.body["user"]["name"], strange);
}

#[tokio::test]
async fn where_registration_is_closed_nobody_registers() {
    let world = World::with(Kind::Sqlite, &[("ACCOUNTS__REGISTRATION", "closed")]).await;
    let answer = nobody(&world).posts("/auth/register", registration("dora")).await;
    answer.fails(403, "forbidden");
}

#[tokio::test]
async fn where_it_takes_an_invitation_a_good_one_leads_into_its_project() {
    let world = World::with(Kind::Sqlite, &[("ACCOUNTS__REGISTRATION", "invited")]).await;
    nobody(&world).posts("/auth/register", registration("dora")).await.fails(403, "forbidden");
    let path = format!("/projects/{}/invitations", crate::support::world::project_id());
    let made = somebody(&world, "ada").posts(&path, json!({ "role": "editor" })).await.is(201);
    let mut body = registration("dora");
    body["invitation"] = json!("a code that somebody made up");
    nobody(&world).posts("/auth/register", body.clone()).await.fails(410, "link_expired");
    body["invitation"] = json!(made.text("code"));
    let answer = nobody(&world).posts("/auth/register", body).await.is(201);
    let dora = signed_in(&world, &answer.body);
    let projects = dora.web.gets("/projects").await.is(200).body;
    assert_eq!(
        (&projects["items"][0]["name"], &projects["items"][0]["role"]),
        (&json!("Apollo"), &json!("editor"))
    );
}
