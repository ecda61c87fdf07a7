//! A terminal that trades after its unbind is told on the case that unbound it, once.

use crate::support::TestOffice;
use crate::support::demo::{load, matched_in, sit};
use crate::support::register::HEAD;
use desk_domain::case::{Case, CaseState};
use desk_domain::field::FieldKey;
use desk_domain::ids::OfficeCode;
use desk_domain::registry::MerchantRecord;
use desk_domain::risk::TRADED_AFTER_UNBIND;
use desk_domain::time::Millis;
use desk_server::registry::{ImportOptions, Mode, Registry};
use desk_server::repo::register;

const DAY: Millis = 86_400_000;
const SHANGHAI: Millis = 28_800_000;

fn day(at: Millis) -> String {
    let there = chrono::DateTime::from_timestamp_millis(at + SHANGHAI).unwrap();
    there.format("%Y-%m-%d").to_string()
}

fn record(office: &TestOffice, case: &Case) -> MerchantRecord {
    let (code, number) = (
        case.office.clone(),
        case.text(FieldKey::MerchantNo).to_owned(),
    );
    let read = move |conn: &_| register::by_number(conn, &code, &number);
    office.house().repo.read_blocking(read).unwrap().unwrap()
}

/// The register comes in once more: the case's terminal was bound on one day and traded last on another.
fn import(office: &TestOffice, case: &Case, bound: &str, traded: &str) {
    let merchant = record(office, case);
    let text = format!(
        "{HEAD},最近交易日期\r\n{},{},{},{},{},{},,示例 P-100,智能POS,{bound},{traded}\r\n",
        merchant.merchant_no,
        merchant.name,
        merchant.legal_name,
        crate::support::register::identity(),
        merchant.phone,
        case.text(FieldKey::TerminalSerial),
    );
    let options = ImportOptions {
        file: office.put_file("register.csv", text),
        office: OfficeCode::parse(case.office.as_str()),
        sheet: None,
        mode: Mode::AllOrNothing,
        errors: None,
        run_by: "tester".into(),
    };
    let house = office.house();
    let registry = Registry::open(&house, office.dir.path()).unwrap();
    let (run, _) = registry.import(&options, &mut |_| Ok(())).unwrap();
    assert!(run.is_some());
}

fn notes(case: &Case) -> usize {
    case.notes.len()
}

#[test]
fn a_trade_after_the_unbind_is_told_once_and_earlier_or_rebound_ones_are_not() {
    let office = TestOffice::demo(24);
    let case = matched_in(&office, CaseState::Unbound);
    let unbound_at = case.moments.unbound_at.unwrap();
    let (long_ago, before) = (day(unbound_at - 90 * DAY), day(unbound_at - DAY));
    let (after, later) = (day(unbound_at + 2 * DAY), day(unbound_at + 3 * DAY));
    office.clock.advance(5 * DAY);

    import(&office, &case, &long_ago, &before);
    // Bound to the merchant anew: it trades by right.
    import(&office, &case, &day(unbound_at + DAY), &after);
    let quiet = load(&office, case.id);
    assert!(!quiet.is_ghost());
    assert_eq!(notes(&quiet), notes(&case));

    import(&office, &case, &long_ago, &after);
    let told = load(&office, case.id);
    assert!(told.is_ghost());
    assert_eq!(told.risk.points, case.risk.points + 50);
    assert_eq!(notes(&told), notes(&case) + 1);
    assert_eq!(
        told.state,
        CaseState::Unbound,
        "nothing is decided by a machine"
    );

    import(&office, &case, &long_ago, &later);
    assert_eq!(notes(&load(&office, case.id)), notes(&told), "told once");

    // The desks of the office hear of it, in words and without the whole serial.
    let page = sit(&office, "agent1")
        .get("/v1/sync/snapshot?scope=HZ001&limit=500")
        .text();
    assert!(page.contains(TRADED_AFTER_UNBIND));
    let serial = case.text(FieldKey::TerminalSerial);
    let tail: String = serial.chars().skip(serial.chars().count() - 4).collect();
    assert!(page.contains(&format!("终端（尾号 {tail}）解绑后仍有交易")));
}
