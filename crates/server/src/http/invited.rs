//! `POST /v1/session/invited`: a one-time code, and a password that only its owner knows.

use super::Office;
use super::session::{flag_skew, fresh, judged, locked, proven, throttles};
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::repo::invitations::{Bid, Chosen, Found, Redeemed, Shown};
use crate::repo::sessions::Throttles;
use crate::secrets;
use axum::extract::State;
use axum::response::Response;
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_protocol::error;
use desk_protocol::people::{InvitedRequest, invited_message};
use std::sync::Arc;

/// Wrong codes before a lock: from one desk, and from all desks of an office together.
const TRIES_ON_ONE_DESK: u32 = 5;
const TRIES_IN_ONE_OFFICE: u32 = 20;
/// Wrong second factors of one person with a right code, from all desks.
const TRIES_OF_ONE_PERSON: u32 = 20;

pub async fn redeem(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<InvitedRequest>,
) -> Result<Response, ApiError> {
    let InvitedRequest { device, at, .. } = request;
    bounded(&request)?;
    let message = invited_message(device, &request.code, at);
    proven(&office, device, &message, &request.proof).await?;
    flag_skew(&office, device, at);
    if !office.repo.take_proof(device, at).await? {
        return Err(ApiError::new(error::TOKEN_INVALID).at("at"));
    }
    let shown = shown(&office, device, &request.code).await?;
    let now = office.now();
    let guesses = of_guesses(device, &shown.office);
    if let Some(until) = office.repo.locked(guesses.clone(), now).await? {
        return Err(locked(until, now));
    }
    let found = office.repo.invited(shown.clone(), now).await?;
    let chosen = match &found {
        Some(found) => chosen(&office, found, request.password).await?,
        None => None,
    };
    let Some((found, chosen)) = found.zip(chosen) else {
        office.repo.sign_in_failed(guesses, now).await?;
        return Err(ApiError::new(error::INVITATION_WRONG));
    };
    let card = found.account.card;
    let (new, tokens) = fresh(&office, device, card.user);
    let bid = Bid {
        shown,
        chosen,
        typed: request.totp,
        key: Arc::clone(&office.factors),
        throttles: of_person(device, card.user),
        sign_in: throttles(&device.to_string(), &card.login),
    };
    match office.repo.redeem(new.clone(), bid, now).await? {
        Redeemed::Wrong | Redeemed::SomebodyElses => Err(ApiError::new(error::INVITATION_WRONG)),
        Redeemed::Judged(admitted) => {
            judged(admitted, now)?;
            tracing::info!(user = %card.user, %device, "an invitation was redeemed");
            Ok(context.reply(tokens.reply(&new, card)))
        }
    }
}

/// What is refused before anything is looked up: it says nothing of the code.
fn bounded(request: &InvitedRequest) -> Result<(), ApiError> {
    let typed = [&request.code, &request.password]
        .into_iter()
        .chain(&request.totp);
    if typed
        .into_iter()
        .any(|typed| typed.len() > secrets::TYPED_BYTES)
    {
        return Err(ApiError::new(error::INVITATION_WRONG));
    }
    if request.password.chars().count() < secrets::PASSWORD_CHARS {
        return Err(ApiError::new(error::PASSWORD_SHORT)
            .at("password")
            .with("least", secrets::PASSWORD_CHARS));
    }
    Ok(())
}

/// The code, at the office of this desk: at another one it is as good as none.
pub(super) async fn shown(
    office: &Arc<Office>,
    id: DeviceId,
    code: &str,
) -> Result<Shown, ApiError> {
    let device = office.repo.device(id).await?;
    let device = device.ok_or_else(|| ApiError::new(error::DEVICE_UNKNOWN))?;
    Ok(Shown {
        office: device.office,
        code_hash: secrets::hash(&secrets::fold_code(code)),
        device: id,
    })
}

/// Hashes the password, or compares it with the one that this desk has just set; none when they differ.
async fn chosen(
    office: &Arc<Office>,
    found: &Found,
    password: String,
) -> Result<Option<Chosen>, ApiError> {
    let chance = Arc::clone(&office.rules.chance);
    let before = found.repeated.then(|| found.account.password_phc.clone());
    let work = office.hashing.run(move |scratch| match before {
        Some(phc) => {
            secrets::password_holds(&password, &phc, scratch).then_some(Chosen::Again(phc))
        }
        None => secrets::hash_password(&password, chance.as_ref(), scratch).map(Chosen::New),
    });
    let chosen = work.await;
    chosen.ok_or_else(|| ApiError::new(error::UNAVAILABLE))
}

pub(super) fn of_guesses(device: DeviceId, office: &OfficeCode) -> Throttles {
    [
        (format!("invited/{device}"), TRIES_ON_ONE_DESK),
        (format!("invited/{office}"), TRIES_IN_ONE_OFFICE),
    ]
}

pub(super) fn of_person(device: DeviceId, user: UserId) -> Throttles {
    [
        (format!("invited/{device}"), TRIES_ON_ONE_DESK),
        (format!("invited/{user}"), TRIES_OF_ONE_PERSON),
    ]
}
