//! Sign-in and refresh.

use super::Office;
use super::gate::device_passes;
use super::wipe::with_order;
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::repo::ask::Knock;
use crate::repo::people::Account;
use crate::repo::sessions::{Admitted, NewSession, Refreshed, Throttles};
use crate::{frames, secrets};
use axum::extract::State;
use axum::response::Response;
use desk_domain::ids::{DeviceId, GroupId, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::error;
use desk_protocol::people::{
    DeviceStatus, RefreshRequest, SessionReply, SignInRequest, refresh_message, session_message,
};
use ed25519_dalek::VerifyingKey;
use std::sync::Arc;

/// Wrong passwords before a lock: from one desk, and from all desks together.
const TRIES_ON_ONE_DESK: u32 = 5;
const TRIES_EVERYWHERE: u32 = 20;
/// Skew worth a line in the log. It is flagged, never refused.
const SKEW_MS: Millis = 600_000;

pub async fn sign_in(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<SignInRequest>,
) -> Result<Response, ApiError> {
    let typed = [&request.login, &request.password]
        .into_iter()
        .chain(&request.totp);
    if typed
        .into_iter()
        .any(|typed| typed.len() > secrets::TYPED_BYTES)
    {
        return Err(ApiError::new(error::SIGN_IN_WRONG));
    }
    let message = session_message(request.device, &request.login, request.at);
    proven(&office, request.device, &message, &request.proof).await?;
    flag_skew(&office, request.device, request.at);
    if !office.repo.take_proof(request.device, request.at).await? {
        return Err(ApiError::new(error::TOKEN_INVALID).at("at"));
    }
    let throttles = throttles(&request.device.to_string(), &request.login);
    let now = office.now();
    if let Some(until) = office.repo.locked(throttles.clone(), now).await? {
        return Err(locked(until, now));
    }
    let account = office.repo.account(request.login).await?;
    let Some(card) = password_checked(&office, account, request.password).await? else {
        office.repo.sign_in_failed(throttles, now).await?;
        return Err(ApiError::new(error::SIGN_IN_WRONG));
    };
    let (new, tokens) = fresh(&office, request.device, card.user);
    let reply = tokens.reply(&new, card.clone());
    let knock = Knock {
        card,
        typed: request.totp,
        key: Arc::clone(&office.factors),
    };
    let admitted = office.repo.admit(new, knock, throttles, now).await?;
    judged(admitted, now)?;
    Ok(context.reply(reply))
}

/// Passes who was admitted.
pub(super) fn judged(admitted: Admitted, now: Millis) -> Result<(), ApiError> {
    match admitted {
        Admitted::Yes => Ok(()),
        Admitted::Locked(until) => Err(locked(until, now)),
        Admitted::FactorMissing => Err(ApiError::new(error::TOTP_REQUIRED)),
        Admitted::FactorWrong => Err(ApiError::new(error::TOTP_WRONG)),
        Admitted::FactorNotSetUp => Err(ApiError::new(error::TOTP_NOT_SET_UP)),
    }
}

/// What a sign-in of `login` at one place (a desk, the command line) is counted under.
pub fn throttles(place: &str, login: &str) -> Throttles {
    [
        (format!("signin/{place}/{login}"), TRIES_ON_ONE_DESK),
        (format!("signin/{login}"), TRIES_EVERYWHERE),
    ]
}

pub(super) fn locked(until: Millis, now: Millis) -> ApiError {
    let seconds = u64::try_from((until - now) / 1000 + 1).unwrap_or(1);
    ApiError::new(error::SIGN_IN_LOCKED)
        .with("seconds", seconds)
        .after(seconds)
}

pub async fn refresh(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<RefreshRequest>,
) -> Result<Response, ApiError> {
    let message = refresh_message(request.device, &request.refresh_token, request.at);
    proven(&office, request.device, &message, &request.proof).await?;
    flag_skew(&office, request.device, request.at);
    // The person is read from the old session; a placeholder until then.
    let (new, tokens) = fresh(
        &office,
        request.device,
        UserId::from_uuid(request.device.uuid()),
    );
    let old = secrets::hash(&request.refresh_token);
    let proof = secrets::hash(&request.proof);
    match office
        .repo
        .refresh(old, proof, new.clone(), office.now())
        .await?
    {
        Refreshed::Yes(card) => Ok(context.reply(tokens.reply(&new, *card))),
        Refreshed::No => Err(session_over(&office, request.device).await),
        Refreshed::Reused => {
            tracing::warn!(device = %request.device, "a refresh token was used twice; its sessions have ended");
            Err(session_over(&office, request.device).await)
        }
    }
}

/// Told to a desk that has shown who it is: somebody who left may have an order to go with it.
async fn session_over(office: &Office, device: DeviceId) -> ApiError {
    with_order(office, device, ApiError::new(error::TOKEN_INVALID)).await
}

pub(super) struct Tokens {
    access: String,
    refresh: String,
}

impl Tokens {
    pub(super) fn reply(self, new: &NewSession, user: UserCard) -> SessionReply {
        SessionReply {
            access_token: self.access,
            access_expires_at: new.access_expires_at,
            refresh_token: self.refresh,
            user,
        }
    }
}

pub(super) fn fresh(office: &Office, device: DeviceId, user: UserId) -> (NewSession, Tokens) {
    let (now, chance) = (office.now(), office.rules.chance.as_ref());
    let tokens = Tokens {
        access: secrets::token(chance),
        refresh: secrets::token(chance),
    };
    let new = NewSession {
        id: GroupId::new(now, chance).to_string(),
        device,
        user,
        access_hash: secrets::hash(&tokens.access),
        access_expires_at: now.saturating_add(secrets::ACCESS_MS),
        refresh_hash: secrets::hash(&tokens.refresh),
        refresh_expires_at: now.saturating_add(secrets::REFRESH_MS),
    };
    (new, tokens)
}

/// The desk is enrolled, active, and owns its key.
pub(super) async fn proven(
    office: &Arc<Office>,
    id: DeviceId,
    message: &[u8],
    proof: &str,
) -> Result<(), ApiError> {
    let status = signed_by(office, id, message, proof).await?;
    match device_passes(status) {
        Ok(()) => Ok(()),
        Err(refusal) => Err(with_order(office, id, refusal).await),
    }
}

/// The desk is enrolled and owns its key; whether it is let in is told by its status.
pub async fn signed_by(
    office: &Arc<Office>,
    id: DeviceId,
    message: &[u8],
    proof: &str,
) -> Result<DeviceStatus, ApiError> {
    let device = office
        .repo
        .device(id)
        .await?
        .ok_or_else(|| ApiError::new(error::DEVICE_UNKNOWN))?;
    let key =
        VerifyingKey::from_bytes(&device.public_key).map_err(|_| ApiError::new(error::INTERNAL))?;
    if !frames::signed(&key, message, proof) {
        return Err(ApiError::new(error::BAD_SIGNATURE));
    }
    Ok(device.status)
}

pub(super) fn flag_skew(office: &Office, device: DeviceId, at: Millis) {
    let skew_ms = at.saturating_sub(office.now());
    if skew_ms.saturating_abs() > SKEW_MS {
        tracing::warn!(%device, skew_ms, "clock skew");
    }
}

async fn password_checked(
    office: &Arc<Office>,
    account: Option<Account>,
    password: String,
) -> Result<Option<UserCard>, ApiError> {
    let nobody = office.nobody_phc.clone();
    let checked = office.hashing.run(move |scratch| {
        // Whoever has no password yet takes as long as whoever does not exist.
        let phc = account
            .as_ref()
            .map(|account| account.password_phc.as_str())
            .filter(|phc| !phc.is_empty())
            .unwrap_or(&nobody);
        let holds = secrets::password_holds(&password, phc, scratch);
        account
            .filter(|account| holds && account.card.active)
            .map(|account| account.card)
    });
    let checked = checked.await;
    checked.ok_or_else(|| ApiError::new(error::UNAVAILABLE))
}
