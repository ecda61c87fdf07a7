//! Orders to wipe: to whom they go, what they are signed by, and that each is confirmed once by its own desk.

use crate::support::{Desk, HERE, PASSWORD, TestOffice, admin, office, refuses, said};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_protocol::wipe::{SignedWipe, wipe_message, wiped_message};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};

fn order(office: &TestOffice, desk: &Desk, pace: &str) {
    let id = desk.id.to_string();
    let ordered = admin(
        office,
        &["device", "wipe", &id, "--reason", "示例：遗失", pace],
        "",
    );
    assert!(ordered.status.success(), "{ordered:?}");
}

fn hello(desk: &Desk) -> Value {
    let body = json!({"device": desk.id, "app_version": "0"}).to_string();
    desk.send("POST", "/v1/sync/hello", body.as_bytes()).json()
}

fn wiped(desk: &Desk, by: &Desk, nonce: &str) -> (u16, String) {
    let body = json!({
        "device": desk.id, "nonce": nonce, "proof": by.sign(&wiped_message(desk.id, nonce)),
    });
    let reply = desk.send("POST", "/v1/device/wiped", body.to_string().as_bytes());
    (reply.status, reply.code())
}

/// What was ordered, as it is enclosed in a refusal.
fn enclosed(reply: &Value) -> SignedWipe {
    serde_json::from_str(reply["params"]["wipe"].as_str().unwrap()).unwrap()
}

/// True when the key that the server shows at enrolment has signed it.
fn is_signed(wipe: &SignedWipe, key: &Value) -> bool {
    let key: [u8; 32] = STANDARD
        .decode(key.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap();
    let signature: [u8; 64] = STANDARD
        .decode(&wipe.signature)
        .unwrap()
        .try_into()
        .unwrap();
    VerifyingKey::from_bytes(&key)
        .unwrap()
        .verify_strict(
            &wipe_message(&wipe.order),
            &Signature::from_bytes(&signature),
        )
        .is_ok()
}

#[test]
fn an_order_comes_with_hello_to_its_desk_alone_and_the_desk_may_still_send() {
    let office = office();
    let (code, mut desk) = (office.code(HERE), Desk::new(&office));
    let key = desk.enrol(&code).json()["server_key"].clone();
    assert_eq!(desk.sign_in("agent", PASSWORD).status, 200);
    let other = office.desk(HERE, "clerk");
    assert!(hello(&desk)["wipe"].is_null());
    order(&office, &desk, "--after-sync");
    let wipe: SignedWipe = serde_json::from_value(hello(&desk)["wipe"].clone()).unwrap();
    assert_eq!(wipe.order.device, desk.id);
    assert!(is_signed(&wipe, &key));
    assert_eq!(key, hello(&desk)["bundle_signer"]);
    assert!(hello(&other)["wipe"].is_null());
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    assert_eq!(
        desk.push(&batch).status,
        200,
        "what was done on it is taken"
    );

    assert_eq!(wiped(&desk, &desk, &wipe.order.nonce).0, 200);
    assert_eq!(
        desk.pull(HERE, 0, 0).code(),
        "device.revoked",
        "it is let in no more"
    );
    assert_eq!(
        wiped(&desk, &desk, &wipe.order.nonce).0,
        200,
        "a lost reply is asked for again"
    );
    let revoked = desk.pull(HERE, 0, 0).json();
    assert!(
        revoked["params"]["wipe"].is_null(),
        "what was obeyed is not ordered again"
    );
}

#[test]
fn an_order_at_once_puts_the_desk_out_and_travels_with_every_refusal() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    order(&office, &desk, "--at-once");
    let token = desk.refresh.clone();
    let refusals = [
        desk.pull(HERE, 0, 0),
        desk.refresh(&token, 7),
        desk.sign_in("agent", PASSWORD),
    ];
    for reply in &refusals {
        assert_eq!(reply.code(), "device.revoked");
        assert_eq!(enclosed(&reply.json()).order.device, desk.id);
    }
}

#[test]
fn somebody_who_left_is_sent_away_with_the_order() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    order(&office, &desk, "--after-sync");
    assert!(
        admin(&office, &["user", "offboard", "agent"], "")
            .status
            .success()
    );
    let token = desk.refresh.clone();
    for reply in [desk.pull(HERE, 0, 0), desk.refresh(&token, 7)] {
        assert_eq!(reply.code(), "auth.token_invalid");
        assert_eq!(enclosed(&reply.json()).order.device, desk.id);
    }
}

#[test]
fn nobody_else_learns_of_an_order_or_confirms_it() {
    let office = office();
    let (desk, other) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    order(&office, &desk, "--after-sync");
    let nonce = hello(&desk)["wipe"]["order"]["nonce"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        wiped(&desk, &other, &nonce),
        (400, "sync.bad_signature".into())
    );
    assert_eq!(
        wiped(&other, &other, &nonce),
        (404, "request.not_found".into())
    );
    assert_eq!(wiped(&desk, &desk, "00"), (404, "request.not_found".into()));
    let mut thief = desk.clone();
    thief.key = other.key.clone();
    let refused = thief.sign_in("agent", PASSWORD).json();
    assert!(refused["params"]["wipe"].is_null(), "{refused}");
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
}

#[test]
fn a_later_order_takes_the_place_of_an_earlier_one() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    order(&office, &desk, "--after-sync");
    order(&office, &desk, "--at-once");
    let wipe = enclosed(&desk.pull(HERE, 0, 0).json());
    assert_eq!(wipe.order.pace.as_str(), "at_once");
    assert_eq!(wiped(&desk, &desk, &wipe.order.nonce).0, 200);
    assert!(
        desk.pull(HERE, 0, 0).json()["params"]["wipe"].is_null(),
        "none waits any longer"
    );
    let list = admin(&office, &["device", "list", "--json"], "");
    let list: Value = serde_json::from_str(&said(&list)).unwrap();
    let listed = list
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == desk.id.to_string());
    let listed = listed.unwrap();
    assert_eq!(
        (&listed["wipe"], &listed["status"]),
        (&json!("wiped"), &json!("revoked"))
    );
    let acts = listed["acts"].as_array().unwrap();
    assert!(
        acts.iter()
            .any(|act| act["what"] == "wipe_ordered" && act["reason"] == "示例：遗失")
    );
}

#[test]
fn an_order_needs_a_reason_and_a_desk() {
    let office = office();
    let nobody = desk_domain::ids::DeviceId::new(1, &desk_server::door::SystemChance).to_string();
    refuses(
        &office,
        &["device", "wipe", &nobody, "--reason", "示例"],
        "",
        "no device",
    );
    refuses(
        &office,
        &["device", "wipe", "x", "--reason", "示例"],
        "",
        "no device x",
    );
    refuses(&office, &["device", "wipe", &nobody], "", "--reason");
}
