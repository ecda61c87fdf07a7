//! What falls is undone on the working copies.

use super::Bench;
use desk_domain::case::Case;
use desk_domain::ids::CaseId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the bench held before a group or an op.
pub(super) struct Mark {
    loaded: BTreeMap<CaseId, Option<Arc<Case>>>,
    /// Not read from the database yet.
    unread: Vec<CaseId>,
    lines: BTreeMap<CaseId, Option<usize>>,
    attached: usize,
    submitted: usize,
    moved: usize,
}

impl Bench<'_> {
    pub(super) fn mark(&self, cases: impl Iterator<Item = CaseId>) -> Mark {
        let ids: BTreeSet<CaseId> = cases.collect();
        let loaded = ids
            .iter()
            .filter_map(|id| Some((*id, self.cases.get(id)?.clone())));
        let unread = ids.iter().filter(|id| !self.cases.contains_key(*id));
        let lines = ids
            .iter()
            .map(|id| (*id, self.changed.get(id).map(Vec::len)));
        Mark {
            loaded: loaded.collect(),
            unread: unread.copied().collect(),
            lines: lines.collect(),
            attached: self.attached.len(),
            submitted: self.submitted.len(),
            moved: self.moved.len(),
        }
    }

    pub(super) fn undo(&mut self, mark: Mark) {
        self.cases.extend(mark.loaded);
        for id in mark.unread {
            self.cases.remove(&id);
        }
        for (id, lines) in mark.lines {
            match lines {
                Some(count) => self.changed.entry(id).or_default().truncate(count),
                None => drop(self.changed.remove(&id)),
            }
        }
        self.attached.truncate(mark.attached);
        self.submitted.truncate(mark.submitted);
        self.moved.truncate(mark.moved);
    }
}
