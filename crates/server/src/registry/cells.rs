//! Cells as a spreadsheet gives them, and what becomes of codes and dates on the way through one.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use desk_domain::ident::fold;
use desk_domain::time::Millis;

/// Digits that a spreadsheet keeps of a number.
const DIGITS_KEPT: usize = 15;
/// Zeros at the end of a long number that no longer look like chance.
const ZEROS_OF_LOSS: usize = 3;
/// Where a code stops being one and starts to have lost digits.
const NUMBER_TOO_LONG: f64 = 1e15;
const SHANGHAI_OFFSET_MS: i64 = 8 * 3_600_000;
/// Serial days of a spreadsheet that are taken for dates: 1954 to 2119.
const SERIAL_DAYS: std::ops::Range<f64> = 20_000.0..80_000.0;

/// One cell.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    Empty,
    Text(String),
    /// A number that is no date by its format.
    Number(f64),
    Date(NaiveDateTime),
}

/// One row; `line` is that of the file, counted from 1.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    pub line: u32,
    pub cells: Vec<Cell>,
}

/// What the way through a spreadsheet did to a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spoiled {
    /// `1.23E+15`.
    Exponent,
    /// `12345.0`.
    Fraction,
    /// Digits after the fifteenth became zeros.
    LostDigits,
}

impl Cell {
    /// A text cell without the marks that keep a spreadsheet from changing it: `="001"`, `'001`, a tab.
    pub fn of_text(text: &str) -> Self {
        let bare = text.trim();
        let bare = bare
            .strip_prefix("=\"")
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(bare);
        let bare = match bare.strip_prefix('\'') {
            Some(rest) if !rest.ends_with('\'') => rest,
            _ => bare,
        };
        if bare.is_empty() {
            Self::Empty
        } else {
            Self::Text(bare.to_owned())
        }
    }

    /// Whether nothing stands in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// As a person sees it.
    pub fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e20 => {
                format!("{number:.0}")
            }
            Self::Number(number) => format!("{number}"),
            Self::Date(at) if at.time() == NaiveTime::MIN => at.format("%Y-%m-%d").to_string(),
            Self::Date(at) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
        }
    }

    /// A code that a spreadsheet may have changed.
    ///
    /// # Errors
    /// It did, and what was lost cannot be told any more.
    pub fn code(&self) -> Result<String, Spoiled> {
        if let Self::Number(number) = self {
            if number.abs() >= NUMBER_TOO_LONG {
                return Err(Spoiled::LostDigits);
            }
            if number.fract() != 0.0 {
                return Err(Spoiled::Fraction);
            }
        }
        let text = self.text();
        let plain: String = fold(&text).chars().filter(|c| !c.is_whitespace()).collect();
        if is_exponent(&plain) {
            return Err(Spoiled::Exponent);
        }
        if is_fraction(&plain) {
            return Err(Spoiled::Fraction);
        }
        if has_lost_digits(&plain) {
            return Err(Spoiled::LostDigits);
        }
        Ok(text)
    }

    /// An instant: a date cell, a serial day, or a written date with or without a time, in Shanghai.
    pub fn instant(&self) -> Option<Millis> {
        let at = match self {
            Self::Empty => None,
            Self::Date(at) => Some(*at),
            Self::Number(number) => serial_day(*number).or_else(|| written(&self.text())),
            Self::Text(text) => written(text),
        }?;
        Some(at.and_utc().timestamp_millis() - SHANGHAI_OFFSET_MS)
    }
}

/// `1.23E+15`: a point or a sign tells it from a serial such as `8E123456`.
fn is_exponent(text: &str) -> bool {
    let Some((mantissa, power)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let marked = mantissa.contains('.') || power.starts_with(['+', '-']);
    marked
        && digits(whole)
        && rest.bytes().all(|b| b.is_ascii_digit())
        && digits(power.trim_start_matches(['+', '-']))
}

fn is_fraction(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, zeros)| {
        !whole.is_empty()
            && whole.bytes().all(|b| b.is_ascii_digit())
            && !zeros.is_empty()
            && zeros.bytes().all(|b| b == b'0')
    })
}

fn has_lost_digits(text: &str) -> bool {
    let tail = text.get(DIGITS_KEPT..).unwrap_or_default();
    text.bytes().all(|b| b.is_ascii_digit())
        && tail.len() >= ZEROS_OF_LOSS
        && tail.bytes().all(|b| b == b'0')
}

fn serial_day(number: f64) -> Option<NaiveDateTime> {
    if !SERIAL_DAYS.contains(&number) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "fewer than 80,000 days have fewer milliseconds than an i64 holds"
    )]
    let ms = (number * 86_400_000.0).round() as i64;
    let epoch = NaiveDate::from_ymd_opt(1899, 12, 30)?.and_time(NaiveTime::MIN);
    epoch.checked_add_signed(TimeDelta::try_milliseconds(ms)?)
}

/// `2026-01-02`, `2026/1/2`, `2026.1.2`, `2026年1月2日`, `20260102`, each with `3:04` or `03:04:05` behind it; a bare
/// serial day.
fn written(text: &str) -> Option<NaiveDateTime> {
    let folded = fold(text);
    let plain: String = folded
        .trim()
        .chars()
        .map(|c| match c {
            '年' | '月' | '/' | '.' => '-',
            'T' => ' ',
            other => other,
        })
        .collect();
    let plain = plain.replace('日', " ");
    let (day, time) = plain.split_once(' ').unwrap_or((plain.as_str(), ""));
    let day = day.trim_end_matches('-');
    let date = NaiveDate::parse_from_str(day, "%Y-%m-%d")
        .ok()
        .or_else(|| (day.len() == 8).then(|| NaiveDate::parse_from_str(day, "%Y%m%d").ok())?)
        .filter(|date| (1900..2200).contains(&chrono::Datelike::year(date)));
    let Some(date) = date else {
        // A date that lost its format; the point stands for a fraction of a day here.
        return folded.trim().parse().ok().and_then(serial_day);
    };
    let time = time.trim();
    if time.is_empty() {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let time = time.split(['-', 'Z']).next().unwrap_or(time).trim();
    NaiveTime::parse_from_str(time, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"))
        .ok()
        .map(|time| date.and_time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_a_spreadsheet_spoiled_are_told_from_odd_ones() {
        for (text, spoiled) in [
            ("1.23457E+15", Some(Spoiled::Exponent)),
            ("1E+15", Some(Spoiled::Exponent)),
            ("1.2e15", Some(Spoiled::Exponent)),
            ("８.2E+14", Some(Spoiled::Exponent)),
            ("822290070110001.0", Some(Spoiled::Fraction)),
            ("4002021033012340000", Some(Spoiled::LostDigits)),
            ("8E123456", None),
            ("N9E0012345", None),
            ("1234567890123450", None),
            ("822290070110000", None),
            ("DEMO00001001", None),
        ] {
            assert_eq!(Cell::of_text(text).code().err(), spoiled, "{text}");
        }
        assert_eq!(Cell::Number(1.234e15).code(), Err(Spoiled::LostDigits));
        assert_eq!(Cell::Number(12.5).code(), Err(Spoiled::Fraction));
        assert_eq!(
            Cell::Number(822_290_070_110_001.0).code().unwrap(),
            "822290070110001"
        );
    }

    #[test]
    fn marks_that_keep_a_code_text_are_taken_off() {
        for text in ["=\"00000751\"", "'00000751", "\t00000751", " 00000751 "] {
            assert_eq!(Cell::of_text(text), Cell::Text("00000751".into()), "{text}");
        }
        assert!(Cell::of_text(" \t").is_empty());
    }

    #[test]
    fn dates_are_read_however_they_are_written() {
        let day = Some(1_767_283_200_000);
        for text in [
            "2026-01-02",
            "2026/1/2",
            "2026.1.2",
            "2026年1月2日",
            "20260102",
            "46024",
            "2026-01-02 00:00:00",
            "２０２６-01-02",
        ] {
            assert_eq!(Cell::of_text(text).instant(), day, "{text}");
        }
        assert_eq!(Cell::Number(46_024.0).instant(), day);
        assert_eq!(
            Cell::of_text("2026/1/2 8:30").instant(),
            day.map(|day| day + 8 * 3_600_000 + 1_800_000)
        );
        for text in ["2026-13-02", "昨天", "1", "2026-02-30", "2026-01-02 25:00"] {
            assert_eq!(Cell::of_text(text).instant(), None, "{text}");
        }
    }
}
