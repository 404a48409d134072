//! Presence: people, each once, with however many devices.

use rowcast_protocol::{
    ErrorCode, Value,
    request::{PresenceMode, Subscribe},
};

use crate::support::{database::Kind, device::Device, world::World};

/// Waits until somebody is shown with so many devices.
async fn sees_devices(device: &mut Device, user: &str, devices: u32) {
    loop {
        let (here, _) = device.hears_presence().await;
        if here.iter().any(|person| person.user == user && person.devices == devices) {
            return;
        }
    }
}

#[tokio::test]
async fn a_person_with_two_devices_joins_once_and_leaves_once() {
    let world = World::on(Kind::Sqlite).await;
    let mut ada = world.ada().await;
    ada.joins(&world.project).await;
    sees_devices(&mut ada, "ada", 1).await;
    let (mut phone, mut laptop) = (world.bob().await, world.bob().await);
    phone.joins(&world.project).await;
    sees_devices(&mut ada, "bob", 1).await;
    laptop.joins(&world.project).await;
    sees_devices(&mut ada, "bob", 2).await;
    drop(phone);
    let (here, left) = ada.hears_presence().await;
    assert_eq!((here[0].user.as_str(), here[0].devices), ("bob", 1));
    assert!(left.is_empty());
    drop(laptop);
    let (here, left) = ada.hears_presence().await;
    assert!(here.is_empty());
    assert_eq!(left, ["bob"]);
}

#[tokio::test]
async fn a_newcomer_is_told_who_is_here_in_full() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut vera) = (world.ada().await, world.vera().await);
    let meta = Some(Value::from("board"));
    ada.subscribes_as(&world.project, None, PresenceMode::Join, meta).await;
    vera.joins(&world.project).await;
    let mut bob = world.bob().await;
    bob.subscribes_as(&world.project, None, PresenceMode::Watch, None).await;
    let mut people = bob
        .hears_news("presence", |news| match news {
            rowcast_protocol::News::Presence(presence) => {
                assert!(presence.full && presence.left.is_empty());
                Some(presence.here.clone())
            }
            _ => None,
        })
        .await;
    people.sort_by(|one, other| one.user.cmp(&other.user));
    let shown: Vec<_> = people.iter().map(|person| (&*person.user, &*person.name)).collect();
    assert_eq!(shown, [("ada", "Ada"), ("vera", "Vera")]);
    assert_eq!(people[0].meta, Value::from("board"));
}

#[tokio::test]
async fn whoever_watches_is_not_seen_and_whoever_does_not_watch_sees_nothing() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut bob, mut vera) = (world.ada().await, world.bob().await, world.vera().await);
    bob.subscribes_as(&world.project, None, PresenceMode::Watch, None).await;
    vera.subscribes(&world.project).await;
    ada.joins(&world.project).await;
    let (here, _) = bob.hears_presence().await;
    assert_eq!(here.iter().map(|person| &*person.user).collect::<Vec<_>>(), ["ada"]);
    vera.is_up_to_date().await;
    let presence = |message: &rowcast_protocol::ServerMessage| {
        matches!(
            message,
            rowcast_protocol::ServerMessage::News(rowcast_protocol::News::Presence(_))
        )
    };
    assert!(!vera.inbox.iter().any(presence));
}

#[tokio::test]
async fn unsubscribing_is_leaving() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.joins(&world.project).await;
    bob.joins(&world.project).await;
    sees_devices(&mut ada, "bob", 1).await;
    bob.unsubscribes(&world.project).await;
    let (_, left) = ada.hears_presence().await;
    assert_eq!(left, ["bob"]);
}

#[tokio::test]
async fn subscribing_again_is_neither_leaving_nor_joining() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.joins(&world.project).await;
    bob.joins(&world.project).await;
    sees_devices(&mut ada, "bob", 1).await;
    bob.joins(&world.project).await;
    bob.is_up_to_date().await;
    let mut vera = world.vera().await;
    vera.joins(&world.project).await;
    // Until Vera comes, nobody left.
    loop {
        let (here, left) = ada.hears_presence().await;
        assert!(left.is_empty(), "{left:?} left");
        assert!(here.iter().all(|person| person.devices == 1), "{here:?}");
        if here.iter().any(|person| person.user == "vera") {
            return;
        }
    }
}

#[tokio::test]
async fn what_people_say_of_themselves_is_bounded() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__PRESENCE_META_BYTES", "20")]).await;
    let mut ada = world.ada().await;
    let error = ada
        .fails(|reference| {
            rowcast_protocol::Request::Subscribe(Subscribe {
                reference,
                channel: world.project.clone(),
                cursor: None,
                presence: PresenceMode::Join,
                meta: Some("x".repeat(30).into()),
            })
        })
        .await;
    assert_eq!((error.code, error.limit), (ErrorCode::TooLarge, Some(20)));
}
