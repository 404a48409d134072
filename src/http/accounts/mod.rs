//! The API of accounts: signing in, services, projects, members, invitations.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use rowcast_protocol::{ErrorCode, ErrorReply, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    WorkerApp,
    caller::Address,
    demo, origin,
    problem::{HttpCode, Problem},
};
use crate::{
    accounts::{AccountError, Client, Origin, ProjectError},
    network::Network,
};

mod cookie;
mod invitations;
mod members;
mod projects;
mod services;
mod session;
mod sessions;
mod signing_in;

pub(super) use session::{SessionBody, Wish, answer};

/// Characters of a program's own name that are kept.
const AGENT: usize = 200;

/// The resources.
pub(super) fn resources() -> OpenApiRouter<Arc<WorkerApp>> {
    OpenApiRouter::new()
        .routes(routes!(signing_in::register))
        .routes(routes!(signing_in::login))
        .routes(routes!(signing_in::password))
        .routes(routes!(signing_in::reset))
        .routes(routes!(demo::session))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::logout))
        .routes(routes!(sessions::me))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(services::list, services::make))
        .routes(routes!(services::end))
        .routes(routes!(projects::list, projects::make))
        .routes(routes!(projects::rename, projects::delete))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::change, members::remove))
        .routes(routes!(invitations::list, invitations::make))
        .routes(routes!(invitations::withdraw))
        .routes(routes!(invitations::look))
        .routes(routes!(invitations::accept))
}

/// A role in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
enum RoleName {
    Viewer,
    Editor,
    Owner,
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Viewer => Self::Viewer,
            RoleName::Editor => Self::Editor,
            RoleName::Owner => Self::Owner,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Editor => Self::Editor,
            Role::Owner => Self::Owner,
        }
    }
}

/// Where a request comes from. A page of a foreign origin is refused: cookies must not work for it.
pub(super) struct Came(pub(super) Origin);

impl FromRequestParts<Arc<WorkerApp>> for Came {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        worker: &Arc<WorkerApp>,
    ) -> Result<Self, Problem> {
        if !origin::is_allowed(&parts.headers, &worker.app.server) {
            return Err(Problem::new(ErrorCode::Forbidden, origin::REFUSED));
        }
        let Some(Address(address)) = parts.extensions.get::<Address>().copied() else {
            return Err(Problem::internal(&"a request without an address"));
        };
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let agent = agent.chars().take(AGENT).collect();
        let client = Client { address: address.to_string(), agent };
        Ok(Self(Origin { network: Network::of(address), client }))
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let words = error.to_string();
        match error {
            AccountError::Store(error) => {
                tracing::warn!(%error, "an account's request failed");
                Self::from(ErrorReply::new(error.code(), "the database cannot do that now"))
            }
            AccountError::Internal(error) => Self::internal(&error),
            AccountError::Full => {
                Self::new(ErrorCode::Busy, words).retry_after(std::time::Duration::from_secs(2))
            }
            AccountError::TooMany { wait } => {
                Self::new(ErrorCode::RateLimited, words).retry_after(wait)
            }
            AccountError::Invalid(fault) => {
                Self::new(ErrorCode::Check, words).with_field(fault.field, fault.words)
            }
            AccountError::WeakPassword(fault) => {
                Self::new(HttpCode::WeakPassword, words).with_field(fault.field, fault.words)
            }
            AccountError::EmailTaken => {
                Self::new(HttpCode::EmailTaken, words).with_field("email", "is taken")
            }
            AccountError::WrongPassword => Self::new(HttpCode::WrongPassword, words),
            AccountError::SessionOver => Self::new(ErrorCode::Unauthorized, words),
            AccountError::RefreshRaced => Self::new(HttpCode::RefreshRaced, words),
            AccountError::RefreshReused => Self::new(HttpCode::RefreshReused, words),
            AccountError::LinkExpired => Self::new(HttpCode::LinkExpired, words),
            AccountError::NotFound(_) => Self::new(ErrorCode::NotFound, words),
            AccountError::RegistrationClosed
            | AccountError::InvitationNeeded
            | AccountError::Forbidden(_) => Self::new(ErrorCode::Forbidden, words),
            AccountError::Project(error) => of_project(&error, words),
        }
    }
}

fn of_project(error: &ProjectError, words: String) -> Problem {
    match error {
        ProjectError::Store(error) => {
            Problem::from(ErrorReply::new(error.code(), "the database cannot do that now"))
        }
        ProjectError::NotFound | ProjectError::UnknownPerson => {
            Problem::new(ErrorCode::NotFound, words)
        }
        ProjectError::Forbidden => Problem::new(ErrorCode::Forbidden, words),
        ProjectError::AlreadyMember => Problem::new(ErrorCode::Unique, words),
        ProjectError::LastOwner => Problem::new(HttpCode::LastOwner, words),
    }
}
