//! What only the machine's own people ask: `/metrics`, on a listener of its own.

use super::Office;
use crate::error::ApiError;
use crate::metrics::CONTENT_TYPE as TEXT;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use desk_protocol::error;
use std::sync::Arc;

/// `GET /metrics`.
pub async fn metrics(State(office): State<Arc<Office>>) -> Result<Response, ApiError> {
    let text = office.metrics.text(&office.repo, office.now());
    let text = text.map_err(|_| ApiError::new(error::INTERNAL))?;
    Ok(([(CONTENT_TYPE, TEXT)], text).into_response())
}
