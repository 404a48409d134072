//! Limits: each has a name, answers with a clear error, and costs nobody else anything.

use rowcast_protocol::{Codec, ErrorCode, Reply, Request, request::Ping};
use serde_json::json;

use crate::support::{
    database::Kind,
    device::{Device, refused_status, subscribe},
    edits::{edit, new_task, set},
    stream::Stream,
    world::{World, id, person},
};

/// Sends JSON as it is, and waits for the error that answers it.
async fn error_for(
    device: &mut Device,
    mut message: serde_json::Value,
) -> rowcast_protocol::ErrorReply {
    let reference = device.next_ref();
    message["ref"] = reference.into();
    device.stream.send_bytes(message.to_string()).await.expect("it is open");
    match device.reply(reference).await {
        Reply::Error(error) => *error,
        other => panic!("{other:?} is no error"),
    }
}

#[tokio::test]
async fn a_message_above_the_size_limit_closes_the_socket() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__MESSAGE_BYTES", "2000")]).await;
    for mut device in [world.ada().await, world.bob().await] {
        let text = set("tasks", &id(1), json!({ "description": "x".repeat(1000) }));
        device.edits(&world.project, vec![text]).await;
        let text = set("tasks", &id(1), json!({ "description": "x".repeat(2000) }));
        device.sends(&edit(&world.project, vec![text])).await;
        assert_eq!(device.is_closed().await, Some(1009));
    }
}

#[tokio::test]
async fn a_message_too_deep_or_with_too_many_values_is_refused() {
    let settings = [("LIMITS__DEPTH", "8"), ("LIMITS__VALUES", "50")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let mut ada = world.ada().await;
    let deep = (0..10).fold(json!(1), |inner, _| json!([inner]));
    let state =
        |value| json!({"type": "state", "channel": world.project, "key": "k", "value": value});
    let error = error_for(&mut ada, state(deep)).await;
    assert_eq!((error.code, error.limit), (ErrorCode::TooDeep, Some(8)));
    let error = error_for(&mut ada, state(json!(vec![1; 60]))).await;
    assert_eq!((error.code, error.limit), (ErrorCode::TooMany, Some(50)));
    ada.is_up_to_date().await;
}

#[tokio::test]
async fn an_edit_with_too_many_operations_is_refused() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__OPS", "5")]).await;
    let mut bob = world.bob().await;
    assert_eq!(bob.welcome.limits.ops, 5);
    let tasks =
        |from: u32, count: u32| (from..from + count).map(|n| new_task(&id(n), "x")).collect();
    bob.edits(&world.project, tasks(100, 5)).await;
    let reference = bob.sends(&edit(&world.project, tasks(200, 6))).await;
    match bob.reply(reference).await {
        Reply::Error(error) => assert_eq!((error.code, error.limit), (ErrorCode::TooMany, Some(5))),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_edit_whose_entry_would_be_too_large_is_refused() {
    for store in [Kind::Sqlite, Kind::Postgres] {
        let world = World::with(store, &[("LIMITS__ENTRY_CHANGES", "20")]).await;
        let mut bob = world.bob().await;
        let tasks =
            |from: u32, count: u32| (from..from + count).map(|n| new_task(&id(n), "x")).collect();
        bob.edits(&world.project, tasks(100, 20)).await;
        let error = bob.is_refused(&world.project, tasks(200, 21)).await;
        assert_eq!((error.code, error.retry), (ErrorCode::TooLarge, false));
        bob.edits(&world.project, tasks(300, 1)).await;
        bob.subscribes(&world.project).await;
        assert_eq!(bob.view(&world.project).table("tasks").count(), 24);
    }
}

#[tokio::test]
async fn a_socket_follows_so_many_channels_and_no_more() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__SUBSCRIPTIONS", "2")]).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    bob.subscribes(&world.other).await;
    let error = bob.fails_to_subscribe(&person("bob")).await;
    assert_eq!((error.code, error.limit), (ErrorCode::TooMany, Some(2)));
    bob.subscribes(&world.project).await;
    bob.unsubscribes(&world.other).await;
    bob.subscribes(&person("bob")).await;
}

#[tokio::test]
async fn a_subscription_flood_is_slowed_down_and_harms_nobody() {
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut eve) = (world.ada().await, world.eve().await);
    let mut refs = Vec::new();
    for number in 0..600 {
        let reference = eve.next_ref();
        let channel = crate::support::world::project(&id(10_000 + number));
        eve.send(&Request::Subscribe(subscribe(reference, &channel))).await;
        refs.push(reference);
    }
    ada.subscribes(&world.project).await;
    let mut codes = Vec::new();
    for reference in refs {
        match eve.reply(reference).await {
            Reply::Error(error) => codes.push(error.code),
            other => panic!("{other:?}"),
        }
    }
    assert!(codes.contains(&ErrorCode::RateLimited));
    assert!(
        codes.iter().all(|code| [ErrorCode::RateLimited, ErrorCode::UnknownChannel].contains(code))
    );
}

#[tokio::test]
async fn too_many_requests_are_refused_with_a_time_to_come_back() {
    let settings = [("LIMITS__REQUESTS_PER_SECOND", "10"), ("LIMITS__REQUESTS_BURST", "20")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let mut bob = world.bob().await;
    let mut refs = Vec::new();
    for _ in 0..40 {
        let reference = bob.next_ref();
        bob.send(&Request::Ping(Ping { reference })).await;
        refs.push(reference);
    }
    let mut refused = 0;
    for reference in refs {
        match bob.reply(reference).await {
            Reply::Pong(_) => {}
            Reply::Error(error) => {
                assert_eq!((error.code, error.retry), (ErrorCode::RateLimited, true));
                assert!((1..=1000).contains(&error.retry_after_ms.expect("when to come back")));
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    // The greeting was a request too.
    assert!((1..=21).contains(&refused), "{refused}");
}

#[tokio::test]
async fn an_edit_flood_ends_the_socket_and_nobody_elses() {
    let settings = [("LIMITS__REQUESTS_PER_SECOND", "10"), ("LIMITS__REQUESTS_BURST", "20")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    for number in 0..2000 {
        let title = crate::support::edits::rename(&id(1), &format!("Flood {number}"));
        let reference = bob.next_ref();
        let request = rowcast_protocol::request::EditRequest {
            reference,
            edit: edit(&world.project, vec![title]),
        };
        if bob.stream.send(&Request::Edit(request)).await.is_err() {
            break;
        }
    }
    assert_eq!(bob.is_closed().await, Some(4006));
    ada.subscribes(&world.project).await;
    ada.edits(&world.project, vec![crate::support::edits::rename(&id(2), "Calm")]).await;
}

#[tokio::test]
async fn malformed_messages_cost_an_error_each_and_in_the_end_the_socket() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__REQUESTS_BURST", "100000")]).await;
    for bad in [&b"{"[..], b"[]", b"{\"type\":\"sing\",\"ref\":3}", b"{\"type\":\"ping\"}", b"null"]
    {
        let mut ada = world.ada().await;
        ada.stream.send_bytes(bad).await.unwrap();
        let code = ada
            .hears("an error", |message| match message {
                rowcast_protocol::ServerMessage::Reply(Reply::Error(error)) => Some(error.code),
                _ => None,
            })
            .await;
        let known = [ErrorCode::BadMessage, ErrorCode::UnknownType];
        assert!(known.contains(&code), "{code:?}");
        ada.is_up_to_date().await;
    }
    let mut bob = world.bob().await;
    for _ in 0..110 {
        if bob.stream.send_bytes(&b"\xc1"[..]).await.is_err() {
            break;
        }
    }
    assert_eq!(bob.is_closed().await, Some(4501));
}

#[tokio::test]
async fn a_person_has_so_many_sockets_and_no_more() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__SOCKETS_PER_USER", "2")]).await;
    let (one, mut other) = (world.bob().await, world.bob().await);
    let mut third = Stream::connect(world.hub.address, Codec::Json, &[]).await.unwrap();
    let token = Some(world.token("bob", std::time::Duration::from_secs(60)));
    let hello = rowcast_protocol::request::Hello { reference: 1, token, ..Default::default() };
    third.send(&Request::Hello(hello)).await.unwrap();
    let end = loop {
        if let Err(over) = third.next().await {
            break over.0;
        }
    };
    assert_eq!(end, Some(4004));
    other.is_up_to_date().await;
    world.ada().await.is_up_to_date().await;
    drop(one);
    crate::support::waiting::eventually("a place to be free", async || {
        let token = world.token("bob", std::time::Duration::from_secs(60));
        let mut stream = Stream::connect(world.hub.address, Codec::Json, &[]).await.unwrap();
        let hello = rowcast_protocol::request::Hello {
            reference: 1,
            token: Some(token),
            ..Default::default()
        };
        stream.send(&Request::Hello(hello)).await.unwrap();
        matches!(stream.next().await, Ok(rowcast_protocol::ServerMessage::Reply(Reply::Welcome(_))))
    })
    .await;
}

#[tokio::test]
async fn only_so_many_sockets_may_wait_to_greet() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__SOCKETS_NOT_GREETED", "3")]).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(Stream::connect(world.hub.address, Codec::Json, &[]).await.unwrap());
    }
    let refused = Stream::connect(world.hub.address, Codec::Json, &[]).await;
    assert_eq!(refused_status(refused), 429);
    let token = world.token("ada", std::time::Duration::from_secs(60));
    let greeted = Device::greet(waiting.pop().unwrap(), Some(&token)).await.unwrap();
    let next = Stream::connect(world.hub.address, Codec::Json, &[]).await;
    assert!(next.is_ok(), "whoever greets makes room");
    drop(greeted);
}

#[tokio::test]
async fn an_address_has_so_many_sockets_and_no_more() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__SOCKETS_PER_ADDRESS", "3")]).await;
    let open = [world.ada().await, world.bob().await, world.vera().await];
    let refused = Stream::connect(world.hub.address, Codec::Json, &[]).await;
    assert_eq!(refused_status(refused), 429);
    drop(open);
}

#[tokio::test]
async fn the_wrong_kind_of_frame_closes_the_socket() {
    use tokio_tungstenite::tungstenite::Message;
    let world = World::on(Kind::Sqlite).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.stream.send_frame(Message::Binary(bytes::Bytes::from_static(b"\x80"))).await.unwrap();
    assert_eq!(ada.is_closed().await, Some(1003));
    bob.stream.send_frame(Message::Text("{}".into())).await.unwrap();
    assert_eq!(bob.is_closed().await, Some(1003));
}
