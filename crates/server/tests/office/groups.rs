//! One action takes effect whole: ADR 7.

use crate::support::{Desk, HERE, TestOffice, applied, office, outcomes};
use desk_domain::case::CloseWay;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, OpId};
use desk_domain::op::{ChainHash, Group, Op, OpBody};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_server::repo::journal;
use serde_json::value::RawValue;

fn set_up() -> (TestOffice, Desk, CaseId) {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    desk.write(vec![create]);
    (office, desk, case)
}

fn wait(desk: &Desk, case: CaseId) -> Op {
    let body = OpBody::Wait {
        missing: vec!["购机发票".into()],
        promise_date: "2026-12-01".into(),
    };
    desk.op(case, &body)
}

/// Refused: a draft is not submitted by a digest of nothing.
fn submit(desk: &Desk, case: CaseId) -> Op {
    let digest = ChainHash::GENESIS;
    desk.op(case, &OpBody::Submit { digest })
}

fn state_of(desk: &Desk, case: CaseId) -> serde_json::Value {
    let page = desk.pull(HERE, 0, 0).json();
    let changes = page["changes"].as_array().unwrap().iter();
    let mut found = changes.filter(|change| change["case"]["id"] == case.to_string());
    found.next().unwrap()["case"].clone()
}

fn fell(outcome: &Outcome, because_of: OpId) -> bool {
    matches!(outcome, Outcome::Refused { code, params }
        if code == "group.refused" && params["op"] == because_of.to_string())
}

#[test]
fn a_refused_command_undoes_the_other_commands_of_its_action_and_what_was_typed_stays() {
    let (_office, mut desk, case) = set_up();
    let (name, paused, sent, note) = (
        desk.set(case, FieldKey::MerchantName, "示例商户甲", None),
        wait(&desk, case),
        submit(&desk, case),
        desk.note(case, "说过的话"),
    );
    let culprit = sent.op_id;
    let outcomes = desk.write(Desk::group(vec![name, paused, sent, note]));
    assert!(applied(&outcomes[0]) && applied(&outcomes[3]));
    assert!(fell(&outcomes[1], culprit), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Outcome::Refused { code, .. } if code != "group.refused"));
    let case = state_of(&desk, case);
    assert_eq!(case["state"], "draft");
    assert_eq!(case["notes"][0]["text"], "说过的话");
    assert!(case.to_string().contains("示例商户甲"));
}

#[test]
fn an_action_that_stands_as_a_whole_takes_effect_as_a_whole() {
    let (_office, mut desk, case) = set_up();
    let ops = vec![desk.note(case, "等发票"), wait(&desk, case)];
    let outcomes = desk.write(Desk::group(ops));
    assert!(outcomes.iter().all(applied), "{outcomes:?}");
    assert_eq!(state_of(&desk, case)["state"], "waiting");
}

#[test]
fn the_fallen_commands_of_an_action_stay_fallen_when_it_is_pushed_again() {
    let (office, mut desk, case) = set_up();
    let ops = Desk::group(vec![wait(&desk, case), submit(&desk, case)]);
    let batch = desk.chain(ops);
    let first = outcomes(&desk.push(&batch));
    assert_eq!(outcomes(&desk.push(&batch)), first);
    let counted = office.house().repo.read_blocking(journal::count).unwrap();
    assert_eq!(counted, (3, 3));
}

#[test]
fn an_action_over_two_cases_falls_on_both() {
    let (_office, mut desk, one) = set_up();
    let (two, create) = desk.new_case();
    desk.write(vec![create]);
    let outcomes = desk.write(Desk::group(vec![wait(&desk, one), submit(&desk, two)]));
    assert!(!outcomes.iter().any(applied));
    assert_eq!(state_of(&desk, one)["state"], "draft");
}

#[test]
fn a_command_waits_with_a_sibling_that_cannot_be_judged_yet() {
    let (_office, mut desk, case) = set_up();
    let strange = Op {
        kind: "moon.phase".into(),
        body: RawValue::from_string("{}".into()).unwrap(),
        ..desk.note(case, "")
    };
    let ops = vec![desk.note(case, "先说"), strange, wait(&desk, case)];
    let outcomes = desk.write(Desk::group(ops));
    let held = Outcome::Held {
        why: HeldWhy::UnknownKind,
    };
    assert!(applied(&outcomes[0]));
    assert_eq!(outcomes[1..], [held.clone(), held]);
    assert_eq!(state_of(&desk, case)["state"], "draft");
}

#[test]
fn an_action_that_came_before_its_case_is_judged_whole_when_the_case_arrives() {
    let office = office();
    let (mut owner, mut early) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    let (case, create) = owner.new_case();
    let ops = Desk::group(vec![
        early.note(case, "先到"),
        wait(&early, case),
        submit(&early, case),
    ]);
    let culprit = ops[2].op_id;
    let batch = early.chain(ops);
    let waits = Outcome::Held {
        why: HeldWhy::MissingDependency,
    };
    assert_eq!(outcomes(&early.push(&batch)), vec![waits; 3]);
    owner.write(vec![create]);
    let late = outcomes(&early.push(&batch));
    assert!(applied(&late[0]) && fell(&late[1], culprit), "{late:?}");
    assert_eq!(state_of(&owner, case)["state"], "draft");
    let page = early.pull(HERE, 0, 0).json();
    let told: usize = page["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["outcomes"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(told, 3, "late verdicts travel with the feed: {page}");
}

#[test]
fn the_same_op_twice_in_one_action_counts_once() {
    let (office, mut desk, case) = set_up();
    let note = desk.note(case, "一次");
    let outcomes = desk.write(Desk::group(vec![note.clone(), note]));
    assert!(applied(&outcomes[0]));
    assert!(matches!(&outcomes[1], Outcome::Refused { code, .. } if code == "op.id_reused"));
    let counted = office.house().repo.read_blocking(journal::count).unwrap();
    assert_eq!(counted, (3, 2));
}

#[test]
fn half_a_group_has_a_named_answer_and_stores_nothing() {
    let (office, mut desk, case) = set_up();
    let whole = Desk::group(vec![desk.note(case, "一"), desk.note(case, "二")]);
    let before = desk.clone();
    // The second half never comes with the first, nor the first with the second.
    let split = desk.chain(whole[..1].to_vec());
    let reply = desk.push(&split);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "sync.bad_group")
    );
    assert_eq!(reply.json()["params"]["seq"], "2");
    let mut desk = before.clone();
    let tail = desk.chain(whole[1..].to_vec());
    assert_eq!(desk.push(&tail).code(), "sync.bad_group");
    // A length that lies, and members that do not agree.
    for groups in [(3, 3), (2, 1), (0, 0)] {
        let mut desk = before.clone();
        let lying = whole.iter().zip([groups.0, groups.1]).map(|(op, len)| Op {
            group: Group { len, ..op.group },
            ..op.clone()
        });
        let batch = desk.chain(lying.collect());
        assert_eq!(desk.push(&batch).code(), "sync.bad_group", "{groups:?}");
    }
    let counted = office.house().repo.read_blocking(journal::count).unwrap();
    assert_eq!(counted, (1, 1));
    // The same ops as one group are welcome.
    let mut desk = before;
    assert!(desk.write(whole).iter().all(applied));
}

#[test]
fn a_parked_member_makes_the_commands_of_its_action_wait_and_leaves_the_facts() {
    let (_office, mut desk, case) = set_up();
    let before = desk.prev;
    let ops = Desk::group(vec![
        desk.note(case, "被搁置"),
        desk.note(case, "照记"),
        wait(&desk, case),
    ]);
    let mut batch = desk.chain(ops);
    let hash = ChainHash::after(before, batch.ops[0].as_bytes());
    batch.ops[0] = format!(
        r#"{{"parked":{{"op_id":"{}","prev_hash":"{before}","hash":"{hash}"}}}}"#,
        batch.ids[0]
    );
    let outcomes = outcomes(&desk.push(&batch));
    let missing = Outcome::Held {
        why: HeldWhy::BodyMissing,
    };
    assert!(applied(&outcomes[1]), "{outcomes:?}");
    assert_eq!([&outcomes[0], &outcomes[2]], [&missing, &missing]);
}

#[test]
fn a_withdrawal_and_its_reason_are_one_step() {
    let (_office, mut desk, case) = set_up();
    let ops = vec![
        desk.note(case, "机器好了"),
        desk.op(
            case,
            &OpBody::Finish {
                way: CloseWay::Resolved,
                reason: "机器好了".into(),
                surviving: None,
            },
        ),
    ];
    assert!(desk.write(Desk::group(ops)).iter().all(applied));
    assert_eq!(state_of(&desk, case)["state"], "resolved");
}
