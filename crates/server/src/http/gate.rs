//! Who may pass which route. Every entry of the table carries a policy; rights are read fresh on each request.

use super::Office;
use super::wire::header;
use crate::error::ApiError;
use crate::secrets;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use desk_domain::ids::{DeviceId, OfficeCode};
use desk_domain::people::{Role, UserCard};
use desk_protocol::people::DeviceStatus;
use desk_protocol::{HEADER_PROTOCOL, PROTOCOL, error};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Versions behind ours that may still read.
const BEHIND: u32 = 2;

/// What a route asks of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Nothing; such a route gives no data of the office.
    Public,
    /// A signature by a device key, checked by the handler over its own message.
    Device,
    /// A session of an active user on an active device.
    User,
    /// The same, and every id is looked up within the user's offices.
    Scope,
}

/// The oldest protocol that may pull.
pub const fn oldest_protocol() -> u32 {
    let oldest = PROTOCOL.saturating_sub(BEHIND);
    if oldest == 0 { 1 } else { oldest }
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    pub device: DeviceId,
    pub card: UserCard,
}

impl Caller {
    /// The offices whose cases this person may see. Administration alone opens none.
    pub fn scopes(&self) -> BTreeSet<OfficeCode> {
        let sees = self.card.roles.iter().any(|role| *role != Role::Admin);
        if sees {
            self.card.offices.clone()
        } else {
            BTreeSet::new()
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;
    /// Only a route with policy `User` or `Scope` has one.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| ApiError::new(error::INTERNAL))
    }
}

/// The protocol version that a desk speaks.
#[derive(Clone, Copy, Debug)]
pub struct Spoken(pub u32);

impl<S: Sync> FromRequestParts<S> for Spoken {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get()
            .copied()
            .ok_or_else(|| ApiError::new(error::INTERNAL))
    }
}

/// Reads the protocol header; without one the desk is taken to be of our version.
pub async fn read_protocol(mut request: Request, next: Next) -> Response {
    let name = axum::http::HeaderName::from_static(HEADER_PROTOCOL);
    let spoken = header(request.headers(), &name).map_or(Some(PROTOCOL), |text| text.parse().ok());
    let Some(spoken) = spoken else {
        return ApiError::new(error::BAD_JSON)
            .at(HEADER_PROTOCOL)
            .into_response();
    };
    request.extensions_mut().insert(Spoken(spoken));
    next.run(request).await
}

/// The gate before every handler.
pub async fn check(
    State((office, policy)): State<(Arc<Office>, Policy)>,
    mut request: Request,
    next: Next,
) -> Response {
    match policy {
        Policy::Public | Policy::Device => {}
        Policy::User | Policy::Scope => match caller(&office, bearer_hash(&request)).await {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
            }
            Err(refusal) => return refusal.into_response(),
        },
    }
    next.run(request).await
}

fn bearer_hash(request: &Request) -> Option<[u8; 32]> {
    let token = header(request.headers(), &AUTHORIZATION)?.strip_prefix("Bearer ")?;
    Some(secrets::hash(token))
}

async fn caller(office: &Arc<Office>, hash: Option<[u8; 32]>) -> Result<Caller, ApiError> {
    let invalid = || ApiError::new(error::TOKEN_INVALID);
    let bearer = office
        .repo
        .bearer(hash.ok_or_else(invalid)?)
        .await?
        .ok_or_else(invalid)?;
    device_passes(bearer.device_status)?;
    if bearer.ended || !bearer.card.active {
        return Err(invalid());
    }
    if office.now() > bearer.expires_at {
        return Err(ApiError::new(error::TOKEN_EXPIRED));
    }
    Ok(Caller {
        device: bearer.device,
        card: bearer.card,
    })
}

/// Only an active device passes.
pub fn device_passes(status: DeviceStatus) -> Result<(), ApiError> {
    match status {
        DeviceStatus::Active => Ok(()),
        DeviceStatus::Pending => Err(ApiError::new(error::DEVICE_PENDING)),
        DeviceStatus::Revoked => Err(ApiError::new(error::DEVICE_REVOKED)),
    }
}
