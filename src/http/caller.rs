//! Who asks: the bearer token of a request becomes an identity.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use rowcast_protocol::ErrorCode;

use super::{WorkerApp, problem::Problem, rate::Standings};
use crate::auth::Identity;

/// The address of the client, behind proxies that are trusted. An extension of every request of the
/// API.
#[derive(Debug, Clone, Copy)]
pub struct Address(pub IpAddr);

/// Somebody whose token was good, and who asks no faster than allowed.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub identity: Identity,
}

impl Caller {
    /// The person's id.
    #[must_use]
    pub fn user(&self) -> &Arc<str> {
        &self.identity.user
    }

    /// The same, if this is an admin.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn admin(self) -> Result<Self, Problem> {
        if self.identity.admin {
            return Ok(self);
        }
        Err(Problem::new(ErrorCode::Forbidden, "this is for admins of the hub"))
    }
}

/// A caller who is an admin of the hub.
#[derive(Debug, Clone)]
pub struct Admin(pub Caller);

impl FromRequestParts<Arc<WorkerApp>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        worker: &Arc<WorkerApp>,
    ) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or_else(|| {
            let words = "send a token in the header `Authorization: Bearer …`";
            Problem::new(ErrorCode::Unauthorized, words)
        })?;
        let verified = worker.app.services.verifier.verify(&token).await;
        let identity = verified.map_err(|error| Problem::new(error.code(), error.to_string()))?;
        let standings = parts.extensions.get::<Standings>().cloned().unwrap_or_default();
        worker.app.rates.take_person(&identity.user, &standings)?;
        Ok(Self { identity })
    }
}

/// Nobody, where there is no `Authorization`; one that is no good is an error all the same.
impl OptionalFromRequestParts<Arc<WorkerApp>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        worker: &Arc<WorkerApp>,
    ) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<Arc<WorkerApp>>>::from_request_parts(parts, worker)
            .await
            .map(Some)
    }
}

impl FromRequestParts<Arc<WorkerApp>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        worker: &Arc<WorkerApp>,
    ) -> Result<Self, Problem> {
        let caller =
            <Caller as FromRequestParts<Arc<WorkerApp>>>::from_request_parts(parts, worker).await?;
        caller.admin().map(Self)
    }
}

/// The token of the `Authorization` header. Tokens in the URL are not looked for.
pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}
