//! Requests to bytes, bytes to replies. Pure: what is ours and what is a stranger's is decided here.

mod admin;

use crate::machine::port::{Batch, LinkError, Reply, ReplyBody, Request, Stamp};
use crate::machine::{Answer, Ask, LinksAsk};
use crate::proof::Prover;
use admin::AdminExpect;
use desk_domain::digest::SHAPE;
use desk_domain::ids::OfficeCode;
use desk_domain::op::{ChainHash, Op};
use desk_protocol::calls::CallsReply;
use desk_protocol::digest::{DigestAsk, DigestReply, DigestRequest};
use desk_protocol::documents::{ChunkReply, OfferReply, OfferRequest};
use desk_protocol::error::Problem;
use desk_protocol::people::SessionReply;
use desk_protocol::sync::{
    HelloReply, HelloRequest, PullReply, PushReply, PushRequest, SnapshotReply,
};
use desk_protocol::{CONTENT_TYPE, Envelope};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::io::Read;

/// Largest reply that is taken in, before and after unpacking.
pub const MAX_REPLY_BYTES: usize = 32 * 1024 * 1024;
/// Bodies from this size on are packed.
const PACK_FROM_BYTES: usize = 512;
/// Window of a packed reply: 8 MiB, so that a reply cannot ask for gigabytes.
const WINDOW_LOG_MAX: u32 = 23;

/// One HTTP request, ready to go but for its address and token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub body: Body,
    /// Half-open byte range to ask for.
    pub range: Option<(u64, u64)>,
    pub expect: Expect,
    /// The answer must begin within this; how long it may go on is the network door's matter.
    pub timeout_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Get,
    Post,
    Put,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    None,
    Json { bytes: Vec<u8>, packed: bool },
    Octets(Vec<u8>),
}

/// What a 2xx must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    Session,
    Hello,
    Push,
    Pull,
    Snapshot,
    Offer,
    Chunk,
    Bytes,
    Digest,
    Calls,
    CodeSent,
    Links,
    CodeVerified,
    Admin(AdminExpect),
}

/// What came back, before it is understood.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Raw {
    pub status: u16,
    pub content_type: String,
    pub content_encoding: String,
    pub retry_after: Option<String>,
    pub content_range: Option<String>,
    pub body: Vec<u8>,
}

const SHORT_MS: u64 = 30_000;
/// Three chunks of 1 MiB beside each other need 504 s at 50 kbit/s, and more than 600 s when packets are lost.
const CHUNK_MS: u64 = 1_200_000;

/// Everything but the bytes of a chunk comes from the request itself.
pub fn encode(
    request: &Request,
    prover: &Prover,
    app_version: &str,
    chunk: Vec<u8>,
) -> Result<Call, LinkError> {
    match request {
        Request::Refresh { refresh_token, at } => {
            let body = json(&prover.refresh(refresh_token, *at))?;
            Ok(post("/v1/session/refresh", body, Expect::Session))
        }
        Request::Hello => {
            let hello = HelloRequest {
                device: prover.device,
                app_version: app_version.to_owned(),
            };
            Ok(post("/v1/sync/hello", json(&hello)?, Expect::Hello))
        }
        Request::Push(batch) => Ok(post(
            "/v1/sync/push",
            json(&push_of(batch, prover)?)?,
            Expect::Push,
        )),
        Request::Pull {
            scope,
            cursor,
            wait_ms,
            limit,
        } => Ok(pull(scope, *cursor, *wait_ms, *limit)),
        Request::Snapshot {
            scope,
            after,
            limit,
        } => Ok(snapshot(scope, after.as_ref(), *limit)),
        Request::Offer(document) => {
            let offer = OfferRequest {
                document: document.id,
                case: document.case,
                kind: document.kind,
                manifest: document.manifest.clone(),
            };
            Ok(post("/v1/documents", json(&offer)?, Expect::Offer))
        }
        Request::PutChunk { document, index } => {
            let path = format!("/v1/documents/{document}/chunks/{index}");
            Ok(slow(call(
                Method::Put,
                path,
                Body::Octets(chunk),
                Expect::Chunk,
            )))
        }
        Request::Complete { document } => {
            let path = format!("/v1/documents/{document}/complete");
            Ok(slow(call(Method::Post, path, Body::None, Expect::Chunk)))
        }
        Request::Fetch { document, from, to } => {
            let path = format!("/v1/documents/{document}");
            let fetch = slow(call(Method::Get, path, Body::None, Expect::Bytes));
            Ok(Call {
                range: Some((*from, *to)),
                ..fetch
            })
        }
        Request::Digest { scope, cursor, ask } => digest(scope, *cursor, ask),
        Request::Calls { cursor, wait_ms } => Ok(calls(*cursor, *wait_ms)),
        Request::Ask(Ask::SendCode(body)) => Ok(post("/v1/codes", json(body)?, Expect::CodeSent)),
        Request::Ask(Ask::VerifyCode(body)) => {
            Ok(post("/v1/codes/verify", json(body)?, Expect::CodeVerified))
        }
        Request::Ask(Ask::Links(ask)) => links(ask),
        Request::Ask(Ask::Admin(ask)) => admin::encode(ask),
    }
}

fn links(ask: &LinksAsk) -> Result<Call, LinkError> {
    let (path, body) = match ask {
        LinksAsk::Make(body) => ("/v1/links", json(body)?),
        LinksAsk::Look(body) => ("/v1/links/look", json(body)?),
        LinksAsk::End(body) => ("/v1/links/end", json(body)?),
    };
    Ok(post(path, body, Expect::Links))
}

fn digest(scope: &OfficeCode, cursor: u64, ask: &DigestAsk) -> Result<Call, LinkError> {
    let body = DigestRequest {
        scope: scope.clone(),
        cursor,
        shape: SHAPE,
        ask: ask.clone(),
    };
    Ok(post("/v1/sync/digest", json(&body)?, Expect::Digest))
}

fn post(path: &str, body: Body, expect: Expect) -> Call {
    call(Method::Post, path.to_owned(), body, expect)
}

fn slow(call: Call) -> Call {
    Call {
        timeout_ms: CHUNK_MS,
        ..call
    }
}

fn pull(scope: &OfficeCode, cursor: u64, wait_ms: u64, limit: usize) -> Call {
    let mut call = call(
        Method::Get,
        "/v1/sync/pull".to_owned(),
        Body::None,
        Expect::Pull,
    );
    call.query = vec![
        ("scope", scope.to_string()),
        ("cursor", cursor.to_string()),
        ("wait_ms", wait_ms.to_string()),
        ("limit", limit.to_string()),
    ];
    call.timeout_ms += wait_ms;
    call
}

fn calls(cursor: u64, wait_ms: u64) -> Call {
    let mut call = call(
        Method::Get,
        "/v1/calls".to_owned(),
        Body::None,
        Expect::Calls,
    );
    call.query = vec![
        ("cursor", cursor.to_string()),
        ("wait_ms", wait_ms.to_string()),
    ];
    call.timeout_ms += wait_ms;
    call
}

fn snapshot(scope: &OfficeCode, after: Option<&String>, limit: usize) -> Call {
    let mut call = call(
        Method::Get,
        "/v1/sync/snapshot".to_owned(),
        Body::None,
        Expect::Snapshot,
    );
    call.query = vec![("scope", scope.to_string()), ("limit", limit.to_string())];
    call.query
        .extend(after.map(|after| ("after", after.clone())));
    call
}

fn call(method: Method, path: String, body: Body, expect: Expect) -> Call {
    Call {
        method,
        path,
        query: Vec::new(),
        body,
        range: None,
        expect,
        timeout_ms: SHORT_MS,
    }
}

/// A JSON body, packed when that is worth it.
pub fn json<T: Serialize>(value: &T) -> Result<Body, LinkError> {
    let bytes = serde_json::to_vec(value).map_err(|_| LinkError::Local)?;
    if bytes.len() < PACK_FROM_BYTES {
        return Ok(Body::Json {
            bytes,
            packed: false,
        });
    }
    let bytes = zstd::encode_all(bytes.as_slice(), 3).map_err(|_| LinkError::Local)?;
    Ok(Body::Json {
        bytes,
        packed: true,
    })
}

/// The ops of a batch as the server takes them, signed: over the network and by hand.
pub fn push_of(batch: &Batch, prover: &Prover) -> Result<PushRequest, LinkError> {
    let mut ops = Vec::with_capacity(batch.rows.len());
    let mut last = ChainHash::GENESIS;
    for row in &batch.rows {
        let text = if row.parked {
            stub(&row.bytes, row.hash)?
        } else {
            row.bytes.to_string()
        };
        ops.push(RawValue::from_string(text).map_err(|_| LinkError::Local)?);
        last = row.hash;
    }
    Ok(PushRequest {
        device: prover.device,
        incarnation: batch.incarnation,
        first_seq: batch.rows.first().map_or(1, |row| row.seq),
        ops,
        signature: prover.push(last),
    })
}

/// A parked op travels as its place in the chain: the chain goes on, the body stays here.
fn stub(bytes: &str, hash: ChainHash) -> Result<String, LinkError> {
    let op = Op::parse(bytes).map_err(|_| LinkError::Local)?;
    let parked = serde_json::json!({ "op_id": op.op_id, "prev_hash": op.prev_hash, "hash": hash });
    Ok(serde_json::json!({ "parked": parked }).to_string())
}

/// Understands an answer. Never fails: what is not ours is [`ReplyBody::Foreign`].
pub fn decode(expect: Expect, raw: Raw) -> Reply {
    let retry_after_ms = raw.retry_after.as_deref().and_then(seconds_ms);
    let good = (200..300).contains(&raw.status);
    let (stamp, body) = if good && expect == Expect::Bytes {
        (
            None,
            bytes_of(
                raw.status,
                &raw.content_type,
                raw.content_range.as_deref(),
                raw.body,
            ),
        )
    } else if !is_ours(&raw.content_type) {
        (None, ReplyBody::Foreign)
    } else {
        match unpack(&raw.content_encoding, raw.body) {
            None => (None, ReplyBody::Unreadable),
            Some(bytes) if good => understand(expect, &bytes),
            Some(bytes) => problem(&bytes),
        }
    };
    Reply {
        status: raw.status,
        retry_after_ms,
        stamp,
        body,
    }
}

fn understand(expect: Expect, bytes: &[u8]) -> (Option<Stamp>, ReplyBody) {
    match expect {
        Expect::Session => open(bytes, |body: SessionReply| {
            ReplyBody::Session(Box::new(body))
        }),
        Expect::Hello => open(bytes, |body: HelloReply| ReplyBody::Hello(Box::new(body))),
        Expect::Push => open(bytes, |body: PushReply| ReplyBody::Push(body)),
        Expect::Pull => open(bytes, |body: PullReply| ReplyBody::Pull(body)),
        Expect::Snapshot => open(bytes, |body: SnapshotReply| ReplyBody::Snapshot(body)),
        Expect::Offer => open(bytes, |body: OfferReply| ReplyBody::Offer(body)),
        Expect::Chunk => open(bytes, |body: ChunkReply| ReplyBody::Chunk(body)),
        Expect::Digest => open(bytes, |body: DigestReply| ReplyBody::Digest(body)),
        Expect::Calls => open(bytes, |body: CallsReply| ReplyBody::Calls(body)),
        Expect::CodeSent => open(bytes, |body| ReplyBody::Answer(Answer::CodeSent(body))),
        Expect::Links => open(bytes, |body| {
            ReplyBody::Answer(Answer::Links(Box::new(body)))
        }),
        Expect::CodeVerified => open(bytes, |body| ReplyBody::Answer(Answer::CodeVerified(body))),
        Expect::Admin(expect) => admin::understand(expect, bytes),
        Expect::Bytes => (None, ReplyBody::Unreadable),
    }
}

/// Reads an envelope of ours, or says that it cannot be read.
fn open<T: DeserializeOwned>(
    bytes: &[u8],
    wrap: impl FnOnce(T) -> ReplyBody,
) -> (Option<Stamp>, ReplyBody) {
    match serde_json::from_slice::<Envelope<T>>(bytes) {
        Ok(envelope) => {
            let stamp = Stamp {
                epoch: envelope.epoch,
                server_time: envelope.server_time,
            };
            (Some(stamp), wrap(envelope.body))
        }
        Err(_) => (None, ReplyBody::Unreadable),
    }
}

/// A refusal, with or without an envelope.
pub(crate) fn problem(bytes: &[u8]) -> (Option<Stamp>, ReplyBody) {
    let (stamp, body) = open(bytes, |problem: Problem| ReplyBody::Problem(problem));
    if stamp.is_some() {
        return (stamp, body);
    }
    serde_json::from_slice(bytes).map_or((None, ReplyBody::Unreadable), |bare| {
        (None, ReplyBody::Problem(bare))
    })
}

/// Part of a document, or all of it from a server that ignores ranges. A web page is neither.
fn bytes_of(
    status: u16,
    content_type: &str,
    content_range: Option<&str>,
    bytes: Vec<u8>,
) -> ReplyBody {
    if essence(content_type) == "text/html" {
        return ReplyBody::Foreign;
    }
    let from = match (status, content_range) {
        (206, Some(range)) => range_start(range),
        (206, None) => None,
        _ => Some(0),
    };
    from.map_or(ReplyBody::Unreadable, |from| ReplyBody::Bytes {
        from,
        bytes,
    })
}

fn range_start(range: &str) -> Option<u64> {
    range
        .trim()
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}

/// True for our content type, with or without parameters.
pub fn is_ours(content_type: &str) -> bool {
    essence(content_type) == CONTENT_TYPE
}

fn essence(content_type: &str) -> String {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// The plain bytes; none if the packing is unknown, broken or too large.
pub(crate) fn unpack(content_encoding: &str, body: Vec<u8>) -> Option<Vec<u8>> {
    match content_encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Some(body),
        "zstd" => {
            let mut decoder = zstd::Decoder::new(body.as_slice()).ok()?;
            decoder.window_log_max(WINDOW_LOG_MAX).ok()?;
            let bound = u64::try_from(MAX_REPLY_BYTES).ok()? + 1;
            let mut plain = Vec::new();
            decoder.take(bound).read_to_end(&mut plain).ok()?;
            (plain.len() <= MAX_REPLY_BYTES).then_some(plain)
        }
        _ => None,
    }
}

/// `Retry-After` in seconds; the date form is left out: it would need a clock that agrees with the server's.
fn seconds_ms(text: &str) -> Option<u64> {
    text.trim()
        .parse::<u64>()
        .ok()
        .map(|seconds| seconds.saturating_mul(1_000))
}

#[cfg(test)]
#[path = "wire_test.rs"]
mod tests;
