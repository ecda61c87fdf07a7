//! Callbacks of the core system. The address holds a token of this installation and the body is signed; a recorded
//! callback that is played again says nothing new.

use super::Office;
use super::wire::{Context, body_of, header};
use crate::connector::answer::{self, Misfit};
use crate::connector::signing::{WINDOW_S, seconds};
use crate::connector::{SIGNATURE, TIMESTAMP};
use crate::error::ApiError;
use crate::repo::Scope;
use crate::repo::executions::results::{self, Callback};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use desk_protocol::error;
use serde_json::json;
use std::sync::Arc;

/// Largest body: a result with hundreds of terminals.
const LIMIT: usize = 64 * 1024;

/// `POST /hooks/execution/{token}`.
pub async fn take(
    State(office): State<Arc<Office>>,
    context: Context,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    if !office.repo.knows_callbacks(token).await? {
        return Err(ApiError::new(error::TOKEN_INVALID));
    }
    let connector = office.connector.as_ref();
    let connector = connector.ok_or_else(|| ApiError::new(error::NOT_FOUND))?;
    let unsigned = || ApiError::new(error::EXECUTION_BAD_SIGNATURE);
    let (at_s, claimed) = signed_with(request.headers()).ok_or_else(unsigned)?;
    let body = body_of(request, LIMIT).await?;
    if !connector.signed(at_s, &body, &claimed) {
        return Err(unsigned());
    }
    if seconds(office.now()).abs_diff(at_s) > WINDOW_S.unsigned_abs() {
        return Err(ApiError::new(error::EXECUTION_STALE));
    }
    let (key, told) = answer::read(&body).map_err(|misfit| match misfit {
        Misfit::Shape | Misfit::Key => ApiError::new(error::BAD_JSON),
        Misfit::Reference | Misfit::Terminals => misfits(misfit),
    })?;
    let rules = office.rules.clone();
    let taken = office
        .repo
        .write(Scope::House, move |conn| {
            results::callback(conn, &rules, key, &told)
        })
        .await?;
    tracing::info!(%key, ?taken, "callback");
    match taken {
        Callback::Unknown => Err(ApiError::new(error::EXECUTION_UNKNOWN_KEY)),
        Callback::Misfit => Err(ApiError::new(error::EXECUTION_BAD_ANSWER)),
        Callback::Taken { news } => Ok(context.reply(json!({ "news": news }))),
    }
}

fn misfits(misfit: Misfit) -> ApiError {
    ApiError::new(error::EXECUTION_BAD_ANSWER).with("why", misfit.as_str())
}

fn signed_with(headers: &HeaderMap) -> Option<(i64, String)> {
    let at_s = header(headers, &HeaderName::from_static(TIMESTAMP))?;
    let claimed = header(headers, &HeaderName::from_static(SIGNATURE))?;
    Some((at_s.parse().ok()?, claimed.to_owned()))
}
