//! Rows: lists, one row, and writing one.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rowcast_protocol::{
    Cursor, Fields, Op,
    request::{Delete, Insert, Update},
};
use serde::Serialize;

use super::{
    NamedInPath, PathKey, Visit, key_text,
    precondition::{Conditions, IfNoneMatch},
    write::Writer,
};
use crate::{
    http::{
        WorkerApp,
        caller::Caller,
        extract::{Asked, Named, Sent},
        problem::Problem,
    },
    reads::tag,
};

/// A page of rows.
#[derive(Debug, Serialize)]
struct Page {
    items: Vec<Fields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    cursor_log: Cursor,
}

/// `GET /channels/{channel}/{table}`.
pub(super) async fn list(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named((channel, table)): Named<(String, String)>,
    Asked(parameters): Asked<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let visit = Visit::to(&worker, &caller, &channel).await?;
    let _turn = worker.app.services.turns.take(caller.user()).await?;
    let listed = worker.app.reads.list(&visit.channel, &table, &parameters).await?;
    visit.is_still_open(&worker, &caller).await?;
    let (items, next, total) = (listed.items, listed.next, listed.total);
    let (limit, offset, cursor_log) = (listed.limit, listed.offset, listed.cursor_log);
    Ok(Json(Page { items, next, total, limit, offset, cursor_log }).into_response())
}

/// `GET /channels/{channel}/{table}/{key}`.
pub(super) async fn read(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    NamedInPath { channel, table, key }: NamedInPath,
    IfNoneMatch(known): IfNoneMatch,
) -> Result<Response, Problem> {
    let visit = Visit::to(&worker, &caller, &channel).await?;
    let row = worker.row(&visit, &table, &key).await?;
    visit.is_still_open(&worker, &caller).await?;
    let tag = tag::of(&row);
    if known.is_some_and(|known| known.hold(&tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, quoted(&tag))]).into_response());
    }
    Ok(tagged(row))
}

/// `POST /channels/{channel}/{table}`.
pub(super) async fn insert(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named((channel, table)): Named<(String, String)>,
    conditions: Conditions,
    Sent(row): Sent<Fields>,
) -> Result<Response, Problem> {
    let visit = Visit::to(&worker, &caller, &channel).await?;
    worker.app.reads.table(&visit.channel, &table)?;
    let id = conditions.edit_id(caller.user(), 0);
    let op = Op::Insert(Insert { table: table.clone(), row, place: None });
    let writer = Writer { worker: &worker, caller: &caller, visit: &visit };
    let ack = writer.edit(id, vec![op]).await?;
    let made = worker.app.reads.inserted(&visit.channel, &table, ack.seq, id).await?;
    let may_read = visit.is_still_open(&worker, &caller).await.is_ok();
    // A trigger may have put the row elsewhere, or the entry may be a reset. And whoever has lost the
    // right to read by now has edited nevertheless.
    let made = made.filter(|_| may_read);
    let Some((key, row)) = made else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let place = format!("/api/v1/channels/{}/{table}/{}", visit.channel, key_text(&key));
    let mut response = (StatusCode::CREATED, tagged(row)).into_response();
    set(&mut response, header::LOCATION, &place);
    Ok(response)
}

/// `PATCH /channels/{channel}/{table}/{key}`.
pub(super) async fn update(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    NamedInPath { channel, table, key }: NamedInPath,
    conditions: Conditions,
    Sent(set): Sent<Fields>,
) -> Result<Response, Problem> {
    let visit = Visit::to(&worker, &caller, &channel).await?;
    let named = worker.key(&visit, &table, &key)?;
    let op = Op::Update(Update { table: table.clone(), key: named, set, ..Update::default() });
    let writer = Writer { worker: &worker, caller: &caller, visit: &visit };
    writer.change(&table, &conditions, op).await?;
    let row = worker.row(&visit, &table, &key).await;
    match visit.is_still_open(&worker, &caller).await {
        Ok(()) => row.map(tagged),
        // Whoever has lost the right to read by now has edited nevertheless.
        Err(_) => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// `DELETE /channels/{channel}/{table}/{key}`.
pub(super) async fn delete(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    NamedInPath { channel, table, key }: NamedInPath,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let visit = Visit::to(&worker, &caller, &channel).await?;
    let named = worker.key(&visit, &table, &key)?;
    let op = Op::Delete(Delete { table: table.clone(), key: named, guard: Fields::new() });
    let writer = Writer { worker: &worker, caller: &caller, visit: &visit };
    writer.change(&table, &conditions, op).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl WorkerApp {
    /// The key in a path, as the wire has it.
    pub(super) fn key(
        &self,
        visit: &Visit,
        table: &str,
        key: &PathKey,
    ) -> Result<rowcast_protocol::Value, Problem> {
        let table = self.app.reads.table(&visit.channel, table)?;
        Ok(crate::reads::key_of_texts(&table, &key.parts(table.key.len())?))
    }

    async fn row(&self, visit: &Visit, table: &str, key: &PathKey) -> Result<Fields, Problem> {
        let key = self.key(visit, table, key)?;
        let row = self.app.services.checker.row(&visit.channel, table, &key)?;
        Ok(self.app.reads.row(&visit.channel, &row).await?)
    }
}

fn tagged(row: Fields) -> Response {
    let tag = quoted(&tag::of(&row));
    ([(header::ETAG, tag)], Json(row)).into_response()
}

fn quoted(tag: &str) -> String {
    format!("\"{tag}\"")
}

fn set(response: &mut Response, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(name, value);
    }
}
