//! A push before it meets the database: every op parsed, placed, chained and signed for. Pure.

use crate::groups::groups;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::case::{CHUNK_BYTES, DocumentManifest};
use desk_domain::group::Seat;
use desk_domain::ids::{DeviceId, Incarnation, OpId};
use desk_domain::op::{ChainHash, MAX_OP_BYTES, Op, OpBody};
use desk_protocol::sync::PushRequest;
use desk_protocol::{MAX_PUSH_OPS, error};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// What stands at one seq.
#[derive(Clone, Debug)]
pub enum Said {
    /// An op, byte for byte; its body if this version knows the kind, and what it says without its place in the chain
    /// ([`Op::content`]).
    Op {
        op: Box<Op>,
        bytes: String,
        body: Option<OpBody>,
        content: ChainHash,
    },
    /// The place of an op that the desk has parked: the chain goes on, the body is missing.
    Parked { op_id: OpId },
}

/// One link of the chain.
#[derive(Clone, Debug)]
pub struct Frame {
    pub seq: u64,
    pub hash: ChainHash,
    pub said: Said,
}

impl Frame {
    pub fn op_id(&self) -> OpId {
        match &self.said {
            Said::Op { op, .. } => op.op_id,
            Said::Parked { op_id } => *op_id,
        }
    }

    /// None for the place of a parked op.
    pub fn op(&self) -> Option<&Op> {
        match &self.said {
            Said::Op { op, .. } => Some(op),
            Said::Parked { .. } => None,
        }
    }

    /// Its seat in the judging of its group.
    pub fn seat(&self) -> Seat {
        match &self.said {
            Said::Op { op, body, .. } => Seat::read(op, body.as_ref()),
            Said::Parked { op_id } => Seat {
                op: *op_id,
                command: false,
                known: None,
            },
        }
    }
}

/// A push whose own chain and signature hold.
#[derive(Clone, Debug)]
pub struct Frames {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    pub first_seq: u64,
    /// What the first op says stands before it.
    pub prev_hash: ChainHash,
    /// At least one.
    pub frames: Vec<Frame>,
    /// The groups, by places in `frames`; together they are all of them.
    pub groups: Vec<Range<usize>>,
}

/// Why a push is not even looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// One of [`desk_protocol::error`].
    pub code: &'static str,
    pub seq: u64,
    pub why: &'static str,
}

/// Hash-only stand-in for an op, `{"parked":{"op_id":…,"prev_hash":…,"hash":…}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stub {
    parked: Parked,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parked {
    op_id: OpId,
    prev_hash: ChainHash,
    hash: ChainHash,
}

/// Checks everything that can be checked without the database.
pub fn verify(request: &PushRequest, key: &VerifyingKey) -> Result<Frames, FrameError> {
    let fail = |seq, code, why| FrameError { code, seq, why };
    if request.ops.is_empty() || request.ops.len() > MAX_PUSH_OPS || request.first_seq == 0 {
        return Err(fail(
            request.first_seq,
            error::BAD_OP,
            "between 1 and 500 ops, seq from 1",
        ));
    }
    let mut frames = Vec::with_capacity(request.ops.len());
    let mut chain: Option<ChainHash> = None;
    let mut start = ChainHash::GENESIS;
    for (raw, seq) in request.ops.iter().zip(request.first_seq..) {
        let (frame, prev) = read_one(request, raw.get(), seq)?;
        match chain {
            Some(expected) if expected != prev => {
                return Err(fail(
                    seq,
                    error::BAD_CHAIN,
                    "prev_hash is not the hash of the op before",
                ));
            }
            Some(_) => {}
            None => start = prev,
        }
        chain = Some(frame.hash);
        frames.push(frame);
    }
    if request.first_seq == 1 && start != ChainHash::GENESIS {
        return Err(fail(1, error::BAD_CHAIN, "the first op follows genesis"));
    }
    let last = chain.unwrap_or(ChainHash::GENESIS);
    if !signed(key, last.as_bytes(), &request.signature) {
        return Err(fail(
            request.first_seq,
            error::BAD_SIGNATURE,
            "not signed by this device",
        ));
    }
    let groups = groups(&frames)?;
    Ok(Frames {
        device: request.device,
        incarnation: request.incarnation,
        first_seq: request.first_seq,
        prev_hash: start,
        frames,
        groups,
    })
}

/// True when `signature` (base64) is the key's own over `message`.
pub fn signed(key: &VerifyingKey, message: &[u8], signature: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(signature) else {
        return false;
    };
    let Ok(signature) = Signature::from_slice(&bytes) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}

/// Reads an Ed25519 public key in base64.
pub fn public_key(text: &str) -> Option<VerifyingKey> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes)
        .ok()
        .filter(|key| !key.is_weak())
}

fn read_one(
    request: &PushRequest,
    bytes: &str,
    seq: u64,
) -> Result<(Frame, ChainHash), FrameError> {
    let fail = |why| FrameError {
        code: error::BAD_OP,
        seq,
        why,
    };
    if bytes.len() > MAX_OP_BYTES {
        return Err(fail("an op is at most 64 KiB"));
    }
    let Ok(op) = Op::parse(bytes) else {
        return parked(bytes, seq).ok_or_else(|| fail("not an op"));
    };
    if op.device != request.device || op.incarnation != request.incarnation || op.seq != seq {
        return Err(fail(
            "device, incarnation or seq differ from the place in the push",
        ));
    }
    let prev = op.prev_hash;
    let hash = ChainHash::after(prev, bytes.as_bytes());
    let said = Said::Op {
        content: op.content().map_err(|_| fail("not an op"))?,
        body: op.body().ok(),
        op: Box::new(op),
        bytes: bytes.to_owned(),
    };
    Ok((Frame { seq, hash, said }, prev))
}

/// The place of an op that the desk keeps to itself.
fn parked(bytes: &str, seq: u64) -> Option<(Frame, ChainHash)> {
    let Stub { parked } = serde_json::from_str(bytes).ok()?;
    let said = Said::Parked {
        op_id: parked.op_id,
    };
    let hash = parked.hash;
    Some((Frame { seq, hash, said }, parked.prev_hash))
}

/// True when the bytes are chunk `index` of the document that the manifest speaks of.
pub fn chunk_fits(manifest: &DocumentManifest, index: usize, bytes: &[u8]) -> bool {
    let size = usize::try_from(manifest.size_bytes).unwrap_or(usize::MAX);
    let length = size
        .saturating_sub(index.saturating_mul(CHUNK_BYTES))
        .min(CHUNK_BYTES);
    let hash = manifest.chunks.get(index);
    bytes.len() == length && hash.is_some_and(|hash| hex::encode(Sha256::digest(bytes)) == *hash)
}

/// True when the manifest's numbers agree with each other and with the limits.
pub fn manifest_holds(manifest: &DocumentManifest, size_limit: u64) -> bool {
    let chunk = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
    let chunks = u64::try_from(manifest.chunks.len()).unwrap_or(u64::MAX);
    let is_hash = |text: &String| {
        text.len() == 64
            && text
                .bytes()
                .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    };
    manifest.size_bytes > 0
        && manifest.size_bytes <= size_limit
        && chunks == manifest.size_bytes.div_ceil(chunk)
        && is_hash(&manifest.sha256)
        && manifest.chunks.iter().all(is_hash)
}
