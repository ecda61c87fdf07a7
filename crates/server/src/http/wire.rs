//! Bodies in and out: content types, zstd, limits, the envelope.

use super::Office;
use crate::error::ApiError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use desk_domain::ids::Epoch;
use desk_domain::time::Millis;
use desk_protocol::{Envelope, HEADER_PROTOCOL, MAX_PUSH_BYTES, PROTOCOL, error};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::poll_fn;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Largest JSON body, unpacked: a push and the words around it.
pub const JSON_LIMIT: usize = MAX_PUSH_BYTES + 64 * 1024;
/// However steadily it comes, a body ends.
const ARRIVES_WITHIN: Duration = Duration::from_mins(20);
/// Smaller replies are not worth packing.
const PACK_FROM: usize = 1024;

/// How long the bytes of a body may let each other wait.
#[derive(Clone, Copy, Debug)]
struct PauseWithin(Duration);

/// What a reply needs to know of its request.
#[derive(Clone, Debug)]
pub struct Context {
    epoch: Epoch,
    server_time: Millis,
    request_id: String,
    packs: bool,
}

impl Context {
    /// 200 with a body of ours.
    pub fn reply<T: Serialize>(&self, body: T) -> Response {
        self.seal(StatusCode::OK, body)
    }

    fn seal<T: Serialize>(&self, status: StatusCode, body: T) -> Response {
        let envelope = Envelope {
            epoch: self.epoch,
            server_time: self.server_time,
            request_id: self.request_id.clone(),
            body,
        };
        match serde_json::to_vec(&envelope) {
            Ok(bytes) => self.pack(status, bytes),
            Err(error) => {
                tracing::error!(%error, "reply");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    fn pack(&self, status: StatusCode, bytes: Vec<u8>) -> Response {
        let ours = HeaderValue::from_static(desk_protocol::CONTENT_TYPE);
        let plain =
            |bytes: Vec<u8>| (status, [(CONTENT_TYPE, ours.clone())], bytes).into_response();
        if !self.packs || bytes.len() < PACK_FROM {
            return plain(bytes);
        }
        match zstd::encode_all(bytes.as_slice(), 1) {
            Ok(packed) => {
                let mut response = plain(packed);
                response
                    .headers_mut()
                    .insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
                response
                    .headers_mut()
                    .insert(VARY, HeaderValue::from_static("accept-encoding"));
                response
            }
            Err(_) => plain(bytes),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| ApiError::new(error::INTERNAL))
    }
}

/// Outermost layer: gives each request its context, and puts refusals into an envelope.
pub async fn envelope(
    State(office): State<Arc<Office>>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut id = [0_u8; 8];
    office.rules.chance.fill(&mut id);
    let packs =
        header(request.headers(), &ACCEPT_ENCODING).is_some_and(|value| value.contains("zstd"));
    let context = Context {
        epoch: office.repo.epoch(),
        server_time: office.now(),
        request_id: hex::encode(id),
        packs,
    };
    request.extensions_mut().insert(context.clone());
    let pause = PauseWithin(office.pause_within);
    request.extensions_mut().insert(pause);
    let method = request.method().clone();
    let mut response = next.run(request).await;
    if let Some(refusal) = response.extensions_mut().remove::<ApiError>() {
        tracing::info!(
            request_id = context.request_id,
            %method,
            status = refusal.status.as_u16(),
            code = refusal.problem.code,
            "refused"
        );
        response = context.seal(refusal.status, &refusal.problem);
        if let Some(seconds) = refusal.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
    response
        .headers_mut()
        .insert(HEADER_PROTOCOL, HeaderValue::from(PROTOCOL));
    response
}

/// A JSON body of the protocol.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let kind = header(request.headers(), &CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind != desk_protocol::CONTENT_TYPE && kind != "application/json" {
            return Err(ApiError::new(error::BAD_JSON).at("content-type"));
        }
        let bytes = body_of(request, JSON_LIMIT).await?;
        let value = serde_json::from_slice(&bytes).map_err(|wrong| {
            ApiError::new(error::BAD_JSON)
                .with("line", wrong.line())
                .with("column", wrong.column())
        })?;
        Ok(Self(value))
    }
}

/// The body, unpacked, of at most `limit` bytes.
pub async fn body_of(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let packing = header(request.headers(), &CONTENT_ENCODING)
        .unwrap_or_default()
        .to_owned();
    let PauseWithin(pause) = *request
        .extensions()
        .get()
        .ok_or_else(|| ApiError::new(error::INTERNAL))?;
    let bytes = read(request.into_body(), limit, pause).await?;
    match packing.as_str() {
        "" | "identity" => Ok(bytes),
        "zstd" => unpack(&bytes, limit).map(Bytes::from),
        _ => Err(ApiError::new(error::BAD_JSON).at("content-encoding")),
    }
}

async fn read(body: Body, limit: usize, pause: Duration) -> Result<Bytes, ApiError> {
    let read = timeout(ARRIVES_WITHIN, steadily(body, limit, pause)).await;
    read.unwrap_or_else(|_| Err(ApiError::new(error::UNAVAILABLE)))
}

async fn steadily(mut body: Body, limit: usize, pause: Duration) -> Result<Bytes, ApiError> {
    let mut taken = Vec::new();
    loop {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        match timeout(pause, frame).await {
            Err(_) => return Err(ApiError::new(error::UNAVAILABLE)),
            Ok(None) => return Ok(Bytes::from(taken)),
            Ok(Some(Err(_))) => return Err(ApiError::new(error::BAD_JSON).at("body")),
            Ok(Some(Ok(frame))) => {
                // Trailers say nothing here.
                let data = frame.into_data().unwrap_or_default();
                if taken.len().saturating_add(data.len()) > limit {
                    return Err(ApiError::new(error::TOO_LARGE).with("limit", limit));
                }
                taken.extend_from_slice(&data);
            }
        }
    }
}

fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
    let bad = |_| ApiError::new(error::BAD_JSON).at("content-encoding");
    let mut decoder = zstd::Decoder::new(bytes).map_err(bad)?;
    // 8 MiB: what our own packer at any level below 20 asks for.
    decoder.window_log_max(23).map_err(bad)?;
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut unpacked = Vec::new();
    decoder
        .take(bound)
        .read_to_end(&mut unpacked)
        .map_err(bad)?;
    if unpacked.len() > limit {
        return Err(ApiError::new(error::TOO_LARGE).with("limit", limit));
    }
    Ok(unpacked)
}

/// A header as text.
pub fn header<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
