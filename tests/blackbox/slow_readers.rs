//! Slow readers: they cost a number and not memory, are never given a hole, and delay nobody.

use rowcast_protocol::Codec;
use serde_json::json;

use crate::support::{
    database::Kind,
    edits::{rename, set},
    link::{Link, Weather},
    on_both_stores,
    world::{World, id},
};

/// Edits while the reader is away, and the bytes of each.
const EDITS: usize = 1000;
const BYTES: usize = 16_000;
/// How many bytes the hub may hold back for one of them: far less than they are.
const HELD_BACK: u64 = 1 << 20;

on_both_stores! {
    a_reader_that_stops_reading_costs_little_and_converges,
    a_reader_on_a_thin_line_gets_everything_in_order,
}

async fn a_reader_that_stops_reading_costs_little_and_converges(store: Kind) {
    let settings =
        [("LIMITS__REQUESTS_BURST", "100000"), ("LIMITS__REQUESTS_PER_SECOND", "100000")];
    let world = World::with(store, &settings).await;
    let link = Link::to(world.hub.address).await;
    let (mut ada, mut vera) = (world.ada().await, world.vera().await);
    let mut slow = Vec::new();
    for codec in [Codec::Json, Codec::MsgPack, Codec::Json] {
        let mut device = world.device_at(link.address, "bob", codec).await;
        device.subscribes(&world.project).await;
        slow.push(device);
    }
    vera.subscribes(&world.project).await;
    link.turns(Weather::Stalled);
    for number in 0..EDITS {
        let text = format!("{number:05}{}", "x".repeat(BYTES));
        ada.edits(
            &world.project,
            vec![set(
                "tasks",
                &id(1),
                json!({"title": format!("Title {number}"), "description": text}),
            )],
        )
        .await;
        vera.sees_title(&world.project, &id(1), &format!("Title {number}")).await;
        vera.inbox.clear();
    }
    let held = held_back(&world).await;
    assert!(held < 3 * HELD_BACK, "3 readers that do not read cost {held} bytes");
    link.turns(Weather::Fair);
    let last = format!("Title {}", EDITS - 1);
    for device in &mut slow {
        device.sees_title(&world.project, &id(1), &last).await;
        assert_eq!(device.view(&world.project).rows, vera.view(&world.project).rows);
    }
}

/// Bytes that the hub holds for sockets that do not take them.
async fn held_back(world: &World) -> u64 {
    let admin = world.browser("ada").with_token(world.admin_token("ada"));
    let told = admin.get("/stats").await.is(200).json();
    let sockets = told["sockets"].as_array().expect("a list").clone();
    sockets.iter().map(|socket| socket["queued_bytes"].as_u64().expect("a number")).sum()
}

async fn a_reader_on_a_thin_line_gets_everything_in_order(store: Kind) {
    let world = World::with(store, &[("LIMITS__REQUESTS_BURST", "100000")]).await;
    let link = Link::to(world.hub.address).await;
    let mut ada = world.ada().await;
    let mut bob = world.device_at(link.address, "bob", Codec::MsgPack).await;
    bob.subscribes(&world.project).await;
    link.turns(Weather::Slow(4096));
    for number in 0..200 {
        let text = format!("{number:05}{}", "y".repeat(5000));
        ada.edits(
            &world.project,
            vec![set(
                "tasks",
                &id(2),
                json!({"title": format!("T {number}"), "description": text}),
            )],
        )
        .await;
    }
    bob.sees_title(&world.project, &id(2), "T 199").await;
    let seqs: Vec<_> = bob.view(&world.project).entries.iter().map(|entry| entry.seq).collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_is_not_read_any_more() {
    let settings =
        [("LIMITS__REQUESTS_BURST", "1000000"), ("LIMITS__REQUESTS_PER_SECOND", "1000000")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let mut ada = world.ada().await;
    let long = "z".repeat(30_000);
    for _ in 0..3 {
        let text = json!({"description": long, "title": uuid::Uuid::now_v7().to_string()});
        ada.edits(&world.project, vec![set("tasks", &id(3), text)]).await;
    }
    let mut greedy = world.device("bob", Codec::Json).await;
    // Far more than the system keeps on the way, in either direction; nobody reads the answers.
    let asking = async {
        for reference in 10..2_000 {
            let request = json!({
                "type": "history", "ref": reference, "channel": world.project, "table": "tasks",
                "key": id(3), "limit": 100, "padding": "p".repeat(30_000),
            });
            greedy.stream.send_bytes(request.to_string()).await.expect("it is open");
        }
    };
    let stuck = tokio::time::timeout(std::time::Duration::from_secs(5), asking).await;
    assert!(stuck.is_err(), "the hub goes on reading whoever does not read");
    let held = held_back(&world).await;
    assert!(held < HELD_BACK, "unread answers cost {held} bytes");
    ada.edits(&world.project, vec![rename(&id(1), "Nobody else minds")]).await;
}
