//! The journal: this device's append-only list of ops, numbered and hash-chained.

mod append;
mod chain;
mod fate;
mod forgotten;
mod incarnation;
mod outbox;
mod parked;
mod place;
mod receipt;
mod unsent;

use crate::write::Touched;
use desk_domain::ids::{CaseId, Incarnation, OpId, UserId};
use desk_domain::op::{ChainHash, OpBody};
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;

pub(crate) use append::insert_op_row_at;
pub use chain::ChainReport;
pub use fate::OpState;
pub(crate) use fate::{Fate, fates_of, settle, write_fate_preview};
pub use incarnation::HeadNote;
pub(crate) use incarnation::begin;
pub use outbox::{OutboxRow, OutboxSummary};
pub(crate) use receipt::case_of;

/// Most ops in one action.
pub const MAX_GROUP_OPS: usize = 400;

/// What a person did, before it has a place in the journal.
#[derive(Clone, PartialEq, Debug)]
pub struct NewOp {
    pub op_id: OpId,
    pub actor: UserId,
    pub case: CaseId,
    pub body: OpBody,
    /// `field.set` only: the revision that the author saw.
    pub base_rev: Option<OpId>,
    pub captured_at: Millis,
}

/// One op with its place and its exact bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalRow {
    pub incarnation: Incarnation,
    pub seq: u64,
    pub op_id: OpId,
    pub bytes: String,
    pub hash: ChainHash,
    /// The server cannot take it as it is: a person has to look.
    pub parked: bool,
}

/// The answer to an append: the ops are durable.
#[derive(Clone, PartialEq, Debug)]
pub struct Appended {
    pub rows: Vec<JournalRow>,
    /// The preview of each op, in order.
    pub outcomes: Vec<Outcome>,
    pub touched: Touched,
}

/// The end of one incarnation's chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalHead {
    pub incarnation: Incarnation,
    pub seq: u64,
    pub hash: ChainHash,
    /// Everything up to here is stored by the server.
    pub acknowledged_seq: u64,
}

/// The server's receipt: everything from `first_seq` up to `seq` is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    pub incarnation: Incarnation,
    /// First op that it speaks of. Beyond the end of what is acknowledged, it is older than a rewind and moves nothing.
    pub first_seq: u64,
    pub seq: u64,
    pub hash: ChainHash,
    pub outcomes: Vec<(OpId, Outcome)>,
}
