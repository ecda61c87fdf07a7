//! Small checks that several handlers share.

use super::{Judge, Stop, rights};
use crate::calendar::shanghai_day;
use crate::case::Case;
use crate::refusal::{Code, Refusal};
use crate::secret_trap::{self, FieldKind};
use crate::time::Millis;
use chrono::NaiveDate;

/// Longest free text of an op that is not a field, in Unicode scalars.
pub const TEXT_CHARS: usize = 2000;
pub(super) const HOUR_MS: Millis = 60 * 60 * 1000;
pub(super) const DAY_MS: Millis = 24 * HOUR_MS;

pub(super) fn ensure(holds: bool, code: Code) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(code.into()) }
}

/// Two persons: whoever wrote any of it does not judge it.
pub(super) fn not_a_maker(judge: &Judge<'_>, case: &Case) -> Result<(), Stop> {
    ensure(!rights::is_maker(judge.ctx.actor, case), Code::ActorIsMaker)
}

/// Writes the author down as a maker, account and human being.
pub(super) fn mark_maker(judge: &Judge<'_>, case: &mut Case) {
    if !judge.is_system() {
        case.makers.insert(judge.ctx.actor.user);
        case.makers.insert(judge.ctx.actor.person);
    }
}

/// A text that says something, is not too long and holds no secret; `missing` when it says nothing.
pub(super) fn said(text: &str, missing: Code) -> Result<(), Stop> {
    ensure(!text.trim().is_empty(), missing)?;
    harmless(text)
}

/// A text that may be empty.
pub(super) fn harmless(text: &str) -> Result<(), Stop> {
    harmless_as(text, FieldKind::FreeText)
}

/// A reference of another system holds long digits by its nature.
pub(super) fn harmless_as(text: &str, kind: FieldKind) -> Result<(), Stop> {
    if text.chars().count() > TEXT_CHARS {
        return Err(Refusal::from(Code::TextTooLong)
            .with("limit", TEXT_CHARS.to_string())
            .into());
    }
    secret_trap::inspect(text, kind).map_err(|_| Stop::from(Code::TextSecret))
}

/// A civil date, today or later in Shanghai.
pub(super) fn coming_day(text: &str, now: Millis, code: Code) -> Result<(), Stop> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    ensure(
        day.is_some_and(|day| day >= shanghai_day(now) && text.len() == 10),
        code,
    )
}

pub(super) fn days(count: u32) -> Millis {
    Millis::from(count).saturating_mul(DAY_MS)
}

pub(super) fn hours(count: u32) -> Millis {
    Millis::from(count).saturating_mul(HOUR_MS)
}
