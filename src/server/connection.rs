//! One TCP connection: HTTP until it is upgraded.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use rowcast_protocol::ErrorCode;
use tokio::net::TcpStream;
use tower::ServiceExt as _;
use tracing::debug;

use super::{
    accept::Accepted,
    framing::{Ambiguous, Framing},
    stream::HttpStream,
};
use crate::{
    http::{WorkerApp, client_address, is_trusted, problem::Problem},
    session::Held,
};

/// Bytes that the head of a request may have.
const HEAD_BYTES: usize = 16 * 1024;
/// Headers that a request may have.
const HEADERS: usize = 64;

/// Who is at the other end of a connection; an extension of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address that connected, perhaps a proxy's.
    pub address: SocketAddr,
    /// The places of the connection.
    pub held: Arc<Held>,
}

impl Peer {
    /// The client's address, if this is a proxy that is trusted.
    #[must_use]
    pub fn behind_proxy(&self, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
        let proxy = self.address.ip();
        is_trusted(proxy, trusted).then(|| client_address(proxy, headers, trusted))
    }
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
    let peer = Peer { address: accepted.peer, held: Arc::new(accepted.held) };
    let framing = Framing::default();
    let stream = HttpStream::new(stream, framing.clone(), limits.write);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (router, peer) = (router.clone(), peer.clone());
        let next = framing.next(request.version(), request.headers());
        async move { Ok::<_, Infallible>(answer(router, peer, next, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        count_unread(&app, &error);
        debug!(%error, "a connection broke");
    }
}

async fn answer(
    router: Router,
    peer: Peer,
    next: Result<bool, Ambiguous>,
    request: Request<Incoming>,
) -> Response {
    let (mut response, goes_on) = match next {
        Ok(goes_on) => {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            (router.oneshot(request).await.unwrap_or_else(|e| match e {}), goes_on)
        }
        Err(error) => {
            (Problem::new(ErrorCode::BadMessage, error.to_string()).into_response(), false)
        }
    };
    if !goes_on {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Counts a connection that was closed because nobody read the answer.
fn count_unread(app: &WorkerApp, error: &hyper::Error) {
    let cause = std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    if cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut) {
        app.app.services.metrics.answers_unread.inc();
    }
}
