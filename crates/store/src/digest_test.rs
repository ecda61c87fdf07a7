//! Digests follow the rows, whoever writes them, and a repair makes the desk what the server is.

use crate::digest::{DigestStand, Repair, ScopeDigest};
use crate::house::{Desk, START, office, server_fold};
use crate::{Page, PageChange, Repaired, StoreError};
use desk_domain::case::Case;
use desk_domain::digest::{Sum, Sums, bucket_of};
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;

/// A desk whose server has confirmed `count` cases and stands at 10.
fn filled(count: usize) -> (Desk, Vec<Case>) {
    let desk = Desk::new();
    let mut cases = Vec::new();
    for _ in 0..count {
        let id = CaseId::new(desk.now(), &*desk.chance);
        let appended = desk.store.append(&[desk.create_op(id)], &[]).unwrap();
        let bytes = appended.rows[0].bytes.clone();
        cases.push(server_fold(None, &[&bytes], &desk.agent).unwrap());
    }
    desk.store.apply_page(&page(&cases, true)).unwrap();
    (desk, cases)
}

fn page(cases: &[Case], fill: bool) -> Page {
    Page {
        scope: office(),
        cursor: Some(10),
        fill,
        changes: cases.iter().map(change).collect(),
    }
}

fn change(case: &Case) -> PageChange {
    PageChange::Case {
        case: Box::new(case.clone()),
        timeline: Vec::new(),
        outcomes: Vec::new(),
    }
}

fn sums(cases: &[Case]) -> Sums {
    let mut sums = Sums::default();
    for case in cases {
        sums.add(bucket_of(case.id), Sum::of(case).unwrap());
    }
    sums
}

fn stand(desk: &Desk) -> ScopeDigest {
    for _ in 0..20 {
        match desk.store.scope_digest(&office()).unwrap() {
            DigestStand::Working => {}
            DigestStand::Ready(digest) => return digest,
            DigestStand::Unfilled => panic!("filled"),
        }
    }
    panic!("it never came to an end")
}

fn repair(buckets: &[u8], cases: &[Case]) -> Repair {
    Repair {
        scope: office(),
        position: 10,
        buckets: buckets.to_vec(),
        after: None,
        until: None,
        changes: cases.iter().map(change).collect(),
        at: START,
    }
}

fn spoil(desk: &Desk, sql: &str, case: &Case) {
    desk.store
        .write(|tx, _| {
            let id = case.id.uuid().into_bytes();
            tx.execute(sql, [id])?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
}
const OTHER_STATE: &str = "UPDATE case_body SET confirmed = replace(confirmed, '\"state\":\"draft\"', '\"state\":\"closed\"')
                           WHERE n = (SELECT n FROM case_row WHERE id = ?1)";
const NOT_JSON: &str =
    "UPDATE case_body SET confirmed = '?' WHERE n = (SELECT n FROM case_row WHERE id = ?1)";

#[test]
fn a_scope_that_is_not_filled_has_nothing_to_compare() {
    let desk = Desk::new();
    assert_eq!(
        desk.store.scope_digest(&office()).unwrap(),
        DigestStand::Unfilled
    );
}

#[test]
fn the_sums_are_those_of_the_confirmed_cases_and_not_of_what_is_pending() {
    let (desk, cases) = filled(5);
    let digest = stand(&desk);
    assert_eq!((digest.cursor, &digest.sums), (10, &sums(&cases)));
    desk.set(cases[0].id, FieldKey::MerchantName, "示例商户")
        .unwrap();
    desk.new_case();
    assert_eq!(stand(&desk).sums, sums(&cases));
}

#[test]
fn a_case_that_changes_or_goes_changes_its_bucket_alone() {
    let (desk, mut cases) = filled(3);
    stand(&desk);
    cases[1].rev += 1;
    cases[1].reason = Some("改过".to_owned());
    desk.store.apply_page(&page(&cases[1..2], false)).unwrap();
    assert_eq!(stand(&desk).sums, sums(&cases));
    let mut gone = page(&[], false);
    gone.changes.push(PageChange::CaseGone(cases[0].id));
    desk.store.apply_page(&gone).unwrap();
    assert_eq!(stand(&desk).sums, sums(&cases[1..]));
}

#[test]
fn more_than_a_portion_is_taken_in_several_calls() {
    let (desk, cases) = filled(1);
    let many: Vec<Case> = (0..600)
        .map(|_| Case {
            id: CaseId::new(desk.now(), &*desk.chance),
            ..cases[0].clone()
        })
        .collect();
    desk.store.apply_page(&page(&many, false)).unwrap();
    assert_eq!(
        desk.store.scope_digest(&office()).unwrap(),
        DigestStand::Working
    );
    assert_eq!(stand(&desk).sums, sums(&[many, cases].concat()));
}

#[test]
fn a_row_written_past_the_door_is_found_and_mended() {
    let (desk, cases) = filled(4);
    stand(&desk);
    for sql in [OTHER_STATE, NOT_JSON] {
        spoil(&desk, sql, &cases[2]);
        let found = stand(&desk).sums;
        let bucket = bucket_of(cases[2].id);
        assert_eq!(sums(&cases).differing(&found.hashes()), [bucket]);
        let of_bucket: Vec<Case> = cases
            .iter()
            .filter(|case| bucket_of(case.id) == bucket)
            .cloned()
            .collect();
        let repaired = desk.store.apply_repair(&repair(&[bucket], &of_bucket));
        assert_eq!(
            repaired.unwrap(),
            Repaired {
                cases: 1,
                outdated: false
            }
        );
        assert_eq!(stand(&desk).sums, sums(&cases));
        assert_eq!(desk.case(cases[2].id), cases[2]);
    }
    let told = desk.store.alerts().unwrap();
    assert_eq!(
        (
            told.len(),
            told[0].code.as_str(),
            told[0].params["cases"].as_str()
        ),
        (1, "digest.repaired", "1")
    );
}

#[test]
fn a_case_that_the_server_does_not_have_is_hidden_and_one_that_is_missing_comes() {
    let (desk, cases) = filled(3);
    // As in life: a repair follows a look at one's own sums.
    stand(&desk);
    let all: Vec<u8> = (0..=255).collect();
    spoil(&desk, "DELETE FROM case_row WHERE id = ?1", &cases[0]);
    let known = [cases[0].clone(), cases[1].clone()];
    let repaired = desk.store.apply_repair(&repair(&all, &known)).unwrap();
    assert_eq!(repaired.cases, 2);
    assert_eq!(stand(&desk).sums, sums(&known));
}

#[test]
fn only_what_the_server_has_gone_through_is_touched() {
    let (desk, cases) = filled(6);
    stand(&desk);
    let mut order: Vec<Case> = cases.clone();
    order.sort_by_key(|case| (bucket_of(case.id), case.id));
    let place = |at: usize| (bucket_of(order[at].id), order[at].id);
    let all: Vec<u8> = (0..=255).collect();
    let middle = Repair {
        after: Some(place(1)),
        until: Some(place(3)),
        ..repair(&all, &order[2..3])
    };
    assert_eq!(desk.store.apply_repair(&middle).unwrap().cases, 1);
    let left: Vec<Case> = [&order[..3], &order[4..]].concat();
    assert_eq!(stand(&desk).sums, sums(&left));
}

#[test]
fn an_answer_from_before_the_cursor_changes_nothing() {
    let (desk, cases) = filled(2);
    spoil(&desk, OTHER_STATE, &cases[0]);
    let late = Repair {
        position: 9,
        ..repair(&[bucket_of(cases[0].id)], &cases)
    };
    let repaired = desk.store.apply_repair(&late).unwrap();
    assert_eq!((repaired.cases, repaired.outdated), (0, true));
}

#[test]
fn what_waits_on_a_mended_case_is_replayed_over_it() {
    let (desk, cases) = filled(1);
    desk.set(cases[0].id, FieldKey::MerchantName, "示例商户")
        .unwrap();
    spoil(&desk, OTHER_STATE, &cases[0]);
    let bucket = bucket_of(cases[0].id);
    desk.store.apply_repair(&repair(&[bucket], &cases)).unwrap();
    let view = desk.store.case_view(cases[0].id).unwrap().unwrap();
    assert_eq!(view.case.text(FieldKey::MerchantName), "示例商户");
    assert_eq!(desk.store.outbox().unwrap().unsent, 2);
}
