//! How far this machine's clock is from the server's. For display: skew is flagged, never refused.

use desk_domain::time::Millis;

/// Difference from which a person is told.
pub const WORTH_TELLING_MS: i64 = 120_000;
/// Samples after which an old best round trip is forgotten.
const MEMORY: u32 = 16;

/// Keeps the sample with the shortest round trip: its error is at most half of that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Skew {
    best: Option<Sample>,
    age: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sample {
    round_trip_ms: i64,
    offset_ms: i64,
}

impl Skew {
    /// One answer: sent and received by our clock, stamped by the server's.
    pub fn observe(&mut self, sent_at: Millis, received_at: Millis, server_time: Millis) {
        let round_trip_ms = received_at.saturating_sub(sent_at);
        if round_trip_ms < 0 {
            return; // our clock was set back in between: the sample says nothing
        }
        let middle = sent_at.saturating_add(round_trip_ms / 2);
        let sample = Sample {
            round_trip_ms,
            offset_ms: server_time.saturating_sub(middle),
        };
        self.age = self.age.saturating_add(1);
        let better = self.best.is_none_or(|best| {
            let jumped = best.offset_ms.abs_diff(sample.offset_ms)
                > best.round_trip_ms.unsigned_abs() + sample.round_trip_ms.unsigned_abs();
            self.age > MEMORY || jumped || round_trip_ms <= best.round_trip_ms
        });
        if better {
            self.best = Some(sample);
            self.age = 0;
        }
    }

    /// Server minus desk.
    pub fn offset_ms(&self) -> Option<i64> {
        self.best.map(|sample| sample.offset_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_round_trip_is_believed() {
        let mut skew = Skew::default();
        skew.observe(1_000, 1_400, 6_300);
        assert_eq!(skew.offset_ms(), Some(5_100));
        skew.observe(2_000, 2_010, 7_005);
        assert_eq!(skew.offset_ms(), Some(5_000));
        skew.observe(3_000, 3_800, 8_300);
        assert_eq!(skew.offset_ms(), Some(5_000), "a slower answer knows less");
    }

    #[test]
    fn a_clock_that_somebody_sets_is_noticed_at_once() {
        let mut skew = Skew::default();
        skew.observe(1_000, 1_010, 1_005);
        skew.observe(9_000_000, 9_000_900, 1_450);
        assert_eq!(skew.offset_ms(), Some(1_450 - 9_000_450));
    }

    #[test]
    fn a_clock_set_back_during_a_request_and_extreme_stamps_do_no_harm() {
        let mut skew = Skew::default();
        skew.observe(5_000, 1_000, 3_000);
        assert_eq!(skew.offset_ms(), None);
        skew.observe(0, 10, i64::MAX);
        skew.observe(i64::MIN, i64::MAX, i64::MIN);
        assert!(skew.offset_ms().is_some());
    }
}
