//! The paper checklist against `product.md` section 2.5, and the six steps.

use super::*;
use crate::field::FieldValue;
use crate::testkit::{self, Story};

/// The kinds asked for first when these answers replace the story's.
fn kinds(answers: &[(FieldKey, &str)]) -> Vec<&'static str> {
    let mut story = Story::ready();
    for (key, text) in answers {
        let state = story.break_case().fields.get_mut(key).unwrap();
        state.value = Some(FieldValue::Text((*text).to_owned()));
    }
    required_documents(story.the_case())
        .iter()
        .map(|entry| entry.kind.as_str())
        .collect()
}

#[test]
fn papers_follow_class_ownership_relation_reason_and_channel() {
    use FieldKey::{
        CallerRelation, Channel, MerchantClass, ReasonCode, Signature, TerminalObtainedBy,
    };
    let person = ["id_card_front", "id_card_back", "invoice"];
    assert_eq!(kinds(&[]), person);
    assert_eq!(
        kinds(&[(MerchantClass, "enterprise")])[0],
        "business_licence"
    );
    assert_eq!(
        kinds(&[(MerchantClass, "sole_trader")])[0],
        "business_licence"
    );
    for (obtained, kind) in [
        ("leased", "lease_contract"),
        ("free_with_deposit", "receipt"),
        ("unknown", "invoice"),
    ] {
        assert_eq!(kinds(&[(TerminalObtainedBy, obtained)])[2], kind);
    }
    let third = ["power_of_attorney", "handler_id_front", "handler_id_back"];
    assert_eq!(kinds(&[(CallerRelation, "family")])[3..], third);
    assert_eq!(kinds(&[(ReasonCode, "STOLEN")])[3], "police_receipt");
    assert_eq!(kinds(&[(ReasonCode, "UPGRADE")]), person);
    assert_eq!(kinds(&[(Channel, "mail")])[3], "signed_form");
    assert_eq!(
        kinds(&[(Channel, "walk_in"), (Signature, "paper_photo")])[3],
        "signed_form"
    );
}

#[test]
fn slip_is_a_proof_for_a_person_and_a_substitute_for_a_company() {
    let mut story = Story::ready();
    let id = testkit::document_id(1);
    story.break_case().documents.get_mut(&id).unwrap().kind = DocumentKind::SalesSlip;
    assert!(!rests_on_substitute(story.the_case()));
    let class = story
        .break_case()
        .fields
        .get_mut(&FieldKey::MerchantClass)
        .unwrap();
    class.value = Some(FieldValue::Text("enterprise".to_owned()));
    assert!(rests_on_substitute(story.the_case()));
    story.break_case().documents.get_mut(&id).unwrap().kind = DocumentKind::Invoice;
    assert!(!rests_on_substitute(story.the_case()));
}

#[test]
fn status_is_the_best_of_what_is_there() {
    use crate::case::{Judgement, Verdict};
    let mut story = Story::ready();
    let status = |story: &Story| {
        let papers = required_documents(story.the_case());
        papers
            .iter()
            .find(|entry| entry.kind == DocumentKind::Invoice)
            .unwrap()
            .status
    };
    let judge = |story: &mut Story, n, verdict| {
        let word = Judgement {
            verdict,
            code: None,
            note: String::new(),
            by: testkit::reviewer().user,
            at: 0,
        };
        story
            .break_case()
            .documents
            .get_mut(&testkit::document_id(n))
            .unwrap()
            .verdict = Some(word);
    };
    assert_eq!(status(&story), RequiredStatus::Attached);
    judge(&mut story, 1, Verdict::Returned);
    assert_eq!(status(&story), RequiredStatus::Returned);
    story = story.then(
        &testkit::agent(),
        &testkit::attach(8, DocumentKind::SalesSlip),
    );
    assert_eq!(status(&story), RequiredStatus::Attached);
    judge(&mut story, 8, Verdict::Accepted);
    assert_eq!(status(&story), RequiredStatus::Accepted);
    story
        .break_case()
        .waivers
        .insert(DocumentKind::Invoice, "burnt".to_owned());
    assert_eq!(status(&story), RequiredStatus::Waived);
    let case = story.break_case();
    case.waivers.clear();
    case.documents
        .retain(|id, _| *id != testkit::document_id(8));
    case.documents
        .get_mut(&testkit::document_id(1))
        .unwrap()
        .detached = Some("wrong".to_owned());
    assert_eq!(status(&story), RequiredStatus::Missing);
}

#[test]
fn steps_are_done_in_any_order_and_submit_last() {
    let who = testkit::agent();
    let done = |story: &Story| {
        let steps = steps(story.the_case(), &story.context(&who));
        steps
            .iter()
            .filter(|entry| entry.done)
            .map(|entry| entry.step)
            .collect::<Vec<_>>()
    };
    assert_eq!(done(&Story::created()), []);
    let before = [
        Step::Intake,
        Step::Identity,
        Step::Diagnosis,
        Step::Documents,
        Step::Form,
    ];
    assert_eq!(done(&Story::ready()), before);
    let mut open = Story::ready();
    open.break_case().fields.remove(&FieldKey::DiagnosisRoute);
    assert_eq!(
        done(&open),
        [Step::Intake, Step::Identity, Step::Documents, Step::Form]
    );
    assert_eq!(done(&Story::submitted()).len(), 6);
}
