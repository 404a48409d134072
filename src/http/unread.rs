//! Bodies in memory: of requests on their way in, of answers on their way out. They are bounded in bytes over
//! all connections, and nobody may have all of it.
//!
//! An answer is passed on in pieces: hyper takes the next request of a connection when the last piece is in
//! its buffer, and that is when the client has read nearly all of it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use rowcast_protocol::ErrorCode;

use super::problem::Problem;
use crate::{
    network::Network,
    session::{Place, Shares},
};

/// The most of an answer that is given to hyper at once. Smaller bodies are not counted.
const PIECE: usize = 64 * 1024;

/// Room for bodies.
#[derive(Debug)]
pub(super) struct Bodies(Shares<Network>);

impl Bodies {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Shares::new(bytes as u64))
    }

    /// Room for what a request will send, until it is answered.
    pub(super) fn room_for(
        &self,
        request: &Request,
        whose: Network,
    ) -> Result<Option<Place>, Problem> {
        let (most, least) =
            (request.body().size_hint().upper(), request.body().size_hint().lower());
        self.take(most.unwrap_or(least.max(PIECE as u64 + 1)), whose)
    }

    /// The answer in pieces, with room until it was read.
    pub(super) fn hold(&self, response: Response, whose: Network) -> Result<Response, Problem> {
        let bytes = response.body().size_hint().exact().unwrap_or(u64::MAX);
        Ok(match self.take(bytes, whose)? {
            Some(place) => {
                response.map(|body| Body::new(Pieces { body, rest: Bytes::new(), _place: place }))
            }
            None => response,
        })
    }

    fn take(&self, bytes: u64, whose: Network) -> Result<Option<Place>, Problem> {
        if bytes <= PIECE as u64 {
            return Ok(None);
        }
        self.0.take(Some(whose), bytes).map(Some).ok_or_else(|| {
            let words = "too much waits to be read or sent; read the answers, or try again later";
            Problem::new(ErrorCode::Busy, words).retry_after(Duration::from_secs(2))
        })
    }
}

/// A body that comes in pieces.
struct Pieces {
    body: Body,
    rest: Bytes,
    _place: Place,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                over => return Poll::Ready(over),
            }
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(inner.lower() + rest);
        hint
    }
}
