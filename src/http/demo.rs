//! Signing the demo people in: a one-time code for a session, on this machine alone.

use std::sync::Arc;

use axum::{Extension, extract::State, http::HeaderMap, response::Response};
use rowcast_protocol::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    WorkerApp,
    accounts::{Came, SessionBody, Wish, answer},
    extract::Sent,
    origin,
    problem::{Document, Problem},
};
use crate::{auth::DemoCodes, server::Peer};

/// Where demo codes become sessions.
#[derive(Debug)]
pub struct DemoDesk {
    /// The codes that were not used yet.
    pub codes: DemoCodes,
}

/// A code of a demo link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DemoCode {
    code: String,
    /// Whether the refresh token goes into a cookie.
    cookie: Option<bool>,
}

/// Sign in with the code of a demo link; once, and on this machine alone.
#[utoipa::path(
    post, path = "/demo/session", tag = "signing in", security(()),
    request_body = DemoCode,
    responses(
        (status = 200, description = "Signed in", body = SessionBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn session(
    State(worker): State<Arc<WorkerApp>>,
    Extension(peer): Extension<Peer>,
    Came(from): Came,
    headers: HeaderMap,
    Sent(sent): Sent<DemoCode>,
) -> Result<Response, Problem> {
    let app = &worker.app;
    if !origin::is_local(peer.address.ip(), &headers, &app.server) {
        let words = "demo links work on the hub's own machine alone, not through a proxy";
        return Err(Problem::new(ErrorCode::Forbidden, words));
    }
    let Some(person) = app.demo.as_ref().and_then(|desk| desk.codes.redeem(&sent.code)) else {
        let words = "this link was used or has ended; start the hub again, which prints new ones, or let \
                     `rowcast account reset` print a link that sets your password";
        return Err(Problem::new(ErrorCode::Unauthorized, words));
    };
    let signed_in = app.accounts.sign_in_as(&person.id, &from).await?;
    let project = person.project.map(|project| project.to_string());
    Ok(answer(signed_in, project, Wish::with(sent.cookie), &headers, &app.server))
}
