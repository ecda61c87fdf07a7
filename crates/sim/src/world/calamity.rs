//! Disks put back and copied, a server put back, cases and rights that move.

use super::{Event, Station, World};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fail::Death;
use crate::nemesis::{Fault, Kind};
use desk_domain::ids::{CaseId, DocumentId, Epoch, OfficeCode, OpId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most desks of one history, clones among them.
const MOST_DESKS: usize = 6;

impl World {
    /// Somebody restores the desk's disk: what was written since the backup is gone from it.
    pub(super) fn restore_desk(&mut self, desk: usize) {
        self.kill_desk(desk, Death::PowerCut);
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        let Some(backup) = station.backup.take() else {
            return;
        };
        self.tally.count(Kind::DeskRestore);
        let before = std::mem::replace(&mut station.disk, Disk::holding(backup)).synced;
        let now = &station.disk.synced;
        let ops = before
            .fates
            .keys()
            .filter(|op| !now.fates.contains_key(*op));
        let ops: BTreeSet<OpId> = ops.copied().collect();
        let held = |id: &DocumentId| {
            now.papers
                .get(id)
                .is_some_and(|paper| paper.bytes.is_some())
        };
        let papers = before.papers.iter();
        let papers = papers.filter(|(id, paper)| paper.bytes.is_some() && !held(id));
        let papers: BTreeSet<DocumentId> = papers.map(|(id, _)| *id).collect();
        self.ledger.rolled_off.extend(ops);
        self.ledger.rolled_off_documents.extend(papers);
        self.excuse();
    }

    /// What somebody's disk took with it and nobody has: no program could keep that.
    fn excuse(&mut self) {
        let rows = &self.server.disk.synced;
        let ops = self.ledger.rolled_off.iter().filter(|op| {
            let on_desk = |desk: &Station| desk.disk.synced.fates.contains_key(*op);
            !rows.judged.contains_key(*op) && !self.stations.iter().any(on_desk)
        });
        self.ledger.excused.extend(ops);
        let papers = self.ledger.rolled_off_documents.iter().filter(|id| {
            let on_desk = |desk: &Station| {
                let paper = desk.disk.synced.papers.get(*id);
                paper.is_some_and(|paper| paper.bytes.is_some())
            };
            // All bytes without the note "stored" wait for somebody to complete them, and nobody has them any more.
            let stored = rows.papers.get(*id).is_some_and(|paper| paper.stored);
            !stored && !self.stations.iter().any(on_desk)
        });
        self.ledger.excused_documents.extend(papers);
    }

    /// The desk's disk is copied to another machine, and both are used.
    pub(super) fn clone_desk(&mut self, desk: usize) {
        if self.stations.len() >= MOST_DESKS {
            return;
        }
        let Some(original) = self.stations.get(desk) else {
            return;
        };
        self.tally.count(Kind::DeskClone);
        let stream = 100 + u64::try_from(self.stations.len()).unwrap_or(0);
        let chance = Arc::new(Dice::new(self.seed, stream));
        let copy = original.copy(chance);
        let desk = self.stations.len();
        self.stations.push(copy);
        self.after(1_000, Event::DeskUp { desk });
        self.after(3_000, Event::Act { desk });
    }

    /// The server's machine died and yesterday's backup is all there is.
    pub(super) fn restore_server(&mut self) {
        let Some(backup) = self.server_backup.clone() else {
            return;
        };
        self.kill_server(Death::PowerCut);
        self.tally.count(Kind::ServerRestore);
        let documents_too = self.dice.disks.permille(500);
        let epoch = Epoch::new(self.now, &self.dice.disks);
        self.server.restore(backup, epoch, documents_too);
        let heads = &self.server.disk.synced.heads;
        for (key, seq) in &mut self.ledger.acknowledged {
            *seq = (*seq).min(heads.get(key).map_or(0, |head| head.seq));
        }
        self.excuse();
    }

    /// A case goes to another office.
    pub(super) fn move_some_case(&mut self) {
        if !self.server_up || self.server.cast.offices().len() < 2 {
            return;
        }
        let cases: Vec<(CaseId, OfficeCode)> = self
            .server
            .disk
            .synced
            .cases
            .values()
            .map(|case| (case.id, case.office.clone()))
            .collect();
        let Some((case, from)) = self.dice.people.pick(&cases).cloned() else {
            return;
        };
        let offices = self.server.cast.offices();
        let Some(to) = offices.iter().find(|office| **office != from) else {
            return;
        };
        self.tally.count(Kind::ScopeMove);
        self.server.move_case(self.now, case, to);
        self.ring(self.server_life);
    }

    /// The desk loses one of its offices until the scopes are opened again.
    pub(super) fn close_scope(&mut self, desk: usize) {
        let Some(station) = self.stations.get(desk) else {
            return;
        };
        let offices: Vec<OfficeCode> = station.player.card.offices.iter().cloned().collect();
        if let Some(office) = self.dice.people.pick(&offices) {
            self.tally.count(Kind::ScopeLoss);
            let pair = (station.player.device, office.clone());
            self.server.closed.insert(pair);
            // Hello finds out at its own pace; a death now and then makes it sooner.
            let death = Death::Kill;
            self.after(5_000, Event::Strike(Fault::KillDesk { desk, death }));
        }
    }
}
