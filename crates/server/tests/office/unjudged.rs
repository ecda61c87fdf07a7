//! What an older server stored and could not judge, a newer one judges when it starts.

use crate::support::{Desk, HERE, TestOffice, applied, office, outcomes};
use desk_domain::ids::CaseId;
use desk_domain::op::{ChainHash, Op, OpBody};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_protocol::sync::Head;
use desk_server::repo::journal::{self, Entry};

/// Stores ops as a server would that does not know their kinds yet, and forgets that anybody has looked since.
fn stored_by_an_older_server(office: &TestOffice, desk: &mut Desk, ops: Vec<Op>, seen: &[Outcome]) {
    let batch = desk.chain(ops);
    let (device, incarnation) = (desk.id, desk.incarnation);
    let mut prev = None;
    let mut entries = Vec::new();
    for (bytes, outcome) in batch.ops.iter().zip(seen) {
        let op = Op::parse(bytes).unwrap();
        let hash = ChainHash::after(op.prev_hash, bytes.as_bytes());
        prev = Some(Head {
            incarnation,
            seq: op.seq,
            hash,
        });
        entries.push(Entry {
            device,
            incarnation,
            seq: op.seq,
            op_id: op.op_id,
            counted: true,
            case: Some(op.case),
            actor: Some(op.actor),
            bytes: Some(bytes.clone()),
            hash,
            content: op.content().unwrap(),
            outcome: outcome.clone(),
        });
    }
    office
        .house()
        .repo
        .write_blocking(move |conn| {
            journal::append(conn, entries.iter().map(|entry| (entry, 0)), 0)?;
            journal::move_head(conn, device, prev.unwrap())?;
            conn.execute("DELETE FROM meta WHERE key = 'held_looked_through_by'", ())?;
            Ok(())
        })
        .unwrap();
}

const UNKNOWN: Outcome = Outcome::Held {
    why: HeldWhy::UnknownKind,
};

fn set_up() -> (TestOffice, Desk, CaseId) {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    desk.write(vec![create]);
    (office, desk, case)
}

#[test]
fn an_op_of_the_future_is_applied_once_the_server_has_learnt_its_kind() {
    let (mut office, mut desk, case) = set_up();
    let before = desk.clone();
    let note = desk.note(case, "来自将来");
    stored_by_an_older_server(&office, &mut desk, vec![note.clone()], &[UNKNOWN]);
    office.restart();
    desk.addr = office.addr();
    let page = desk.pull(HERE, 0, 0).json();
    let change = page["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["of"] == "case")
        .unwrap();
    assert_eq!(change["case"]["notes"][0]["text"], "来自将来");
    let told = change["outcomes"].as_array().unwrap().iter();
    let told: Vec<_> = told
        .filter(|one| one["op_id"] == note.op_id.to_string())
        .collect();
    assert_eq!(told[0]["outcome"]["is"], "applied");
    let mut again = before;
    again.addr = office.addr();
    let batch = again.chain(vec![note]);
    assert!(applied(&outcomes(&again.push(&batch))[0]));
}

#[test]
fn an_action_of_the_future_is_judged_as_a_whole() {
    let (mut office, mut desk, case) = set_up();
    let wait = OpBody::Wait {
        missing: vec!["购机发票".into()],
        promise_date: "2026-12-01".into(),
    };
    let ops = Desk::group(vec![desk.note(case, "说明"), desk.op(case, &wait)]);
    stored_by_an_older_server(&office, &mut desk, ops, &[UNKNOWN, UNKNOWN]);
    office.restart();
    desk.addr = office.addr();
    let page = desk.pull(HERE, 0, 0).json();
    assert!(page.to_string().contains("\"state\":\"waiting\""), "{page}");
}

#[test]
fn a_late_refusal_reaches_its_desk_though_the_case_stays_as_it_is() {
    let (mut office, mut desk, case) = set_up();
    let cursor = desk.pull(HERE, 0, 0).json()["cursor"].as_u64().unwrap();
    let digest = ChainHash::GENESIS;
    let submit = desk.op(case, &OpBody::Submit { digest });
    stored_by_an_older_server(&office, &mut desk, vec![submit], &[UNKNOWN]);
    office.restart();
    desk.addr = office.addr();
    let page = desk.pull(HERE, cursor, 0).json();
    let outcomes = &page["changes"][0]["outcomes"];
    assert_eq!(outcomes[0]["outcome"]["is"], "refused", "{page}");
}

#[test]
fn a_kind_that_is_still_unknown_stays_held_and_is_not_looked_at_on_each_start() {
    let (mut office, mut desk, case) = set_up();
    let strange = Op {
        kind: "moon.phase".into(),
        ..desk.note(case, "")
    };
    let batch = desk.chain(vec![strange]);
    assert_eq!(outcomes(&desk.push(&batch)), [UNKNOWN]);
    office.restart();
    office.restart();
    desk.addr = office.addr();
    assert_eq!(outcomes(&desk.push(&batch)), [UNKNOWN]);
}

#[test]
fn somebody_whose_rights_are_gone_stays_held_for_a_person() {
    let (mut office, mut desk, case) = set_up();
    let other = office.desk(HERE, "clerk");
    let forged = Op {
        actor: other.user,
        ..desk.note(case, "冒名")
    };
    stored_by_an_older_server(&office, &mut desk, vec![forged], &[UNKNOWN]);
    office.restart();
    desk.addr = office.addr();
    assert!(!desk.pull(HERE, 0, 0).text().contains("冒名"));
}
