//! hello, push, pull, snapshot: `sync.md` section 5.

use crate::wipe::SignedWipe;
use desk_domain::case::{Case, TimelineEntry};
use desk_domain::ids::{CaseId, DeviceId, Incarnation, OfficeCode, OpId};
use desk_domain::op::ChainHash;
use desk_domain::outcome::Outcome;
use desk_domain::people::UserCard;
use desk_domain::registry::MerchantRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// `POST /v1/sync/hello`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HelloRequest {
    pub device: DeviceId,
    pub app_version: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HelloReply {
    pub server_version: String,
    pub protocol: u32,
    pub oldest_protocol: u32,
    pub limits: Limits,
    /// Heads of every incarnation of this device.
    pub heads: Vec<Head>,
    /// Highest seq per incarnation that a verified backup holds.
    #[serde(default)]
    pub backup_safe_seq: BTreeMap<Incarnation, u64>,
    /// Feeds this user may pull, one per office.
    pub scopes: Vec<OfficeCode>,
    /// TOML text of the policy in force, and its version.
    pub policy: String,
    pub policy_version: u32,
    /// Ed25519 by the server over [`crate::policy::policy_message`], base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_signature: Option<String>,
    /// Whom bundles that travel by hand are sealed for (`age1…`); none when this server takes no bundles.
    #[serde(default)]
    pub bundle_recipients: Vec<String>,
    /// Whom return bundles are signed by: Ed25519, base64.
    #[serde(default)]
    pub bundle_signer: Option<String>,
    /// An order to destroy what this desk holds.
    #[serde(default)]
    pub wipe: Option<SignedWipe>,
    /// The telephone system of this desk's office tells of its calls, and they concern whoever is signed in: worth listening.
    #[serde(default)]
    pub hears_calls: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    pub push_ops: usize,
    pub push_bytes: usize,
    pub page: usize,
    pub wait_ms: u64,
    pub document_bytes: u64,
}

/// The last op the server has of one life of a journal; seq 0 and genesis when it has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    pub incarnation: Incarnation,
    pub seq: u64,
    pub hash: ChainHash,
}

/// `POST /v1/sync/push`: consecutive ops of one incarnation, verbatim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PushRequest {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    /// Seq of the first op here.
    pub first_seq: u64,
    /// Exact bytes of each op.
    pub ops: Vec<Box<RawValue>>,
    /// Ed25519 by the device over the hash of the last op, base64.
    pub signature: String,
}

/// The reply after COMMIT: everything up to `head` is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PushReply {
    pub head: Head,
    /// Outcome of each op of the request, in its order.
    pub outcomes: Vec<OpOutcome>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OpOutcome {
    pub op_id: OpId,
    pub outcome: Outcome,
}

/// `GET /v1/sync/pull?scope=&cursor=&wait_ms=&limit=`. `cursor` is a position; 0 asks for a snapshot first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PullQuery {
    pub scope: OfficeCode,
    pub cursor: u64,
    #[serde(default)]
    pub wait_ms: u64,
    #[serde(default)]
    pub limit: Option<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PullReply {
    pub scope: OfficeCode,
    /// Position after this page: save it in the transaction that applies the page.
    pub cursor: u64,
    /// More pages wait.
    pub more: bool,
    pub changes: Vec<Change>,
}

/// One changed thing, whole: applying a change twice is harmless.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Change {
    Case(Box<CaseChange>),
    Merchant(Box<MerchantRecord>),
    User(Box<UserCard>),
    /// The case left this scope; unsent ops of it stay.
    CaseGone {
        case: CaseId,
    },
    /// Verdicts on ops of the asking device that changed no case and so travel with none: refused, held, nothing to do.
    /// In a first fill only: after the server was restored, they may be others than the desk was told.
    Outcomes {
        outcomes: Vec<OpOutcome>,
    },
}

/// The snapshot of one case, and its timeline entries since the cursor asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaseChange {
    pub case: Case,
    pub timeline: Vec<TimelineEntry>,
    /// Ops folded into this snapshot whose outcomes the desk may still lack: (op, outcome) of ops of the asking device.
    #[serde(default)]
    pub outcomes: Vec<OpOutcome>,
}

/// `GET /v1/sync/snapshot?scope=&after=&limit=`: first fill, resumable by the last id seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotQuery {
    pub scope: OfficeCode,
    /// Opaque `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    #[serde(default)]
    pub limit: Option<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotReply {
    pub scope: OfficeCode,
    /// The position this fill is true at, fixed by its first page: pull from here afterwards.
    pub position: u64,
    /// None when the fill is complete.
    pub next: Option<String>,
    pub changes: Vec<Change>,
}
