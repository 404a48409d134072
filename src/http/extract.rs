//! What handlers take from a request: a JSON body, parameters, parts of the path. What is wrong with
//! them is answered with a problem that names the field.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use rowcast_protocol::{ErrorCode, Limits, scan};
use serde::de::DeserializeOwned;

use super::{
    WorkerApp,
    problem::{HttpCode, Problem},
};

/// A JSON body, within the limits on bytes, depth and number of values.
#[derive(Debug, Clone)]
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<WorkerApp>> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, worker: &Arc<WorkerApp>) -> Result<Self, Problem> {
        says_json(request.headers())?;
        let bytes = body(request, worker).await?;
        decoded(&bytes, &worker.app.services.settings.limits).map(Self)
    }
}

/// The whole body. The router bounds its length.
async fn body(request: Request, worker: &Arc<WorkerApp>) -> Result<Bytes, Problem> {
    Bytes::from_request(request, worker).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let limit = worker.app.http.body_bytes;
            return Problem::new(ErrorCode::TooLarge, format!("a body may have {limit} bytes"));
        }
        Problem::new(ErrorCode::BadMessage, "the body could not be read to its end")
    })
}

/// Whether the body says that it is JSON; forms of other sites cannot.
fn says_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let words = "send JSON, with the header `Content-Type: application/json`";
    Err(Problem::new(HttpCode::UnsupportedMediaType, words))
}

/// Decodes JSON within limits, naming the member that is wrong.
pub(super) fn decoded<T: DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Result<T, Problem> {
    scan::json(bytes, limits).map_err(|overrun| overran(overrun, limits))?;
    let mut decoder = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let place = if path == "." { "body".to_owned() } else { path };
        Problem::bad_field(place, message)
    })?;
    let end = decoder.end();
    end.map_err(|_| Problem::bad_field("body", "something follows the JSON value"))?;
    Ok(value)
}

fn overran(overrun: scan::Overrun, limits: &Limits) -> Problem {
    match overrun {
        scan::Overrun::Depth => {
            Problem::new(ErrorCode::TooDeep, format!("JSON may be nested {} deep", limits.depth))
        }
        scan::Overrun::Values => {
            Problem::new(ErrorCode::TooMany, format!("a body may hold {} values", limits.values))
        }
        scan::Overrun::Truncated | scan::Overrun::Malformed | scan::Overrun::NotUtf8 => {
            Problem::bad_field("body", "this is not JSON")
        }
    }
}

/// Parameters behind the `?`.
#[derive(Debug, Clone)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|rejection| {
            let words = rejection.body_text();
            let (field, message) = named_parameter(&words);
            Problem::bad_field(field, message)
        })
    }
}

/// The parameter and the message in the words `Failed …: name: message`.
fn named_parameter(words: &str) -> (&str, &str) {
    let rest = words.split_once(": ").map_or(words, |(_, rest)| rest);
    rest.split_once(": ").unwrap_or(("query", rest))
}

/// Parts of the path.
#[derive(Debug, Clone)]
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named))
            .map_err(|rejection| Problem::bad_field("path", rejection.body_text()))
    }
}
