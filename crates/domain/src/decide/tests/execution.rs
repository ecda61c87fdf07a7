//! The guards after the decision, and those of holding and clearing.

use super::guards::{breaks, refuses};
use crate::case::{CaseState, Execution, ExecutionResult, FollowUpResult, TerminalResult};
use crate::op::OpBody;
use crate::outcome::Outcome;
use crate::testkit::{self, DAY, Story};

#[test]
fn holding_needs_a_reason_and_a_review_day() {
    let hold = |reason: &str, day: &str| OpBody::Hold {
        reason: reason.to_owned(),
        review_date: day.to_owned(),
    };
    let (story, who) = (Story::submitted(), testkit::reviewer());
    let good = hold("caller was coached", "2026-03-05");
    assert_eq!(
        refuses(&story, &who, &good, &hold("", "2026-03-05")),
        "hold.reason"
    );
    assert_eq!(
        refuses(&story, &who, &good, &hold("x", "2026-03-01")),
        "hold.review_date"
    );
    let story = story.then(&who, &good);
    let unhold = |reason: &str| OpBody::Unhold {
        reason: reason.to_owned(),
    };
    assert_eq!(
        refuses(&story, &who, &unhold("called back"), &unhold("")),
        "hold.reason"
    );
}

#[test]
fn clearing_needs_a_reason_a_stop_and_somebody_else() {
    let clear = |reason: &str| OpBody::RiskClear {
        reason: reason.to_owned(),
    };
    let mut story = Story::judged();
    story.break_case().risk.points = 70;
    let who = testkit::supervisor();
    assert_eq!(
        refuses(&story, &who, &clear("called the shop"), &clear("")),
        "risk.reason"
    );
    let calm = breaks(&story, &who, &clear("called the shop"), |story| {
        story.break_case().risk.points = 69;
    });
    assert_eq!(calm, "risk.nothing_to_clear");
    let maker = breaks(&story, &who, &clear("called the shop"), |story| {
        story
            .break_case()
            .makers
            .insert(testkit::supervisor().person);
    });
    assert_eq!(maker, "actor.is_maker");
}

#[test]
fn starting_needs_a_fresh_key_no_stop_no_earlier_unbind_and_the_hold_time() {
    let start = |key: &str| OpBody::ExecuteStart {
        idempotency_key: key.to_owned(),
    };
    let (mut story, who) = (Story::approved(), testkit::operator());
    assert_eq!(
        refuses(&story, &who, &start("key-2"), &start(" ")),
        "execution.key"
    );
    assert_eq!(
        refuses(&story, &who, &start("key-2"), &start(&"k".repeat(129))),
        "execution.key"
    );
    let past = |result| Execution {
        idempotency_key: "key-1".to_owned(),
        started_by: testkit::operator().user,
        started_at: 0,
        result,
        reference: String::new(),
        evidence: String::new(),
        terminals: Vec::new(),
        finished_at: None,
    };
    let used = breaks(&story, &who, &start("key-1"), |story| {
        story
            .break_case()
            .executions
            .push(past(Some(ExecutionResult::Failed)));
    });
    assert_eq!(used, "execution.key_used");
    let done = breaks(&story, &who, &start("key-2"), |story| {
        story
            .break_case()
            .executions
            .push(past(Some(ExecutionResult::Unbound)));
    });
    assert_eq!(done, "execution.already_unbound");
    let risk = breaks(&story, &who, &start("key-2"), |story| {
        story.break_case().risk.points = 70;
    });
    assert_eq!(risk, "execution.risk_hold");
    story.break_case().risk.points = 40;
    let approved_at = story.the_case().moments.approved_at.unwrap();
    story.now = approved_at + DAY;
    let early = breaks(&story, &who, &start("key-2"), |story| story.now -= 1);
    assert_eq!(early, "execution.hold_time");
}

#[test]
fn result_needs_reference_evidence_and_every_terminal() {
    let (story, who) = (Story::executing(), testkit::operator());
    let good = testkit::executed(ExecutionResult::Unbound);
    let changed = |change: fn(&mut String, &mut String, &mut Vec<TerminalResult>)| {
        let mut body = good.clone();
        if let OpBody::ExecuteRecord {
            reference,
            evidence,
            terminals,
            ..
        } = &mut body
        {
            change(reference, evidence, terminals);
        }
        refuses(&story, &who, &good, &body)
    };
    assert_eq!(
        changed(|reference, _, _| reference.clear()),
        "execution.reference"
    );
    assert_eq!(
        changed(|_, evidence, _| evidence.clear()),
        "execution.evidence"
    );
    assert_eq!(
        changed(|_, _, terminals| drop(terminals.pop())),
        "execution.terminals"
    );
    assert_eq!(
        changed(|_, _, t| t[1].result = ExecutionResult::Failed),
        "execution.terminals"
    );
    assert_eq!(
        changed(|_, _, t| t[1] = t[0].clone()),
        "execution.terminals"
    );
}

#[test]
fn unknown_result_is_asked_again_before_anything_else() {
    let who = testkit::operator();
    let story = Story::executing().then(&who, &testkit::executed(ExecutionResult::Unknown));
    assert_eq!(story.the_case().state, CaseState::ExecUnknown);
    let asked = |result| {
        let mut body = testkit::executed(result);
        if let OpBody::ExecuteRecord { requeried, .. } = &mut body {
            *requeried = true;
        }
        body
    };
    let good = asked(ExecutionResult::Unbound);
    let blind = testkit::executed(ExecutionResult::Unbound);
    assert_eq!(
        refuses(&story, &who, &good, &blind),
        "execution.requery_first"
    );
    assert_eq!(
        refuses(&story, &who, &good, &asked(ExecutionResult::Unknown)),
        "execution.still_unknown"
    );
}

#[test]
fn closing_needs_the_merchant_told_and_asked_the_day_after() {
    let close = OpBody::Close {
        note: String::new(),
    };
    let (story, who) = (Story::told(), testkit::agent());
    let told = breaks(&story, &who, &close, |story| {
        story.break_case().moments.told_at = None;
    });
    assert_eq!(told, "close.not_told");
    let asked = breaks(&story, &who, &close, |story| {
        story.break_case().follow_up = None;
    });
    assert_eq!(asked, "close.follow_up");
    let early = breaks(&story, &who, &close, |story| {
        story.break_case().follow_up = Some(FollowUpResult::Unreachable);
    });
    assert_eq!(early, "close.follow_up");
    let mut later = story.clone();
    later.now += DAY;
    let unreachable = OpBody::FollowUpRecord {
        result: FollowUpResult::Unreachable,
        note: String::new(),
    };
    let mut later = later.then(&who, &unreachable);
    assert!(matches!(later.send(&who, &close), Outcome::Applied { .. }));
    let mut story = Story::unbound();
    story.now += 7 * DAY;
    let soon = breaks(&story, &testkit::system(), &close, |story| story.now -= DAY);
    assert_eq!(soon, "close.too_early");
}

#[test]
fn reopening_needs_a_reason_and_new_evidence() {
    let reopen = |reason: &str, proof: &str| OpBody::Reopen {
        reason: reason.to_owned(),
        new_evidence: proof.to_owned(),
    };
    let (story, who) = (Story::closed(), testkit::supervisor());
    let good = reopen("appeal", "court paper");
    assert_eq!(
        refuses(&story, &who, &good, &reopen("", "court paper")),
        "reopen.reason"
    );
    assert_eq!(
        refuses(&story, &who, &good, &reopen("appeal", "")),
        "reopen.evidence"
    );
}

#[test]
fn failed_execution_is_tried_again_under_a_fresh_key_or_decided_anew() {
    let operator = testkit::operator();
    let story = Story::executing().then(&operator, &testkit::executed(ExecutionResult::Failed));
    assert_eq!(story.the_case().state, CaseState::ExecFailed);
    let start = |key: &str| OpBody::ExecuteStart {
        idempotency_key: key.to_owned(),
    };
    let used = story.the_case().executions[0].idempotency_key.clone();
    assert_eq!(
        refuses(&story, &operator, &start("key-again"), &start(&used)),
        "execution.key_used"
    );
    let reopen = OpBody::Reopen {
        reason: "the acquirer has no such terminal".to_owned(),
        new_evidence: "receipt with another number".to_owned(),
    };
    let anew = story.clone().then(&testkit::supervisor(), &reopen);
    assert_eq!(anew.the_case().state, CaseState::InReview);
    assert!(anew.the_case().approvals.is_empty());
    let again = story.then(&operator, &start("key-again"));
    assert_eq!(again.the_case().state, CaseState::Executing);
    assert_eq!(again.the_case().executions.len(), 2);
}
