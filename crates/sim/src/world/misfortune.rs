//! The nemesis strikes: deaths, clocks, full disks, versions.

use super::{Event, World};
use crate::fail::Death;
use crate::nemesis::{Fault, Kind, Way};
use desk_domain::ids::CaseId;

impl World {
    pub(super) fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::KillDesk { desk, death } => self.kill_desk(desk, death),
            Fault::KillServer { death } => self.kill_server(death),
            Fault::ExpireTokens => {
                self.tally.count(Kind::TokenExpiry);
                self.server.expire_all();
            }
            Fault::RestoreDesk { desk } => self.restore_desk(desk),
            Fault::CloneDesk { desk } => self.clone_desk(desk),
            Fault::BackupServer => self.server_backup = Some(self.server.back_up()),
            Fault::RestoreServer => self.restore_server(),
            Fault::Learn => self.learn(),
            Fault::OutdateDesk { desk } => self.outdate(desk),
            Fault::UpdateDesk { desk } => self.update(desk),
            Fault::MoveCase => self.move_some_case(),
            Fault::CloseScope { desk } => self.close_scope(desk),
            Fault::OpenScopes => self.server.closed.clear(),
            Fault::RotCase { desk, gone } => self.rot_case(desk, gone),
            Fault::Partition { .. }
            | Fault::Skew { .. }
            | Fault::FillDisk { .. }
            | Fault::BackupDesk { .. }
            | Fault::Odd { .. } => self.trouble_desk(fault),
        }
    }

    fn trouble_desk(&mut self, fault: Fault) {
        let (Fault::Partition { desk, .. }
        | Fault::Skew { desk, .. }
        | Fault::FillDisk { desk, .. }
        | Fault::BackupDesk { desk }
        | Fault::Odd { desk, .. }) = fault
        else {
            return;
        };
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        if let Fault::Partition { way, until, .. } = fault {
            if way != Way::Down {
                station.deaf_up_until = until;
            }
            if way != Way::Up {
                station.deaf_down_until = until;
            }
        }
        if let Fault::Skew { skew_ms, .. } = fault {
            self.tally.count(Kind::ClockSkew);
            station.skew_ms = skew_ms;
        }
        if let Fault::FillDisk { until, .. } = fault {
            station.full_until = until;
        }
        if let Fault::BackupDesk { .. } = fault {
            station.backup = Some(station.disk.synced.clone());
        }
        if let Fault::Odd { odd, .. } = fault {
            station.odd.push_back(odd);
        }
    }

    pub(super) fn kill_in_write(&mut self, desk: Option<usize>, life: u64) {
        let death = if self.dice.disks.permille(500) {
            Death::Kill
        } else {
            Death::PowerCut
        };
        match desk {
            None if life == self.server_life => self.kill_server(death),
            Some(desk)
                if self
                    .stations
                    .get(desk)
                    .is_some_and(|station| station.life == life) =>
            {
                self.kill_desk(desk, death);
            }
            None | Some(_) => {}
        }
    }

    /// The process dies without a word; the disk keeps what was committed or, after a power cut, what was synced.
    pub(super) fn kill_desk(&mut self, desk: usize, death: Death) {
        let Some(station) = self
            .stations
            .get_mut(desk)
            .filter(|station| station.is_up())
        else {
            return;
        };
        self.tally.count(match death {
            Death::Kill => Kind::DeskKill,
            Death::PowerCut => Kind::DeskPowerCut,
        });
        if station.disk.live.rows.len() > station.disk.committed().rows.len() {
            self.tally.count(Kind::UnsyncedLost);
        }
        station.die(death);
        let down_ms = self.dice.disks.span(300, 60_000);
        self.after(down_ms, Event::DeskUp { desk });
    }

    /// A named place was passed in a desk; true when the process died there.
    pub(super) fn desk_trapped(&mut self, desk: usize) -> bool {
        let Some(station) = self.stations.get_mut(desk) else {
            return false;
        };
        let Some((point, death)) = station.traps.sprung.take() else {
            return false;
        };
        self.tally.count_point(point);
        self.kill_desk(desk, death);
        true
    }

    fn rot_case(&mut self, desk: usize, gone: bool) {
        let Some(station) = self.stations.get_mut(desk) else {
            return;
        };
        let held = station.disk.synced.confirmed.keys();
        let held: Vec<CaseId> = held.copied().collect();
        let Some(case) = self.dice.disks.pick(&held).copied() else {
            return;
        };
        self.tally.count(Kind::RottenCase);
        station.rotten.insert(case);
        let cast = &self.cast;
        station.disk.everywhere(|books| books.rot(cast, case, gone));
    }

    fn learn(&mut self) {
        if !self.server_up {
            return self.after(10_000, Event::Strike(Fault::Learn));
        }
        for _ in 0..self.server.learn(self.now) {
            self.tally.count(Kind::FutureLearned);
        }
        self.ring(self.server_life);
    }

    fn outdate(&mut self, desk: usize) {
        if let Some(station) = self.stations.get(desk) {
            self.tally.count(Kind::OldDesk);
            self.server.outdated.insert(station.player.device);
        }
    }

    /// The new version is installed: the program starts anew.
    fn update(&mut self, desk: usize) {
        let Some(station) = self.stations.get(desk) else {
            return;
        };
        if self.server.outdated.remove(&station.player.device) {
            self.kill_desk(desk, Death::Kill);
        }
    }
}
