//! Counting in working days and working minutes.

use chrono::NaiveDate;

use super::{Calendar, Deadline, MINUTE_MS, Pause, Reckoned, Target, join_local, split_local};
use crate::time::Millis;

/// No count walks further than this, whatever it is asked; about ten years.
const WALK_DAYS_MAX: u32 = 3_660;

impl Calendar {
    /// The working day on which `count` working days after an instant are over.
    ///
    /// The day of the start does not count. A start at or after closing time belongs to the next civil day.
    pub fn add_working_days(&self, start: Millis, count: u32) -> Reckoned<NaiveDate> {
        let (mut day, ms_of_day) = split_local(start);
        let mut uncertain = false;
        if ms_of_day >= self.hours.closes_ms() {
            day = next(day);
        }
        let mut left = count;
        for _ in 0..WALK_DAYS_MAX {
            if left == 0 {
                break;
            }
            day = next(day);
            let working = self.is_working_day(day);
            uncertain |= working.uncertain;
            left -= u32::from(working.value);
        }
        uncertain |= self.is_working_day(day).uncertain;
        Reckoned {
            value: day,
            uncertain,
        }
    }

    /// The instant at which so many working minutes after a start are over.
    pub fn add_working_minutes(&self, start: Millis, minutes: u32) -> Reckoned<Millis> {
        self.advance(start, i64::from(minutes) * MINUTE_MS, &[])
    }

    /// The whole working minutes between two instants, without those in pauses; pauses may overlap.
    pub fn working_minutes_between(
        &self,
        from: Millis,
        until: Millis,
        pauses: &[Pause],
    ) -> Reckoned<i64> {
        let worked = self.working_ms_between(from, until, pauses);
        Reckoned {
            value: worked.value / MINUTE_MS,
            uncertain: worked.uncertain,
        }
    }

    /// When a clock that starts now warns and is due.
    pub fn deadline(&self, start: Millis, target: Target) -> Deadline {
        self.deadline_with_pauses(start, target, &[])
    }

    /// The same, moved back by the working time that fell into pauses.
    pub fn deadline_with_pauses(
        &self,
        start: Millis,
        target: Target,
        pauses: &[Pause],
    ) -> Deadline {
        let (granted, unsure) = match target {
            Target::WorkingMinutes(minutes) => (i64::from(minutes) * MINUTE_MS, false),
            Target::WorkingDays(count) => {
                let last = self.add_working_days(start, count);
                let due = join_local(last.value, self.hours.closes_ms());
                let granted = self.working_ms_between(start, due, &[]);
                (granted.value, last.uncertain || granted.uncertain)
            }
        };
        let due = self.advance(start, granted, pauses);
        let warn = self.advance(start, granted / 4 * 3, pauses);
        Deadline {
            warn_at: warn.value,
            due_at: due.value,
            uncertain: unsure || due.uncertain,
        }
    }

    fn working_ms_between(&self, from: Millis, until: Millis, pauses: &[Pause]) -> Reckoned<i64> {
        let mut total = 0;
        let mut uncertain = false;
        let (mut day, _) = split_local(from);
        for _ in 0..WALK_DAYS_MAX {
            if join_local(day, 0) >= until {
                break;
            }
            uncertain |= self.is_working_day(day).uncertain;
            for (opens, closes) in self.open_spans(day, pauses) {
                total += closes.min(until).saturating_sub(opens.max(from)).max(0);
            }
            day = next(day);
        }
        Reckoned {
            value: total,
            uncertain,
        }
    }

    /// Walks forward until so much working time is used up.
    fn advance(&self, start: Millis, granted: i64, pauses: &[Pause]) -> Reckoned<Millis> {
        let mut left = granted;
        let mut reached = start;
        let mut uncertain = false;
        let (mut day, _) = split_local(start);
        for _ in 0..WALK_DAYS_MAX {
            if left <= 0 {
                break;
            }
            uncertain |= self.is_working_day(day).uncertain;
            for (opens, closes) in self.open_spans(day, pauses) {
                let from = opens.max(start);
                let taken = closes.saturating_sub(from).clamp(0, left);
                if taken > 0 {
                    reached = from + taken;
                    left -= taken;
                }
            }
            day = next(day);
        }
        Reckoned {
            value: reached,
            uncertain,
        }
    }

    /// The spans of a day in which the office works and no pause holds.
    fn open_spans(&self, day: NaiveDate, pauses: &[Pause]) -> Vec<(Millis, Millis)> {
        if !self.is_working_day(day).value {
            return Vec::new();
        }
        let opens = join_local(day, self.hours.opens_ms());
        let closes = join_local(day, self.hours.closes_ms());
        let mut spans = vec![(opens, closes)];
        for pause in pauses {
            spans = spans
                .into_iter()
                .flat_map(|span| without(span, *pause))
                .collect();
        }
        spans
    }
}

/// What is left of a span before and after a pause.
fn without(
    (opens, closes): (Millis, Millis),
    pause: Pause,
) -> impl Iterator<Item = (Millis, Millis)> {
    let empty = pause.until <= pause.from;
    let before = if empty {
        (opens, closes)
    } else {
        (opens, closes.min(pause.from))
    };
    let after = if empty {
        (closes, closes)
    } else {
        (opens.max(pause.until), closes)
    };
    [before, after]
        .into_iter()
        .filter(|(from, until)| from < until)
}

fn next(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}
