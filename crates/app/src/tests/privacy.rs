//! What crosses the bridge of a case full of personal values.

use super::{Bench, case_of};
use desk_domain::field::FieldKey;
use desk_domain::people::Actor;
use desk_domain::testkit;
use serde_json::{Value, json};

/// Of the form and of the register alike.
const CANARIES: &[&str] = &[
    "张三",
    "13000000001",
    "110105199003070017",
    "样例路1号院2楼",
];

fn assert_masked(what: &str, told: &Value) {
    let text = told.to_string();
    for canary in CANARIES {
        assert!(!text.contains(canary), "{what} tells {canary}");
    }
}

fn every_screen(me: &Actor) {
    let bench = Bench::demo(me);
    for (name, _) in super::stories() {
        let case = case_of(name).to_string();
        assert_masked(name, &bench.ask("case_open", json!({ "case": case })));
    }
    for filter in ["all", "mine", "review", "tell", "team", "due_soon"] {
        let page = bench.ask(
            "queue",
            json!({ "filter": filter, "after": null, "limit": 50 }),
        );
        assert_masked(filter, &page);
    }
    for query in [
        "张三",
        "13000000001",
        "测试小吃店",
        "822290070110001",
        "N9QT00000001",
    ] {
        assert_masked(query, &bench.ask("search", json!({ "query": query })));
    }
    let merchant = super::merchant().id.to_string();
    assert_masked(
        "merchant",
        &bench.ask("merchant_open", json!({ "merchant": merchant })),
    );
    for name in [
        "notifications",
        "calls",
        "sync_status",
        "sync_diagnostics",
        "app_status",
        "queue_counts",
    ] {
        assert_masked(name, &bench.ask(name, json!({})));
    }
}

#[test]
fn no_screen_of_an_agent_tells_a_personal_value() {
    every_screen(&testkit::agent());
}

#[test]
fn no_screen_of_a_reviewer_tells_a_personal_value() {
    every_screen(&testkit::reviewer());
    let bench = Bench::demo(&testkit::reviewer());
    let case = case_of("in_review").to_string();
    let review = bench.ask("review_open", json!({ "case": case }));
    assert_masked("review", &review);
    let rows = review["compare"].as_array().unwrap();
    let id = rows
        .iter()
        .find(|row| row["field"] == "legal.id_no")
        .unwrap();
    assert_eq!(
        (id["verdict"].as_str(), id["form"].as_str()),
        (Some("same"), Some("1****************7"))
    );
}

#[test]
fn an_agent_never_sees_the_register_beside_the_form() {
    let bench = Bench::demo(&testkit::agent());
    let refused = bench.refused(
        "review_open",
        json!({ "case": case_of("in_review").to_string() }),
    );
    assert_eq!(refused.code, "actor.role");
}

#[test]
fn a_blind_match_answers_without_a_value_of_the_register() {
    let bench = Bench::demo(&testkit::agent());
    let case = bench.new_case();
    let few = bench.refused("identity_match", json!({ "case": case }));
    assert_eq!(few.code, "identity.too_few_facts");
    bench.set(&case, FieldKey::MerchantNo, "822290070110001");
    bench.set(&case, FieldKey::LegalName, "李四");
    bench.set(&case, FieldKey::TerminalSerial, "N9QT00000001");
    let told = bench.ask("identity_match", json!({ "case": case }));
    assert_eq!(
        (told["found"].as_bool(), told["differed"].as_u64()),
        (Some(true), Some(1))
    );
    assert_eq!(told["failures"], 1);
    assert_masked("match", &told);
}

#[test]
fn a_reveal_is_counted_on_record_and_limited() {
    let bench = Bench::demo(&testkit::agent());
    let case = case_of("ready").to_string();
    let args = json!({ "case": case, "field": "legal.id_no", "reason": "核对证件" });
    let open = json!({ "case": case, "field": "merchant.name", "reason": "看看" });
    assert_eq!(bench.refused("reveal", open).code, "reveal.nothing");
    let silent = json!({ "case": case, "field": "legal.id_no", "reason": "  " });
    assert_eq!(bench.refused("reveal", silent).code, "text.empty");
    let revealed = bench.ask("reveal", args.clone());
    assert_eq!(revealed["value"], "110105199003070017");
    let line = bench
        .screen(&case)
        .timeline
        .into_iter()
        .find(|line| line.kind == "audit.reveal")
        .unwrap();
    assert_eq!(
        (line.params["field"].as_str(), line.by.as_str()),
        ("legal.id_no", "坐席甲")
    );
    for _ in 1..20 {
        bench.ask("reveal", args.clone());
    }
    let limited = bench.refused("reveal", args.clone());
    assert_eq!(
        (limited.code.as_str(), limited.retryable),
        ("reveal.too_many", true)
    );
    bench.clock.pass(60 * 60 * 1_000);
    bench.ask("reveal", args);
}
