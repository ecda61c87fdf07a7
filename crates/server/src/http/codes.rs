//! One-time codes: the agent asks for one, types what the caller reads out, and never sees it.

use super::Office;
use super::gate::Caller;
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::repo::codes::{Asked, Checked, Purpose};
use axum::extract::State;
use axum::response::Response;
use desk_domain::mask;
use desk_protocol::codes::{CodeSendReply, CodeSendRequest, CodeVerifyReply, CodeVerifyRequest};
use desk_protocol::error;
use std::sync::Arc;

/// Longest serial and code, in bytes.
const TYPED_BYTES: usize = 64;

pub async fn send(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<CodeSendRequest>,
) -> Result<Response, ApiError> {
    caller.must_collect()?;
    if !office.rules.tells_merchants {
        return Err(ApiError::new(error::CODE_NO_GATEWAY));
    }
    if request.serial.is_empty() || request.serial.len() > TYPED_BYTES {
        return Err(ApiError::new(error::BAD_JSON).at("serial"));
    }
    let purpose = Purpose {
        scopes: caller.scopes(),
        case: request.case,
        serial: request.serial,
    };
    let asked = office
        .repo
        .issue_code(office.rules.clone(), purpose)
        .await?;
    let issued = match asked {
        Asked::Issued(issued) => issued,
        Asked::NoCase => return Err(ApiError::new(error::NOT_FOUND)),
        Asked::NoMerchant => return Err(ApiError::new(error::CODE_NO_MERCHANT)),
        Asked::PhoneTooNew => return Err(ApiError::new(error::CODE_PHONE_TOO_NEW)),
        Asked::TooManySends => return Err(ApiError::new(error::CODE_TOO_MANY_SENDS)),
    };
    let reply = CodeSendReply {
        phone: mask::phone(&issued.phone).to_string(),
        expires_at: issued.expires_at,
        sends_left: issued.sends_left,
    };
    Ok(context.reply(reply))
}

pub async fn verify(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<CodeVerifyRequest>,
) -> Result<Response, ApiError> {
    caller.must_collect()?;
    if request.code.len() > TYPED_BYTES || request.serial.len() > TYPED_BYTES {
        return Err(ApiError::new(error::BAD_JSON).at("code"));
    }
    let purpose = Purpose {
        scopes: caller.scopes(),
        case: request.case,
        serial: request.serial,
    };
    let checked = office
        .repo
        .check_code(office.rules.clone(), purpose, request.code)
        .await?;
    match checked {
        Checked::Right => Ok(context.reply(CodeVerifyReply {
            right: true,
            tries_left: 0,
        })),
        Checked::Wrong { tries_left } => Ok(context.reply(CodeVerifyReply {
            right: false,
            tries_left,
        })),
        Checked::NoCase => Err(ApiError::new(error::NOT_FOUND)),
        Checked::Expired => Err(ApiError::new(error::CODE_EXPIRED)),
        Checked::TooManyTries => Err(ApiError::new(error::CODE_TOO_MANY_TRIES)),
    }
}
