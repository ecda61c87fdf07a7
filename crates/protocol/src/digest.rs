//! `POST /v1/sync/digest`: does a desk hold the cases that the server holds? `sync.md` section 5.
//!
//! Three questions, each only when the one before gave reason for it: one hash over everything, 256 hashes of buckets,
//! the cases of the buckets that differ. A desk computes its hashes from what it has; it never takes over the server's.

use crate::sync::Change;
use desk_domain::ids::{CaseId, OfficeCode};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestRequest {
    pub scope: OfficeCode,
    /// Where the desk stands in the feed; hashes are compared only when the server stands there too.
    pub cursor: u64,
    /// Version of the shape of a case that the hashes were taken over ([`desk_domain::digest::SHAPE`]).
    pub shape: u32,
    pub ask: DigestAsk,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case", deny_unknown_fields)]
pub enum DigestAsk {
    /// Is everything the same?
    Whole { hash: String },
    /// Which buckets differ? One hash for each, in order.
    Buckets { hashes: Vec<String> },
    /// The cases of these buckets behind a place.
    Cases {
        buckets: Vec<u8>,
        #[serde(default)]
        after: Option<DigestPlace>,
    },
}

/// Cases are gone through by bucket and, within it, by id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct DigestPlace {
    pub bucket: u8,
    pub case: CaseId,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DigestReply {
    pub scope: OfficeCode,
    /// The position this reply is true at.
    pub position: u64,
    /// False when the server stands elsewhere in the feed or knows another shape: ask again later.
    pub compared: bool,
    #[serde(default)]
    pub same: bool,
    #[serde(default)]
    pub differing: Vec<u8>,
    /// Cases, whole. Together with `next` they say what the server has from the place asked for up to there.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// The last place looked at; none when these were the last cases.
    #[serde(default)]
    pub next: Option<DigestPlace>,
}
