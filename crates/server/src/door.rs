//! The one place where the server learns the time and gets random bytes.

use desk_domain::time::{Chance, Clock, Millis};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the door itself")]
    fn now(&self) -> Millis {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    #[expect(clippy::disallowed_methods, reason = "the door itself")]
    fn fill(&self, out: &mut [u8]) {
        // Guessable tokens would be worse than no server at all.
        if getrandom::fill(out).is_err() {
            std::process::abort();
        }
    }
}
