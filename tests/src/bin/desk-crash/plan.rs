//! What is to happen in one cycle, by its seed alone.

use crate::dice::Dice;
use desk_failpoint::ALL;

/// Every so many cycles nothing is killed: everything must drain and both sides must agree.
pub const CALM_EVERY: u64 = 10;

/// Who is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Victim {
    Desk(usize),
    Server,
}

/// Where it is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// When it passes this fail point for the time after `passes`.
    At { point: &'static str, passes: u64 },
    /// This long after so many words of the desks.
    After { words: u64, ms: u64 },
}

/// What the desks do most of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Focus {
    Fields,
    Documents,
    Submits,
}

impl Focus {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fields => "fields",
            Self::Documents => "documents",
            Self::Submits => "submits",
        }
    }
}

/// One cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    pub victim: Victim,
    pub moment: Moment,
    pub focus: Focus,
    /// A killed server starts again while the desks live.
    pub server_comes_back: bool,
}

impl Plan {
    /// None: a calm cycle.
    pub fn of(seed: u64) -> Option<Self> {
        if seed.is_multiple_of(CALM_EVERY) {
            return None;
        }
        let mut dice = Dice::of(seed, 1);
        let server_comes_back = dice.once_in(2);
        // Two of three cycles go through the points in turn, so that each has its share however few the cycles are.
        let number = usize::try_from(seed - seed / CALM_EVERY).unwrap_or(0);
        let moment = if number % 3 == 2 {
            Moment::After {
                words: dice.below(16),
                ms: dice.below(40),
            }
        } else {
            let turn = number / 3 * 2 + number % 3;
            Moment::At {
                point: ALL[turn % ALL.len()],
                passes: if dice.once_in(2) { 0 } else { dice.below(4) },
            }
        };
        let desk = Victim::Desk(usize::from(!dice.once_in(2)));
        let (victim, focus) = match moment {
            Moment::At { point, .. } => (
                if point.starts_with("server.") {
                    Victim::Server
                } else {
                    desk
                },
                focus_of(point),
            ),
            Moment::After { .. } => (
                if dice.once_in(3) {
                    Victim::Server
                } else {
                    desk
                },
                [Focus::Fields, Focus::Documents, Focus::Submits]
                    [usize::try_from(dice.below(3)).unwrap_or(0)],
            ),
        };
        Some(Self {
            victim,
            moment: without_passes_that_never_come(moment),
            focus,
            server_comes_back,
        })
    }
}

/// The work without which a point is never passed.
fn focus_of(point: &str) -> Focus {
    let about_documents = [
        "document", "stored", "download", "chunk", "complete", "fetch",
    ];
    if about_documents.iter().any(|word| point.contains(word)) {
        Focus::Documents
    } else {
        Focus::Submits
    }
}

/// Once in the life of a process there is one start and one hello; a cycle has few documents.
fn without_passes_that_never_come(moment: Moment) -> Moment {
    match moment {
        Moment::At { point, passes } => {
            let most = match point {
                "store.open.before_mark"
                | "server.start.before_listen"
                | "sync.hello.after_reply" => 0,
                point if focus_of(point) == Focus::Documents => 1,
                _ => passes,
            };
            Moment::At {
                point,
                passes: passes.min(most),
            }
        }
        Moment::After { .. } => moment,
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, Plan};
    use desk_failpoint::ALL;
    use std::collections::BTreeSet;

    #[test]
    fn two_hundred_cycles_go_to_every_point_several_times_and_kill_at_random_too() {
        let plans: Vec<Plan> = (1..=200).filter_map(Plan::of).collect();
        let points: Vec<&str> = plans
            .iter()
            .filter_map(|plan| match plan.moment {
                Moment::At { point, .. } => Some(point),
                Moment::After { .. } => None,
            })
            .collect();
        let each: BTreeSet<&str> = points.iter().copied().collect();
        assert_eq!(each.len(), ALL.len());
        for point in ALL {
            assert!(
                points.iter().filter(|one| *one == point).count() >= 3,
                "{point}"
            );
        }
        assert!(plans.len() - points.len() > 40);
    }
}
