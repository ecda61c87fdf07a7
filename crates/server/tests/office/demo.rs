use crate::support::{Desk, TestOffice, outcomes};
use desk_domain::case::CaseState;
use desk_domain::ids::OfficeCode;
use desk_server::demo;
use desk_server::repo::{cases, feed};
use std::collections::BTreeSet;

#[test]
fn the_demo_holds_cases_in_every_state_whose_documents_a_desk_can_read() {
    let office = TestOffice::demo(20);
    let house = office.house();
    let states = house.repo.read_blocking(cases::count_by_state).unwrap();
    let found: BTreeSet<&str> = states.iter().map(|(state, _)| state.as_str()).collect();
    let all: BTreeSet<&str> = CaseState::ALL.iter().map(|state| state.as_str()).collect();
    assert_eq!(found, all);
    assert_eq!(states.iter().map(|(_, count)| count).sum::<u64>(), 20);
    let mut desk = Desk::new(&office);
    assert_eq!(desk.enrol(&office.code("HQ000")).status, 200);
    assert_eq!(
        desk.sign_in("reviewer1", &demo::password("reviewer1"))
            .status,
        200
    );
    let page = desk.get("/v1/sync/snapshot?scope=HZ001").json();
    let (mut cases, mut documents) = (0, 0);
    for change in page["changes"].as_array().unwrap() {
        cases += 1;
        for (id, document) in change["case"]["documents"].as_object().unwrap() {
            let got = desk.get(&format!("/v1/documents/{id}"));
            assert_eq!(got.status, 200);
            let manifest = serde_json::to_value(crate::support::manifest(&got.body)).unwrap();
            assert_eq!(manifest["sha256"], document["manifest"]["sha256"]);
            documents += 1;
        }
    }
    assert!(
        cases == 20 && documents > 40,
        "{cases} cases, {documents} documents"
    );
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    assert_eq!(outcomes(&desk.push(&batch)).len(), 1);
    let top = house
        .repo
        .read_blocking(|conn| feed::position(conn, &OfficeCode::parse("HZ001").unwrap()))
        .unwrap();
    assert!(top.unwrap() > 200);
}

#[test]
fn a_demo_never_lands_on_somebodys_cases() {
    let office = TestOffice::demo(1);
    let again = demo::fill(&office.config, 1, 1);
    assert!(again.unwrap_err().to_string().contains("choose a new one"));
}
