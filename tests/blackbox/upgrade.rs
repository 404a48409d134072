//! The way in: HTTP, the upgrade, origins, and connections that never say anything.

use rowcast_protocol::Codec;
use tokio::time::Instant;

use crate::support::{
    database::Kind,
    device::refused_status,
    raw::{Raw, upgrade},
    stream::Stream,
    world::World,
};

async fn status_of(world: &World, request: &str) -> u16 {
    let mut raw = Raw::connect(world.hub.address).await;
    raw.writes(request).await;
    raw.reads_a_status().await
}

#[tokio::test]
async fn only_known_origins_may_connect() {
    let settings = [("SERVER__ORIGINS", "https://board.example.org")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let own = format!("http://{}", world.hub.address);
    for (origin, allowed) in [
        (own.as_str(), true),
        ("https://board.example.org", true),
        ("http://board.example.org", false),
        ("https://board.example.org.evil.example", false),
        ("https://evil.example", false),
        ("null", false),
    ] {
        let headers = [("origin", origin)];
        let result = Stream::connect(world.hub.address, Codec::Json, &headers).await;
        assert_eq!(result.is_ok(), allowed, "{origin}");
        if !allowed {
            assert_eq!(refused_status(result), 403);
        }
    }
}

#[tokio::test]
async fn a_page_of_a_name_that_leads_here_is_foreign_unless_the_settings_say_so() {
    let json = "Sec-WebSocket-Protocol: rowcast.v1.json\r\nOrigin: http://evil.example:7070\r\n";
    let rebound = upgrade(json).replace("Host: hub", "Host: evil.example:7070");
    let world = World::on(Kind::Sqlite).await;
    assert_eq!(status_of(&world, &rebound).await, 403);
    let told =
        World::with(Kind::Sqlite, &[("SERVER__PUBLIC_URL", "http://evil.example:7070")]).await;
    assert_eq!(status_of(&told, &rebound).await, 101);
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_refused() {
    let world = World::on(Kind::Sqlite).await;
    let json = "Sec-WebSocket-Protocol: rowcast.v1.json\r\n";
    for (request, status) in [
        (upgrade(json), 101),
        (upgrade("Sec-WebSocket-Protocol: chat, rowcast.v1.msgpack\r\n"), 101),
        (upgrade(""), 400),
        (upgrade("Sec-WebSocket-Protocol: graphql-ws\r\n"), 400),
        (upgrade(json).replace("Version: 13", "Version: 8"), 400),
        (upgrade(json).replace("dGhlIHNhbXBsZSBub25jZQ==", "short"), 400),
        (upgrade(json).replace("Upgrade: websocket\r\n", ""), 426),
        (upgrade(json).replace("GET", "POST"), 405),
        ("GET /socket HTTP/1.1\r\nHost: hub\r\n\r\n".to_owned(), 426),
        ("nonsense\r\n\r\n".to_owned(), 400),
    ] {
        assert_eq!(status_of(&world, &request).await, status, "{request}");
    }
}

#[tokio::test]
async fn the_first_known_encoding_that_is_offered_is_taken() {
    let world = World::on(Kind::Sqlite).await;
    for (offer, chosen) in [
        ("rowcast.v1.msgpack, rowcast.v1.json", "rowcast.v1.msgpack"),
        ("rowcast.v9.json, rowcast.v1.json, rowcast.v1.msgpack", "rowcast.v1.json"),
    ] {
        let mut raw = Raw::connect(world.hub.address).await;
        raw.writes(upgrade(&format!("Sec-WebSocket-Protocol: {offer}\r\n"))).await;
        let head = raw.reads_a_head().await.to_ascii_lowercase();
        assert!(head.contains(&format!("sec-websocket-protocol: {chosen}\r\n")), "{head}");
        assert!(!head.contains("sec-websocket-extensions"), "{head}");
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let settings = [("LIMITS__FIRST_BYTE_SECONDS", "1"), ("LIMITS__HEADER_SECONDS", "1")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let began = Instant::now();
    let mut raw = Raw::connect(world.hub.address).await;
    assert!(raw.is_closed().await.is_empty());
    assert!(began.elapsed() < std::time::Duration::from_secs(4));
}

#[tokio::test]
async fn a_head_that_trickles_is_not_waited_for() {
    let settings = [("LIMITS__FIRST_BYTE_SECONDS", "1"), ("LIMITS__HEADER_SECONDS", "1")];
    let world = World::with(Kind::Sqlite, &settings).await;
    for begun in ["G", "GET /socket HTTP/1.1\r\nHost: hub\r\nX-Slow: "] {
        let mut raw = Raw::connect(world.hub.address).await;
        raw.writes(begun).await;
        let began = Instant::now();
        raw.is_closed().await;
        assert!(began.elapsed() < std::time::Duration::from_secs(4), "{begun}");
    }
}

#[tokio::test]
async fn a_connection_that_is_kept_open_and_unused_is_closed() {
    let settings = [("LIMITS__FIRST_BYTE_SECONDS", "1"), ("LIMITS__HEADER_SECONDS", "1")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let mut raw = Raw::connect(world.hub.address).await;
    raw.writes("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n").await;
    assert_eq!(raw.reads_a_status().await, 200);
    raw.is_closed().await;
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let world = World::on(Kind::Sqlite).await;
    let mut raw = Raw::connect(world.hub.address).await;
    let head =
        format!("GET /socket HTTP/1.1\r\nHost: hub\r\nX-Long: {}\r\n\r\n", "x".repeat(40_000));
    raw.writes(head).await;
    assert_eq!(raw.reads_a_status().await, 431);
}

#[tokio::test]
async fn messages_may_come_with_the_upgrade() {
    use crate::support::raw::frame;
    let world = World::on(Kind::Sqlite).await;
    let token = world.token("ada", std::time::Duration::from_secs(60));
    let hello = serde_json::json!({"type": "hello", "ref": 1, "token": token}).to_string();
    let mut raw = Raw::connect(world.hub.address).await;
    let head = upgrade("Sec-WebSocket-Protocol: rowcast.v1.json\r\n");
    let bytes =
        [head.as_bytes(), &frame(0x81, hello.as_bytes()), &frame(0x88, &1000_u16.to_be_bytes())];
    raw.writes(bytes.concat()).await;
    let rest = raw.is_closed().await;
    let text = String::from_utf8_lossy(&rest);
    assert!(
        text.contains("101 Switching Protocols") && text.contains("\"type\":\"welcome\""),
        "{text}"
    );
}

#[tokio::test]
async fn health_readiness_and_metrics_are_told_over_http() {
    let world = World::on(Kind::Sqlite).await;
    let device = world.ada().await;
    assert_eq!(world.hub.get("/healthz").await.0, 200);
    assert_eq!(world.hub.get("/readyz").await.0, 200);
    let (status, text) = world.hub.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("rowcast_sockets 1\n"), "{text}");
    assert_eq!(world.hub.get("/nowhere").await.0, 404);
    drop(device);
}
