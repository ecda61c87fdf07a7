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
        match fault {
            Fault::Partition { desk, way, until } => {
                let Some(station) = self.stations.get_mut(desk) else {
                    return;
                };
                if way != Way::Down {
                    station.deaf_up_until = until;
                }
                if way != Way::Up {
                    station.deaf_down_until = until;
                }
            }
            Fault::Skew { desk, skew_ms } => {
                self.tally.count(Kind::ClockSkew);
                self.stations
                    .get_mut(desk)
                    .into_iter()
                    .for_each(|station| station.skew_ms = skew_ms);
            }
            Fault::FillDisk { desk, until } => {
                self.stations
                    .get_mut(desk)
                    .into_iter()
                    .for_each(|station| station.full_until = until);
            }
            Fault::Backup { desk } => {
                let station = self.stations.get_mut(desk);
                station
                    .into_iter()
                    .for_each(|station| station.backup = Some(station.disk.synced.clone()));
            }
            Fault::Poison { desk } => self.make_odd(desk, Odd::Poisoned),
            Fault::Unknown { desk } => self.make_odd(desk, Odd::UnknownKind),
            Fault::KillDesk { .. }
            | Fault::KillServer
            | Fault::ExpireTokens
            | Fault::Rollback { .. } => {}
        }
    }

    fn make_odd(&mut self, desk: usize, odd: Odd) {
        self.stations
            .get_mut(desk)
            .into_iter()
            .for_each(|station| station.odd.push_back(odd));
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
                self.kill_desk(desk)
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
