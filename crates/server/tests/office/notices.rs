//! A merchant is told by message what became of a case, and the case is told what became of the message.

use crate::support::demo::{decide, load, matched_in, send_back, sit, unbind};
use crate::support::sms::{Got, Mood, Provider};
use crate::support::{TestOffice, eventually};
use desk_domain::case::{CaseState, NoticeChannel};
use desk_domain::field::FieldKey;
use desk_domain::op::OpBody;
use desk_server::gateway::GatewayKind;
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
    let case = matched_in(&office, CaseState::Executing);
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
    let case = matched_in(&office, CaseState::Executing);
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
    let returned = matched_in(&office, CaseState::Submitted);
    decide(&office, &returned, send_back());
    assert!(only(&provider, "need_more").phone.starts_with('1'));
}

#[test]
fn a_rejected_case_is_told_why_and_a_lost_message_asks_for_a_call() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let office = office_of(&provider, 17);
    let rejected = matched_in(&office, CaseState::Submitted);
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
    let case = matched_in(&office, CaseState::Executing);
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
    let case = matched_in(&office, CaseState::Submitted);
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
