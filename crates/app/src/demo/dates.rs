//! A pack is as old as the program; a demo desk shows cases of these days. Every instant moves by the same whole
//! number of days, so that hours and distances stay.

use super::Pack;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{Case, Moments, TimelineEntry};
use desk_domain::case_no::CaseNo;
use desk_domain::registry::MerchantRecord;
use desk_domain::time::Millis;

const DAY_MS: Millis = 86_400_000;

/// Moves the pack so that its newest instant lies on the day before `now`.
pub(super) fn bring_to(pack: &mut Pack, now: Millis) {
    let mut newest = None;
    for (case, timeline) in &mut pack.cases {
        instants(case, timeline, &mut |at| newest = newest.max(Some(*at)));
    }
    let Some(newest) = newest else {
        return;
    };
    let days = (shanghai_day(now) - shanghai_day(newest)).num_days() - 1;
    let by = days.saturating_mul(DAY_MS);
    for (case, timeline) in &mut pack.cases {
        instants(case, timeline, &mut |at| *at = at.saturating_add(by));
        days_of(case, days);
    }
    for merchant in &mut pack.merchants {
        register(merchant, by);
    }
}

fn instants(case: &mut Case, timeline: &mut [TimelineEntry], visit: &mut impl FnMut(&mut Millis)) {
    let facts = (case.fields.values_mut().map(|one| &mut one.at))
        .chain(case.conflicts.values_mut().map(|one| &mut one.at))
        .chain(case.identity.locked_until.iter_mut())
        .chain(case.evidence.iter_mut().map(|one| &mut one.at))
        .chain(case.returns.iter_mut().map(|one| &mut one.at))
        .chain(case.approvals.iter_mut().map(|one| &mut one.at))
        .chain(case.notices.iter_mut().map(|one| &mut one.at))
        .chain(case.amendments.iter_mut().map(|one| &mut one.at))
        .chain(case.notes.iter_mut().map(|one| &mut one.at))
        .chain(case.follow_up_at.iter_mut())
        .chain(timeline.iter_mut().map(|one| &mut one.at));
    facts.for_each(&mut *visit);
    for document in case.documents.values_mut() {
        visit(&mut document.at);
        document
            .verdict
            .iter_mut()
            .for_each(|said| visit(&mut said.at));
    }
    for execution in &mut case.executions {
        visit(&mut execution.started_at);
        execution.finished_at.iter_mut().for_each(&mut *visit);
    }
    moments(&mut case.moments, visit);
}

fn moments(moments: &mut Moments, visit: &mut impl FnMut(&mut Millis)) {
    visit(&mut moments.created_at);
    for at in [
        &mut moments.submitted_at,
        &mut moments.received_at,
        &mut moments.taken_at,
        &mut moments.approved_at,
        &mut moments.unbound_at,
        &mut moments.told_at,
        &mut moments.closed_at,
    ] {
        at.iter_mut().for_each(&mut *visit);
    }
    for pause in &mut moments.pauses {
        visit(&mut pause.from);
        pause.until.iter_mut().for_each(&mut *visit);
    }
}

/// Civil days, and the day inside case numbers.
fn days_of(case: &mut Case, days: i64) {
    for day in [&mut case.promise_date, &mut case.hold_review_date]
        .into_iter()
        .flatten()
    {
        if let Some(moved) = day.parse().ok().and_then(|from| later(from, days)) {
            *day = moved.format("%Y-%m-%d").to_string();
        }
    }
    for number in [&mut case.case_no].into_iter().chain(&mut case.surviving) {
        if let Some(moved) = renumbered(number, days) {
            *number = moved;
        }
    }
}

fn later(day: chrono::NaiveDate, days: i64) -> Option<chrono::NaiveDate> {
    day.checked_add_signed(chrono::TimeDelta::try_days(days)?)
}

fn renumbered(number: &CaseNo, days: i64) -> Option<CaseNo> {
    let day = later(number.opened_on()?, days)?;
    CaseNo::compose(day, number.office(), number.device(), number.sequence()?).ok()
}

fn register(merchant: &mut MerchantRecord, by: Millis) {
    let terminals = merchant.terminals.iter_mut().flat_map(|terminal| {
        [&mut terminal.bound_at]
            .into_iter()
            .chain(&mut terminal.unbound_at)
            .chain(&mut terminal.last_trade_at)
    });
    for at in [&mut merchant.phone_changed_at]
        .into_iter()
        .chain(terminals)
    {
        *at = at.saturating_add(by);
    }
}
