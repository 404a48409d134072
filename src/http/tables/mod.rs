//! Every live table as one generic resource: `/channels/{channel}/{table}`.
//!
//! A write is an edit like any other: the same checks, the same committer, the same log.

use std::sync::Arc;

use axum::routing::{get, post};
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
        .route("/channels/{channel}/{table}/{key}/history", get(log::history))
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

    /// The answer to what was read, if the caller may still read the channel: reading may have taken
    /// long.
    async fn answer<T>(&self, worker: &WorkerApp, caller: &Caller, read: T) -> Result<T, Problem> {
        role(worker, caller, &self.channel).await?.map(|_| read).ok_or_else(|| {
            let words = format!("there is no channel `{}` for you", self.channel);
            Problem::new(ErrorCode::UnknownChannel, words)
        })
    }
}

async fn role(
    worker: &WorkerApp,
    caller: &Caller,
    channel: &ChannelName,
) -> Result<Option<Role>, Problem> {
    worker.app.services.access.role(channel, caller.user()).await.map_err(|error| {
        tracing::warn!(%error, "cannot read a role");
        Problem::new(error.code(), "the database could not answer; try again later")
    })
}

/// The key of a row in a path: parts with commas between them, each percent-encoded once more where
/// it holds a comma or a percent sign.
fn key_of(text: &str, parts: usize) -> Result<Value, Problem> {
    let plain = |part: &str| {
        let decoded = percent_encoding::percent_decode_str(part).decode_utf8();
        decoded
            .map(|part| Value::from(&*part))
            .map_err(|_| Problem::bad_field("key", "what is percent-encoded must be UTF-8"))
    };
    if parts == 1 {
        return plain(text);
    }
    text.split(',').map(plain).collect::<Result<Vec<Value>, Problem>>().map(Value::List)
}

/// The last part of the path to a row, as [`key_of`] reads it.
fn key_text(key: &Value) -> String {
    let encode = |part: &Value| {
        let text = match part {
            Value::Text(text) => text.clone(),
            other => serde_json::to_string(other).unwrap_or_default(),
        };
        percent_encoding::utf8_percent_encode(&text, IN_KEYS).to_string()
    };
    let parts = match key {
        Value::List(parts) => parts.iter().map(encode).collect::<Vec<_>>().join(","),
        one => encode(one),
    };
    percent_encoding::utf8_percent_encode(&parts, IN_PATHS).to_string()
}

/// What has a meaning within keys.
const IN_KEYS: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b',').add(b'%');
/// What has a meaning within paths.
const IN_PATHS: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b',')
    .remove(b':');
