//! Sign-in by the identity provider. `begin` makes the question that a browser is sent away with, bound to one desk;
//! `finish` takes the answer, once, and opens a session exactly as a password does.

use super::Office;
use super::invited::{self, of_person};
use super::session::{flag_skew, fresh, judged, locked, proven, throttles};
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::oidc::{Provider, Question, Reply, Trouble, answers};
use crate::repo::ask::Knock;
use crate::repo::invitations::{Bid, Chosen, Redeemed};
use crate::repo::oidc::{Attempt, Subject};
use crate::repo::people::Account;
use crate::secrets;
use axum::extract::State;
use axum::response::Response;
use desk_domain::time::Millis;
use desk_protocol::error;
use desk_protocol::oidc::{
    OidcBegin, OidcBegun, OidcFinish, oidc_begin_message, oidc_finish_message,
};
use std::sync::Arc;

/// How long a person may take in the browser.
const ATTEMPT_MS: Millis = 600_000;
/// S256 in base64.
const CHALLENGE_CHARS: usize = 43;
/// RFC 7636, 4.1.
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;
/// Longest code of a provider that is taken.
const CODE_BYTES: usize = 4096;
/// Ports below belong to services of the machine.
const LOWEST_PORT: u16 = 1024;

pub async fn begin(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<OidcBegin>,
) -> Result<Response, ApiError> {
    let OidcBegin { device, at, .. } = request;
    let challenge = request.challenge.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if challenge.len() != CHALLENGE_CHARS || !challenge.chars().all(plain) {
        return Err(ApiError::new(error::BAD_JSON).at("challenge"));
    }
    if request.port < LOWEST_PORT {
        return Err(ApiError::new(error::BAD_JSON).at("port"));
    }
    let message = oidc_begin_message(device, request.port, challenge, at);
    proven(&office, device, &message, &request.proof).await?;
    flag_skew(&office, device, at);
    if !office.repo.take_proof(device, at).await? {
        return Err(ApiError::new(error::TOKEN_INVALID).at("at"));
    }
    let (now, chance) = (office.now(), office.rules.chance.as_ref());
    let (state, nonce) = (secrets::token(chance), secrets::token(chance));
    let question = Question {
        port: request.port,
        state: &state,
        nonce: &nonce,
        challenge,
    };
    let address = provider(&office)?.address(&question, now).await;
    let address = address.map_err(troubled)?;
    let attempt = Attempt {
        device,
        state_hash: secrets::hash(&state),
        nonce_hash: secrets::hash(&nonce),
        challenge: challenge.to_owned(),
        port: request.port,
        expires_at: now.saturating_add(ATTEMPT_MS),
    };
    let expires_at = attempt.expires_at;
    office.repo.begin_oidc(attempt).await?;
    Ok(context.reply(OidcBegun {
        address,
        state,
        expires_at,
    }))
}

pub async fn finish(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<OidcFinish>,
) -> Result<Response, ApiError> {
    let OidcFinish { device, at, .. } = request;
    let over = || ApiError::new(error::OIDC_OVER);
    if !bounded(&request) {
        return Err(over());
    }
    let message = oidc_finish_message(device, &request.state, at);
    proven(&office, device, &message, &request.proof).await?;
    flag_skew(&office, device, at);
    if !office.repo.take_proof(device, at).await? {
        return Err(ApiError::new(error::TOKEN_INVALID).at("at"));
    }
    let now = office.now();
    let state_hash = secrets::hash(&request.state);
    let attempt = office.repo.take_oidc(device, state_hash, now).await?;
    let attempt = attempt
        .filter(|attempt| answers(&request.verifier, &attempt.challenge))
        .ok_or_else(over)?;
    let provider = provider(&office)?;
    let reply = Reply {
        port: attempt.port,
        code: &request.code,
        verifier: &request.verifier,
        nonce_hash: &attempt.nonce_hash,
    };
    let subject = Subject {
        subject: provider.subject(&reply, now).await.map_err(troubled)?,
        issuer: provider.issuer().to_owned(),
    };
    match (
        &request.invitation,
        office.repo.oidc_account(subject.clone()).await?,
    ) {
        (None, Some(account)) if account.card.active => {
            admit(&office, context, &request, account).await
        }
        // One who was disabled is told what everybody is told whom no admin lets in.
        (None, Some(_) | None) => Err(ApiError::new(error::OIDC_NOT_BOUND)),
        (Some(code), holder) => {
            let coming = (code.as_str(), subject, holder);
            redeem(&office, context, &request, coming).await
        }
    }
}

fn bounded(request: &OidcFinish) -> bool {
    let typed = request.invitation.iter().chain(&request.totp);
    VERIFIER_CHARS.contains(&request.verifier.len())
        && request.code.len() <= CODE_BYTES
        && request.state.len() <= secrets::TYPED_BYTES
        && typed
            .into_iter()
            .all(|text| text.len() <= secrets::TYPED_BYTES)
}

/// Whoever the provider knows, and an admin has bound.
async fn admit(
    office: &Arc<Office>,
    context: Context,
    request: &OidcFinish,
    account: Account,
) -> Result<Response, ApiError> {
    let (card, now) = (account.card, office.now());
    let (new, tokens) = fresh(office, request.device, card.user);
    let reply = tokens.reply(&new, card.clone());
    let throttles = throttles(&request.device.to_string(), &card.login);
    let knock = Knock {
        card,
        typed: request.totp.clone(),
        key: Arc::clone(&office.factors),
    };
    let admitted = office.repo.admit(new, knock, throttles, now).await?;
    judged(admitted, now)?;
    Ok(context.reply(reply))
}

/// Whoever the provider knows, and brings an invitation: it binds them.
async fn redeem(
    office: &Arc<Office>,
    context: Context,
    request: &OidcFinish,
    (code, subject, holder): (&str, Subject, Option<Account>),
) -> Result<Response, ApiError> {
    let (device, now) = (request.device, office.now());
    let shown = invited::shown(office, device, code).await?;
    let guesses = invited::of_guesses(device, &shown.office);
    if let Some(until) = office.repo.locked(guesses.clone(), now).await? {
        return Err(locked(until, now));
    }
    let found = office.repo.invited(shown.clone(), now).await?;
    let again = found.as_ref().filter(|found| found.repeated);
    if let (Some(again), Some(holder)) = (again, holder)
        && again.account.card.user == holder.card.user
    {
        // The same desk, the same person: the reply was lost, or a passphrase lacked.
        return admit(office, context, request, holder).await;
    }
    let Some(found) = found.filter(|found| !found.repeated) else {
        office.repo.sign_in_failed(guesses, now).await?;
        return Err(ApiError::new(error::INVITATION_WRONG));
    };
    let card = found.account.card;
    let (new, tokens) = fresh(office, device, card.user);
    let bid = Bid {
        shown,
        chosen: Chosen::Subject(subject),
        typed: request.totp.clone(),
        key: Arc::clone(&office.factors),
        throttles: of_person(device, card.user),
        sign_in: throttles(&device.to_string(), &card.login),
    };
    match office.repo.redeem(new.clone(), bid, now).await? {
        Redeemed::Wrong => Err(ApiError::new(error::INVITATION_WRONG)),
        Redeemed::SomebodyElses => Err(ApiError::new(error::OIDC_BOUND)),
        Redeemed::Judged(admitted) => {
            judged(admitted, now)?;
            tracing::info!(user = %card.user, %device, "an invitation was redeemed by the identity provider");
            Ok(context.reply(tokens.reply(&new, card)))
        }
    }
}

fn provider(office: &Office) -> Result<&Provider, ApiError> {
    let provider = office.oidc.as_ref();
    provider.ok_or_else(|| ApiError::new(error::OIDC_OFF))
}

fn troubled(trouble: Trouble) -> ApiError {
    ApiError::new(match trouble {
        Trouble::Unavailable => error::OIDC_UNAVAILABLE,
        Trouble::CodeRefused | Trouble::Doubted => error::OIDC_REFUSED,
    })
}
