//! The op: its envelope, its exact bytes, its hash chain, and every body ever shipped.
//!
//! The exact bytes are stored and sent verbatim; the hash covers them, so an op of a future kind survives old desks.

use crate::case::{
    CloseWay, DocumentKind, DocumentManifest, EvidenceKind, ExecutionResult, FollowUpResult,
    NoticeChannel, Provenance, ReturnItem, TerminalResult, Verdict,
};
use crate::case_no::CaseNo;
use crate::field::{FieldKey, FieldValue};
use crate::ids::{
    CaseId, DeviceId, DocumentId, GroupId, Incarnation, MerchantId, OfficeCode, OpId, UserId,
};
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// BLAKE3 output, hexadecimal on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// The hash before the first op of an incarnation.
    pub const GENESIS: Self = Self([0; 32]);

    /// `BLAKE3(prev ‖ bytes)`.
    pub fn after(prev: Self, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&prev.0);
        hasher.update(bytes);
        Self(*hasher.finalize().as_bytes())
    }
    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// Wraps 32 bytes read from a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// Parses 64 hexadecimal characters.
    pub fn parse(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text)
            .ok()
            .map(|hash| Self(*hash.as_bytes()))
    }
}

impl std::fmt::Display for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}
impl std::fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
impl Serialize for ChainHash {
    fn serialize<S: serde::Serializer>(&self, ser: S) -> Result<S::Ok, S::Error> {
        ser.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: serde::Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
        let text = String::deserialize(de)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("hash: 64 hexadecimal characters"))
    }
}

/// All ops of one user action: never split over batches, in effect as a whole ([`crate::group`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    /// Place in the group, from 0.
    pub i: u16,
    /// Number of ops in the group, ≥ 1.
    pub len: u16,
}

/// Hybrid logical time, for display and for spotting skew; never picks a winner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Hlc {
    pub ms: Millis,
    pub n: u32,
}

/// One immutable thing a person did, as on the wire and in the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Op {
    pub op_id: OpId,
    pub device: DeviceId,
    pub incarnation: Incarnation,
    /// From 1, without holes, within (device, incarnation).
    pub seq: u64,
    pub prev_hash: ChainHash,
    pub actor: UserId,
    pub case: CaseId,
    pub group: Group,
    /// `noun.verb`, see [`OpBody::KINDS`].
    pub kind: String,
    pub version: u16,
    pub body: Box<RawValue>,
    /// `field.set` only: the op that wrote the value its author saw (a field's revision is its last writer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_rev: Option<OpId>,
    pub hlc: Hlc,
    pub captured_at: Millis,
}

/// Largest op in bytes that a server takes and a desk writes.
pub const MAX_OP_BYTES: usize = 64 * 1024;

/// Why bytes are not an op.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    #[error("op is {0} bytes, the limit is {MAX_OP_BYTES}")]
    TooLarge(usize),
    #[error("op is not the agreed JSON: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("op kind {0} is not known to this version")]
    UnknownKind(String),
}

impl Op {
    /// Reads an envelope; the body is not looked into.
    pub fn parse(bytes: &str) -> Result<Self, OpError> {
        if bytes.len() > MAX_OP_BYTES {
            return Err(OpError::TooLarge(bytes.len()));
        }
        Ok(serde_json::from_str(bytes)?)
    }
    /// The exact bytes to store and send, once and for all.
    pub fn to_bytes(&self) -> Result<String, OpError> {
        let bytes = serde_json::to_string(self)?;
        if bytes.len() > MAX_OP_BYTES {
            return Err(OpError::TooLarge(bytes.len()));
        }
        Ok(bytes)
    }
    /// Hash of what it says, without its place in a chain: a clone or a restored desk re-chains its ops under the same ids.
    pub fn content(&self) -> Result<ChainHash, OpError> {
        let said = serde_json::to_string(&(
            self.device,
            self.actor,
            self.case,
            &self.kind,
            self.version,
            &self.body,
            self.base_rev,
            self.captured_at,
        ))?;
        Ok(ChainHash::after(ChainHash::GENESIS, said.as_bytes()))
    }
    /// Reads the body by kind.
    pub fn body(&self) -> Result<OpBody, OpError> {
        OpBody::parse(&self.kind, self.version, &self.body)
    }
}

macro_rules! op_bodies {
    ($($(#[$doc:meta])* $variant:ident = $kind:literal { $($field:ident : $ty:ty),* $(,)? }),+ $(,)?) => {
        /// What was done. Facts are kept, commands are judged.
        #[derive(Clone, PartialEq, Debug)]
        pub enum OpBody {$( $(#[$doc])* $variant { $($field: $ty),* } ),+}

        impl OpBody {
            /// Every kind this version knows.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];

            /// The stable name on the wire.
            pub const fn kind(&self) -> &'static str {
                match self {$( Self::$variant { .. } => $kind ),+}
            }
            /// The JSON of the body alone.
            pub fn to_raw(&self) -> Result<Box<RawValue>, OpError> {
                match self {$(
                    Self::$variant { $($field),* } => {
                        #[derive(Serialize)]
                        struct Shape<'a> { $($field: &'a $ty,)* #[serde(skip)] _life: std::marker::PhantomData<&'a ()> }
                        let shape = Shape { $($field,)* _life: std::marker::PhantomData };
                        Ok(RawValue::from_string(serde_json::to_string(&shape)?)?)
                    }
                ),+}
            }
            /// Reads a body; unknown fields are kept in the bytes and ignored here.
            pub fn parse(kind: &str, version: u16, raw: &RawValue) -> Result<Self, OpError> {
                if version != 1 {
                    return Err(OpError::UnknownKind(format!("{kind}@{version}")));
                }
                match kind {$(
                    $kind => {
                        #[derive(Deserialize)]
                        struct Shape { $($field: $ty),* }
                        let shape: Shape = serde_json::from_str(raw.get())?;
                        let Shape { $($field),* } = shape;
                        Ok(Self::$variant { $($field),* })
                    }
                )+
                    other => Err(OpError::UnknownKind(other.to_owned())),
                }
            }
        }
    };
}

op_bodies! {
    // Facts
    CaseCreate = "case.create" { case_no: CaseNo, office: OfficeCode, parent: Option<CaseId> },
    /// `value` none clears the field. `accepted` are the warning codes that the agent overrode, each with the reason given.
    FieldSet = "field.set" { field: FieldKey, value: Option<FieldValue>, source: Provenance, accepted: BTreeMap<String, String> },
    CallLog = "call.log" { direction: String, call_ref: Option<String>, started_at: Millis, ended_at: Option<Millis> },
    /// Blind match: what was compared and whether it agreed; never a stored value.
    IdentityMatch = "identity.match" { merchant: Option<MerchantId>, agreed: BTreeSet<FieldKey>, differed: BTreeSet<FieldKey> },
    EvidenceRecord = "evidence.record" { evidence: EvidenceKind, call_ref: Option<String>, note: String },
    DocumentAttach = "document.attach" { document: DocumentId, kind: DocumentKind, manifest: DocumentManifest, replaces: Option<DocumentId> },
    /// The server holds every byte; actor is the server's own device.
    DocumentStored = "document.stored" { document: DocumentId },
    DocumentDetach = "document.detach" { document: DocumentId, reason: String },
    NoteAdd = "note.add" { text: String },
    ConflictResolve = "conflict.resolve" { conflict: OpId, value: Option<FieldValue> },
    /// What the agent says to one returned item when nothing else answers it.
    ReturnAnswer = "return.answer" { item: u32, text: String },
    NoticeRecord = "notice.record" { channel: NoticeChannel, template: String, delivered: bool, note: String },
    /// T+1: can the merchant see the records on the platform?
    FollowUpRecord = "follow_up.record" { result: FollowUpResult, note: String },
    RevealRecord = "audit.reveal" { field: FieldKey, reason: String },
    DocumentOpen = "audit.open_document" { document: DocumentId },
    RiskAssess = "risk.assess" { points: u32, signals: BTreeSet<String> },

    // Commands
    Submit = "case.submit" { digest: ChainHash },
    Wait = "case.wait" { missing: Vec<String>, promise_date: String },
    Resume = "case.resume" { note: String },
    Withdraw = "case.withdraw" { reason: String, identity_checked: bool },
    /// resolved, referred or duplicate (which names the surviving case).
    Finish = "case.finish" { way: CloseWay, reason: String, surviving: Option<CaseNo> },
    ReviewTake = "review.take" { note: String },
    DocumentJudge = "document.judge" { document: DocumentId, verdict: Verdict, code: Option<String>, note: String },
    DocumentWaive = "document.waive" { kind: DocumentKind, reason: String },
    ReviewReturn = "review.return" { items: Vec<ReturnItem> },
    ReviewReject = "review.reject" { code: String, appeal: String },
    ReviewApprove = "review.approve" { digest: ChainHash },
    Hold = "case.hold" { reason: String, review_date: String },
    Unhold = "case.unhold" { reason: String },
    RiskClear = "risk.clear" { reason: String },
    ExecuteStart = "execution.start" { idempotency_key: String },
    ExecuteRecord = "execution.record" { result: ExecutionResult, reference: String, evidence: String, terminals: Vec<TerminalResult>, requeried: bool },
    Close = "case.close" { note: String },
    Reopen = "case.reopen" { reason: String, new_evidence: String },
}

impl OpBody {
    /// True for what is judged by the transition table; a fact is kept whatever the state.
    pub const fn is_command(&self) -> bool {
        match self {
            Self::CaseCreate { .. }
            | Self::FieldSet { .. }
            | Self::CallLog { .. }
            | Self::IdentityMatch { .. }
            | Self::EvidenceRecord { .. }
            | Self::DocumentAttach { .. }
            | Self::DocumentStored { .. }
            | Self::DocumentDetach { .. }
            | Self::NoteAdd { .. }
            | Self::ConflictResolve { .. }
            | Self::ReturnAnswer { .. }
            | Self::NoticeRecord { .. }
            | Self::FollowUpRecord { .. }
            | Self::RevealRecord { .. }
            | Self::DocumentOpen { .. }
            | Self::RiskAssess { .. } => false,
            Self::Submit { .. }
            | Self::Wait { .. }
            | Self::Resume { .. }
            | Self::Withdraw { .. }
            | Self::Finish { .. }
            | Self::ReviewTake { .. }
            | Self::DocumentJudge { .. }
            | Self::DocumentWaive { .. }
            | Self::ReviewReturn { .. }
            | Self::ReviewReject { .. }
            | Self::ReviewApprove { .. }
            | Self::Hold { .. }
            | Self::Unhold { .. }
            | Self::RiskClear { .. }
            | Self::ExecuteStart { .. }
            | Self::ExecuteRecord { .. }
            | Self::Close { .. }
            | Self::Reopen { .. } => true,
        }
    }
}
