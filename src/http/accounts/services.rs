//! `/service-tokens`.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::RoleName;
use crate::{
    accounts::{Service, services::Wanted},
    http::{
        WorkerApp,
        caller::Caller,
        extract::{Named, Sent},
        problem::{Document, Problem},
    },
    instant::instant,
};

/// The longest a token may be made for, in days.
const MOST_DAYS: u16 = 3_650;

/// A service to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewService {
    /// What others see.
    #[schema(example = "Importer", min_length = 1, max_length = 100)]
    name: String,
    /// The projects it may reach.
    projects: Vec<Scope>,
    /// The queues it may work on; for administrators to give.
    #[serde(default)]
    queues: Vec<String>,
    /// After how many days its token ends; without: never.
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<u16>,
}

/// A project and a role in it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Scope {
    id: Uuid,
    #[schema(inline)]
    role: RoleName,
}

/// A service.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Service)]
pub(super) struct ServiceBody {
    id: Uuid,
    /// Its id among people, as in rows and in presence.
    user: String,
    name: String,
    projects: Vec<Scope>,
    queues: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// Null: never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl From<Service> for ServiceBody {
    fn from(service: Service) -> Self {
        let scope = |(id, role): (Uuid, rowcast_protocol::Role)| Scope { id, role: role.into() };
        Self {
            id: service.id,
            user: service.user,
            name: service.name,
            projects: service.projects.into_iter().map(scope).collect(),
            queues: service.queues,
            created_at: instant(service.created),
            expires_at: service.expires.map(instant),
        }
    }
}

/// A service that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeService {
    /// Its token. It is shown once.
    #[schema(example = "rcs_…")]
    token: String,
    #[serde(flatten)]
    service: ServiceBody,
}

/// Services.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Services {
    items: Vec<ServiceBody>,
}

/// Make a service and its token: as an owner of all of its projects, or as an administrator.
#[utoipa::path(
    post, path = "/service-tokens", operation_id = "make_service", tag = "services",
    request_body = NewService,
    responses(
        (status = 201, description = "Made", body = MadeService),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn make(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
    Sent(sent): Sent<NewService>,
) -> Result<(StatusCode, Json<MadeService>), Problem> {
    let expires = sent.expires_in_days.map(end_of).transpose()?;
    let projects = sent.projects.iter().map(|scope| (scope.id, scope.role.into())).collect();
    let wanted = Wanted { name: sent.name, projects, queues: sent.queues, expires };
    let (service, token) = worker.app.accounts.make_service(wanted, &caller.identity).await?;
    Ok((StatusCode::CREATED, Json(MadeService { token, service: service.into() })))
}

fn end_of(days: u16) -> Result<Timestamp, Problem> {
    if !(1..=MOST_DAYS).contains(&days) {
        let words = format!("must be 1 to {MOST_DAYS}");
        return Err(Problem::bad_field("expires_in_days", words));
    }
    Ok(Timestamp::now() + Duration::from_hours(24 * u64::from(days)))
}

/// The services one made, or all of whose projects one owns; for administrators: all.
#[utoipa::path(
    get, path = "/service-tokens", operation_id = "services", tag = "services",
    responses(
        (status = 200, description = "The services", body = Services),
        (status = "default", description = "A problem", body = Document,
            content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(worker): State<Arc<WorkerApp>>,
    caller: Caller,
) -> Result<Json<Services>, Problem> {
    let services = worker.app.accounts.services(&caller.identity).await?;
    Ok(Json(Services { items: services.into_iter().map(ServiceBody::from).collect() }))
}

/// End a service. Its sockets are closed within a second.
#[utoipa::path(
    delete, path = "/service-tokens/{id}", operation_id = "end_service", tag = "services",
    params(("id" = Uuid, Path, description = "The service")),
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
    worker.app.accounts.end_service(id, &caller.identity).await?;
    Ok(StatusCode::NO_CONTENT)
}
