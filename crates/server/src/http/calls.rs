//! Calls: what telephone systems tell of them, and the desks that hear it.

use super::Office;
use super::gate::Caller;
use super::wire::{Context, body_of, header};
use crate::calls::event::{self, Unread};
use crate::error::ApiError;
use crate::repo::calls::{Listener, Taken};
use crate::repo::lines;
use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use desk_domain::ids::OfficeCode;
use desk_protocol::calls::{CallsQuery, CallsReply};
use desk_protocol::{MAX_WAIT_MS, error};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Largest body: an event with as many names as may be.
const LIMIT: usize = 16 * 1024;

/// `POST /hooks/cti/{token}`. Nothing is told to who does not know the token, and nothing but thanks to who does.
pub async fn take(
    State(office): State<Arc<Office>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::new(error::CALL_LINE_UNKNOWN);
    let hash = lines::token_hash(&token);
    if !office.repo.knows_line(hash).await? {
        return Err(unknown());
    }
    let kind = header(request.headers(), &CONTENT_TYPE).unwrap_or_default();
    let kind = kind.to_owned();
    let body = body_of(request, LIMIT).await?;
    let event = event::read(&kind, &body).map_err(|unread| match unread {
        Unread::Shape => ApiError::new(error::BAD_JSON),
        Unread::Field(name) => ApiError::new(error::CALL_BAD_FIELD).at(name),
    })?;
    let (rules, key) = (office.rules.clone(), Arc::clone(&office.call_key));
    match office.repo.take_call(rules, key, hash, event).await? {
        Taken::Yes { news } => {
            tracing::info!(news, "call");
            Ok(Json(json!({})).into_response())
        }
        Taken::Unknown => Err(unknown()),
        Taken::TooMany { until } => {
            let wait_ms = until.saturating_sub(office.now());
            let seconds = u64::try_from(wait_ms / 1000 + 1).unwrap_or(1);
            Err(ApiError::new(error::RATE_LIMITED)
                .with("seconds", seconds)
                .after(seconds))
        }
    }
}

/// `GET /v1/calls`: the calls of this desk's office, at once or when they change.
pub async fn listen(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    query: Result<Query<CallsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::new(error::BAD_JSON).at("query"))?;
    caller.must_collect()?;
    let user = caller.card.user;
    let scope = office.repo.listens(caller.device, caller.card).await?;
    let scope = scope.ok_or_else(|| ApiError::new(error::FORBIDDEN))?;
    let listener = Listener {
        office: scope,
        user,
    };
    let mut reply = now(&office, &listener).await?;
    if reply.position == query.cursor && query.wait_ms > 0 {
        // What ends by itself ends the wait too.
        let soonest = reply.calls.iter().map(|call| call.ends_in_ms).min();
        let wait_ms = query.wait_ms.min(MAX_WAIT_MS);
        let wait_ms = soonest.map_or(wait_ms, |soonest| wait_ms.min(soonest));
        let at = (&listener.office, query.cursor);
        rung(&office, at, Duration::from_millis(wait_ms)).await;
        reply = now(&office, &listener).await?;
    }
    Ok(context.reply(reply))
}

async fn now(office: &Office, listener: &Listener) -> Result<CallsReply, ApiError> {
    let key = Arc::clone(&office.call_key);
    let reply = office.repo.calls(key, listener.clone(), office.now());
    Ok(reply.await?)
}

/// Waits until the poller has seen the office's bell go on, the time is over, or the server closes.
async fn rung(office: &Office, (scope, cursor): (&OfficeCode, u64), wait: Duration) {
    let _waiting = office.metrics.long_poll();
    let mut bells = office.bells.clone();
    let mut closing = office.closing.clone();
    let moved = bells.wait_for(|all| all.get(scope).is_some_and(|at| *at > cursor));
    let news = async {
        tokio::select! {
            _ = moved => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    };
    // Err: nothing happened in time, which is an answer too.
    let _ = timeout(wait, news).await;
}
