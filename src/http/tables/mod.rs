//! Every live table as one generic resource: `/channels/{channel}/{table}`.
//!
//! A write is an edit like any other: the same checks, the same committer, the same log.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams},
    http::request::Parts,
    routing::{get, post},
};
use futures_util::{FutureExt as _, TryFutureExt as _, future::BoxFuture};
use rowcast_protocol::{ChannelName, ErrorCode, Role, Value};
use utoipa_axum::router::OpenApiRouter;

use super::{WorkerApp, caller::Caller, problem::Problem};
use crate::auth::Looked;

mod edits;
mod log;
mod precondition;
mod rows;
mod write;

/// The routes. Their description is made from the declared tables.
pub(super) fn routes() -> OpenApiRouter<Arc<WorkerApp>> {
    OpenApiRouter::new()
        .route("/channels/{channel}/edits", post(edits::edits))
        .route("/channels/{channel}/entries", get(log::entries))
        .route("/channels/{channel}/entries/{seq}/undo", post(log::undo))
        .route("/channels/{channel}/{table}", get(rows::list).post(rows::insert))
        .route(
            "/channels/{channel}/{table}/{key}",
            get(rows::read).patch(rows::update).delete(rows::delete),
        )
        .route(
            "/channels/{channel}/{table}/",
            get(rows::read).patch(rows::update).delete(rows::delete),
        )
        .route("/channels/{channel}/{table}/{key}/history", get(log::history))
        .route("/channels/{channel}/{table}//history", get(log::history))
}

/// A channel that a caller may read.
struct Visit {
    channel: ChannelName,
    role: Role,
    /// When that was looked at.
    looked: Looked,
}

impl Visit {
    /// The channel of this name, if the caller has a role in it. One that does not exist and one
    /// that is not for the caller look the same.
    async fn to(worker: &WorkerApp, caller: &Caller, name: &str) -> Result<Self, Problem> {
        let unknown = || {
            let name: String = name.chars().take(64).collect();
            Problem::new(ErrorCode::UnknownChannel, format!("there is no channel `{name}` for you"))
        };
        let services = &worker.app.services;
        let channel = ChannelName::new(name).ok();
        let channel = channel.filter(|name| services.checker.is_channel(name));
        let channel = channel.ok_or_else(unknown)?;
        let looked = services.access.look();
        let role = role(worker, caller, &channel).await?.ok_or_else(unknown)?;
        Ok(Self { channel, role, looked })
    }

    /// To be asked before what was read is told, which may have taken long: whether the caller may
    /// still read the channel.
    async fn is_still_open(&self, worker: &WorkerApp, caller: &Caller) -> Result<(), Problem> {
        role(worker, caller, &self.channel).await?.map(|_| ()).ok_or_else(|| {
            let words = format!("there is no channel `{}` for you", self.channel);
            Problem::new(ErrorCode::UnknownChannel, words)
        })
    }
}

/// Boxed, since handlers that ask several times took the compiler minutes.
fn role<'a>(
    worker: &'a WorkerApp,
    caller: &'a Caller,
    channel: &'a ChannelName,
) -> BoxFuture<'a, Result<Option<Role>, Problem>> {
    let asked = worker.app.services.access.role(channel, caller.user());
    let told = asked.map_err(|error| {
        tracing::warn!(%error, "cannot read a role");
        Problem::new(error.code(), "the database could not answer; try again later")
    });
    told.boxed()
}

/// The key of a row as it stands in the path, which nobody has decoded yet: parts with commas
/// between them, and a comma within one percent-encoded. A key of one column is one part.
#[derive(Debug, Clone)]
struct PathKey(String);

impl PathKey {
    /// The texts of its parts, if a key has so many.
    fn parts(&self, count: usize) -> Result<Vec<String>, Problem> {
        let plain = |part: &str| {
            let decoded = percent_encoding::percent_decode_str(part).decode_utf8();
            decoded
                .map(String::from)
                .map_err(|_| Problem::bad_field("key", "what is percent-encoded must be UTF-8"))
        };
        if count == 1 {
            plain(&self.0).map(|one| vec![one])
        } else {
            self.0.split(',').map(plain).collect()
        }
    }
}

/// The row that a path names: a path without its last part names the row whose key is empty.
#[derive(Debug, Clone)]
struct NamedInPath {
    channel: String,
    table: String,
    key: PathKey,
}

impl<S: Send + Sync> FromRequestParts<S> for NamedInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let past = MatchedPath::from_request_parts(parts, state).await;
        let past = past.is_ok_and(|path| path.as_str().ends_with("/history"));
        let named = RawPathParams::from_request_parts(parts, state).await;
        let named = named.map_err(|rejection| Problem::bad_field("path", rejection.body_text()))?;
        let part = |name: &str| {
            let found = named.iter().find(|(of, _)| *of == name);
            found.map_or("", |(_, text)| text).to_owned()
        };
        // The parts by name are decoded already; only the path itself tells which commas are.
        let path = parts.uri.path();
        let row = if past { path.strip_suffix("/history").unwrap_or(path) } else { path };
        let key = row.rsplit('/').next().unwrap_or_default();
        Ok(Self { channel: part("channel"), table: part("table"), key: PathKey(key.to_owned()) })
    }
}

/// The last part of the path to a row, as [`PathKey`] reads it.
fn key_text(key: &Value) -> String {
    let encode = |part: &Value| {
        let text = match part {
            Value::Text(text) => text.clone(),
            other => serde_json::to_string(other).unwrap_or_default(),
        };
        percent_encoding::utf8_percent_encode(&text, IN_PATHS).to_string()
    };
    match key {
        Value::List(parts) => parts.iter().map(encode).collect::<Vec<_>>().join(","),
        one => encode(one),
    }
}

/// What has a meaning within paths.
const IN_PATHS: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');
