//! hello, push, pull, snapshot, digest: `sync.md` section 5.

use super::Office;
use super::gate::{Caller, Spoken, oldest_protocol};
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::frames;
use crate::repo::apply::Pushed;
use crate::repo::feed::{FillOf, PageOf};
use axum::extract::{Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::ids::OfficeCode;
use desk_protocol::digest::DigestRequest;
use desk_protocol::policy::policy_message;
use desk_protocol::sync::{
    HelloReply, HelloRequest, Limits, PullQuery, PullReply, PushRequest, SnapshotQuery,
};
use desk_protocol::{MAX_PAGE, MAX_PUSH_BYTES, MAX_PUSH_OPS, MAX_WAIT_MS, PROTOCOL, error};
use ed25519_dalek::VerifyingKey;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Largest document, bytes.
pub const DOCUMENT_BYTES: u64 = 20 * 1024 * 1024;

pub async fn hello(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<HelloRequest>,
) -> Result<Response, ApiError> {
    if request.device != caller.device {
        return Err(ApiError::new(error::NOT_FOUND).at("device"));
    }
    let policy = office.repo.policy(&office.rules).await?;
    let signature = policy.signature.unwrap_or_else(|| {
        let message = policy_message(policy.version, &policy.toml);
        office.bundles.keys.sign(&message)
    });
    Ok(context.reply(HelloReply {
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        oldest_protocol: oldest_protocol(),
        limits: Limits {
            push_ops: MAX_PUSH_OPS,
            push_bytes: MAX_PUSH_BYTES,
            page: MAX_PAGE,
            wait_ms: MAX_WAIT_MS,
            document_bytes: DOCUMENT_BYTES,
        },
        heads: office.repo.heads(caller.device).await?,
        backup_safe_seq: office.repo.backup_safe(caller.device).await?,
        scopes: caller.scopes().into_iter().collect(),
        policy: policy.toml.clone(),
        policy_version: policy.version,
        policy_signature: Some(STANDARD.encode(signature)),
        bundle_recipients: office.bundles.keys.recipients(),
        bundle_signer: Some(office.bundles.keys.signer()),
        wipe: office.repo.wipe_order(caller.device).await?,
        hears_calls: office.repo.hears_calls(caller.device, caller.card).await?,
    }))
}

pub async fn push(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<PushRequest>,
) -> Result<Response, ApiError> {
    if request.device != caller.device {
        return Err(ApiError::new(error::NOT_FOUND).at("device"));
    }
    let key =
        VerifyingKey::from_bytes(&caller.device_key).map_err(|_| ApiError::new(error::INTERNAL))?;
    let frames = frames::verify(&request, &key).map_err(|wrong| {
        ApiError::new(wrong.code)
            .with("seq", wrong.seq)
            .with("why", wrong.why)
    })?;
    match office.repo.push(office.rules.clone(), frames).await? {
        Pushed::Stored(reply) => {
            let judged = reply.outcomes.iter();
            judged.for_each(|one| office.metrics.judged(&one.outcome));
            Ok(context.reply(reply))
        }
        Pushed::Fork { common } => Err(ApiError::new(error::FORK).with("common", common)),
        Pushed::Gap { expected } => Err(ApiError::new(error::GAP).with("expected", expected)),
    }
}

pub async fn pull(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Spoken(protocol): Spoken,
    query: Result<Query<PullQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::new(error::BAD_JSON).at("query"))?;
    may_read(protocol)?;
    let office_code = in_scope(&caller, query.scope)?;
    let page = PageOf {
        office: office_code,
        cursor: query.cursor,
        limit: page_limit(query.limit),
        device: caller.device,
    };
    let wait = Duration::from_millis(query.wait_ms.min(MAX_WAIT_MS));
    let mut reply = one_page(&office, &page).await?;
    if reply.changes.is_empty() && !wait.is_zero() && something_new(&office, &page, wait).await {
        reply = one_page(&office, &page).await?;
    }
    Ok(context.reply(reply))
}

pub async fn snapshot(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Spoken(protocol): Spoken,
    query: Result<Query<SnapshotQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::new(error::BAD_JSON).at("query"))?;
    may_read(protocol)?;
    let office_code = in_scope(&caller, query.scope)?;
    let after = match query.after {
        Some(text) => Some(parse_after(&text).ok_or_else(|| ApiError::new(error::CURSOR_INVALID))?),
        None => None,
    };
    let page = PageOf {
        office: office_code,
        cursor: 0,
        limit: page_limit(query.limit),
        device: caller.device,
    };
    let reply = office.repo.snapshot(FillOf { page, after }).await?;
    Ok(context.reply(reply.ok_or_else(|| ApiError::new(error::CURSOR_INVALID))?))
}

pub async fn digest(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Spoken(protocol): Spoken,
    Json(request): Json<DigestRequest>,
) -> Result<Response, ApiError> {
    may_read(protocol)?;
    let page = PageOf {
        office: in_scope(&caller, request.scope.clone())?,
        cursor: 0,
        limit: MAX_PAGE,
        device: caller.device,
    };
    let reply = office.repo.digest(request, page).await?;
    let reply = reply.ok_or_else(|| ApiError::new(error::CURSOR_INVALID))?;
    if !reply.differing.is_empty() {
        let (scope, buckets) = (reply.scope.clone(), reply.differing.len());
        let (device, now) = (caller.device, office.now());
        office
            .repo
            .cases_differed(device, scope, buckets, now)
            .await?;
    }
    Ok(context.reply(reply))
}

async fn one_page(office: &Office, page: &PageOf) -> Result<PullReply, ApiError> {
    let reply = office.repo.pull(page.clone()).await?;
    reply.ok_or_else(|| ApiError::new(error::CURSOR_INVALID))
}

/// Waits until the poller has seen the feed pass the cursor, the time is over, or the server closes.
async fn something_new(office: &Office, page: &PageOf, wait: Duration) -> bool {
    let _waiting = office.metrics.long_poll();
    let mut positions = office.positions.clone();
    let mut closing = office.closing.clone();
    let passed =
        positions.wait_for(|all| all.get(&page.office).is_some_and(|at| *at > page.cursor));
    let news = async {
        tokio::select! {
            seen = passed => seen.is_ok(),
            _ = closing.wait_for(|closing| *closing) => false,
        }
    };
    timeout(wait, news).await.unwrap_or(false)
}

fn may_read(protocol: u32) -> Result<(), ApiError> {
    if protocol < oldest_protocol() {
        return Err(ApiError::new(error::UPGRADE_REQUIRED).with("oldest", oldest_protocol()));
    }
    Ok(())
}

fn in_scope(caller: &Caller, scope: OfficeCode) -> Result<OfficeCode, ApiError> {
    if caller.scopes().contains(&scope) {
        return Ok(scope);
    }
    Err(ApiError::new(error::NOT_FOUND).at("scope"))
}

fn page_limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE)
}

/// Reads the opaque place within a first fill.
pub fn parse_after(text: &str) -> Option<(u64, String, String)> {
    let mut parts = text.splitn(3, '.');
    let position = parts.next()?.parse().ok()?;
    let thing = parts
        .next()
        .filter(|thing| matches!(*thing, "case" | "merchant" | "user" | "verdict"))?;
    let id = parts
        .next()
        .filter(|id| id.is_empty() || uuid::Uuid::parse_str(id).is_ok())?;
    Some((position, thing.to_owned(), id.to_owned()))
}
