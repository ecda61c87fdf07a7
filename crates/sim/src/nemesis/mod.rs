//! What goes wrong in one history: the weather on the line, and misfortunes at set times. All of it from the seed.

mod plan;

use crate::fail::FailPoint;
use std::collections::BTreeMap;

pub use plan::{Fault, Plan, Way, Weather};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// The classes of faults, counted when they took effect.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Kind { $($(#[$doc])* $name),+ }

        impl Kind {
            /// Every class; a run of 200 seeds meets each.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in the summary.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

kinds! {
    Drop = "drop",
    Duplicate = "duplicate",
    Delay = "delay",
    Reorder = "reorder",
    /// Cut inside the body of a request.
    CutMidRequest = "cut_mid_request",
    /// Cut inside the body of a reply.
    CutMidReply = "cut_mid_reply",
    PartitionUp = "partition_up",
    PartitionDown = "partition_down",
    Portal = "portal",
    Busy = "busy",
    DeskKill = "desk_kill",
    DeskPowerCut = "desk_power_cut",
    ServerKill = "server_kill",
    ServerPowerCut = "server_power_cut",
    /// A death at a named place; the places are counted by name beside this.
    FailPoint = "fail_point",
    UnsyncedLost = "unsynced_lost",
    ClockSkew = "clock_skew",
    TokenExpiry = "token_expiry",
    /// An op that the server answers with 4xx at every try.
    PoisonedOp = "poisoned_op",
    /// An op on which the server's rules fail inside.
    RuleFailure = "rule_failure",
    /// An op of a later version.
    FutureKind = "future_kind",
    /// A held op of a later version, applied when the server learned it.
    FutureLearned = "future_learned",
    /// A desk too old to read the feed.
    OldDesk = "old_desk",
    SameField = "same_field",
    FullDisk = "full_disk",
    DeskRestore = "desk_restore",
    DeskClone = "desk_clone",
    ServerRestore = "server_restore",
    ScopeMove = "scope_move",
    /// A desk loses the right to an office for a while.
    ScopeLoss = "scope_loss",
    /// A confirmed case on a desk's disk is changed or gone, and not by the program.
    RottenCase = "rotten_case",
}

/// Counts by class, and by fail point.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    kinds: BTreeMap<Kind, u64>,
    points: BTreeMap<FailPoint, u64>,
}

impl Tally {
    /// It happened.
    pub fn count(&mut self, kind: Kind) {
        *self.kinds.entry(kind).or_default() += 1;
    }
    /// A process died here.
    pub fn count_point(&mut self, point: FailPoint) {
        self.count(Kind::FailPoint);
        *self.points.entry(point).or_default() += 1;
    }
    /// How often it happened.
    pub fn of(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }
    /// How often a process died there.
    pub fn at(&self, point: FailPoint) -> u64 {
        self.points.get(&point).copied().unwrap_or(0)
    }
    /// Adds the counts of another history.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.kinds {
            *self.kinds.entry(*kind).or_default() += count;
        }
        for (point, count) in &other.points {
            *self.points.entry(*point).or_default() += count;
        }
    }
}
