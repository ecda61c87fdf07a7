//! Frames: one kind, one length, one payload. Ops and pages travel in the shapes that HTTP uses, so that both ways end
//! in the same code.

use crate::error::BundleError;
use crate::header::Header;
use desk_domain::case::CHUNK_BYTES;
use desk_domain::ids::DocumentId;
use desk_protocol::documents::OfferRequest;
use desk_protocol::sync::{PullReply, PushReply, PushRequest, SnapshotReply};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bytes of kind and length.
pub(crate) const PREFIX: usize = 5;
const CHUNK_PREFIX: usize = 20;
const MIB: usize = 1024 * 1024;

/// One thing that a bundle carries, after its header and before its end.
#[derive(Clone, Debug)]
pub enum Frame {
    /// Consecutive ops, exactly as a push has them.
    Ops(PushRequest),
    /// What the following chunks are.
    Document(OfferRequest),
    Chunk {
        document: DocumentId,
        index: u32,
        bytes: Vec<u8>,
    },
    /// Stored up to this head, with the verdicts of the ops before it.
    Receipt(PushReply),
    Policy(PolicyText),
    Page(Page),
    Fill(FillPage),
}

/// The policy in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PolicyText {
    pub version: u32,
    pub toml: String,
}

/// A page of a feed, and the place that it goes on from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page {
    pub from: u64,
    pub page: PullReply,
}

/// A page of a first fill, and what it goes on after.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FillPage {
    pub after: Option<String>,
    pub page: SnapshotReply,
}

/// The last frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct End {
    /// Frames before this one, header included.
    pub frames: u32,
    /// Ed25519 by the sender, base64.
    pub signature: String,
}

/// What stands before each payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Header,
    Ops,
    Document,
    Chunk,
    Receipt,
    Policy,
    Page,
    Fill,
    End,
}

impl Kind {
    const ALL: [(u8, Self); 9] = [
        (1, Self::Header),
        (2, Self::Ops),
        (3, Self::Document),
        (4, Self::Chunk),
        (5, Self::Receipt),
        (6, Self::Policy),
        (7, Self::Page),
        (8, Self::Fill),
        (9, Self::End),
    ];

    pub fn of(byte: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find_map(|(number, kind)| (number == byte).then_some(kind))
    }

    pub fn byte(self) -> u8 {
        Self::ALL
            .into_iter()
            .find_map(|(number, kind)| (kind == self).then_some(number))
            .unwrap_or_default()
    }

    /// Largest payload of this kind.
    pub const fn most_bytes(self) -> usize {
        match self {
            Self::Header => 4 * MIB,
            // A group of 400 ops of 64 KiB is the most that one action writes.
            Self::Ops | Self::Page | Self::Fill | Self::Receipt => 32 * MIB,
            Self::Document | Self::Policy => MIB,
            Self::Chunk => CHUNK_BYTES + CHUNK_PREFIX,
            Self::End => 1024,
        }
    }
}

impl Frame {
    /// Bytes that a document with this manifest takes, chunks and prefixes included.
    pub fn document_bytes(size_bytes: u64, chunks: usize) -> u64 {
        let per_chunk = PREFIX + CHUNK_PREFIX + 80;
        let around = chunks.saturating_mul(per_chunk).saturating_add(1024);
        size_bytes.saturating_add(u64::try_from(around).unwrap_or(u64::MAX))
    }

    pub(crate) fn encode(&self) -> Result<(Kind, Vec<u8>), BundleError> {
        Ok(match self {
            Self::Ops(push) => (Kind::Ops, json(push)?),
            Self::Document(offer) => (Kind::Document, json(offer)?),
            Self::Chunk {
                document,
                index,
                bytes,
            } => {
                let mut payload = Vec::with_capacity(CHUNK_PREFIX + bytes.len());
                payload.extend_from_slice(document.uuid().as_bytes());
                payload.extend_from_slice(&index.to_le_bytes());
                payload.extend_from_slice(bytes);
                (Kind::Chunk, payload)
            }
            Self::Receipt(receipt) => (Kind::Receipt, json(receipt)?),
            Self::Policy(policy) => (Kind::Policy, json(policy)?),
            Self::Page(page) => (Kind::Page, json(page)?),
            Self::Fill(page) => (Kind::Fill, json(page)?),
        })
    }

    pub(crate) fn decode(kind: Kind, payload: &[u8]) -> Result<Self, BundleError> {
        Ok(match kind {
            Kind::Ops => Self::Ops(of_json(payload)?),
            Kind::Document => Self::Document(of_json(payload)?),
            Kind::Chunk => {
                chunk(payload).ok_or(BundleError::Damaged("a chunk without its place"))?
            }
            Kind::Receipt => Self::Receipt(of_json(payload)?),
            Kind::Policy => Self::Policy(of_json(payload)?),
            Kind::Page => Self::Page(of_json(payload)?),
            Kind::Fill => Self::Fill(of_json(payload)?),
            Kind::Header | Kind::End => {
                return Err(BundleError::Damaged("a second header"));
            }
        })
    }
}

fn chunk(payload: &[u8]) -> Option<Frame> {
    let (document, rest) = payload.split_first_chunk::<16>()?;
    let (index, bytes) = rest.split_first_chunk::<4>()?;
    Some(Frame::Chunk {
        document: DocumentId::from_uuid(Uuid::from_bytes(*document)),
        index: u32::from_le_bytes(*index),
        bytes: bytes.to_vec(),
    })
}

pub(crate) fn header_of(payload: &[u8]) -> Result<Header, BundleError> {
    of_json(payload)
}

pub(crate) fn end_of(payload: &[u8]) -> Result<End, BundleError> {
    of_json(payload)
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, BundleError> {
    serde_json::to_vec(value).map_err(|_| BundleError::Damaged("a frame that is not JSON"))
}

fn of_json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, BundleError> {
    serde_json::from_slice(payload).map_err(|_| BundleError::Damaged("a frame is not readable"))
}
