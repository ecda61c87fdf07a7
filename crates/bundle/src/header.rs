//! The first frame: whose bundle this is, which way it goes, and what it asks or answers.

use desk_domain::ids::{BundleId, DeviceId, DocumentId, Epoch, Incarnation, OfficeCode, UserId};
use desk_domain::time::Millis;
use desk_protocol::sync::Head;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What every bundle says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    pub bundle: BundleId,
    /// The office of the desk.
    pub office: OfficeCode,
    /// The desk that made it, or that it is for.
    pub device: DeviceId,
    pub created_at: Millis,
    /// Part `part` (from 1) of `parts`; each part is sealed and signed by itself.
    pub part: u32,
    pub parts: u32,
    pub made_by: String,
    pub way: Way,
}

/// Which way it goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Way {
    /// From a desk to headquarters.
    Office(Box<Ask>),
    /// Back to the desk.
    Desk(Box<Answer>),
}

/// What the desk sends and what it wants back. The same in all parts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ask {
    pub incarnation: Incarnation,
    /// What the desk has receipts for in this incarnation.
    pub acknowledged_seq: u64,
    /// Its last op when the bundle was made.
    pub last_seq: u64,
    /// Who made the bundle: feeds are read with this person's rights.
    pub user: UserId,
    /// The server life that the places are of.
    pub epoch: Option<Epoch>,
    pub places: BTreeMap<OfficeCode, Place>,
    /// Documents that people at this desk want to see.
    pub wants: Vec<DocumentId>,
    /// Whom the return bundle is sealed for.
    pub recipient: String,
    pub counts: Counts,
}

/// What all parts together hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    pub ops: u64,
    pub documents: u64,
    /// Before packing.
    pub bytes: u64,
}

/// Where the desk stands in one feed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// None before the first fill is complete.
    pub cursor: Option<u64>,
    /// Where a fill that was begun goes on.
    pub fill: Option<FillPlace>,
}

/// A place within a first fill.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FillPlace {
    pub position: u64,
    pub next: String,
}

/// What headquarters sends back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub answers: Vec<BundleId>,
    pub epoch: Epoch,
    /// Heads of every incarnation of the desk, as after a push.
    pub heads: Vec<Head>,
    pub policy_version: u32,
    /// Headquarters' keys from now on.
    pub recipients: Vec<String>,
    pub signer: String,
}
