//! `/projects/{id}/members`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{RoleName, invitations::MadeInvitation};
use crate::{
    accounts::{Member, projects::INVITATION_DAYS},
    http::{
        WorkerApp,
        caller::Caller,
        extract::{Named, Sent},
        origin,
        problem::{Document, Problem},
    },
};

/// A member of a project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub(super) struct MemberBody {
    user: PersonBody,
    #[schema(inline)]
    role: RoleName,
}

/// A person as others see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
pub(super) struct PersonBody {
    pub(super) id: String,
    pub(super) name: String,
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        let Member { user, name, role } = member;
        Self { user: PersonBody { id: user, name }, role: role.into() }
    }
}

/// Members.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Members {
    items: Vec<MemberBody>,
}

/// The members of a project that one belongs to.
#[utoipa::path(
    get, path = "/projects/{id}/members", operation_id = "members", tag = "members",
    params(("id" = Uuid, Path, description = "The project")),
    responses(
        (status = 200, description = "All of them", body = Members),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<Json<Members>, Problem> {
    let members = worker.app.accounts.members(id, &caller.identity).await?;
    Ok(Json(Members { items: members.into_iter().map(MemberBody::from).collect() }))
}

/// Whom to add, by either name. An address is invited: the answer has a link to hand over, whether there is an
/// account with it or not.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMember {
    /// The person's address.
    #[schema(example = "bob@example.org")]
    email: Option<String>,
    /// The id of a person.
    user: Option<String>,
    #[schema(inline)]
    role: RoleName,
}

/// Who was added, or how to let the person in.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Added {
    Member(MemberBody),
    Invited(MadeInvitation),
}

/// Add somebody to a project that one owns: by id at once, the person finds a notification of it; by address
/// with a link that works once, and that one hands over oneself.
#[utoipa::path(
    post, path = "/projects/{id}/members", tag = "members",
    params(("id" = Uuid, Path, description = "The project")),
    request_body = NewMember,
    responses(
        (status = 201, description = "Added", body = MemberBody),
        (status = 202, description = "Invited", body = MadeInvitation),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn add(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<Uuid>,
    Sent(sent): Sent<NewMember>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let (accounts, role, who) = (&worker.app.accounts, sent.role.into(), &caller.identity);
    match (sent.email, sent.user) {
        (Some(email), None) => {
            let made = accounts.invite(id, role, INVITATION_DAYS, Some(&email), who).await?;
            let base = origin::public_url(&headers, &worker.app.server);
            Ok((StatusCode::ACCEPTED, Json(Added::Invited(MadeInvitation::new(made, &base)))))
        }
        (None, Some(user)) => {
            let member = accounts.add_member(id, &user, role, who).await?;
            Ok((StatusCode::CREATED, Json(Added::Member(member.into()))))
        }
        _ => Err(Problem::bad_field("user", "name either `email` or `user`")),
    }
}

/// The role that a member gets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    #[schema(inline)]
    role: RoleName,
}

/// Give a member of a project that one owns another role.
#[utoipa::path(
    patch, path = "/projects/{id}/members/{user}", tag = "members",
    params(
        ("id" = Uuid, Path, description = "The project"),
        ("user" = String, Path, description = "The member's id")
    ),
    request_body = NewRole,
    responses(
        (status = 200, description = "Changed", body = MemberBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn change(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named((id, user)): Named<(Uuid, String)>,
    Sent(sent): Sent<NewRole>,
) -> Result<Json<MemberBody>, Problem> {
    let role = sent.role.into();
    let member = worker.app.accounts.change_role(id, &user, role, &caller.identity).await?;
    Ok(Json(member.into()))
}

/// Remove a member of a project that one owns, or oneself.
#[utoipa::path(
    delete, path = "/projects/{id}/members/{user}", tag = "members",
    params(
        ("id" = Uuid, Path, description = "The project"),
        ("user" = String, Path, description = "The member's id")
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn remove(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named((id, user)): Named<(Uuid, String)>,
) -> Result<StatusCode, Problem> {
    worker.app.accounts.remove_member(id, &user, &caller.identity).await?;
    Ok(StatusCode::NO_CONTENT)
}
