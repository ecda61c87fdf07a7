//! Who may pass which route. Every entry of the table carries a policy; rights are read fresh on each request.

use super::Office;
use super::wipe::with_order;
use super::wire::header;
use crate::error::ApiError;
use crate::repo::links::{self, Guest};
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
    /// The token of an upload link that is still in force.
    Link,
    /// A session of an active user on an active device.
    User,
    /// The same, and every id is looked up within the user's offices.
    Scope,
    /// The same, of somebody who administers; every id is looked up within the admin's offices.
    Admin,
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
    /// Ed25519, what its pushes are signed by.
    pub device_key: [u8; 32],
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

    /// Only who collects deals with the merchant's codes: a reviewer who could send one would make his own evidence.
    pub fn must_collect(&self) -> Result<(), ApiError> {
        let roles = &self.card.roles;
        if roles.contains(&Role::Agent) || roles.contains(&Role::Clerk) {
            Ok(())
        } else {
            Err(ApiError::new(error::FORBIDDEN))
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
        Policy::Link => match guest(&office, bearer(&request)).await {
            Ok(guest) => {
                request.extensions_mut().insert(guest);
            }
            Err(refusal) => return refusal.into_response(),
        },
        Policy::User | Policy::Scope | Policy::Admin => {
            match caller(&office, bearer(&request).map(secrets::hash)).await {
                Ok(caller) => {
                    if policy == Policy::Admin && !caller.card.roles.contains(&Role::Admin) {
                        return ApiError::new(error::FORBIDDEN).into_response();
                    }
                    request.extensions_mut().insert(caller);
                }
                Err(refusal) => return refusal.into_response(),
            }
        }
    }
    next.run(request).await
}

fn bearer(request: &Request) -> Option<&str> {
    header(request.headers(), &AUTHORIZATION)?.strip_prefix("Bearer ")
}

/// A token of 130 bits is not guessed; what it may be used for is bounded in the database.
async fn guest(office: &Arc<Office>, token: Option<&str>) -> Result<Guest, ApiError> {
    let unknown = || ApiError::new(error::LINK_UNKNOWN);
    let hash = links::token_hash(token.ok_or_else(unknown)?);
    let guest = office.repo.guest(hash).await?.ok_or_else(unknown)?;
    if guest.is_over(office.now()) {
        return Err(ApiError::new(error::LINK_OVER));
    }
    Ok(guest)
}

async fn caller(office: &Arc<Office>, hash: Option<[u8; 32]>) -> Result<Caller, ApiError> {
    let invalid = || ApiError::new(error::TOKEN_INVALID);
    let bearer = office
        .repo
        .bearer(hash.ok_or_else(invalid)?)
        .await?
        .ok_or_else(invalid)?;
    if let Err(refusal) = device_passes(bearer.device_status) {
        return Err(with_order(office, bearer.device, refusal).await);
    }
    if bearer.ended || !bearer.card.active {
        return Err(with_order(office, bearer.device, invalid()).await);
    }
    if office.now() > bearer.expires_at {
        return Err(ApiError::new(error::TOKEN_EXPIRED));
    }
    Ok(Caller {
        device: bearer.device,
        device_key: bearer.device_key,
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
