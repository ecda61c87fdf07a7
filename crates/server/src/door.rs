//! The one place where the server learns the time, gets random bytes and chooses its crypto.

use desk_domain::time::{Chance, Clock, Millis};
use std::sync::Once;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

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

/// Measures how long something took, for the metrics alone: nothing that the server does depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the door itself")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
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

/// One crypto provider for the process; a second call finds it there.
pub fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Err means that somebody else was first with a provider: that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
