//! Commands of the people who take the call: create, submit, wait, withdraw, finish.

use super::guards::{coming_day, days, ensure, mark_maker, said};
use super::{Done, Judge, Judged, Stop};
use crate::case::{
    Amendment, Case, CaseState, CloseWay, IdentityCheck, Moments, NoticeChannel, Pause, Risk,
};
use crate::case_no::CaseNo;
use crate::checklist;
use crate::ids::{CaseId, OfficeCode};
use crate::op::{ChainHash, OpBody};
use crate::outcome::HeldWhy;
use crate::refusal::{Code, Refusal};
use crate::time::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// The first op of a case; anything else before it waits.
pub(super) fn create(judge: &Judge<'_>, body: &OpBody) -> Result<(Case, Done), Stop> {
    let OpBody::CaseCreate {
        case_no,
        office,
        parent,
    } = body
    else {
        return Err(Stop::Held(HeldWhy::MissingDependency));
    };
    ensure(case_no.office() == office.as_str(), Code::CaseNumberOffice)?;
    let actor = judge.ctx.actor;
    ensure(actor.offices.contains(office), Code::ActorOffice)?;
    let mut case = blank(judge, case_no.clone(), office.clone(), *parent);
    mark_maker(judge, &mut case);
    Ok((case, Done::default().with("to", CaseState::Draft.as_str())))
}

/// The same op again says nothing new; another one would take the case over.
pub(super) fn create_again(judge: &Judge<'_>, case: &Case) -> Judged {
    if case.created_op == Some(judge.op.op_id) {
        return Err(Stop::Noop(judge.op.op_id));
    }
    Err(Code::CaseExists.into())
}

fn blank(judge: &Judge<'_>, case_no: CaseNo, office: OfficeCode, parent: Option<CaseId>) -> Case {
    Case {
        id: judge.op.case,
        case_no,
        office,
        parent,
        state: CaseState::Draft,
        held_from: None,
        rev: 0,
        created_by: judge.op.actor,
        makers: BTreeSet::new(),
        reviewer: None,
        fields: BTreeMap::new(),
        conflicts: BTreeMap::new(),
        documents: BTreeMap::new(),
        waivers: BTreeMap::new(),
        identity: IdentityCheck::default(),
        evidence: Vec::new(),
        returns: Vec::new(),
        return_count: 0,
        approvals: Vec::new(),
        fraud_reject_by: None,
        risk: Risk::default(),
        executions: Vec::new(),
        notices: Vec::new(),
        follow_up: None,
        waiting_missing: Vec::new(),
        promise_date: None,
        submitted_digest: None,
        reason: None,
        surviving: None,
        flagged_late_facts: 0,
        moments: Moments {
            created_at: judge.at(),
            ..Moments::default()
        },
        created_op: Some(judge.op.op_id),
        submitted_op: None,
        resolved: BTreeMap::new(),
        amendments: Vec::new(),
        waived_by: BTreeSet::new(),
        follow_up_at: None,
        hold_review_date: None,
        notes: Vec::new(),
    }
}

pub(super) fn judge(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Judged {
    if let OpBody::Submit { digest } = body {
        return if matches!(case.state, CaseState::Draft | CaseState::Returned) {
            submit(judge, case, *digest)
        } else {
            submit_again(judge, case, *digest)
        };
    }
    if let OpBody::Wait {
        missing,
        promise_date,
    } = body
    {
        return wait(judge, case, missing, promise_date);
    }
    if let OpBody::Resume { note } = body {
        super::guards::harmless(note)?;
        case.state = CaseState::Draft;
        end_pause(case, judge.at());
        return Ok(Done::default());
    }
    if let OpBody::Withdraw {
        reason,
        identity_checked,
    } = body
    {
        return withdraw(judge, case, reason, *identity_checked);
    }
    if let OpBody::Finish {
        way,
        reason,
        surviving,
    } = body
    {
        return finish(judge, case, *way, reason, surviving.as_ref());
    }
    Err(Stop::Held(HeldWhy::Internal))
}

fn submit(judge: &Judge<'_>, case: &mut Case, digest: ChainHash) -> Judged {
    let missing = checklist::missing_for_submit(case, judge.ctx);
    if !missing.is_empty() {
        let codes: Vec<String> = missing.iter().map(checklist::Missing::token).collect();
        return Err(Refusal::from(Code::SubmitIncomplete)
            .with("missing", codes.join(","))
            .into());
    }
    case.state = CaseState::Submitted;
    case.submitted_digest = Some(digest);
    case.submitted_op = Some(judge.op.op_id);
    case.approvals.clear();
    case.reviewer = None;
    case.moments.submitted_at = Some(judge.at());
    case.moments.received_at = Some(judge.ctx.now);
    case.moments.taken_at = None;
    end_pause(case, judge.at());
    mark_maker(judge, case);
    Ok(Done::default())
}

/// The first commit won. The same content is nothing new; other content is an amendment in front of the reviewer.
fn submit_again(judge: &Judge<'_>, case: &mut Case, digest: ChainHash) -> Judged {
    let op_id = judge.op.op_id;
    let first = case.submitted_op.unwrap_or(op_id);
    if first == op_id || case.submitted_digest == Some(digest) {
        return Err(Stop::Noop(first));
    }
    if let Some(before) = case
        .amendments
        .iter()
        .find(|amendment| amendment.op == op_id || amendment.digest == digest)
    {
        return Err(Stop::Noop(before.op));
    }
    case.amendments.push(Amendment {
        op: op_id,
        by: judge.op.actor,
        at: judge.at(),
        digest,
    });
    mark_maker(judge, case);
    Ok(Done::default().with("amendment", "true"))
}

fn wait(judge: &Judge<'_>, case: &mut Case, missing: &[String], promise_date: &str) -> Judged {
    ensure(
        missing.iter().any(|item| !item.trim().is_empty()),
        Code::WaitMissingList,
    )?;
    for item in missing {
        super::guards::harmless(item)?;
    }
    coming_day(promise_date, judge.at(), Code::WaitPromiseDate)?;
    case.state = CaseState::Waiting;
    case.waiting_missing = missing.to_vec();
    case.promise_date = Some(promise_date.to_owned());
    begin_pause(case, judge.at());
    Ok(Done::default())
}

fn withdraw(judge: &Judge<'_>, case: &mut Case, reason: &str, identity_checked: bool) -> Judged {
    said(reason, Code::WithdrawReason)?;
    if case.state == CaseState::Waiting {
        given_up(judge, case)?;
    } else if case.state != CaseState::Draft {
        ensure(identity_checked, Code::WithdrawIdentity)?;
    }
    case.state = CaseState::Withdrawn;
    case.reason = Some(reason.to_owned());
    end_pause(case, judge.at());
    Ok(Done::default())
}

/// The merchant was reminded and never came back.
fn given_up(judge: &Judge<'_>, case: &Case) -> Result<(), Stop> {
    let rules = &judge.ctx.policy.waiting;
    let since = case
        .moments
        .pauses
        .iter()
        .rev()
        .find(|pause| pause.until.is_none())
        .map(|pause| pause.from);
    let since = since.unwrap_or(case.moments.created_at);
    ensure(
        judge.ctx.now >= since.saturating_add(days(rules.days)),
        Code::WithdrawTooEarly,
    )?;
    let reminders = case
        .notices
        .iter()
        .filter(|notice| notice.at >= since && notice.template == rules.reminder_template)
        // An SMS that never arrived reminded nobody.
        .filter(|notice| notice.delivered || notice.channel != NoticeChannel::Sms)
        .count();
    let enough = usize::try_from(rules.reminders).is_ok_and(|needed| reminders >= needed);
    ensure(enough, Code::WithdrawReminders)
}

fn finish(
    judge: &Judge<'_>,
    case: &mut Case,
    way: CloseWay,
    reason: &str,
    surviving: Option<&CaseNo>,
) -> Judged {
    said(reason, Code::FinishReason)?;
    case.state = match way {
        CloseWay::Resolved => CaseState::Resolved,
        CloseWay::Referred => CaseState::Referred,
        CloseWay::Duplicate => {
            ensure(
                surviving.is_some_and(|other| *other != case.case_no),
                Code::FinishSurviving,
            )?;
            case.surviving = surviving.cloned();
            CaseState::Duplicate
        }
    };
    case.reason = Some(reason.to_owned());
    case.moments.closed_at = Some(judge.at());
    Ok(Done::default())
}

/// The promise clock stands still from here.
pub(super) fn begin_pause(case: &mut Case, at: Millis) {
    if case
        .moments
        .pauses
        .last()
        .is_none_or(|pause| pause.until.is_some())
    {
        case.moments.pauses.push(Pause {
            from: at,
            until: None,
        });
    }
}

/// It goes on, unless the state it goes to stands still itself.
pub(super) fn end_pause(case: &mut Case, at: Millis) {
    if case.state.is_paused() {
        return;
    }
    if let Some(pause) = case
        .moments
        .pauses
        .last_mut()
        .filter(|pause| pause.until.is_none())
    {
        pause.until = Some(at.max(pause.from));
    }
}
