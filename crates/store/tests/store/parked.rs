//! An op that the server cannot take stays in sight until a person has dealt with it.

use crate::house::{Desk, START};
use desk_domain::field::FieldKey;
use desk_domain::ids::{Incarnation, OpId};
use desk_domain::outcome::{HeldWhy, Outcome};
use desk_store::{Acknowledged, JournalRow, NewOp, OpState, StoreError};
use std::collections::BTreeMap;

const BODY_MISSING: Outcome = Outcome::Held {
    why: HeldWhy::BodyMissing,
};

fn receipt(row: &JournalRow, outcomes: Vec<(OpId, Outcome)>) -> Acknowledged {
    Acknowledged {
        first_seq: 1,
        incarnation: row.incarnation,
        seq: row.seq,
        hash: row.hash,
        outcomes,
    }
}

/// A case, and two fields said in one action that the server did not take: parked, its stub stored.
fn parked(desk: &Desk) -> Vec<JournalRow> {
    let case = desk.new_case();
    let ops: Vec<NewOp> = [FieldKey::MerchantName, FieldKey::RequestWords]
        .map(|field| desk.set_op(case, field, "示例"))
        .into();
    desk.store.append(&ops, &[]).unwrap();
    let rows = desk.store.unsent(0, 10, usize::MAX).unwrap();
    for row in &rows[1..] {
        desk.store.park(row.op_id, "push.malformed").unwrap();
    }
    let mut outcomes = vec![(rows[0].op_id, Outcome::Applied { rev: 1 })];
    outcomes.extend(rows[1..].iter().map(|row| (row.op_id, BODY_MISSING)));
    desk.store
        .acknowledge(&receipt(&rows[2], outcomes))
        .unwrap();
    rows
}

fn states(desk: &Desk) -> Vec<(OpId, OpState)> {
    let rows = desk.store.outbox_rows(20).unwrap();
    rows.into_iter().map(|row| (row.op_id, row.state)).collect()
}

#[test]
fn a_receipt_for_its_stub_does_not_take_a_parked_op_out_of_sight() {
    let desk = Desk::new();
    let rows = parked(&desk);
    assert_eq!(
        states(&desk),
        [
            (rows[1].op_id, OpState::Parked),
            (rows[2].op_id, OpState::Parked)
        ]
    );
    let listed = desk.store.outbox_rows(20).unwrap();
    assert_eq!(listed[0].reason.as_deref(), Some("push.malformed"));
    assert_eq!(desk.store.outbox().unwrap().parked, 2);
    assert!(desk.store.unsent(3, 10, usize::MAX).unwrap().is_empty());
    let desk = desk.reopened();
    assert_eq!(desk.store.outbox().unwrap().parked, 2);
}

#[test]
fn a_retry_sends_the_whole_action_again_under_its_ids_and_a_verdict_ends_it() {
    let desk = Desk::new();
    let rows = parked(&desk);
    assert_eq!(desk.store.retry_parked(rows[2].op_id).unwrap(), 2);
    let again = desk.store.unsent(3, 10, usize::MAX).unwrap();
    assert_eq!(
        again
            .iter()
            .map(|row| (row.seq, row.op_id, row.parked))
            .collect::<Vec<_>>(),
        [(4, rows[1].op_id, false), (5, rows[2].op_id, false)]
    );
    assert_eq!(desk.store.verify_chain().unwrap().first_bad, None);
    let outbox = desk.store.outbox().unwrap();
    assert_eq!((outbox.parked, outbox.unsent), (0, 2));
    // The stub's verdict, told once more, does not hold up what is on its way.
    desk.store
        .acknowledge(&receipt(&rows[2], vec![(rows[1].op_id, BODY_MISSING)]))
        .unwrap();
    assert_eq!(desk.store.outbox().unwrap().unsent, 2);
    let outcomes = vec![
        (rows[1].op_id, Outcome::Applied { rev: 2 }),
        (rows[2].op_id, Outcome::Applied { rev: 3 }),
    ];
    desk.store
        .acknowledge(&receipt(&again[1], outcomes))
        .unwrap();
    let outbox = desk.store.outbox().unwrap();
    assert_eq!((outbox.parked, outbox.unsent, outbox.held), (0, 0, 0));
}

#[test]
fn an_op_that_is_not_parked_is_neither_retried_nor_dismissed() {
    let desk = Desk::new();
    desk.new_case();
    let row = desk.store.unsent(0, 10, usize::MAX).unwrap().remove(0);
    assert_eq!(desk.store.retry_parked(row.op_id).unwrap(), 0);
    let by = desk.agent.user;
    assert_eq!(
        desk.store
            .dismiss_parked(row.op_id, by, START, "x")
            .unwrap(),
        0
    );
    assert_eq!(desk.store.outbox().unwrap().unsent, 1);
    assert_eq!(desk.store.heads().unwrap()[0].seq, 1);
    let stranger = OpId::new(START, &*desk.chance);
    assert!(matches!(
        desk.store.retry_parked(stranger),
        Err(StoreError::UnknownOp(_))
    ));
}

#[test]
fn a_dismissed_op_leaves_the_list_and_the_view_but_not_the_journal() {
    let desk = Desk::new();
    let rows = parked(&desk);
    let case = desk_domain::op::Op::parse(&rows[1].bytes).unwrap().case;
    assert!(desk.case(case).fields.contains_key(&FieldKey::MerchantName));
    let by = desk.agent.user;
    assert_eq!(
        desk.store
            .dismiss_parked(rows[1].op_id, by, START, "客户另行登记")
            .unwrap(),
        2
    );
    assert!(!desk.case(case).fields.contains_key(&FieldKey::MerchantName));
    assert_eq!(desk.store.outbox().unwrap().parked, 0);
    assert_eq!(desk.store.verify_chain().unwrap().sound, 3);
    assert_eq!(desk.store.retry_parked(rows[1].op_id).unwrap(), 0);
}

#[test]
fn a_new_life_takes_along_what_the_server_has_no_word_of_and_leaves_the_known_stubs() {
    let desk = Desk::new();
    let rows = parked(&desk);
    let case = desk_domain::op::Op::parse(&rows[1].bytes).unwrap().case;
    let queued = desk
        .set(case, FieldKey::CallerName, "样例")
        .unwrap()
        .rows
        .remove(0);
    let late = desk
        .set(case, FieldKey::ReasonText, "样例")
        .unwrap()
        .rows
        .remove(0);
    desk.store.park(late.op_id, "push.malformed").unwrap();
    let fresh = Incarnation::new(START, &*desk.chance);
    assert_eq!(desk.store.begin_incarnation(fresh).unwrap(), 2);
    let moved = desk.store.unsent(0, 10, usize::MAX).unwrap();
    assert_eq!(
        moved
            .iter()
            .map(|row| (row.op_id, row.parked))
            .collect::<Vec<_>>(),
        [(queued.op_id, false), (late.op_id, true)]
    );
    assert_eq!(desk.store.outbox().unwrap().parked, 3);
    // The old stubs can still be retried, at the end of the new chain.
    assert_eq!(desk.store.retry_parked(rows[1].op_id).unwrap(), 2);
    assert_eq!(desk.store.unsent(2, 10, usize::MAX).unwrap().len(), 2);
    assert_eq!(desk.store.verify_chain().unwrap().first_bad, None);
}

#[test]
fn an_alert_is_told_until_somebody_has_seen_it_and_never_twice_at_once() {
    let desk = Desk::new();
    let heard = desk.store.subscribe();
    let params = BTreeMap::from([("kept".to_owned(), "3".to_owned())]);
    desk.store
        .raise_alert("desk.recovered", START, &params)
        .unwrap();
    desk.store
        .raise_alert("desk.recovered", START + 5, &params)
        .unwrap();
    desk.store
        .raise_alert("clock.skew", START, &BTreeMap::new())
        .unwrap();
    assert!(heard.try_iter().all(|touched| touched.alerts));
    let desk = desk.reopened();
    let alerts = desk.store.alerts().unwrap();
    assert_eq!(
        alerts
            .iter()
            .map(|alert| (alert.code.as_str(), alert.at))
            .collect::<Vec<_>>(),
        [("clock.skew", START), ("desk.recovered", START + 5)]
    );
    assert_eq!(alerts[1].params, params);
    desk.store.dismiss_alert(alerts[1].id).unwrap();
    desk.store.settle_alert("clock.skew").unwrap();
    desk.store.settle_alert("clock.skew").unwrap();
    assert!(desk.store.alerts().unwrap().is_empty());
    desk.store
        .raise_alert("desk.recovered", START + 9, &params)
        .unwrap();
    assert_eq!(desk.store.alerts().unwrap().len(), 1, "it happened again");
}

#[test]
fn a_long_backlog_is_hung_on_a_new_chain_in_pieces_that_divide_no_action() {
    let desk = Desk::new();
    let case = desk.new_case();
    let fields = [
        FieldKey::RequestWords,
        FieldKey::ReasonText,
        FieldKey::UnsettledNote,
    ];
    for round in 0..3 {
        let note = |i: usize| {
            desk.op(
                case,
                crate::house::set_body(fields[i % 3], &format!("{round}-{i}")),
            )
        };
        let ops: Vec<NewOp> = (0..390).map(note).collect();
        desk.store.append(&ops, &[]).unwrap();
    }
    let before = desk.store.unsent(0, 5_000, usize::MAX).unwrap();
    let fresh = Incarnation::new(START, &*desk.chance);
    assert_eq!(desk.store.begin_incarnation(fresh).unwrap(), 1_171);
    let after = desk.store.unsent(0, 5_000, usize::MAX).unwrap();
    let ids = |rows: &[JournalRow]| rows.iter().map(|row| row.op_id).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    let lens = after
        .iter()
        .map(|row| desk_domain::op::Op::parse(&row.bytes).unwrap().group.len);
    let whole: std::collections::BTreeSet<u16> = lens.collect();
    assert_eq!(whole, [1, 390].into());
    assert_eq!(desk.store.verify_chain().unwrap().first_bad, None);
}
