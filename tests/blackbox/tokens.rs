//! Tokens on open sockets: they expire, and can be renewed in place.

use std::time::Duration;

use rowcast_protocol::{Codec, ErrorCode, News, Reply, Request, request::Renew};

use crate::support::{
    database::Kind,
    device::Device,
    edits::rename,
    world::{World, id},
};

fn renew(reference: u64, token: String) -> Request {
    Request::Renew(Renew { reference, token })
}

async fn device_for(world: &World, life: Duration) -> Device {
    let token = world.token("bob", life);
    Device::connect(world.hub.address, Codec::MsgPack, &token).await.expect("he is welcome")
}

#[tokio::test]
async fn whoever_does_not_renew_is_warned_and_then_sent_away() {
    let world = World::with(Kind::Sqlite, &[("AUTH__GRACE_SECONDS", "1")]).await;
    let mut bob = device_for(&world, Duration::from_secs(2)).await;
    let expires = bob
        .hears_news("a warning", |news| match news {
            News::TokenExpiring(news) => Some(news.expires.clone()),
            _ => None,
        })
        .await;
    assert!(expires.ends_with('Z') && expires.len() == 27, "{expires}");
    assert_eq!(bob.is_closed().await, Some(4003));
}

#[tokio::test]
async fn whoever_renews_in_place_stays_with_all_subscriptions() {
    let world = World::with(Kind::Sqlite, &[("AUTH__GRACE_SECONDS", "1")]).await;
    let mut short = device_for(&world, Duration::from_secs(2)).await;
    let mut bob = device_for(&world, Duration::from_secs(2)).await;
    bob.subscribes(&world.project).await;
    let token = world.token("bob", Duration::from_secs(3600));
    match bob.asks(|reference| renew(reference, token)).await {
        Reply::Renewed(renewed) => assert!(renewed.expires.is_some()),
        other => panic!("{other:?}"),
    }
    // The other socket shows that the first token is over.
    assert_eq!(short.is_closed().await, Some(4003));
    world.ada().await.edits(&world.project, vec![rename(&id(1), "Still here")]).await;
    bob.sees_title(&world.project, &id(1), "Still here").await;
}

#[tokio::test]
async fn a_token_of_somebody_else_renews_nothing() {
    let world = World::on(Kind::Sqlite).await;
    let mut bob = world.bob().await;
    let hers = world.token("ada", Duration::from_secs(3600));
    let error = bob.fails(|reference| renew(reference, hers)).await;
    assert_eq!(error.code, ErrorCode::Unauthorized);
    let error = bob.fails(|reference| renew(reference, "nonsense".to_owned())).await;
    assert_eq!(error.code, ErrorCode::Unauthorized);
    let over = world.token("bob", Duration::ZERO);
    let error = bob.fails(|reference| renew(reference, over)).await;
    assert_eq!(error.code, ErrorCode::TokenExpired);
    bob.subscribes(&world.project).await;
}
