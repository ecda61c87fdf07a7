//! Commands after the decision, and those that stop and restart a case: hold, risk, execute, close, reopen.

use super::guards::{
    DAY_MS, coming_day, days, ensure, harmless, harmless_as, hours, not_a_maker, said,
};
use super::intake::{begin_pause, end_pause};
use super::{Done, Judge, Judged, Stop};
use crate::assurance;
use crate::calendar::shanghai_day;
use crate::case::{Case, CaseState, Execution, ExecutionResult, FollowUpResult, TerminalResult};
use crate::field::FieldKey;
use crate::op::OpBody;
use crate::outcome::HeldWhy;
use crate::people::Role;
use crate::policy::Policy;
use crate::refusal::Code;
use crate::secret_trap::FieldKind;
use crate::time::Millis;
use std::collections::BTreeSet;

/// Longest idempotency key, in bytes.
const KEY_BYTES: usize = 128;

pub(super) fn judge(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Judged {
    if let OpBody::Hold {
        reason,
        review_date,
    } = body
    {
        return hold(judge, case, reason, review_date);
    }
    if let OpBody::Unhold { reason } = body {
        return unhold(judge, case, reason);
    }
    if let OpBody::RiskClear { reason } = body {
        return clear_risk(judge, case, reason);
    }
    if let OpBody::ExecuteStart { idempotency_key } = body {
        return start(judge, case, idempotency_key);
    }
    if let OpBody::ExecuteRecord {
        result,
        reference,
        evidence,
        terminals,
        requeried,
    } = body
    {
        let said = Said {
            result: *result,
            reference,
            evidence,
            terminals,
        };
        return record(judge, case, &said, *requeried);
    }
    if let OpBody::Close { note } = body {
        harmless(note)?;
        return close(judge, case);
    }
    if let OpBody::Reopen {
        reason,
        new_evidence,
    } = body
    {
        return reopen(judge, case, reason, new_evidence);
    }
    Err(Stop::Held(HeldWhy::Internal))
}

fn hold(judge: &Judge<'_>, case: &mut Case, reason: &str, review_date: &str) -> Judged {
    said(reason, Code::HoldReason)?;
    coming_day(review_date, judge.at(), Code::HoldReviewDate)?;
    case.held_from = Some(case.state);
    case.state = CaseState::OnHold;
    case.reason = Some(reason.to_owned());
    case.hold_review_date = Some(review_date.to_owned());
    begin_pause(case, judge.at());
    Ok(Done::default().with("review_date", review_date))
}

fn unhold(judge: &Judge<'_>, case: &mut Case, reason: &str) -> Judged {
    said(reason, Code::HoldReason)?;
    let Some(back) = case.held_from.take() else {
        return Err(Stop::Held(HeldWhy::Internal));
    };
    case.state = back;
    case.hold_review_date = None;
    end_pause(case, judge.at());
    Ok(Done::default())
}

/// Releases a risk stop and a locked identity check: both are a supervisor's word against a machine's doubt.
fn clear_risk(judge: &Judge<'_>, case: &mut Case, reason: &str) -> Judged {
    said(reason, Code::RiskReason)?;
    not_a_maker(judge, case)?;
    let stopped = assurance::risk_stops(case, judge.ctx.policy);
    let locked = case.identity.locked_until.is_some();
    ensure(stopped || locked, Code::RiskNothing)?;
    if stopped {
        case.risk.cleared_by = Some(judge.op.actor);
    }
    case.identity.locked_until = None;
    case.identity.failures = 0;
    Ok(Done::default())
}

/// Before this an approved case is not executed, so that whoever is bound to the terminal can still stop it; none for a
/// case that was never approved. Risk that came after the approval counts.
#[must_use]
pub fn held_until(case: &Case, policy: &Policy) -> Option<Millis> {
    let wait = hours(policy.level(assurance::level_of(case, policy)).hold_hours);
    let approved_at = case.moments.approved_at?;
    Some(approved_at.saturating_add(wait))
}

fn start(judge: &Judge<'_>, case: &mut Case, key: &str) -> Judged {
    let policy = judge.ctx.policy;
    ensure(
        !key.trim().is_empty() && key.len() <= KEY_BYTES,
        Code::ExecutionKey,
    )?;
    harmless_as(key, FieldKind::OrderNumber)?;
    ensure(
        case.executions
            .iter()
            .all(|execution| execution.idempotency_key != key),
        Code::ExecutionKeyUsed,
    )?;
    let done = case
        .executions
        .iter()
        .any(|execution| execution.result == Some(ExecutionResult::Unbound));
    ensure(!done, Code::ExecutionDone)?;
    ensure(
        !assurance::risk_stops(case, policy),
        Code::ExecutionRiskHold,
    )?;
    let until = held_until(case, policy).unwrap_or(judge.ctx.now);
    ensure(judge.ctx.now >= until, Code::ExecutionHold)?;
    case.executions.push(Execution {
        idempotency_key: key.to_owned(),
        started_by: judge.op.actor,
        started_at: judge.at(),
        result: None,
        reference: String::new(),
        evidence: String::new(),
        terminals: Vec::new(),
        finished_at: None,
    });
    case.state = CaseState::Executing;
    Ok(Done::default())
}

/// What the operator or the connector reports.
struct Said<'a> {
    result: ExecutionResult,
    reference: &'a str,
    evidence: &'a str,
    terminals: &'a [TerminalResult],
}

fn record(judge: &Judge<'_>, case: &mut Case, said: &Said<'_>, requeried: bool) -> Judged {
    if case.state == CaseState::ExecUnknown {
        ensure(requeried, Code::ExecutionRequery)?;
        ensure(
            said.result != ExecutionResult::Unknown,
            Code::ExecutionStillUnknown,
        )?;
    }
    ensure(!said.reference.trim().is_empty(), Code::ExecutionReference)?;
    harmless_as(said.reference, FieldKind::OrderNumber)?;
    ensure(!said.evidence.trim().is_empty(), Code::ExecutionEvidence)?;
    harmless_as(said.evidence, FieldKind::OrderNumber)?;
    terminals_agree(case, said)?;
    let Some(execution) = case.executions.last_mut() else {
        return Err(Stop::Held(HeldWhy::Internal));
    };
    execution.result = Some(said.result);
    said.reference.clone_into(&mut execution.reference);
    said.evidence.clone_into(&mut execution.evidence);
    execution.terminals = said.terminals.to_vec();
    execution.finished_at = Some(judge.at());
    case.state = match said.result {
        ExecutionResult::Unbound => CaseState::Unbound,
        ExecutionResult::Failed => CaseState::ExecFailed,
        ExecutionResult::Unknown => CaseState::ExecUnknown,
    };
    if said.result == ExecutionResult::Unbound {
        case.moments.unbound_at = Some(judge.at());
    }
    Ok(Done::default())
}

/// One result for each terminal number, and no "unbound" over a number that is not.
fn terminals_agree(case: &Case, said: &Said<'_>) -> Result<(), Stop> {
    if said.result != ExecutionResult::Unbound {
        return Ok(());
    }
    let wanted = case.members(FieldKey::TerminalNumbers);
    let named: BTreeSet<String> = said
        .terminals
        .iter()
        .map(|terminal| terminal.terminal_no.clone())
        .collect();
    let each_once = named.len() == said.terminals.len();
    let all_unbound = said
        .terminals
        .iter()
        .all(|terminal| terminal.result == ExecutionResult::Unbound);
    ensure(
        each_once && all_unbound && wanted.is_subset(&named),
        Code::ExecutionTerminals,
    )
}

fn close(judge: &Judge<'_>, case: &mut Case) -> Judged {
    let unbound_at = case.moments.unbound_at.unwrap_or(case.moments.created_at);
    let overdue = judge.ctx.now >= unbound_at.saturating_add(days(judge.ctx.policy.closing.days));
    let by_person = judge.ctx.actor.may(Role::Agent) || judge.ctx.actor.may(Role::Clerk);
    if judge.is_system() && !by_person {
        ensure(overdue, Code::CloseTooEarly)?;
    } else {
        ensure(case.moments.told_at.is_some(), Code::CloseNotTold)?;
        ensure(followed_up(case, unbound_at), Code::CloseFollowUp)?;
    }
    case.state = CaseState::Closed;
    case.moments.closed_at = Some(judge.at());
    Ok(Done::default())
}

/// The question of the day after. Records that are seen answer it early; anything else before that day is too early to say.
fn followed_up(case: &Case, unbound_at: i64) -> bool {
    let (Some(result), Some(at)) = (case.follow_up, case.follow_up_at) else {
        return false;
    };
    let next_day = shanghai_day(unbound_at.saturating_add(DAY_MS));
    match result {
        FollowUpResult::RecordsSeen => at >= unbound_at,
        FollowUpResult::RecordsMissing | FollowUpResult::Unreachable => {
            shanghai_day(at) >= next_day
        }
    }
}

/// An appeal, or an execution that failed for a reason that only a new decision can mend (ADR 13). An unbind that was
/// done stays done: `start` refuses a second one.
fn reopen(judge: &Judge<'_>, case: &mut Case, reason: &str, new_evidence: &str) -> Judged {
    said(reason, Code::ReopenReason)?;
    said(new_evidence, Code::ReopenEvidence)?;
    case.state = CaseState::InReview;
    case.reviewer = None;
    case.approvals.clear();
    case.fraud_reject_by = None;
    case.reason = Some(reason.to_owned());
    case.moments.closed_at = None;
    case.moments.taken_at = Some(judge.at());
    Ok(Done::default())
}
