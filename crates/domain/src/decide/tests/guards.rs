//! One test per guard: the unbroken story passes, and breaking exactly one thing is refused with its code.

use super::code;
use crate::case::{
    CloseWay, DocumentKind, FieldConflict, Provenance, ReturnItem, ReturnTarget, Verdict,
};
use crate::field::FieldKey;
use crate::ids::OpId;
use crate::op::{ChainHash, OpBody};
use crate::outcome::Outcome;
use crate::people::{Actor, Role};
use crate::testkit::{self, DAY, Story, typed};

/// The story as it is must pass with this body; broken, it must be refused. Answers with the refusal's code.
pub(super) fn breaks(
    story: &Story,
    who: &Actor,
    body: &OpBody,
    harm: impl FnOnce(&mut Story),
) -> String {
    let mut whole = story.clone();
    let outcome = whole.send(who, body);
    assert!(
        matches!(outcome, Outcome::Applied { .. }),
        "whole: {outcome:?}"
    );
    let mut broken = story.clone();
    harm(&mut broken);
    code(&broken.send(who, body))
}

/// As `breaks`, but the broken thing is the body.
pub(super) fn refuses(story: &Story, who: &Actor, good: &OpBody, bad: &OpBody) -> String {
    assert!(
        matches!(story.clone().send(who, good), Outcome::Applied { .. }),
        "{good:?}"
    );
    code(&story.clone().send(who, bad))
}

#[test]
fn waiting_needs_a_list_and_a_coming_day() {
    let wait = |missing: &[&str], day: &str| OpBody::Wait {
        missing: missing.iter().map(|item| (*item).to_owned()).collect(),
        promise_date: day.to_owned(),
    };
    let good = wait(&["invoice"], "2026-03-02");
    let (story, who) = (Story::created(), testkit::agent());
    assert_eq!(
        refuses(&story, &who, &good, &wait(&[], "2026-03-02")),
        "wait.missing_list"
    );
    assert_eq!(
        refuses(&story, &who, &good, &wait(&[" "], "2026-03-02")),
        "wait.missing_list"
    );
    for day in ["", "2026-03-01", "2026-02-30", "2026-3-2", "soon"] {
        assert_eq!(
            refuses(&story, &who, &good, &wait(&["invoice"], day)),
            "wait.promise_date",
            "{day}"
        );
    }
}

#[test]
fn waiting_case_is_given_up_only_after_thirty_days_and_two_reminders() {
    let wait = OpBody::Wait {
        missing: vec!["invoice".to_owned()],
        promise_date: "2026-03-09".to_owned(),
    };
    let mut story = Story::created().then(&testkit::agent(), &wait);
    let reminder = OpBody::NoticeRecord {
        channel: crate::case::NoticeChannel::Sms,
        template: "need_more".to_owned(),
        delivered: true,
        note: String::new(),
    };
    story = story
        .then(&testkit::system(), &reminder)
        .then(&testkit::system(), &reminder);
    story.now += 30 * DAY;
    let withdraw = OpBody::Withdraw {
        reason: "no answer".to_owned(),
        identity_checked: false,
    };
    let early = breaks(&story, &testkit::system(), &withdraw, |story| {
        story.now -= DAY;
    });
    assert_eq!(early, "withdraw.too_early");
    let silent = breaks(&story, &testkit::system(), &withdraw, |story| {
        story.break_case().notices.pop();
    });
    assert_eq!(silent, "withdraw.reminders");
    let lost = breaks(&story, &testkit::system(), &withdraw, |story| {
        story.break_case().notices[0].delivered = false;
    });
    assert_eq!(lost, "withdraw.reminders");
}

#[test]
fn withdrawal_after_submission_needs_identity_again_and_a_reason() {
    let who = testkit::agent();
    let withdraw = |reason: &str, identity_checked| OpBody::Withdraw {
        reason: reason.to_owned(),
        identity_checked,
    };
    for story in [Story::submitted(), Story::in_review(), Story::approved()] {
        let good = withdraw("changed their mind", true);
        assert_eq!(
            refuses(&story, &who, &good, &withdraw("changed", false)),
            "withdraw.identity_unchecked"
        );
        assert_eq!(
            refuses(&story, &who, &good, &withdraw(" ", true)),
            "withdraw.reason"
        );
    }
    let mut story = Story::executing();
    assert_eq!(
        code(&story.send(&who, &withdraw("too late", true))),
        "case.wrong_state"
    );
}

#[test]
fn duplicate_names_another_surviving_case() {
    let finish = |surviving, reason: &str| OpBody::Finish {
        way: CloseWay::Duplicate,
        reason: reason.to_owned(),
        surviving,
    };
    let (story, who) = (Story::created(), testkit::agent());
    let good = finish(Some(testkit::case_no(2)), "same terminal");
    assert_eq!(
        refuses(&story, &who, &good, &finish(None, "same")),
        "finish.surviving"
    );
    assert_eq!(
        refuses(
            &story,
            &who,
            &good,
            &finish(Some(testkit::case_no(1)), "itself")
        ),
        "finish.surviving"
    );
    assert_eq!(
        refuses(&story, &who, &good, &finish(Some(testkit::case_no(2)), "")),
        "finish.reason"
    );
}

#[test]
fn taking_needs_every_document_on_the_server() {
    let take = OpBody::ReviewTake {
        note: String::new(),
    };
    let code = breaks(&Story::submitted(), &testkit::reviewer(), &take, |story| {
        story
            .break_case()
            .documents
            .get_mut(&testkit::document_id(2))
            .unwrap()
            .stored = false;
    });
    assert_eq!(code, "document.not_stored");
}

#[test]
fn verdicts_need_a_stored_active_document_and_a_known_reason() {
    let (story, who) = (Story::in_review(), testkit::reviewer());
    let good = testkit::verdict(1, Verdict::Returned, Some("PHOTO_UNCLEAR"));
    for (bad, expected) in [
        (
            testkit::verdict(1, Verdict::Returned, None),
            "document.reason_missing",
        ),
        (
            testkit::verdict(1, Verdict::Rejected, Some("NOSUCH")),
            "document.reason_unknown",
        ),
    ] {
        assert_eq!(refuses(&story, &who, &good, &bad), expected);
    }
    let unstored = breaks(&story, &who, &good, |story| {
        story
            .break_case()
            .documents
            .get_mut(&testkit::document_id(1))
            .unwrap()
            .stored = false;
    });
    assert_eq!(unstored, "document.not_stored");
    let replaced = breaks(&story, &who, &good, |story| {
        story
            .break_case()
            .documents
            .get_mut(&testkit::document_id(1))
            .unwrap()
            .detached = Some("wrong".to_owned());
    });
    assert_eq!(replaced, "document.inactive");
}

#[test]
fn waiver_needs_a_reason_and_something_to_waive() {
    let waive = |kind, reason: &str| OpBody::DocumentWaive {
        kind,
        reason: reason.to_owned(),
    };
    let (story, who) = (Story::in_review(), testkit::supervisor());
    let good = waive(DocumentKind::Invoice, "burnt");
    assert_eq!(
        refuses(&story, &who, &good, &waive(DocumentKind::Invoice, "")),
        "waive.reason"
    );
    assert_eq!(
        refuses(
            &story,
            &who,
            &good,
            &waive(DocumentKind::PoliceReceipt, "x")
        ),
        "waive.not_required"
    );
}

#[test]
fn return_needs_known_reasons_on_known_things() {
    let (story, who) = (Story::in_review(), testkit::reviewer());
    let give_back = |target, code: &str| OpBody::ReviewReturn {
        items: vec![ReturnItem {
            target,
            code: code.to_owned(),
            text: String::new(),
        }],
    };
    let field = || ReturnTarget::Field {
        key: FieldKey::LegalName,
    };
    let good = give_back(field(), "VALUE_WRONG");
    assert_eq!(
        refuses(
            &story,
            &who,
            &good,
            &OpBody::ReviewReturn { items: Vec::new() }
        ),
        "review.no_items"
    );
    assert_eq!(
        refuses(&story, &who, &good, &give_back(field(), "NOSUCH")),
        "review.reason_unknown"
    );
    let unknown = ReturnTarget::Document {
        id: testkit::document_id(99),
    };
    assert_eq!(
        refuses(&story, &who, &good, &give_back(unknown, "VALUE_WRONG")),
        "review.item_unknown"
    );
}

#[test]
fn rejection_needs_a_known_reason_and_an_appeal() {
    let reject = |code: &str, appeal: &str| OpBody::ReviewReject {
        code: code.to_owned(),
        appeal: appeal.to_owned(),
    };
    let (story, who) = (Story::in_review(), testkit::reviewer());
    let good = reject("NOT_ENTITLED", "within 30 days");
    assert_eq!(
        refuses(&story, &who, &good, &reject("NOSUCH", "x")),
        "review.reason_unknown"
    );
    assert_eq!(
        refuses(&story, &who, &good, &reject("NOT_ENTITLED", "")),
        "review.appeal_missing"
    );
}

#[test]
fn approval_needs_each_of_its_guards() {
    let (story, who) = (Story::judged(), testkit::reviewer());
    let approve = story.approve_body();
    let stale = refuses(
        &story,
        &who,
        &approve,
        &OpBody::ReviewApprove {
            digest: ChainHash::GENESIS,
        },
    );
    assert_eq!(stale, "review.stale_content");
    let conflict = breaks(&story, &who, &approve, |story| {
        let disputed = FieldConflict {
            field: FieldKey::LegalName,
            value: None,
            by: testkit::agent().user,
            at: 0,
            source: Provenance::Typed,
        };
        story
            .break_case()
            .conflicts
            .insert(OpId::from_uuid(testkit::uuid(77)), disputed);
    });
    assert_eq!(conflict, "review.conflict_open");
    for n in 1..=3 {
        let id = testkit::document_id(n);
        let open = breaks(&story, &who, &approve, |story| {
            story.break_case().documents.get_mut(&id).unwrap().verdict = None;
        });
        assert_eq!(open, "review.documents_open");
        let unstored = breaks(&story, &who, &approve, |story| {
            story.break_case().documents.get_mut(&id).unwrap().stored = false;
        });
        assert_eq!(unstored, "document.not_stored");
    }
    let stopped = breaks(&story, &who, &approve, |story| {
        story.break_case().risk.points = 70;
    });
    assert_eq!(stopped, "review.risk_hold");
    let fraud = breaks(&story, &who, &approve, |story| {
        story.break_case().fraud_reject_by = Some(testkit::second_reviewer().person);
    });
    assert_eq!(fraud, "review.fraud_open");
    let waived = breaks(&story, &who, &approve, |story| {
        story
            .break_case()
            .waived_by
            .insert(testkit::reviewer().person);
    });
    assert_eq!(waived, "review.second_person");
    // 74 points are not 70 under another policy.
    let dear = breaks(&story, &who, &approve, |story| {
        story
            .policy
            .assurance
            .levels
            .get_mut(&crate::policy::Level::L3)
            .unwrap()
            .points = 76;
    });
    assert_eq!(dear, "review.assurance");
}

#[test]
fn changed_content_makes_the_reviewers_digest_stale() {
    let story = Story::judged();
    let approve = story.approve_body();
    let changed = typed(FieldKey::MerchantName, "另一家店");
    let mut story = story.then(&testkit::actor(9, Role::Agent), &changed);
    assert_eq!(
        code(&story.send(&testkit::reviewer(), &approve)),
        "review.stale_content"
    );
}
