//! HTTP: the API, the upgrade to WebSocket, health, metrics, the embedded page.
//!
//! The API's handlers stand one folder each: [`api`] has what surrounds all of them. A handler takes
//! a [`caller::Caller`] and the extractors of [`extract`], and returns a [`problem::Problem`] as its
//! error.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio_util::task::TaskTracker;

use crate::{
    accounts::Accounts,
    config::{Config, HttpConfig, LimitsConfig, ServerConfig},
    hub::Flusher,
    reads::Reads,
    session::{Door, Services, sweep::Sockets},
    stats::Pace,
};

mod accounts;
pub mod api;
pub mod caller;
pub mod demo;
pub mod extract;
mod origin;
mod page;
pub mod problem;
pub mod rate;
mod stats;
mod tables;
mod unread;
mod upgrade;

pub use demo::DemoDesk;
pub(crate) use origin::{client_address, is_trusted};

/// The running parts that the handlers use.
#[derive(Debug)]
pub struct Parts {
    /// What sessions use.
    pub services: Arc<Services>,
    /// Questions about rows and logs.
    pub reads: Reads,
    /// How the node does.
    pub pace: Arc<Pace>,
    /// The desk for people, services, projects.
    pub accounts: Accounts,
    /// Whether the node is about to stop.
    pub draining: Arc<AtomicBool>,
    /// Where demo codes become tokens.
    pub demo: Option<DemoDesk>,
    /// Who may come in.
    pub door: Arc<Door>,
}

/// What the handlers use. One for all workers.
#[derive(Debug)]
pub struct App {
    /// What sessions use.
    pub services: Arc<Services>,
    /// Questions about rows and logs.
    pub reads: Reads,
    pace: Arc<Pace>,
    /// Deadlines of connections.
    pub limits: LimitsConfig,
    pub(crate) server: ServerConfig,
    http: HttpConfig,
    rates: rate::Rates,
    description: api::Description,
    files: page::Files,
    draining: Arc<AtomicBool>,
    bodies: unread::Bodies,
    pub(crate) door: Arc<Door>,
    accounts: Accounts,
    pub(crate) demo: Option<DemoDesk>,
}

/// What the handlers of one worker use.
#[derive(Debug, Clone)]
pub struct WorkerApp {
    /// What all workers use.
    pub app: Arc<App>,
    /// The worker's flush loop.
    pub flusher: Arc<Flusher>,
    /// The worker's sockets.
    pub sockets: Arc<Sockets>,
    /// Tasks that a shutdown waits for.
    pub tracker: TaskTracker,
}

impl App {
    /// Gathers what the handlers use.
    #[must_use]
    pub fn new(config: &Config, parts: Parts) -> Arc<Self> {
        let Parts { services, reads, pace, accounts, draining, demo, door } = parts;
        Arc::new(Self {
            description: api::Description::default(),
            services,
            reads,
            pace,
            limits: config.limits.clone(),
            server: config.server.clone(),
            http: config.http.clone(),
            rates: rate::Rates::new(&config.http),
            files: page::Files::default(),
            draining,
            bodies: unread::Bodies::new(config.http.unread_bytes),
            door,
            accounts,
            demo,
        })
    }

    /// The routes, for one worker.
    pub fn router(&self, worker: &Arc<WorkerApp>) -> Router {
        Router::new()
            .route("/socket", get(upgrade::upgrade))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .nest("/api", api::router(self, worker))
            .merge(api::pages())
            .fallback(get(page::file))
            .with_state(Arc::clone(worker))
    }
}

/// Whether this node should be given clients: it is not draining and the database answers.
async fn ready(State(worker): State<Arc<WorkerApp>>) -> Response {
    if worker.app.draining.load(Ordering::Acquire) {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    let degraded = worker.app.services.degraded.read().join(", ");
    if degraded.is_empty() {
        let schema = worker.app.services.checker.schema();
        let not_live = schema.unwatched.iter().map(|table| format!("not live: {}\n", table.why));
        return format!("ready\n{}", not_live.collect::<String>()).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("degraded: {degraded}\n")).into_response()
}

async fn metrics(State(worker): State<Arc<WorkerApp>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], worker.app.services.metrics.text())
}
