//! Peers that fall silent, or never finish what they began.

use rowcast_protocol::{Reply, Request, request::History};

use crate::support::{
    database::Kind,
    edits::rename,
    link::{Link, Weather},
    raw::{Raw, frame},
    world::{World, id},
};

const SHORT: [(&str, &str); 3] = [
    ("LIMITS__PING_SECONDS", "1"),
    ("LIMITS__PONG_SECONDS", "1"),
    ("LIMITS__MESSAGE_SECONDS", "1"),
];

async fn greeted(world: &World) -> Raw {
    let mut raw = Raw::upgraded(world.hub.address).await;
    let token = world.token("ada", std::time::Duration::from_secs(3600));
    let hello = serde_json::json!({"type": "hello", "ref": 1, "token": token});
    raw.writes(frame(0x81, hello.to_string().as_bytes())).await;
    raw
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_given_up() {
    let world = World::with(Kind::Sqlite, &SHORT).await;
    let mut raw = greeted(&world).await;
    assert_eq!(raw.is_closed_with().await, Some(4002));
}

#[tokio::test]
async fn a_peer_that_answers_pings_may_be_silent_for_ever() {
    let world = World::with(Kind::Sqlite, &SHORT).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let mut silent = greeted(&world).await;
    // Bob's library answers pings while he waits.
    let silence = async { assert_eq!(silent.is_closed_with().await, Some(4002)) };
    let waiting = async {
        bob.sees_title(&world.project, &id(1), "After a silence").await;
    };
    let editing = async {
        silence.await;
        world.ada().await.edits(&world.project, vec![rename(&id(1), "After a silence")]).await;
    };
    tokio::join!(waiting, editing);
}

#[tokio::test]
async fn a_peer_behind_a_dead_link_leaves_the_others() {
    let world = World::with(Kind::Sqlite, &SHORT).await;
    let link = Link::to(world.hub.address).await;
    let mut ada = world.ada().await;
    ada.joins(&world.project).await;
    let mut bob = world.device_at(link.address, "bob", rowcast_protocol::Codec::Json).await;
    bob.joins(&world.project).await;
    link.turns(Weather::Stalled);
    loop {
        let (_, left) = ada.hears_presence().await;
        if left == ["bob"] {
            return;
        }
    }
}

#[tokio::test]
async fn a_message_that_is_never_finished_closes_the_socket() {
    let mut settings = SHORT.to_vec();
    settings[0] = ("LIMITS__PING_SECONDS", "600");
    let world = World::with(Kind::Sqlite, &settings).await;
    let half_a_frame = frame(0x81, b"{\"type\":\"ping\",\"ref\":2}");
    for begun in [&half_a_frame[..10], &half_a_frame[..1], &frame(0x01, b"{\"type\":")[..]] {
        let mut raw = greeted(&world).await;
        raw.writes(begun).await;
        assert_eq!(raw.is_closed_with().await, Some(4005), "{begun:?}");
    }
}

#[tokio::test]
async fn fragments_make_a_message() {
    let world = World::on(Kind::Sqlite).await;
    let mut raw = greeted(&world).await;
    raw.writes(frame(0x01, b"{\"type\":\"pi")).await;
    raw.writes(frame(0x89, b"between")).await;
    raw.writes(frame(0x00, b"ng\",")).await;
    raw.writes(frame(0x80, b"\"ref\":2}")).await;
    raw.writes(frame(0x88, &1000_u16.to_be_bytes())).await;
    let rest = raw.is_closed().await;
    let text = String::from_utf8_lossy(&rest);
    assert!(text.contains("\"type\":\"pong\"") && text.contains("between"), "{text}");
}

#[tokio::test]
async fn bytes_that_are_no_websocket_close_the_socket() {
    let world = World::on(Kind::Sqlite).await;
    for (bytes, code) in [
        (&b"\x81\x02{}"[..], 1002),
        (&b"\xf1\x80\x00\x00\x00\x00"[..], 1002),
        (&frame(0x89, &[7; 126])[..], 1002),
        (&frame(0x89, &[7; 60_000])[..], 1002),
        (&b"\x89\xff\x00\x00\x00\x00\x00\x01\x11\x70\x00\x00\x00\x00"[..], 1002),
        (&b"\x89\xfe"[..], 1002),
        (&b"\x08\x80"[..], 1002),
        (&b"\x81\x7e"[..], 1002),
        (&frame(0x81, b"\xff\xfe")[..], 1007),
        (&b"\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"[..], 1009),
    ] {
        let mut raw = greeted(&world).await;
        raw.writes(bytes).await;
        assert_eq!(raw.is_closed_with().await, Some(code), "{bytes:?}");
    }
}

#[tokio::test]
async fn nobody_is_closed_because_the_hub_was_late() {
    use rustix::process::Signal;
    let settings = [SHORT[0], SHORT[1], ("LIMITS__GREETING_SECONDS", "2")];
    let world = World::with(Kind::Sqlite, &settings).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let (mut prompt, mut waiting) =
        (Raw::upgraded(world.hub.address).await, Raw::upgraded(world.hub.address).await);
    let hello = serde_json::json!({
        "type": "hello", "ref": 1, "token": world.token("ada", std::time::Duration::from_secs(60)),
    });
    let hello = frame(0x81, hello.to_string().as_bytes());

    world.hub.is_sent(Signal::STOP);
    prompt.writes(&hello).await;
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    world.hub.is_sent(Signal::CONT);

    // Long enough for a sweep that counts the whole time.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    waiting.writes(&hello).await;
    prompt.reads_until(b"\"welcome\"").await;
    waiting.reads_until(b"\"welcome\"").await;
    bob.is_up_to_date().await;
}

#[tokio::test]
async fn an_answer_to_a_ping_may_wait_unread_while_the_hub_is_busy() {
    let world = World::with(Kind::Postgres, &SHORT).await;
    let (mut bob, mut outsider) = (world.bob().await, world.outsider().await);
    outsider.runs("BEGIN; LOCK TABLE rowcast.entry IN ACCESS EXCLUSIVE MODE").await;
    // They come in one packet: nothing is read until both are answered. One gives up after three
    // seconds, which is busy; the other gets its page.
    let (one, other) = (bob.next_ref(), bob.next_ref());
    let requests = [one, other].map(|reference| {
        let (channel, table) = (world.project.clone(), "tasks".to_owned());
        let key = id(1).into();
        Request::History(History { reference, channel, table, key, before: None, limit: None })
    });
    bob.stream.send_together(&requests).await.expect("it is open");
    let asking = async { (bob.reply(one).await, bob.reply(other).await) };
    let waiting = async {
        tokio::time::sleep(std::time::Duration::from_millis(5500)).await;
        outsider.runs("COMMIT").await;
    };
    let ((first, second), ()) = tokio::join!(asking, waiting);
    let Reply::Error(busy) = first else { panic!("{first:?}") };
    assert!(busy.retry, "{busy:?}");
    assert!(matches!(second, Reply::HistoryPage(_)), "{second:?}");
    bob.is_up_to_date().await;
}
