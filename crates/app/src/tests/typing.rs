//! Typing: nothing is lost, secrets are stopped, doubts need a reason.

use super::{Bench, set_args};
use desk_domain::field::FieldKey;
use serde_json::json;

/// A number of no bank, but with a fitting check digit.
const CARD: &str = "4111 1111 1111 1111";

#[test]
fn a_value_that_does_not_fit_stays_as_typed_and_is_named() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    for (key, raw) in [
        (FieldKey::LegalIdNo, "12345"),
        (FieldKey::CallerPhone, "12"),
        (FieldKey::UnsettledFen, "一百块"),
        (FieldKey::InvoiceDate, "2026-02-30"),
        (FieldKey::MerchantClass, "giant"),
    ] {
        let refused = bench.refused("field_set", set_args(&case, key, raw, None));
        assert!(refused.code.starts_with("field."), "{refused:?}");
        assert_eq!(refused.field.as_deref(), Some(key.as_str()));
        let field = bench.field(&case, key);
        assert_eq!(field.draft.as_deref(), Some(raw));
        assert_eq!(field.display, "");
    }
}

#[test]
fn a_good_value_replaces_the_draft_in_the_same_save() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    bench.ask(
        "draft_put",
        json!({ "case": case, "field": "merchant.name", "raw": "测试小" }),
    );
    bench.set(&case, FieldKey::MerchantName, " 测试小吃店 ");
    let field = bench.field(&case, FieldKey::MerchantName);
    assert_eq!((field.display.as_str(), field.draft), ("测试小吃店", None));
    assert!(field.pending && field.rev.is_some());
}

#[test]
fn a_card_number_is_refused_everywhere_and_kept_nowhere() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let spoken = format!("卡号是 {CARD} 谢谢");
    let tries = [
        ("note_add", json!({ "case": case, "text": spoken })),
        (
            "draft_put",
            json!({ "case": case, "field": "request.words", "raw": spoken }),
        ),
        (
            "field_set",
            set_args(&case, FieldKey::RequestWords, &spoken, None),
        ),
        (
            "evidence_add",
            json!({ "case": case, "kind": "call_back", "note": spoken, "call_ref": null }),
        ),
        (
            "case_move",
            json!({ "case": case, "act": { "kind": "withdraw", "reason": spoken, "identity_checked": true } }),
        ),
        (
            "document_add",
            json!({ "case": case, "kind": "invoice", "name": spoken, "bytes": "", "replaces": null }),
        ),
    ];
    for (at, (name, args)) in tries.into_iter().enumerate() {
        let refused = bench.refused(name, args);
        assert_eq!(refused.code, "secret.card_number", "{name}");
        assert_eq!(refused.params["count"], (at + 1).to_string());
    }
    let told = serde_json::to_string(&bench.screen(&case)).unwrap();
    assert!(!told.contains("1111"));
}

#[test]
fn a_serial_typed_differently_the_second_time_is_missing_and_not_lost() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    bench.set(&case, FieldKey::TerminalSerial, "N9QT00000001");
    bench.set(&case, FieldKey::TerminalSerialAgain, "N9QT00000002");
    let screen = bench.screen(&case);
    let wanted = screen
        .missing
        .iter()
        .find(|item| item.code == "form.serial_not_twice")
        .unwrap();
    assert_eq!(wanted.field.as_deref(), Some("terminal.serial_again"));
    assert_eq!(
        screen.fields["terminal.serial_again"].display,
        "N9QT00000002"
    );
    bench.set(&case, FieldKey::TerminalSerialAgain, "N9QT00000001");
    assert!(
        bench
            .screen(&case)
            .missing
            .iter()
            .all(|item| item.code != "form.serial_not_twice")
    );
}

#[test]
fn a_doubt_needs_a_reason_and_the_reason_is_kept() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    // Of another acquirer, which is a doubt and no error.
    let raw = "820290070110001";
    let doubted = bench.refused(
        "field_set",
        set_args(&case, FieldKey::MerchantNo, raw, None),
    );
    assert_eq!(
        (doubted.code.as_str(), doubted.params["warnings"].as_str()),
        ("field.needs_reason", "WARN_ACQUIRER")
    );
    assert_eq!(
        bench.field(&case, FieldKey::MerchantNo).draft.as_deref(),
        Some(raw)
    );
    let mut args = set_args(&case, FieldKey::MerchantNo, raw, None);
    args["accept"] = json!({ "WARN_ACQUIRER": "商户确认过" });
    bench.ask("field_set", args);
    let field = bench.field(&case, FieldKey::MerchantNo);
    assert_eq!((field.display.as_str(), field.draft), (raw, None));
    assert_eq!(field.warnings["WARN_ACQUIRER"], "商户确认过");
}

#[test]
fn filling_touches_empty_fields_only_and_leaves_odd_values_as_drafts() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    bench.set(&case, FieldKey::InvoiceNumber, "12345678");
    let values = json!({
        "invoice.number": "87654321", "invoice.amount_fen": "1,299.00", "invoice.date": "2026-13-40",
    });
    bench.ask(
        "fields_fill",
        json!({ "case": case, "values": values, "source": "qr" }),
    );
    let screen = bench.screen(&case);
    assert_eq!(screen.fields["invoice.number"].display, "12345678");
    assert_eq!(screen.fields["invoice.amount_fen"].display, "¥1,299.00");
    assert_eq!(
        screen.fields["invoice.amount_fen"].source.as_deref(),
        Some("qr")
    );
    assert_eq!(
        screen.fields["invoice.date"].draft.as_deref(),
        Some("2026-13-40")
    );
}

#[test]
fn submitting_too_early_says_what_is_missing_and_changes_nothing() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let refused = bench.refused("submit", json!({ "case": case }));
    assert_eq!(refused.code, "case.incomplete");
    let screen = bench.screen(&case);
    assert_eq!(screen.state, "draft");
    assert_eq!(refused.params["missing"], screen.missing.len().to_string());
    assert_eq!(
        screen.next_action,
        format!("step.{}", screen.missing[0].step)
    );
    assert!(!screen.allowed.contains(&"submit".to_owned()));
}

#[test]
fn a_diagnosis_writes_its_conclusion_and_takes_it_back() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let mut answered = 0;
    while let Some(question) = bench.screen(&case).diagnosis.question {
        let option = question.options.last().unwrap().id.clone();
        bench.ask(
            "diagnosis_answer",
            json!({ "case": case, "question": question.id, "option": option }),
        );
        answered += 1;
        assert!(answered < 50);
    }
    let done = bench.screen(&case);
    let leaf = done.diagnosis.leaf.clone().unwrap();
    assert_eq!(done.fields["diagnosis.route"].display, leaf.route);
    assert_eq!(done.fields["diagnosis.conclusion"].display, leaf.conclusion);
    let first = done.diagnosis.answered[0].question.clone();
    bench.ask(
        "diagnosis_answer",
        json!({ "case": case, "question": first, "option": "" }),
    );
    let back = bench.screen(&case);
    assert!(back.diagnosis.answered.is_empty() && back.diagnosis.leaf.is_none());
    assert_eq!(back.fields["diagnosis.route"].display, "");
    let odd = json!({ "case": case, "question": "no.such", "option": "x" });
    assert_eq!(
        bench.refused("diagnosis_answer", odd).code,
        "diagnosis.unknown_question"
    );
}
