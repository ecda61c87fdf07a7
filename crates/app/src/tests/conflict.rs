//! Two values for one field: mine, theirs, or a third.

use super::{Bench, case_of};
use desk_domain::case::FieldConflict;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::OpId;
use desk_domain::testkit::{self, Story, uuid};
use desk_store::{Page, PageChange};
use serde_json::{Value, json};

const MINE: &str = "我写的名称";
const THEIRS: &str = "测试小吃店";

/// The demo agent's value lost to one that the server committed first.
fn bench_with_conflict() -> (Bench, String, String) {
    let bench = Bench::demo(&testkit::agent());
    let case = case_of("ready");
    let conflict = OpId::from_uuid(uuid(0xC0FF));
    let mut snapshot = Story::ready().the_case().clone();
    snapshot.id = case;
    snapshot.case_no = testkit::case_no(101);
    snapshot.rev += 1;
    let losing = FieldConflict {
        field: FieldKey::MerchantName,
        value: Some(FieldValue::Text(MINE.to_owned())),
        by: testkit::agent().user,
        at: testkit::MONDAY,
        source: desk_domain::case::Provenance::Typed,
    };
    snapshot.conflicts.insert(conflict, losing);
    let state = snapshot.fields.get_mut(&FieldKey::MerchantName).unwrap();
    state.by = testkit::reviewer().user;
    let change = PageChange::Case {
        case: Box::new(snapshot),
        timeline: Vec::new(),
        outcomes: Vec::new(),
    };
    let page = Page {
        scope: testkit::office(),
        cursor: Some(2),
        fill: false,
        changes: vec![change],
    };
    bench
        .desk
        .session()
        .unwrap()
        .store
        .apply_page(&page)
        .unwrap();
    (bench, case.to_string(), conflict.to_string())
}

fn name_after(take: &str, raw: Value) -> String {
    let (bench, case, conflict) = bench_with_conflict();
    let args = json!({ "case": case, "conflict": conflict, "take": take, "raw": raw });
    let screen = bench.ask("conflict_resolve", args);
    assert!(screen["conflicts"].as_array().unwrap().is_empty());
    screen["fields"]["merchant.name"]["display"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn both_values_are_shown_by_name() {
    let (bench, case, _) = bench_with_conflict();
    let shown = bench.screen(&case).conflicts.pop().unwrap();
    assert_eq!((shown.mine.as_str(), shown.theirs.as_str()), (MINE, THEIRS));
    assert_eq!(
        (shown.mine_by.as_str(), shown.theirs_by.as_str()),
        ("坐席甲", "审核乙")
    );
    let sync = bench.ask("sync_status", json!({}));
    assert_eq!(sync["conflicts"].as_array().unwrap().len(), 1);
}

#[test]
fn mine_theirs_or_a_third_value_may_be_taken() {
    assert_eq!(name_after("mine", Value::Null), MINE);
    assert_eq!(name_after("theirs", Value::Null), THEIRS);
    assert_eq!(name_after("value", json!(" 第三个名称 ")), "第三个名称");
    assert_eq!(name_after("value", json!("")), "");
}

#[test]
fn an_odd_choice_an_odd_value_and_an_unknown_conflict_are_refused() {
    let (bench, case, conflict) = bench_with_conflict();
    let odd = json!({ "case": case, "conflict": conflict, "take": "newest", "raw": null });
    assert_eq!(
        bench.refused("conflict_resolve", odd).code,
        "request.not_a_choice"
    );
    let secret =
        json!({ "case": case, "conflict": conflict, "take": "value", "raw": "4111111111111111" });
    assert_eq!(
        bench.refused("conflict_resolve", secret).code,
        "secret.card_number"
    );
    let unknown = json!({ "case": case, "conflict": OpId::from_uuid(uuid(1)).to_string(), "take": "mine", "raw": null });
    assert_eq!(
        bench.refused("conflict_resolve", unknown).code,
        "conflict.not_found"
    );
    assert_eq!(bench.screen(&case).conflicts.len(), 1);
}
