//! `/projects/{id}/invitations`, `/invitations/look`, `/invitations/accept`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Came, RoleName, members::PersonBody};
use crate::{
    accounts::{Invitation, projects::INVITATION_DAYS},
    http::{
        WorkerApp,
        caller::Caller,
        extract::{Named, Sent},
        origin,
        problem::{Document, Problem},
    },
    instant::instant,
};

/// The longest an invitation may work, in days.
const MOST_DAYS: u16 = 365;

/// An invitation to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInvitation {
    #[schema(inline)]
    role: RoleName,
    /// How many days it works; 7 unless told.
    #[schema(minimum = 1, maximum = 365)]
    days: Option<u16>,
    /// The address of the one person it is for; it works once, for whoever has it.
    #[schema(example = "bob@example.org")]
    email: Option<String>,
}

/// An invitation that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeInvitation {
    id: Uuid,
    /// What lets people in. It is shown once.
    code: String,
    /// A link to the page with the code.
    #[schema(example = "https://rowcast.example.org/#join=…")]
    url: String,
    #[schema(inline)]
    role: RoleName,
    /// For whom it was made, if for one alone.
    email: Option<String>,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// An invitation that works.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
struct InvitationBody {
    id: Uuid,
    #[schema(inline)]
    role: RoleName,
    /// For whom it was made, if for one alone.
    email: Option<String>,
    /// Who made it.
    by: PersonBody,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<Invitation> for InvitationBody {
    fn from(invitation: Invitation) -> Self {
        let by = invitation.by;
        Self {
            id: invitation.id,
            role: invitation.role.into(),
            email: invitation.email,
            by: PersonBody { name: by.name.unwrap_or_else(|| by.id.clone()), id: by.id },
            created_at: instant(invitation.created),
            expires_at: instant(invitation.expires),
        }
    }
}

/// Invitations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Invitations {
    items: Vec<InvitationBody>,
}

/// Make a link into a project that one owns. It works for everybody who has it, until it expires or
/// is withdrawn; with an address once.
#[utoipa::path(
    post, path = "/projects/{id}/invitations", operation_id = "make_invitation",
    tag = "invitations",
    params(("id" = Uuid, Path, description = "The project")),
    request_body = NewInvitation,
    responses(
        (status = 201, description = "Made", body = MadeInvitation),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn make(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<Uuid>,
    Sent(sent): Sent<NewInvitation>,
) -> Result<(StatusCode, Json<MadeInvitation>), Problem> {
    let days = sent.days.unwrap_or(INVITATION_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::bad_field("days", format!("must be 1 to {MOST_DAYS}")));
    }
    let (role, who) = (sent.role.into(), &caller.identity);
    let made = worker.app.accounts.invite(id, role, days, sent.email.as_deref(), who).await?;
    let base = origin::public_url(&headers, &worker.app.server);
    Ok((StatusCode::CREATED, Json(MadeInvitation::new(made, &base))))
}

impl MadeInvitation {
    pub(super) fn new((made, code): (Invitation, String), base: &str) -> Self {
        let (role, expires_at) = (made.role.into(), instant(made.expires));
        let url = format!("{base}/#join={code}");
        Self { id: made.id, code, url, role, email: made.email, expires_at }
    }
}

/// The links into a project that one owns, without their codes.
#[utoipa::path(
    get, path = "/projects/{id}/invitations", operation_id = "invitations", tag = "invitations",
    params(("id" = Uuid, Path, description = "The project")),
    responses(
        (status = 200, description = "Those that work", body = Invitations),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<Json<Invitations>, Problem> {
    let invitations = worker.app.accounts.invitations(id, &caller.identity).await?;
    Ok(Json(Invitations { items: invitations.into_iter().map(InvitationBody::from).collect() }))
}

/// Withdraw a link into a project that one owns.
#[utoipa::path(
    delete, path = "/projects/{id}/invitations/{invitation}", tag = "invitations",
    params(
        ("id" = Uuid, Path, description = "The project"),
        ("invitation" = Uuid, Path, description = "The invitation")
    ),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn withdraw(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named((project, id)): Named<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    worker.app.accounts.withdraw(project, id, &caller.identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The code of a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    code: String,
}

/// Where a link leads.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Destination {
    #[schema(inline)]
    project: NameOnly,
    #[schema(inline)]
    role: RoleName,
    /// The name of whoever made it.
    by: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A project's name alone.
#[derive(Debug, Serialize, ToSchema)]
struct NameOnly {
    name: String,
}

/// See where a link leads, before signing in.
#[utoipa::path(
    post, path = "/invitations/look", tag = "invitations", security(()),
    request_body = Code,
    responses(
        (status = 200, description = "Where it leads", body = Destination),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn look(
    State(worker): State<Arc<WorkerApp>>,
    Came(from): Came,
    Sent(sent): Sent<Code>,
) -> Result<Json<Destination>, Problem> {
    let found = worker.app.accounts.look(&sent.code, &from).await?;
    Ok(Json(Destination {
        project: NameOnly { name: found.project.name },
        role: found.role.into(),
        by: found.by,
        expires_at: instant(found.expires),
    }))
}

/// Where one is now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Joined {
    #[schema(inline)]
    project: JoinedProject,
    #[schema(inline)]
    role: RoleName,
}

/// The project that was joined.
#[derive(Debug, Serialize, ToSchema)]
struct JoinedProject {
    id: Uuid,
    name: String,
}

/// Go where a link leads. A member gets the higher of both roles.
#[utoipa::path(
    post, path = "/invitations/accept", tag = "invitations",
    request_body = Code,
    responses(
        (status = 200, description = "Joined", body = Joined),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn accept(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Sent(sent): Sent<Code>,
) -> Result<Json<Joined>, Problem> {
    let found = worker.app.accounts.accept(&sent.code, &caller.identity).await?;
    let project = JoinedProject { id: found.project.id, name: found.project.name };
    Ok(Json(Joined { project, role: found.role.into() }))
}
