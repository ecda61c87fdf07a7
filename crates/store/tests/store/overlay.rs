//! The view is the server's snapshot with this desk's pending ops on top.

use crate::house::{Desk, office, server_fold, set_body};
use desk_domain::case::Case;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, OpId};
use desk_domain::op::OpBody;
use desk_domain::outcome::Outcome;
use desk_store::{Acknowledged, OpState, Page, PageChange, Queue, QueueFilter};
use std::collections::BTreeMap;

fn text(case: &Case, field: FieldKey) -> Option<&str> {
    match case.fields.get(&field)?.value.as_ref()? {
        FieldValue::Text(text) => Some(text),
        FieldValue::Flag(_) | FieldValue::Set(_) => None,
    }
}

fn page(case: Case, outcomes: Vec<(OpId, Outcome)>, cursor: u64) -> Page {
    let change = PageChange::Case {
        case: Box::new(case),
        timeline: Vec::new(),
        outcomes,
    };
    Page {
        scope: office(),
        cursor: Some(cursor),
        fill: false,
        changes: vec![change],
    }
}

/// The server's case after the first `ops` ops of this desk.
fn at_server(desk: &Desk, ops: usize) -> Case {
    let rows = desk.store.unsent(0, 100, usize::MAX).unwrap();
    let bytes: Vec<&str> = rows
        .iter()
        .take(ops)
        .map(|row| row.bytes.as_str())
        .collect();
    server_fold(None, &bytes, &desk.agent).unwrap()
}

/// The same case after somebody else wrote a field.
fn other_wrote(desk: &Desk, case: &Case, field: FieldKey, value: &str) -> Case {
    let other = Desk::new();
    let base_rev = case.fields.get(&field).map(|state| state.rev);
    let op = desk_store::NewOp {
        base_rev,
        ..desk.op(case.id, set_body(field, value))
    };
    // Borrow another desk's journal to get exact bytes.
    other.store.put_user(&desk.agent).unwrap();
    let row = other.store.append(&[op], &[]).unwrap().rows.remove(0);
    server_fold(Some(case.clone()), &[&row.bytes], &desk.agent).unwrap()
}

fn acknowledge(desk: &Desk, outcomes: Vec<(OpId, Outcome)>) {
    let rows = desk.store.unsent(0, 100, usize::MAX).unwrap();
    let last = rows.last().unwrap();
    let receipt = Acknowledged {
        first_seq: 1,
        incarnation: last.incarnation,
        seq: last.seq,
        hash: last.hash,
        outcomes,
    };
    desk.store.acknowledge(&receipt).unwrap();
}

fn states(desk: &Desk, case: CaseId) -> Vec<OpState> {
    desk.store
        .case_view(case)
        .unwrap()
        .unwrap()
        .pending
        .iter()
        .map(|op| op.state)
        .collect()
}

#[test]
fn a_pending_op_is_replayed_over_a_new_snapshot() {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.set(case, FieldKey::RequestWords, "机器坏了").unwrap();
    let snapshot = other_wrote(
        &desk,
        &at_server(&desk, 1),
        FieldKey::MerchantName,
        "示例商行",
    );
    desk.store
        .apply_page(&page(snapshot.clone(), vec![], 5))
        .unwrap();
    let view = desk.store.case_view(case).unwrap().unwrap();
    assert_eq!(text(&view.case, FieldKey::RequestWords), Some("机器坏了"));
    assert_eq!(text(&view.case, FieldKey::MerchantName), Some("示例商行"));
    assert_eq!(view.confirmed_rev, Some(snapshot.rev));
    assert!(matches!(
        view.pending.last().unwrap().preview,
        Some(Outcome::Applied { .. })
    ));
}

#[test]
fn an_op_leaves_the_overlay_when_its_revision_is_confirmed_and_not_before() {
    let desk = Desk::new();
    let case = desk.new_case();
    let set = desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    let rows = desk.store.unsent(0, 9, usize::MAX).unwrap();
    acknowledge(
        &desk,
        vec![
            (rows[0].op_id, Outcome::Applied { rev: 1 }),
            (set.rows[0].op_id, Outcome::Applied { rev: 2 }),
        ],
    );
    desk.store
        .apply_page(&page(at_server(&desk, 1), vec![], 1))
        .unwrap();
    assert_eq!(
        states(&desk, case),
        [OpState::Applied],
        "the second op waits for its page"
    );
    assert_eq!(
        text(&desk.case(case), FieldKey::MerchantName),
        Some("示例商行")
    );
    desk.store
        .apply_page(&page(at_server(&desk, 2), vec![], 2))
        .unwrap();
    assert!(states(&desk, case).is_empty());
    assert_eq!(
        text(&desk.case(case), FieldKey::MerchantName),
        Some("示例商行")
    );
    assert_eq!(
        desk.store
            .queue(
                &QueueFilter {
                    queue: Queue::All,
                    mine: None
                },
                None,
                10
            )
            .unwrap()[0]
            .pending,
        0
    );
}

#[test]
fn a_page_that_overtakes_its_receipt_changes_nothing_in_the_end() {
    let desk = Desk::new();
    let case = desk.new_case();
    let set = desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    let rows = desk.store.unsent(0, 9, usize::MAX).unwrap();
    desk.store
        .apply_page(&page(at_server(&desk, 2), vec![], 1))
        .unwrap();
    assert_eq!(
        text(&desk.case(case), FieldKey::MerchantName),
        Some("示例商行")
    );
    acknowledge(
        &desk,
        vec![
            (rows[0].op_id, Outcome::Applied { rev: 1 }),
            (set.rows[0].op_id, Outcome::Applied { rev: 2 }),
        ],
    );
    assert!(states(&desk, case).is_empty());
    assert_eq!(desk.case(case).rev, 2);
}

#[test]
fn an_outcome_that_came_with_the_page_closes_its_op() {
    let desk = Desk::new();
    let case = desk.new_case();
    let row = desk.store.unsent(0, 9, usize::MAX).unwrap().remove(0);
    let outcomes = vec![(row.op_id, Outcome::Applied { rev: 1 })];
    desk.store
        .apply_page(&page(at_server(&desk, 1), outcomes, 1))
        .unwrap();
    assert!(states(&desk, case).is_empty());
}

#[test]
fn a_conflict_surfaces_with_both_values() {
    let desk = Desk::new();
    let case = desk.new_case();
    let mine = desk
        .set(case, FieldKey::MerchantName, "我的商行")
        .unwrap()
        .rows
        .remove(0);
    let snapshot = other_wrote(
        &desk,
        &at_server(&desk, 1),
        FieldKey::MerchantName,
        "别人商行",
    );
    desk.store.apply_page(&page(snapshot, vec![], 1)).unwrap();
    let view = desk.store.case_view(case).unwrap().unwrap();
    assert_eq!(text(&view.case, FieldKey::MerchantName), Some("别人商行"));
    assert!(
        matches!(view.pending.last().unwrap().preview, Some(Outcome::Conflict { id }) if id == mine.op_id)
    );
    let losing = &view.case.conflicts[&mine.op_id];
    assert_eq!(losing.value, Some(FieldValue::Text("我的商行".to_owned())));
    let rows = desk
        .store
        .queue(
            &QueueFilter {
                queue: Queue::All,
                mine: None,
            },
            None,
            10,
        )
        .unwrap();
    assert_eq!(rows[0].conflicts, 1);
}

#[test]
fn a_conflict_stays_listed_until_somebody_chooses() {
    let desk = Desk::new();
    let case = desk.new_case();
    let mine = desk
        .set(case, FieldKey::MerchantName, "我的商行")
        .unwrap()
        .rows
        .remove(0);
    let theirs = other_wrote(
        &desk,
        &at_server(&desk, 1),
        FieldKey::MerchantName,
        "别人商行",
    );
    let both = server_fold(Some(theirs), &[&mine.bytes], &desk.agent).unwrap();
    let first = desk.store.unsent(0, 9, usize::MAX).unwrap().remove(0);
    acknowledge(
        &desk,
        vec![
            (first.op_id, Outcome::Applied { rev: 1 }),
            (mine.op_id, Outcome::Conflict { id: mine.op_id }),
        ],
    );
    assert_eq!(states(&desk, case), [OpState::Applied, OpState::Conflict]);
    assert_eq!(
        text(&desk.case(case), FieldKey::MerchantName),
        Some("我的商行"),
        "until the page comes, as it was"
    );
    desk.store
        .apply_page(&page(both.clone(), vec![], 1))
        .unwrap();
    assert_eq!(states(&desk, case), [OpState::Conflict]);
    assert_eq!(desk.store.outbox().unwrap().conflicts, 1);
    assert_eq!(desk.case(case), both);
    let mut resolved = both;
    resolved.conflicts.clear();
    resolved.rev += 1;
    desk.store.apply_page(&page(resolved, vec![], 2)).unwrap();
    assert!(states(&desk, case).is_empty());
}

#[test]
fn a_refused_op_is_marked_and_not_removed() {
    let desk = Desk::new();
    let case = desk.new_case();
    let set = desk
        .set(case, FieldKey::MerchantName, "示例商行")
        .unwrap()
        .rows
        .remove(0);
    let first = desk.store.unsent(0, 9, usize::MAX).unwrap().remove(0);
    desk.store
        .apply_page(&page(
            at_server(&desk, 1),
            vec![(first.op_id, Outcome::Applied { rev: 1 })],
            1,
        ))
        .unwrap();
    let refused = Outcome::Refused {
        code: "actor.office".to_owned(),
        params: BTreeMap::new(),
    };
    acknowledge(&desk, vec![(set.op_id, refused)]);
    let view = desk.store.case_view(case).unwrap().unwrap();
    assert_eq!(
        view.pending.iter().map(|op| op.state).collect::<Vec<_>>(),
        [OpState::Refused]
    );
    assert_eq!(text(&view.case, FieldKey::MerchantName), None);
    assert_eq!(
        desk.store.unsent(0, 9, usize::MAX).unwrap().len(),
        2,
        "the journal keeps it"
    );
    desk.store.dismiss(set.op_id).unwrap();
    assert!(states(&desk, case).is_empty());
    assert_eq!(desk.store.verify_chain().unwrap().sound, 2);
}

#[test]
fn a_command_that_would_now_fail_says_so_and_stays() {
    let desk = Desk::new();
    let case = desk.new_case();
    let body = OpBody::Wait {
        missing: vec!["发票".to_owned()],
        promise_date: "2026-12-01".to_owned(),
    };
    desk.store.append(&[desk.op(case, body)], &[]).unwrap();
    let mut closed = at_server(&desk, 1);
    closed.state = desk_domain::case::CaseState::Withdrawn;
    closed.rev += 1;
    desk.store.apply_page(&page(closed, vec![], 1)).unwrap();
    let view = desk.store.case_view(case).unwrap().unwrap();
    assert!(matches!(
        view.pending.last().unwrap().preview,
        Some(Outcome::Refused { .. })
    ));
    assert_eq!(desk.store.outbox().unwrap().unsent, 2);
}

#[test]
fn an_old_page_does_not_turn_a_case_back() {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    let (old, new) = (at_server(&desk, 1), at_server(&desk, 2));
    desk.store.apply_page(&page(new, vec![], 2)).unwrap();
    desk.store.apply_page(&page(old, vec![], 3)).unwrap();
    assert_eq!(
        desk.store.case_view(case).unwrap().unwrap().confirmed_rev,
        Some(2)
    );
}

#[test]
fn a_page_and_its_cursor_come_together_or_not_at_all() {
    let desk = Desk::new();
    let case = desk.new_case();
    let good = at_server(&desk, 1);
    let mut other = good.clone();
    other.id = CaseId::new(crate::house::START + 5000, &*desk.chance);
    // A revision beyond what SQLite can hold makes the second change of the page fail.
    other.rev = u64::MAX;
    let mut bad = page(good.clone(), vec![], 7);
    bad.changes.push(PageChange::Case {
        case: Box::new(other),
        timeline: vec![],
        outcomes: vec![],
    });
    assert!(desk.store.apply_page(&bad).is_err());
    assert_eq!(desk.store.cursor(&office()).unwrap(), None);
    assert_eq!(
        desk.store.case_view(case).unwrap().unwrap().confirmed_rev,
        None
    );
    bad.changes.pop();
    desk.store.apply_page(&bad).unwrap();
    assert_eq!(desk.store.cursor(&office()).unwrap(), Some(7));
    assert_eq!(
        desk.store.case_view(case).unwrap().unwrap().confirmed_rev,
        Some(1)
    );
}

#[test]
fn a_reset_scope_leaves_the_journal_and_a_refill_drops_what_is_gone() {
    let desk = Desk::new();
    let kept = desk.new_case();
    let snapshot = at_server(&desk, 1);
    let mut vanished = snapshot.clone();
    vanished.id = CaseId::new(crate::house::START + 5000, &*desk.chance);
    desk.store
        .apply_page(&page(snapshot.clone(), vec![], 3))
        .unwrap();
    desk.store
        .apply_page(&page(vanished.clone(), vec![], 4))
        .unwrap();
    let journal = desk.store.unsent(0, 100, usize::MAX).unwrap();
    desk.store.reset_scope(&office()).unwrap();
    assert_eq!(desk.store.cursor(&office()).unwrap(), None);
    assert!(
        desk.store.case_view(vanished.id).unwrap().is_some(),
        "readable until the refill is complete"
    );
    let last = Page {
        fill: true,
        ..page(snapshot, vec![], 9)
    };
    desk.store.apply_page(&last).unwrap();
    assert!(desk.store.case_view(vanished.id).unwrap().is_none());
    assert!(desk.store.case_view(kept).unwrap().is_some());
    assert_eq!(desk.store.unsent(0, 100, usize::MAX).unwrap(), journal);
    assert_eq!(desk.store.cursor(&office()).unwrap(), Some(9));
}

#[test]
fn losing_access_hides_a_case_but_never_its_unsent_ops() {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.store
        .apply_page(&page(at_server(&desk, 1), vec![], 1))
        .unwrap();
    desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    let gone = Page {
        scope: office(),
        cursor: Some(2),
        fill: false,
        changes: vec![PageChange::CaseGone(case)],
    };
    desk.store.apply_page(&gone).unwrap();
    let all = QueueFilter {
        queue: Queue::All,
        mine: None,
    };
    assert!(desk.store.queue(&all, None, 10).unwrap().is_empty());
    assert!(desk.store.search("示例", None, 10).unwrap().rows.is_empty());
    assert_eq!(desk.store.unsent(0, 100, usize::MAX).unwrap().len(), 2);
    // Access given back: the op is still there, on top.
    desk.store
        .apply_page(&page(at_server(&desk, 1), vec![], 3))
        .unwrap();
    assert_eq!(
        text(&desk.case(case), FieldKey::MerchantName),
        Some("示例商行")
    );
}

#[test]
fn a_restored_server_with_less_is_believed_after_a_reset() {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.set(case, FieldKey::MerchantName, "示例商行").unwrap();
    desk.store
        .apply_page(&page(at_server(&desk, 2), vec![], 9))
        .unwrap();
    desk.store.reset_scope(&office()).unwrap();
    desk.store
        .apply_page(&Page {
            fill: true,
            ..page(at_server(&desk, 1), vec![], 1)
        })
        .unwrap();
    let view = desk.store.case_view(case).unwrap().unwrap();
    assert_eq!(view.confirmed_rev, Some(1));
    assert_eq!(
        text(&view.case, FieldKey::MerchantName),
        Some("示例商行"),
        "the op is pending again"
    );
}

#[test]
fn history_shows_local_lines_until_the_servers_come() {
    let desk = Desk::new();
    let case = desk.new_case();
    let local = desk.store.timeline(case, 10).unwrap();
    assert_eq!(local.len(), 1);
    let mut line = local[0].clone();
    line.params = BTreeMap::from([
        ("to".to_owned(), "draft".to_owned()),
        ("seen".to_owned(), "server".to_owned()),
    ]);
    let change = PageChange::Case {
        case: Box::new(at_server(&desk, 1)),
        timeline: vec![line.clone()],
        outcomes: vec![],
    };
    let page = Page {
        scope: office(),
        cursor: Some(1),
        fill: false,
        changes: vec![change],
    };
    for _ in 0..2 {
        desk.store.apply_page(&page).unwrap();
        assert_eq!(desk.store.timeline(case, 10).unwrap(), [line.clone()]);
    }
}
