//! `/auth/register`, `/auth/login`, `/auth/password`, `/auth/reset`: what begins a session.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Came, SessionBody, Wish, cookie, session::answer};
use crate::{
    accounts::{AccountError, NewPerson},
    http::{
        WorkerApp,
        caller::Caller,
        extract::Sent,
        problem::{Document, Problem},
    },
};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    #[schema(example = "ada@example.org", max_length = 254)]
    email: String,
    #[schema(min_length = 8, max_length = 256)]
    password: String,
    #[schema(example = "Ada", min_length = 1, max_length = 100)]
    name: String,
    /// The code of an invitation; the new person is a member of its project at once.
    invitation: Option<String>,
    /// Whether the refresh token goes into a cookie.
    cookie: Option<bool>,
}

/// Make an account and sign in.
#[utoipa::path(
    post, path = "/auth/register", tag = "signing in", security(()),
    request_body = Registration,
    responses(
        (status = 201, description = "Signed in", body = SessionBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn register(
    State(worker): State<Arc<WorkerApp>>,
    Came(from): Came,
    headers: HeaderMap,
    Sent(sent): Sent<Registration>,
) -> Result<Response, Problem> {
    let Registration { email, password, name, invitation, cookie } = sent;
    let new = NewPerson { email, password, name, invitation };
    let signed_in = worker.app.accounts.register(&new, &from).await?;
    let wish = Wish { status: StatusCode::CREATED, ..Wish::with(cookie) };
    Ok(answer(signed_in, None, wish, &headers, &worker.app.server))
}

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    #[schema(example = "ada@example.org")]
    email: String,
    password: String,
    /// Whether the refresh token goes into a cookie.
    cookie: Option<bool>,
}

/// Sign in with a password. A wrong address and a wrong password are answered alike.
#[utoipa::path(
    post, path = "/auth/login", tag = "signing in", security(()),
    request_body = Login,
    responses(
        (status = 200, description = "Signed in", body = SessionBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn login(
    State(worker): State<Arc<WorkerApp>>,
    Came(from): Came,
    headers: HeaderMap,
    Sent(sent): Sent<Login>,
) -> Result<Response, Problem> {
    let signed_in = worker.app.accounts.sign_in(&sent.email, &sent.password, &from).await?;
    Ok(answer(signed_in, None, Wish::with(sent.cookie), &headers, &worker.app.server))
}

/// The password and the next one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Passwords {
    /// The password; not needed where there is none yet.
    current: Option<String>,
    #[schema(min_length = 8, max_length = 256)]
    new: String,
}

/// Change the password. Every other session of the person ends; this one gets new tokens.
#[utoipa::path(
    post, path = "/auth/password", tag = "signing in",
    request_body = Passwords,
    responses(
        (status = 200, description = "Changed", body = SessionBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn password(
    State(worker): State<Arc<WorkerApp>>,
    Came(from): Came,
    headers: HeaderMap,
    caller: Caller,
    Sent(sent): Sent<Passwords>,
) -> Result<Response, Problem> {
    let who = &caller.identity;
    let current = sent.current.as_deref();
    let changed = worker.app.accounts.change_password(who, current, &sent.new, &from).await;
    let signed_in = changed.map_err(|error| match error {
        // 401 would say that the token is no good.
        AccountError::WrongPassword => {
            let words = "is not the password";
            Problem::from(error).with_status(StatusCode::FORBIDDEN).with_field("current", words)
        }
        error => error.into(),
    })?;
    let wish = Wish::with(Some(cookie::token(&headers).is_some()));
    Ok(answer(signed_in, None, wish, &headers, &worker.app.server))
}

/// A code, and the password it sets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    code: String,
    #[schema(min_length = 8, max_length = 256)]
    password: String,
    /// Whether the refresh token goes into a cookie.
    cookie: Option<bool>,
}

/// Set a new password with a code that the operator gave. All sessions of the person end.
#[utoipa::path(
    post, path = "/auth/reset", tag = "signing in", security(()),
    request_body = Reset,
    responses(
        (status = 200, description = "Signed in", body = SessionBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn reset(
    State(worker): State<Arc<WorkerApp>>,
    Came(from): Came,
    headers: HeaderMap,
    Sent(sent): Sent<Reset>,
) -> Result<Response, Problem> {
    let signed_in = worker.app.accounts.reset_password(&sent.code, &sent.password, &from).await?;
    Ok(answer(signed_in, None, Wish::with(sent.cookie), &headers, &worker.app.server))
}
