//! A hold before the execution: the merchant of record hears of it and stops it with one tap.

use crate::policy::{set, text};
use crate::support::demo::{load, matched_in, sit, write};
use crate::support::sms::Provider;
use crate::support::{Reply, TestOffice, call, eventually};
use desk_domain::case::{Case, CaseState, Verdict};
use desk_domain::ids::CaseId;
use desk_domain::op::OpBody;
use desk_domain::risk::STOPPED_BY_MERCHANT;
use desk_server::gateway::GatewayKind;
use serde_json::json;

const DAY: i64 = 86_400_000;
const PUBLIC: &str = "https://desk.example.test";

/// An office in which every unbind waits for a day, and a case that was just approved there.
fn approved(provider: &Provider, public_url: Option<&str>) -> (TestOffice, CaseId) {
    let mut office = TestOffice::demo(24);
    set(
        &office,
        &text(
            3,
            &[(
                "L3 = { points = 70, classes = 2 }",
                "L3 = { points = 70, classes = 2, hold_hours = 24 }",
            )],
        ),
    );
    office.config.gateway = GatewayKind::Aliyun;
    office.config.sms = provider.settings();
    office.config.public_url = public_url.map(str::to_owned);
    office.restart();
    let case = matched_in(&office, CaseState::Submitted);
    approve(&office, &case);
    let after = load(&office, case.id);
    assert_eq!(after.state, CaseState::Approved);
    (office, case.id)
}

fn approve(office: &TestOffice, case: &Case) {
    let mut reviewer = sit(office, "reviewer1");
    let take = OpBody::ReviewTake {
        note: String::new(),
    };
    write(&mut reviewer, case.id, vec![take]);
    let accept = case
        .active_documents()
        .map(|(id, _)| OpBody::DocumentJudge {
            document: *id,
            verdict: Verdict::Accepted,
            code: None,
            note: String::new(),
        });
    write(&mut reviewer, case.id, accept.collect());
    let digest = load(office, case.id).content_digest();
    write(
        &mut reviewer,
        case.id,
        vec![OpBody::ReviewApprove { digest }],
    );
}

fn token_in(provider: &Provider) -> String {
    let link = eventually(|| {
        let got = provider.got();
        let one = got
            .into_iter()
            .find(|one| one.template == "SMS_cooling_off")?;
        one.values
            .into_iter()
            .find(|value| value.starts_with(PUBLIC))
    });
    link.strip_prefix(&format!("{PUBLIC}/s#"))
        .unwrap()
        .to_owned()
}

fn ask(office: &TestOffice, path: &str, token: &str) -> Reply {
    let headers = [("content-type", "application/json")];
    let body = json!({ "token": token }).to_string();
    call(office.addr(), "POST", path, &headers, body.as_bytes())
}

fn look(office: &TestOffice, token: &str) -> Reply {
    ask(office, "/v1/guest/stop/look", token)
}

fn stop(office: &TestOffice, token: &str) -> Reply {
    ask(office, "/v1/guest/stop", token)
}

fn start() -> OpBody {
    OpBody::ExecuteStart {
        idempotency_key: "by-hand-1".into(),
    }
}

#[test]
fn a_token_that_is_none_opens_nothing_and_says_nothing() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let (office, case) = approved(&provider, Some(PUBLIC));
    let token = token_in(&provider);
    let other = format!("{}aa", &token.chars().take(24).collect::<String>());
    for wrong in ["", "x", other.as_str(), "' OR 1=1 --", &"a".repeat(10_000)] {
        for path in ["/v1/guest/stop/look", "/v1/guest/stop"] {
            let reply = ask(&office, path, wrong);
            assert_eq!(reply.code(), "link.over", "{wrong}: {}", reply.text());
        }
    }
    for body in [
        "",
        "{}",
        "[]",
        "{\"token\":1}",
        "{\"token\":\"a\",\"more\":1}",
    ] {
        let headers = [("content-type", "application/json")];
        let reply = call(
            office.addr(),
            "POST",
            "/v1/guest/stop",
            &headers,
            body.as_bytes(),
        );
        assert_eq!(reply.status, 400, "{body}");
    }
    assert_eq!(load(&office, case).state, CaseState::Approved);
    office.clock.advance(9 * DAY);
    assert_eq!(
        look(&office, &token).code(),
        "link.over",
        "it ends by itself"
    );
}

#[test]
fn one_tap_stops_it_and_only_a_supervisor_lets_it_go_on() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let (office, case) = approved(&provider, Some(PUBLIC));
    let token = token_in(&provider);
    let before = load(&office, case);
    let mut operator = sit(&office, "operator1");
    let op = operator.op(case, &start());
    let refused = format!("{:?}", operator.write(vec![op]));
    assert!(refused.contains("execution.hold_time"), "{refused}");

    let seen = look(&office, &token);
    assert_eq!(seen.status, 200, "{}", seen.text());
    let seen_json = seen.json();
    assert_eq!(
        (&seen_json["state"], &seen_json["heard"]),
        (&json!("waiting"), &json!(false))
    );
    let serial = before.text(desk_domain::field::FieldKey::TerminalSerial);
    assert!(!seen.text().contains(serial) && !seen.text().contains(&before.case_no.to_string()));
    // That the message has left may be written down meanwhile.
    let after = load(&office, case);
    assert_eq!(
        (after.state, after.risk.points, after.notes.len()),
        (before.state, before.risk.points, before.notes.len()),
        "looking changes nothing"
    );

    for _ in 0..2 {
        let stopped = stop(&office, &token).json();
        assert_eq!(
            (&stopped["state"], &stopped["heard"]),
            (&json!("stopped"), &json!(true))
        );
    }
    let held = load(&office, case);
    assert_eq!(
        (held.state, held.held_from),
        (CaseState::OnHold, Some(CaseState::Approved))
    );
    assert!(held.is_stopped_by_merchant());
    assert_eq!(held.notes.len(), before.notes.len() + 1, "twice is once");

    // A reviewer who takes the hold off does not make it executable; a supervisor's word does.
    office.clock.advance(2 * DAY);
    let unhold = OpBody::Unhold {
        reason: "已核实（示例）".into(),
    };
    write(&mut sit(&office, "reviewer1"), case, vec![unhold]);
    let mut operator = sit(&office, "operator1");
    let op = operator.op(case, &start());
    let refused = format!("{:?}", operator.write(vec![op]));
    assert!(refused.contains("execution.risk_hold"), "{refused}");
    let clear = OpBody::RiskClear {
        reason: "已致电登记号码（示例）".into(),
    };
    write(&mut sit(&office, "supervisor1"), case, vec![clear]);
    write(&mut sit(&office, "operator1"), case, vec![start()]);
    let now = look(&office, &token).json();
    assert_eq!(
        (&now["state"], &now["heard"]),
        (&json!("under_way"), &json!(true))
    );
}

#[test]
fn what_cannot_be_stopped_any_more_is_still_heard() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let (office, case) = approved(&provider, Some(PUBLIC));
    let token = token_in(&provider);
    office.clock.advance(2 * DAY);
    write(&mut sit(&office, "operator1"), case, vec![start()]);
    let told = stop(&office, &token).json();
    assert_eq!(
        (&told["state"], &told["heard"]),
        (&json!("under_way"), &json!(true))
    );
    let heard = load(&office, case);
    assert_eq!(heard.state, CaseState::Executing);
    assert!(heard.risk.signals.contains(STOPPED_BY_MERCHANT));
    let words = heard
        .notes
        .iter()
        .filter(|note| note.text.contains("要求停止办理"));
    assert_eq!(words.count(), 1);
}

#[test]
fn without_an_address_for_phones_a_number_is_named_and_what_does_not_arrive_asks_for_a_call() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let (office, case) = approved(&provider, None);
    let got = eventually(|| {
        let got = provider.got();
        got.into_iter()
            .find(|one| one.template == "SMS_cooling_off_call")
    });
    assert!(
        got.values.iter().all(|value| !value.contains("http")),
        "{got:?}"
    );
    provider.report(&office, &got, false, false);
    let asks = eventually(|| Some(load(&office, case)).filter(Case::asks_for_a_call));
    assert_eq!(asks.state, CaseState::Approved);
}

/// What is not held says nothing: most unbinds are executed at once.
#[test]
fn a_case_without_a_hold_is_not_announced() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let mut office = TestOffice::demo(24);
    office.config.gateway = GatewayKind::Aliyun;
    office.config.sms = provider.settings();
    office.config.public_url = Some(PUBLIC.to_owned());
    office.restart();
    let case = matched_in(&office, CaseState::Submitted);
    approve(&office, &case);
    write(&mut sit(&office, "operator1"), case.id, vec![start()]);
    crate::support::demo::unbind(&office, &case);
    eventually(|| (!provider.got().is_empty()).then_some(()));
    assert!(provider.got().iter().all(|one| one.template == "SMS_done"));
}
