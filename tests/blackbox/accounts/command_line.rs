//! The operator's commands beside a hub that runs.

use std::process::Command;

use serde_json::json;

use super::*;
use crate::support::{database::Kind, on_both_stores, waiting::eventually, world::project_id};

on_both_stores! {
    an_account_made_by_the_operator_begins_with_a_link,
    an_administrator_is_made_and_unmade,
    a_service_made_by_the_operator_works_at_once,
}

/// Runs a command on the database and the keys of a world's hub; what it prints.
#[track_caller]
pub(super) fn rowcast(world: &World, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rowcast"))
        .args(arguments)
        .env("DATABASE_URL", &world.database.url)
        .env("ROWCAST_AUTH__KEY_FOLDER", world.database.folder.path().join("keys"))
        .env("ROWCAST_LOG__LEVEL", "off")
        .current_dir(world.database.folder.path())
        .output()
        .expect("it runs");
    let (out, err) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    assert!(output.status.success(), "{arguments:?}: {}", err.unwrap());
    out.unwrap()
}

fn code_of(link: &str) -> &str {
    link.trim().split_once("/#reset=").expect("a link").1
}

async fn an_account_made_by_the_operator_begins_with_a_link(store: Kind) {
    let world = World::on(store).await;
    let link = rowcast(&world, &["account", "create", "dora@example.org", "--name", "Dora"]);
    let reset = json!({ "code": code_of(&link), "password": PASSWORD });
    let weak = json!({ "code": code_of(&link), "password": "short" });
    nobody(&world).posts("/auth/reset", weak).await.fails(422, "weak_password");
    let answer = nobody(&world).posts("/auth/reset", reset.clone()).await.is(200);
    let first = signed_in(&world, &answer.body);
    nobody(&world).posts("/auth/reset", reset).await.fails(410, "link_expired");
    signs_in(&world, "dora").await;
    let mut device = device(&world, &first.access).await;
    let link = rowcast(&world, &["account", "reset", "DORA@example.org"]);
    let reset = json!({ "code": code_of(&link), "password": "another password" });
    nobody(&world).posts("/auth/reset", reset).await.is(200);
    assert_eq!(device.is_closed().await, Some(4500));
    let list: Value =
        serde_json::from_str(&rowcast(&world, &["account", "list", "--json"])).unwrap();
    assert_eq!((&list[0]["name"], &list[0]["password"]), (&json!("Dora"), &json!(true)));
}

async fn an_administrator_is_made_and_unmade(store: Kind) {
    let world = World::on(store).await;
    registers(&world, "dora").await;
    rowcast(&world, &["account", "admin", "dora@example.org"]);
    let dora = signs_in(&world, "dora").await;
    assert_eq!(dora.web.gets("/auth/me").await.is(200).body["admin"], true);
    dora.web.posts("/service-tokens", json!({ "name": "W", "projects": [] })).await.is(201);
    rowcast(&world, &["account", "admin", "dora@example.org", "--off"]);
    eventually("the administrator's session to end", async || {
        dora.web.gets("/service-tokens").await.status == 401
    })
    .await;
    let dora = signs_in(&world, "dora").await;
    assert_eq!(dora.web.gets("/auth/me").await.is(200).body["admin"], false);
}

async fn a_service_made_by_the_operator_works_at_once(store: Kind) {
    let world = World::on(store).await;
    let scope = format!("{}=editor", project_id());
    let token =
        rowcast(&world, &["token", "--service", "Worker", "--project", &scope, "--queue", "gpu"]);
    let mut worker = device(&world, token.trim()).await;
    assert_eq!(worker.welcome.user.name, "Worker");
    worker.subscribes(&world.project).await;
}

#[tokio::test]
async fn keys_are_changed_while_the_hub_runs() {
    let world = World::on(Kind::Sqlite).await;
    let dora = registers(&world, "dora").await;
    let listed = rowcast(&world, &["keys", "list"]);
    assert_eq!(listed.lines().count(), 1);
    assert!(rowcast(&world, &["keys", "rotate"]).contains("0002.pem signs from now on"));
    let listed = rowcast(&world, &["keys", "list"]);
    assert!(listed.lines().next().unwrap().ends_with("signs"), "{listed}");
    assert!(listed.lines().nth(1).unwrap().contains("needed until"), "{listed}");
    // A token of the new key is good at once, also before the hub signs with it.
    let new = rowcast(&world, &["token", "--user", "ada"]);
    nobody(&world).with_token(new.trim()).gets("/auth/me").await.is(200);
    let key_of = |token: &str| token.split_once('.').unwrap().0.to_owned();
    eventually("the hub to sign with the new key", async || {
        key_of(&signs_in(&world, "dora").await.access) == key_of(new.trim())
    })
    .await;
    dora.web.gets("/auth/me").await.is(200);
}
