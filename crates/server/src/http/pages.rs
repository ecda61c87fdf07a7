//! Small public replies: nothing of the office is in them.

use super::gate::oldest_protocol;
use super::wire::Context;
use crate::error::ApiError;
use axum::response::Response;
use desk_protocol::{PROTOCOL, error};
use serde::Serialize;

/// `GET /livez`.
#[derive(Serialize)]
pub struct Alive {
    pub alive: bool,
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
