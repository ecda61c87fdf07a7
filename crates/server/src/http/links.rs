//! Upload links, on the agent's side: made, looked at, ended.

use super::Office;
use super::gate::Caller;
use super::wire::{Context, Json};
use crate::error::ApiError;
use crate::repo::links::{Asked, Wish};
use axum::extract::State;
use axum::response::Response;
use desk_domain::mask;
use desk_protocol::error;
use desk_protocol::links::{LinkCaseRequest, LinkMade, LinkMakeRequest, LinkWay, LinksReply};
use std::sync::Arc;

pub async fn make(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<LinkMakeRequest>,
) -> Result<Response, ApiError> {
    caller.must_collect()?;
    let by_text = request.way != LinkWay::Show;
    if by_text && !office.rules.tells_merchants {
        return Err(ApiError::new(error::CODE_NO_GATEWAY));
    }
    if by_text && office.public_url.is_none() {
        return Err(ApiError::new(error::LINK_NO_ADDRESS));
    }
    let wish = Wish {
        scopes: caller.scopes(),
        case: request.case,
        by: caller.card.user,
        way: request.way,
        public_url: office.public_url.clone(),
    };
    let made = match office.repo.make_link(office.rules.clone(), wish).await? {
        Asked::Made(made) => *made,
        Asked::NoCase => return Err(ApiError::new(error::NOT_FOUND)),
        Asked::CaseOver => return Err(ApiError::new(error::LINK_CASE_OVER)),
        Asked::NoPhone => return Err(ApiError::new(error::LINK_NO_PHONE)),
        Asked::TooMany => return Err(ApiError::new(error::LINK_TOO_MANY)),
    };
    let shown = LinkMade {
        phone: made
            .phone
            .as_deref()
            .map(|phone| mask::phone(phone).to_string()),
        address: made.phone.is_none().then_some(made.address),
        expires_at: made.expires_at,
    };
    Ok(context.reply(LinksReply {
        made: Some(shown),
        ..made.standing
    }))
}

pub async fn look(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<LinkCaseRequest>,
) -> Result<Response, ApiError> {
    caller.must_collect()?;
    let standing = office
        .repo
        .links(caller.scopes(), request.case, office.now())
        .await?;
    Ok(context.reply(standing.ok_or_else(|| ApiError::new(error::NOT_FOUND))?))
}

pub async fn end(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<LinkCaseRequest>,
) -> Result<Response, ApiError> {
    caller.must_collect()?;
    let standing = office
        .repo
        .end_links(caller.scopes(), request.case, office.now())
        .await?;
    Ok(context.reply(standing.ok_or_else(|| ApiError::new(error::NOT_FOUND))?))
}
