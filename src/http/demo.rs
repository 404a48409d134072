//! Signing the demo people in: a one-time code for a token, on this machine alone.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::{WorkerApp, origin};
use crate::{
    auth::{DemoCodes, OwnKeys},
    server::Peer,
};

/// Where demo codes become tokens.
#[derive(Debug)]
pub struct DemoDesk {
    /// The codes that were not used yet.
    pub codes: DemoCodes,
    /// What signs the tokens.
    pub keys: Arc<OwnKeys>,
    /// The id of the demo project.
    pub project: String,
    /// How long a token holds.
    pub life: Duration,
}

/// What the page sends.
#[derive(Debug, Deserialize)]
pub(super) struct Code {
    code: String,
}

/// What the page gets.
#[derive(Debug, Serialize)]
struct Admission {
    token: String,
    user: Person,
    project: String,
}

#[derive(Debug, Serialize)]
struct Person {
    id: String,
    name: String,
}

/// `POST /api/v1/demo/session`.
pub(super) async fn session(
    State(worker): State<Arc<WorkerApp>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Json(code): Json<Code>,
) -> Response {
    if !origin::is_allowed(&headers, &worker.app.server) {
        return (StatusCode::FORBIDDEN, "this Origin may not sign in\n").into_response();
    }
    let address = peer.address.ip();
    let person = worker
        .app
        .demo
        .as_ref()
        .and_then(|desk| Some((desk, desk.codes.redeem(&code.code, address)?)));
    let Some((desk, person)) = person else {
        let words =
            "this link was used or has ended; start Rowcast on a new database for new ones\n";
        return (StatusCode::UNAUTHORIZED, words).into_response();
    };
    match desk.keys.issue(&person.id, Some(&person.name), desk.life) {
        Ok(issued) => Json(Admission {
            token: issued.token,
            user: Person { id: person.id, name: person.name },
            project: desk.project.clone(),
        })
        .into_response(),
        Err(error) => {
            warn!(%error, "a demo token could not be signed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
