//! Queues: every row once, whatever happens meanwhile.

use crate::house::{Desk, card};
use desk_domain::case::CaseState;
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::op::OpBody;
use desk_domain::people::Role;
use desk_store::{CaseRow, Key, NewOp, Queue, QueueFilter};
use std::collections::BTreeSet;

const ALL: QueueFilter = QueueFilter {
    queue: Queue::All,
    mine: None,
};

fn of(queue: Queue) -> QueueFilter {
    QueueFilter { queue, mine: None }
}

fn page(desk: &Desk, filter: QueueFilter, after: Option<Key>, most: usize) -> Vec<CaseRow> {
    desk.store.queue(&filter, after, most).unwrap()
}

fn ids(rows: &[CaseRow]) -> Vec<CaseId> {
    rows.iter().map(|row| row.id).collect()
}

#[test]
fn paging_sees_each_row_once_while_rows_are_being_added() {
    let desk = Desk::new();
    let before: Vec<CaseId> = (0..25).map(|_| desk.new_case()).collect();
    for filter in [
        ALL,
        of(Queue::Drafts),
        of(Queue::Team),
        QueueFilter {
            queue: Queue::All,
            mine: Some(desk.agent.user),
        },
    ] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let rows = page(&desk, filter, after, 4);
            let Some(last) = rows.last() else { break };
            after = Some(last.key);
            seen.extend(ids(&rows));
            desk.new_case();
        }
        let unique: BTreeSet<CaseId> = seen.iter().copied().collect();
        assert_eq!(unique.len(), seen.len(), "a row twice");
        assert!(
            before.iter().all(|case| unique.contains(case)),
            "a row missed"
        );
    }
}

#[test]
fn the_last_touched_case_is_on_top() {
    let desk = Desk::new();
    let cases: Vec<CaseId> = (0..3).map(|_| desk.new_case()).collect();
    assert_eq!(
        ids(&page(&desk, ALL, None, 10)),
        [cases[2], cases[1], cases[0]]
    );
    desk.set(cases[0], FieldKey::MerchantName, "示例商行")
        .unwrap();
    let rows = page(&desk, ALL, None, 10);
    assert_eq!(ids(&rows), [cases[0], cases[2], cases[1]]);
    assert_eq!(rows[0].merchant_name.as_deref(), Some("示例商行"));
    assert_eq!((rows[0].pending, rows[0].state), (2, CaseState::Draft));
}

#[test]
fn a_queue_holds_its_states_and_no_others() {
    let desk = Desk::new();
    let draft = desk.new_case();
    let waiting = desk.new_case();
    let body = OpBody::Wait {
        missing: vec!["发票".to_owned()],
        promise_date: "2026-12-01".to_owned(),
    };
    desk.store.append(&[desk.op(waiting, body)], &[]).unwrap();
    assert_eq!(ids(&page(&desk, of(Queue::Drafts), None, 10)), [draft]);
    assert_eq!(ids(&page(&desk, of(Queue::Waiting), None, 10)), [waiting]);
    assert_eq!(
        ids(&page(&desk, of(Queue::State(CaseState::Waiting)), None, 10)),
        [waiting]
    );
    assert_eq!(
        ids(&page(&desk, of(Queue::Team), None, 10)),
        [waiting, draft]
    );
    for queue in [
        Queue::Returned,
        Queue::Review,
        Queue::Execute,
        Queue::Tell,
        Queue::OnHold,
    ] {
        assert!(page(&desk, of(queue), None, 10).is_empty(), "{queue:?}");
    }
}

#[test]
fn mine_is_what_i_opened() {
    let desk = Desk::new();
    let mine = desk.new_case();
    let other = card("other", Role::Agent, &*desk.chance);
    desk.store.put_user(&other).unwrap();
    let theirs = CaseId::new(desk.now(), &*desk.chance);
    desk.store
        .append(
            &[NewOp {
                actor: other.user,
                ..desk.create_op(theirs)
            }],
            &[],
        )
        .unwrap();
    let filter = |queue, user| QueueFilter {
        queue,
        mine: Some(user),
    };
    for queue in [Queue::All, Queue::Drafts, Queue::Team] {
        assert_eq!(
            ids(&page(&desk, filter(queue, desk.agent.user), None, 10)),
            [mine]
        );
        assert_eq!(
            ids(&page(&desk, filter(queue, other.user), None, 10)),
            [theirs]
        );
    }
}

#[test]
fn due_work_comes_most_urgent_first_and_pages_without_a_gap() {
    let desk = Desk::new();
    let cases: Vec<CaseId> = (0..9).map(|_| desk.new_case()).collect();
    desk.set(cases[0], FieldKey::MerchantName, "示例商行")
        .unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let rows = page(&desk, of(Queue::DueSoon), after, 4);
        let Some(last) = rows.last() else { break };
        after = Some(last.key);
        seen.extend(ids(&rows));
    }
    assert_eq!(
        seen, cases,
        "a clock started first ends first; touching a case does not stop its clock"
    );
}

#[test]
fn a_page_and_a_count_are_bounded() {
    let desk = Desk::new();
    for _ in 0..60 {
        desk.new_case();
    }
    assert_eq!(page(&desk, ALL, None, 1_000_000).len(), 50);
    for filter in [
        ALL,
        of(Queue::Drafts),
        of(Queue::DueSoon),
        QueueFilter {
            queue: Queue::All,
            mine: Some(desk.agent.user),
        },
    ] {
        assert_eq!(desk.store.queue_count(&filter).unwrap(), 60);
    }
}
