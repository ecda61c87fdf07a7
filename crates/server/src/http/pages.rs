//! Small public replies: nothing of the office is in them.

use super::Office;
use super::gate::oldest_protocol;
use super::wire::Context;
use crate::error::ApiError;
use axum::extract::State;
use axum::response::Response;
use desk_protocol::{PROTOCOL, error};
use serde::Serialize;
use std::sync::Arc;

/// `GET /livez`.
#[derive(Serialize)]
pub struct Alive {
    pub alive: bool,
}

/// `GET /readyz`.
#[derive(Serialize)]
pub struct Ready {
    pub ready: bool,
}

/// `GET /version`.
#[derive(Serialize)]
pub struct Version {
    pub server_version: String,
    pub protocol: u32,
    pub oldest_protocol: u32,
}

pub async fn livez(context: Context) -> Response {
    context.reply(Alive { alive: true })
}

pub async fn readyz(
    State(office): State<Arc<Office>>,
    context: Context,
) -> Result<Response, ApiError> {
    let closing = *office.closing.borrow();
    office
        .repo
        .positions()
        .await
        .map_err(|_| ApiError::new(error::UNAVAILABLE))?;
    if closing {
        return Err(ApiError::new(error::UNAVAILABLE));
    }
    Ok(context.reply(Ready { ready: true }))
}

pub async fn version(context: Context) -> Response {
    context.reply(Version {
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        oldest_protocol: oldest_protocol(),
    })
}

/// Paths and methods that do not exist.
pub async fn nowhere() -> ApiError {
    ApiError::new(error::NOT_FOUND)
}
