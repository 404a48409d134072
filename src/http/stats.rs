//! `GET /stats`: how the nodes do, for admins.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    WorkerApp,
    caller::Admin,
    problem::{Code, Document, Problem},
};
use crate::{
    hub::census::{ChannelCount, SocketCount},
    instant::instant,
};

/// How many channels and sockets are named.
const NAMED: usize = 50;

/// Codes of errors that say that a limit was reached.
const REFUSALS: [&str; 5] = ["rate_limited", "too_many", "too_large", "too_deep", "too_slow"];

/// How all nodes do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stats {
    nodes: Vec<Node>,
    /// The busiest, at most 50.
    channels: Vec<BusyChannel>,
    /// The slowest, at most 50.
    sockets: Vec<SlowSocket>,
}

/// How one node does. Rates are of the last ten seconds.
#[derive(Debug, Serialize, ToSchema)]
struct Node {
    /// The address on which it listens.
    name: String,
    version: &'static str,
    /// RFC 3339.
    started_at: String,
    uptime_seconds: u64,
    sockets: i64,
    /// People who follow a channel.
    people: u64,
    channels: i64,
    subscriptions: i64,
    /// Sockets that are behind.
    slow_readers: u64,
    edits_per_second: f64,
    deliveries_per_second: f64,
    bytes_per_second: f64,
    commit_ms: Quantiles,
    /// How long a change by an outsider waited for its number at most, lately.
    numbering_lag_ms: i64,
    memory_bytes: u64,
    /// Share of one processor.
    cpu_percent: f64,
    /// Errors sent to clients since the start, by code.
    errors: BTreeMap<&'static str, u64>,
    /// Requests refused since the start, by the limit they met.
    refused: BTreeMap<&'static str, u64>,
    /// What works less well at present.
    degraded: Vec<String>,
}

/// How long the store took for the last batches of edits.
#[derive(Debug, Serialize, ToSchema)]
struct Quantiles {
    p50: f64,
    p99: f64,
}

/// A channel with many readers.
#[derive(Debug, Serialize, ToSchema)]
struct BusyChannel {
    name: String,
    readers: u64,
    /// The number of its newest entry.
    head: u64,
    /// Bytes of its newest entries in memory.
    tail_bytes: u64,
    /// How many entries the slowest reader is behind.
    lag: u64,
}

/// A socket that is behind, or as good as any.
#[derive(Debug, Serialize, ToSchema)]
struct SlowSocket {
    session: String,
    user: String,
    name: String,
    /// The address that connected, perhaps a proxy's.
    address: String,
    /// RFC 3339.
    since: String,
    channels: u64,
    queued_bytes: u64,
    /// How many entries it is behind.
    behind: u64,
}

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<WorkerApp>> {
    OpenApiRouter::new().routes(routes!(stats))
}

/// How the hub does: nodes, the busiest channels, the slowest sockets. For admins.
#[utoipa::path(
    get,
    path = "/stats",
    tag = "Statistics",
    responses(
        (status = 200, body = Stats),
        (status = 401, body = Document, content_type = "application/problem+json"),
        (status = 403, body = Document, content_type = "application/problem+json"),
        (status = 429, body = Document, content_type = "application/problem+json"),
    )
)]
async fn stats(State(worker): State<Arc<WorkerApp>>, _: Admin) -> Result<Json<Stats>, Problem> {
    let census = worker.app.services.hub.census(NAMED);
    let node = node(&worker, census.people, census.slow_readers);
    Ok(Json(Stats {
        nodes: vec![node],
        channels: census.channels.into_iter().map(BusyChannel::from).collect(),
        sockets: census.sockets.into_iter().map(SlowSocket::from).collect(),
    }))
}

fn node(worker: &WorkerApp, people: u64, slow_readers: u64) -> Node {
    let (services, pace) = (&worker.app.services, &worker.app.pace);
    let (metrics, rates) = (&services.metrics, pace.rates());
    let errors: BTreeMap<&'static str, u64> = Code::all()
        .map(Code::as_str)
        .map(|code| (code, metrics.errors_of(code)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let limits = errors.iter().filter(|(code, _)| REFUSALS.contains(code));
    let mut refused: BTreeMap<&'static str, u64> = limits.map(|(code, n)| (*code, *n)).collect();
    refused.insert("upgrades", metrics.upgrades_refused.get());
    let up = Timestamp::now().duration_since(pace.started()).unsigned_abs();
    Node {
        name: worker.app.server.listen.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        started_at: instant(pace.started()),
        uptime_seconds: up.as_secs(),
        sockets: metrics.sockets.get(),
        people,
        channels: metrics.channels.get(),
        subscriptions: metrics.subscriptions.get(),
        slow_readers,
        edits_per_second: rates.edits,
        deliveries_per_second: rates.deliveries,
        bytes_per_second: rates.bytes,
        commit_ms: Quantiles {
            p50: millis(metrics.recent_commits.quantile(0.5)),
            p99: millis(metrics.recent_commits.quantile(0.99)),
        },
        numbering_lag_ms: metrics.numbering_lag_ms.get(),
        memory_bytes: rates.memory_bytes,
        cpu_percent: rates.cpu_percent,
        errors,
        refused,
        degraded: services.degraded.read().clone(),
    }
}

impl From<ChannelCount> for BusyChannel {
    fn from(count: ChannelCount) -> Self {
        let ChannelCount { name, readers, head, tail_bytes, lag } = count;
        Self { name, readers, head, tail_bytes, lag }
    }
}

impl From<SocketCount> for SlowSocket {
    fn from(count: SocketCount) -> Self {
        let open = Duration::from_millis(count.open_ms);
        let since = Timestamp::now().saturating_sub(open).unwrap_or(Timestamp::MIN);
        Self {
            session: count.session,
            user: count.user,
            name: count.name,
            address: count.address,
            since: instant(since),
            channels: count.channels,
            queued_bytes: count.queued_bytes,
            behind: count.behind,
        }
    }
}

fn millis(wait: Duration) -> f64 {
    wait.as_secs_f64() * 1000.0
}
