//! Signing out: here, elsewhere, everywhere, on every node, within a second.

use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::support::{database::Kind, hub::Hub, on_both_stores};

on_both_stores! {
    signing_out_here_closes_this_sessions_sockets_alone,
    signing_out_everywhere_closes_all,
    a_session_is_ended_from_another_one,
}

#[track_caller]
fn in_time(began: Instant) {
    assert!(began.elapsed() < EFFECTIVE, "it took {:?}", began.elapsed());
}

async fn signing_out_here_closes_this_sessions_sockets_alone(store: Kind) {
    let world = World::on(store).await;
    let (one, other) = (registers(&world, "dora").await, signs_in(&world, "dora").await);
    let (mut here, mut there) =
        (device(&world, &one.access).await, device(&world, &other.access).await);
    let began = Instant::now();
    one.web.posts("/auth/logout", json!({ "refresh_token": one.refresh })).await.is(204);
    assert_eq!(here.is_closed().await, Some(4500));
    in_time(began);
    one.web.gets("/auth/me").await.fails(401, "unauthorized");
    there.is_up_to_date().await;
    other.web.gets("/auth/me").await.is(200);
    // Once more is no harm, and neither is somebody else's nonsense.
    one.web.posts("/auth/logout", json!({ "refresh_token": one.refresh })).await.is(204);
    nobody(&world).posts("/auth/logout", json!({})).await.is(204);
    other.web.posts("/auth/logout", json!({})).await.is(204);
    assert_eq!(there.is_closed().await, Some(4500));
}

async fn signing_out_everywhere_closes_all(store: Kind) {
    let world = World::on(store).await;
    let (one, other) = (registers(&world, "dora").await, signs_in(&world, "dora").await);
    let eva = registers(&world, "eva").await;
    let (mut here, mut there) =
        (device(&world, &one.access).await, device(&world, &other.access).await);
    let everywhere = json!({ "everywhere": true });
    nobody(&world).posts("/auth/logout", everywhere.clone()).await.fails(401, "unauthorized");
    let began = Instant::now();
    one.web.posts("/auth/logout", everywhere).await.is(204);
    assert_eq!(here.is_closed().await, Some(4500));
    assert_eq!(there.is_closed().await, Some(4500));
    in_time(began);
    other.web.gets("/auth/me").await.fails(401, "unauthorized");
    eva.web.gets("/auth/me").await.is(200);
    let with_refresh = json!({ "everywhere": true, "refresh_token": eva.refresh });
    nobody(&world).posts("/auth/logout", with_refresh.clone()).await.is(204);
    nobody(&world).posts("/auth/logout", with_refresh).await.fails(401, "unauthorized");
}

async fn a_session_is_ended_from_another_one(store: Kind) {
    let world = World::on(store).await;
    let (one, other) = (registers(&world, "dora").await, signs_in(&world, "dora").await);
    let mut there = device(&world, &other.access).await;
    let sessions = one.web.gets("/auth/sessions").await.is(200).body;
    let id = |current: bool| {
        let all = sessions["items"].as_array().unwrap();
        let of = all.iter().find(|session| session["current"] == current).unwrap();
        of["id"].as_str().unwrap().to_owned()
    };
    let eva = registers(&world, "eva").await;
    let path = format!("/auth/sessions/{}", id(false));
    eva.web.deletes(&path).await.fails(404, "not_found");
    let began = Instant::now();
    one.web.deletes(&path).await.is(204);
    assert_eq!(there.is_closed().await, Some(4500));
    in_time(began);
    one.web.deletes(&path).await.fails(404, "not_found");
    one.web.deletes("/auth/sessions/nonsense").await.fails(400, "bad_message");
    one.web.deletes(&format!("/auth/sessions/{}", id(true))).await.is(204);
    one.web.gets("/auth/sessions").await.fails(401, "unauthorized");
}

#[tokio::test]
async fn what_ends_on_one_node_ends_on_the_other() {
    let world = World::on(Kind::Postgres).await;
    let other = Hub::start(&world.database, &[]).await;
    let dora = registers(&world, "dora").await;
    let there = crate::support::web::Web::at(other.address).with_token(&dora.access);
    there.gets("/auth/me").await.is(200);
    let mut device = Device::connect(other.address, Codec::Json, &dora.access).await.unwrap();
    let began = Instant::now();
    dora.web.posts("/auth/logout", json!({})).await.is(204);
    assert_eq!(device.is_closed().await, Some(4500));
    in_time(began);
    there.gets("/auth/me").await.fails(401, "unauthorized");
}

#[tokio::test]
async fn what_ended_stays_ended_when_the_hub_starts_again() {
    let mut world = World::on(Kind::Sqlite).await;
    let dora = registers(&world, "dora").await;
    dora.web.posts("/auth/logout", json!({})).await.is(204);
    world.hub.is_killed();
    world.hub.starts_again().await;
    nobody(&world).with_token(&dora.access).gets("/auth/me").await.fails(401, "unauthorized");
}
