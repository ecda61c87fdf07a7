//! `POST /v1/enrol`: a one-time code and a key that the desk owns.

use super::Office;
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::repo::devices::{Applicant, Enrolled};
use crate::{frames, secrets};
use axum::extract::State;
use axum::response::Response;
use desk_protocol::error;
use desk_protocol::people::{DeviceStatus, EnrolReply, EnrolRequest, enrol_message};
use std::sync::Arc;

/// Longest label of a desk, in characters.
const LABEL_CHARS: usize = 60;

pub async fn enrol(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<EnrolRequest>,
) -> Result<Response, ApiError> {
    let key = frames::public_key(&request.public_key)
        .ok_or_else(|| ApiError::new(error::BAD_JSON).at("public_key"))?;
    let message = enrol_message(&request.code, request.device);
    if !frames::signed(&key, &message, &request.proof) {
        return Err(ApiError::new(error::BAD_SIGNATURE));
    }
    if request.label.chars().count() > LABEL_CHARS {
        return Err(ApiError::new(error::BAD_JSON).at("label"));
    }
    let applicant = Applicant {
        code_hash: secrets::hash(&secrets::fold_code(&request.code)),
        id: request.device,
        public_key: key.to_bytes(),
        label: request.label,
        status: if office.auto_approve {
            DeviceStatus::Active
        } else {
            DeviceStatus::Pending
        },
    };
    match office.repo.enrol(applicant, office.now()).await? {
        Enrolled::Yes {
            device,
            office_name,
        } => {
            tracing::info!(device = %device.id, office = %device.office, "enrolled");
            Ok(context.reply(EnrolReply {
                status: device.status,
                office: device.office,
                office_name,
                device_code: device.device_code,
                recovery_key: None,
                server_key: Some(office.bundles.keys.signer()),
            }))
        }
        Enrolled::CodeWrong => Err(ApiError::new(error::ENROL_CODE_WRONG)),
        Enrolled::CodeExpired => Err(ApiError::new(error::ENROL_CODE_EXPIRED)),
        Enrolled::OfficeFull => Err(ApiError::new(error::UNAVAILABLE)),
    }
}
