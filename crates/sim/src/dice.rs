//! All chance of one history comes from its seed.

use desk_domain::time::Chance;
use std::sync::atomic::{AtomicU64, Ordering};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64. The state is atomic only because [`Chance`] asks for `&self`; one thread rolls it.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// A stream of its own for each purpose, so that one more roll here does not move another stream.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(AtomicU64::new(mix(seed ^ mix(stream.wrapping_mul(GOLDEN)))))
    }

    /// The next 64 bits.
    pub fn roll(&self) -> u64 {
        mix(self
            .0
            .fetch_add(GOLDEN, Ordering::Relaxed)
            .wrapping_add(GOLDEN))
    }

    /// Uniform in `0..bound`; 0 when there is no room.
    pub fn below(&self, bound: u64) -> u64 {
        self.roll().checked_rem(bound).unwrap_or(0)
    }

    /// Uniform in `from..=to`, for times.
    pub fn span(&self, from: i64, to: i64) -> i64 {
        let width = u64::try_from(to.saturating_sub(from))
            .unwrap_or(0)
            .saturating_add(1);
        from.saturating_add(i64::try_from(self.below(width)).unwrap_or(0))
    }

    /// True in so many of a thousand rolls.
    pub fn permille(&self, chance: u64) -> bool {
        self.below(1000) < chance
    }

    /// One of them; none of nothing.
    pub fn pick<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(from.len()).unwrap_or(0);
        from.get(usize::try_from(self.below(count)).unwrap_or(0))
    }
}

impl Chance for Dice {
    fn fill(&self, out: &mut [u8]) {
        for part in out.chunks_mut(8) {
            for (to, from) in part.iter_mut().zip(self.roll().to_le_bytes()) {
                *to = from;
            }
        }
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_rolls_the_same_and_streams_differ() {
        let rolls = |seed, stream| {
            let dice = Dice::new(seed, stream);
            (0..50).map(|_| dice.roll()).collect::<Vec<_>>()
        };
        assert_eq!(rolls(7, 1), rolls(7, 1));
        assert_ne!(rolls(7, 1), rolls(7, 2));
        assert_ne!(rolls(7, 1), rolls(8, 1));
    }

    #[test]
    fn rolls_stay_in_their_bounds_and_use_them() {
        let dice = Dice::new(3, 3);
        let seen: std::collections::BTreeSet<i64> = (0..500).map(|_| dice.span(-2, 2)).collect();
        assert_eq!(seen, (-2..=2).collect());
        assert_eq!(dice.below(0), 0);
        assert!(dice.pick::<u8>(&[]).is_none());
    }
}
