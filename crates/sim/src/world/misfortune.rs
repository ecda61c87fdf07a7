//! The nemesis strikes.

use super::{Event, World};
use crate::nemesis::{Fault, Kind, Way};
use crate::person::Odd;
use desk_domain::ids::OpId;

impl World {
    pub(super) fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::KillDesk { desk } => self.kill_desk(desk),
            Fault::KillServer => self.kill_server(),
            Fault::ExpireTokens => {
                self.tally.count(Kind::TokenExpiry);
                self.server.expire_all();
            }
            Fault::Rollback { desk } => self.roll_back(desk),
            Fault::Partition { .. }
            | Fault::Skew { .. }
            | Fault::FillDisk { .. }
            | Fault::Backup { .. }
            | Fault::Poison { .. }
            | Fault::Unknown { .. } => self.trouble_desk(fault),
        }
    }

    fn trouble_desk(&mut self, fault: Fault) {
        let (Fault::Partition { desk, .. }
        | Fault::Skew { desk, .. }
        | Fault::FillDisk { desk, .. }
        | Fault::Backup { desk }
        | Fault::Poison { desk }
        | Fault::Unknown { desk }
        | Fault::KillDesk { desk }
        | Fault::Rollback { desk }) = fault
        else {
            return;
        };
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        match fault {
            Fault::Partition { way, until, .. } => {
                if way != Way::Down {
                    station.deaf_up_until = until;
                }
                if way != Way::Up {
                    station.deaf_down_until = until;
                }
            }
            Fault::Skew { skew_ms, .. } => {
                self.tally.count(Kind::ClockSkew);
                station.skew_ms = skew_ms;
            }
            Fault::FillDisk { until, .. } => station.full_until = until,
            Fault::Backup { .. } => station.backup = Some(station.disk.synced.clone()),
            Fault::Poison { .. } => station.odd.push_back(Odd::Poisoned),
            Fault::Unknown { .. } => station.odd.push_back(Odd::UnknownKind),
            Fault::KillDesk { .. }
            | Fault::KillServer
            | Fault::ExpireTokens
            | Fault::Rollback { .. } => {}
        }
    }

    pub(super) fn kill_in_write(&mut self, desk: Option<usize>, life: u64) {
        match desk {
            None if life == self.server_life => self.kill_server(),
            Some(desk)
                if self
                    .stations
                    .get(desk)
                    .is_some_and(|station| station.life == life) =>
            {
                self.kill_desk(desk);
            }
            None | Some(_) => {}
        }
    }

    /// The process dies without a word; the disk keeps what was synced.
    pub(super) fn kill_desk(&mut self, desk: usize) {
        let Some(station) = self
            .stations
            .get_mut(desk)
            .filter(|station| station.is_up())
        else {
            return;
        };
        self.tally.count(Kind::DeskKill);
        if station.disk.live.rows.len() > station.disk.synced.rows.len() {
            self.tally.count(Kind::UnsyncedLost);
        }
        station.die();
        let down_ms = self.dice.disks.span(300, 60_000);
        self.after(down_ms, Event::DeskUp { desk });
    }

    /// Somebody restores the desk's disk: what was written since the backup is gone from it.
    fn roll_back(&mut self, desk: usize) {
        self.kill_desk(desk);
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        let Some(backup) = station.backup.take() else {
            return;
        };
        self.tally.count(Kind::DeskRollback);
        let stored = &self.server.disk.synced.judged;
        let gone = station
            .disk
            .synced
            .fates
            .keys()
            .filter(|op| !backup.fates.contains_key(*op) && !stored.contains_key(*op));
        let gone: Vec<OpId> = gone.copied().collect();
        self.ledger.excused.extend(gone);
        station.disk = crate::disk::Disk::holding(backup);
    }
}
