//! The API under `/api`: its routes, and what surrounds every request to it.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use rowcast_protocol::ErrorCode;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::{
    App, WorkerApp, accounts,
    caller::Address,
    origin,
    problem::{HttpCode, Problem},
    rate::Standings,
    stats, tables,
};
use crate::{config::ServerConfig, metrics::CodeLabel, network::Network, server::Peer};

mod described;
mod document;

pub use document::Description;
pub(super) use document::pages;

/// The header that names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The resources under `/api/v1`, with their description.
pub(super) fn resources() -> OpenApiRouter<Arc<WorkerApp>> {
    OpenApiRouter::new().merge(accounts::resources()).merge(tables::routes()).merge(stats::routes())
}

/// Everything under `/api`, for one worker.
pub(super) fn router(app: &App, worker: &Arc<WorkerApp>) -> Router<Arc<WorkerApp>> {
    let (resources, _) = resources().split_for_parts();
    Router::new()
        .nest("/v1", resources.merge(document::routes()))
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(app.http.body_bytes))
        .layer(middleware::from_fn_with_state(Arc::clone(worker), bounded))
        .layer(cors(&app.server))
        .layer(middleware::from_fn_with_state(Arc::clone(worker), named))
}

async fn nothing_here() -> Problem {
    Problem::new(ErrorCode::NotFound, "there is nothing at this address")
}

async fn other_method() -> Problem {
    Problem::new(HttpCode::MethodNotAllowed, "this resource does not know this method")
}

/// Pages of other origins may call the API if the settings list them.
fn cors(server: &ServerConfig) -> CorsLayer {
    let origins = server.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let idempotency = HeaderName::from_static("idempotency-key");
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            idempotency,
            REQUEST_ID,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
            REQUEST_ID,
        ])
        .max_age(Duration::from_mins(10))
}

/// Gives every request an id, every answer that id, and every problem too; counts problems.
async fn named(State(worker): State<Arc<WorkerApp>>, request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let label = CodeLabel { code: problem.document().code };
        worker.app.services.metrics.errors.get_or_create(&label).inc();
        response = with_body_of(response, problem.of_request(&id));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The answer with the problem's own body; headers of the layers between stay.
fn with_body_of(response: Response, problem: Problem) -> Response {
    let (mut parts, _) = response.into_parts();
    let (own, body) = problem.into_response().into_parts();
    parts.headers.extend(own.headers);
    Response::from_parts(parts, body)
}

/// The id that the client gave, if it is well formed, or a new one.
fn request_id(request: &Request) -> String {
    let plain = |id: &&str| {
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=64).contains(&id.len()) && id.bytes().all(sign)
    };
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(plain);
    given.map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned)
}

/// Bounds how often an address asks, and how long an answer takes.
async fn bounded(
    State(worker): State<Arc<WorkerApp>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let app = &worker.app;
    let trusted = &app.server.trusted_proxies;
    let address = origin::client_address(peer.address.ip(), request.headers(), trusted);
    let network = Network::of(address);
    let standings = Standings::default();
    request.extensions_mut().insert(Address(address));
    request.extensions_mut().insert(standings.clone());
    let response = match app.rates.take_address(network, &standings) {
        Ok(()) => answered(app, network, request, next).await,
        Err(problem) => Err(problem),
    };
    let mut response = response.unwrap_or_else(IntoResponse::into_response);
    standings.write(response.headers_mut());
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The answer within its time, and within the room for bodies.
async fn answered(
    app: &App,
    network: Network,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let _room = app.bodies.room_for(&request, network)?;
    let answer = tokio::time::timeout(app.http.timeout, next.run(request)).await;
    app.bodies.hold(answer.map_err(|_| too_slow())?, network)
}

fn too_slow() -> Problem {
    let words = "the answer took too long; ask for less, or try again later";
    Problem::new(HttpCode::TooSlow, words).retry_after(Duration::from_secs(5))
}
