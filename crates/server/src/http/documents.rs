//! Documents in chunks: `sync.md` section 6.

use super::Office;
use super::gate::Caller;
use super::sync::DOCUMENT_BYTES;
use super::wire::{Context, Json, body_of, header};
use crate::error::ApiError;
use crate::frames::{chunk_fits, manifest_holds};
use crate::objects::{Completed, Objects, Whole};
use crate::repo::documents::Expected;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use desk_domain::case::CHUNK_BYTES;
use desk_domain::ids::DocumentId;
use desk_protocol::documents::{ChunkReply, OfferReply, OfferRequest};
use desk_protocol::error;
use futures_util::stream;
use std::io;
use std::sync::Arc;

pub async fn offer(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Json(request): Json<OfferRequest>,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::new(error::DOCUMENT_UNKNOWN);
    let expected = office
        .repo
        .document(caller.scopes(), request.document)
        .await?
        .ok_or_else(unknown)?;
    let kind = serde_json::to_string(&request.kind).map_err(|_| unknown())?;
    if expected.case != request.case
        || expected.kind != kind
        || expected.manifest != request.manifest
    {
        return Err(unknown());
    }
    if !manifest_holds(&expected.manifest, DOCUMENT_BYTES) {
        return Err(ApiError::new(error::TOO_LARGE)
            .with("limit", DOCUMENT_BYTES)
            .at("manifest"));
    }
    Ok(context.reply(seen(&office, expected).await?))
}

pub async fn state(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let expected = find(&office, &caller, &id).await?;
    Ok(context.reply(seen(&office, expected).await?))
}

pub async fn chunk(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Path((id, index)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let expected = find(&office, &caller, &id).await?;
    let index: usize = index.parse().map_err(|_| ApiError::new(error::NOT_FOUND))?;
    if index >= expected.manifest.chunks.len() {
        return Err(ApiError::new(error::NOT_FOUND));
    }
    if !manifest_holds(&expected.manifest, DOCUMENT_BYTES) {
        return Err(ApiError::new(error::TOO_LARGE).at("manifest"));
    }
    let bytes = body_of(request, CHUNK_BYTES).await?;
    if !chunk_fits(&expected.manifest, index, &bytes) {
        return Err(ApiError::new(error::CHUNK_MISMATCH).with("chunk", index));
    }
    if expected.stored_at.is_none() {
        office.metrics.bytes_in(bytes.len());
        on_disk(&office, move |objects| {
            objects.put_chunk(&expected.office, expected.id, index, &bytes)
        })
        .await?;
    }
    Ok(context.reply(ChunkReply { stored: true }))
}

pub async fn complete(
    State(office): State<Arc<Office>>,
    context: Context,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let expected = find(&office, &caller, &id).await?;
    let whole = expected.clone();
    let done = on_disk(&office, move |objects| {
        objects.complete(&whole.office, whole.id, &whole.manifest)
    })
    .await?;
    match done {
        Completed::Incomplete => return Err(ApiError::new(error::DOCUMENT_INCOMPLETE)),
        Completed::Mismatch => return Err(ApiError::new(error::DOCUMENT_MISMATCH)),
        Completed::Stored => {}
    }
    let is_new = expected.stored_at.is_none();
    office
        .repo
        .document_stored(office.rules.clone(), expected)
        .await?;
    if is_new {
        office.metrics.document_stored();
    }
    Ok(context.reply(ChunkReply { stored: true }))
}

pub async fn bytes(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let expected = find(&office, &caller, &id).await?;
    let missing = || ApiError::new(error::DOCUMENT_INCOMPLETE);
    expected.stored_at.ok_or_else(missing)?;
    let asked = header(&headers, &RANGE).map(str::to_owned);
    let is_part = asked.is_some();
    let opened = on_disk(&office, move |objects| {
        let whole = objects.read(&expected.office, &expected.manifest.sha256)?;
        let size = whole.size_bytes();
        let range = range_of(asked.as_deref(), size);
        let part = range.map(|(from, to)| whole.part(from, to)).transpose()?;
        Ok((size, range.zip(part)))
    });
    let (size, found) = opened.await?;
    let Some(((from, to), part)) = found else {
        let unsatisfiable = [(CONTENT_RANGE, format!("bytes */{size}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, unsatisfiable).into_response());
    };
    let length = to.saturating_sub(from);
    office.metrics.bytes_out(length);
    let body = Body::from_stream(stream::try_unfold(part, next_block));
    let mut response = (
        [
            (CONTENT_TYPE, "application/octet-stream".to_owned()),
            (CACHE_CONTROL, "no-store".to_owned()),
            (ACCEPT_RANGES, "bytes".to_owned()),
            (CONTENT_LENGTH, length.to_string()),
        ],
        body,
    )
        .into_response();
    if is_part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let place = format!("bytes {from}-{}/{size}", to.saturating_sub(1));
        if let Ok(place) = place.parse() {
            response.headers_mut().insert(CONTENT_RANGE, place);
        }
    }
    Ok(response)
}

/// The next bytes of a document on its way out, and what is left of it; none at its end.
async fn next_block(mut part: Whole) -> io::Result<Option<(Bytes, Whole)>> {
    let read = tokio::task::spawn_blocking(move || part.block().map(|block| (block, part)));
    let (block, part) = read.await.map_err(io::Error::other)??;
    Ok((!block.is_empty()).then_some((block, part)))
}

async fn find(office: &Office, caller: &Caller, id: &str) -> Result<Expected, ApiError> {
    let unknown = || ApiError::new(error::DOCUMENT_UNKNOWN);
    let id = DocumentId::parse(id).ok_or_else(unknown)?;
    office
        .repo
        .document(caller.scopes(), id)
        .await?
        .ok_or_else(unknown)
}

async fn seen(office: &Office, expected: Expected) -> Result<OfferReply, ApiError> {
    let stored = expected.stored_at.is_some();
    let have = on_disk(office, move |objects| {
        objects.chunks_of(&expected.office, expected.id, &expected.manifest)
    });
    Ok(OfferReply {
        stored,
        have: have.await?,
    })
}

/// Runs `work` on a thread that may block.
pub async fn on_disk<T: Send + 'static>(
    office: &Office,
    work: impl FnOnce(&Objects) -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let objects = office.objects.clone();
    match tokio::task::spawn_blocking(move || work(&objects)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            office.metrics.object_store_failed();
            Err(io_failed(&error))
        }
        Err(_) => Err(ApiError::new(error::INTERNAL)),
    }
}

/// The store does not answer, or its disk is full: later is another time.
pub fn io_failed(error: &io::Error) -> ApiError {
    tracing::error!(%error, "object store");
    ApiError::new(error::UNAVAILABLE).after(5)
}

/// `[from, to)` of a single range; the whole when none is asked for; none when it cannot be met.
fn range_of(asked: Option<&str>, size: u64) -> Option<(u64, u64)> {
    let Some(asked) = asked else {
        return Some((0, size));
    };
    let (first, last) = asked.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(from), Ok(last)) => (from, last.saturating_add(1).min(size)),
        (Ok(from), Err(_)) if last.is_empty() => (from, size),
        (Err(_), Ok(tail)) if first.is_empty() => (size.saturating_sub(tail), size),
        _ => return None,
    };
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::range_of;

    #[test]
    fn a_range_that_cannot_be_met_is_refused() {
        for bad in [
            "bytes=10-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=-",
            "bytes=-0",
        ] {
            assert_eq!(range_of(Some(bad), 10), None, "{bad}");
        }
    }

    #[test]
    fn a_range_is_cut_at_the_end() {
        assert_eq!(range_of(None, 10), Some((0, 10)));
        assert_eq!(range_of(Some("bytes=2-3"), 10), Some((2, 4)));
        assert_eq!(range_of(Some("bytes=2-"), 10), Some((2, 10)));
        assert_eq!(range_of(Some("bytes=-3"), 10), Some((7, 10)));
        assert_eq!(range_of(Some("bytes=8-99"), 10), Some((8, 10)));
    }
}
