//! One TCP connection: HTTP until it is upgraded.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{Router, body::Body};
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tower::ServiceExt as _;
use tracing::debug;

use super::accept::Accepted;
use crate::{http::WorkerApp, session::Place};

/// Bytes that the head of a request may have.
const HEAD_BYTES: usize = 16 * 1024;
/// Headers that a request may have.
const HEADERS: usize = 64;

/// Who is at the other end of a connection; an extension of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address that connected, perhaps a proxy's.
    pub address: SocketAddr,
    /// Holds a place among the connections of the node.
    pub place: Arc<Place>,
}

/// Serves a connection to its end, or until it is upgraded. Each step has a deadline: axum's own
/// loop would hold a connection that never sends anything for ever.
pub(super) async fn serve(app: Arc<WorkerApp>, router: Router, accepted: Accepted) {
    let limits = &app.app.limits;
    let Ok(stream) = TcpStream::from_std(accepted.stream) else { return };
    let mut first = [0];
    let spoke = tokio::time::timeout(limits.first_byte, stream.peek(&mut first)).await;
    if !matches!(spoke, Ok(Ok(1))) {
        return;
    }
    let peer = Peer { address: accepted.peer, place: Arc::new(accepted.place) };
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|e| match e {})) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        debug!(%error, "a connection broke");
    }
}
