//! What the server says about ops: stored up to here, and its verdicts.

use super::{Books, Fate, State};
use crate::cast::Cast;
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, Incarnation, OpId};
use desk_domain::op::ChainHash;
use desk_domain::outcome::Outcome;
use desk_protocol::sync::OpOutcome;
use std::collections::BTreeSet;

/// The server's word that it has everything up to `seq`.
pub struct Receipt {
    pub incarnation: Incarnation,
    pub seq: u64,
    pub hash: ChainHash,
    pub outcomes: Vec<OpOutcome>,
}

impl Books {
    /// Notes a receipt; false for a head that is not in this journal.
    pub fn acknowledge(&mut self, cast: &Cast, receipt: &Receipt) -> bool {
        let there = self
            .rows
            .get(&(receipt.incarnation, receipt.seq))
            .map(|row| row.hash);
        if receipt.seq > 0 && there != Some(receipt.hash) {
            return false;
        }
        let Some(tip) = self.tips.get_mut(&receipt.incarnation) else {
            return false;
        };
        tip.acknowledged = tip.acknowledged.max(receipt.seq);
        let stored = |fate: &&mut Fate| {
            fate.incarnation == receipt.incarnation
                && fate.seq <= receipt.seq
                && matches!(fate.state, State::Queued | State::Parked)
        };
        for fate in self.fates.values_mut().filter(stored) {
            fate.state = State::Stored;
        }
        let mut cases = BTreeSet::new();
        for told in &receipt.outcomes {
            let Some(case) = self.fates.get(&told.op_id).map(|fate| fate.case) else {
                continue;
            };
            self.settle(told.op_id, &told.outcome, false);
            cases.insert(case);
        }
        for case in cases {
            self.rebuild_view(cast, case);
        }
        true
    }

    /// Puts an op aside for a person to look at.
    pub fn park(&mut self, op: OpId) {
        let waits = |fate: &&mut Fate| matches!(fate.state, State::Queued | State::Parked);
        if let Some(fate) = self.fates.get_mut(&op).filter(waits) {
            fate.state = State::Parked;
        }
    }

    /// M03: the op is gone from every list; only its place in the chain is left.
    pub fn drop_op(&mut self, op: OpId) {
        self.fates.remove(&op);
    }

    /// The server was restored and has only up to `seq`.
    pub fn rewind(&mut self, seq: u64) {
        let incarnation = self.incarnation;
        let above = |fate: &&mut Fate| {
            fate.incarnation == incarnation && fate.seq > seq && fate.state != State::Parked
        };
        for fate in self.fates.values_mut().filter(above) {
            fate.state = State::Queued;
            (fate.replay, fate.open) = (true, true);
            (fate.applied_rev, fate.outcome) = (None, None);
        }
        if let Some(tip) = self.tips.get_mut(&incarnation) {
            tip.acknowledged = tip.acknowledged.min(seq);
        }
    }

    /// The verdict on one op. `folded` says that the confirmed snapshot has the op in it.
    pub(super) fn settle(&mut self, op: OpId, told: &Outcome, folded: bool) {
        let Some(fate) = self.fates.get(&op) else {
            return;
        };
        let confirmed = self.confirmed.get(&fate.case);
        let standing = fate
            .outcome
            .as_ref()
            .filter(|before| !matches!(before, Outcome::Held { .. }));
        let outcome = standing.unwrap_or(told).clone();
        let (replay, open, applied_rev) = weigh(
            op,
            &outcome,
            confirmed.map(AsRef::as_ref),
            folded,
            &self.told,
        );
        if let Some(fate) = self.fates.get_mut(&op) {
            fate.state = State::Judged;
            (fate.replay, fate.open) = (replay, open);
            (fate.applied_rev, fate.outcome) = (applied_rev, Some(outcome));
        }
    }

    /// Ops that are in the snapshot need no replay any more; a conflict stays listed while it is open.
    pub(super) fn close_folded(&mut self, case: CaseId) {
        let Some(confirmed) = self.confirmed.get(&case) else {
            return;
        };
        for (op, fate) in self
            .fates
            .iter_mut()
            .filter(|(_, fate)| fate.case == case && fate.open)
        {
            if fate.applied_rev.is_some_and(|rev| rev <= confirmed.rev) {
                (fate.replay, fate.open) = (false, false);
            }
            if matches!(fate.outcome, Some(Outcome::Conflict { .. })) {
                fate.replay = false;
                fate.open = confirmed.conflicts.contains_key(op);
            }
        }
    }
}

fn weigh(
    op: OpId,
    outcome: &Outcome,
    confirmed: Option<&Case>,
    folded: bool,
    told: &BTreeSet<OpId>,
) -> (bool, bool, Option<u64>) {
    match outcome {
        Outcome::Applied { rev } => {
            let waits = *rev > confirmed.map_or(0, |case| case.rev) && !folded;
            (waits, waits, Some(*rev))
        }
        Outcome::Noop { .. } => (false, false, None),
        Outcome::Conflict { .. } => {
            let in_snapshot = confirmed.is_some_and(|case| case.conflicts.contains_key(&op));
            let waits = !(folded || in_snapshot || told.contains(&op));
            (waits, waits || in_snapshot, None)
        }
        Outcome::Refused { .. } => (false, true, None),
        Outcome::Held { .. } => (true, true, None),
    }
}
