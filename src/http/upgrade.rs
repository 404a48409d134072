//! The upgrade: an HTTP request becomes a socket of the hub.
//!
//! hyper answers the request; then the plain stream is taken back and handed to a session.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use rowcast_protocol::Codec;
use tokio::net::TcpStream;
use tracing::debug;
use tungstenite::handshake::derive_accept_key;

use super::{WorkerApp, caller::bearer, origin};
use crate::{
    hub::Socket,
    network::Network,
    server::{HttpStream, Peer},
    session::{self, Arrival, Full},
};

/// Why an upgrade is refused.
type Refusal = (StatusCode, String);

/// `GET /socket`.
pub(super) async fn upgrade(
    State(worker): State<Arc<WorkerApp>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response {
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>();
    match prepare(&worker, &peer, request.headers()) {
        Ok((codec, accept)) => {
            let Some(on_upgrade) = on_upgrade else {
                return (StatusCode::UPGRADE_REQUIRED, "this is a WebSocket").into_response();
            };
            let token = bearer(request.headers());
            let task = take_over(Arc::clone(&worker), on_upgrade, codec, token, peer);
            worker.tracker.spawn(task);
            switching(codec, &accept)
        }
        Err(refusal) => {
            worker.app.services.metrics.upgrades_refused.inc();
            refusal.into_response()
        }
    }
}

fn prepare(
    worker: &WorkerApp,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<(Codec, String), Refusal> {
    let app = &worker.app;
    if app.draining.load(std::sync::atomic::Ordering::Acquire) {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "this node is draining\n".to_owned()));
    }
    if !origin::is_allowed(headers, &app.server) {
        return Err((StatusCode::FORBIDDEN, format!("{}\n", origin::REFUSED)));
    }
    let accept = accept_key(headers)?;
    let codec = offered_codec(headers)?;
    if let Some(client) = peer.behind_proxy(headers, &app.server.trusted_proxies) {
        app.door.count(&peer.held, Some(Network::of(client))).map_err(full)?;
    }
    Ok((codec, accept))
}

fn full(full: Full) -> Refusal {
    (StatusCode::TOO_MANY_REQUESTS, format!("{}\n", full.words()))
}

fn accept_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let has = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value: &HeaderValue| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") {
        return Err((StatusCode::UPGRADE_REQUIRED, "this is a WebSocket\n".to_owned()));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err((StatusCode::BAD_REQUEST, "speak WebSocket version 13\n".to_owned()));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let key = key.filter(|key| key.len() == 24).ok_or_else(|| {
        (StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing or malformed\n".to_owned())
    })?;
    Ok(derive_accept_key(key))
}

fn offered_codec(headers: &HeaderMap) -> Result<Codec, Refusal> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|offer| Codec::from_subprotocol(offer.trim()))
        .ok_or_else(|| {
            let known = Codec::ALL.map(Codec::subprotocol).join(" or ");
            (StatusCode::BAD_REQUEST, format!("offer the subprotocol {known}\n"))
        })
}

fn switching(codec: Codec, accept: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(codec.subprotocol()));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

async fn take_over(
    worker: Arc<WorkerApp>,
    on_upgrade: OnUpgrade,
    codec: Codec,
    token: Option<String>,
    peer: Peer,
) {
    let upgraded = match on_upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return debug!(%error, "an upgrade broke"),
    };
    let Some((stream, early)) = plain_stream(upgraded) else { return };
    let socket = Arc::new(Socket::new(stream, codec, Arc::clone(&worker.flusher)));
    worker.sockets.add(&socket);
    let arrival = Arrival { socket, early, token, held: peer.held };
    let services = Arc::clone(&worker.app.services);
    // A task of its own, so that nothing of the upgrade is held while the socket lives.
    worker.tracker.spawn(session::run(services, arrival));
}

/// The stream under the WebSocket, and the bytes that hyper had read beyond the request.
fn plain_stream(upgraded: Upgraded) -> Option<(TcpStream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<HttpStream>>().ok()?;
    Some((parts.io.into_inner().into_inner(), parts.read_buf.to_vec()))
}
