//! `/auth/refresh`, `/auth/logout`, `/auth/me`, `/auth/sessions`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Came, SessionBody, Wish, cookie,
    session::{UserBody, answer},
};
use crate::{
    accounts::AccountError,
    http::{
        WorkerApp,
        caller::Caller,
        extract::{Named, Sent},
        problem::{Document, Problem},
    },
    instant::instant,
};

/// A refresh token; without it the cookie counts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Refresh {
    refresh_token: Option<String>,
}

/// Exchange a refresh token for new tokens. It works once: used again within ten seconds it is
/// answered with `refresh_raced`, later its session ends.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "signing in", security(()),
    request_body = Refresh,
    responses(
        (status = 200, description = "The next tokens", body = SessionBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn refresh(
    State(worker): State<Arc<WorkerApp>>,
    Came(from): Came,
    headers: HeaderMap,
    Sent(sent): Sent<Refresh>,
) -> Result<Response, Problem> {
    let in_cookie = sent.refresh_token.is_none();
    let token = sent.refresh_token.or_else(|| cookie::token(&headers));
    let token = token.ok_or(AccountError::SessionOver)?;
    let signed_in = worker.app.accounts.refresh(&token, &from).await?;
    Ok(answer(signed_in, None, Wish::with(Some(in_cookie)), &headers, &worker.app.server))
}

/// What to sign out of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Logout {
    /// The session's refresh token; without it the cookie counts, or else the access token.
    refresh_token: Option<String>,
    /// Whether every session of the person ends.
    everywhere: Option<bool>,
}

/// Sign out, here or everywhere. Sockets of the sessions are closed.
#[utoipa::path(
    post, path = "/auth/logout", tag = "signing in", security((), ("token" = [])),
    request_body = Logout,
    responses(
        (status = 204, description = "Signed out"),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn logout(
    State(worker): State<Arc<WorkerApp>>,
    Came(_): Came,
    headers: HeaderMap,
    caller: Result<Caller, Problem>,
    Sent(sent): Sent<Logout>,
) -> Result<Response, Problem> {
    let accounts = &worker.app.accounts;
    let token = sent.refresh_token.or_else(|| cookie::token(&headers));
    let who = caller.as_ref().ok().map(|caller| &caller.identity);
    if sent.everywhere == Some(true) {
        accounts.sign_out_everywhere(token.as_deref(), who).await?;
    } else {
        accounts.sign_out(token.as_deref(), who).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let secure = cookie::is_secure(&headers, &worker.app.server);
    if let Some(cookie) = cookie::forgetting(secure)
        && cookie::token(&headers).is_some()
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who is asking.
#[utoipa::path(
    get, path = "/auth/me", tag = "signing in",
    responses(
        (status = 200, description = "The person", body = UserBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn me(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
) -> Result<Json<UserBody>, Problem> {
    Ok(Json(worker.app.accounts.profile(&caller.identity).await?.into()))
}

/// The open sessions of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenSessions {
    items: Vec<OpenSession>,
}

/// A session that is open.
#[derive(Debug, Serialize, ToSchema)]
struct OpenSession {
    id: Uuid,
    #[schema(format = DateTime)]
    created_at: String,
    /// When its tokens were last renewed.
    #[schema(format = DateTime)]
    used_at: String,
    address: String,
    /// What the program calls itself.
    agent: String,
    /// Whether this is the session that asks.
    current: bool,
}

/// One's open sessions, the one used last first.
#[utoipa::path(
    get, path = "/auth/sessions", operation_id = "sessions", tag = "signing in",
    responses(
        (status = 200, description = "The sessions", body = OpenSessions),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
) -> Result<Json<OpenSessions>, Problem> {
    let current = caller.identity.session.as_deref().and_then(|id| id.parse::<Uuid>().ok());
    let sessions = worker.app.accounts.sessions(&caller.identity).await?;
    let items = sessions.into_iter().map(|session| OpenSession {
        id: session.id,
        created_at: instant(session.created),
        used_at: instant(session.used),
        address: session.client.address,
        agent: session.client.agent,
        current: Some(session.id) == current,
    });
    Ok(Json(OpenSessions { items: items.collect() }))
}

/// End one of one's sessions.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", operation_id = "end_session", tag = "signing in",
    params(("id" = Uuid, Path, description = "The session")),
    responses(
        (status = 204, description = "Ended"),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn end(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, Problem> {
    worker.app.accounts.end_session(&caller.identity, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
