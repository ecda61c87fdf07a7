//! The desk's file as a model: the semantics of `desk-store`, in memory, on a disk with a power switch.

mod digest;
mod feed;
mod hand;
mod journal;
mod papers;
mod receipt;

use crate::rules::Cases;
use desk_domain::digest::Sum;
use desk_domain::ids::{
    CaseId, DeviceId, DocumentId, Epoch, Incarnation, OfficeCode, OpId, UserId,
};
use desk_domain::op::{ChainHash, Hlc};
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;
use desk_sync::machine::port::FillMark;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

pub use digest::sums;
pub use hand::Hand;
pub use papers::{Paper, Transfer};

/// What a person did, before it has a place in the journal.
#[derive(Clone, Debug)]
pub struct NewOp {
    pub op_id: OpId,
    pub actor: UserId,
    pub case: CaseId,
    pub kind: String,
    pub version: u16,
    pub body: Box<RawValue>,
    pub base_rev: Option<OpId>,
    pub captured_at: Millis,
}

/// One immutable row of the journal.
#[derive(Clone, Debug)]
pub struct Row {
    pub op_id: OpId,
    pub bytes: Arc<str>,
    pub hash: ChainHash,
    pub last_of_group: bool,
}

/// The end of one chain.
#[derive(Clone, Copy, Debug)]
pub struct Tip {
    pub seq: u64,
    pub hash: ChainHash,
    pub hlc: Hlc,
    pub acknowledged: u64,
}

/// Where an op stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Queued,
    Parked,
    Stored,
    Judged,
}

/// What became of one op.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Order in which things were done here.
    pub order: u64,
    pub case: CaseId,
    pub incarnation: Incarnation,
    pub seq: u64,
    pub state: State,
    /// Not in the confirmed snapshot yet: the view replays it.
    pub replay: bool,
    /// On a list that a person sees.
    pub open: bool,
    pub applied_rev: Option<u64>,
    pub outcome: Option<Outcome>,
    /// The verdict is of an earlier life of the server.
    pub in_doubt: bool,
}

/// Everything that a desk's database holds.
#[derive(Clone, Debug)]
pub struct Books {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    pub tips: BTreeMap<Incarnation, Tip>,
    pub rows: BTreeMap<(Incarnation, u64), Rc<Row>>,
    pub fates: BTreeMap<OpId, Fate>,
    pub confirmed: Cases,
    pub views: Cases,
    stale: BTreeSet<CaseId>,
    /// Ops that the server's history of a case names.
    told: BTreeSet<OpId>,
    pub cursors: BTreeMap<OfficeCode, u64>,
    marks: BTreeMap<OfficeCode, FillMark>,
    pub epoch: Option<Epoch>,
    pub papers: BTreeMap<DocumentId, Paper>,
    /// What the server's newest verified backup holds of each life of this journal.
    pub safe: BTreeMap<Incarnation, u64>,
    /// M09: sums of buckets that were taken over from the server.
    adopted: BTreeMap<(OfficeCode, u8), Sum>,
    next_order: u64,
}

impl Books {
    /// An empty desk.
    pub fn new(device: DeviceId, incarnation: Incarnation) -> Self {
        Self {
            device,
            incarnation,
            tips: BTreeMap::from([(incarnation, Tip::START)]),
            rows: BTreeMap::new(),
            fates: BTreeMap::new(),
            confirmed: Cases::new(),
            views: Cases::new(),
            stale: BTreeSet::new(),
            told: BTreeSet::new(),
            cursors: BTreeMap::new(),
            marks: BTreeMap::new(),
            epoch: None,
            papers: BTreeMap::new(),
            safe: BTreeMap::new(),
            adopted: BTreeMap::new(),
            next_order: 0,
        }
    }

    /// The end of the current chain.
    pub fn tip(&self) -> Tip {
        self.tips
            .get(&self.incarnation)
            .copied()
            .unwrap_or(Tip::START)
    }

    /// What a person sees of a case.
    pub fn view(&self, case: CaseId) -> Option<&desk_domain::case::Case> {
        self.views
            .get(&case)
            .or_else(|| self.confirmed.get(&case))
            .map(Rc::as_ref)
    }

    /// Everything that a person sees.
    pub fn seen(&self) -> BTreeSet<CaseId> {
        self.confirmed
            .keys()
            .chain(self.views.keys())
            .copied()
            .collect()
    }

    /// True when nothing waits for the server.
    pub fn is_drained(&self) -> bool {
        self.tip().acknowledged == self.tip().seq
            && self
                .fates
                .values()
                .all(|fate| matches!(fate.state, State::Judged | State::Parked))
    }
}

impl Tip {
    const START: Self = Self {
        seq: 0,
        hash: ChainHash::GENESIS,
        hlc: Hlc { ms: 0, n: 0 },
        acknowledged: 0,
    };
}
