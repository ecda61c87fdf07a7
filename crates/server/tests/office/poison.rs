//! One op that the database or a stored row cannot bear must not stop its neighbours.

use crate::support::shared::is_shared;
use crate::support::{Desk, HERE, TestOffice, applied, office, outcomes};
use desk_domain::ids::CaseId;
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_server::repo::journal;

/// From now on the database refuses every case with this word in it.
fn refuse(office: &TestOffice, word: &str) {
    let fault = |event: &str| {
        format!(
            "CREATE TRIGGER poison_{event} BEFORE {event} ON case_file WHEN NEW.snapshot LIKE '%{word}%' \
             BEGIN SELECT RAISE(ABORT, 'poison'); END;"
        )
    };
    let sql = if is_shared() {
        format!(
            "RESET ROLE; ALTER TABLE case_file ADD CONSTRAINT poison CHECK (snapshot NOT LIKE '%{word}%') NOT VALID"
        )
    } else {
        fault("insert") + &fault("update")
    };
    office
        .house()
        .repo
        .write_blocking(move |conn| Ok(conn.execute_batch(&sql)?))
        .unwrap();
}

const INTERNAL: Outcome = Outcome::Held {
    why: HeldWhy::Internal,
};

fn new_case(desk: &mut Desk) -> CaseId {
    let (case, create) = desk.new_case();
    assert!(applied(&desk.write(vec![create])[0]));
    case
}

#[test]
fn an_op_that_the_database_refuses_is_held_and_its_neighbours_go_on() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (one, two) = (new_case(&mut desk), new_case(&mut desk));
    refuse(&office, "毒");
    let ops = vec![
        desk.note(one, "之前"),
        desk.note(one, "有毒"),
        desk.note(one, "之后"),
        desk.note(two, "另一案"),
    ];
    let batch = desk.chain(ops);
    let first = outcomes(&desk.push(&batch));
    assert_eq!(first[1], INTERNAL);
    assert!(
        applied(&first[0]) && applied(&first[2]) && applied(&first[3]),
        "{first:?}"
    );
    assert_eq!(outcomes(&desk.push(&batch)), first, "stored for ever");
    let page = desk.pull(HERE, 0, 0).text();
    assert!(page.contains("之前") && page.contains("之后") && page.contains("另一案"));
    assert!(!page.contains("有毒"));
    let counted = office.house().repo.read_blocking(journal::count).unwrap();
    assert_eq!(counted, (6, 6));
}

#[test]
fn a_poisoned_op_makes_the_commands_of_its_action_wait() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let case = new_case(&mut desk);
    refuse(&office, "毒");
    let wait = desk_domain::op::OpBody::Wait {
        missing: vec!["购机发票".into()],
        promise_date: "2026-12-01".into(),
    };
    let ops = vec![
        desk.note(case, "照记"),
        desk.note(case, "有毒"),
        desk.op(case, &wait),
    ];
    let outcomes = desk.write(Desk::group(ops));
    assert!(applied(&outcomes[0]));
    assert_eq!(outcomes[1..], [INTERNAL, INTERNAL]);
}

#[test]
fn a_case_that_cannot_be_read_any_more_holds_its_own_ops_only() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (broken, sound) = (new_case(&mut desk), new_case(&mut desk));
    let id = broken.to_string();
    office
        .house()
        .repo
        .write_blocking(move |conn| {
            Ok(conn.execute(
                "UPDATE case_file SET snapshot = '?' WHERE id = ?1",
                [id.as_str()],
            )?)
        })
        .unwrap();
    let ops = vec![desk.note(broken, "甲"), desk.note(sound, "乙")];
    let outcomes = desk.write(ops);
    assert_eq!(outcomes[0], INTERNAL);
    assert!(applied(&outcomes[1]));
}

#[test]
fn what_was_held_for_a_fault_is_judged_when_a_newer_server_starts() {
    let mut office = office();
    let mut desk = office.desk(HERE, "agent");
    let case = new_case(&mut desk);
    refuse(&office, "毒");
    let note = desk.note(case, "有毒");
    let batch = desk.chain(vec![note]);
    assert_eq!(outcomes(&desk.push(&batch)), [INTERNAL]);
    office
        .house()
        .repo
        .write_blocking(|conn| {
            conn.execute_batch(if is_shared() {
                "RESET ROLE; ALTER TABLE case_file DROP CONSTRAINT poison"
            } else {
                "DROP TRIGGER poison_insert; DROP TRIGGER poison_update"
            })?;
            conn.execute_batch("DELETE FROM meta WHERE key = 'held_looked_through_by'")?;
            Ok(())
        })
        .unwrap();
    office.restart();
    desk.addr = office.addr();
    assert!(applied(&outcomes(&desk.push(&batch))[0]));
    assert!(desk.pull(HERE, 0, 0).text().contains("有毒"));
}
