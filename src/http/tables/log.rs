//! The log of a channel: its entries, the past of a row, and undoing.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use rowcast_protocol::{Cursor, EditId, Entry, ErrorCode, Seq, reply::PastChange};
use serde::{Deserialize, Serialize};

use super::{
    NamedInPath, Visit,
    precondition::Conditions,
    write::{Ack, Writer},
};
use crate::{
    http::{
        WorkerApp,
        caller::Caller,
        extract::{Asked, Named},
        problem::{HttpCode, Problem},
    },
    reads::EntriesError,
};

/// Items of a page unless told.
const USUAL: u32 = 100;

/// Which entries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    after: Option<String>,
    limit: Option<u32>,
}

/// A piece of a log.
#[derive(Debug, Serialize)]
struct Entries {
    items: Vec<Entry>,
    cursor: Cursor,
    head: Cursor,
}

/// `GET /channels/{channel}/entries`.
pub(super) async fn entries(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named(channel): Named<String>,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let limit = within("limit", which.limit.unwrap_or(USUAL), 1_000)?;
    let after = which.after.as_deref().map(str::parse::<Cursor>).transpose();
    let after = after.map_err(|error| {
        let words = error.to_string();
        Problem::new(ErrorCode::BadCursor, words.clone()).with_field("after", words)
    })?;
    let visit = Visit::to(&worker, &caller, &channel).await?;
    let limit = usize::try_from(limit).unwrap_or(1);
    let _turn = worker.app.services.turns.take(caller.user()).await?;
    match worker.app.reads.entries(&visit.channel, after, limit).await {
        Ok(found) => {
            visit.is_still_open(&worker, &caller).await?;
            let (items, cursor, head) = (found.items, found.cursor, found.head);
            Ok(Json(Entries { items, cursor, head }).into_response())
        }
        Err(EntriesError::Store(error)) => Err((*error).into()),
        Err(EntriesError::Gone(_)) => {
            let words = "the log cannot be continued from here; read the tables, whose pages name \
                         a place to go on from as `cursor_log`";
            Err(Problem::new(HttpCode::CursorGone, words))
        }
    }
}

/// Which part of the past.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    before: Option<Seq>,
    limit: Option<u32>,
}

/// A piece of the past of a row, newest first.
#[derive(Debug, Serialize)]
struct Past {
    items: Vec<PastChange>,
    more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Seq>,
}

/// `GET /channels/{channel}/{table}/{key}/history`.
pub(super) async fn history(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    NamedInPath { channel, table, key }: NamedInPath,
    Asked(part): Asked<Part>,
) -> Result<Response, Problem> {
    let limit = within("limit", part.limit.unwrap_or(50), 100)?;
    let visit = Visit::to(&worker, &caller, &channel).await?;
    let key = worker.key(&visit, &table, &key)?;
    let services = &worker.app.services;
    let row = services.checker.row(&visit.channel, &table, &key)?;
    let _turn = services.turns.take(caller.user()).await?;
    let past = services.hub.history(&visit.channel, &row, part.before, limit).await;
    let past = past.map_err(|error| {
        tracing::warn!(%error, "the past of a row could not be read");
        Problem::new(error.code(), "the database could not answer; try again later")
    })?;
    visit.is_still_open(&worker, &caller).await?;
    let (items, next) = (past.changes, past.next);
    Ok(Json(Past { items, more: next.is_some(), next }).into_response())
}

/// What to undo.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfEntry {
    /// This edit of the entry alone.
    edit: Option<EditId>,
}

/// `POST /channels/{channel}/entries/{seq}/undo`.
pub(super) async fn undo(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named((channel, seq)): Named<(String, String)>,
    Asked(of): Asked<OfEntry>,
    conditions: Conditions,
) -> Result<Json<Ack>, Problem> {
    let seq: Seq = seq.parse().map_err(|_| Problem::bad_field("seq", "is a number"))?;
    let visit = Visit::to(&worker, &caller, &channel).await?;
    let (services, reads) = (&worker.app.services, &worker.app.reads);
    let past = reads.entry(&visit.channel, seq).await?;
    let past = match of.edit {
        Some(edit) => past.of_edit(edit),
        None => past,
    };
    let id = conditions.edit_id(caller.user(), 0);
    let inverse = services.checker.undo(caller.user(), visit.role, &visit.channel, id, &past)?;
    let writer = Writer { worker: &worker, caller: &caller, visit: &visit };
    let error = match services.committer.apply(inverse, visit.looked).await {
        Ok(applied) => {
            return Ok(Json(writer.ack(id, applied.epoch, applied.seq, applied.replayed)));
        }
        Err(error) => error,
    };
    if !matches!(error.code, ErrorCode::GuardFailed | ErrorCode::NotFound | ErrorCode::Unique) {
        return Err(error.into());
    }
    let rows = services.checker.rows_of(&visit.channel, &past)?;
    let changed = reads.changed_since(&visit.channel, &past, &rows).await;
    visit.is_still_open(&worker, &caller).await?;
    let changed = changed?;
    let words = "others have changed these rows since; nothing was undone";
    let problem = Problem::new(ErrorCode::GuardFailed, words).with_status(StatusCode::CONFLICT);
    Err(problem.with_rows(changed))
}

fn within(name: &str, number: u32, most: u32) -> Result<u32, Problem> {
    if (1..=most).contains(&number) {
        return Ok(number);
    }
    Err(Problem::bad_field(name, format!("is a number from 1 to {most}")))
}
