//! Clock and chance for tests: told, not asked.

use desk_domain::time::{Chance, Clock, Millis};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A clock that moves when it is told to.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl HandClock {
    /// Starts at an instant.
    pub const fn at(now: Millis) -> Self {
        Self(AtomicI64::new(now))
    }
    /// Moves on.
    pub fn pass(&self, ms: Millis) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

/// Repeatable bytes: never for keys outside tests.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// One seed, one sequence.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Chance for Dice {
    fn fill(&self, out: &mut [u8]) {
        for byte in out {
            // SplitMix64.
            let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte = mixed.to_be_bytes()[0];
        }
    }
}
