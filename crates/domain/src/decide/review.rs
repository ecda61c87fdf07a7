//! Commands of the reviewer and of the supervisor beside them.

use super::guards::{ensure, harmless, not_a_maker, said};
use super::intake::begin_pause;
use super::{Done, Judge, Judged, Stop};
use crate::assurance;
use crate::case::{
    Approval, Case, CaseState, DocumentKind, Judgement, OpenReturn, ReturnItem, ReturnTarget,
    Verdict,
};
use crate::checklist;
use crate::ids::{DocumentId, UserId};
use crate::op::{ChainHash, OpBody};
use crate::outcome::HeldWhy;
use crate::people::Role;
use crate::refusal::{Code, Refusal};
use crate::time::Millis;

/// How long a case belongs to the reviewer who took it.
const LOCK_MS: Millis = 15 * 60 * 1000;

pub(super) fn judge(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Judged {
    not_a_maker(judge, case)?;
    if let OpBody::ReviewTake { note } = body {
        harmless(note)?;
        return take(judge, case);
    }
    if let OpBody::DocumentWaive { kind, reason } = body {
        return waive(judge, case, *kind, reason);
    }
    not_in_other_hands(judge, case)?;
    if let OpBody::DocumentJudge {
        document,
        verdict,
        code,
        note,
    } = body
    {
        let word = Judgement {
            verdict: *verdict,
            code: code.clone(),
            note: note.clone(),
            by: judge.op.actor,
            at: judge.at(),
        };
        return judge_document(judge, case, *document, word);
    }
    if let OpBody::ReviewReturn { items } = body {
        return send_back(judge, case, items);
    }
    if let OpBody::ReviewReject { code, appeal } = body {
        return reject(judge, case, code, appeal);
    }
    if let OpBody::ReviewApprove { digest } = body {
        return approve(judge, case, *digest);
    }
    Err(Stop::Held(HeldWhy::Internal))
}

/// Who holds the case and until when. It is free again once that person has given a decision that needs a second one,
/// or has become a maker of the case and may decide nothing about it.
#[must_use]
pub fn lock_of(case: &Case) -> Option<(UserId, Millis)> {
    let (owner, taken_at) = case.reviewer.zip(case.moments.taken_at)?;
    let has_decided = case.fraud_reject_by.is_some()
        || case.approvals.iter().any(|approval| approval.user == owner);
    let may_decide = !has_decided && !case.makers.contains(&owner);
    (case.state == CaseState::InReview && may_decide)
        .then(|| (owner, taken_at.saturating_add(LOCK_MS)))
}

/// Two reviewers never decide about one case at the same time. The judge's time counts, not the reviewer's clock.
fn not_in_other_hands(judge: &Judge<'_>, case: &Case) -> Result<(), Stop> {
    // A supervisor who does not review is never the first to decide, and may free the case anyway.
    let competes = judge.ctx.actor.may(Role::Reviewer);
    match lock_of(case) {
        Some((owner, until)) if competes && owner != judge.op.actor && judge.ctx.now < until => {
            Err(Refusal::from(Code::ReviewTaken)
                .with("until", until.to_string())
                .into())
        }
        Some(_) | None => Ok(()),
    }
}

/// From the queue, or from another reviewer whose time is over. A supervisor takes it out of their hands at any time:
/// into their own if they review too, else back to whoever comes next.
fn take(judge: &Judge<'_>, case: &mut Case) -> Judged {
    let actor = judge.ctx.actor;
    if case.state == CaseState::InReview && !actor.may(Role::Supervisor) {
        not_in_other_hands(judge, case)?;
    }
    if !actor.may(Role::Reviewer) {
        ensure(case.reviewer.is_some(), Code::CaseWrongState)?;
        case.reviewer = None;
        return Ok(Done::default().with("released", "true"));
    }
    if case.state == CaseState::Submitted {
        all_stored(case)?;
    }
    case.state = CaseState::InReview;
    case.reviewer = Some(judge.op.actor);
    case.moments.taken_at = Some(judge.at());
    Ok(Done::default())
}

fn all_stored(case: &Case) -> Result<(), Stop> {
    let absent = case
        .active_documents()
        .filter(|(_, document)| !document.stored)
        .count();
    if absent == 0 {
        return Ok(());
    }
    Err(Refusal::from(Code::DocumentNotStored)
        .with("count", absent.to_string())
        .into())
}

fn judge_document(
    judge: &Judge<'_>,
    case: &mut Case,
    document: DocumentId,
    word: Judgement,
) -> Judged {
    harmless(&word.note)?;
    if word.verdict != Verdict::Accepted {
        let code = word.code.as_deref().unwrap_or_default();
        ensure(!code.is_empty(), Code::DocumentReasonMissing)?;
        let known = judge
            .ctx
            .policy
            .return_reason(code)
            .or(judge.ctx.policy.reject_reason(code));
        ensure(known.is_some(), Code::DocumentReasonUnknown)?;
    }
    let Some(there) = case.documents.get_mut(&document) else {
        return Err(Stop::Held(HeldWhy::MissingDependency));
    };
    ensure(there.is_active(), Code::DocumentInactive)?;
    ensure(there.stored, Code::DocumentNotStored)?;
    let kind = there.kind;
    let said = match word.verdict {
        Verdict::Accepted => "accepted",
        Verdict::Returned => "returned",
        Verdict::Rejected => "rejected",
    };
    there.verdict = Some(word);
    let done = Done::default().with("document", document.to_string());
    Ok(done
        .with("document_kind", kind.as_str())
        .with("verdict", said))
}

/// Only what is asked for can be waived. Who waives it does not approve it.
fn waive(judge: &Judge<'_>, case: &mut Case, kind: DocumentKind, reason: &str) -> Judged {
    said(reason, Code::WaiveReason)?;
    let asked = checklist::required_documents(case)
        .iter()
        .any(|entry| entry.any_of.contains(&kind));
    ensure(asked, Code::WaiveNotRequired)?;
    case.waivers.insert(kind, reason.to_owned());
    case.waived_by.insert(judge.ctx.actor.person);
    Ok(Done::default().with("document_kind", kind.as_str()))
}

fn send_back(judge: &Judge<'_>, case: &mut Case, items: &[ReturnItem]) -> Judged {
    ensure(!items.is_empty(), Code::ReviewNoItems)?;
    for item in items {
        harmless(&item.text)?;
        ensure(
            judge.ctx.policy.return_reason(&item.code).is_some(),
            Code::ReviewReasonUnknown,
        )?;
        let known = match &item.target {
            ReturnTarget::Document { id } => case
                .documents
                .get(id)
                .is_some_and(crate::case::CaseDocument::is_active),
            ReturnTarget::Field { .. } | ReturnTarget::Missing { .. } => true,
        };
        ensure(known, Code::ReviewItemUnknown)?;
    }
    let open = |item: &ReturnItem| OpenReturn {
        item: item.clone(),
        by: judge.op.actor,
        at: judge.at(),
        answered: None,
        answer: String::new(),
    };
    case.returns = items.iter().map(open).collect();
    case.return_count = case.return_count.saturating_add(1);
    case.approvals.clear();
    case.fraud_reject_by = None;
    case.state = CaseState::Returned;
    begin_pause(case, judge.at());
    Ok(Done::default().with("items", items.len().to_string()))
}

fn reject(judge: &Judge<'_>, case: &mut Case, code: &str, appeal: &str) -> Judged {
    let actor = judge.ctx.actor;
    let Some(reason) = judge.ctx.policy.reject_reason(code) else {
        return Err(Code::ReviewReasonUnknown.into());
    };
    said(appeal, Code::ReviewAppealMissing)?;
    let done = Done::default().with("code", code);
    match case.fraud_reject_by {
        None if reason.fraud => {
            ensure(actor.may(Role::Reviewer), Code::ReviewFraudFirst)?;
            case.fraud_reject_by = Some(actor.person);
            case.reason = Some(code.to_owned());
            return Ok(done.with("waits_for", "supervisor"));
        }
        Some(first) if reason.fraud => {
            ensure(
                actor.may(Role::Supervisor) && first != actor.person,
                Code::ReviewFraudSecondPerson,
            )?;
        }
        None | Some(_) => ensure(actor.may(Role::Reviewer), Code::ActorRole)?,
    }
    case.state = CaseState::Rejected;
    case.reason = Some(code.to_owned());
    case.fraud_reject_by = None;
    case.approvals.clear();
    case.moments.closed_at = Some(judge.at());
    Ok(done)
}

fn approve(judge: &Judge<'_>, case: &mut Case, digest: ChainHash) -> Judged {
    let actor = judge.ctx.actor;
    let current = case.content_digest();
    case.approvals.retain(|approval| approval.digest == current);
    // A supervisor alone is the second person, never the only one.
    ensure(
        actor.may(Role::Reviewer) || !case.approvals.is_empty(),
        Code::ActorRole,
    )?;
    ensure(digest == current, Code::ReviewStale)?;
    ensure(case.fraud_reject_by.is_none(), Code::ReviewFraudOpen)?;
    ensure(case.conflicts.is_empty(), Code::ReviewConflictOpen)?;
    all_stored(case)?;
    papers_settled(case)?;
    ensure(
        !assurance::risk_stops(case, judge.ctx.policy),
        Code::ReviewRiskHold,
    )?;
    enough_assurance(judge, case)?;
    let again = case
        .approvals
        .iter()
        .any(|approval| approval.person == actor.person || approval.user == actor.user);
    ensure(
        !again && !case.waived_by.contains(&actor.person),
        Code::ReviewSecondPerson,
    )?;
    case.approvals.push(Approval {
        person: actor.person,
        user: actor.user,
        digest,
        at: judge.at(),
    });
    let needed = assurance::people_needed(case, judge.ctx.policy);
    let have = u32::try_from(case.approvals.len()).unwrap_or(u32::MAX);
    let done = Done::default()
        .with("approvals", have.to_string())
        .with("needed", needed.to_string());
    if have < needed {
        return Ok(done);
    }
    case.state = CaseState::Approved;
    // The judge's time, not the reviewer's clock: the hold before execution is counted from here.
    case.moments.approved_at = Some(judge.ctx.now);
    Ok(done)
}

fn papers_settled(case: &Case) -> Result<(), Stop> {
    let open: Vec<&str> = checklist::required_documents(case)
        .iter()
        .filter(|entry| !entry.status.is_settled())
        .map(|entry| entry.kind.as_str())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Refusal::from(Code::ReviewDocumentsOpen)
        .with("documents", open.join(","))
        .into())
}

fn enough_assurance(judge: &Judge<'_>, case: &Case) -> Result<(), Stop> {
    let policy = judge.ctx.policy;
    let found = assurance::assess(case, assurance::level_of(case, policy), policy);
    if found.holds {
        return Ok(());
    }
    let refusal = Refusal::from(Code::ReviewAssurance)
        .with("points", found.points.to_string())
        .with("needed", found.needed.to_string())
        .with("missing", found.missing.join(","));
    Err(refusal.into())
}
