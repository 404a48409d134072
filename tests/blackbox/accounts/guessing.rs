//! Those who guess passwords.

use serde_json::json;

use super::*;
use crate::support::{database::Kind, on_both_stores, web::Answer};

on_both_stores! {
    a_wrong_password_and_a_wrong_address_are_answered_alike,
    a_closed_account_is_answered_like_none,
    guesses_from_many_networks_lock_nobody_out_where_they_were_before,
}

async fn tries(world: &World, email: &str, password: &str) -> Answer {
    let login = json!({ "email": email, "password": password });
    nobody(world).posts("/auth/login", login).await
}

/// What an answer says beside the names of this very request.
fn said(answer: Answer) -> Value {
    let mut body = answer.fails(401, "wrong_password");
    body["request_id"] = Value::Null;
    body
}

async fn a_wrong_password_and_a_wrong_address_are_answered_alike(store: Kind) {
    let world = World::on(store).await;
    registers(&world, "dora").await;
    let wrong = said(tries(&world, "dora@example.org", "wrong password").await);
    let unknown = said(tries(&world, "nobody@example.org", "wrong password").await);
    assert_eq!(wrong, unknown);
    assert_eq!(said(tries(&world, "no address", "").await), unknown);
    assert_eq!(said(tries(&world, "dora@example.org\u{0}", PASSWORD).await), unknown);
}

async fn a_closed_account_is_answered_like_none(store: Kind) {
    let world = World::on(store).await;
    let dora = registers(&world, "dora").await;
    let unknown = said(tries(&world, "nobody@example.org", PASSWORD).await);
    let mut device = device(&world, &dora.access).await;
    // A token without a session of the same person ends as well.
    let other = somebody(&world, &dora.id);
    other.gets("/auth/me").await.is(200);
    let began = tokio::time::Instant::now();
    super::command_line::rowcast(&world, &["account", "close", "dora@example.org"]);
    assert_eq!(device.is_closed().await, Some(4500));
    assert!(began.elapsed() < 2 * EFFECTIVE, "it took {:?}", began.elapsed());
    other.gets("/auth/me").await.fails(401, "unauthorized");
    assert_eq!(said(tries(&world, "dora@example.org", PASSWORD).await), unknown);
    let refresh = json!({ "refresh_token": dora.refresh });
    nobody(&world).posts("/auth/refresh", refresh).await.fails(401, "unauthorized");
}

#[tokio::test]
async fn who_guesses_waits_whether_there_is_such_an_account_or_not() {
    let world = World::on(Kind::Sqlite).await;
    registers(&world, "dora").await;
    for email in ["dora@example.org", "nobody@example.org"] {
        for _ in 0..5 {
            tries(&world, email, "wrong password").await.fails(401, "wrong_password");
        }
        let answer = tries(&world, email, PASSWORD).await;
        assert_eq!(answer.header("retry-after"), Some("1"), "{email}");
        answer.fails(429, "rate_limited");
    }
    registers(&world, "eva").await;
    signs_in(&world, "eva").await;
}

#[tokio::test]
async fn one_address_has_so_many_attempts() {
    let world = World::with(Kind::Sqlite, &[("ACCOUNTS__ATTEMPTS_PER_MINUTE", "2")]).await;
    for name in ["dora", "eva"] {
        registers(&world, name).await;
    }
    nobody(&world).posts("/auth/register", registration("fay")).await.fails(429, "rate_limited");
    let look = json!({ "code": "guessed" });
    nobody(&world).posts("/invitations/look", look).await.fails(429, "rate_limited");
    tries(&world, "dora@example.org", PASSWORD).await.fails(429, "rate_limited");
}

async fn guesses_from_many_networks_lock_nobody_out_where_they_were_before(store: Kind) {
    let settings = [("SERVER__TRUSTED_PROXIES", "127.0.0.1"), ("ACCOUNTS__HASHING", "4")];
    let world = World::with(store, &settings).await;
    let from = |address: &str| nobody(&world).with("X-Forwarded-For", address);
    let home = "2001:db8:1::7";
    from(home).posts("/auth/register", registration("dora")).await.is(201);
    let login = |password: &str| json!({ "email": "dora@example.org", "password": password });
    let mut refused = 0;
    for number in 0..110 {
        let guess =
            from(&format!("203.0.113.{number}")).posts("/auth/login", login("wrong one")).await;
        refused += u32::from(guess.status == 429);
    }
    assert!(refused > 0, "many networks guess no faster than few");
    from("198.51.100.7").posts("/auth/login", login(PASSWORD)).await.fails(429, "rate_limited");
    // The same network as before, of which an address of IPv6 is only one of many.
    from("2001:db8:1::8").posts("/auth/login", login(PASSWORD)).await.is(200);
}
