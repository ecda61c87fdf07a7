//! The case as it stands: the fold of its applied ops. Serialised whole as the snapshot on the wire.

use crate::case_no::CaseNo;
use crate::field::{FieldKey, FieldValue};
use crate::ids::{CaseId, DocumentId, MerchantId, OfficeCode, OpId, UserId};
use crate::op::ChainHash;
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use ts_rs::TS;

macro_rules! choice {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, TS)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),+ }
        impl $name {
            /// Every value, in the order of the paper.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }
    )+};
}

choice! {
    /// `product.md` section 4. Draft's steps are a computed checklist, never states.
    CaseState {
        Draft, Waiting, Submitted, InReview, Returned, Approved, Executing, Unbound, Closed,
        Rejected, ExecFailed, ExecUnknown, OnHold, Withdrawn, Resolved, Referred, Duplicate,
    }
    DocumentKind {
        Invoice, PurchaseContract, LeaseContract, Receipt, IdCardFront, IdCardBack, BusinessLicence,
        PowerOfAttorney, HandlerIdFront, HandlerIdBack, PoliceReceipt, LossStatement, DeviceLabel, FaultPhoto,
        SignedForm, SalesSlip, TransferAgreement, LicenceCancellation, Other,
    }
    /// A reviewer's word on one document.
    Verdict { Accepted, Returned, Rejected }
    /// Assurance evidence; points and classes come from the policy.
    EvidenceKind { OneTimeCode, CallBack, CallBackWithCallId, MerchantApp, TerminalCode, MicroAmount, InPerson, SiteVisit, OfficialIdService }
    /// How a value came into a field.
    Provenance { Spoken, Typed, Scanned, Qr, Registry, Paper, Previous, Review }
    CloseWay { Resolved, Referred, Duplicate }
    ExecutionResult { Unbound, Failed, Unknown }
    NoticeChannel { Sms, Call, Wechat, InPerson }
    FollowUpResult { RecordsSeen, RecordsMissing, Unreachable }
}

/// What the bytes of a document are; chunks of 1 MiB.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentManifest {
    /// SHA-256 of the original, 64 hexadecimal characters.
    pub sha256: String,
    pub size_bytes: u64,
    /// SHA-256 of each 1 MiB chunk, in order.
    pub chunks: Vec<String>,
    /// `image/jpeg`, `image/png`, `image/webp` or `application/pdf`.
    pub mime: String,
    pub pages: u32,
}

/// 1 MiB.
pub const CHUNK_BYTES: usize = 1024 * 1024;

/// One value with its revision: the op that wrote it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldState {
    pub value: Option<FieldValue>,
    pub rev: OpId,
    pub by: UserId,
    pub at: Millis,
    pub source: Provenance,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted: BTreeMap<String, String>,
}

/// Two values for one field, both kept. The canonical one stays until a person chooses.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldConflict {
    pub field: FieldKey,
    /// The losing value, its author and its time.
    pub value: Option<FieldValue>,
    pub by: UserId,
    pub at: Millis,
    pub source: Provenance,
}

/// One attached document and what has been said about it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaseDocument {
    pub kind: DocumentKind,
    pub manifest: DocumentManifest,
    pub by: UserId,
    pub at: Millis,
    /// The server holds every byte.
    pub stored: bool,
    pub verdict: Option<Judgement>,
    /// Superseded or detached documents stay, out of the checklist.
    pub replaced_by: Option<DocumentId>,
    pub detached: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Judgement {
    pub verdict: Verdict,
    pub code: Option<String>,
    pub note: String,
    pub by: UserId,
    pub at: Millis,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    pub op: OpId,
    pub kind: EvidenceKind,
    pub by: UserId,
    pub at: Millis,
    pub note: String,
}

/// The blind check so far. Reference values never stand here.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct IdentityCheck {
    pub merchant: Option<MerchantId>,
    pub agreed: BTreeSet<FieldKey>,
    pub failures: u32,
    pub locked_until: Option<Millis>,
}

/// What a reviewer wants mended.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum ReturnTarget {
    Field { #[ts(type = "string")] key: FieldKey },
    Document { #[ts(type = "string")] id: DocumentId },
    /// A document that is not there at all.
    Missing { kind: DocumentKind },
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct ReturnItem {
    pub target: ReturnTarget,
    /// Coded reason of the policy's list.
    pub code: String,
    pub text: String,
}

/// A returned item and its answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OpenReturn {
    pub item: ReturnItem,
    pub by: UserId,
    pub at: Millis,
    pub answered: Option<OpId>,
    pub answer: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct TerminalResult {
    pub terminal_no: String,
    pub result: ExecutionResult,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Execution {
    pub idempotency_key: String,
    pub started_by: UserId,
    pub started_at: Millis,
    pub result: Option<ExecutionResult>,
    pub reference: String,
    pub evidence: String,
    pub terminals: Vec<TerminalResult>,
    pub finished_at: Option<Millis>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// The human being, so that two accounts of one person are one.
    pub person: UserId,
    pub user: UserId,
    pub digest: ChainHash,
    pub at: Millis,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    pub channel: NoticeChannel,
    pub template: String,
    pub delivered: bool,
    pub by: UserId,
    pub at: Millis,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Risk {
    pub points: u32,
    pub signals: BTreeSet<String>,
    pub cleared_by: Option<UserId>,
}

/// A pause of the promise clock; `until` none while it lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pause {
    pub from: Millis,
    pub until: Option<Millis>,
}

/// Instants that the clocks of `product.md` section 4 need; captured times, so that an offline branch is not punished.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Moments {
    pub created_at: Millis,
    pub submitted_at: Option<Millis>,
    /// When the server had it: the promise to the merchant stays honest.
    pub received_at: Option<Millis>,
    pub taken_at: Option<Millis>,
    pub approved_at: Option<Millis>,
    pub unbound_at: Option<Millis>,
    pub told_at: Option<Millis>,
    pub closed_at: Option<Millis>,
    pub pauses: Vec<Pause>,
}

/// One case. A field added later carries `#[serde(default)]`: old snapshots stay readable for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Case {
    pub id: CaseId,
    pub case_no: CaseNo,
    pub office: OfficeCode,
    pub parent: Option<CaseId>,
    pub state: CaseState,
    /// Where `on_hold` goes back to.
    pub held_from: Option<CaseState>,
    /// Count of applied ops.
    pub rev: u64,
    pub created_by: UserId,
    /// Users and persons who wrote anything that a reviewer judges.
    pub makers: BTreeSet<UserId>,
    pub reviewer: Option<UserId>,
    pub fields: BTreeMap<FieldKey, FieldState>,
    pub conflicts: BTreeMap<OpId, FieldConflict>,
    pub documents: BTreeMap<DocumentId, CaseDocument>,
    pub waivers: BTreeMap<DocumentKind, String>,
    pub identity: IdentityCheck,
    pub evidence: Vec<Evidence>,
    pub returns: Vec<OpenReturn>,
    /// Times it came back.
    pub return_count: u32,
    pub approvals: Vec<Approval>,
    /// A reviewer's wish to reject for fraud, waiting for a supervisor.
    pub fraud_reject_by: Option<UserId>,
    pub risk: Risk,
    pub executions: Vec<Execution>,
    pub notices: Vec<Notice>,
    pub follow_up: Option<FollowUpResult>,
    pub waiting_missing: Vec<String>,
    pub promise_date: Option<String>,
    pub submitted_digest: Option<ChainHash>,
    /// Why it ended where it ended (reject, withdraw, finish, hold).
    pub reason: Option<String>,
    pub surviving: Option<CaseNo>,
    pub flagged_late_facts: u32,
    pub moments: Moments,
}

/// One line of the case's history, for people. Values are never in it, only keys and codes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub op: OpId,
    pub case: CaseId,
    pub at: Millis,
    pub by: UserId,
    /// The op's kind.
    pub kind: String,
    /// Small, non-personal parameters (field key, document kind, state from and to, reason code).
    pub params: BTreeMap<String, String>,
}
