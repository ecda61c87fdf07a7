//! `POST /v1/bundles`: a bundle that somebody carried here. Whoever is signed in may bring one: it is signed by its
//! desk, only this server opens it, and the answer is sealed for that desk alone.

use super::Office;
use super::gate::Caller;
use crate::bundles::{IntakeError, Taken};
use crate::error::ApiError;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use desk_bundle::{BundleError, PART_BYTES};
use desk_protocol::error;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio_util::io::ReaderStream;

/// What a return bundle is sent as.
pub const BUNDLE_TYPE: &str = "application/vnd.unbind-desk.bundle";
/// Bytes of a body must follow each other within this.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder of the spool; gone when dropped.
struct Spooled(PathBuf);

impl Drop for Spooled {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(kind = ?error.kind(), "spool stays");
        }
    }
}

/// The answer on its way out; its folder stays until the last byte has gone.
struct Kept {
    file: File,
    _spooled: Arc<Spooled>,
}

impl AsyncRead for Kept {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> task::Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(cx, buffer)
    }
}

pub async fn take_in(
    State(office): State<Arc<Office>>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let unavailable = || ApiError::new(error::UNAVAILABLE).after(5);
    let _seat = office
        .bundle_seats
        .try_acquire()
        .map_err(|_| unavailable())?;
    let mut name = [0_u8; 12];
    office.rules.chance.fill(&mut name);
    let folder = office.bundles.spool.join(hex::encode(name));
    std::fs::create_dir(&folder).map_err(|_| unavailable())?;
    let spooled = Arc::new(Spooled(folder));
    let upload = spooled.0.join("upload.jbx");
    receive(request.into_body(), &upload).await?;
    let (bundles, folder) = (office.bundles.clone(), spooled.0.clone());
    let worked = tokio::task::spawn_blocking(move || {
        let taken = bundles.take_in(&upload)?;
        let headers = [taken.header.clone()];
        Ok::<_, IntakeError>((bundles.answer(&headers, &folder)?, taken))
    });
    let (answer, taken) = worked
        .await
        .map_err(|_| ApiError::new(error::INTERNAL))?
        .map_err(|refused| refusal(&refused))?;
    tracing::info!(by = %caller.device, desk = %taken.header.device, bundle = %taken.header.bundle,
        ops = taken.new_ops(), repeated = taken.repeated, "bundle taken in");
    let file = File::open(&answer).await.map_err(|_| unavailable())?;
    let length = file.metadata().await.map_err(|_| unavailable())?.len();
    let mut response = reply(&taken, file, spooled);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

async fn receive(mut body: Body, place: &Path) -> Result<(), ApiError> {
    let unavailable = |error: io::Error| {
        tracing::error!(kind = ?error.kind(), "spool");
        ApiError::new(error::UNAVAILABLE).after(5)
    };
    let mut file = File::create_new(place).await.map_err(unavailable)?;
    let mut left = PART_BYTES;
    loop {
        let next = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let next = tokio::time::timeout(PATIENCE, next)
            .await
            .map_err(|_| ApiError::new(error::UNAVAILABLE))?;
        let Some(frame) = next else { break };
        let frame = frame.map_err(|_| ApiError::new(error::BUNDLE_TRUNCATED))?;
        let Ok(bytes) = frame.into_data() else {
            continue; // trailers
        };
        left = left
            .checked_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            .ok_or_else(|| ApiError::new(error::TOO_LARGE).with("limit", PART_BYTES))?;
        file.write_all(&bytes).await.map_err(unavailable)?;
    }
    file.flush().await.map_err(unavailable)
}

fn refusal(refused: &IntakeError) -> ApiError {
    tracing::info!(code = refused.code(), "bundle refused");
    match refused {
        IntakeError::OutOfOrder { expected } => {
            ApiError::new(error::BUNDLE_OUT_OF_ORDER).with("expected", expected)
        }
        IntakeError::Repo(_) => ApiError::new(error::INTERNAL),
        IntakeError::Objects(_) | IntakeError::Bundle(BundleError::Io(_)) => {
            ApiError::new(error::UNAVAILABLE).after(5)
        }
        IntakeError::Bundle(_) | IntakeError::Device(_) => ApiError::new(refused.code()),
    }
}

fn reply(taken: &Taken, file: File, spooled: Arc<Spooled>) -> Response {
    let stream = ReaderStream::with_capacity(
        Kept {
            file,
            _spooled: spooled,
        },
        64 * 1024,
    );
    let mut response = (
        [(CONTENT_TYPE, BUNDLE_TYPE), (CACHE_CONTROL, "no-store")],
        Body::from_stream(stream),
    )
        .into_response();
    let figures = [
        ("x-desk-ops-new", taken.new_ops()),
        ("x-desk-ops-repeated", taken.repeated),
        ("x-desk-documents-stored", taken.documents_stored),
        ("x-desk-documents-waiting", taken.documents_waiting),
    ];
    for (name, figure) in figures {
        let name = HeaderName::from_static(name);
        response
            .headers_mut()
            .insert(name, HeaderValue::from(figure));
    }
    if let Some(code) = taken.stopped_by {
        let name = HeaderName::from_static("x-desk-stopped-by");
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(code));
    }
    response
}
