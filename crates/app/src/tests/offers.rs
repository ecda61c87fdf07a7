//! What is offered is what the rules take.

use super::{Bench, case_of, stories};
use desk_domain::case::CaseState;
use desk_domain::decide;
use desk_domain::people::Actor;
use desk_domain::testkit;
use serde_json::json;

/// The op kind behind a command that the rules judge by role and state.
fn kinds(command: &str) -> &'static [&'static str] {
    match command {
        "submit" => &["case.submit"],
        "case_wait" => &["case.wait"],
        "case_resume" => &["case.resume", "case.unhold"],
        "case_withdraw" => &["case.withdraw"],
        "case_finish" => &["case.finish"],
        "review_take" => &["review.take"],
        "document_judge" => &["document.judge"],
        "document_waive" => &["document.waive"],
        "review_return" => &["review.return"],
        "review_reject" => &["review.reject"],
        "review_approve" => &["review.approve"],
        "case_hold" => &["case.hold"],
        "risk_clear" => &["risk.clear"],
        "execute_start" => &["execution.start"],
        "execute_record" => &["execution.record"],
        "case_close" => &["case.close"],
        "case_reopen" => &["case.reopen"],
        _ => &[],
    }
}

fn people() -> [Actor; 4] {
    [
        testkit::agent(),
        testkit::reviewer(),
        testkit::operator(),
        testkit::supervisor(),
    ]
}

#[test]
fn nothing_is_offered_that_role_and_state_forbid() {
    for me in people() {
        let bench = Bench::demo(&me);
        for (name, story) in stories() {
            let screen = bench.screen(&case_of(name).to_string());
            let may = decide::allowed(story.the_case(), &story.context(&me));
            for command in &screen.allowed {
                let kinds = kinds(command);
                let fits = kinds.is_empty() || kinds.iter().any(|kind| may.contains(kind));
                assert!(fits, "{command} on {name} for {:?}", me.roles);
            }
            let is_step = screen.next_action.starts_with("step.");
            assert!(
                is_step
                    || screen.next_action.is_empty()
                    || screen.allowed.contains(&screen.next_action)
            );
        }
    }
}

#[test]
fn each_person_is_offered_the_next_thing_of_their_own_work() {
    let agent = Bench::demo(&testkit::agent());
    assert_eq!(
        agent.screen(&case_of("ready").to_string()).next_action,
        "submit"
    );
    assert_eq!(
        agent.screen(&case_of("submitted").to_string()).next_action,
        ""
    );
    assert_eq!(
        agent.screen(&case_of("unbound").to_string()).next_action,
        "notice_record"
    );
    let reviewer = Bench::demo(&testkit::reviewer());
    assert_eq!(
        reviewer
            .screen(&case_of("submitted").to_string())
            .next_action,
        "review_take"
    );
    assert_eq!(
        reviewer.screen(&case_of("judged").to_string()).next_action,
        "review_approve"
    );
    let operator = Bench::demo(&testkit::operator());
    assert_eq!(
        operator
            .screen(&case_of("approved").to_string())
            .next_action,
        "execute_start"
    );
    assert_eq!(
        operator
            .screen(&case_of("executing").to_string())
            .next_action,
        "execute_record"
    );
}

#[test]
fn what_is_offered_is_taken() {
    let agent = Bench::demo(&testkit::agent());
    let ready = case_of("ready").to_string();
    assert_eq!(
        agent.ask("submit", json!({ "case": ready }))["state"],
        "submitted"
    );
    let reviewer = Bench::demo(&testkit::reviewer());
    let judged = case_of("judged").to_string();
    let digest = reviewer.screen(&judged).review.digest;
    assert_eq!(
        reviewer.ask(
            "review_decide",
            json!({ "case": judged, "decision": { "kind": "approve", "digest": digest } })
        )["state"],
        "approved"
    );
    let operator = Bench::demo(&testkit::operator());
    let approved = case_of("approved").to_string();
    assert_eq!(
        operator.ask("execute_start", json!({ "case": approved }))["state"],
        "executing"
    );
    let record = json!({
        "case": approved, "result": "unbound", "reference": "LKL-0001", "evidence": "回执截图", "requeried": false,
    });
    assert_eq!(operator.ask("execute_record", record)["state"], "unbound");
}

#[test]
fn an_approval_of_what_the_reviewer_did_not_see_is_refused() {
    let reviewer = Bench::demo(&testkit::reviewer());
    let judged = case_of("judged").to_string();
    let stale = "0".repeat(64);
    let refused = reviewer.refused(
        "review_decide",
        json!({ "case": judged, "decision": { "kind": "approve", "digest": stale } }),
    );
    assert_eq!(refused.code, "review.stale_content");
    assert_eq!(reviewer.screen(&judged).state, "in_review");
}

#[test]
fn a_return_marks_its_fields_and_says_why() {
    let reviewer = Bench::demo(&testkit::reviewer());
    let case = case_of("in_review").to_string();
    let review = reviewer.ask("review_open", json!({ "case": case }));
    let code = review["return_reasons"][0]["code"].clone();
    let both = json!([{ "field": "terminal.serial", "document": "x", "missing_kind": null, "code": code, "text": "" }]);
    assert_eq!(
        reviewer
            .refused(
                "review_decide",
                json!({ "case": case, "decision": { "kind": "return", "items": both } })
            )
            .code,
        "request.bad_arguments"
    );
    let items = json!([{
        "field": "terminal.serial", "document": null, "missing_kind": null, "code": code, "text": "与标签不符",
    }]);
    let screen = reviewer.ask(
        "review_decide",
        json!({ "case": case, "decision": { "kind": "return", "items": items } }),
    );
    assert_eq!(screen["state"], "returned");
    let mark = &screen["fields"]["terminal.serial"]["returned"];
    assert_eq!(
        (&mark["code"], mark["text"].as_str()),
        (&code, Some("与标签不符"))
    );
    assert!(!mark["label"]["zh"].as_str().unwrap().is_empty());
}

#[test]
fn every_state_has_a_screen() {
    let bench = Bench::demo(&testkit::supervisor());
    for (name, story) in stories() {
        let screen = bench.screen(&case_of(name).to_string());
        let state = story.the_case().state;
        assert_eq!(screen.state, state.as_str());
        let collecting = matches!(
            state,
            CaseState::Draft | CaseState::Waiting | CaseState::Returned
        );
        assert!(collecting || screen.missing.is_empty(), "{name}");
        assert_eq!(screen.steps.len(), 6);
    }
}
