use crate::support::{HERE, NOON, THERE, applied, office, outcomes};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, Incarnation};
use desk_domain::op::{ChainHash, Op};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_server::door::SystemChance;
use desk_server::repo::journal;
use serde_json::value::RawValue;

#[test]
fn a_push_with_a_bad_signature_is_refused_and_stores_nothing() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    let body = desk
        .push_body(&batch)
        .replace("\"signature\":\"", "\"signature\":\"AAAA");
    let reply = desk.send("POST", "/v1/sync/push", body.as_bytes());
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "sync.bad_signature")
    );
    assert_eq!(
        office.house().repo.read_blocking(journal::count).unwrap(),
        (0, 0)
    );
}

#[test]
fn a_broken_chain_is_refused() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let mut batch = desk.chain(vec![create, desk.clone().note(case, "一")]);
    batch.ops.swap(0, 1);
    assert_eq!(desk.push(&batch).code(), "sync.bad_op");
    let mut fresh = office.desk(HERE, "clerk");
    fresh.prev = ChainHash::from_bytes([7; 32]);
    let (_, create) = fresh.new_case();
    let batch = fresh.chain(vec![create]);
    assert_eq!(fresh.push(&batch).code(), "sync.bad_chain");
}

#[test]
fn bytes_changed_under_a_signed_chain_are_refused() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let note = desk.note(case, "甲乙丙");
    let mut batch = desk.chain(vec![create, note]);
    batch.ops[1] = batch.ops[1].replace("甲乙丙", "甲乙丁");
    assert_eq!(desk.push(&batch).code(), "sync.bad_signature");
}

#[test]
fn pushing_twice_gives_the_same_outcomes_and_stores_once() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let note = desk.note(case, "第一");
    let batch = desk.chain(vec![create, note]);
    let first = desk.push(&batch);
    let second = desk.push(&batch);
    assert_eq!(outcomes(&first), outcomes(&second));
    assert!(outcomes(&first).iter().all(applied));
    assert_eq!(first.json()["head"]["seq"], 2);
    assert_eq!(
        office.house().repo.read_blocking(journal::count).unwrap(),
        (2, 2)
    );
}

#[test]
fn a_replayed_prefix_with_new_ops_behind_it_goes_on() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let before = desk.clone();
    let (case, create) = desk.new_case();
    let one = desk.chain(vec![create]);
    outcomes(&desk.push(&one));
    let note = desk.note(case, "后来");
    let two = desk.chain(vec![note]);
    let mut both = before.clone().chain(vec![]);
    both.ops = [one.ops, two.ops].concat();
    both.last = two.last;
    assert_eq!(outcomes(&desk.push(&both)).len(), 2);
    assert_eq!(
        office.house().repo.read_blocking(journal::count).unwrap(),
        (2, 2)
    );
}

#[test]
fn another_history_under_the_same_numbers_is_a_fork() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    desk.write(vec![create]);
    let mut clone = desk.clone();
    let note = desk.note(case, "原件");
    desk.write(vec![note]);
    let other = clone.note(case, "副本");
    let batch = clone.chain(vec![other]);
    let reply = clone.push(&batch);
    assert_eq!((reply.status, reply.code().as_str()), (409, "sync.fork"));
    assert_eq!(reply.json()["params"]["common"], "1");
    let after = clone.note(case, "之后");
    let later = clone.chain(vec![after]);
    assert_eq!(clone.push(&later).code(), "sync.fork");
}

#[test]
fn a_hole_is_a_gap_that_names_what_is_expected() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let lost = desk.chain(vec![create]);
    let note = desk.note(case, "二");
    let batch = desk.chain(vec![note]);
    let reply = desk.push(&batch);
    assert_eq!((reply.status, reply.code().as_str()), (409, "sync.gap"));
    assert_eq!(reply.json()["params"]["expected"], "1");
    outcomes(&desk.push(&lost));
    assert!(applied(&outcomes(&desk.push(&batch))[0]));
}

#[test]
fn an_unknown_kind_is_held_byte_for_byte_and_its_neighbours_apply() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let strange = Op {
        kind: "moon.phase".into(),
        body: RawValue::from_string(r#"{"of" : 7}"#.into()).unwrap(),
        ..desk.note(case, "")
    };
    let note = desk.note(case, "后面");
    let outcomes = desk.write(vec![create, strange, note]);
    assert!(applied(&outcomes[0]) && applied(&outcomes[2]));
    assert_eq!(
        outcomes[1],
        Outcome::Held {
            why: HeldWhy::UnknownKind
        }
    );
}

#[test]
fn an_op_with_a_poisoned_body_is_kept_and_its_neighbours_go_on() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let poisoned = Op {
        body: RawValue::from_string(r#"{"text":{"deep":[[[]]]}}"#.into()).unwrap(),
        ..desk.note(case, "")
    };
    let note = desk.note(case, "后面");
    let outcomes = desk.write(vec![create, poisoned, note]);
    assert!(applied(&outcomes[0]) && applied(&outcomes[2]));
    assert!(matches!(outcomes[1], Outcome::Held { .. }));
    assert_eq!(
        office.house().repo.read_blocking(journal::count).unwrap(),
        (3, 3)
    );
}

#[test]
fn the_same_op_re_chained_after_a_restore_counts_once() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let note = desk.note(case, "一次");
    let first = desk.write(vec![create.clone(), note.clone()]);
    desk.incarnation = Incarnation::new(NOON, &SystemChance);
    (desk.seq, desk.prev) = (0, ChainHash::GENESIS);
    let second = desk.write(vec![create, note.clone()]);
    assert_eq!(first, second);
    assert_eq!(
        office.house().repo.read_blocking(journal::count).unwrap(),
        (4, 2)
    );
    let forged = Op {
        op_id: note.op_id,
        ..desk.note(case, "换了内容")
    };
    let outcome = desk.write(vec![forged]).remove(0);
    assert!(matches!(outcome, Outcome::Refused { code, .. } if code == "op.id_reused"));
}

#[test]
fn an_op_in_the_name_of_somebody_who_never_signed_in_here_is_held() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let other = office.desk(HERE, "clerk");
    let (case, create) = desk.new_case();
    let forged = Op {
        actor: other.user,
        ..desk.note(case, "冒名")
    };
    let outcomes = desk.write(vec![create, forged]);
    assert_eq!(
        outcomes[1],
        Outcome::Held {
            why: HeldWhy::ActorRevoked
        }
    );
}

#[test]
fn a_parked_op_keeps_the_chain_going() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let before = desk.prev;
    let mut batch = desk.chain(vec![create]);
    let note = desk.note(case, "之后");
    let next = desk.chain(vec![note]);
    batch.ops = vec![
        format!(
            r#"{{"parked":{{"op_id":"{}","prev_hash":"{before}","hash":"{}"}}}}"#,
            batch.ids[0], batch.last
        ),
        next.ops[0].clone(),
    ];
    batch.last = next.last;
    let outcomes = outcomes(&desk.push(&batch));
    assert_eq!(
        outcomes[0],
        Outcome::Held {
            why: HeldWhy::BodyMissing
        }
    );
    assert_eq!(
        outcomes[1],
        Outcome::Held {
            why: HeldWhy::MissingDependency
        }
    );
}

#[test]
fn a_case_of_another_office_answers_like_one_that_does_not_exist() {
    let office = office();
    let mut owner = office.desk(HERE, "agent");
    let (case, create) = owner.new_case();
    owner.write(vec![create]);
    let mut stranger = office.desk(THERE, "stranger");
    let (touch, nothing) = (
        stranger.note(case, "越界"),
        stranger.note(CaseId::new(NOON, &SystemChance), "无此案"),
    );
    let outcomes = stranger.write(vec![touch, nothing]);
    assert_eq!(outcomes[0], outcomes[1]);
    let (_, take_over) = stranger.new_case();
    let outcome = stranger.write(vec![Op { case, ..take_over }]).remove(0);
    assert_eq!(
        outcome,
        Outcome::Held {
            why: HeldWhy::MissingDependency
        }
    );
}

#[test]
fn two_desks_that_write_one_field_get_a_conflict_and_both_values_stay() {
    let office = office();
    let (mut one, mut two) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    let (case, create) = one.new_case();
    let first = one.set(case, FieldKey::MerchantName, "示例商户甲", None);
    let seen = first.op_id;
    one.write(vec![create, first]);
    let (mine, yours) = (
        one.set(case, FieldKey::MerchantName, "示例商户乙", Some(seen)),
        two.set(case, FieldKey::MerchantName, "示例商户丙", Some(seen)),
    );
    assert!(applied(&one.write(vec![mine])[0]));
    let lost = yours.op_id;
    assert_eq!(two.write(vec![yours])[0], Outcome::Conflict { id: lost });
    let text = two.pull(HERE, 0, 0).text();
    assert!(text.contains("示例商户乙") && text.contains("示例商户丙"));
}

#[test]
fn an_op_that_came_before_its_case_is_judged_when_the_case_arrives() {
    let office = office();
    let (mut owner, mut early) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    let mut stranger = office.desk(THERE, "stranger");
    let (case, create) = owner.new_case();
    let waits = Outcome::Held {
        why: HeldWhy::MissingDependency,
    };
    let note = early.note(case, "先到一步");
    let batch = early.chain(vec![note]);
    assert_eq!(outcomes(&early.push(&batch)), std::slice::from_ref(&waits));
    let foreign = stranger.note(case, "越界");
    let crossing = stranger.chain(vec![foreign]);
    stranger.push(&crossing);
    assert!(applied(&owner.write(vec![create])[0]));
    assert!(applied(&outcomes(&early.push(&batch))[0]));
    assert_eq!(outcomes(&stranger.push(&crossing)), [waits]);
    let page = early.pull(HERE, 0, 0).json();
    let change = page["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["of"] == "case")
        .unwrap()
        .clone();
    assert_eq!(change["case"]["notes"][0]["text"], "先到一步");
    assert_eq!(change["outcomes"][0]["outcome"]["is"], "applied");
    assert!(!page.to_string().contains("越界"));
}
