//! A call-back with a call id counts as one only when the office's telephone system reported that call.

use crate::support::calls::{form, line};
use crate::support::register::{number, row};
use crate::support::{Desk, HERE, THERE, TestOffice, applied, eventually, office};
use desk_domain::case::{Case, EvidenceKind};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, OfficeCode};
use desk_domain::op::{Op, OpBody};
use desk_domain::time::Clock;
use desk_server::repo::cases;
use desk_server::repo::sql::Connection;

/// The number of record of merchant 1, and that of merchant 2.
const REGISTERED: &str = "13000000001";
const OTHER: &str = "13000000002";
const DAY: i64 = 86_400_000;

/// An office that knows two merchants.
fn with_register() -> TestOffice {
    let office = office();
    let done = office.import_rows("register.csv", &[row(1, 1), row(2, 2)]);
    assert!(done.result.is_ok());
    office
}

/// One event of a call out of the house.
fn out(office: &TestOffice, path: &str, event: &str, id: &str, to: &str) {
    let body = format!("event={event}&direction=out&callId={id}&from=95000&to={to}&user[]=agent");
    let reply = form(office, path, &body);
    assert_eq!((reply.status, reply.text().as_str()), (200, "{}"));
}

/// A call that was answered and has ended.
fn talked(office: &TestOffice, path: &str, id: &str, to: &str) {
    for event in ["newCall", "answer", "hangup"] {
        out(office, path, event, id, to);
    }
}

/// A case of merchant 1.
fn case_of(desk: &mut Desk) -> CaseId {
    let (case, create) = desk.new_case();
    let merchant = desk.set(case, FieldKey::MerchantNo, &number(1), None);
    let outcomes = desk.write(vec![create, merchant]);
    assert!(outcomes.iter().all(applied), "{outcomes:?}");
    case
}

fn named(desk: &Desk, case: CaseId, id: &str) -> Op {
    let body = OpBody::EvidenceRecord {
        evidence: EvidenceKind::CallBackWithCallId,
        call_ref: Some(id.to_owned()),
        note: String::new(),
    };
    Op {
        captured_at: desk.clock.now(),
        ..desk.op(case, &body)
    }
}

fn load(office: &TestOffice, case: CaseId) -> Case {
    let read = move |conn: &Connection| cases::load(conn, case);
    office.house().repo.read_blocking(read).unwrap().unwrap()
}

/// What the last evidence counts as, and what the history says against it.
fn judged(office: &TestOffice, case: CaseId) -> (EvidenceKind, Option<String>) {
    let last = load(office, case).evidence.pop().unwrap();
    let code = load(office, case).office;
    let read = move |conn: &Connection| cases::timeline_after(conn, &code, case, 0);
    let lines = office.house().repo.read_blocking(read).unwrap();
    let line = lines.iter().find(|line| line.op == last.op).unwrap();
    (last.kind, line.params.get("call_doubt").cloned())
}

/// Records a call-back that names that call on that case.
fn record(
    office: &TestOffice,
    desk: &mut Desk,
    case: CaseId,
    id: &str,
) -> (EvidenceKind, Option<String>) {
    let op = named(desk, case, id);
    let outcomes = desk.write(vec![op]);
    assert!(outcomes.iter().all(applied), "{outcomes:?}");
    judged(office, case)
}

fn doubted(why: &str) -> (EvidenceKind, Option<String>) {
    (EvidenceKind::CallBack, Some(why.to_owned()))
}

fn proven() -> (EvidenceKind, Option<String>) {
    (EvidenceKind::CallBackWithCallId, None)
}

#[test]
fn what_the_telephone_system_does_not_confirm_is_kept_as_a_plain_call_back_with_the_reason() {
    let office = with_register();
    let (path, there) = (line(&office, HERE), line(&office, THERE));
    let mut agent = office.desk(HERE, "agent");
    let case = case_of(&mut agent);
    let mut tried = |id: &str| record(&office, &mut agent, case, id);
    assert_eq!(tried("never"), doubted("unreported"));
    talked(&office, &there, "elsewhere", REGISTERED);
    assert_eq!(
        tried("elsewhere"),
        doubted("unreported"),
        "another office's call"
    );
    let incoming = format!("event=answer&direction=in&callId=incoming&from={REGISTERED}&to=95000");
    assert_eq!(form(&office, &path, &incoming).status, 200);
    assert_eq!(
        tried("incoming"),
        doubted("unreported"),
        "the merchant's own call"
    );
    out(&office, &path, "newCall", "rang", REGISTERED);
    assert_eq!(tried("rang"), doubted("unanswered"));
    out(&office, &path, "hangup", "rang", REGISTERED);
    assert_eq!(tried("rang"), doubted("unanswered"));
    talked(&office, &path, "wrong", OTHER);
    assert_eq!(tried("wrong"), doubted("other_number"));
    talked(&office, &path, "inside", "8001");
    assert_eq!(tried("inside"), doubted("other_number"));
    talked(&office, &path, "withheld", "anonymous");
    assert_eq!(tried("withheld"), doubted("other_number"));
    talked(&office, &path, "old", REGISTERED);
    office.clock.advance(DAY + 1_000);
    let mut agent = office.desk(HERE, "agent");
    assert_eq!(
        record(&office, &mut agent, case, "old"),
        doubted("other_time")
    );
    assert_eq!(load(&office, case).evidence.len(), 9, "nothing is lost");
}

#[test]
fn a_call_before_the_merchant_is_known_proves_nothing_until_it_is_recorded_again() {
    let office = with_register();
    let path = line(&office, HERE);
    let mut agent = office.desk(HERE, "agent");
    talked(&office, &path, "O-1", REGISTERED);
    let (case, create) = agent.new_case();
    assert!(applied(&agent.write(vec![create])[0]));
    assert_eq!(
        record(&office, &mut agent, case, "O-1"),
        doubted("no_number")
    );
    let merchant = agent.set(case, FieldKey::MerchantNo, &number(1), None);
    assert!(applied(&agent.write(vec![merchant])[0]));
    assert_eq!(record(&office, &mut agent, case, "O-1"), proven());
}

#[test]
fn a_call_counts_for_one_case_whether_the_ops_come_together_or_later() {
    let office = with_register();
    let path = line(&office, HERE);
    let (mut agent, mut clerk) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    let (one, two, three) = (
        case_of(&mut agent),
        case_of(&mut agent),
        case_of(&mut clerk),
    );
    talked(&office, &path, "O-1", REGISTERED);
    let both = vec![named(&agent, one, "O-1"), named(&agent, two, "O-1")];
    let outcomes = agent.write(both);
    assert!(outcomes.iter().all(applied), "{outcomes:?}");
    assert_eq!(judged(&office, one), proven());
    assert_eq!(judged(&office, two), doubted("used"));
    assert_eq!(record(&office, &mut clerk, three, "O-1"), doubted("used"));
    assert_eq!(
        record(&office, &mut agent, one, "O-1"),
        proven(),
        "its own case"
    );
}

#[test]
fn an_answered_call_to_the_number_of_record_counts_in_whatever_order_it_was_reported() {
    let office = with_register();
    let path = line(&office, HERE);
    let mut agent = office.desk(HERE, "agent");
    let case = case_of(&mut agent);
    talked(&office, &path, "O-1", "%2B86+130-0000-0001");
    assert_eq!(record(&office, &mut agent, case, " O-1 "), proven());
    let next = case_of(&mut agent);
    for event in ["hangup", "answer", "newCall", "answer"] {
        out(&office, &path, event, "O-2", REGISTERED);
    }
    assert_eq!(record(&office, &mut agent, next, "O-2"), proven());
    // Reported after the record of it: said once more, it counts.
    let late = case_of(&mut agent);
    assert_eq!(
        record(&office, &mut agent, late, "O-3"),
        doubted("unreported")
    );
    talked(&office, &path, "O-3", REGISTERED);
    assert_eq!(record(&office, &mut agent, late, "O-3"), proven());
}

#[test]
fn without_a_telephone_system_it_stays_the_agents_word() {
    let office = with_register();
    line(&office, THERE);
    let mut agent = office.desk(HERE, "agent");
    let case = case_of(&mut agent);
    assert_eq!(record(&office, &mut agent, case, "O-1"), proven());
}

#[test]
fn no_number_is_kept_in_clear_and_calls_are_forgotten_after_a_month() {
    let office = with_register();
    let path = line(&office, HERE);
    talked(&office, &path, "O-1", REGISTERED);
    let kept = || {
        let read = |conn: &Connection| {
            let mut select = conn.prepare_cached("SELECT office, number FROM cti_call_back")?;
            let found = select.query_map((), |row| {
                Ok((row.get::<String>(0)?, row.get::<Option<Vec<u8>>>(1)?))
            })?;
            Ok(found.collect::<Result<Vec<_>, _>>()?)
        };
        office.house().repo.read_blocking(read).unwrap()
    };
    let found = kept();
    let [(of, Some(digest))] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(OfficeCode::parse(of), OfficeCode::parse(HERE));
    assert_eq!(digest.len(), 32);
    assert!(
        !digest
            .windows(4)
            .any(|part| part == &REGISTERED.as_bytes()[..4])
    );
    office.clock.advance(29 * DAY);
    out(&office, &path, "newCall", "O-2", OTHER);
    assert_eq!(kept().len(), 2);
    office.clock.advance(2 * DAY);
    eventually(|| (kept().len() == 1).then_some(()));
}
