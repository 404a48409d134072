//! The description of the API: OpenAPI 3.1, from the code and the declared tables, and a page to read
//! it and to try it out.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use parking_lot::Mutex;
use rowcast_protocol::{Schema, TableSchema};
use serde_json::{Map, Value};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::described;
use crate::http::{WorkerApp, problem};

/// Where the document is served.
const ADDRESS: &str = "/api/v1/openapi.json";

/// What the page may do: run its own scripts, ask its own hub. Its library writes styles into
/// elements, so those are allowed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; font-src 'self' data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The document as it is served, made once for each form of the tables.
#[derive(Debug, Default)]
pub struct Description(Mutex<(String, Bytes)>);

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
    /// Describes all resources, those of these tables among them.
    #[must_use]
    pub fn of(&self, schema: &Schema) -> Bytes {
        let mut known = self.0.lock();
        if known.0 != schema.hash {
            *known = (schema.hash.clone(), described(schema));
        }
        known.1.clone()
    }
}

fn described(schema: &Schema) -> Bytes {
    let (_, resources) = super::resources().split_for_parts();
    let document = Frame::openapi().nest("/api/v1", resources);
    let mut document = serde_json::to_value(&document).unwrap_or_default();
    let tables: &[TableSchema] = schema.tables.as_deref().unwrap_or_default();
    add(&mut document, "/paths", described::paths(tables));
    add(&mut document, "/components/schemas", described::schemas(tables));
    serde_json::to_vec(&document).unwrap_or_default().into()
}

fn add(document: &mut Value, place: &str, members: Map<String, Value>) {
    if let Some(Value::Object(known)) = document.pointer_mut(place) {
        known.extend(members);
    }
}

/// Where the document is served, within the API.
pub(super) fn routes() -> Router<Arc<WorkerApp>> {
    Router::new().route("/openapi.json", get(document))
}

async fn document(State(worker): State<Arc<WorkerApp>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    let schema = worker.app.services.checker.schema();
    (kind, worker.app.description.of(&schema.wire)).into_response()
}

/// The page, `/api/docs`.
pub(in crate::http) fn pages() -> Router<Arc<WorkerApp>> {
    let page = SwaggerUi::new("/api/docs").config(Config::new([ADDRESS]));
    Router::from(page).layer(middleware::from_fn(with_policy))
}

async fn with_policy(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
