//! What the server says about ops: stored up to here, and its verdicts.

use super::{Books, Fate, State};
use crate::cast::Cast;
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, Incarnation, OpId};
use desk_domain::op::ChainHash;
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_protocol::sync::{Head, OpOutcome};
use std::collections::BTreeSet;

/// The server's word that it has everything up to `seq`.
pub struct Receipt {
    pub incarnation: Incarnation,
    pub first_seq: u64,
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
        // One that was on its way while the journal was rewound says nothing of the ops before it.
        let behind_it = receipt.first_seq <= tip.acknowledged.saturating_add(1);
        let seq = if behind_it { receipt.seq } else { 0 };
        tip.acknowledged = tip.acknowledged.max(seq);
        let stored = |fate: &&mut Fate| {
            fate.incarnation == receipt.incarnation
                && fate.seq <= seq
                && fate.state == State::Queued // of a parked op the server has the hash alone
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

    /// M14: nothing of the cases in this receipt is "to send" any more, whatever was typed meanwhile.
    pub fn clear_flags(&mut self, receipt: &Receipt) {
        let told = receipt.outcomes.iter();
        let cases: BTreeSet<CaseId> = told
            .filter_map(|told| self.fates.get(&told.op_id).map(|fate| fate.case))
            .collect();
        let waits = |fate: &&mut Fate| fate.state == State::Queued && cases.contains(&fate.case);
        for fate in self.fates.values_mut().filter(waits) {
            fate.state = State::Stored;
        }
    }

    /// M14: the op is marked "to send".
    pub fn is_flagged(&self, op: OpId) -> bool {
        let state = self.fates.get(&op).map(|fate| fate.state);
        matches!(state, Some(State::Queued | State::Parked))
    }

    /// Puts an op aside for a person to look at.
    pub fn park(&mut self, op: OpId) {
        let waits = |fate: &&mut Fate| matches!(fate.state, State::Queued | State::Parked);
        if let Some(fate) = self.fates.get_mut(&op).filter(waits) {
            fate.state = State::Parked;
        }
    }

    /// M11: the op is gone from every list; only its place in the chain is left.
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
            fate.unsend();
        }
        if let Some(tip) = self.tips.get_mut(&incarnation) {
            tip.acknowledged = tip.acknowledged.min(seq);
        }
    }

    /// The server's database began a new life: whatever it does not show to have of this journal, in whichever life of
    /// that, is unsent again. Ops of earlier lives are hung on the end of the present chain.
    ///
    /// What stays acknowledged may have been judged otherwise since: the first word of the new life replaces the verdict.
    pub fn reconcile(&mut self, server: &[Head]) {
        let lives: Vec<Incarnation> = self.tips.keys().copied().collect();
        for life in lives {
            let there = self.common(life, server);
            // Also when nothing above was acknowledged: a feed may have told verdicts of the old life.
            if life == self.incarnation {
                self.rewind(there);
            } else {
                self.bring_forward(life, there);
            }
        }
        for fate in self.fates.values_mut() {
            fate.in_doubt = fate.outcome.is_some();
        }
    }

    /// Up to where the server's chain of this life is known to be ours; 0 when that cannot be told.
    fn common(&self, life: Incarnation, server: &[Head]) -> u64 {
        let head = server.iter().find(|head| head.incarnation == life);
        let ours = |head: &&Head| {
            let row = self.rows.get(&(life, head.seq));
            row.is_some_and(|row| row.hash == head.hash)
        };
        head.filter(ours).map_or(0, |head| head.seq)
    }

    /// The verdict on one op. `folded` says that the confirmed snapshot has the op in it.
    pub(super) fn settle(&mut self, op: OpId, told: &Outcome, folded: bool) {
        let Some(fate) = self.fates.get(&op) else {
            return;
        };
        let body_missing = Outcome::Held {
            why: HeldWhy::BodyMissing,
        };
        if matches!(fate.state, State::Queued | State::Parked) && *told == body_missing {
            return; // the server says what the desk told it
        }
        if fate.in_doubt && fate.outcome.as_ref() == Some(told) {
            if let Some(fate) = self.fates.get_mut(&op) {
                fate.in_doubt = false;
            }
            return;
        }
        let confirmed = self.confirmed.get(&fate.case);
        // A verdict stands as long as the server's life; only "held" may still become one.
        let standing = fate
            .outcome
            .as_ref()
            .filter(|before| !fate.in_doubt && !matches!(before, Outcome::Held { .. }));
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
            fate.in_doubt = false;
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
