//! State and signals: the latest value of something, and messages to whoever is there now.

use rowcast_protocol::{ErrorCode, News, ServerMessage, Value};
use serde_json::json;

use crate::support::{
    database::Kind,
    device::{Device, signal, state},
    link::{Link, Weather},
    world::World,
};

fn value(json: serde_json::Value) -> Value {
    Value::from(json)
}

/// Waits until this state has this value for the device.
async fn sees_state(device: &mut Device, session: &str, key: &str, wanted: &Value) {
    device
        .hears_news(&format!("{key} to be {wanted:?}"), |news| match news {
            News::States(states) => states
                .states
                .iter()
                .any(|item| item.session == session && item.key == key && item.value == *wanted)
                .then_some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_state_reaches_everybody_also_whoever_set_it() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    bob.subscribes(&world.project).await;
    let pointer = value(json!({"x": 120, "y": 48.5}));
    ada.sets(&world.project, "pointer", pointer.clone()).await;
    let session = ada.session().to_owned();
    for device in [&mut ada, &mut bob] {
        let (_, states) = device.hears_states().await;
        assert_eq!(states[0].session, session);
        assert_eq!((states[0].user.as_str(), states[0].key.as_str()), ("ada", "pointer"));
        assert_eq!(states[0].value, pointer);
    }
}

#[tokio::test]
async fn a_newcomer_gets_all_states_in_full() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    ada.sets(&world.project, "pointer", 1_i64.into()).await;
    ada.sets(&world.project, "pointer", 2_i64.into()).await;
    ada.sets(&world.project, "tool", "pen".into()).await;
    bob.subscribes(&world.project).await;
    let (full, mut states) = bob.hears_states().await;
    assert!(full);
    states.sort_by(|one, other| one.key.cmp(&other.key));
    let got: Vec<_> = states.iter().map(|item| (item.key.as_str(), item.value.clone())).collect();
    assert_eq!(got, [("pointer", Value::Int(2)), ("tool", "pen".into())]);
}

#[tokio::test]
async fn a_state_is_cleared_by_null_by_unsubscribing_and_by_leaving() {
    let world = World::on(Kind::Sqlite).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    for way in ["null", "unsubscribe", "leave"] {
        let mut ada = world.ada().await;
        let session = ada.session().to_owned();
        ada.subscribes(&world.project).await;
        ada.sets(&world.project, way, 1_i64.into()).await;
        sees_state(&mut bob, &session, way, &Value::Int(1)).await;
        match way {
            "null" => ada.sets(&world.project, way, Value::Null).await,
            "unsubscribe" => drop(ada.unsubscribes(&world.project).await),
            _ => drop(ada),
        }
        sees_state(&mut bob, &session, way, &Value::Null).await;
    }
}

#[tokio::test]
async fn a_slow_reader_gets_only_the_newest_value() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__REQUESTS_BURST", "100000")]).await;
    let link = Link::to(world.hub.address).await;
    let mut ada = world.ada().await;
    let mut bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::MsgPack).await;
    ada.subscribes(&world.project).await;
    bob.subscribes(&world.project).await;
    link.turns(Weather::Stalled);
    let padding = "x".repeat(4000);
    for number in 0..3000 {
        let pointer = value(json!([number, padding]));
        ada.send(&state(None, &world.project, "pointer", pointer)).await;
    }
    let session = ada.session().to_owned();
    let last = value(json!([2999, padding]));
    sees_state(&mut ada, &session, "pointer", &last).await;
    ada.inbox.clear();
    link.turns(Weather::Fair);
    let mut received = 0;
    bob.hears_news("the newest pointer", |news| match news {
        News::States(states) => {
            received += states.states.len();
            states.states.iter().any(|item| item.value == last).then_some(())
        }
        _ => None,
    })
    .await;
    assert!(received < 2900, "{received} of 3000 values were kept for a slow reader");
}

#[tokio::test]
async fn states_are_bounded_and_say_so() {
    let settings = [("LIMITS__STATE_KEYS", "3"), ("LIMITS__STATE_BYTES", "100")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let mut ada = world.ada().await;
    ada.subscribes(&world.project).await;
    let long = Value::from("x".repeat(100));
    let error = ada.fails(|r| state(Some(r), &world.project, "long", long)).await;
    assert_eq!((error.code, error.limit), (ErrorCode::TooLarge, Some(100)));
    for key in ["a", "b", "c"] {
        ada.sets(&world.project, key, 1_i64.into()).await;
    }
    let error = ada.fails(|r| state(Some(r), &world.project, "d", 1_i64.into())).await;
    assert_eq!((error.code, error.limit), (ErrorCode::TooMany, Some(3)));
    ada.sets(&world.project, "a", Value::Null).await;
    ada.sets(&world.project, "d", 1_i64.into()).await;
    for key in ["", &"k".repeat(65)] {
        let error = ada.fails(|r| state(Some(r), &world.project, key, 1_i64.into())).await;
        assert_eq!(error.code, ErrorCode::BadMessage);
    }
}

#[tokio::test]
async fn states_and_signals_need_a_subscription() {
    let world = World::on(Kind::Sqlite).await;
    let mut ada = world.ada().await;
    let error = ada.fails(|r| state(Some(r), &world.project, "x", 1_i64.into())).await;
    assert_eq!(error.code, ErrorCode::NotSubscribed);
    let error = ada.fails(|r| signal(Some(r), &world.project, "x", Value::Null)).await;
    assert_eq!(error.code, ErrorCode::NotSubscribed);
    // Without a `ref` the error comes without one.
    ada.send(&signal(None, &world.project, "x", Value::Null)).await;
    let error = ada
        .hears("an error without a ref", |message| match message {
            ServerMessage::Reply(rowcast_protocol::Reply::Error(error)) => {
                error.reference.is_none().then_some(error.code)
            }
            _ => None,
        })
        .await;
    assert_eq!(error, ErrorCode::NotSubscribed);
}

#[tokio::test]
async fn even_a_viewer_may_set_states_and_send_signals() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut vera) = (world.ada().await, world.vera().await);
    ada.subscribes(&world.project).await;
    vera.subscribes(&world.project).await;
    vera.sets(&world.project, "looking", "here".into()).await;
    vera.signals(&world.project, "wave", Value::Null).await;
    assert_eq!(ada.hears_signals().await[0].user, "vera");
}

#[tokio::test]
async fn signals_come_to_everybody_in_one_order() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__SIGNAL_RING", "1000")]).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    bob.subscribes(&world.project).await;
    for number in 0..50_i64 {
        ada.send(&signal(None, &world.project, "hers", number.into())).await;
        bob.send(&signal(None, &world.project, "his", number.into())).await;
    }
    let mut orders = Vec::new();
    for device in [&mut ada, &mut bob] {
        let mut order = Vec::new();
        while order.len() < 100 {
            let signals = device.hears_signals().await;
            order.extend(signals.into_iter().map(|signal| (signal.name, signal.body)));
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
    let hers = orders[0].iter().filter(|(name, _)| name == "hers").map(|(_, body)| body.clone());
    assert_eq!(hers.collect::<Vec<_>>(), (0..50_i64).map(Value::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_newcomer_gets_no_old_signals() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.subscribes(&world.project).await;
    ada.signals(&world.project, "old", Value::Null).await;
    bob.subscribes(&world.project).await;
    ada.signals(&world.project, "new", Value::Null).await;
    assert_eq!(bob.hears_signals().await[0].name, "new");
}

#[tokio::test]
async fn a_reader_that_is_overrun_is_told_how_many_it_missed() {
    let settings = [("LIMITS__SIGNAL_RING", "16"), ("LIMITS__REQUESTS_BURST", "100000")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let link = Link::to(world.hub.address).await;
    let mut ada = world.ada().await;
    let mut bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::Json).await;
    ada.subscribes(&world.project).await;
    bob.subscribes(&world.project).await;
    link.turns(Weather::Stalled);
    let padding = "x".repeat(4000);
    for number in 0..3000 {
        ada.send(&signal(None, &world.project, "n", value(json!([number, padding])))).await;
    }
    ada.is_up_to_date().await;
    ada.inbox.clear();
    link.turns(Weather::Fair);
    let (mut got, mut missed) = (0, 0);
    let last = value(json!([2999, padding]));
    bob.hears_news("the last signal", |news| match news {
        News::Signals(news) => {
            got += news.signals.len() as u64;
            news.signals.iter().any(|signal| signal.body == last).then_some(())
        }
        News::Missed(news) => {
            missed += news.signals;
            None
        }
        _ => None,
    })
    .await;
    assert!(missed > 0);
    assert_eq!(got + missed, 3000, "each signal either came or was counted");
}
