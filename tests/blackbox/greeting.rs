//! Greeting: who may, how, and by when.

use rowcast_protocol::{
    Codec, ErrorCode, Reply, Request, ServerMessage,
    request::{Hello, Ping},
};

use crate::support::{database::Kind, device::Device, raw::Raw, stream::Stream, world::World};

async fn first_answer(stream: &mut Stream, request: &Request) -> ErrorCode {
    stream.send(request).await.expect("it is open");
    match stream.next().await.expect("an answer") {
        ServerMessage::Reply(Reply::Error(error)) => error.code,
        other => panic!("{other:?} is no error"),
    }
}

async fn end_of(stream: &mut Stream) -> Option<u16> {
    loop {
        if let Err(over) = stream.next().await {
            return over.0;
        }
    }
}

#[tokio::test]
async fn a_greeting_is_answered_with_person_schema_and_limits() {
    let world = World::on(Kind::Sqlite).await;
    for codec in Codec::ALL {
        let device = world.device("ada", codec).await;
        let welcome = &device.welcome;
        assert_eq!((welcome.user.id.as_str(), welcome.user.name.as_str()), ("ada", "Ada"));
        let tables = welcome.schema.tables.as_ref().expect("the schema is new to us");
        assert!(tables.iter().any(|table| table.name == "tasks"));
        assert_eq!(welcome.limits.message_bytes, 65_536);
        assert!(welcome.expires.is_some());
    }
}

#[tokio::test]
async fn a_schema_that_is_known_is_not_sent_again() {
    let world = World::on(Kind::Sqlite).await;
    let hash = world.ada().await.welcome.schema.hash;
    let mut stream = Stream::connect(world.hub.address, Codec::Json, &[]).await.unwrap();
    let token = Some(world.token("ada", std::time::Duration::from_secs(60)));
    let hello = Hello { reference: 7, token, client: None, schema: Some(hash.clone()) };
    stream.send(&Request::Hello(hello)).await.unwrap();
    let ServerMessage::Reply(Reply::Welcome(welcome)) = stream.next().await.unwrap() else {
        panic!("no welcome")
    };
    assert_eq!((welcome.reference, &welcome.schema.hash), (7, &hash));
    assert!(welcome.schema.tables.is_none());
}

#[tokio::test]
async fn the_token_may_stand_in_the_header() {
    let world = World::on(Kind::Sqlite).await;
    let bearer = format!("Bearer {}", world.token("bob", std::time::Duration::from_secs(60)));
    let headers = [("authorization", bearer.as_str())];
    let stream = Stream::connect(world.hub.address, Codec::MsgPack, &headers).await.unwrap();
    let device = Device::greet(stream, None).await.expect("he is welcome");
    assert_eq!(device.welcome.user.id, "bob");
}

#[tokio::test]
async fn the_token_in_the_greeting_counts_more_than_the_one_in_the_header() {
    let world = World::on(Kind::Sqlite).await;
    let hour = std::time::Duration::from_secs(3600);
    let bearer = format!("Bearer {}", world.token("bob", hour));
    let headers = [("authorization", bearer.as_str())];
    let stream = Stream::connect(world.hub.address, Codec::Json, &headers).await.unwrap();
    let device = Device::greet(stream, Some(&world.token("ada", hour))).await.expect("welcome");
    assert_eq!(device.welcome.user.id, "ada");
}

#[tokio::test]
async fn a_bad_token_is_unauthorized_and_ends_the_socket() {
    let world = World::on(Kind::Sqlite).await;
    let good = world.token("ada", std::time::Duration::from_secs(60));
    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    let stranger = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJpc3MiOiJyb3djYXN0In0.";
    for token in ["", "nonsense", stranger, forged.as_str()] {
        let mut stream = Stream::connect(world.hub.address, Codec::Json, &[]).await.unwrap();
        let token = Some(token.to_owned());
        let hello = Request::Hello(Hello { reference: 1, token, ..Hello::default() });
        assert_eq!(first_answer(&mut stream, &hello).await, ErrorCode::Unauthorized);
        assert_eq!(end_of(&mut stream).await, Some(4500));
    }
}

#[tokio::test]
async fn no_token_at_all_is_unauthorized() {
    let world = World::on(Kind::Sqlite).await;
    let mut stream = Stream::connect(world.hub.address, Codec::MsgPack, &[]).await.unwrap();
    let hello = Request::Hello(Hello { reference: 1, ..Hello::default() });
    assert_eq!(first_answer(&mut stream, &hello).await, ErrorCode::Unauthorized);
    assert_eq!(end_of(&mut stream).await, Some(4500));
}

#[tokio::test]
async fn an_expired_token_is_told_apart() {
    let world = World::on(Kind::Sqlite).await;
    let token = world.token("ada", std::time::Duration::ZERO);
    let mut stream = Stream::connect(world.hub.address, Codec::Json, &[]).await.unwrap();
    let hello = Request::Hello(Hello { reference: 1, token: Some(token), ..Hello::default() });
    assert_eq!(first_answer(&mut stream, &hello).await, ErrorCode::TokenExpired);
    assert_eq!(end_of(&mut stream).await, Some(4003));
}

#[tokio::test]
async fn whoever_does_not_greet_first_is_sent_away() {
    let world = World::on(Kind::Sqlite).await;
    let mut stream = Stream::connect(world.hub.address, Codec::MsgPack, &[]).await.unwrap();
    let ping = Request::Ping(Ping { reference: 1 });
    assert_eq!(first_answer(&mut stream, &ping).await, ErrorCode::NotGreeted);
    assert_eq!(end_of(&mut stream).await, Some(4501));
}

#[tokio::test]
async fn whoever_begins_with_nonsense_is_sent_away() {
    let world = World::on(Kind::Sqlite).await;
    let mut stream = Stream::connect(world.hub.address, Codec::Json, &[]).await.unwrap();
    stream.send_bytes(&b"{\"type\":"[..]).await.unwrap();
    assert_eq!(end_of(&mut stream).await, Some(4501));
}

#[tokio::test]
async fn greeting_twice_is_an_error_and_no_more() {
    let world = World::on(Kind::Sqlite).await;
    let mut ada = world.ada().await;
    let error =
        ada.fails(|reference| Request::Hello(Hello { reference, ..Hello::default() })).await;
    assert_eq!(error.code, ErrorCode::AlreadyGreeted);
    ada.is_up_to_date().await;
}

#[tokio::test]
async fn whoever_does_not_greet_in_time_is_sent_away() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__GREETING_SECONDS", "1")]).await;
    let mut raw = Raw::upgraded(world.hub.address).await;
    assert_eq!(raw.is_closed_with().await, Some(4001));
}

#[tokio::test]
async fn whoever_greeted_in_time_stays() {
    let settings = [("LIMITS__GREETING_SECONDS", "1")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let mut ada = world.ada().await;
    // The other socket shows that the deadline has passed.
    let mut raw = Raw::upgraded(world.hub.address).await;
    assert_eq!(raw.is_closed_with().await, Some(4001));
    ada.is_up_to_date().await;
}
