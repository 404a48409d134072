//! The door: who finds a place, and what becomes of those who hold one and do not use it.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use rowcast_protocol::Codec;
use serde_json::{Value, json};

use crate::support::{
    database::Kind,
    device::{Device, refused_status},
    edits::rename,
    on_both_stores,
    raw::{Raw, upgrade},
    stream::Stream,
    waiting::eventually,
    world::{World, id, task, tasks},
};

on_both_stores! {
    unread_answers_are_cut_and_hold_nobody_up,
    unread_answers_are_bounded_in_bytes,
}

/// Somebody who means harm, elsewhere.
const MALLORY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 66));

/// A third place.
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 67));

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// What a counter stands at.
async fn counted(world: &World, counter: &str) -> u64 {
    let (_, text) = world.hub.get("/metrics").await;
    let lines = text.lines().filter(|line| line.starts_with(counter));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// A task of this many bytes.
async fn heavy_task(world: &World, number: u32, bytes: usize) {
    let sql = format!(
        "UPDATE tasks SET description = '{}' WHERE id = '{}'",
        "x".repeat(bytes),
        id(number)
    );
    world.outsider().await.runs(&sql).await;
}

#[tokio::test]
async fn one_address_does_not_take_every_place() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__SOCKETS", "40")]).await;
    let mut greedy = Vec::new();
    for _ in 0..50 {
        greedy.push(Raw::connect_from(MALLORY, world.hub.address).await);
    }
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    ada.edits(&world.project, vec![rename(&id(1), "Through the door")]).await;
    bob.is_up_to_date().await;
    world.browser("bob").get("/auth/me").await.is(200);
    let told = greedy.last_mut().unwrap().is_closed().await;
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.starts_with("HTTP/1.1 429 "), "{told}");
    assert!(told.contains("\"rate_limited\"") && told.contains("retry-after: "), "{told}");
    assert!(counted(&world, "rowcast_connections_refused_total").await > 0);
}

#[tokio::test]
async fn places_of_those_who_greeted_are_not_taken_by_those_who_did_not() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__SOCKETS", "40")]).await;
    let mut crowd = Vec::new();
    for number in 1..=40_u8 {
        let from = IpAddr::from([127, 0, 1, number]);
        crowd.push(Raw::connect_from(from, world.hub.address).await);
    }
    // Thirty of forty may wait to greet. The others are there again as soon as these are gone.
    let refused = Stream::connect(world.hub.address, Codec::Json, &[]).await;
    assert!(matches!(refused_status(refused), 429 | 503));
    drop(crowd);
    eventually("a place to be free", async || {
        Stream::connect(world.hub.address, Codec::Json, &[]).await.is_ok()
    })
    .await;
    world.ada().await.is_up_to_date().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_whatever_they_speak() {
    let world = World::with(Kind::Sqlite, &[("LIMITS__SOCKETS_PER_ADDRESS", "4")]).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut raw = Raw::connect_from(MALLORY, world.hub.address).await;
        raw.writes("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n").await;
        assert_eq!(raw.reads_a_status().await, 200);
        open.push(raw);
    }
    let mut fifth = Raw::connect_from(MALLORY, world.hub.address).await;
    assert_eq!(fifth.reads_a_status().await, 429);
    world.ada().await.is_up_to_date().await;
}

async fn unread_answers_are_cut_and_hold_nobody_up(store: Kind) {
    let settings = [("LIMITS__SOCKETS", "40"), ("LIMITS__WRITE_SECONDS", "1")];
    let world = World::with(store, &settings).await;
    let request = get("/api/docs/swagger-ui-bundle.js", "");
    let mut deaf = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::deaf_from(MALLORY, world.hub.address).await;
        raw.writes(request.repeat(8)).await;
        deaf.push(raw);
    }
    let mut ada = world.ada().await;
    ada.edits(&world.project, vec![rename(&id(2), "Not held up")]).await;
    eventually("every deaf connection to be closed", async || {
        counted(&world, "rowcast_answers_unread_total").await == 20
    })
    .await;
    let came = deaf.pop().unwrap().is_closed().await;
    assert!(came.len() < 8 << 20, "{}", came.len());
    ada.edits(&world.project, vec![rename(&id(2), "Still not")]).await;
}

async fn unread_answers_are_bounded_in_bytes(store: Kind) {
    let settings = [("HTTP__UNREAD_BYTES", "4194304"), ("LIMITS__WRITE_SECONDS", "60")];
    let world = World::with(store, &settings).await;
    heavy_task(&world, 1, 3 << 19).await;
    let path = format!("/api/v1{}", task(1));
    let request = get(&path, &world.token("bob", Duration::from_hours(1)));
    let once = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    // The kernel takes some answers in before it is the hub that holds the next one.
    let mut deaf = Raw::deaf_from(MALLORY, world.hub.address).await;
    deaf.writes(request.repeat(16)).await;
    eventually("another large answer to this address to be refused", async || {
        let mut raw = Raw::connect_from(MALLORY, world.hub.address).await;
        raw.writes(&once).await;
        let answer = raw.is_closed().await;
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        answer.starts_with("http/1.1 503 ") && answer.contains("retry-after: ")
    })
    .await;
    let small = world.browser("ada").get(&task(2)).await.is(200);
    assert!(small.text.len() < 10_000);
    let mut other = Raw::connect_from(ELSEWHERE, world.hub.address).await;
    other.writes(&once).await;
    let whole = other.is_closed().await;
    assert!(whole.starts_with(b"HTTP/1.1 200 "));
    drop(deaf);
    eventually("room for the answer", async || {
        let answer = world.browser("ada").get(&task(1)).await;
        answer.status == 200 && answer.text.len() > 3 << 19
    })
    .await;
}

#[tokio::test]
async fn a_body_that_trickles_is_not_waited_for() {
    let world = World::with(Kind::Sqlite, &[("HTTP__TIMEOUT_SECONDS", "1")]).await;
    let mut raw = Raw::connect(world.hub.address).await;
    let token = world.token("bob", Duration::from_hours(1));
    let head = format!(
        "POST /api/v1{} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{",
        tasks()
    );
    raw.writes(head).await;
    assert_eq!(raw.reads_a_status().await, 503);
}

#[tokio::test]
async fn a_listener_for_both_families_tells_ipv4_clients_apart() {
    let settings = [("SERVER__LISTEN", "[::]:0"), ("LIMITS__SOCKETS_PER_ADDRESS", "4")];
    let mut world = World::with(Kind::Sqlite, &settings).await;
    world.hub.address = SocketAddr::from(([127, 0, 0, 1], world.hub.address.port()));
    let mut mallory = Vec::new();
    for _ in 0..5 {
        mallory.push(Raw::connect_from(MALLORY, world.hub.address).await);
    }
    assert_eq!(mallory.pop().unwrap().reads_a_status().await, 429);
    world.ada().await.is_up_to_date().await;
}

#[tokio::test]
async fn a_trusted_proxy_in_any_spelling_is_not_one_client() {
    for (listen, trusted) in [
        ("[::]:0", "127.0.0.0/8"),
        ("[::]:0", "::ffff:127.0.0.0/104"),
        ("127.0.0.1:0", "127.0.0.1"),
    ] {
        let settings = [
            ("SERVER__LISTEN", listen),
            ("SERVER__TRUSTED_PROXIES", trusted),
            ("LIMITS__SOCKETS_PER_ADDRESS", "2"),
        ];
        let mut world = World::with(Kind::Sqlite, &settings).await;
        world.hub.address = SocketAddr::from(([127, 0, 0, 1], world.hub.address.port()));
        let mut open = Vec::new();
        for client in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
            for _ in 0..2 {
                open.push(world.behind_proxy(client).await.expect("two for each client"));
            }
            assert_eq!(refused_status(world.behind_proxy(client).await), 429, "{trusted}");
        }
    }
}

impl World {
    /// A socket that a proxy opens for a client.
    async fn behind_proxy(
        &self,
        client: &str,
    ) -> Result<Stream, tokio_tungstenite::tungstenite::Error> {
        Stream::connect(self.hub.address, Codec::Json, &[("x-forwarded-for", client)]).await
    }
}

#[tokio::test]
async fn an_address_that_is_none_does_not_make_a_client_the_proxy() {
    let settings = [
        ("SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        ("HTTP__ADDRESS_PER_SECOND", "1"),
        ("HTTP__ADDRESS_BURST", "3"),
    ];
    let world = World::with(Kind::Sqlite, &settings).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let mut raw = Raw::connect(world.hub.address).await;
        let head = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: hub\r\nX-Forwarded-For: \xff, 203.0.113.1\r\n\r\n";
        raw.writes(head).await;
        statuses.push(raw.reads_a_status().await);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    let proxy = world.stranger().get("/openapi.json").await;
    assert_ne!(proxy.status, 429, "the proxy asked nothing");
}

#[tokio::test]
async fn a_request_without_one_host_or_with_two_lengths_is_refused() {
    let world = World::on(Kind::Sqlite).await;
    let body = "2\r\n{}\r\n0\r\n\r\n";
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: hub\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n", 200),
        ("GET /healthz HTTP/1.1\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: hub\r\nHost: hub\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: hub\r\nHost: evil.example\r\n", 400),
        (
            "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
          Transfer-Encoding: chunked\r\n",
            401,
        ),
        (
            "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
          Transfer-Encoding: chunked\r\nContent-Length: 12\r\n",
            400,
        ),
        (
            "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
          Content-Length: 12\r\nTransfer-Encoding: chunked\r\n",
            400,
        ),
    ] {
        let body = if head.contains("chunked") { body } else { "" };
        let mut raw = Raw::connect(world.hub.address).await;
        raw.writes(format!("{head}\r\n{body}")).await;
        let answer = raw.reads_a_head().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} "))
                || answer.starts_with(&format!("HTTP/1.0 {status} ")),
            "{head}: {answer}"
        );
        if status == 400 {
            raw.is_closed().await;
        }
    }
    let json: Value = json!({});
    world.browser("ada").post("/projects", json).await.fails(400, "bad_message");
}

#[tokio::test]
async fn an_upgrade_without_a_host_is_refused() {
    let world = World::on(Kind::Sqlite).await;
    let mut raw = Raw::connect(world.hub.address).await;
    let json = "Sec-WebSocket-Protocol: rowcast.v1.json\r\n";
    raw.writes(upgrade(json).replace("Host: hub\r\n", "")).await;
    assert_eq!(raw.reads_a_status().await, 400);
    let token = world.token("ada", Duration::from_secs(60));
    let stream = Stream::connect(world.hub.address, Codec::Json, &[]).await.unwrap();
    assert!(Device::greet(stream, Some(&token)).await.is_ok());
}
