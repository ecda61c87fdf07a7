//! The working calendar: Chinese holidays and make-up workdays as data, office hours, honest deadlines.
//!
//! All instants are UTC milliseconds; all days are civil days in fixed UTC+8, whatever the zone of the PC.
//! A year without data follows the Monday-to-Friday rule, and every result that used it says `uncertain`.

mod reckon;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// The tables that ship with the desk; newer ones come as data.
const SHIPPED: &[&str] = &[include_str!("../../../../assets/calendar/2026.toml")];

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Asia/Shanghai has been UTC+8 without summer time since 1991.
const SHANGHAI_OFFSET_MS: i64 = 8 * 60 * MINUTE_MS;
const DAY_MINUTES: u32 = 24 * 60;
/// No table covers more days than this; a longer range is a typing error.
const RANGE_DAYS_MAX: u64 = 31;

/// The daily working hours of one office, in minutes after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HoursText", into = "HoursText")]
pub struct OfficeHours {
    opens: u32,
    closes: u32,
}

#[derive(Serialize, Deserialize)]
struct HoursText {
    opens_minute: u32,
    closes_minute: u32,
}

impl OfficeHours {
    /// Hours from one minute of the day to a later one.
    pub fn new(opens_minute: u32, closes_minute: u32) -> Result<Self, CalendarError> {
        if opens_minute < closes_minute && closes_minute <= DAY_MINUTES {
            Ok(Self {
                opens: opens_minute,
                closes: closes_minute,
            })
        } else {
            Err(CalendarError::Hours)
        }
    }

    /// The working minutes of one day.
    pub fn minutes_per_day(self) -> u32 {
        self.closes - self.opens
    }

    fn opens_ms(self) -> i64 {
        i64::from(self.opens) * MINUTE_MS
    }

    fn closes_ms(self) -> i64 {
        i64::from(self.closes) * MINUTE_MS
    }
}

impl Default for OfficeHours {
    /// 09:00 to 17:30.
    fn default() -> Self {
        Self {
            opens: 9 * 60,
            closes: 17 * 60 + 30,
        }
    }
}

impl TryFrom<HoursText> for OfficeHours {
    type Error = CalendarError;

    fn try_from(text: HoursText) -> Result<Self, Self::Error> {
        Self::new(text.opens_minute, text.closes_minute)
    }
}

impl From<OfficeHours> for HoursText {
    fn from(hours: OfficeHours) -> Self {
        Self {
            opens_minute: hours.opens,
            closes_minute: hours.closes,
        }
    }
}

/// A result together with whether a year without holiday data took part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reckoned<T> {
    /// The result.
    pub value: T,
    /// True when a holiday of an unpublished year may still move it; shown beside every date.
    pub uncertain: bool,
}

/// A span in which a clock stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// First instant of the pause.
    pub from: Millis,
    /// First instant after the pause.
    pub until: Millis,
}

/// How much time a clock grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Minutes within working hours.
    WorkingMinutes(u32),
    /// Whole working days; due when the office closes on the last one.
    WorkingDays(u32),
}

/// When a clock warns and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// Three quarters of the working time have passed.
    pub warn_at: Millis,
    /// All of it has passed.
    pub due_at: Millis,
    /// See [`Reckoned::uncertain`].
    pub uncertain: bool,
}

/// Why a calendar cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// The text is not a calendar table.
    #[error("calendar.table")]
    Table(#[from] toml::de::Error),
    /// A range is reversed, too long, or a day is of another year.
    #[error("calendar.range")]
    Range,
    /// One day is both off and worked.
    #[error("calendar.contradiction")]
    Contradiction,
    /// Closing is not after opening.
    #[error("calendar.hours")]
    Hours,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YearTable {
    year: i32,
    source_no: String,
    #[serde(rename = "published_on")]
    _published_on: NaiveDate,
    off: Vec<OffRange>,
    work: Vec<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OffRange {
    from: NaiveDate,
    until: NaiveDate,
}

#[derive(Debug, Clone)]
struct Year {
    source_no: String,
    off: BTreeSet<NaiveDate>,
    work: BTreeSet<NaiveDate>,
}

/// Holidays, make-up workdays and the hours of one office.
#[derive(Debug, Clone)]
pub struct Calendar {
    years: BTreeMap<i32, Year>,
    hours: OfficeHours,
}

impl Calendar {
    /// The calendar that ships with the desk, with the default hours.
    pub fn shipped() -> Result<Self, CalendarError> {
        Self::from_tables(SHIPPED)
    }

    /// A calendar from tables of one year each; a later table of a year replaces an earlier one.
    pub fn from_tables(tables: &[&str]) -> Result<Self, CalendarError> {
        let mut years = BTreeMap::new();
        for text in tables {
            let table: YearTable = toml::from_str(text)?;
            years.insert(table.year, read_year(table)?);
        }
        Ok(Self {
            years,
            hours: OfficeHours::default(),
        })
    }

    /// The same calendar with the hours of an office.
    #[must_use]
    pub fn with_hours(mut self, hours: OfficeHours) -> Self {
        self.hours = hours;
        self
    }

    /// The hours in force.
    pub fn hours(&self) -> OfficeHours {
        self.hours
    }

    /// Whether the holidays of a year are known.
    pub fn knows_year(&self, year: i32) -> bool {
        self.years.contains_key(&year)
    }

    /// The number of the notice that a year's table was taken from.
    pub fn source_of(&self, year: i32) -> Option<&str> {
        self.years.get(&year).map(|table| table.source_no.as_str())
    }

    /// Whether people work on a day.
    pub fn is_working_day(&self, day: NaiveDate) -> Reckoned<bool> {
        let weekday = !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        match self.years.get(&day.year()) {
            None => Reckoned {
                value: weekday,
                uncertain: true,
            },
            Some(table) => {
                let value = table.work.contains(&day) || (weekday && !table.off.contains(&day));
                Reckoned {
                    value,
                    uncertain: false,
                }
            }
        }
    }
}

fn read_year(table: YearTable) -> Result<Year, CalendarError> {
    let mut off = BTreeSet::new();
    for range in table.off {
        let days = range.until.signed_duration_since(range.from).num_days();
        let days = u64::try_from(days).map_err(|_| CalendarError::Range)?;
        if days >= RANGE_DAYS_MAX {
            return Err(CalendarError::Range);
        }
        off.extend((0..=days).filter_map(|at| range.from.checked_add_days(Days::new(at))));
    }
    let work: BTreeSet<NaiveDate> = table.work.into_iter().collect();
    if off.iter().chain(&work).any(|day| day.year() != table.year) {
        return Err(CalendarError::Range);
    }
    if !off.is_disjoint(&work) {
        return Err(CalendarError::Contradiction);
    }
    Ok(Year {
        source_no: table.source_no,
        off,
        work,
    })
}

/// The civil day in Shanghai of an instant.
pub fn shanghai_day(at: Millis) -> NaiveDate {
    split_local(at).0
}

/// The civil day in Shanghai and the milliseconds since its midnight; saturates at the ends of time.
fn split_local(at: Millis) -> (NaiveDate, i64) {
    let local = at.saturating_add(SHANGHAI_OFFSET_MS);
    let days = TimeDelta::try_days(local.div_euclid(DAY_MS));
    let day = days.and_then(|days| epoch().checked_add_signed(days));
    let limit = if at < 0 {
        NaiveDate::MIN
    } else {
        NaiveDate::MAX
    };
    (day.unwrap_or(limit), local.rem_euclid(DAY_MS))
}

/// The instant at some milliseconds after midnight in Shanghai.
fn join_local(day: NaiveDate, ms_of_day: i64) -> Millis {
    let days = day.signed_duration_since(epoch()).num_days();
    days.saturating_mul(DAY_MS)
        .saturating_add(ms_of_day)
        .saturating_sub(SHANGHAI_OFFSET_MS)
}

fn epoch() -> NaiveDate {
    chrono::DateTime::UNIX_EPOCH.date_naive()
}

#[cfg(test)]
mod tests;
