//! `POST /v1/device/wiped`: a desk says that it has destroyed what it held. Orders go out with hello and with refusals.

use super::Office;
use super::session::signed_by;
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::repo::wipes::Confirmed;
use axum::extract::State;
use axum::response::Response;
use desk_domain::ids::DeviceId;
use desk_protocol::error;
use desk_protocol::wipe::{WipedReply, WipedRequest, enclose, wiped_message};
use std::sync::Arc;

pub async fn wiped(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<WipedRequest>,
) -> Result<Response, ApiError> {
    let message = wiped_message(request.device, &request.nonce);
    // Whatever its status: a desk that was put out confirms as well.
    signed_by(&office, request.device, &message, &request.proof).await?;
    let now = office.now();
    let confirmed = office
        .repo
        .confirm_wiped(request.device, request.nonce, now)
        .await?;
    match confirmed {
        Confirmed::At(confirmed_at) => {
            tracing::info!(device = %request.device, "the desk says that it is wiped");
            Ok(context.reply(WipedReply { confirmed_at }))
        }
        Confirmed::NoOrder => Err(ApiError::new(error::NOT_FOUND).at("nonce")),
    }
}

/// The refusal, with the order that this desk has to obey if there is one. Only for a desk that has shown who it is.
pub async fn with_order(office: &Office, device: DeviceId, refusal: ApiError) -> ApiError {
    match office.repo.wipe_order(device).await {
        Ok(Some(wipe)) => {
            let mut refusal = refusal;
            enclose(&mut refusal.problem, &wipe);
            refusal
        }
        Ok(None) => refusal,
        Err(error) => error.into(),
    }
}
