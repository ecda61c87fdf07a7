//! Approved cases through the connector: a core system that is slow, breaks, cuts, lies and calls back, and terminals that
//! are unbound exactly once.

use crate::support::core::{Asked, Core, Mood, call_back};
use crate::support::demo::{case_in, load, sit, write};
use crate::support::execution::Story;
use crate::support::{TestOffice, eventually};
use desk_domain::case::{Case, CaseState, ExecutionResult};
use desk_domain::op::OpBody;
use desk_domain::outcome::Outcome;
use desk_server::connector::ConnectorKind;
use desk_server::connector::scope::Scope;
use desk_server::repo::executions::start;
use desk_server::repo::sql::Connection;
use serde_json::json;

const MINUTE: i64 = 60_000;

fn last(case: &Case) -> (ExecutionResult, String, String) {
    let execution = case.executions.last().unwrap();
    let result = execution.result.unwrap();
    (
        result,
        execution.reference.clone(),
        execution.evidence.clone(),
    )
}

#[test]
fn an_approved_case_is_executed_by_the_connector_once_with_reference_and_evidence() {
    let story = Story::begin(Mood::Well, &["HZ001"]);
    let case = story.until(CaseState::Unbound);
    let (result, reference, evidence) = last(&case);
    assert_eq!(result, ExecutionResult::Unbound);
    assert!(reference.starts_with("CORE-"), "{reference}");
    assert!(evidence.contains("示例回执"), "{evidence}");
    assert_eq!(case.executions.len(), 1);
    let request = story.request();
    assert_eq!(request["case_no"], case.case_no.to_string());
    let words = request.to_string();
    for private in ["name", "phone", "id_no"] {
        assert!(!words.contains(private), "{words}");
    }
    assert_eq!(story.row(), ("ended".into(), "unbound".into()));
    story.core.each_once(story.things());
}

#[test]
fn what_may_have_arrived_is_asked_for_and_never_sent_again() {
    for mood in [Mood::Broken, Mood::Cut, Mood::Babbles, Mood::Confuses] {
        let story = Story::begin(mood, &["HZ001"]);
        let case = story.advancing(CaseState::Unbound);
        assert_eq!(last(&case).0, ExecutionResult::Unbound, "{mood:?}");
        assert_eq!(story.core.posts(), 1, "{mood:?}");
        story.core.each_once(story.things());
    }
}

#[test]
fn a_core_system_that_does_it_and_says_nothing_is_asked_after_the_time_is_up() {
    let story = Story::begin_with(Mood::Silent, &["HZ001"], |settings| {
        settings.within = Some(std::time::Duration::from_millis(300));
    });
    let case = story.advancing(CaseState::Unbound);
    assert_eq!(last(&case).0, ExecutionResult::Unbound);
    assert_eq!(story.core.posts(), 1);
    story.core.each_once(story.things());
}

#[test]
fn a_request_that_the_core_system_has_never_seen_is_sent_again_under_its_key() {
    let story = Story::begin(Mood::Loses, &["HZ001"]);
    eventually(|| (story.core.posts() == 1).then_some(()));
    story.core.set(Mood::Well);
    story.advancing(CaseState::Unbound);
    assert_eq!((story.core.posts(), story.core.keys().len()), (2, 1));
    let requests = story.core.requests(&story.core.keys()[0]);
    assert_eq!(requests[0], requests[1], "word for word the same");
    story.core.each_once(story.things());
}

#[test]
fn a_proxy_that_knows_no_such_page_is_not_a_core_system_that_has_never_seen_it() {
    let story = Story::begin(Mood::Cut, &["HZ001"]);
    story.core.set_asked(Asked::Nowhere);
    eventually(|| {
        story.office.clock.advance(MINUTE);
        (story.core.questions() >= 3).then_some(())
    });
    assert_eq!(story.core.posts(), 1);
    story.core.set_asked(Asked::Well);
    story.advancing(CaseState::Unbound);
    story.core.each_once(story.things());
}

#[test]
fn a_refusal_is_a_failed_execution_with_its_reason_and_the_connector_leaves_it_to_people() {
    let story = Story::begin(Mood::Refuses, &["HZ001"]);
    let case = story.until(CaseState::ExecFailed);
    let (result, reference, evidence) = last(&case);
    assert_eq!(
        (result, reference.as_str()),
        (ExecutionResult::Failed, "CORE-NO")
    );
    assert!(evidence.contains("终端有未结算交易"), "{evidence}");
    story.core.set(Mood::Well);
    story.office.clock.advance(60 * MINUTE);
    // An operator tries again by hand; the connector does not.
    let start = OpBody::ExecuteStart {
        idempotency_key: "by-hand-1".into(),
    };
    write(&mut sit(&story.office, "operator1"), case.id, vec![start]);
    story.settles();
    assert_eq!(story.core.posts(), 1);
    assert!(story.core.unbound().is_empty());
}

#[test]
fn what_is_pending_is_done_by_a_callback_that_may_come_twice() {
    let story = Story::begin(Mood::Pending, &["HZ001"]);
    let key = story.arrived();
    assert_eq!(story.load().state, CaseState::Executing);
    let told = story.core.finish(&key);
    let first = call_back(&story.office, &told);
    let second = call_back(&story.office, &told);
    assert_eq!((first.0, second.0), (200, 200), "{first:?} {second:?}");
    assert_eq!(
        (&first.1["news"], &second.1["news"]),
        (&json!(true), &json!(false))
    );
    // Out of order: what had gone before comes last.
    let pending = json!({"key": key, "status": "pending"});
    assert_eq!(call_back(&story.office, &pending).0, 200);
    let refused = json!({"key": key, "status": "refused", "reason": "示例"});
    assert_eq!(call_back(&story.office, &refused).0, 200);
    let case = story.until(CaseState::Unbound);
    assert_eq!(story.records(), 1);
    assert_eq!(case.executions.len(), 1);
    story.core.each_once(story.things());
}

#[test]
fn what_is_pending_is_asked_for_in_growing_pauses_when_no_callback_comes() {
    let story = Story::begin(Mood::Pending, &["HZ001"]);
    let key = story.key();
    eventually(|| {
        story.office.clock.advance(MINUTE);
        (story.core.questions() >= 2).then_some(())
    });
    assert_eq!(
        story.load().state,
        CaseState::Executing,
        "pending is an answer"
    );
    story.core.finish(&key);
    story.advancing(CaseState::Unbound);
    assert_eq!(story.core.posts(), 1);
    story.core.each_once(story.things());
}

#[test]
fn a_callback_that_overtakes_the_answer_counts_and_the_answer_is_no_news() {
    let story = Story::begin(Mood::Silent, &["HZ001"]);
    let key = story.arrived();
    let told = story.core.told(&key);
    assert_eq!(call_back(&story.office, &told).0, 200);
    assert_eq!(story.load().state, CaseState::Unbound);
    story.core.let_go();
    story.settles();
    assert_eq!(story.records(), 1);
    story.core.each_once(story.things());
}

#[test]
fn what_stays_unanswered_becomes_unknown_and_is_asked_for_until_it_is_known() {
    let story = Story::begin(Mood::Broken, &["HZ001"]);
    story.core.set_asked(Asked::Broken);
    let unknown = story.advancing(CaseState::ExecUnknown);
    assert_eq!(last(&unknown).0, ExecutionResult::Unknown);
    assert_eq!(story.core.posts(), 1);
    // A callback says that it is time to ask; the record rests on the question, as the rules want it.
    story.core.set_asked(Asked::Well);
    let asked = story.core.questions();
    let told = story.core.told(&story.key());
    assert_eq!(call_back(&story.office, &told).0, 200);
    story.until(CaseState::Unbound);
    assert!(story.core.questions() > asked);
    assert_eq!(story.core.posts(), 1);
    story.core.each_once(story.things());
}

#[test]
fn an_unknown_result_is_asked_for_slowly_without_a_callback() {
    let story = Story::begin(Mood::Cut, &["HZ001"]);
    story.core.set_asked(Asked::Broken);
    story.advancing(CaseState::ExecUnknown);
    story.core.set_asked(Asked::Well);
    eventually(|| {
        story.office.clock.advance(31 * MINUTE);
        (story.load().state == CaseState::Unbound).then_some(())
    });
    assert_eq!(story.core.posts(), 1);
    story.core.each_once(story.things());
}

#[test]
fn an_unknown_request_that_was_never_seen_has_failed_and_is_sent_by_nobody() {
    let story = Story::begin(Mood::Loses, &["HZ001"]);
    story.core.set_asked(Asked::Broken);
    story.advancing(CaseState::ExecUnknown);
    story.core.set(Mood::Well);
    story.core.set_asked(Asked::Well);
    let failed = eventually(|| {
        story.office.clock.advance(31 * MINUTE);
        Some(story.load()).filter(|case| case.state == CaseState::ExecFailed)
    });
    assert!(last(&failed).2.contains("从未收到"));
    assert_eq!((story.core.posts(), story.core.unbound().len()), (1, 0));
}

#[test]
fn an_operator_settles_what_is_unknown_by_hand_and_a_contradiction_is_told() {
    let story = Story::begin(Mood::Broken, &["HZ001"]);
    story.core.set_asked(Asked::Broken);
    let unknown = story.advancing(CaseState::ExecUnknown);
    let record = OpBody::ExecuteRecord {
        result: ExecutionResult::Failed,
        reference: "HAND-1".into(),
        evidence: "电话核对（示例）".into(),
        terminals: Vec::new(),
        requeried: true,
    };
    write(
        &mut sit(&story.office, "operator1"),
        unknown.id,
        vec![record],
    );
    let told = story.core.told(&story.key());
    for _ in 0..2 {
        assert_eq!(call_back(&story.office, &told).0, 200);
    }
    let case = story.load();
    assert_eq!(case.state, CaseState::ExecFailed, "a person's word stands");
    let notes = case
        .notes
        .iter()
        .filter(|note| note.text.contains("请核对"));
    assert_eq!(notes.count(), 1);
    assert_eq!(story.row(), ("ended".into(), "elsewhere".into()));
    story.core.each_once(story.things());
}

#[test]
fn a_core_system_that_cannot_be_reached_was_sent_nothing_and_that_is_said() {
    let story = Story::begin_with(Mood::Well, &["HZ001"], |settings| {
        // Nobody listens there.
        settings.file.url = Some("http://127.0.0.1:9/unbind".to_owned());
    });
    let failed = story.advancing(CaseState::ExecFailed);
    assert!(last(&failed).2.contains("没有送出"), "{:?}", last(&failed));
    assert_eq!(story.row(), ("ended".into(), "failed".into()));
}

#[test]
fn cases_of_other_offices_and_models_stay_for_operators() {
    for (offices, prefix, model) in [
        (&["SH002"][..], None, None),
        (&[], None, None),
        (&["HZ001"], Some("999"), None),
        (&["HZ001"], None, Some("no such model")),
    ] {
        let story = Story::begin_with(Mood::Well, offices, |settings| {
            settings
                .file
                .merchant_prefixes
                .extend(prefix.map(str::to_owned));
            settings.file.models.extend(model.map(str::to_owned));
        });
        story.settles();
        assert_eq!(story.load().state, CaseState::Approved, "{offices:?}");
        assert_eq!(story.core.posts(), 0);
    }
}

#[test]
fn an_operator_who_begins_by_hand_is_first_and_the_connector_leaves_the_case_alone() {
    let mut office = TestOffice::demo(11);
    let core = Core::start();
    let case = case_in(&office, CaseState::Approved);
    let begin = OpBody::ExecuteStart {
        idempotency_key: "by-hand-1".into(),
    };
    write(&mut sit(&office, "operator1"), case.id, vec![begin.clone()]);
    core.serve(&mut office, &["HZ001"]);
    let scope = Scope {
        offices: [case.office.clone()].into(),
        ..Scope::default()
    };
    let house = office.house();
    let rules = house.rules.clone();
    let id = case.id;
    let started = house
        .repo
        .write_blocking(move |conn: &Connection| start::start(conn, &rules, &scope, id));
    assert_eq!(started.unwrap(), None);
    assert_eq!(core.posts(), 0);
    // The other way round: whoever comes second is refused by the rules.
    let story = Story::begin(Mood::Pending, &["HZ001"]);
    story.key();
    let mut operator = sit(&story.office, "operator1");
    let op = operator.op(story.case, &begin);
    let outcomes = operator.write(vec![op]);
    assert!(
        matches!(&outcomes[0], Outcome::Refused { code, .. } if code == "case.wrong_state"),
        "{outcomes:?}"
    );
    assert_eq!(load(&office, case.id).executions.len(), 1);
}

#[test]
fn a_case_waits_for_its_hold_time_as_the_rules_say() {
    let mut office = TestOffice::demo(11);
    office.config.connector = ConnectorKind::None;
    let case = case_in(&office, CaseState::Approved);
    let risky = OpBody::RiskAssess {
        points: 45,
        signals: ["several_unbinds".to_owned()].into(),
    };
    write(&mut sit(&office, "agent1"), case.id, vec![risky]);
    let story = Story::of(office, case.id, Mood::Well, &["HZ001"]);
    let approved_at = case.moments.approved_at.unwrap();
    let day = 24 * 60 * MINUTE;
    assert!(
        story.office.clock.now_ms() < approved_at + day,
        "it is still held"
    );
    story.settles();
    assert_eq!(
        (story.load().state, story.core.posts()),
        (CaseState::Approved, 0)
    );
    story.advancing(CaseState::Unbound);
    assert!(story.office.clock.now_ms() >= approved_at + day);
    story.core.each_once(story.things());
}

#[test]
fn a_case_on_hold_keeps_its_result_until_it_goes_on() {
    let story = Story::begin(Mood::Pending, &["HZ001"]);
    let key = story.arrived();
    let hold = OpBody::Hold {
        reason: "核实（示例）".into(),
        review_date: "2027-01-31".into(),
    };
    let mut supervisor = sit(&story.office, "supervisor1");
    write(&mut supervisor, story.case, vec![hold]);
    let told = story.core.finish(&key);
    assert_eq!(call_back(&story.office, &told).0, 200);
    assert_eq!(story.load().state, CaseState::OnHold);
    assert_eq!(story.row().0, "answered");
    let unhold = OpBody::Unhold {
        reason: "已核实（示例）".into(),
    };
    write(&mut supervisor, story.case, vec![unhold]);
    story.advancing(CaseState::Unbound);
    story.core.each_once(story.things());
}
