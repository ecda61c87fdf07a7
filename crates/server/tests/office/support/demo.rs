//! People of the demo's office at work on its cases.

use super::{Desk, TestOffice, applied};
use desk_domain::case::{
    Case, CaseState, ExecutionResult, ReturnItem, ReturnTarget, TerminalResult,
};
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::op::OpBody;
use desk_server::demo;
use desk_server::repo::cases;
use desk_server::repo::sql::Connection;

pub fn sit(office: &TestOffice, login: &str) -> Desk {
    let mut desk = Desk::new(office);
    assert_eq!(desk.enrol(&office.code("HZ001")).status, 200);
    assert_eq!(desk.sign_in(login, &demo::password(login)).status, 200);
    desk
}

/// A case in that state.
pub fn case_in(office: &TestOffice, state: CaseState) -> Case {
    case_where(office, |case| case.state == state)
}

/// A case in that state whose merchant was matched.
pub fn matched_in(office: &TestOffice, state: CaseState) -> Case {
    case_where(office, |case| {
        case.state == state && case.identity.merchant.is_some()
    })
}

fn case_where(office: &TestOffice, fits: impl Fn(&Case) -> bool) -> Case {
    let desk = sit(office, "agent1");
    let page = desk.get("/v1/sync/snapshot?scope=HZ001&limit=500").json();
    let all = page["changes"].as_array().unwrap().iter();
    let mut cases = all.filter_map(|one| serde_json::from_value::<Case>(one["case"].clone()).ok());
    cases.find(fits).unwrap()
}

pub fn load(office: &TestOffice, id: CaseId) -> Case {
    let read = move |conn: &Connection| cases::load(conn, id);
    office.house().repo.read_blocking(read).unwrap().unwrap()
}

pub fn write(desk: &mut Desk, case: CaseId, bodies: Vec<OpBody>) {
    let ops = bodies.iter().map(|body| desk.op(case, body)).collect();
    let outcomes = desk.write(ops);
    assert!(outcomes.iter().all(applied), "{outcomes:?}");
}

/// Takes the case and sends it back, or turns it down.
pub fn decide(office: &TestOffice, case: &Case, decision: OpBody) {
    let take = OpBody::ReviewTake {
        note: String::new(),
    };
    write(&mut sit(office, "reviewer1"), case.id, vec![take, decision]);
}

pub fn send_back() -> OpBody {
    let item = ReturnItem {
        target: ReturnTarget::Field {
            key: FieldKey::TerminalSerial,
        },
        code: "SERIAL_MISMATCH".into(),
        text: "请核对机身标签（示例）".into(),
    };
    OpBody::ReviewReturn { items: vec![item] }
}

pub fn unbind(office: &TestOffice, case: &Case) {
    let result = ExecutionResult::Unbound;
    let numbers = case.members(FieldKey::TerminalNumbers).into_iter();
    let record = OpBody::ExecuteRecord {
        result,
        reference: "DEMO-REF-1".into(),
        evidence: "演示系统回执（示例）".into(),
        terminals: numbers
            .map(|terminal_no| TerminalResult {
                terminal_no,
                result,
            })
            .collect(),
        requeried: false,
    };
    write(&mut sit(office, "operator1"), case.id, vec![record]);
}
