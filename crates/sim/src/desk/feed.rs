//! What the server sent, applied page by page: the changes and the cursor in one transaction.

use super::{Books, State};
use crate::cast::Cast;
use crate::rules::preview;
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, OfficeCode, OpId};
use desk_domain::op::Op;
use desk_protocol::sync::{CaseChange, Change, OpOutcome};
use desk_sync::machine::port::FeedPage;
use std::collections::BTreeSet;
use std::rc::Rc;

impl Books {
    /// Applies a page and moves the cursor; both or neither.
    pub fn apply_page(&mut self, cast: &Cast, page: &FeedPage) {
        for change in &page.changes {
            match change {
                Change::Case(change) => self.apply_case(cast, change),
                Change::CaseGone { case } => self.leave(&page.scope, *case),
                Change::Outcomes { outcomes } => self.hear(cast, outcomes),
                Change::Merchant(_) | Change::User(_) => {}
            }
        }
        if let Some(cursor) = page.cursor {
            self.cursors.insert(page.scope.clone(), cursor);
            if page.fill {
                self.drop_stale(&page.scope);
            }
        }
        if page.fill {
            self.put_mark(page);
        }
    }

    /// Every office of which something stands here.
    pub fn known_scopes(&self) -> BTreeSet<OfficeCode> {
        let places = self.cursors.keys().chain(self.marks.keys());
        let cases = self.confirmed.values().map(|case| &case.office);
        places.chain(cases).cloned().collect()
    }

    /// Forgets the place in a feed; what came from it stays readable until the next fill is complete.
    pub fn reset_scope(&mut self, scope: &OfficeCode) {
        self.cursors.remove(scope);
        self.marks.remove(scope);
        let of_scope = self.confirmed.values().filter(|case| case.office == *scope);
        let stale: Vec<CaseId> = of_scope.map(|case| case.id).collect();
        self.stale.extend(stale);
    }

    /// Rights to this scope are gone.
    pub fn drop_scope(&mut self, scope: &OfficeCode) {
        self.reset_scope(scope);
        self.drop_stale(scope);
    }

    fn put_mark(&mut self, page: &FeedPage) {
        match &page.mark {
            Some(mark) => self.marks.insert(page.scope.clone(), mark.clone()),
            None => self.marks.remove(&page.scope),
        };
    }

    pub(super) fn apply_case(&mut self, cast: &Cast, change: &CaseChange) {
        let id = change.case.id;
        let known = self
            .confirmed
            .get(&id)
            .map(|case| case.rev)
            .filter(|_| !self.stale.contains(&id));
        if known.is_none_or(|rev| rev <= change.case.rev) {
            self.confirmed.insert(id, Rc::new(change.case.clone()));
            self.stale.remove(&id);
            self.note_snapshot(&change.case);
        }
        self.told.extend(change.timeline.iter().map(|line| line.op));
        for told in &change.outcomes {
            self.settle(told.op_id, &told.outcome, true);
        }
        self.close_folded(id);
        self.rebuild_view(cast, id);
    }

    /// Verdicts that no case tells.
    fn hear(&mut self, cast: &Cast, outcomes: &[OpOutcome]) {
        for told in outcomes {
            self.settle(told.op_id, &told.outcome, false);
            if let Some(case) = self.fates.get(&told.op_id).map(|fate| fate.case) {
                self.rebuild_view(cast, case);
            }
        }
    }

    /// Makes the view anew: snapshot, then every pending op in the order in which it was done.
    pub(super) fn rebuild_view(&mut self, cast: &Cast, id: CaseId) {
        let mut pending: Vec<(u64, OpId)> = self
            .fates
            .iter()
            .filter(|(_, fate)| fate.case == id && fate.open && fate.replay)
            .map(|(op, fate)| (fate.order, *op))
            .collect();
        pending.sort_unstable();
        if pending.is_empty() && self.confirmed.contains_key(&id) {
            self.views.remove(&id);
            return;
        }
        let mut case: Option<Case> = self.confirmed.get(&id).map(|case| case.as_ref().clone());
        for (_, op) in pending {
            let Some(op) = self.op(op) else { continue };
            let decision = preview(cast, case.as_ref(), &op);
            case = decision.case.or(case);
        }
        if let Some(case) = case {
            self.views.insert(id, Rc::new(case));
        }
    }

    /// An op as it stands in the journal.
    pub fn op(&self, id: OpId) -> Option<Op> {
        let fate = self.fates.get(&id)?;
        let row = self.rows.get(&(fate.incarnation, fate.seq))?;
        Op::parse(&row.bytes).ok()
    }

    fn drop_stale(&mut self, scope: &OfficeCode) {
        let of_scope = |id: &CaseId| {
            self.confirmed
                .get(id)
                .is_some_and(|case| case.office == *scope)
        };
        let gone: Vec<CaseId> = self.stale.iter().copied().filter(of_scope).collect();
        for case in gone {
            self.hide(case);
        }
    }

    /// The case left this scope. It may stand here already as a case of another scope that this desk reads too.
    fn leave(&mut self, scope: &OfficeCode, case: CaseId) {
        let here = self.confirmed.get(&case);
        if here.is_none_or(|here| here.office == *scope) {
            self.hide(case);
        }
    }

    /// Losing access hides a case; unsent ops stay.
    pub(super) fn hide(&mut self, case: CaseId) {
        self.stale.remove(&case);
        self.confirmed.remove(&case);
        self.views.remove(&case);
    }

    /// The op waits in sight of a person: parked, or a place that the server holds without its body.
    pub fn is_set_aside(&self, op: OpId) -> bool {
        self.fates
            .get(&op)
            .is_some_and(|fate| fate.open && matches!(fate.state, State::Parked | State::Judged))
    }
}
