//! `/projects`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::RoleName;
use crate::{
    accounts::Project,
    http::{
        WorkerApp,
        caller::Caller,
        extract::{Asked, Named, Sent},
        problem::{Document, Problem},
    },
};

/// Projects on a page unless told, and at most.
const PAGE: u32 = 100;
const MOST: u32 = 1_000;

/// A project, as one has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub(super) struct ProjectBody {
    id: Uuid,
    name: String,
    #[schema(inline)]
    role: RoleName,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Project> for ProjectBody {
    fn from(project: Project) -> Self {
        let Project { id, name, role, created } = project;
        Self { id, name, role: role.into(), created_at: created }
    }
}

/// A page of projects.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Projects {
    items: Vec<ProjectBody>,
    /// What to send as `cursor` for the next page; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageAsked {
    /// How many.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// What the page before said as `next`.
    cursor: Option<String>,
}

fn place(cursor: &str) -> Result<Uuid, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .ok_or_else(|| Problem::bad_field("cursor", "is none that a page gave"))
}

/// One's projects.
#[utoipa::path(
    get, path = "/projects", operation_id = "projects", tag = "projects", params(PageAsked),
    responses(
        (status = 200, description = "A page of them", body = Projects),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Projects>, Problem> {
    let limit = asked.limit.unwrap_or(PAGE);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad_field("limit", format!("must be 1 to {MOST}")));
    }
    let after = asked.cursor.as_deref().map(place).transpose()?;
    let mut projects = worker.app.accounts.projects(&caller.identity, after, limit + 1).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = projects.len() > wanted;
    projects.truncate(wanted);
    let last = projects.last().filter(|_| more);
    let next = last.map(|project| URL_SAFE_NO_PAD.encode(project.id.as_bytes()));
    Ok(Json(Projects { items: projects.into_iter().map(ProjectBody::from).collect(), next }))
}

/// A project's name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectNamed {
    #[schema(example = "Apollo", min_length = 1, max_length = 200)]
    name: String,
}

/// Make a project. One owns it.
#[utoipa::path(
    post, path = "/projects", operation_id = "make_project", tag = "projects",
    request_body = ProjectNamed,
    responses(
        (status = 201, description = "Made", body = ProjectBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn make(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Sent(sent): Sent<ProjectNamed>,
) -> Result<(StatusCode, Json<ProjectBody>), Problem> {
    let project = worker.app.accounts.make_project(&sent.name, &caller.identity).await?;
    Ok((StatusCode::CREATED, Json(project.into())))
}

/// Rename a project that one owns.
#[utoipa::path(
    patch, path = "/projects/{id}", tag = "projects",
    params(("id" = Uuid, Path, description = "The project")),
    request_body = ProjectNamed,
    responses(
        (status = 200, description = "Renamed", body = ProjectBody),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn rename(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named(id): Named<Uuid>,
    Sent(sent): Sent<ProjectNamed>,
) -> Result<Json<ProjectBody>, Problem> {
    let project = worker.app.accounts.rename_project(id, &sent.name, &caller.identity).await?;
    Ok(Json(project.into()))
}

/// Delete a project that one owns, with everything in it.
#[utoipa::path(
    delete, path = "/projects/{id}", tag = "projects",
    params(("id" = Uuid, Path, description = "The project")),
    responses(
        (status = 204, description = "Deleted"),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn delete(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, Problem> {
    worker.app.accounts.delete_project(id, &caller.identity).await?;
    Ok(StatusCode::NO_CONTENT)
}
