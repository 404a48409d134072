//! A session as it is answered.

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::cookie;
use crate::{
    accounts::{Profile, SignedIn},
    config::ServerConfig,
    instant::instant,
};

/// A session and its newest tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(in crate::http) struct SessionBody {
    /// What to send as `Authorization: Bearer …`, and in a socket's `hello`.
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// When the access token ends.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Exchanged for the next tokens at `/auth/refresh`; works once. Not there if a cookie was
    /// wished for: the cookie has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    user: UserBody,
    /// The demo project, for demo people.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
}

/// A person as the person sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserBody {
    id: String,
    name: String,
    /// Null for people of other issuers.
    email: Option<String>,
    admin: bool,
    /// Only there, and `false`, while the account has no password: the first is set without a current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_password: Option<bool>,
}

impl From<Profile> for UserBody {
    fn from(profile: Profile) -> Self {
        let Profile { id, name, email, admin, has_password } = profile;
        let has_password = (email.is_some() && !has_password).then_some(false);
        Self { id, name, email, admin, has_password }
    }
}

/// How a session is to be answered.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Wish {
    /// The status.
    pub(in crate::http) status: StatusCode,
    /// Whether the refresh token goes into a cookie.
    pub(in crate::http) cookie: bool,
}

impl Wish {
    /// An answer with or without a cookie.
    pub(in crate::http) fn with(cookie: Option<bool>) -> Self {
        Self { status: StatusCode::OK, cookie: cookie.unwrap_or(false) }
    }
}

/// Answers with a session.
pub(in crate::http) fn answer(
    signed_in: SignedIn,
    project: Option<String>,
    wish: Wish,
    headers: &HeaderMap,
    server: &ServerConfig,
) -> Response {
    let secure = cookie::is_secure(headers, server);
    let cookie = wish.cookie.then(|| cookie::keeping(&signed_in, secure)).flatten();
    let body = SessionBody {
        access_token: signed_in.access,
        token_type: "Bearer",
        expires_at: instant(signed_in.expires),
        refresh_token: cookie.is_none().then_some(signed_in.refresh),
        user: signed_in.person.into(),
        project,
    };
    let mut response = (wish.status, Json(body)).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
