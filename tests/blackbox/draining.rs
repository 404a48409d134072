//! Stopping: clients are told when to come back, spread out; nothing acked is lost.

use rowcast_protocol::News;
use tokio::time::Instant;

use crate::support::{
    database::Kind,
    device::Device,
    edits::rename,
    on_both_stores,
    world::{World, id},
};

async fn told_to_come_back(device: &mut Device) -> u64 {
    device
        .hears_news("`drain`", |news| match news {
            News::Drain(drain) => Some(drain.reconnect_after_ms),
            _ => None,
        })
        .await
}

on_both_stores! {
    a_stopping_hub_sends_everybody_away_with_a_time_to_come_back,
    edits_under_way_when_the_hub_stops_are_acked_or_sent_again,
}

async fn a_stopping_hub_sends_everybody_away_with_a_time_to_come_back(store: Kind) {
    let mut world = World::with(store, &[("SERVER__DRAIN_SECONDS", "2")]).await;
    let mut devices = Vec::new();
    for number in 0..30 {
        let mut device = if number % 2 == 0 { world.ada().await } else { world.bob().await };
        device.subscribes(&world.project).await;
        devices.push(device);
    }
    world.hub.is_asked_to_stop();
    let mut times = Vec::new();
    for device in &mut devices {
        times.push(told_to_come_back(device).await);
        assert_eq!(device.is_closed().await, Some(4000));
    }
    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(most - least > 500, "all come back at once: {times:?}");
    assert!(*most <= 4000, "{times:?}");
    assert!(world.hub.ends().await.success());
}

async fn edits_under_way_when_the_hub_stops_are_acked_or_sent_again(store: Kind) {
    let mut world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let edits: Vec<_> = (0..200)
        .map(|number| {
            crate::support::edits::edit(
                &world.project,
                vec![crate::support::edits::comment(&id(1), &format!("Comment {number}"))],
            )
        })
        .collect();
    for edit in &edits {
        bob.sends(edit).await;
    }
    world.hub.is_asked_to_stop();
    bob.is_closed().await;
    assert!(world.hub.ends().await.success());
    world.hub.starts_again().await;
    let mut bob = world.bob().await;
    for edit in &edits {
        bob.tries(edit).await.expect("applied once");
    }
    assert_eq!(world.outsider().await.counts("comments").await, 200);
}

#[tokio::test]
async fn a_stopping_hub_with_nobody_on_it_stops_at_once() {
    let mut world = World::with(Kind::Sqlite, &[("SERVER__DRAIN_SECONDS", "30")]).await;
    let began = Instant::now();
    world.hub.is_asked_to_stop();
    assert!(world.hub.ends().await.success());
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_hub_that_was_stopped_goes_on_where_it_was() {
    let mut world = World::on(Kind::Sqlite).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    world.hub.is_asked_to_stop();
    told_to_come_back(&mut bob).await;
    bob.is_closed().await;
    let view = bob.view(&world.project).clone();
    assert!(world.hub.ends().await.success());
    world.hub.starts_again().await;
    let mut bob = world.bob().await;
    assert_eq!(
        bob.resumes(&world.project, &view).await.start,
        rowcast_protocol::reply::Start::Resume
    );
    world.ada().await.edits(&world.project, vec![rename(&id(1), "Again")]).await;
    bob.sees_title(&world.project, &id(1), "Again").await;
}
