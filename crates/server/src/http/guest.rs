//! The merchant's phone: what is asked for, files in chunks, and how far a case is. No account, no personal data in any
//! answer; whoever holds a link may add papers to one case and read nothing of it.

use super::Office;
use super::documents::{io_failed, on_disk};
use super::sync::DOCUMENT_BYTES;
use super::wire::{Context, Json, body_of};
use crate::error::ApiError;
use crate::quarantine::{Opened, Suspect};
use crate::repo::links::{Guest, Progress};
use crate::repo::uploads::{Begun, CHUNK_BYTES, Upload};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use desk_domain::case::{Case, DocumentManifest};
use desk_domain::case_no::CaseNo;
use desk_domain::guest::{OTHERS, Stage, wanted};
use desk_domain::ids::DocumentId;
use desk_protocol::error;
use desk_protocol::links::{
    GuestCase, GuestItem, ProgressReply, ProgressRequest, StopRequest, UploadBegin, UploadState,
};
use std::sync::Arc;

/// Longest name that a phone gives to a file, and longest case number and code, in bytes.
const TYPED_BYTES: usize = 64;

impl<S: Sync> FromRequestParts<S> for Guest {
    type Rejection = ApiError;
    /// Only a route with policy `Link` has one.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let guest: Option<Self> = parts.extensions.get().cloned();
        guest.ok_or_else(|| ApiError::new(error::INTERNAL))
    }
}

pub async fn case(
    State(office): State<Arc<Office>>,
    context: Context,
    guest: Guest,
) -> Result<Response, ApiError> {
    let over = || ApiError::new(error::LINK_OVER);
    let found = office.repo.guest_case(guest.clone()).await?;
    let (case, files_left) = found.ok_or_else(over)?;
    if !guest.opened {
        office.repo.link_opened(guest.clone(), office.now()).await?;
    }
    let policy = office.rules.policy();
    let items = wanted(&case).into_iter().map(|paper| {
        let reason = paper.reason.as_deref();
        let policy = &policy;
        let listed = |code| policy.return_reason(code).or(policy.reject_reason(code));
        let words = reason.and_then(listed);
        GuestItem {
            any_of: paper.any_of,
            status: paper.status,
            reason_zh: words.map(|words| words.zh.clone()),
            reason_en: words.map(|words| words.en.clone()),
        }
    });
    Ok(context.reply(GuestCase {
        open: case.effective_state().takes_facts(),
        expires_at: guest.expires_at,
        items: items.collect(),
        others: OTHERS.to_vec(),
        file_bytes: DOCUMENT_BYTES,
        chunk_bytes: chunk_bytes(),
        files_left,
        case_no: case.case_no,
    }))
}

pub async fn begin(
    State(office): State<Arc<Office>>,
    context: Context,
    guest: Guest,
    Json(wish): Json<UploadBegin>,
) -> Result<Response, ApiError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if wish.file.is_empty() || wish.file.len() > TYPED_BYTES || !wish.file.bytes().all(plain) {
        return Err(ApiError::new(error::BAD_JSON).at("file"));
    }
    if wish.size_bytes == 0 {
        return Err(refused("media.empty"));
    }
    if wish.size_bytes > DOCUMENT_BYTES {
        return Err(ApiError::new(error::TOO_LARGE)
            .with("limit", DOCUMENT_BYTES)
            .at("size_bytes"));
    }
    let rules = office.rules.clone();
    match office.repo.begin_upload(rules, guest, wish).await? {
        Begun::Yes(upload) => Ok(context.reply(state_of(*upload))),
        Begun::Over => Err(ApiError::new(error::LINK_OVER)),
        Begun::NotAsked => Err(ApiError::new(error::LINK_KIND).at("kind")),
        Begun::Full => Err(ApiError::new(error::LINK_FULL)),
    }
}

pub async fn chunk(
    State(office): State<Arc<Office>>,
    context: Context,
    guest: Guest,
    Path((id, index)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let upload = find(&office, &guest, &id).await?;
    let not_found = || ApiError::new(error::NOT_FOUND);
    let index: usize = index.parse().map_err(|_| not_found())?;
    if index >= upload.have.len() {
        return Err(not_found());
    }
    let bytes = body_of(request, CHUNK_BYTES).await?;
    if upload.kept {
        return Ok(context.reply(state_of(upload)));
    }
    if bytes.len() != length_of(&upload, index) {
        return Err(ApiError::new(error::CHUNK_MISMATCH).with("chunk", index));
    }
    let (scope, document) = (guest.office.clone(), upload.id);
    on_disk(&office, move |objects| {
        objects.put_chunk(&scope, document, index, &bytes)
    })
    .await?;
    let noted = office.repo.upload_chunk(guest, upload.id, index).await?;
    Ok(context.reply(state_of(noted.ok_or_else(not_found)?)))
}

/// Opens the file in the box; a paper is on the case when the answer comes.
pub async fn complete(
    State(office): State<Arc<Office>>,
    context: Context,
    guest: Guest,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let upload = find(&office, &guest, &id).await?;
    if upload.kept {
        return Ok(context.reply(state_of(upload)));
    }
    if upload.have.contains(&false) {
        return Err(ApiError::new(error::DOCUMENT_INCOMPLETE));
    }
    let suspect = Suspect {
        office: guest.office.clone(),
        id: upload.id,
        chunks: upload.have.len(),
        size_bytes: upload.size_bytes,
    };
    let opened = office
        .quarantine
        .examine(office.objects.clone(), suspect)
        .await;
    match opened.map_err(|error| io_failed(&error))? {
        Opened::Paper { manifest, hints } => {
            let kept = keep(&office, &guest, upload.id, manifest, hints).await?;
            Ok(context.reply(state_of(kept)))
        }
        Opened::NotWhole => {
            office.repo.renew_upload(guest, upload.id, None).await?;
            Err(ApiError::new(error::DOCUMENT_INCOMPLETE))
        }
        // The box itself is in trouble: the bytes stay, and the same request may be made again.
        Opened::Refused(why) if why.retryable() => Err(ApiError::new(error::UNAVAILABLE).after(5)),
        Opened::Refused(why) => {
            let code = why.code();
            let link = guest.clone();
            office
                .repo
                .renew_upload(link, upload.id, Some(code))
                .await?;
            drop_chunks(&office, &guest, upload.id).await?;
            Err(refused(code))
        }
    }
}

async fn keep(
    office: &Arc<Office>,
    guest: &Guest,
    id: DocumentId,
    manifest: DocumentManifest,
    hints: Vec<String>,
) -> Result<Upload, ApiError> {
    let rules = office.rules.clone();
    let kept = office
        .repo
        .keep_upload(rules, guest.clone(), id, manifest, hints)
        .await?;
    drop_chunks(office, guest, id).await?;
    kept.ok_or_else(|| ApiError::new(error::NOT_FOUND))
}

async fn drop_chunks(office: &Office, guest: &Guest, id: DocumentId) -> Result<(), ApiError> {
    let scope = guest.office.clone();
    on_disk(office, move |objects| {
        objects.forget(&scope, id);
        Ok(())
    })
    .await
}

/// `POST /v1/guest/progress`.
pub async fn progress(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<ProgressRequest>,
) -> Result<Response, ApiError> {
    let wrong = || ApiError::new(error::PROGRESS_WRONG);
    if request.case_no.len() > TYPED_BYTES || request.code.len() > TYPED_BYTES {
        return Err(wrong());
    }
    let digits = |c: &char| c.is_ascii_digit();
    let code: String = request.code.chars().filter(digits).collect();
    let number = CaseNo::parse(&request.case_no).map_err(|_| wrong())?;
    let rules = office.rules.clone();
    match office.repo.ask_progress(rules, number, code).await? {
        Progress::Of(case) => Ok(context.reply(told(&case))),
        Progress::Wrong => Err(wrong()),
        Progress::Locked { until } => {
            let wait_ms = until.saturating_sub(office.now());
            let seconds = u64::try_from(wait_ms / 1000 + 1).unwrap_or(1);
            Err(ApiError::new(error::RATE_LIMITED)
                .with("seconds", seconds)
                .after(seconds))
        }
    }
}

/// `POST /v1/guest/stop/look`.
pub async fn stop_look(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<StopRequest>,
) -> Result<Response, ApiError> {
    let token = stop_token(request)?;
    let found = office.repo.stop_look(token, office.now()).await?;
    Ok(context.reply(found.ok_or_else(|| ApiError::new(error::LINK_OVER))?))
}

/// `POST /v1/guest/stop`.
pub async fn stop(
    State(office): State<Arc<Office>>,
    context: Context,
    Json(request): Json<StopRequest>,
) -> Result<Response, ApiError> {
    let token = stop_token(request)?;
    let done = office.repo.stop(office.rules.clone(), token).await?;
    Ok(context.reply(done.ok_or_else(|| ApiError::new(error::LINK_OVER))?))
}

/// A token that is none answers like one that is over.
fn stop_token(request: StopRequest) -> Result<String, ApiError> {
    if request.token.is_empty() || request.token.len() > TYPED_BYTES {
        return Err(ApiError::new(error::LINK_OVER));
    }
    Ok(request.token)
}

fn told(case: &Case) -> ProgressReply {
    let stage = Stage::of(case);
    let collects = matches!(stage, Stage::Collecting | Stage::Returned);
    let missing = wanted(case)
        .into_iter()
        .filter(|paper| !paper.status.is_there());
    ProgressReply {
        stage,
        since: stage.since(case),
        promise_date: case.promise_date.clone().filter(|_| collects),
        missing: if collects {
            missing
                .filter_map(|paper| paper.any_of.first().copied())
                .collect()
        } else {
            Vec::new()
        },
        case_no: case.case_no.clone(),
    }
}

async fn find(office: &Arc<Office>, guest: &Guest, id: &str) -> Result<Upload, ApiError> {
    let unknown = || ApiError::new(error::NOT_FOUND);
    let id = DocumentId::parse(id).ok_or_else(unknown)?;
    office
        .repo
        .upload(guest.clone(), id)
        .await?
        .ok_or_else(unknown)
}

fn refused(why: &str) -> ApiError {
    ApiError::new(error::UPLOAD_REFUSED).with("why", why)
}

/// Every chunk is full but the last.
fn length_of(upload: &Upload, index: usize) -> usize {
    let size = usize::try_from(upload.size_bytes).unwrap_or(usize::MAX);
    let before = index.saturating_mul(CHUNK_BYTES);
    size.saturating_sub(before).min(CHUNK_BYTES)
}

fn chunk_bytes() -> u64 {
    u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX)
}

fn state_of(upload: Upload) -> UploadState {
    UploadState {
        upload: upload.id,
        chunk_bytes: chunk_bytes(),
        have: upload.have,
        kept: upload.kept,
        hints: upload.hints,
    }
}
