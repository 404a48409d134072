//! Edits of several operations, one or many in a request.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use rowcast_protocol::{EditId, ErrorCode, Op};
use serde::{Deserialize, Serialize};

use super::{
    Visit,
    precondition::Conditions,
    write::{Ack, Writer},
};
use crate::http::{
    WorkerApp,
    caller::Caller,
    extract::{Named, Sent},
    problem::{Document, Problem},
};

/// Edits of one request.
const MOST_EDITS: usize = 100;

/// One edit, or several.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    id: Option<EditId>,
    ops: Option<Vec<Op>>,
    edits: Option<Vec<One>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    id: Option<EditId>,
    ops: Vec<Op>,
}

/// What became of several edits, in their order.
#[derive(Debug, Serialize)]
struct Outcomes {
    items: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ack(Ack),
    Error(Box<Document>),
}

/// `POST /channels/{channel}/edits`.
pub(super) async fn edits(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named(channel): Named<String>,
    conditions: Conditions,
    Sent(body): Sent<Body>,
) -> Result<Response, Problem> {
    let visit = Visit::to(&worker, &caller, &channel).await?;
    let most = worker.app.services.settings.limits.ops;
    let writer = Writer { worker: &worker, caller: &caller, visit: &visit };
    match body {
        Body { id, ops: Some(ops), edits: None } => {
            bounded("ops", ops.len(), most)?;
            let id = id.unwrap_or_else(|| conditions.edit_id(caller.user(), 0));
            writer.edit(id, ops).await.map(|ack| Json(ack).into_response())
        }
        Body { id: None, ops: None, edits: Some(edits) } => {
            bounded("edits", edits.len(), MOST_EDITS)?;
            for (nth, edit) in edits.iter().enumerate() {
                bounded(&format!("edits[{nth}].ops"), edit.ops.len(), most)?;
            }
            Ok(Json(many(&writer, &conditions, edits).await).into_response())
        }
        _ => Err(Problem::bad_field("ops", "send either `ops`, with or without `id`, or `edits`")),
    }
}

/// Applies edits in their order; they are queued together, so they may share a transaction.
async fn many(writer: &Writer<'_>, conditions: &Conditions, edits: Vec<One>) -> Outcomes {
    let applied = edits.into_iter().enumerate().map(|(nth, edit)| {
        let id = edit.id.unwrap_or_else(|| conditions.edit_id(writer.caller.user(), nth));
        writer.edit(id, edit.ops)
    });
    let outcomes = futures_util::future::join_all(applied).await;
    let outcome = |outcome: Result<Ack, Problem>| match outcome {
        Ok(ack) => Outcome::Ack(ack),
        Err(problem) => Outcome::Error(Box::new(problem.into_document())),
    };
    Outcomes { items: outcomes.into_iter().map(outcome).collect() }
}

fn bounded(field: &str, count: usize, most: usize) -> Result<(), Problem> {
    if count <= most {
        return Ok(());
    }
    let words = format!("there may be {most}, here are {count}");
    Err(Problem::new(ErrorCode::TooMany, format!("`{field}`: {words}")).with_field(field, words))
}
