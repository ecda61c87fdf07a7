//! One test per guard: the unbroken story passes, and breaking exactly one thing is refused with its code.

use super::code;
use crate::case::{
    CaseState, CloseWay, DocumentKind, EvidenceKind, Execution, ExecutionResult, FieldConflict,
    FollowUpResult, Provenance, ReturnItem, ReturnTarget, TerminalResult, Verdict,
};
use crate::checklist::{self, Missing};
use crate::field::{FieldKey, FieldValue};
use crate::ids::OpId;
use crate::op::{ChainHash, OpBody};
use crate::outcome::Outcome;
use crate::people::{Actor, Role};
use crate::testkit::{self, ANSWERS, DAY, PAPERS, Story, typed};

/// The story as it is must pass with this body; broken, it must be refused. Answers with the refusal's code.
fn breaks(story: &Story, who: &Actor, body: &OpBody, harm: impl FnOnce(&mut Story)) -> String {
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
fn refuses(story: &Story, who: &Actor, good: &OpBody, bad: &OpBody) -> String {
    assert!(
        matches!(story.clone().send(who, good), Outcome::Applied { .. }),
        "{good:?}"
    );
    code(&story.clone().send(who, bad))
}

fn missing_after(harm: impl FnOnce(&mut Story)) -> Vec<String> {
    let mut story = Story::ready();
    assert_eq!(
        checklist::missing_for_submit(story.the_case(), &story.context(&testkit::agent())),
        []
    );
    harm(&mut story);
    let who = testkit::agent();
    let missing = checklist::missing_for_submit(story.the_case(), &story.context(&who));
    let tokens: Vec<String> = missing.iter().map(Missing::token).collect();
    let submit = story.submit_body();
    match story.send(&who, &submit) {
        Outcome::Refused { code, params } => {
            assert_eq!(code, "submit.incomplete");
            assert_eq!(params.get("missing"), Some(&tokens.join(",")));
        }
        other => panic!("submitted: {other:?}"),
    }
    tokens
}

fn overwrite(story: &mut Story, key: FieldKey, value: Option<FieldValue>) {
    story.break_case().fields.get_mut(&key).unwrap().value = value;
}

fn text(value: &str) -> Option<FieldValue> {
    Some(FieldValue::Text(value.to_owned()))
}

#[test]
fn submit_names_each_missing_answer() {
    for (key, _) in ANSWERS {
        if matches!(
            key,
            FieldKey::TerminalSerialAgain | FieldKey::EffectsTold | FieldKey::NoticeReadBack
        ) {
            continue;
        }
        let tokens = missing_after(|story| overwrite(story, *key, None));
        assert!(
            tokens.contains(&format!("field.required:{}", key.as_str())),
            "{key:?}: {tokens:?}"
        );
    }
}

#[test]
fn submit_needs_the_serial_twice_and_equal_unless_it_was_scanned() {
    let token = "form.serial_not_twice:terminal.serial_again";
    assert_eq!(
        missing_after(|story| overwrite(story, FieldKey::TerminalSerialAgain, None)),
        [token]
    );
    assert_eq!(
        missing_after(|story| overwrite(
            story,
            FieldKey::TerminalSerialAgain,
            text("N9QT00000002")
        )),
        [token]
    );
    let mut story = Story::ready();
    overwrite(&mut story, FieldKey::TerminalSerialAgain, None);
    story
        .break_case()
        .fields
        .get_mut(&FieldKey::TerminalSerial)
        .unwrap()
        .source = Provenance::Scanned;
    let submit = story.submit_body();
    assert!(matches!(
        story.send(&testkit::agent(), &submit),
        Outcome::Applied { .. }
    ));
}

#[test]
fn submit_needs_what_the_merchant_was_told() {
    let no = || Some(FieldValue::Flag(false));
    for value in [None, no()] {
        let told = missing_after(|story| overwrite(story, FieldKey::EffectsTold, value.clone()));
        assert_eq!(told, ["form.effects_not_told:effects.told"]);
        let read = missing_after(|story| overwrite(story, FieldKey::NoticeReadBack, value.clone()));
        assert_eq!(read, ["form.notice_not_read_back:notice.read_back"]);
    }
}

#[test]
fn submit_needs_each_paper_unless_a_supervisor_waived_it() {
    for (n, kind) in PAPERS {
        let tokens = missing_after(|story| {
            story
                .break_case()
                .documents
                .remove(&testkit::document_id(*n));
        });
        assert!(
            tokens.contains(&format!("document.required:{}", kind.as_str())),
            "{tokens:?}"
        );
    }
    let mut story = Story::ready();
    story
        .break_case()
        .documents
        .remove(&testkit::document_id(1));
    let waive = OpBody::DocumentWaive {
        kind: DocumentKind::Invoice,
        reason: "shop burnt down".to_owned(),
    };
    let mut story = story.then(&testkit::supervisor(), &waive);
    let submit = story.submit_body();
    assert!(matches!(
        story.send(&testkit::agent(), &submit),
        Outcome::Applied { .. }
    ));
}

#[test]
fn submit_needs_assurance_before_review() {
    let tokens = missing_after(|story| story.break_case().evidence.clear());
    assert_eq!(tokens, ["identity.assurance"]);
    // 15 points of a call-back and 10 of photos are not 35.
    let tokens = missing_after(|story| {
        story
            .break_case()
            .evidence
            .retain(|e| e.kind == EvidenceKind::CallBack)
    });
    assert_eq!(tokens, ["identity.assurance"]);
}

#[test]
fn submit_is_barred_while_the_identity_check_is_locked() {
    let tokens = missing_after(|story| story.break_case().identity.locked_until = Some(i64::MAX));
    assert_eq!(tokens, ["identity.locked"]);
}

#[test]
fn submit_asks_why_when_another_case_has_the_serial() {
    let tokens = missing_after(|story| story.same_serial_open = Some(testkit::case_no(7)));
    assert_eq!(tokens, ["form.serial_in_open_case:form.duplicate_reason"]);
    let mut story = Story::ready().then(
        &testkit::agent(),
        &typed(FieldKey::DuplicateReason, "the first one is void"),
    );
    story.same_serial_open = Some(testkit::case_no(7));
    let submit = story.submit_body();
    assert!(matches!(
        story.send(&testkit::agent(), &submit),
        Outcome::Applied { .. }
    ));
}

#[test]
fn submit_asks_more_of_third_parties_entities_lost_terminals_and_open_money() {
    let tokens = missing_after(|story| overwrite(story, FieldKey::CallerRelation, text("staff")));
    for token in [
        "field.required:handler.name",
        "document.required:power_of_attorney",
        "document.required:handler_id_back",
    ] {
        assert!(
            tokens.iter().any(|found| found == token),
            "{token}: {tokens:?}"
        );
    }
    let tokens =
        missing_after(|story| overwrite(story, FieldKey::MerchantClass, text("enterprise")));
    assert_eq!(
        tokens[..2],
        [
            "field.required:merchant.uscc",
            "document.required:business_licence"
        ]
    );
    for (reason, paper) in [
        ("LOST", "police_receipt"),
        ("STOLEN", "police_receipt"),
        ("TRANSFER_SHOP", "transfer_agreement"),
        ("CLOSE_BUSINESS", "licence_cancellation"),
        ("DEAD_OWNER", "other"),
    ] {
        let tokens = missing_after(|story| overwrite(story, FieldKey::ReasonCode, text(reason)));
        assert_eq!(tokens[0], format!("document.required:{paper}"), "{reason}");
    }
    let tokens =
        missing_after(|story| overwrite(story, FieldKey::TerminalObtainedBy, text("leased")));
    assert_eq!(tokens[0], "document.required:lease_contract");
    let tokens = missing_after(|story| overwrite(story, FieldKey::Signature, text("paper_photo")));
    assert_eq!(tokens[0], "document.required:signed_form");
    let tokens = missing_after(|story| overwrite(story, FieldKey::UnsettledFen, text("100")));
    assert_eq!(tokens, ["field.required:effects.unsettled_note"]);
    let tokens = missing_after(|story| overwrite(story, FieldKey::ReasonCode, text("OTHER")));
    assert_eq!(tokens, ["form.reason_text:reason.text"]);
}

fn returned() -> Story {
    let item = |target| ReturnItem {
        target,
        code: "VALUE_WRONG".to_owned(),
        text: String::new(),
    };
    let items = vec![
        item(ReturnTarget::Field {
            key: FieldKey::MerchantName,
        }),
        item(ReturnTarget::Document {
            id: testkit::document_id(1),
        }),
        item(ReturnTarget::Missing {
            kind: DocumentKind::DeviceLabel,
        }),
    ];
    Story::in_review().then(&testkit::reviewer(), &OpBody::ReviewReturn { items })
}

#[test]
fn resubmission_needs_an_answer_to_each_returned_item() {
    let who = testkit::agent();
    let mut story = returned();
    let submit = story.submit_body();
    assert_eq!(code(&story.send(&who, &submit)), "submit.incomplete");
    story = story.then(&who, &typed(FieldKey::MerchantName, "测试小吃店二"));
    let better = OpBody::DocumentAttach {
        document: testkit::document_id(11),
        kind: DocumentKind::Invoice,
        manifest: testkit::manifest(11),
        replaces: Some(testkit::document_id(1)),
    };
    story = story.then(&who, &better);
    let submit = story.submit_body();
    assert_eq!(code(&story.send(&who, &submit)), "submit.incomplete");
    let mut told = story.clone().then(
        &who,
        &OpBody::ReturnAnswer {
            item: 2,
            text: "the label is worn off".to_owned(),
        },
    );
    assert!(matches!(told.send(&who, &submit), Outcome::Applied { .. }));
    let mut sent = story.then(&who, &testkit::attach(12, DocumentKind::DeviceLabel));
    let submit = sent.submit_body();
    assert!(matches!(sent.send(&who, &submit), Outcome::Applied { .. }));
    assert_eq!(sent.the_case().return_count, 1);
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
        story.now -= DAY
    });
    assert_eq!(early, "withdraw.too_early");
    let silent = breaks(&story, &testkit::system(), &withdraw, |story| {
        story.break_case().notices.pop();
    });
    assert_eq!(silent, "withdraw.reminders");
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
        story.break_case().risk.points = 70
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
        story.break_case().risk.points = 69
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
        story.break_case().risk.points = 70
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
        story.break_case().moments.told_at = None
    });
    assert_eq!(told, "close.not_told");
    let asked = breaks(&story, &who, &close, |story| {
        story.break_case().follow_up = None
    });
    assert_eq!(asked, "close.follow_up");
    let early = breaks(&story, &who, &close, |story| {
        story.break_case().follow_up = Some(FollowUpResult::Unreachable)
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
