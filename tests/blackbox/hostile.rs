//! One client that means harm, and fifty that do not: whatever the one does, the others get their
//! acks and entries, the hub answers, and its memory stays within a bound.
//!
//! The hub has one worker, so that everybody shares it.

use std::time::Duration;

use rowcast_protocol::{
    Codec, ErrorCode, News, Reply, Request, Value,
    request::{Ping, SetState},
};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::support::{
    database::Kind,
    device::{Device, signal, state, subscribe},
    edits::rename,
    on_both_stores,
    raw::{Raw, frame},
    waiting::eventually,
    world::{self, World, id},
};

/// How many do no harm.
const CROWD: usize = 50;
/// Memory, in bytes, that one client that never reads may cost: what waits for it, one answer that
/// is being made, and what the allocator keeps of it.
const ONE_CLIENT: u64 = 96 << 20;
/// Bytes of a long field. With the old value beside the new one an entry still holds it.
const LONG: usize = 300_000;

async fn world_with(store: Kind, settings: &[(&str, &str)]) -> World {
    let one_worker = [("SERVER__WORKERS", "1")];
    World::with(store, &[&one_worker[..], settings].concat()).await
}

/// Fifty devices in one project.
struct Crowd(Vec<Device>);

impl Crowd {
    async fn gather(world: &World) -> Self {
        let mut devices = Vec::new();
        for number in 0..CROWD {
            let (user, codec) = [("ada", Codec::Json), ("bob", Codec::MsgPack)][number % 2];
            let mut device = world.device(user, codec).await;
            device.subscribes(&world.project).await;
            devices.push(device);
        }
        Self(devices)
    }

    /// Ten of them edit in turn; each gets an ack and everybody sees it. How long the acks took.
    async fn goes_on(&mut self, world: &World, what: &str) -> Vec<Duration> {
        let mut waits = Vec::new();
        for number in 0..10 {
            let title = format!("{what} {number}");
            let began = Instant::now();
            self.0[number * 5].edits(&world.project, vec![rename(&id(1), &title)]).await;
            waits.push(began.elapsed());
            for device in &mut self.0 {
                device.sees_title(&world.project, &id(1), &title).await;
                device.inbox.clear();
            }
        }
        waits.sort_unstable();
        println!("{what}: acks took {:?} to {:?}", waits[0], waits[waits.len() - 1]);
        waits
    }
}

/// Writes the same again and again until the hub ends it.
fn floods(mut raw: Raw, bytes: Vec<u8>) -> JoinSet<Raw> {
    let mut flood = JoinSet::new();
    flood.spawn(async move {
        while raw.tries_to_write(&bytes).await {}
        raw
    });
    flood
}

/// What is left when the hub has ended a flood.
async fn ended(mut flood: JoinSet<Raw>) -> Raw {
    flood.join_next().await.expect("there is one").expect("it writes")
}

fn empty_fragment() -> Vec<u8> {
    frame(0x00, b"")
}

async fn upgraded(world: &World) -> Raw {
    Raw::upgraded(world.hub.address).await
}

#[tokio::test]
async fn whoever_floods_with_control_frames_or_empty_fragments_is_closed() {
    let world = world_with(Kind::Sqlite, &[]).await;
    for (what, first, flood) in [
        ("pongs", vec![], frame(0x8a, b"")),
        ("pings", vec![], frame(0x89, b"answer me")),
        ("fragments", frame(0x01, b""), empty_fragment()),
    ] {
        let mut raw = upgraded(&world).await;
        raw.writes(first).await;
        let mut raw = ended(floods(raw, flood.repeat(1000))).await;
        assert_eq!(raw.is_closed_with().await, Some(4006), "{what}");
    }
}

#[tokio::test]
async fn a_flood_that_is_allowed_holds_nobody_up() {
    let settings = [
        ("LIMITS__FRAMES_PER_SECOND", "1000000000"),
        ("LIMITS__GREETING_SECONDS", "60"),
        ("LIMITS__MESSAGE_SECONDS", "60"),
    ];
    let world = world_with(Kind::Sqlite, &settings).await;
    let mut crowd = Crowd::gather(&world).await;
    crowd.goes_on(&world, "Calm").await;
    for (what, first, flood) in
        [("Pongs", vec![], frame(0x8a, b"")), ("Fragments", frame(0x01, b""), empty_fragment())]
    {
        let mut raw = upgraded(&world).await;
        raw.writes(first).await;
        let mut flood = floods(raw, flood.repeat(10_000));
        crowd.goes_on(&world, what).await;
        assert_eq!(world.hub.get("/readyz").await.0, 200);
        assert!(flood.try_join_next().is_none(), "it went on all the time");
    }
}

#[tokio::test]
async fn deadlines_are_kept_while_somebody_floods() {
    let settings = [("LIMITS__FRAMES_PER_SECOND", "1000000000"), ("LIMITS__GREETING_SECONDS", "1")];
    let world = world_with(Kind::Sqlite, &settings).await;
    let flood = floods(upgraded(&world).await, frame(0x8a, b"").repeat(10_000));
    let mut silent = upgraded(&world).await;
    assert_eq!(silent.is_closed_with().await, Some(4001));
    let mut flooding = ended(flood).await;
    assert_eq!(flooding.is_closed_with().await, Some(4001), "the flood is no greeting");
}

// --- too many requests ---------------------------------------------------------------------------

/// Answers to a number of pings.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answers {
    granted: usize,
    refused: usize,
}

async fn answers(device: &mut Device, pings: usize) -> Answers {
    let mut refs = Vec::new();
    for _ in 0..pings {
        let reference = device.next_ref();
        device.send(&Request::Ping(Ping { reference })).await;
        refs.push(reference);
    }
    let mut answers = Answers::default();
    for reference in refs {
        match device.reply(reference).await {
            Reply::Pong(_) => answers.granted += 1,
            Reply::Error(error) if error.code == ErrorCode::RateLimited => answers.refused += 1,
            other => panic!("{other:?}"),
        }
    }
    answers
}

#[tokio::test]
async fn a_steady_flood_is_closed_although_some_of_it_is_granted() {
    let settings = [("LIMITS__REQUESTS_PER_SECOND", "20"), ("LIMITS__REQUESTS_BURST", "20")];
    let world = world_with(Kind::Sqlite, &settings).await;
    let mut bob = world.bob().await;
    // A hundred a second, of which twenty are granted: one of five, again and again.
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let flood = async {
        loop {
            ticks.tick().await;
            let reference = bob.next_ref();
            if bob.stream.send(&Request::Ping(Ping { reference })).await.is_err() {
                break;
            }
        }
    };
    crate::support::waiting::in_time(std::panic::Location::caller(), "the end", flood).await;
    assert_eq!(bob.is_closed().await, Some(4006));
    world.ada().await.is_up_to_date().await;
}

#[tokio::test]
async fn long_messages_count_by_their_bytes() {
    let settings = [("LIMITS__BYTES_PER_SECOND", "50000")];
    let world = world_with(Kind::Sqlite, &settings).await;
    let mut bob = world.device("bob", Codec::Json).await;
    let long = |reference: u64| {
        json!({"type": "ping", "ref": reference, "padding": "x".repeat(40_000)}).to_string()
    };
    let mut refused = 0;
    for _ in 0..8 {
        let reference = bob.next_ref();
        bob.stream.send_bytes(long(reference)).await.expect("it is open");
        if let Reply::Error(error) = bob.reply(reference).await {
            assert_eq!((error.code, error.retry), (ErrorCode::RateLimited, true));
            assert!(error.retry_after_ms.is_some());
            refused += 1;
        }
    }
    assert!(refused >= 1, "320,000 bytes at once, of which 200,000 are allowed");
    while bob.stream.send_bytes(long(1)).await.is_ok() {}
    assert_eq!(bob.is_closed().await, Some(4006));
}

#[tokio::test]
async fn the_sockets_of_one_person_share_a_budget() {
    let settings = [
        ("LIMITS__REQUESTS_PER_SECOND", "10"),
        ("LIMITS__REQUESTS_BURST", "30"),
        ("LIMITS__PERSON_REQUESTS_PER_SECOND", "10"),
        ("LIMITS__PERSON_REQUESTS_BURST", "40"),
    ];
    let world = world_with(Kind::Sqlite, &settings).await;
    let began = Instant::now();
    let mut granted = 0;
    for _ in 0..4 {
        granted += answers(&mut world.bob().await, 25).await.granted;
    }
    let most = 40 + usize::try_from(began.elapsed().as_secs()).unwrap() * 10 + 10;
    assert!((40..=most).contains(&granted), "{granted} of 100 were granted");
    let of_ada = answers(&mut world.vera().await, 20).await;
    assert_eq!(of_ada, Answers { granted: 20, refused: 0 });
}

// --- what nobody stores ----------------------------------------------------------------------------

#[tokio::test]
async fn long_signals_of_many_channels_cost_little() {
    let world = world_with(Kind::Sqlite, &[]).await;
    let mut crowd = Crowd::gather(&world).await;
    let mut bob = world.device("bob", Codec::Json).await;
    bob.subscribes(&world.project).await;
    let before = world.hub.memory();
    let body = "s".repeat(60_000);
    for _ in 0..256 {
        let reference = bob.next_ref();
        bob.send(&signal(Some(reference), &world.project, "long", body.clone().into())).await;
        assert!(matches!(bob.reply(reference).await, Reply::Done(_)));
        bob.inbox.clear();
    }
    // Fifteen megabytes of signals in each encoding; a quarter of one is kept.
    let more = world.hub.memory().saturating_sub(before);
    println!("256 long signals cost {more} bytes");
    assert!(more < ONE_CLIENT, "256 long signals cost {more} bytes");
    crowd.goes_on(&world, "Signals").await;
}

#[tokio::test]
async fn a_channel_holds_so_many_bytes_of_state() {
    let settings = [("LIMITS__CHANNEL_STATE_BYTES", "20000")];
    let world = world_with(Kind::Sqlite, &settings).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    let value = |bytes: usize| Value::from("v".repeat(bytes));
    for device in [&mut ada, &mut bob] {
        device.subscribes(&world.project).await;
    }
    let set = |bytes| state(None, &world.project, "here", value(bytes));
    let done = ada.asks(|r| with_ref(set(12_000), r)).await;
    assert!(matches!(done, Reply::Done(_)), "{done:?}");
    let error = bob.fails(|r| with_ref(set(12_000), r)).await;
    assert_eq!((error.code, error.limit), (ErrorCode::TooLarge, Some(20_000)));
    let done = bob.asks(|r| with_ref(set(5_000), r)).await;
    assert!(matches!(done, Reply::Done(_)), "{done:?}");
}

fn with_ref(request: Request, reference: u64) -> Request {
    match request {
        Request::State(state) => Request::State(SetState { reference: Some(reference), ..state }),
        other => other,
    }
}

// --- many who come at once -------------------------------------------------------------------------

#[tokio::test]
async fn whoever_comes_when_too_many_are_served_is_told_when_to_come_back() {
    let settings = [("LIMITS__SNAPSHOTS", "1"), ("LIMITS__SNAPSHOTS_WAITING", "1")];
    let world = world_with(Kind::Sqlite, &settings).await;
    let mut followed = world.ada().await;
    followed.joins(&world.project).await;
    world.outsider().await.runs(&many_tasks(4_000)).await;
    followed.edits(&world.other, vec![rename(&id(9), "Numbered")]).await;
    let mut devices = Vec::new();
    for _ in 0..8 {
        devices.push(world.device("bob", Codec::Json).await);
    }
    // All at once: one is served, one waits, the others are sent away and come back.
    let mut refs = Vec::new();
    for device in &mut devices {
        let reference = device.next_ref();
        device.send(&Request::Subscribe(subscribe(reference, &world.project))).await;
        refs.push(reference);
    }
    let mut refused = 0;
    for (device, reference) in devices.iter_mut().zip(refs) {
        let mut reply = device.reply(reference).await;
        while let Reply::Error(error) = reply {
            assert_eq!((error.code, error.retry), (ErrorCode::Busy, true));
            let wait = error.retry_after_ms.expect("when to come back");
            assert!((1_000..=5_000).contains(&wait), "{wait}");
            refused += 1;
            // What is live goes on meanwhile.
            followed.edits(&world.project, vec![rename(&id(1), &format!("Live {refused}"))]).await;
            tokio::time::sleep(Duration::from_millis(wait / 10)).await;
            reply = device.asks(|r| Request::Subscribe(subscribe(r, &world.project))).await;
        }
        device
            .hears_news("the end of the snapshot", |news| {
                matches!(news, News::SnapshotEnd(_)).then_some(())
            })
            .await;
    }
    println!("{refused} were told to come back");
    assert!(refused > 0);
}

fn many_tasks(count: u32) -> String {
    let rows: Vec<_> = (0..count)
        .map(|number| {
            let (task, project) = (id(100_000 + number), world::project_id());
            format!("('{task}', '{project}', 'Task {number} {}')", "x".repeat(100))
        })
        .collect();
    let inserts = rows.chunks(500).map(|rows| {
        format!("INSERT INTO tasks (id, project_id, title) VALUES {};", rows.join(","))
    });
    inserts.collect()
}

// --- answers nobody reads --------------------------------------------------------------------------

on_both_stores! {
    long_answers_wait_for_their_reader,
}

/// An outsider makes the third task long, which is recorded when this returns.
async fn is_long(world: &World, ada: &mut Device, number: u32) {
    let text = format!("{number}{}", "x".repeat(LONG));
    let sql = format!("UPDATE tasks SET description = '{text}' WHERE id = '{}'", id(3));
    world.outsider().await.runs(&sql).await;
    // An edit is numbered after everything before it.
    ada.edits(&world.project, vec![rename(&id(2), &format!("Written {number}"))]).await;
}

/// Asks for the same long history, many times in one packet.
async fn asks_for_histories(world: &World, times: u64) -> Raw {
    let mut raw = upgraded(world).await;
    let token = world.token("bob", Duration::from_secs(3600));
    let hello = json!({"type": "hello", "ref": 1, "token": token});
    let mut packet = frame(0x81, hello.to_string().as_bytes());
    for reference in 2..times + 2 {
        let request = json!({
            "type": "history", "ref": reference, "channel": world.project, "table": "tasks",
            "key": id(3), "limit": 8,
        });
        packet.extend(frame(0x81, request.to_string().as_bytes()));
    }
    raw.writes(packet).await;
    raw
}

async fn worked_on(world: &World) -> u64 {
    let (_, metrics) = world.hub.get("/metrics").await;
    let line = metrics.lines().find(|line| line.contains("requests_total{kind=\"history\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

async fn sockets(world: &World) -> u64 {
    let (_, metrics) = world.hub.get("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with("rowcast_sockets "));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("a gauge")
}

async fn long_answers_wait_for_their_reader(store: Kind) {
    let world = world_with(store, &[]).await;
    // A long row, written eight times: a page of its history has several megabytes.
    let mut ada = world.ada().await;
    for number in 0..8 {
        is_long(&world, &mut ada, number).await;
    }
    let mut crowd = Crowd::gather(&world).await;
    crowd.goes_on(&world, "Calm").await;
    let (before, open) = (world.hub.memory(), sockets(&world).await);

    let unread = asks_for_histories(&world, 30).await;
    eventually("the first answer", async || worked_on(&world).await > 0).await;
    crowd.goes_on(&world, "Unread").await;
    let worked = worked_on(&world).await;
    assert!(worked < 10, "{worked} of 30 long answers were made for a client that reads none");
    let more = world.hub.memory().saturating_sub(before);
    println!("30 unread histories cost {more} bytes");
    assert!(more < ONE_CLIENT, "30 unread histories cost {more} bytes");

    drop(unread);
    eventually("the socket to be gone", async || sockets(&world).await == open).await;
    crowd.goes_on(&world, "Gone").await;
    assert!(worked_on(&world).await <= worked + 1, "nothing is worked on for who is gone");

    // Whoever reads gets them all.
    let mut raw = asks_for_histories(&world, 4).await;
    // It comes in parts, which quote it.
    raw.reads_until(br#"\"ref\":5"#).await;
}

#[tokio::test]
async fn a_refused_edit_leaves_its_row_out_where_nobody_reads() {
    let world = world_with(Kind::Sqlite, &[]).await;
    let mut ada = world.ada().await;
    is_long(&world, &mut ada, 0).await;
    let mut raw = upgraded(&world).await;
    let token = world.token("bob", Duration::from_secs(3600));
    let hello = json!({"type": "hello", "ref": 1, "token": token});
    let mut packet = frame(0x81, hello.to_string().as_bytes());
    for reference in 2..202 {
        let request = json!({
            "type": "edit", "ref": reference, "id": uuid::Uuid::now_v7(),
            "channel": world.project,
            "ops": [{"op": "update", "table": "tasks", "key": id(3),
                     "set": {"title": "Never"}, "if": {"title": "No such title"}}],
        });
        packet.extend(frame(0x81, request.to_string().as_bytes()));
    }
    raw.writes(packet).await;
    eventually("the refusals", async || {
        let (_, metrics) = world.hub.get("/metrics").await;
        metrics.lines().any(|line| line.contains("errors_total{code=\"guard_failed\"} 200"))
    })
    .await;
    raw.writes(frame(0x88, &1000_u16.to_be_bytes())).await;
    let told = raw.is_closed().await.len();
    assert!(told < 100 * LONG, "{told} bytes waited for a client that did not read");
}
