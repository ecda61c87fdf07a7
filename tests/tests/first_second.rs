//! The first second of a case: what the server is asked about it before its ops have arrived.

use desk_tests::case_script;
use desk_tests::desk::TestDesk;
use desk_tests::office::{BRANCH, Office};
use serde_json::json;
use std::sync::Arc;

#[test]
fn a_link_or_a_code_may_be_asked_for_before_the_case_is_on_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("server");
    std::fs::create_dir(&data).unwrap();
    let mut office = Office::open(&data, 1).unwrap();
    case_script::import_merchant(&office, BRANCH, folder.path()).unwrap();
    let profile = folder.path().join("desk");
    let desk = TestDesk::open_cheap(&profile, Arc::new(desk_app::door::SystemClock)).unwrap();
    let code = office.enrol_code(BRANCH).unwrap();
    desk.enrol(office.url(), &code, "agent1").unwrap();
    let is_synced = |status: &serde_json::Value| status["sync"]["state"] == "synced";
    desk.until("app_status", &json!({}), is_synced).unwrap();
    for _ in 0..5 {
        let case = desk
            .ask("case_new", json!({ "call_ref": null, "channel": "phone" }))
            .unwrap();
        let shown = desk
            .ask(
                "merchant_link",
                json!({ "case": case["id"], "act": "show" }),
            )
            .unwrap();
        assert!(shown["made"]["qr"].is_object(), "{shown}");
    }
    // The merchant was matched a moment ago, and the phone of record is asked at once.
    let case = case_script::fill(&desk).unwrap();
    let found = |result: &serde_json::Value| result["found"] == true;
    desk.until("identity_match", &json!({ "case": case }), found)
        .unwrap();
    let sent = desk.ask("code_send", json!({ "case": case })).unwrap();
    assert!(sent["phone"].as_str().unwrap().contains('*'));

    // Without a server it is said at once, and the case stays what it is.
    office.stop();
    let case = desk
        .ask("case_new", json!({ "call_ref": null, "channel": "phone" }))
        .unwrap();
    let arguments = json!({ "case": case["id"], "act": "show" });
    let refused = desk.try_ask("merchant_link", arguments).unwrap_err();
    assert!(refused.code.starts_with("sync."), "{}", refused.code);
    desk.ask("case_open", json!({ "case": case["id"] }))
        .unwrap();
}
