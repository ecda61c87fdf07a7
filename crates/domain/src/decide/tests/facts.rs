//! Facts are kept: values, conflicts, late facts, documents, identity, second submissions.

use super::code;
use crate::case::{Case, CaseState, DocumentKind, EvidenceKind};
use crate::decide::{CallDoubt, Decision, decide, fold};
use crate::field::{FieldKey, FieldValue};
use crate::op::OpBody;
use crate::outcome::{HeldWhy, Outcome};
use crate::people::{Actor, Role};
use crate::testkit::{self, DAY, Story, typed};
use std::collections::BTreeSet;

const KEY: FieldKey = FieldKey::TerminalModel;

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
}

fn second_agent() -> Actor {
    testkit::actor(70, Role::Agent)
}

#[test]
fn secrets_are_refused_in_every_free_text() {
    let card = "6222020000000000000".to_owned();
    let hold = OpBody::Hold {
        reason: card.clone(),
        review_date: "2026-03-03".to_owned(),
    };
    assert_eq!(
        code(&Story::submitted().send(&testkit::reviewer(), &hold)),
        "text.secret"
    );
    for body in [
        OpBody::NoteAdd { text: card.clone() },
        OpBody::RevealRecord {
            field: FieldKey::LegalIdNo,
            reason: card.clone(),
        },
        OpBody::EvidenceRecord {
            evidence: EvidenceKind::CallBack,
            call_ref: None,
            note: card.clone(),
        },
        OpBody::Withdraw {
            reason: card,
            identity_checked: true,
        },
    ] {
        assert_eq!(
            code(&Story::created().send(&testkit::agent(), &body)),
            "text.secret",
            "{}",
            body.kind()
        );
    }
    let long = OpBody::NoteAdd {
        text: "字".repeat(2001),
    };
    assert_eq!(
        code(&Story::created().send(&testkit::agent(), &long)),
        "text.too_long"
    );
}

#[test]
fn facts_after_approval_are_flagged_and_change_nothing() {
    let story = Story::approved();
    let before = story.the_case().clone();
    for body in [
        typed(KEY, "A8"),
        testkit::attach(30, DocumentKind::Other),
        OpBody::DocumentDetach {
            document: testkit::document_id(1),
            reason: "x".to_owned(),
        },
        testkit::evidence(EvidenceKind::CallBack),
        OpBody::IdentityMatch {
            merchant: None,
            agreed: BTreeSet::from([KEY]),
            differed: BTreeSet::new(),
        },
    ] {
        let op = story.next_op(&second_agent(), &body);
        let Decision {
            outcome,
            case,
            timeline,
        } = decide(story.case.as_ref(), &op, &story.context(&second_agent()));
        assert!(
            matches!(outcome, Outcome::Applied { .. }),
            "{}",
            body.kind()
        );
        assert_eq!(
            timeline[0].params.get("late").map(String::as_str),
            Some("true"),
            "{}",
            body.kind()
        );
        let expected = Case {
            rev: before.rev + 1,
            flagged_late_facts: 1,
            ..before.clone()
        };
        assert_eq!(case, Some(expected), "{}", body.kind());
    }
}

#[test]
fn facts_during_review_amend_the_case_in_front_of_the_reviewer() {
    let story = Story::in_review();
    let op = story.next_op(&second_agent(), &typed(KEY, "A8"));
    let decision = decide(story.case.as_ref(), &op, &story.context(&second_agent()));
    assert_eq!(
        decision.timeline[0]
            .params
            .get("amendment")
            .map(String::as_str),
        Some("true")
    );
    assert_eq!(decision.case.unwrap().value(KEY), Some(&text("A8")));
}

#[test]
fn second_submission_of_the_same_is_a_noop_and_of_something_else_an_amendment() {
    let story = Story::ready();
    let submit = story.submit_body();
    let mut story = story.then(&testkit::agent(), &submit);
    let first = story.the_case().submitted_op.unwrap();
    assert_eq!(
        story.send(&second_agent(), &submit),
        Outcome::Noop { same_as: first }
    );
    let mut story = story.then(&second_agent(), &typed(KEY, "A8"));
    let other = story.submit_body();
    assert!(matches!(
        story.send(&second_agent(), &other),
        Outcome::Applied { .. }
    ));
    let case = story.the_case();
    assert_eq!(
        (case.state, case.amendments.len()),
        (CaseState::Submitted, 1)
    );
    assert!(case.makers.contains(&second_agent().user));
    assert!(matches!(
        story.send(&second_agent(), &other),
        Outcome::Noop { .. }
    ));
}

#[test]
fn three_failed_matches_lock_the_check_for_a_day() {
    let wrong = OpBody::IdentityMatch {
        merchant: None,
        agreed: BTreeSet::new(),
        differed: BTreeSet::from([FieldKey::LegalName]),
    };
    let right = OpBody::IdentityMatch {
        merchant: None,
        agreed: BTreeSet::from([FieldKey::LegalName]),
        differed: BTreeSet::new(),
    };
    let who = testkit::agent();
    let mut story = Story::created().then(&who, &wrong).then(&who, &wrong);
    assert_eq!(story.the_case().identity.locked_until, None);
    story = story.then(&who, &wrong);
    assert!(story.the_case().identity.locked_until.is_some());
    story = story.then(&who, &right);
    assert!(story.the_case().identity.agreed.is_empty());
    let mut waited = story.clone();
    waited.now += DAY;
    assert_eq!(
        waited.then(&who, &right).the_case().identity.agreed.len(),
        1
    );
    let released = story.then(
        &testkit::supervisor(),
        &OpBody::RiskClear {
            reason: "knows them".to_owned(),
        },
    );
    assert_eq!(
        released.then(&who, &right).the_case().identity.agreed.len(),
        1
    );
}

#[test]
fn value_changed_after_the_match_has_not_agreed() {
    let story = Story::ready();
    assert!(
        story
            .the_case()
            .identity
            .agreed
            .contains(&FieldKey::LegalName)
    );
    let story = story.then(&testkit::agent(), &typed(FieldKey::LegalName, "李四"));
    assert!(
        !story
            .the_case()
            .identity
            .agreed
            .contains(&FieldKey::LegalName)
    );
}

#[test]
fn manifests_that_cannot_be_are_refused() {
    let attach = |change: fn(&mut crate::case::DocumentManifest)| {
        let mut manifest = testkit::manifest(9);
        change(&mut manifest);
        let body = OpBody::DocumentAttach {
            document: testkit::document_id(9),
            kind: DocumentKind::Other,
            manifest,
            replaces: None,
        };
        Story::created().send(&testkit::agent(), &body)
    };
    assert!(matches!(attach(|_| ()), Outcome::Applied { .. }));
    for change in [
        (|m| m.size_bytes = 0) as fn(&mut crate::case::DocumentManifest),
        |m| m.size_bytes = 20 * 1024 * 1024 + 1,
        |m| m.size_bytes = 1024 * 1024 + 1,
        |m| m.mime = "text/html".to_owned(),
        |m| m.sha256 = "A".repeat(64),
        |m| m.sha256 = "a".repeat(63),
        |m| m.chunks.clear(),
        |m| m.pages = 0,
        |m| m.pages = 31,
    ] {
        assert_eq!(code(&attach(change)), "document.manifest");
    }
}

#[test]
fn document_id_names_one_document_for_ever() {
    let mut story = Story::ready();
    let other_bytes = OpBody::DocumentAttach {
        document: testkit::document_id(1),
        kind: DocumentKind::Invoice,
        manifest: testkit::manifest(99),
        replaces: None,
    };
    assert_eq!(
        code(&story.send(&testkit::agent(), &other_bytes)),
        "document.exists"
    );
    let same = story.send(
        &testkit::agent(),
        &testkit::attach(1, DocumentKind::Invoice),
    );
    assert!(matches!(same, Outcome::Noop { .. }));
}

#[test]
fn facts_about_documents_that_are_not_there_yet_wait() {
    let held = Outcome::Held {
        why: HeldWhy::MissingDependency,
    };
    let document = testkit::document_id(50);
    let stored = OpBody::DocumentStored { document };
    assert_eq!(Story::created().send(&testkit::system(), &stored), held);
    for body in [
        OpBody::DocumentDetach {
            document,
            reason: "x".to_owned(),
        },
        OpBody::DocumentOpen { document },
        OpBody::ReturnAnswer {
            item: 0,
            text: "x".to_owned(),
        },
    ] {
        assert_eq!(
            Story::created().send(&testkit::agent(), &body),
            held,
            "{}",
            body.kind()
        );
    }
}

#[test]
fn call_back_without_a_call_id_counts_as_a_plain_one() {
    let body = testkit::evidence(EvidenceKind::CallBackWithCallId);
    let story = Story::created().then(&testkit::agent(), &body);
    assert_eq!(story.the_case().evidence[0].kind, EvidenceKind::CallBack);
}

#[test]
fn a_call_that_the_telephone_system_doubts_counts_as_a_plain_call_back_and_says_why() {
    let named = |evidence, call_ref: Option<&str>| OpBody::EvidenceRecord {
        evidence,
        call_ref: call_ref.map(str::to_owned),
        note: String::new(),
    };
    let strong = EvidenceKind::CallBackWithCallId;
    for doubt in CallDoubt::ALL {
        let mut story = Story::created();
        story.call_doubt = Some(doubt);
        let agent = testkit::agent();
        let judge = |body: &OpBody| {
            let op = story.next_op(&agent, body);
            let decision = decide(story.case.as_ref(), &op, &story.context(&agent));
            let kind = decision.case.unwrap().evidence[0].kind;
            (kind, decision.timeline[0].params.get("call_doubt").cloned())
        };
        let why = Some(doubt.as_str().to_owned());
        let weak = EvidenceKind::CallBack;
        assert_eq!(judge(&named(strong, Some("C-1"))), (weak, why));
        assert_eq!(judge(&named(strong, Some(" "))), (weak, None));
        assert_eq!(judge(&named(weak, Some("C-1"))), (weak, None));
    }
    let story = Story::created().then(&testkit::agent(), &named(strong, Some("C-1")));
    assert_eq!(story.the_case().evidence[0].kind, strong);
}

#[test]
fn digest_sees_what_the_reviewer_sees_and_not_the_verdicts() {
    let story = Story::in_review();
    let before = story.the_case().content_digest();
    let judged = story.clone().then(
        &testkit::reviewer(),
        &testkit::verdict(1, crate::case::Verdict::Accepted, None),
    );
    assert_eq!(judged.the_case().content_digest(), before);
    let clerk = testkit::actor(71, Role::Clerk);
    for body in [
        typed(KEY, "A8"),
        testkit::attach(40, DocumentKind::Other),
        OpBody::DocumentDetach {
            document: testkit::document_id(1),
            reason: "x".to_owned(),
        },
        testkit::evidence(EvidenceKind::InPerson),
    ] {
        assert_ne!(
            story
                .clone()
                .then(&clerk, &body)
                .the_case()
                .content_digest(),
            before,
            "{}",
            body.kind()
        );
    }
    let waive = OpBody::DocumentWaive {
        kind: DocumentKind::Invoice,
        reason: "burnt".to_owned(),
    };
    assert_ne!(
        story
            .then(&testkit::supervisor(), &waive)
            .the_case()
            .content_digest(),
        before
    );
}

#[test]
fn whole_story_replays_to_the_same_case_and_survives_its_json() {
    let story = Story::closed();
    let replay = fold(story.log.iter().map(|(op, who, now, _)| {
        let mut ctx = story.context(who);
        ctx.now = *now;
        (op, ctx)
    }));
    assert_eq!(replay, story.case);
    let json = serde_json::to_string(story.the_case()).unwrap();
    let back: Case = serde_json::from_str(&json).unwrap();
    assert_eq!(&back, story.the_case());
    assert_eq!(back.state, CaseState::Closed);
}

#[test]
fn timeline_never_holds_a_value() {
    let mut story = Story::new();
    let mut lines = Vec::new();
    for (op, who, now, _) in Story::closed().log {
        story.now = now;
        let decision = decide(story.case.as_ref(), &op, &story.context(&who));
        lines.extend(decision.timeline);
        story.case = decision.case.or(story.case);
    }
    let written: String = lines
        .iter()
        .map(|line| serde_json::to_string(&line.params).unwrap())
        .collect();
    let long = testkit::ANSWERS
        .iter()
        .filter(|(_, raw)| raw.len() > 6 || !raw.is_ascii());
    for (key, raw) in long {
        let choice = matches!(key.spec().format, crate::field::Format::Choice(_));
        assert!(choice || !written.contains(raw), "{key:?}");
    }
}
