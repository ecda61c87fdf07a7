//! What goes wrong in one history: the weather on the line, and misfortunes at set times. All of it from the seed.

use crate::dice::Dice;
use desk_domain::time::Millis;
use std::collections::BTreeMap;

/// The classes of faults, counted when they took effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Drop,
    Duplicate,
    Delay,
    Reorder,
    CutMidReply,
    Partition,
    Portal,
    Busy,
    DeskKill,
    ServerKill,
    UnsyncedLost,
    ClockSkew,
    TokenExpiry,
    PoisonedOp,
    UnknownKind,
    SameField,
    FullDisk,
    DeskRollback,
}

impl Kind {
    /// Every class; a run of 200 seeds meets each.
    pub const ALL: [Self; 18] = [
        Self::Drop,
        Self::Duplicate,
        Self::Delay,
        Self::Reorder,
        Self::CutMidReply,
        Self::Partition,
        Self::Portal,
        Self::Busy,
        Self::DeskKill,
        Self::ServerKill,
        Self::UnsyncedLost,
        Self::ClockSkew,
        Self::TokenExpiry,
        Self::PoisonedOp,
        Self::UnknownKind,
        Self::SameField,
        Self::FullDisk,
        Self::DeskRollback,
    ];

    /// The name in the summary.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Duplicate => "duplicate",
            Self::Delay => "delay",
            Self::Reorder => "reorder",
            Self::CutMidReply => "cut_mid_reply",
            Self::Partition => "partition",
            Self::Portal => "portal",
            Self::Busy => "busy",
            Self::DeskKill => "desk_kill",
            Self::ServerKill => "server_kill",
            Self::UnsyncedLost => "unsynced_lost",
            Self::ClockSkew => "clock_skew",
            Self::TokenExpiry => "token_expiry",
            Self::PoisonedOp => "poisoned_op",
            Self::UnknownKind => "unknown_kind",
            Self::SameField => "same_field",
            Self::FullDisk => "full_disk",
            Self::DeskRollback => "desk_rollback",
        }
    }
}

/// Counts by class.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<Kind, u64>);

impl Tally {
    /// It happened.
    pub fn count(&mut self, kind: Kind) {
        *self.0.entry(kind).or_default() += 1;
    }
    /// How often it happened.
    pub fn of(&self, kind: Kind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(0)
    }
    /// Adds the counts of another history.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.0 {
            *self.0.entry(*kind).or_default() += count;
        }
    }
}

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
    },
    KillServer,
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
    Backup {
        desk: usize,
    },
    /// The desk's disk is put back to the backup.
    Rollback {
        desk: usize,
    },
    Poison {
        desk: usize,
    },
    Unknown {
        desk: usize,
    },
}

/// The plan of one history.
#[derive(Clone, Debug)]
pub struct Plan {
    pub weather: Weather,
    pub faults: Vec<(Millis, Fault)>,
    /// From here on nothing goes wrong any more.
    pub calm_at: Millis,
}

const MINUTE: Millis = 60_000;
const YEAR: i64 = 365 * 24 * 60 * MINUTE;

impl Plan {
    /// Draws a plan for so many desks, starting at `from`.
    pub fn draw(dice: &Dice, desks: usize, from: Millis) -> Self {
        let calm_at = from + dice.span(4 * MINUTE, 12 * MINUTE);
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
        drawing.rollback();
        let level = |most| {
            if dice.permille(550) {
                dice.below(most)
            } else {
                0
            }
        };
        let weather = Weather {
            drop: level(150),
            duplicate: level(200),
            delay: level(150),
            cut: level(150),
            portal: level(60),
            busy: level(100),
            kill_in_write: level(25),
        };
        Self {
            weather,
            faults: drawing.faults,
            calm_at,
        }
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
    fn until(&self, at: Millis, longest: Millis) -> Millis {
        self.calm_at.min(at + self.dice.span(2_000, longest))
    }

    fn crashes(&mut self) {
        for _ in 0..self.times(3) {
            self.faults
                .push((self.at(), Fault::KillDesk { desk: self.desk() }));
        }
        for _ in 0..self.times(2) {
            self.faults.push((self.at(), Fault::KillServer));
        }
    }

    fn partitions(&mut self) {
        for _ in 0..self.times(3) {
            let at = self.at();
            let way = *self
                .dice
                .pick(&[Way::Up, Way::Down, Way::Both, Way::Both])
                .unwrap_or(&Way::Both);
            let until = self.until(at, 4 * MINUTE);
            self.faults.push((
                at,
                Fault::Partition {
                    desk: self.desk(),
                    way,
                    until,
                },
            ));
        }
    }

    fn oddities(&mut self) {
        for _ in 0..self.times(2) {
            let most = *self
                .dice
                .pick(&[5_000, 10 * MINUTE, YEAR, 9 * YEAR])
                .unwrap_or(&YEAR);
            let skew_ms = self.dice.span(-most, most);
            self.faults.push((
                self.at(),
                Fault::Skew {
                    desk: self.desk(),
                    skew_ms,
                },
            ));
        }
        for _ in 0..self.times(2) {
            self.faults.push((self.at(), Fault::ExpireTokens));
        }
        if self.dice.permille(400) {
            let at = self.at();
            self.faults.push((
                at,
                Fault::FillDisk {
                    desk: self.desk(),
                    until: self.until(at, 2 * MINUTE),
                },
            ));
        }
        if self.dice.permille(400) {
            self.faults
                .push((self.at(), Fault::Poison { desk: self.desk() }));
        }
        if self.dice.permille(400) {
            self.faults
                .push((self.at(), Fault::Unknown { desk: self.desk() }));
        }
    }

    /// A backup, a little work, the backup put back; then often some work before the server is heard again.
    fn rollback(&mut self) {
        if !self.dice.permille(250) {
            return;
        }
        let desk = self.desk();
        let backup = self.at();
        let back = self.calm_at.min(backup + self.dice.span(5_000, MINUTE));
        self.faults.push((backup, Fault::Backup { desk }));
        self.faults.push((back, Fault::Rollback { desk }));
        if self.dice.permille(700) {
            let until = self.until(back, 4 * MINUTE);
            self.faults.push((
                back,
                Fault::Partition {
                    desk,
                    way: Way::Both,
                    until,
                },
            ));
        }
    }
}
