//! Who may: makers, two accounts of one person, outsourcers, offices, revoked actors, second persons.

use super::code;
use crate::case::{CaseState, DocumentKind, EvidenceKind, Verdict};
use crate::decide::decide;
use crate::field::FieldKey;
use crate::ids::{OfficeCode, UserId};
use crate::op::OpBody;
use crate::outcome::{HeldWhy, Outcome};
use crate::people::{Actor, Employer, Role};
use crate::testkit::{self, MINUTE, Story, typed};
use std::collections::BTreeSet;

fn applied(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Applied { .. })
}

/// The agent of the story under a second account, with the given role.
fn other_account(role: Role) -> Actor {
    Actor {
        person: testkit::agent().person,
        ..testkit::actor(60, role)
    }
}

#[test]
fn reviewer_cannot_judge_own_case_from_any_account() {
    let take = OpBody::ReviewTake {
        note: String::new(),
    };
    let mut both = testkit::agent();
    both.roles.insert(Role::Reviewer);
    for who in [other_account(Role::Reviewer), both] {
        assert_eq!(
            code(&Story::submitted().send(&who, &take)),
            "actor.is_maker"
        );
        let story = Story::judged();
        let approve = story.approve_body();
        assert_eq!(code(&story.clone().send(&who, &approve)), "actor.is_maker");
        let accept = testkit::verdict(1, Verdict::Accepted, None);
        assert_eq!(code(&story.clone().send(&who, &accept)), "actor.is_maker");
        let reject = OpBody::ReviewReject {
            code: "NOT_ENTITLED".to_owned(),
            appeal: "x".to_owned(),
        };
        assert_eq!(code(&story.clone().send(&who, &reject)), "actor.is_maker");
    }
    let waive = OpBody::DocumentWaive {
        kind: DocumentKind::Invoice,
        reason: "x".to_owned(),
    };
    assert_eq!(
        code(&Story::judged().send(&other_account(Role::Supervisor), &waive)),
        "actor.is_maker"
    );
}

#[test]
fn a_taken_case_is_decided_by_its_reviewer_alone_for_fifteen_minutes() {
    let other = testkit::actor(61, Role::Reviewer);
    let take = OpBody::ReviewTake {
        note: String::new(),
    };
    let story = Story::judged();
    let taken_at = story.the_case().moments.taken_at.unwrap();
    let decisions = [
        story.approve_body(),
        testkit::verdict(1, Verdict::Accepted, None),
        OpBody::ReviewReject {
            code: "NOT_ENTITLED".to_owned(),
            appeal: "x".to_owned(),
        },
        take.clone(),
    ];
    for body in &decisions {
        let mut early = story.clone();
        early.now = taken_at + 15 * MINUTE - 1;
        assert_eq!(code(&early.clone().send(&other, body)), "review.taken");
        assert!(applied(&early.send(&testkit::reviewer(), body)));
        let mut late = story.clone();
        late.now = taken_at + 15 * MINUTE;
        assert!(applied(&late.send(&other, body)), "{body:?}");
    }
    let mut late = story.clone();
    late.now = taken_at + 15 * MINUTE;
    late.send(&other, &take);
    assert_eq!(late.the_case().reviewer, Some(other.user));
    let approve = late.approve_body();
    assert_eq!(
        code(&late.send(&testkit::reviewer(), &approve)),
        "review.taken"
    );
}

#[test]
fn a_supervisor_takes_a_case_out_of_a_reviewers_hands() {
    let take = OpBody::ReviewTake {
        note: String::new(),
    };
    let other = testkit::actor(61, Role::Reviewer);
    let mut story = Story::judged();
    assert!(applied(&story.send(&testkit::supervisor(), &take)));
    assert_eq!(story.the_case().reviewer, None);
    assert_eq!(story.the_case().state, CaseState::InReview);
    assert_eq!(
        code(&story.clone().send(&testkit::supervisor(), &take)),
        "case.wrong_state"
    );
    let approve = story.approve_body();
    assert!(applied(&story.clone().send(&other, &approve)));
    let mut both = testkit::supervisor();
    both.roles.insert(Role::Reviewer);
    let mut story = Story::judged();
    assert!(applied(&story.send(&both, &take)));
    assert_eq!(story.the_case().reviewer, Some(both.user));
}

#[test]
fn reviewer_who_writes_into_the_case_becomes_a_maker() {
    let mut both = testkit::reviewer();
    both.roles.insert(Role::Agent);
    let story = Story::judged().then(&both, &typed(FieldKey::TerminalModel, "A8"));
    let approve = story.approve_body();
    assert_eq!(code(&story.clone().send(&both, &approve)), "actor.is_maker");
    assert!(applied(
        &story.clone().send(&testkit::second_reviewer(), &approve)
    ));
}

#[test]
fn outsourced_people_collect_and_never_decide_or_execute() {
    let outsourced = |role| Actor {
        employer: Employer::Outsourcer,
        ..testkit::actor(61, role)
    };
    let mut draft = Story::created();
    assert!(applied(&draft.send(
        &outsourced(Role::Agent),
        &typed(FieldKey::TerminalModel, "A8")
    )));
    let ready = Story::ready();
    assert!(applied(
        &ready
            .clone()
            .send(&outsourced(Role::Clerk), &ready.submit_body())
    ));
    let take = OpBody::ReviewTake {
        note: String::new(),
    };
    assert_eq!(
        code(&Story::submitted().send(&outsourced(Role::Reviewer), &take)),
        "actor.role"
    );
    let start = OpBody::ExecuteStart {
        idempotency_key: "k".to_owned(),
    };
    assert_eq!(
        code(&Story::approved().send(&outsourced(Role::Operator), &start)),
        "actor.role"
    );
    let reopen = OpBody::Reopen {
        reason: "x".to_owned(),
        new_evidence: "y".to_owned(),
    };
    assert_eq!(
        code(&Story::closed().send(&outsourced(Role::Supervisor), &reopen)),
        "actor.role"
    );
}

#[test]
fn admin_and_auditor_never_touch_case_content() {
    let bodies = [
        typed(FieldKey::TerminalModel, "A8"),
        testkit::attach(20, DocumentKind::Other),
        testkit::evidence(EvidenceKind::CallBack),
        OpBody::NoteAdd {
            text: "x".to_owned(),
        },
        OpBody::CallLog {
            direction: "in".to_owned(),
            call_ref: None,
            started_at: 0,
            ended_at: None,
        },
        OpBody::DocumentDetach {
            document: testkit::document_id(1),
            reason: "x".to_owned(),
        },
        OpBody::RiskAssess {
            points: 90,
            signals: BTreeSet::new(),
        },
        OpBody::DocumentStored {
            document: testkit::document_id(1),
        },
    ];
    for role in [Role::Admin, Role::Auditor] {
        let who = testkit::actor(62, role);
        for body in &bodies {
            assert_eq!(
                code(&Story::ready().send(&who, body)),
                "actor.role",
                "{role:?} {}",
                body.kind()
            );
        }
        let create = OpBody::CaseCreate {
            case_no: testkit::case_no(1),
            office: testkit::office(),
            parent: None,
        };
        assert_eq!(code(&Story::new().send(&who, &create)), "actor.role");
    }
    let look = OpBody::RevealRecord {
        field: FieldKey::LegalIdNo,
        reason: "audit".to_owned(),
    };
    assert!(applied(
        &Story::ready().send(&testkit::actor(62, Role::Auditor), &look)
    ));
    assert_eq!(
        code(&Story::ready().send(&testkit::actor(62, Role::Admin), &look)),
        "actor.role"
    );
}

#[test]
fn nobody_reaches_into_another_office() {
    let elsewhere = BTreeSet::from([OfficeCode::parse("SH001").unwrap()]);
    let who = Actor {
        offices: elsewhere,
        ..testkit::actor(63, Role::Agent)
    };
    assert_eq!(
        code(&Story::created().send(&who, &typed(FieldKey::TerminalModel, "A8"))),
        "actor.office"
    );
    let create = OpBody::CaseCreate {
        case_no: testkit::case_no(1),
        office: testkit::office(),
        parent: None,
    };
    assert_eq!(code(&Story::new().send(&who, &create)), "actor.office");
    let other = OpBody::CaseCreate {
        case_no: testkit::case_no(1),
        office: OfficeCode::parse("SH001").unwrap(),
        parent: None,
    };
    assert_eq!(
        code(&Story::new().send(&testkit::agent(), &other)),
        "case.number_office"
    );
}

#[test]
fn ops_of_revoked_people_are_held_for_a_person() {
    let who = Actor {
        active: false,
        ..testkit::agent()
    };
    let mut story = Story::ready();
    let submit = story.submit_body();
    for body in [typed(FieldKey::TerminalModel, "A8"), submit] {
        assert_eq!(
            story.send(&who, &body),
            Outcome::Held {
                why: HeldWhy::ActorRevoked
            }
        );
    }
    assert_eq!(story.the_case().state, CaseState::Draft);
}

#[test]
fn nobody_speaks_in_another_name() {
    let mut story = Story::created();
    let mut op = story.next_op(&testkit::agent(), &typed(FieldKey::TerminalModel, "A8"));
    op.actor = UserId::from_uuid(testkit::uuid(1));
    assert_eq!(
        code(&story.send_op(&testkit::agent(), op)),
        "actor.mismatch"
    );
}

#[test]
fn unknown_kinds_and_ops_without_a_case_wait() {
    let story = Story::created();
    let good = story.next_op(&testkit::agent(), &typed(FieldKey::TerminalModel, "A8"));
    let who = testkit::agent();
    let judge = |op: &crate::op::Op| decide(story.case.as_ref(), op, &story.context(&who));
    let held = |why| Outcome::Held { why };
    let mut op = good.clone();
    op.kind = "terminal.teleport".to_owned();
    assert_eq!(judge(&op).outcome, held(HeldWhy::UnknownKind));
    let mut op = good.clone();
    op.version = 2;
    assert_eq!(judge(&op).outcome, held(HeldWhy::UnknownKind));
    let mut op = good.clone();
    op.body =
        serde_json::value::RawValue::from_string("{\"field\":\"terminal.colour\"}".to_owned())
            .unwrap();
    assert_eq!(judge(&op).outcome, held(HeldWhy::UnknownKind));
    let mut op = good.clone();
    op.body = serde_json::value::RawValue::from_string("null".to_owned()).unwrap();
    assert_eq!(judge(&op).outcome, held(HeldWhy::BodyMissing));
    let none = decide(None, &good, &story.context(&who));
    assert_eq!(none.outcome, held(HeldWhy::MissingDependency));
    assert_eq!((none.case, none.timeline), (None, Vec::new()));
    let mut op = good;
    op.case = crate::ids::CaseId::from_uuid(testkit::uuid(4));
    assert_eq!(judge(&op).outcome, held(HeldWhy::MissingDependency));
}

#[test]
fn case_is_created_once() {
    let mut story = Story::created();
    let (first, who, ..) = story.log[0].clone();
    assert_eq!(
        story.send_op(&who, first.clone()),
        Outcome::Noop {
            same_as: first.op_id
        }
    );
    let again = OpBody::CaseCreate {
        case_no: testkit::case_no(1),
        office: testkit::office(),
        parent: None,
    };
    assert_eq!(code(&story.send(&who, &again)), "case.exists");
}

/// Judged, with risk that raises the level and proof enough for it.
fn risky() -> Story {
    let clerk = testkit::actor(64, Role::Clerk);
    let mut story = Story::judged().then(&clerk, &testkit::evidence(EvidenceKind::InPerson));
    let signals = BTreeSet::from(["phone_changed".to_owned()]);
    story = story.then(
        &testkit::system(),
        &OpBody::RiskAssess {
            points: 40,
            signals,
        },
    );
    story
}

#[test]
fn risk_from_forty_needs_a_second_person() {
    let mut story = risky();
    let approve = story.approve_body();
    assert!(applied(&story.send(&testkit::reviewer(), &approve)));
    assert_eq!(story.the_case().state, CaseState::InReview);
    assert_eq!(
        code(&story.clone().send(&testkit::reviewer(), &approve)),
        "review.second_person"
    );
    let same_person = Actor {
        person: testkit::reviewer().person,
        ..testkit::actor(65, Role::Supervisor)
    };
    assert_eq!(
        code(&story.clone().send(&same_person, &approve)),
        "review.second_person"
    );
    for second in [testkit::second_reviewer(), testkit::supervisor()] {
        let mut story = story.clone();
        assert!(applied(&story.send(&second, &approve)));
        assert_eq!(story.the_case().state, CaseState::Approved);
        assert_eq!(story.the_case().approvals.len(), 2);
    }
}

#[test]
fn first_approval_lapses_when_the_content_changes() {
    let mut story = risky();
    let approve = story.approve_body();
    assert!(applied(&story.send(&testkit::reviewer(), &approve)));
    let mut story = story.then(&testkit::agent(), &typed(FieldKey::TerminalModel, "A8"));
    let approve = story.approve_body();
    assert!(applied(&story.send(&testkit::second_reviewer(), &approve)));
    assert_eq!(story.the_case().state, CaseState::InReview);
}

#[test]
fn supervisor_alone_is_never_the_first_person() {
    let story = Story::judged();
    let approve = story.approve_body();
    assert_eq!(
        code(&story.clone().send(&testkit::supervisor(), &approve)),
        "actor.role"
    );
}

#[test]
fn risk_below_forty_and_a_level_without_strong_proof_differ() {
    let mut story = Story::judged();
    story.break_case().risk.points = 39;
    let approve = story.approve_body();
    assert!(applied(&story.clone().send(&testkit::reviewer(), &approve)));
    story.break_case().risk.points = 40;
    assert_eq!(
        code(&story.clone().send(&testkit::reviewer(), &approve)),
        "review.assurance"
    );
}

#[test]
fn risk_from_seventy_stops_until_a_supervisor_cleared_it() {
    let mut story = risky();
    story = story.then(
        &testkit::system(),
        &OpBody::RiskAssess {
            points: 70,
            signals: BTreeSet::new(),
        },
    );
    let approve = story.approve_body();
    assert_eq!(
        code(&story.clone().send(&testkit::reviewer(), &approve)),
        "review.risk_hold"
    );
    story = story.then(
        &testkit::supervisor(),
        &OpBody::RiskClear {
            reason: "called the shop".to_owned(),
        },
    );
    assert!(applied(&story.clone().send(&testkit::reviewer(), &approve)));
    // Worse news than what was cleared stops it again.
    story = story.then(
        &testkit::system(),
        &OpBody::RiskAssess {
            points: 80,
            signals: BTreeSet::new(),
        },
    );
    assert_eq!(
        code(&story.clone().send(&testkit::reviewer(), &approve)),
        "review.risk_hold"
    );
}

#[test]
fn substitute_for_the_proof_of_purchase_needs_a_second_person() {
    let mut story = Story::judged();
    let documents = &mut story.break_case().documents;
    documents.get_mut(&testkit::document_id(1)).unwrap().kind = DocumentKind::Receipt;
    let approve = story.approve_body();
    assert!(applied(&story.send(&testkit::reviewer(), &approve)));
    assert_eq!(story.the_case().state, CaseState::InReview);
    assert!(applied(&story.send(&testkit::second_reviewer(), &approve)));
    assert_eq!(story.the_case().state, CaseState::Approved);
}

#[test]
fn fraud_is_rejected_by_a_reviewer_and_a_supervisor() {
    let reject = |code: &str| OpBody::ReviewReject {
        code: code.to_owned(),
        appeal: "x".to_owned(),
    };
    let fraud = reject("IMPERSONATION");
    assert_eq!(
        code(&Story::judged().send(&testkit::supervisor(), &fraud)),
        "review.fraud_needs_reviewer_first"
    );
    assert_eq!(
        code(&Story::judged().send(&testkit::supervisor(), &reject("NOT_ENTITLED"))),
        "actor.role"
    );
    let mut story = Story::judged();
    assert!(applied(&story.send(&testkit::reviewer(), &fraud)));
    assert_eq!(story.the_case().state, CaseState::InReview);
    let same_person = Actor {
        person: testkit::reviewer().person,
        ..testkit::actor(66, Role::Supervisor)
    };
    for who in [testkit::second_reviewer(), same_person] {
        assert_eq!(
            code(&story.clone().send(&who, &fraud)),
            "review.fraud_needs_second_person"
        );
    }
    assert!(applied(&story.send(&testkit::supervisor(), &fraud)));
    assert_eq!(story.the_case().state, CaseState::Rejected);
}

#[test]
fn evidence_is_recorded_by_those_the_policy_names() {
    for (kind, role, may) in [
        (EvidenceKind::InPerson, Role::Agent, false),
        (EvidenceKind::InPerson, Role::Clerk, true),
        (EvidenceKind::OneTimeCode, Role::Agent, false),
        (EvidenceKind::OneTimeCode, Role::Clerk, false),
        (EvidenceKind::OneTimeCode, Role::System, true),
        (EvidenceKind::MerchantApp, Role::Clerk, false),
        (EvidenceKind::CallBack, Role::Agent, true),
    ] {
        let outcome = Story::created().send(&testkit::actor(67, role), &testkit::evidence(kind));
        assert_eq!(applied(&outcome), may, "{kind:?} {role:?} {outcome:?}");
    }
}
