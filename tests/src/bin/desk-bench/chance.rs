//! Chance that repeats itself, so that two runs measure the same work.

use desk_domain::time::Chance;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts up and mixes.
pub struct Counted(AtomicU64);

impl Counted {
    /// Starts at a number.
    pub fn from(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Chance for Counted {
    fn fill(&self, out: &mut [u8]) {
        for part in out.chunks_mut(8) {
            let bytes = mix(self.0.fetch_add(1, Ordering::Relaxed)).to_le_bytes();
            for (to, from) in part.iter_mut().zip(bytes) {
                *to = from;
            }
        }
    }
}

/// SplitMix64: enough to tell things apart.
pub fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
