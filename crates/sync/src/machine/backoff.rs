//! Waiting after a failure: exponential, full jitter, a cap, and the server's own wish.

use desk_domain::time::Chance;

/// Longest wait that a `Retry-After` may ask for.
pub const RETRY_AFTER_CAP_MS: u64 = 3_600_000;

/// Doubling ceilings from `base_ms` to `cap_ms`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    pub base_ms: u64,
    pub cap_ms: u64,
}

/// How often in a row something failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: uniform in `1..=ceiling`, at least what the server asked for.
    pub fn fail(&mut self, pace: Pace, retry_after_ms: Option<u64>, chance: &dyn Chance) -> u64 {
        let ceiling = self.ceiling(pace);
        self.failures = self.failures.saturating_add(1);
        let mut draw = [0_u8; 8];
        chance.fill(&mut draw);
        let jitter = 1 + u64::from_le_bytes(draw) % ceiling;
        let asked = retry_after_ms.unwrap_or(0).min(RETRY_AFTER_CAP_MS);
        jitter.max(asked)
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub const fn failures(self) -> u32 {
        self.failures
    }

    fn ceiling(self, pace: Pace) -> u64 {
        let factor = 1_u64.checked_shl(self.failures.min(40)).unwrap_or(u64::MAX);
        pace.base_ms
            .saturating_mul(factor)
            .clamp(1, pace.cap_ms.max(1))
    }
}

/// Counts transport failures in a row over all lanes. Open: only hello still knocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Breaker {
    failures: u32,
}

impl Breaker {
    /// Failures in a row that open it.
    pub const LIMIT: u32 = 5;

    /// True when this failure opened it.
    pub fn fail(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures == Self::LIMIT
    }
    /// True when this success closed it.
    pub fn succeed(&mut self) -> bool {
        let was_open = self.is_open();
        self.failures = 0;
        was_open
    }
    /// Only hello may send.
    pub const fn is_open(self) -> bool {
        self.failures >= Self::LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u64);
    impl Chance for Fixed {
        fn fill(&self, out: &mut [u8]) {
            for (to, from) in out.iter_mut().zip(self.0.to_le_bytes()) {
                *to = from;
            }
        }
    }
    const PACE: Pace = Pace {
        base_ms: 1_000,
        cap_ms: 300_000,
    };

    #[test]
    fn every_wait_lies_between_one_and_the_doubling_ceiling_up_to_the_cap() {
        for draw in [0, 1, 999, 1_000, 299_999, u64::MAX / 3, u64::MAX] {
            let mut backoff = Backoff::default();
            let mut ceiling = 1_000;
            for _ in 0..50 {
                let wait = backoff.fail(PACE, None, &Fixed(draw));
                assert!((1..=ceiling).contains(&wait), "{wait} of {ceiling}");
                ceiling = (ceiling * 2).min(300_000);
            }
        }
    }

    #[test]
    fn the_whole_range_is_used_so_that_desks_do_not_knock_together() {
        let mut low = Backoff { failures: 20 };
        let mut high = Backoff { failures: 20 };
        assert_eq!(low.fail(PACE, None, &Fixed(0)), 1);
        assert_eq!(high.fail(PACE, None, &Fixed(299_999)), 300_000);
    }

    #[test]
    fn the_servers_wish_is_a_floor_and_has_a_cap() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.fail(PACE, Some(20_000), &Fixed(5)), 20_000);
        let mut late = Backoff { failures: 20 };
        assert_eq!(late.fail(PACE, Some(10), &Fixed(77)), 78);
        assert_eq!(
            late.fail(PACE, Some(u64::MAX), &Fixed(5)),
            RETRY_AFTER_CAP_MS
        );
    }

    #[test]
    fn a_success_starts_over() {
        let mut backoff = Backoff { failures: 9 };
        backoff.reset();
        assert!(backoff.fail(PACE, None, &Fixed(u64::MAX)) <= 1_000);
    }

    #[test]
    fn five_failures_open_the_breaker_and_one_success_closes_it() {
        let mut breaker = Breaker::default();
        for n in 1..=4 {
            assert!(!breaker.fail(), "failure {n}");
        }
        assert!(breaker.fail());
        assert!(breaker.is_open());
        assert!(!breaker.fail(), "opens once");
        assert!(breaker.succeed());
        assert!(!breaker.is_open());
        assert!(!breaker.succeed());
    }
}
