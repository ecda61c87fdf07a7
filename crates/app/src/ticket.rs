//! Single-use tickets for document bytes: 128 random bits, 30 seconds, gone when used or locked.

use desk_domain::ids::DocumentId;
use desk_domain::time::{Chance, Millis};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const LIFE_MS: Millis = 30_000;
/// A window shows fewer thumbnails than this at once; the oldest go first.
const OUTSTANDING: usize = 512;

/// What of a document is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shown {
    Thumbnail,
    Rendition,
    Page(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Claim {
    pub document: DocumentId,
    pub shown: Shown,
}

#[derive(Default)]
pub(crate) struct Tickets {
    open: Mutex<BTreeMap<[u8; 16], (Millis, Claim)>>,
}

impl Tickets {
    /// 32 hexadecimal characters.
    pub(crate) fn issue(&self, claim: Claim, now: Millis, chance: &dyn Chance) -> String {
        let mut ticket = [0_u8; 16];
        chance.fill(&mut ticket);
        let mut open = self.hold();
        open.retain(|_, (until, _)| *until > now);
        if open.len() >= OUTSTANDING
            && let Some(oldest) = open
                .iter()
                .min_by_key(|(_, (until, _))| *until)
                .map(|(key, _)| *key)
        {
            open.remove(&oldest);
        }
        open.insert(ticket, (now.saturating_add(LIFE_MS), claim));
        hex::encode(ticket)
    }

    /// Takes the ticket: a second use finds nothing.
    pub(crate) fn redeem(&self, ticket: &str, now: Millis) -> Option<Claim> {
        let key: [u8; 16] = hex::decode(ticket).ok()?.try_into().ok()?;
        let (until, claim) = self.hold().remove(&key)?;
        // A clock set back must not lengthen a ticket's life.
        let fresh = now < until && until.saturating_sub(now) <= LIFE_MS;
        fresh.then_some(claim)
    }

    pub(crate) fn forget_all(&self) {
        self.hold().clear();
    }

    fn hold(&self) -> MutexGuard<'_, BTreeMap<[u8; 16], (Millis, Claim)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Dice;

    fn claim(seed: u64) -> Claim {
        Claim {
            document: DocumentId::new(1, &Dice::new(seed)),
            shown: Shown::Thumbnail,
        }
    }

    #[test]
    fn a_ticket_works_once() {
        let (tickets, dice) = (Tickets::default(), Dice::new(1));
        let ticket = tickets.issue(claim(2), 0, &dice);
        assert_eq!(ticket.len(), 32);
        assert_eq!(tickets.redeem(&ticket, 1), Some(claim(2)));
        assert_eq!(tickets.redeem(&ticket, 1), None);
    }

    #[test]
    fn old_forged_and_locked_away_tickets_show_nothing() {
        let (tickets, dice) = (Tickets::default(), Dice::new(1));
        let old = tickets.issue(claim(2), 0, &dice);
        assert_eq!(tickets.redeem(&old, LIFE_MS), None);
        let set_back = tickets.issue(claim(2), 100_000, &dice);
        assert_eq!(tickets.redeem(&set_back, 50_000), None);
        for forged in ["", "00", "zz", &"0".repeat(32), "../../etc"] {
            assert_eq!(tickets.redeem(forged, 1), None);
        }
        let locked = tickets.issue(claim(2), 0, &dice);
        tickets.forget_all();
        assert_eq!(tickets.redeem(&locked, 1), None);
    }

    #[test]
    fn outstanding_tickets_are_bounded() {
        let (tickets, dice) = (Tickets::default(), Dice::new(1));
        let first = tickets.issue(claim(2), 0, &dice);
        for at in 0..OUTSTANDING {
            tickets.issue(claim(3), 1 + i64::try_from(at).unwrap(), &dice);
        }
        assert_eq!(tickets.redeem(&first, 600), None);
        assert_eq!(tickets.hold().len(), OUTSTANDING);
    }
}
