//! placeholder
use super::WorkerApp;
use axum::{extract::State, response::IntoResponse, response::Response};
use std::sync::Arc;
#[derive(Debug)]
pub struct DemoDesk;
pub(super) async fn session(State(_): State<Arc<WorkerApp>>) -> Response {
    "".into_response()
}
