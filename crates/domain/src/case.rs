//! The case as it stands: the fold of its applied ops. Serialised whole as the snapshot on the wire.

use crate::case_no::CaseNo;
use crate::field::{FieldKey, FieldValue};
use crate::ids::{CaseId, DocumentId, MerchantId, OfficeCode, OpId, UserId};
use crate::knowledge::SERVICE_TEMPLATES;
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

impl CaseState {
    /// Before a decision: what is written still counts.
    pub const fn takes_facts(self) -> bool {
        matches!(
            self,
            Self::Draft | Self::Waiting | Self::Returned | Self::Submitted | Self::InReview
        )
    }
    /// Nothing but a reopening follows.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Closed
                | Self::Rejected
                | Self::Withdrawn
                | Self::Resolved
                | Self::Referred
                | Self::Duplicate
        )
    }
    /// The clocks stand still.
    pub const fn is_paused(self) -> bool {
        matches!(self, Self::Waiting | Self::Returned | Self::OnHold)
    }
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Waiting => "waiting",
            Self::Submitted => "submitted",
            Self::InReview => "in_review",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Executing => "executing",
            Self::Unbound => "unbound",
            Self::Closed => "closed",
            Self::Rejected => "rejected",
            Self::ExecFailed => "exec_failed",
            Self::ExecUnknown => "exec_unknown",
            Self::OnHold => "on_hold",
            Self::Withdrawn => "withdrawn",
            Self::Resolved => "resolved",
            Self::Referred => "referred",
            Self::Duplicate => "duplicate",
        }
    }
}

impl DocumentKind {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::PurchaseContract => "purchase_contract",
            Self::LeaseContract => "lease_contract",
            Self::Receipt => "receipt",
            Self::IdCardFront => "id_card_front",
            Self::IdCardBack => "id_card_back",
            Self::BusinessLicence => "business_licence",
            Self::PowerOfAttorney => "power_of_attorney",
            Self::HandlerIdFront => "handler_id_front",
            Self::HandlerIdBack => "handler_id_back",
            Self::PoliceReceipt => "police_receipt",
            Self::LossStatement => "loss_statement",
            Self::DeviceLabel => "device_label",
            Self::FaultPhoto => "fault_photo",
            Self::SignedForm => "signed_form",
            Self::SalesSlip => "sales_slip",
            Self::TransferAgreement => "transfer_agreement",
            Self::LicenceCancellation => "licence_cancellation",
            Self::Other => "other",
        }
    }
}

impl CaseDocument {
    /// Neither replaced nor detached.
    pub const fn is_active(&self) -> bool {
        self.replaced_by.is_none() && self.detached.is_none()
    }
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
    /// Ops that said the same; who builds on one of them has seen this value.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also: BTreeSet<OpId>,
}

/// How a conflict ended, so that a second answer to it is not lost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResolvedConflict {
    pub field: FieldKey,
    pub by_op: OpId,
}

/// A second submission of other content: the reviewer sees that there is one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Amendment {
    pub op: OpId,
    pub by: UserId,
    pub at: Millis,
    pub digest: ChainHash,
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
    Field {
        #[ts(type = "string")]
        key: FieldKey,
    },
    Document {
        #[ts(type = "string")]
        id: DocumentId,
    },
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
    #[serde(default)]
    pub created_op: Option<OpId>,
    #[serde(default)]
    pub submitted_op: Option<OpId>,
    #[serde(default)]
    pub resolved: BTreeMap<OpId, ResolvedConflict>,
    #[serde(default)]
    pub amendments: Vec<Amendment>,
    /// The persons who waived a document: they may not also be the ones who approve.
    #[serde(default)]
    pub waived_by: BTreeSet<UserId>,
    #[serde(default)]
    pub follow_up_at: Option<Millis>,
    /// Day on which a hold is looked at again.
    #[serde(default)]
    pub hold_review_date: Option<String>,
    #[serde(default)]
    pub notes: Vec<Note>,
}

/// What somebody wrote for colleagues.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    pub op: OpId,
    pub by: UserId,
    pub at: Millis,
    pub text: String,
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

impl Case {
    /// The value of a field, if it has one.
    pub fn value(&self, key: FieldKey) -> Option<&FieldValue> {
        self.fields.get(&key).and_then(|state| state.value.as_ref())
    }
    /// The text of a field; empty when there is none.
    pub fn text(&self, key: FieldKey) -> &str {
        match self.value(key) {
            Some(FieldValue::Text(text)) => text,
            Some(FieldValue::Flag(_) | FieldValue::Set(_)) | None => "",
        }
    }
    /// A flag that was set to true.
    pub fn is_set(&self, key: FieldKey) -> bool {
        matches!(self.value(key), Some(FieldValue::Flag(true)))
    }
    /// The members of a set field; empty when there is none.
    pub fn members(&self, key: FieldKey) -> BTreeSet<String> {
        match self.value(key) {
            Some(FieldValue::Set(set)) => set.clone(),
            Some(FieldValue::Flag(_) | FieldValue::Text(_)) | None => BTreeSet::new(),
        }
    }
    /// Documents that count: neither replaced nor detached.
    pub fn active_documents(&self) -> impl Iterator<Item = (&DocumentId, &CaseDocument)> {
        self.documents
            .iter()
            .filter(|(_, document)| document.is_active())
    }
    /// The state whose rules hold: a held case keeps those of where it came from.
    pub fn effective_state(&self) -> CaseState {
        match (self.state, self.held_from) {
            (CaseState::OnHold, Some(from)) => from,
            (state, _) => state,
        }
    }
    /// The last word to the merchant was an SMS that did not arrive: somebody has to call.
    pub fn asks_for_a_call(&self) -> bool {
        let tells = |notice: &&Notice| !SERVICE_TEMPLATES.contains(&notice.template.as_str());
        let last = self.notices.iter().rev().find(tells);
        last.is_some_and(|notice| !notice.delivered && notice.channel == NoticeChannel::Sms)
    }
    /// The terminal goes on trading though it was unbound: the acquirer has to be asked.
    pub fn is_ghost(&self) -> bool {
        self.risk.signals.contains(crate::risk::TRADED_AFTER_UNBIND)
    }
    /// The merchant of record has asked to stop, and no supervisor has looked into it yet.
    pub fn is_stopped_by_merchant(&self) -> bool {
        let said = self.risk.signals.contains(crate::risk::STOPPED_BY_MERCHANT);
        said && self.risk.cleared_by.is_none()
    }
    /// Fingerprint of what a reviewer sees: values, active documents, evidence and waivers, but not verdicts on them.
    ///
    /// Keys are the names on the wire, so that versions with another order of fields agree.
    pub fn content_digest(&self) -> ChainHash {
        let fields: BTreeMap<&str, &FieldValue> = self
            .fields
            .iter()
            .filter_map(|(key, state)| Some((key.as_str(), state.value.as_ref()?)))
            .collect();
        let documents: BTreeMap<String, (&str, &str)> = self
            .active_documents()
            .map(|(id, document)| {
                (
                    id.to_string(),
                    (document.kind.as_str(), document.manifest.sha256.as_str()),
                )
            })
            .collect();
        let evidence: BTreeSet<(String, &str)> = self
            .evidence
            .iter()
            .map(|evidence| (format!("{:?}", evidence.kind), evidence.note.as_str()))
            .collect();
        let waivers: BTreeMap<&str, &str> = self
            .waivers
            .iter()
            .map(|(kind, reason)| (kind.as_str(), reason.as_str()))
            .collect();
        // A tuple of sorted maps: the bytes do not depend on how a JSON library orders objects.
        let content =
            serde_json::to_string(&(fields, documents, evidence, waivers)).unwrap_or_default();
        ChainHash::after(ChainHash::GENESIS, content.as_bytes())
    }
}
