//! Staying signed in: tokens that are renewed, cookies, sessions that are listed.

use serde_json::json;

use super::*;
use crate::support::{database::Kind, on_both_stores};

on_both_stores! {
    a_session_goes_on_with_new_tokens,
    a_refresh_token_that_comes_again_late_ends_the_session,
    of_two_who_refresh_at_once_one_wins_and_nothing_ends,
    a_new_password_ends_every_other_session,
    a_used_refresh_token_ends_no_other_session,
    who_has_no_password_yet_sets_one_without,
}

async fn refreshes(world: &World, token: &str) -> crate::support::web::Answer {
    nobody(world).posts("/auth/refresh", json!({ "refresh_token": token })).await
}

async fn a_session_goes_on_with_new_tokens(store: Kind) {
    let world = World::on(store).await;
    let dora = registers(&world, "dora").await;
    let next = signed_in(&world, &refreshes(&world, &dora.refresh).await.is(200).body);
    assert_ne!(next.refresh, dora.refresh);
    next.web.gets("/auth/me").await.is(200);
    let sessions = next.web.gets("/auth/sessions").await.is(200).body;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
    assert_eq!(sessions["items"][0]["current"], true);
    assert_eq!(sessions["items"][0]["address"], "127.0.0.1");
    refreshes(&world, "never given").await.fails(401, "unauthorized");
    nobody(&world).posts("/auth/refresh", json!({})).await.fails(401, "unauthorized");
}

/// Makes what happened a while ago.
async fn time_passes(world: &World, store: Kind, seconds: u32) {
    let table = if store == Kind::Sqlite { "rowcast_refresh" } else { "rowcast.refresh" };
    let sql = format!("UPDATE {table} SET used_at = used_at - {seconds}000000");
    world.outsider().await.runs(&sql).await;
}

async fn a_refresh_token_that_comes_again_late_ends_the_session(store: Kind) {
    let world = World::on(store).await;
    let dora = registers(&world, "dora").await;
    let next = signed_in(&world, &refreshes(&world, &dora.refresh).await.is(200).body);
    refreshes(&world, &dora.refresh).await.fails(409, "refresh_raced");
    let mut device = device(&world, &next.access).await;
    time_passes(&world, store, 11).await;
    let began = tokio::time::Instant::now();
    refreshes(&world, &dora.refresh).await.fails(401, "refresh_reused");
    assert_eq!(device.is_closed().await, Some(4500));
    assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
    refreshes(&world, &next.refresh).await.fails(401, "unauthorized");
    next.web.gets("/auth/me").await.fails(401, "unauthorized");
}

async fn of_two_who_refresh_at_once_one_wins_and_nothing_ends(store: Kind) {
    let world = World::on(store).await;
    let dora = registers(&world, "dora").await;
    let tries = (0..6).map(|_| refreshes(&world, &dora.refresh));
    let answers = futures_util::future::join_all(tries).await;
    let (won, raced): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), raced.len()), (1, 5));
    for answer in raced {
        answer.fails(409, "refresh_raced");
    }
    let next = signed_in(&world, &won[0].body);
    refreshes(&world, &next.refresh).await.is(200);
}

async fn a_new_password_ends_every_other_session(store: Kind) {
    let world = World::on(store).await;
    let (one, other) = (registers(&world, "dora").await, signs_in(&world, "dora").await);
    let (mut here, mut there) =
        (device(&world, &one.access).await, device(&world, &other.access).await);
    let change = json!({ "current": PASSWORD, "new": "another password" });
    let wrong = json!({ "current": "wrong password", "new": "another password" });
    let problem = one.web.posts("/auth/password", wrong).await.fails(403, "wrong_password");
    assert_eq!(problem["errors"][0]["field"], "current");
    let weak = json!({ "current": PASSWORD, "new": "short" });
    one.web.posts("/auth/password", weak).await.fails(422, "weak_password");
    let next = signed_in(&world, &one.web.posts("/auth/password", change).await.is(200).body);
    assert_eq!(there.is_closed().await, Some(4500));
    other.web.gets("/auth/me").await.fails(401, "unauthorized");
    refreshes(&world, &other.refresh).await.fails(401, "unauthorized");
    next.web.gets("/auth/me").await.is(200);
    here.is_up_to_date().await;
    refreshes(&world, &next.refresh).await.is(200);
    let login = json!({ "email": "dora@example.org", "password": PASSWORD });
    nobody(&world).posts("/auth/login", login).await.fails(401, "wrong_password");
}

#[tokio::test]
async fn a_browser_keeps_its_token_in_a_cookie_that_no_script_sees() {
    let world = World::on(Kind::Sqlite).await;
    let mut body = registration("dora");
    body["cookie"] = json!(true);
    let answer = nobody(&world).posts("/auth/register", body).await.is(201);
    assert!(answer.body.get("refresh_token").is_none());
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    let (pair, rest) = cookie.split_once("; ").unwrap();
    assert_eq!(rest, "Path=/api/v1/auth; Max-Age=2592000; HttpOnly; SameSite=Strict");
    let browser = nobody(&world).with("Cookie", format!("theme=dark; {pair}"));
    let next = browser.posts("/auth/refresh", json!({})).await.is(200);
    assert!(next.body.get("refresh_token").is_none());
    let next = next.header("set-cookie").unwrap().split_once(';').unwrap().0.to_owned();
    assert_ne!(next, pair);
    let foreign = nobody(&world).with("Cookie", &*next).with("Origin", "https://evil.example");
    foreign.posts("/auth/refresh", json!({})).await.fails(403, "forbidden");
    let browser = nobody(&world).with("Cookie", next);
    let out = browser.posts("/auth/logout", json!({})).await.is(204);
    assert!(out.header("set-cookie").unwrap().starts_with("rowcast_refresh=; "), "{out:?}");
    browser.posts("/auth/refresh", json!({})).await.fails(401, "unauthorized");
}

#[tokio::test]
async fn elsewhere_than_on_this_machine_the_cookie_is_for_tls_alone() {
    let world =
        World::with(Kind::Sqlite, &[("SERVER__PUBLIC_URL", "https://rowcast.example.org")]).await;
    let mut body = registration("dora");
    body["cookie"] = json!(true);
    let answer = nobody(&world).posts("/auth/register", body).await.is(201);
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
}

async fn a_used_refresh_token_ends_no_other_session(store: Kind) {
    let world = World::on(store).await;
    let dora = registers(&world, "dora").await;
    let elsewhere = signs_in(&world, "dora").await;
    refreshes(&world, &dora.refresh).await.is(200);
    let everywhere = json!({ "refresh_token": dora.refresh, "everywhere": true });
    nobody(&world).posts("/auth/logout", everywhere).await.fails(401, "unauthorized");
    time_passes(&world, store, 60).await;
    refreshes(&world, &dora.refresh).await.fails(401, "refresh_reused");
    refreshes(&world, &elsewhere.refresh).await.is(200);
}

async fn who_has_no_password_yet_sets_one_without(store: Kind) {
    let world = World::on(store).await;
    let link = super::command_line::rowcast(
        &world,
        &["account", "create", "dora@example.org", "--name", "Dora"],
    );
    let code = link.trim().split_once("#reset=").unwrap().1;
    for weak in ["dora@example.org", "DORA@example.org "] {
        let sent = json!({ "code": code, "password": weak });
        nobody(&world).posts("/auth/reset", sent).await.fails(422, "weak_password");
    }
    let sent = json!({ "code": code, "password": PASSWORD });
    nobody(&world).posts("/auth/reset", sent).await.is(200);
    let dora = signs_in(&world, "dora").await;
    assert_eq!(dora.web.gets("/auth/me").await.is(200).body["has_password"], Value::Null);
    let table = if store == Kind::Sqlite { "rowcast_account" } else { "rowcast.account" };
    world.outsider().await.runs(&format!("UPDATE {table} SET password = NULL")).await;
    assert_eq!(dora.web.gets("/auth/me").await.is(200).body["has_password"], false);
    let new = json!({ "new": "a new password" });
    dora.web.posts("/auth/password", new.clone()).await.is(200);
    dora.web.posts("/auth/password", new).await.fails(403, "wrong_password");
}
