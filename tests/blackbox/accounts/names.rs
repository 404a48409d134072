//! Names of people, projects and services: what others see is bounded and hides nothing.

use serde_json::json;

use super::*;
use crate::support::{
    database::Kind,
    edits::set,
    on_both_stores,
    world::{person, project_id},
};

on_both_stores! {
    a_name_that_hides_something_is_refused_wherever_it_enters,
    an_address_or_a_password_that_looks_the_same_is_the_same,
}

fn unfit() -> [String; 5] {
    [
        "x".repeat(60_000),
        "a\nb".into(),
        "Ada\u{202e}nimda".into(),
        "a\u{2028}b".into(),
        String::new(),
    ]
}

async fn a_name_that_hides_something_is_refused_wherever_it_enters(store: Kind) {
    let world = World::on(store).await;
    let (ada, mut bob) = (somebody(&world, "ada"), world.bob().await);
    let mut outsider = world.outsider().await;
    for name in unfit() {
        let mut new = registration("dora");
        new["name"] = json!(name);
        nobody(&world).posts("/auth/register", new).await.fails(422, "check");
        ada.posts("/projects", json!({ "name": name })).await.fails(422, "check");
        let service =
            json!({ "name": name, "projects": [{ "id": project_id(), "role": "viewer" }] });
        ada.posts("/service-tokens", service).await.fails(422, "check");
        let path = format!("/projects/{}", project_id());
        ada.patches(&path, json!({ "name": name })).await.fails(422, "check");
        let renaming = set("users", "bob", json!({ "name": name }));
        assert!(!bob.is_refused(&person("bob"), vec![renaming]).await.retry);
        let rows = format!("/channels/project:{}/projects/{}", project_id(), project_id());
        let answer = ada.patches(&rows, json!({ "name": name })).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        let sql = format!("UPDATE users SET name = '{name}' WHERE id = 'bob'");
        assert!(outsider.tries(&sql).await.is_err(), "{}", name.escape_debug());
    }
    bob.edits(&person("bob"), vec![set("users", "bob", json!({ "name": "Bób 👩\u{200d}🚀" }))])
        .await;
    let made = nobody(&world).posts("/auth/register", registration("dora")).await.is(201);
    assert!(made.text("access_token").len() < 2_000);
}

async fn an_address_or_a_password_that_looks_the_same_is_the_same(store: Kind) {
    let world = World::on(store).await;
    registers(&world, "dora").await;
    for (email, status, code) in [
        ("dora@example.org\u{200b}", 422, "check"),
        ("do\u{ad}ra@example.org", 422, "check"),
        ("\u{ff44}ora@example.org", 409, "email_taken"),
        ("DORA@example.org", 409, "email_taken"),
    ] {
        let new = json!({ "email": email, "password": PASSWORD, "name": "Dora" });
        nobody(&world).posts("/auth/register", new).await.fails(status, code);
    }
    let new =
        json!({ "email": "eva@example.org", "password": "pa\u{308}sswo\u{308}rd", "name": "Eva" });
    nobody(&world).posts("/auth/register", new).await.is(201);
    let login = json!({ "email": "eva@example.org", "password": "p\u{e4}ssw\u{f6}rd" });
    nobody(&world).posts("/auth/login", login).await.is(200);
}
