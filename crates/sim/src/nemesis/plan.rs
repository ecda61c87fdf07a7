//! The plan of one history, drawn from its seed before it begins.

use crate::dice::Dice;
use crate::fail::{Death, FailPoint, Traps};
use crate::person::Odd;
use desk_domain::time::Millis;

/// Chances in a thousand, for each message or each write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub drop: u64,
    pub duplicate: u64,
    pub delay: u64,
    pub cut: u64,
    pub portal: u64,
    pub busy: u64,
    /// A process dies within the very write.
    pub kill_in_write: u64,
}

/// Which way nothing passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Up,
    Down,
    Both,
}

/// One misfortune. `desk` counts from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    KillDesk {
        desk: usize,
        death: Death,
    },
    KillServer {
        death: Death,
    },
    Partition {
        desk: usize,
        way: Way,
        until: Millis,
    },
    Skew {
        desk: usize,
        skew_ms: i64,
    },
    ExpireTokens,
    FillDisk {
        desk: usize,
        until: Millis,
    },
    BackupDesk {
        desk: usize,
    },
    /// The desk's disk is put back to the backup.
    RestoreDesk {
        desk: usize,
    },
    /// The desk's disk is copied to another machine; both go on.
    CloneDesk {
        desk: usize,
    },
    BackupServer,
    /// The server's database is put back to the backup and begins a new life.
    RestoreServer,
    Odd {
        desk: usize,
        odd: Odd,
    },
    /// The server is updated and knows the kinds of the future.
    Learn,
    /// The server reads no feed to this desk's old version.
    OutdateDesk {
        desk: usize,
    },
    UpdateDesk {
        desk: usize,
    },
    /// A case goes to another office.
    MoveCase,
    /// The desk loses one of its offices.
    CloseScope {
        desk: usize,
    },
    OpenScopes,
    /// A confirmed case on the desk's disk is changed, or gone.
    RotCase {
        desk: usize,
        gone: bool,
    },
}

/// What will happen in one history.
#[derive(Clone, Debug)]
pub struct Plan {
    pub weather: Weather,
    pub faults: Vec<(Millis, Fault)>,
    /// From here on nothing goes wrong any more.
    pub calm_at: Millis,
    pub server_traps: Traps,
    pub desk_traps: Vec<Traps>,
}

const MINUTE: Millis = 60_000;
const YEAR: i64 = 365 * 24 * 60 * MINUTE;

impl Plan {
    /// Draws a plan for so many desks, starting at `from`.
    pub fn draw(dice: &Dice, desks: usize, from: Millis) -> Self {
        // Many short histories and some long ones.
        let (least, most) = match dice.below(100) {
            0..70 => (3, 8),
            70..95 => (8, 14),
            _ => (20, 45),
        };
        let calm_at = from + dice.span(least * MINUTE, most * MINUTE);
        let mut drawing = Drawing {
            dice,
            desks,
            from,
            calm_at,
            faults: Vec::new(),
        };
        drawing.crashes();
        drawing.partitions();
        drawing.oddities();
        drawing.versions();
        drawing.restored_desk();
        drawing.restored_server();
        drawing.scopes();
        drawing.rot();
        let mut faults = drawing.faults;
        faults.extend((0..desks).map(|desk| (calm_at, Fault::UpdateDesk { desk })));
        faults.extend([(calm_at, Fault::Learn), (calm_at, Fault::OpenScopes)]);
        let (server_points, desk_points): (Vec<_>, Vec<_>) = FailPoint::ALL
            .iter()
            .partition(|point| point.is_of_server());
        let traps = |points: &[FailPoint], most| {
            let mut traps = Traps::default();
            traps.lay(dice, points, most);
            traps
        };
        Self {
            weather: weather(dice),
            faults,
            calm_at,
            server_traps: traps(&server_points, 3),
            desk_traps: (0..desks).map(|_| traps(&desk_points, 3)).collect(),
        }
    }
}

fn weather(dice: &Dice) -> Weather {
    let level = |most| {
        if dice.permille(550) {
            dice.below(most)
        } else {
            0
        }
    };
    Weather {
        drop: level(150),
        duplicate: level(200),
        delay: level(150),
        cut: level(150),
        portal: level(60),
        busy: level(100),
        kill_in_write: level(25),
    }
}

struct Drawing<'a> {
    dice: &'a Dice,
    desks: usize,
    from: Millis,
    calm_at: Millis,
    faults: Vec<(Millis, Fault)>,
}

impl Drawing<'_> {
    fn at(&self) -> Millis {
        self.dice.span(self.from, self.calm_at)
    }
    fn desk(&self) -> usize {
        let desks = u64::try_from(self.desks).unwrap_or(1);
        usize::try_from(self.dice.below(desks)).unwrap_or(0)
    }
    fn times(&self, most: u64) -> u64 {
        self.dice.below(most + 1)
    }
    fn after(&self, at: Millis, longest: Millis) -> Millis {
        self.calm_at.min(at + self.dice.span(2_000, longest))
    }
    fn death(&self) -> Death {
        if self.dice.permille(500) {
            Death::Kill
        } else {
            Death::PowerCut
        }
    }
    fn put(&mut self, at: Millis, fault: Fault) {
        self.faults.push((at, fault));
    }

    fn crashes(&mut self) {
        for _ in 0..self.times(3) {
            let (desk, death) = (self.desk(), self.death());
            self.put(self.at(), Fault::KillDesk { desk, death });
        }
        for _ in 0..self.times(2) {
            let death = self.death();
            self.put(self.at(), Fault::KillServer { death });
        }
    }

    fn partitions(&mut self) {
        for _ in 0..self.times(3) {
            let at = self.at();
            let ways = [Way::Up, Way::Down, Way::Both, Way::Both];
            let way = *self.dice.pick(&ways).unwrap_or(&Way::Both);
            let (desk, until) = (self.desk(), self.after(at, 4 * MINUTE));
            self.put(at, Fault::Partition { desk, way, until });
        }
    }

    fn oddities(&mut self) {
        for _ in 0..self.times(2) {
            let spans = [5_000, 10 * MINUTE, YEAR, 9 * YEAR];
            let most = *self.dice.pick(&spans).unwrap_or(&YEAR);
            let (desk, skew_ms) = (self.desk(), self.dice.span(-most, most));
            self.put(self.at(), Fault::Skew { desk, skew_ms });
        }
        for _ in 0..self.times(2) {
            self.put(self.at(), Fault::ExpireTokens);
        }
        if self.dice.permille(400) {
            let (at, desk) = (self.at(), self.desk());
            let until = self.after(at, 2 * MINUTE);
            self.put(at, Fault::FillDisk { desk, until });
        }
        for odd in [Odd::Poisoned, Odd::Breaks, Odd::Future] {
            if self.dice.permille(400) {
                let desk = self.desk();
                self.put(self.at(), Fault::Odd { desk, odd });
            }
        }
    }

    fn versions(&mut self) {
        if self.dice.permille(300) {
            self.put(self.at(), Fault::Learn);
        }
        if self.dice.permille(150) {
            let (at, desk) = (self.at(), self.desk());
            let later = self.after(at, 5 * MINUTE);
            self.put(at, Fault::OutdateDesk { desk });
            self.put(later, Fault::UpdateDesk { desk });
        }
    }

    /// A backup, a little work, the backup put back or set up a second time; then often some work before the server is
    /// heard again.
    fn restored_desk(&mut self) {
        let (clones, restores) = (self.dice.permille(200), self.dice.permille(200));
        if !clones && !restores {
            return;
        }
        let desk = self.desk();
        let backup = self.at();
        let back = self.after(backup, MINUTE);
        if restores {
            self.put(backup, Fault::BackupDesk { desk });
            self.put(back, Fault::RestoreDesk { desk });
        }
        if clones {
            self.put(self.at(), Fault::CloneDesk { desk });
        }
        if self.dice.permille(700) {
            let (way, until) = (Way::Both, self.after(back, 4 * MINUTE));
            self.put(back, Fault::Partition { desk, way, until });
        }
    }

    fn restored_server(&mut self) {
        for _ in 0..self.times(2) {
            self.put(self.at(), Fault::BackupServer);
        }
        if self.dice.permille(250) {
            let at = self.at();
            let back = self.after(at, 3 * MINUTE);
            self.put(at, Fault::BackupServer);
            self.put(back, Fault::RestoreServer);
        }
    }

    fn rot(&mut self) {
        for _ in 0..self.times(2) {
            let (desk, gone) = (self.desk(), self.dice.permille(500));
            self.put(self.at(), Fault::RotCase { desk, gone });
        }
    }

    fn scopes(&mut self) {
        if self.dice.permille(350) {
            for _ in 0..self.times(3) {
                self.put(self.at(), Fault::MoveCase);
            }
        }
        if self.dice.permille(150) {
            let (at, desk) = (self.at(), self.desk());
            let later = self.after(at, 4 * MINUTE);
            self.put(at, Fault::CloseScope { desk });
            self.put(later, Fault::OpenScopes);
        }
    }
}
