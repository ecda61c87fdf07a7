//! A merchant is told by message what became of a case, and the case is told what became of the message.

use crate::support::sms::{Got, Mood, Provider};
use crate::support::{Desk, TestOffice, applied, eventually};
use desk_domain::case::{Case, CaseState, ExecutionResult, NoticeChannel, TerminalResult};
use desk_domain::case::{ReturnItem, ReturnTarget};
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::op::OpBody;
use desk_server::demo;
use desk_server::gateway::GatewayKind;
use desk_server::repo::cases;
use desk_server::repo::sql::Connection;
use serde_json::json;

/// The demo's office with a provider, and somebody at its desk.
fn office_of(provider: &Provider, cases: u32) -> TestOffice {
    let mut office = TestOffice::demo(cases);
    office.config.gateway = GatewayKind::Aliyun;
    office.config.sms = provider.settings();
    office.restart();
    office
}

pub fn sit(office: &TestOffice, login: &str) -> Desk {
    let mut desk = Desk::new(office);
    assert_eq!(desk.enrol(&office.code("HZ001")).status, 200);
    assert_eq!(desk.sign_in(login, &demo::password(login)).status, 200);
    desk
}

/// A case in that state whose merchant was matched.
pub fn case_in(office: &TestOffice, state: CaseState) -> Case {
    let desk = sit(office, "agent1");
    let page = desk.get("/v1/sync/snapshot?scope=HZ001&limit=500").json();
    let all = page["changes"].as_array().unwrap().iter();
    let cases = all.filter_map(|one| serde_json::from_value::<Case>(one["case"].clone()).ok());
    let fits = |case: &Case| case.state == state && case.identity.merchant.is_some();
    cases.into_iter().find(fits).unwrap()
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

/// The one message that the provider gets of a template.
fn only(provider: &Provider, template: &str) -> Got {
    let of_it = || -> Vec<Got> {
        let got = provider.got();
        got.into_iter()
            .filter(|one| one.template == format!("SMS_{template}"))
            .collect()
    };
    eventually(|| (!of_it().is_empty()).then_some(()));
    assert_eq!(of_it().len(), 1);
    of_it().remove(0)
}

#[test]
fn an_unbound_terminal_is_told_and_the_receipt_counts_as_told() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let office = office_of(&provider, 17);
    let case = case_in(&office, CaseState::Executing);
    unbind(&office, &case);
    let got = only(&provider, "done");
    let serial = case.text(FieldKey::TerminalSerial);
    assert!(
        got.values
            .iter()
            .any(|value| serial.ends_with(value.as_str())),
        "{got:?}"
    );
    assert!(
        !got.values.iter().any(|value| value.contains(serial)),
        "a tail stays a tail"
    );
    // On its way is not told.
    let on_its_way =
        eventually(|| Some(load(&office, case.id)).filter(|case| !case.notes.is_empty()));
    assert!(on_its_way.moments.told_at.is_none() && on_its_way.notices.is_empty());
    for _ in 0..2 {
        provider.report(&office, &got, true, false);
    }
    let told = load(&office, case.id);
    assert!(told.moments.told_at.is_some() && !told.asks_for_a_call());
    assert_eq!(told.notices.len(), 1, "the second report is old news");
    assert_eq!(
        (told.notices[0].channel, told.notices[0].delivered),
        (NoticeChannel::Sms, true)
    );
}

#[test]
fn a_message_that_fails_for_good_asks_for_a_call_and_says_why() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let office = office_of(&provider, 17);
    provider.set(Mood::Refuses);
    let case = case_in(&office, CaseState::Executing);
    unbind(&office, &case);
    let failed =
        eventually(|| Some(load(&office, case.id)).filter(|case| !case.notices.is_empty()));
    assert!(failed.asks_for_a_call() && failed.moments.told_at.is_none());
    let desk = sit(&office, "agent1");
    let page = desk.get("/v1/sync/snapshot?scope=HZ001&limit=500").text();
    assert!(
        page.contains("isv.MOBILE_NUMBER_ILLEGAL"),
        "the timeline says why"
    );
    provider.set(Mood::Well);
    assert!(provider.got().is_empty());
}

#[test]
fn a_returned_case_is_told_what_to_do_once() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let office = office_of(&provider, 17);
    let returned = case_in(&office, CaseState::Submitted);
    decide(&office, &returned, send_back());
    assert!(only(&provider, "need_more").phone.starts_with('1'));
}

#[test]
fn a_rejected_case_is_told_why_and_a_lost_message_asks_for_a_call() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let office = office_of(&provider, 17);
    let rejected = case_in(&office, CaseState::Submitted);
    let reject = OpBody::ReviewReject {
        code: "NOT_ENTITLED".into(),
        appeal: "示例".into(),
    };
    decide(&office, &rejected, reject);
    let got = only(&provider, "rejected");
    assert!(
        got.values.iter().any(|value| value == "申请人无权办理"),
        "{got:?}"
    );
    provider.report(&office, &got, false, true);
    let call = load(&office, rejected.id);
    assert!(call.asks_for_a_call(), "{:?}", call.notices);
}

#[test]
fn without_a_gateway_no_message_is_written() {
    let mut office = TestOffice::demo(17);
    office.config.gateway = GatewayKind::None;
    office.restart();
    let case = case_in(&office, CaseState::Executing);
    unbind(&office, &case);
    let count = |conn: &Connection| {
        let all = conn.query_row("SELECT count(*) FROM message", (), |row| row.get::<u64>(0));
        Ok(all?)
    };
    assert_eq!(office.house().repo.read_blocking(count).unwrap(), 0);
}

#[test]
fn a_lost_code_stands_on_the_case_and_asks_for_no_call() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let office = office_of(&provider, 15);
    let case = case_in(&office, CaseState::Submitted);
    let agent = sit(&office, "agent1");
    let ask = json!({"case": case.id, "serial": "DEMO00001001"});
    let reply = agent.send("POST", "/v1/codes", ask.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let got = only(&provider, "one_time_code");
    provider.report(&office, &got, false, true);
    let lost = load(&office, case.id);
    let notice = lost.notices.last().unwrap();
    assert_eq!(
        (notice.template.as_str(), notice.delivered),
        ("one_time_code", false)
    );
    assert!(!lost.asks_for_a_call());
    let said = serde_json::to_string(&lost).unwrap();
    assert!(
        !said.contains(&got.values[0]),
        "the code is nowhere on the case"
    );
}
