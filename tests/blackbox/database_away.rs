//! The database away: a clear error that may be retried, no ack, everybody is told, and everything
//! recovers by itself.

use rowcast_protocol::{ErrorCode, News};

use crate::support::{
    database::{Database, Kind, Outsider},
    device::Device,
    edits::{comment, edit, rename},
    on_both_stores,
    waiting::eventually,
    world::{World, id},
};

/// Ends everybody else's connections.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// Something that keeps the hub from its database.
enum Outage {
    /// Somebody else holds the only right to write.
    Locked(Outsider),
    /// The server is down.
    Down,
}

impl Outage {
    async fn begins(world: &World) -> Self {
        match &world.database.cluster {
            None => {
                let mut outsider = world.outsider().await;
                outsider.runs("BEGIN IMMEDIATE").await;
                Self::Locked(outsider)
            }
            Some(cluster) => {
                cluster.crashes().await;
                Self::Down
            }
        }
    }

    async fn ends(self, world: &World) {
        match self {
            Self::Locked(mut outsider) => outsider.runs("ROLLBACK").await,
            Self::Down => world.database.cluster.as_ref().expect("it is a server").starts().await,
        }
    }
}

async fn hears_degraded(device: &mut Device, parts: &[&str]) {
    device
        .hears_news(&format!("{parts:?} to be degraded"), |news| match news {
            News::Degraded(degraded) => (degraded.parts == parts).then_some(()),
            _ => None,
        })
        .await;
}

on_both_stores! {
    an_edit_without_a_database_is_not_acked_and_may_be_sent_again,
    reading_goes_on_where_it_can_and_nothing_is_missed,
    what_outsiders_wrote_while_the_hub_was_down_is_seen_when_it_is_up,
}

async fn an_edit_without_a_database_is_not_acked_and_may_be_sent_again(store: Kind) {
    let world = World::within(Database::apart(store).await, &[]).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let outage = Outage::begins(&world).await;
    let stuck = edit(&world.project, vec![comment(&id(1), "Only once")]);
    let error = ada.tries(&stuck).await.unwrap_err();
    assert!(error.retry, "{error:?}");
    assert!([ErrorCode::Unavailable, ErrorCode::Busy].contains(&error.code), "{error:?}");
    hears_degraded(&mut bob, &["store"]).await;
    hears_degraded(&mut world.vera().await, &["store"]).await;
    outage.ends(&world).await;
    hears_degraded(&mut bob, &[]).await;
    eventually("the edit to be taken", async || ada.tries(&stuck).await.is_ok()).await;
    bob.sees(&world.project, "the comment", |view| view.table("comments").count() == 1).await;
    assert_eq!(world.hub.get("/readyz").await.0, 200);
}

async fn reading_goes_on_where_it_can_and_nothing_is_missed(store: Kind) {
    let world = World::within(Database::apart(store).await, &[]).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    for round in 0..3 {
        let before = bob.view(&world.project).seq;
        let outage = Outage::begins(&world).await;
        bob.is_up_to_date().await;
        bob.sets(&world.project, "pointer", 1_i64.into()).await;
        outage.ends(&world).await;
        let back = edit(&world.project, vec![rename(&id(1), &format!("Back {round}"))]);
        eventually("the edit to be taken", async || ada.tries(&back).await.is_ok()).await;
        bob.sees_title(&world.project, &id(1), &format!("Back {round}")).await;
        assert_eq!(bob.view(&world.project).seq, before + 1);
    }
}

async fn what_outsiders_wrote_while_the_hub_was_down_is_seen_when_it_is_up(store: Kind) {
    let mut world = World::on(store).await;
    let mut bob = world.bob().await;
    bob.subscribes(&world.project).await;
    let view = bob.view(&world.project).clone();
    world.hub.is_killed();
    let mut outsider = world.outsider().await;
    outsider.runs(&format!("UPDATE tasks SET title = 'In between' WHERE id = '{}'", id(1))).await;
    world.hub.starts_again().await;
    let mut bob = world.bob().await;
    bob.resumes(&world.project, &view).await;
    bob.sees_title(&world.project, &id(1), "In between").await;
}

#[tokio::test]
async fn readiness_follows_the_database() {
    let world = World::within(Database::apart(Kind::Postgres).await, &[]).await;
    assert_eq!(world.hub.get("/readyz").await.0, 200);
    let outage = Outage::begins(&world).await;
    eventually("the hub not to be ready", async || world.hub.get("/readyz").await.0 == 503).await;
    assert_eq!(world.hub.get("/healthz").await.0, 200);
    outage.ends(&world).await;
    eventually("the hub to be ready", async || world.hub.get("/readyz").await.0 == 200).await;
}

#[tokio::test]
async fn subscribing_without_a_database_fails_with_a_retryable_error() {
    let world = World::within(Database::apart(Kind::Postgres).await, &[]).await;
    let mut ada = world.ada().await;
    let outage = Outage::begins(&world).await;
    let error = ada.fails_to_subscribe(&world.project).await;
    assert!(error.retry, "{error:?}");
    outage.ends(&world).await;
    eventually("the subscription to succeed", async || {
        let reply = ada
            .asks(|reference| {
                let request = crate::support::device::subscribe(reference, &world.project);
                rowcast_protocol::Request::Subscribe(request)
            })
            .await;
        matches!(reply, rowcast_protocol::Reply::Subscribed(_))
    })
    .await;
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_told_apart() {
    let world = World::on(Kind::Postgres).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let name = world.database.url.rsplit('/').next().unwrap();
    let read_only = async |value: &str| {
        let mut operator = world.outsider().await;
        operator.runs("SET default_transaction_read_only = off").await;
        let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
        operator.runs(&set).await;
        operator.runs(TERMINATE).await;
    };
    read_only("on").await;
    let stuck = edit(&world.project, vec![comment(&id(1), "Only once")]);
    eventually("the hub to notice", async || {
        ada.tries(&stuck).await.is_err_and(|error| {
            assert!(error.retry, "{error:?}");
            error.code == ErrorCode::ReadOnly
        })
    })
    .await;
    let mut vera = world.vera().await;
    vera.subscribes(&world.project).await;
    read_only("off").await;
    eventually("the edit to be taken", async || ada.tries(&stuck).await.is_ok()).await;
    bob.sees(&world.project, "the comment", |view| view.table("comments").count() == 1).await;
}

#[tokio::test]
async fn connections_that_are_terminated_are_made_anew() {
    let world = World::on(Kind::Postgres).await;
    let (mut ada, mut bob) = (world.ada().await, world.bob().await);
    bob.subscribes(&world.project).await;
    let mut operator = world.outsider().await;
    for round in 0..5 {
        operator.runs(TERMINATE).await;
        let title = format!("Round {round}");
        let again = edit(&world.project, vec![rename(&id(1), &title)]);
        eventually("the edit to be taken", async || ada.tries(&again).await.is_ok()).await;
        bob.sees_title(&world.project, &id(1), &title).await;
    }
}
