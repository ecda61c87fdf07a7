//! The five clocks of a case: `product.md` section 4. They run in working time and stand still only while a case waits
//! for the merchant, is returned, or is on hold.
//!
//! They start at captured instants, so that a branch without a network is not punished for its line.

use crate::calendar::{Calendar, Pause, Target};
use crate::case::{Case, CaseState};
use crate::policy::ClockRules;
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// Which promise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    Capture,
    Review,
    Execute,
    Tell,
    Promise,
}

impl ClockKind {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Review => "review",
            Self::Execute => "execute",
            Self::Tell => "tell",
            Self::Promise => "promise",
        }
    }
}

/// How near the end is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    Paused,
    Ok,
    /// Three quarters of the working time have passed.
    Soon,
    /// All of it has passed.
    Late,
}

impl Urgency {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Ok => "ok",
            Self::Soon => "soon",
            Self::Late => "late",
        }
    }
}

/// One running clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Due {
    pub clock: ClockKind,
    pub warn_at: Millis,
    pub due_at: Millis,
    pub urgency: Urgency,
    /// A year without a published calendar took part: Monday to Friday was assumed.
    pub uncertain: bool,
}

/// The clocks that run for a case at `now`, the nearest end first. None once it has ended.
pub fn due(case: &Case, calendar: &Calendar, rules: &ClockRules, now: Millis) -> Vec<Due> {
    let pauses = pauses_until(case, now);
    let paused = is_paused(case.state);
    let mut running: Vec<Due> = running(case, rules)
        .into_iter()
        .map(|(clock, started_at, target)| {
            let deadline = calendar.deadline_with_pauses(started_at, target, &pauses);
            let urgency = match now {
                _ if paused => Urgency::Paused,
                now if now >= deadline.due_at => Urgency::Late,
                now if now >= deadline.warn_at => Urgency::Soon,
                _ => Urgency::Ok,
            };
            Due {
                clock,
                warn_at: deadline.warn_at,
                due_at: deadline.due_at,
                urgency,
                uncertain: deadline.uncertain,
            }
        })
        .collect();
    running.sort_by_key(|due| (due.due_at, due.clock));
    running
}

/// The clocks of the case's state, with the instant each began.
fn running(case: &Case, rules: &ClockRules) -> Vec<(ClockKind, Millis, Target)> {
    let moments = &case.moments;
    let minutes = |hours: u32| Target::WorkingMinutes(hours.saturating_mul(60));
    let step = match case.state {
        CaseState::Draft => Some((
            ClockKind::Capture,
            moments.created_at,
            Target::WorkingMinutes(rules.capture_minutes),
        )),
        CaseState::Submitted | CaseState::InReview => moments.submitted_at.map(|at| {
            (
                ClockKind::Review,
                at,
                Target::WorkingDays(rules.review_work_days),
            )
        }),
        CaseState::Approved
        | CaseState::Executing
        | CaseState::ExecFailed
        | CaseState::ExecUnknown => moments
            .approved_at
            .map(|at| (ClockKind::Execute, at, minutes(rules.execute_work_hours))),
        CaseState::Unbound | CaseState::Rejected if moments.told_at.is_none() => {
            let ended_at = moments.unbound_at.or(moments.taken_at);
            ended_at.map(|at| (ClockKind::Tell, at, minutes(rules.tell_work_hours)))
        }
        CaseState::Unbound
        | CaseState::Rejected
        | CaseState::Waiting
        | CaseState::Returned
        | CaseState::OnHold
        | CaseState::Closed
        | CaseState::Withdrawn
        | CaseState::Resolved
        | CaseState::Referred
        | CaseState::Duplicate => None,
    };
    let promise = (!has_ended(case.state)).then(|| {
        let begun_at = moments.submitted_at.unwrap_or(moments.created_at);
        (
            ClockKind::Promise,
            begun_at,
            Target::WorkingDays(rules.promise_work_days),
        )
    });
    step.into_iter().chain(promise).collect()
}

fn is_paused(state: CaseState) -> bool {
    matches!(
        state,
        CaseState::Waiting | CaseState::Returned | CaseState::OnHold
    )
}

/// The promise to the merchant has been kept or broken; it no longer runs.
fn has_ended(state: CaseState) -> bool {
    matches!(
        state,
        CaseState::Unbound
            | CaseState::Closed
            | CaseState::Rejected
            | CaseState::Withdrawn
            | CaseState::Resolved
            | CaseState::Referred
            | CaseState::Duplicate
    )
}

/// A pause that still lasts ends, for reckoning, now.
fn pauses_until(case: &Case, now: Millis) -> Vec<Pause> {
    let all = case.moments.pauses.iter();
    all.map(|pause| Pause {
        from: pause.from,
        until: pause.until.unwrap_or(now).max(pause.from),
    })
    .collect()
}
