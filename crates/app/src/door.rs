//! The door for time and chance: the only real clock and the only real random source of a desk.

use desk_domain::time::{Chance, Clock, Millis};
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |elapsed| {
            Millis::try_from(elapsed.as_millis()).unwrap_or(Millis::MAX)
        })
    }
}

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsChance;

impl Chance for OsChance {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn fill(&self, out: &mut [u8]) {
        // Keys and identifiers must not be guessable: without randomness nothing may go on.
        if getrandom::fill(out).is_err() {
            std::process::abort();
        }
    }
}
