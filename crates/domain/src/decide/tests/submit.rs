//! What `submit` asks for, thing by thing.

use super::code;
use crate::case::{DocumentKind, EvidenceKind, Provenance, ReturnItem, ReturnTarget};
use crate::checklist::{self, Missing};
use crate::field::{FieldKey, FieldValue};
use crate::op::OpBody;
use crate::outcome::Outcome;
use crate::testkit::{self, ANSWERS, PAPERS, Story, typed};

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
    let Outcome::Refused { code, params } = story.send(&who, &submit) else {
        panic!("submitted with {tokens:?} missing");
    };
    assert_eq!(code, "submit.incomplete");
    assert_eq!(params.get("missing"), Some(&tokens.join(",")));
    tokens
}

fn overwrite(story: &mut Story, key: FieldKey, value: Option<FieldValue>) {
    story.break_case().fields.get_mut(&key).unwrap().value = value;
}

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
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
            Some(text("N9QT00000002"))
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
            .retain(|e| e.kind == EvidenceKind::CallBack);
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
    let tokens =
        missing_after(|story| overwrite(story, FieldKey::CallerRelation, Some(text("staff"))));
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
        missing_after(|story| overwrite(story, FieldKey::MerchantClass, Some(text("enterprise"))));
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
        let tokens =
            missing_after(|story| overwrite(story, FieldKey::ReasonCode, Some(text(reason))));
        assert_eq!(tokens[0], format!("document.required:{paper}"), "{reason}");
    }
    let tokens =
        missing_after(|story| overwrite(story, FieldKey::TerminalObtainedBy, Some(text("leased"))));
    assert_eq!(tokens[0], "document.required:lease_contract");
    let tokens =
        missing_after(|story| overwrite(story, FieldKey::Signature, Some(text("paper_photo"))));
    assert_eq!(tokens[0], "document.required:signed_form");
    let tokens = missing_after(|story| overwrite(story, FieldKey::UnsettledFen, Some(text("100"))));
    assert_eq!(tokens, ["field.required:effects.unsettled_note"]);
    let tokens = missing_after(|story| overwrite(story, FieldKey::ReasonCode, Some(text("OTHER"))));
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
