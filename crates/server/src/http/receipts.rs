//! Delivery reports of the providers of messages. The address holds a token of this installation; nothing is told to who
//! does not know it, and nothing but thanks to who does.

use super::Office;
use super::wire::body_of;
use crate::error::ApiError;
use crate::gateway::GatewayKind;
use crate::sms::reports;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use clap::ValueEnum;
use desk_protocol::error;
use std::sync::Arc;

/// Largest body: some hundred reports.
const LIMIT: usize = 256 * 1024;

/// `POST /hooks/sms/{provider}/{token}`.
pub async fn take(
    State(office): State<Arc<Office>>,
    Path((provider, token)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let provider =
        GatewayKind::from_str(&provider, false).map_err(|_| ApiError::new(error::NOT_FOUND))?;
    if !office.repo.knows_receipts(token).await? {
        return Err(ApiError::new(error::TOKEN_INVALID));
    }
    let body = body_of(request, LIMIT).await?;
    let told = reports::parse(provider, &body).ok_or_else(|| ApiError::new(error::BAD_JSON))?;
    let (all, rules) = (told.len(), office.rules.clone());
    let changed = office
        .repo
        .take_reports(rules, provider.as_str(), told)
        .await?;
    tracing::info!(provider = provider.as_str(), all, changed, "reports");
    Ok(Json(reports::thanks(provider)).into_response())
}
