//! The description of the API: OpenAPI 3.1, generated from the code.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::http::{WorkerApp, problem};

/// The document as it is served, made once.
#[derive(Debug, Clone)]
pub struct Description(Bytes);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rowcast",
        description = "A real-time collaboration hub: rows, broadcast.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(problem::Document, problem::FieldError)),
    modifiers(&Tokens),
    security(("token" = []))
)]
struct Frame;

/// How a request says who it is from.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token or a service token"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

impl Description {
    /// Describes all resources.
    #[must_use]
    pub fn new() -> Self {
        let (_, resources) = super::resources().split_for_parts();
        let document = Frame::openapi().nest("/api/v1", resources);
        Self(rowcast_protocol::Codec::Json.encode(&document))
    }
}

impl Default for Description {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the document is served.
pub(super) fn routes() -> Router<Arc<WorkerApp>> {
    Router::new().route("/openapi.json", get(document))
}

async fn document(State(worker): State<Arc<WorkerApp>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (kind, worker.app.description.0.clone()).into_response()
}
