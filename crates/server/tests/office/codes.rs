use crate::support::{Desk, TestOffice, eventually, office};
use desk_server::demo;
use serde_json::{Value, json};

fn agent(office: &TestOffice) -> Desk {
    let mut desk = Desk::new(office);
    assert_eq!(desk.enrol(&office.code("HZ001")).status, 200);
    assert_eq!(
        desk.sign_in("agent1", &demo::password("agent1")).status,
        200
    );
    desk
}

fn case_in(desk: &Desk, state: &str) -> Value {
    let page = desk.get("/v1/sync/snapshot?scope=HZ001").json();
    let changes = page["changes"].as_array().unwrap();
    changes
        .iter()
        .find(|change| change["case"]["state"] == state)
        .unwrap()["case"]
        .clone()
}

fn send(desk: &Desk, path: &str, body: &Value) -> crate::support::Reply {
    desk.send("POST", path, body.to_string().as_bytes())
}

#[test]
fn without_a_gateway_or_a_located_merchant_no_code_is_sent() {
    let plain = office();
    let desk = plain.desk("HZ001", "agent");
    let (case, _) = desk.new_case();
    let ask = json!({"case": case, "serial": "DEMO00001001"});
    assert_eq!(send(&desk, "/v1/codes", &ask).code(), "code.no_gateway");
    let office = TestOffice::demo(17);
    let desk = agent(&office);
    assert_eq!(send(&desk, "/v1/codes", &ask).status, 404);
    let draft = case_in(&desk, "draft");
    let ask = json!({"case": draft["id"], "serial": "DEMO00001001"});
    assert_eq!(send(&desk, "/v1/codes", &ask).code(), "code.no_merchant");
}

/// Pieces of evidence that are codes.
fn codes_in(case: &Value) -> usize {
    case["evidence"]
        .to_string()
        .matches("one_time_code")
        .count()
}

#[test]
fn a_code_is_bound_to_its_serial_tried_three_times_and_becomes_evidence_once() {
    let office = TestOffice::demo(15);
    let desk = agent(&office);
    let case = case_in(&desk, "submitted");
    let serial = case["fields"]["terminal.serial"]["value"].clone();
    let ask = json!({"case": case["id"], "serial": serial});
    let sent = send(&desk, "/v1/codes", &ask);
    assert_eq!(sent.status, 200, "{}", sent.text());
    let path = office.dir.path().join("outbox.jsonl");
    // Sent a moment after the answer, by the loop that empties the outbox.
    let outbox = eventually(|| {
        let text = std::fs::read_to_string(&path).ok()?;
        text.ends_with('\n').then_some(text)
    });
    let code: String = outbox
        .split("核验码是 ")
        .nth(1)
        .unwrap()
        .chars()
        .take(6)
        .collect();
    let phone = case["fields"]["merchant.phone"]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(outbox.contains(&phone));
    assert!(!sent.text().contains(&code) && !sent.text().contains(&phone));
    let other = json!({"case": case["id"], "serial": "DEMO99999001", "code": code});
    assert_eq!(
        send(&desk, "/v1/codes/verify", &other).json()["tries_left"],
        2
    );
    let right = json!({"case": case["id"], "serial": serial, "code": code});
    assert_eq!(
        send(&desk, "/v1/codes/verify", &right).json()["right"],
        true
    );
    assert_eq!(
        send(&desk, "/v1/codes/verify", &right).code(),
        "code.expired"
    );
    assert_eq!(
        codes_in(&case_in(&desk, "submitted")),
        codes_in(&case).saturating_add(1)
    );
    office.clock.advance(1000);
    assert_eq!(send(&desk, "/v1/codes", &ask).status, 200);
    for left in [2, 1, 0] {
        let wrong = json!({"case": case["id"], "serial": serial, "code": "not it"});
        assert_eq!(
            send(&desk, "/v1/codes/verify", &wrong).json()["tries_left"],
            left
        );
    }
    assert_eq!(
        send(&desk, "/v1/codes/verify", &right).code(),
        "code.too_many_tries"
    );
}
