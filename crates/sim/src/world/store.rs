//! A desk's store on the agenda: calls of the machine one after another, each ended by a sync of the disk.

use super::{Event, World};
use crate::desk::Hand;
use crate::fail::FailPoint;
use crate::mutant::Mutant;
use desk_domain::ids::{DocumentId, OpId};
use desk_domain::time::{Chance, Millis};
use desk_sync::machine::port::{Input, Lane, StoreCall, StoreReply, StoreTrouble, Wake};

/// Until the system writes back what was committed without `fsync`, M06.
const WRITE_BACK_MS: Millis = 8_000;

/// What is told once the disk is synced.
#[derive(Clone)]
pub(super) enum Due {
    Kept(Kept),
    Done {
        lane: Lane,
        result: Result<StoreReply, StoreTrouble>,
        committed: Option<FailPoint>,
    },
}

/// One action that the screen calls kept.
#[derive(Clone)]
pub(super) struct Kept {
    pub ops: Vec<OpId>,
    pub paper: Option<(DocumentId, String)>,
}

impl World {
    pub(super) fn hand_do(&mut self, desk: usize, life: u64) {
        let Some(station) = self
            .stations
            .get_mut(desk)
            .filter(|station| station.life == life)
        else {
            return;
        };
        let Some((lane, call)) = station.tasks.pop_front() else {
            station.hand_busy = false;
            return;
        };
        let chance: &dyn Chance = station.chance.as_ref();
        let hand = Hand {
            cast: &self.cast,
            now: self.now,
            chance,
            mutant: self.mutant,
        };
        let points = points_of(&call);
        let full = points.is_some() && self.now < station.full_until;
        let result = if full {
            Err(StoreTrouble {
                code: "store.disk_full".to_owned(),
            })
        } else {
            hand.perform(&mut station.disk, call)
        };
        if full && self.mutant == Some(Mutant::SwallowedError) {
            return self.after(1, Event::HandDo { desk, life });
        }
        let points = points.filter(|_| result.is_ok());
        if points.is_some_and(|(written, _)| station.traps.spring(written)) {
            self.desk_trapped(desk);
            return;
        }
        let committed = points.map(|(_, committed)| committed);
        station.due.push(Due::Done {
            lane,
            result,
            committed,
        });
        self.sync_desk(desk);
    }

    pub(super) fn sync_desk(&mut self, desk: usize) {
        let Some(life) = self.stations.get(desk).map(|station| station.life) else {
            return;
        };
        let sync_ms = if self.dice.disks.permille(30) {
            self.dice.disks.span(50, 800)
        } else {
            self.dice.disks.span(1, 15)
        };
        if self.dice.disks.permille(self.weather.kill_in_write) {
            let within = self.dice.disks.span(0, sync_ms + 3);
            self.after(
                within,
                Event::KillInWrite {
                    desk: Some(desk),
                    life,
                },
            );
        }
        self.after(sync_ms, Event::DeskSync { desk, life });
        if self.mutant == Some(Mutant::NormalNotFull) {
            self.after(WRITE_BACK_MS, Event::WriteBack { desk });
        }
    }

    pub(super) fn desk_synced(&mut self, desk: usize, life: u64) {
        let Some(station) = self
            .stations
            .get_mut(desk)
            .filter(|station| station.life == life)
        else {
            return;
        };
        if self.mutant == Some(Mutant::NormalNotFull) {
            station.disk.commit_unsynced();
        } else {
            station.disk.sync();
        }
        let due = std::mem::take(&mut station.due);
        let passed = due.iter().filter_map(|due| match due {
            Due::Kept(_) => Some(FailPoint::OpCommitted),
            Due::Done { committed, .. } => *committed,
        });
        let mut passed: Vec<FailPoint> = passed.collect();
        passed.retain(|point| station.traps.spring(*point));
        if !passed.is_empty() && self.desk_trapped(desk) {
            return;
        }
        for due in due {
            match due {
                Due::Kept(kept) => self.confirm(desk, kept),
                Due::Done { lane, result, .. } => {
                    self.feed(desk, Input::Stored { lane, result });
                    self.after(1, Event::HandDo { desk, life });
                }
            }
        }
    }

    /// The screen says "kept".
    fn confirm(&mut self, desk: usize, kept: Kept) {
        let Some(station) = self.stations.get(desk) else {
            return;
        };
        let device = station.player.device;
        let ops = kept.ops.into_iter().map(|op| (op, device));
        self.ledger.confirmed.extend(ops);
        if kept.paper.is_some() {
            self.ledger.documents.extend(kept.paper);
            self.feed(desk, Input::Wake(Wake::Documents));
        }
        self.feed(desk, Input::Wake(Wake::Journal));
    }

    /// M06: the system wrote back by itself.
    pub(super) fn write_back(&mut self, desk: usize) {
        if let Some(station) = self.stations.get_mut(desk) {
            station.disk.write_back();
        }
    }
}

/// Where a process may die around a write; none for a call that only looks.
fn points_of(call: &StoreCall) -> Option<(FailPoint, FailPoint)> {
    use FailPoint as P;
    match call {
        StoreCall::LoadUnsent { .. }
        | StoreCall::LoadHead { .. }
        | StoreCall::LoadCursor { .. }
        | StoreCall::LoadDocuments
        | StoreCall::LoadDigest { .. } => None,
        StoreCall::Acknowledge { .. } => Some((P::ReceiptWritten, P::ReceiptCommitted)),
        StoreCall::Park { .. } => Some((P::ParkWritten, P::ParkCommitted)),
        StoreCall::Rewind { .. } => Some((P::RewindWritten, P::RewindCommitted)),
        StoreCall::NewIncarnation { .. } => Some((P::RechainWritten, P::RechainCommitted)),
        StoreCall::AdoptEpoch { .. } => Some((P::EpochWritten, P::EpochCommitted)),
        StoreCall::ApplyPage(_) | StoreCall::ApplyRepair(_) => {
            Some((P::PageWritten, P::PageCommitted))
        }
        StoreCall::ResetScope { .. }
        | StoreCall::DropScope { .. }
        | StoreCall::KeepScopes { .. } => Some((P::ScopeWritten, P::ScopeCommitted)),
        StoreCall::SetChunks { .. } | StoreCall::MarkStored { .. } => {
            Some((P::DocumentWritten, P::DocumentCommitted))
        }
        StoreCall::PutDownloaded { .. } => Some((P::DownloadWritten, P::DownloadCommitted)),
    }
}
