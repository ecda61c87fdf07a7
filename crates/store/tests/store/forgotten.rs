//! A server that was restored may have lost ops of a life that this desk has left.

use crate::house::{Desk, START, office};
use desk_domain::field::FieldKey;
use desk_domain::ids::{Incarnation, OpId};
use desk_domain::op::Op;
use desk_domain::outcome::Outcome;
use desk_store::{Acknowledged, JournalRow, Page, PageChange};

fn acknowledge(desk: &Desk, row: &JournalRow) {
    desk.store
        .acknowledge(&Acknowledged {
            first_seq: 1,
            incarnation: row.incarnation,
            seq: row.seq,
            hash: row.hash,
            outcomes: Vec::new(),
        })
        .unwrap();
}

fn ids(rows: &[JournalRow]) -> Vec<OpId> {
    rows.iter().map(|row| row.op_id).collect()
}

/// Three ops acknowledged under the first life, one written under the second.
fn two_lives() -> (Desk, Vec<JournalRow>) {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    desk.set(case, FieldKey::CallerName, "样例乙").unwrap();
    let old = desk.store.unsent(0, 100, usize::MAX).unwrap();
    acknowledge(&desk, &old[2]);
    desk.store
        .begin_incarnation(Incarnation::new(START, &*desk.chance))
        .unwrap();
    desk.set(case, FieldKey::RequestWords, "机器坏了").unwrap();
    (desk, old)
}

#[test]
fn ops_of_an_earlier_life_that_the_server_has_lost_go_out_again_behind_the_present_ones() {
    let (desk, old) = two_lives();
    let life = old[0].incarnation;
    assert_eq!(desk.store.bring_forward(life, 1).unwrap(), 2);
    let unsent = desk.store.unsent(0, 100, usize::MAX).unwrap();
    assert_eq!(unsent.len(), 3);
    assert_eq!(ids(&unsent)[1..], ids(&old)[1..], "the same ops");
    assert_eq!(desk.store.outbox().unwrap().unsent, 3);
    assert_eq!(desk.store.verify_chain().unwrap().first_bad, None);
    let last = Op::parse(&unsent[2].bytes).unwrap();
    assert_eq!((last.seq, last.prev_hash), (3, unsent[1].hash));
    // Once is enough, and after a receipt they are where they belong.
    assert_eq!(desk.store.bring_forward(life, 1).unwrap(), 0);
    acknowledge(&desk, &unsent[2]);
    assert_eq!(desk.store.outbox().unwrap().unsent, 0);
}

#[test]
fn a_server_that_has_everything_of_an_earlier_life_gets_nothing_twice() {
    let (desk, old) = two_lives();
    assert_eq!(desk.store.bring_forward(old[0].incarnation, 3).unwrap(), 0);
    assert_eq!(desk.store.unsent(0, 100, usize::MAX).unwrap().len(), 1);
}

#[test]
fn the_present_life_and_an_unknown_one_are_left_alone() {
    let (desk, _) = two_lives();
    let present = desk.store.identity().unwrap().unwrap().incarnation;
    let strange = Incarnation::new(START, &*desk.chance);
    assert_eq!(desk.store.bring_forward(present, 0).unwrap(), 0);
    assert_eq!(desk.store.bring_forward(strange, 0).unwrap(), 0);
}

#[test]
fn an_op_whose_verdict_came_by_feed_before_any_receipt_is_brought_forward_too() {
    let desk = Desk::new();
    let case = desk.new_case();
    let row = desk.store.unsent(0, 10, usize::MAX).unwrap().remove(0);
    let told = PageChange::Outcomes(vec![(row.op_id, Outcome::Applied { rev: 1 })]);
    let page = Page {
        scope: office(),
        cursor: Some(1),
        fill: false,
        changes: vec![told],
    };
    desk.store.apply_page(&page).unwrap();
    desk.store
        .begin_incarnation(Incarnation::new(START, &*desk.chance))
        .unwrap();
    assert_eq!(desk.store.unsent(0, 10, usize::MAX).unwrap().len(), 0);
    assert_eq!(desk.store.bring_forward(row.incarnation, 0).unwrap(), 1);
    let again = desk.store.unsent(0, 10, usize::MAX).unwrap();
    assert_eq!(again[0].op_id, row.op_id);
    assert!(desk.store.case_view(case).unwrap().is_some());
}
