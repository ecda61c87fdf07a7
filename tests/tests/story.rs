//! The whole house: two desks, a real server, a plug pulled in the middle, work sent back, a conflict, a killed process.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

use desk_tests::case_script::{self, FIELDS, SERIAL};
use desk_tests::desk::TestDesk;
use desk_tests::office::{BRANCH, Office};
use desk_tests::papers::draw_papers;
use desk_tests::programs::files_below;
use desk_tests::shared::Shared;
use serde_json::{Value, json};
use std::path::Path;

const HEADQUARTERS: &str = "HQ000";

struct House {
    folder: tempfile::TempDir,
    office: Office,
    /// What several servers share; ended after them.
    shared: Option<Shared>,
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("server");
        std::fs::create_dir(&data).unwrap();
        Self::furnished(folder, Office::open(&data, 3).unwrap(), None)
    }
    /// Two servers on PostgreSQL and an object store.
    fn open_shared() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = Shared::start().unwrap();
        let office = Office::open_shared(&folder.path().join("server"), 3, shared.environment());
        let office = office.unwrap();
        Self::furnished(folder, office, Some(shared))
    }
    fn furnished(folder: tempfile::TempDir, office: Office, shared: Option<Shared>) -> Self {
        case_script::import_merchant(&office, BRANCH, folder.path()).unwrap();
        draw_papers(&folder.path().join("papers")).unwrap();
        Self {
            folder,
            office,
            shared,
        }
    }
    fn path(&self) -> &Path {
        self.folder.path()
    }
    fn desk(&self, login: &str, office: &str) -> TestDesk {
        let desk = TestDesk::open(&self.path().join(login)).unwrap();
        desk.enrol(
            self.office.url(),
            &self.office.enrol_code(office).unwrap(),
            login,
        )
        .unwrap();
        desk
    }
    fn papers(&self) -> std::path::PathBuf {
        self.path().join("papers")
    }
}

fn case(id: &str) -> Value {
    json!({ "case": id })
}

/// Until the server has said its word on everything this desk did to the case, and the state is the one named.
fn state(desk: &TestDesk, id: &str, wanted: &str) -> Value {
    desk.until("case_open", &case(id), |screen| {
        screen["state"] == wanted && screen["sync"]["pending"] == 0
    })
    .unwrap()
}

/// The register has come down and knows the caller; the code on the merchant's phone is read out; the caller is called back.
fn check_identity(house: &House, desk: &TestDesk, id: &str) {
    let found = desk
        .until("identity_match", &case(id), |result| {
            result["found"] == true
        })
        .unwrap();
    assert_eq!(found["differed"], 0, "{found}");
    // The server must know the case before it can send a code for it.
    desk.until("case_open", &case(id), |screen| {
        screen["sync"]["pending"] == 0
    })
    .unwrap();
    desk.ask("code_send", case(id)).unwrap();
    let code = house.office.code_on_the_phone().unwrap();
    let verified = desk
        .ask("code_verify", json!({ "case": id, "code": code }))
        .unwrap();
    assert_eq!(verified["right"], true);
    desk.ask("evidence_add", json!({ "case": id, "kind": "call_back", "note": "回拨登记号码，机主接听", "call_ref": null })).unwrap();
    desk.until("case_open", &case(id), |screen| {
        screen["identity"]["holds"] == true
    })
    .unwrap();
}

fn accept_all(desk: &TestDesk, id: &str) -> Value {
    let review = desk.ask("review_open", case(id)).unwrap();
    for document in review["case"]["documents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|card| card["replaced"] == false && card["detached"] == false)
    {
        desk.ask("document_judge", json!({ "case": id, "document": document["id"], "verdict": "accepted", "code": null, "note": "" })).unwrap();
    }
    desk.ask("review_open", case(id)).unwrap()
}

fn approve(desk: &TestDesk, id: &str) {
    let review = accept_all(desk, id);
    desk.ask(
        "review_decide",
        json!({ "case": id, "decision": { "kind": "approve", "digest": review["case"]["review"]["digest"] } }),
    )
    .unwrap();
    state(desk, id, "approved");
}

#[test]
fn one_case_from_the_ringing_phone_to_the_merchants_answer() {
    the_story(&mut House::open());
}

#[test]
fn the_same_on_two_servers_that_share_postgresql_and_a_bucket_one_of_which_dies_on_the_way() {
    let mut house = House::open_shared();
    the_story(&mut house);
    // Five papers, and the one that was taken again.
    assert!(house.shared.unwrap().bucket.wholes().unwrap() >= 5);
}

fn the_story(house: &mut House) {
    let agent = house.desk("agent1", BRANCH);
    let reviewer = house.desk("reviewer1", HEADQUARTERS);
    let operator = house.desk("operator1", HEADQUARTERS);
    let id = collected_with_the_plug_pulled(house, &agent);
    sent_back_and_mended(house, &agent, &reviewer, &id);
    house.office.lose_one().unwrap();
    decided_executed_told(&agent, &reviewer, &operator, &id);
}

fn collected_with_the_plug_pulled(house: &mut House, agent: &TestDesk) -> String {
    // Said on the phone, with the server's plug pulled in the middle: the agent notices only the badge.
    let id = case_script::fill(agent).unwrap();
    check_identity(house, agent, &id);
    house.office.stop();
    case_script::attach(agent, &id, &house.papers()).unwrap();
    let screen = agent.ask("case_open", case(&id)).unwrap();
    assert_eq!(
        screen["missing"].as_array().map(Vec::len),
        Some(0),
        "{}",
        screen["missing"]
    );
    let submitted = agent.ask("submit", case(&id)).unwrap();
    assert_eq!(submitted["state"], "submitted");
    assert!(submitted["sync"]["pending"].as_u64().unwrap() > 0);
    agent
        .until("app_status", &json!({}), |status| {
            status["sync"]["state"] == "offline"
        })
        .unwrap();
    house.office.restart().unwrap();
    let stored = agent.until("case_open", &case(&id), |screen| {
        screen["sync"]["pending"] == 0
            && screen["documents"]
                .as_array()
                .is_some_and(|cards| cards.iter().all(|card| card["stored"] == true))
    });
    assert_eq!(stored.unwrap()["documents"].as_array().unwrap().len(), 5);
    id
}

/// The reviewer's own desk has heard that the server has every paper: the agent's may have heard it before.
fn ready_for_review(reviewer: &TestDesk, id: &str) {
    reviewer
        .until("case_open", &case(id), |screen| {
            screen["state"] == "submitted"
                && screen["documents"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|card| card["stored"] == true)
        })
        .unwrap();
}

fn sent_back_and_mended(house: &House, agent: &TestDesk, reviewer: &TestDesk, id: &str) {
    // Sent back with a mark on a field and on a document; mended at the desk it came from.
    ready_for_review(reviewer, id);
    let review = reviewer.ask("review_take", case(id)).unwrap();
    let licence = review["case"]["documents"]
        .as_array()
        .unwrap()
        .iter()
        .find(|card| card["kind"] == "business_licence")
        .unwrap();
    let reasons = review["return_reasons"].as_array().unwrap();
    let code = reasons[0]["code"].clone();
    let items = json!([
        { "field": "reason.text", "document": null, "missing_kind": null, "code": code, "text": "请写明故障现象" },
        { "field": null, "document": licence["id"], "missing_kind": null, "code": code, "text": "照片看不清" },
    ]);
    reviewer
        .ask(
            "review_decide",
            json!({ "case": id, "decision": { "kind": "return", "items": items } }),
        )
        .unwrap();
    let back = state(agent, id, "returned");
    assert_eq!(back["returns"].as_array().unwrap().len(), 2);
    assert!(back["fields"]["reason.text"]["returned"].is_object());
    let refused = agent.try_ask("submit", case(id)).unwrap_err();
    assert_eq!(refused.code, "case.incomplete");
    case_script::set(
        agent,
        id,
        "reason.text",
        "长按电源键十秒无灯无声，更换充电器仍无反应",
    )
    .unwrap();
    let photo = std::fs::read(house.papers().join("营业执照.jpg")).unwrap();
    let bytes = base64_of(&photo);
    let again = json!({ "case": id, "kind": "business_licence", "name": "营业执照 重拍.jpg", "bytes": bytes, "replaces": licence["id"] });
    agent.ask("document_add", again).unwrap();
    agent.ask("submit", case(id)).unwrap();
    state(agent, id, "submitted");
}

fn decided_executed_told(agent: &TestDesk, reviewer: &TestDesk, operator: &TestDesk, id: &str) {
    // Decided, executed, told, closed: by three people.
    ready_for_review(reviewer, id);
    reviewer.ask("review_take", case(id)).unwrap();
    approve(reviewer, id);
    state(operator, id, "approved");
    operator.ask("execute_start", case(id)).unwrap();
    state(operator, id, "executing");
    operator.ask("execute_record", json!({ "case": id, "result": "unbound", "reference": "LKL-DEMO-0001", "evidence": "核心系统回执截图已核对", "requeried": false })).unwrap();
    let unbound = state(agent, id, "unbound");
    assert_eq!(unbound["execution"]["reference"], "LKL-DEMO-0001");
    agent.ask("notice_record", json!({ "case": id, "channel": "call", "template": "done", "delivered": true, "note": "已电话告知" })).unwrap();
    agent
        .ask(
            "follow_up",
            json!({ "case": id, "result": "records_seen", "note": "" }),
        )
        .unwrap();
    agent
        .ask(
            "case_move",
            json!({ "case": id, "act": { "kind": "close" } }),
        )
        .unwrap();
    state(agent, id, "closed");
    let seen = state(reviewer, id, "closed");
    let kinds: Vec<&str> = seen["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "case.submit").count(),
        2,
        "everything arrived once: {kinds:?}"
    );
}

#[test]
fn two_desks_edit_one_field_offline_and_a_person_chooses() {
    let mut house = House::open();
    let first = house.desk("agent1", BRANCH);
    let second = house.desk("agent2", BRANCH);
    let id = case_script::fill(&first).unwrap();
    state(&first, &id, "draft");
    state(&second, &id, "draft");
    house.office.stop();
    case_script::set(&first, &id, "terminal.address", "示例市甲路 1 号").unwrap();
    case_script::set(&second, &id, "terminal.address", "示例市乙路 2 号").unwrap();
    house.office.restart().unwrap();
    let torn = first
        .until("case_open", &case(&id), |screen| {
            screen["conflicts"]
                .as_array()
                .is_some_and(|list| list.len() == 1)
        })
        .unwrap();
    let conflict = &torn["conflicts"][0];
    assert_eq!(conflict["field"], "terminal.address");
    let mut both = [
        conflict["mine"].as_str().unwrap(),
        conflict["theirs"].as_str().unwrap(),
    ];
    both.sort_unstable();
    assert_eq!(both, ["示例市乙路 2 号", "示例市甲路 1 号"]);
    let chosen = json!({ "case": id, "conflict": conflict["id"], "take": "value", "raw": "示例市甲路 1 号（乙路门口）" });
    first.ask("conflict_resolve", chosen).unwrap();
    let settled = second.until("case_open", &case(&id), |screen| {
        screen["fields"]["terminal.address"]["display"] == "示例市甲路 1 号（乙路门口）"
            && screen["conflicts"].as_array().is_some_and(Vec::is_empty)
    });
    settled.unwrap();
}

#[test]
fn a_reopened_desk_has_every_word_and_every_photo() {
    let house = House::open();
    let profile = house.path().join("agent1");
    let agent = house.desk("agent1", BRANCH);
    let id = case_script::fill(&agent).unwrap();
    case_script::attach(&agent, &id, &house.papers()).unwrap();
    agent
        .ask(
            "draft_put",
            json!({ "case": id, "field": "terminal.tusn", "raw": "0000070200" }),
        )
        .unwrap();
    agent.close();
    let again = TestDesk::open(&profile).unwrap();
    let wrong = again
        .try_ask("unlock", json!({ "passphrase": "不是这个口令-000000" }))
        .unwrap_err();
    assert_eq!(wrong.code, "vault.wrong_passphrase");
    again
        .ask(
            "unlock",
            json!({ "passphrase": desk_tests::desk::PASSPHRASE }),
        )
        .unwrap();
    let screen = again.ask("case_open", case(&id)).unwrap();
    assert_eq!(screen["fields"]["terminal.tusn"]["draft"], "0000070200");
    assert_eq!(screen["fields"]["terminal.serial"]["raw"], SERIAL);
    assert_eq!(screen["documents"].as_array().unwrap().len(), 5);
    for (field, _) in FIELDS {
        assert!(
            screen["fields"][field]["rev"].is_string(),
            "{field} is gone"
        );
    }
}

#[test]
fn plain_sqlite_reads_neither_the_desk_nor_one_word_of_it() {
    let house = House::open();
    let agent = house.desk("agent1", BRANCH);
    case_script::fill(&agent).unwrap();
    agent.close();
    let mut looked_at = 0;
    for file in files_below(&house.path().join("agent1")).unwrap() {
        let bytes = std::fs::read(&file).unwrap();
        looked_at += 1;
        for canary in [
            case_script::LEGAL_NAME,
            case_script::LEGAL_ID_NO,
            case_script::PHONE,
            "SQLite format 3",
        ] {
            let found = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(!found, "{} holds {canary}", file.display());
        }
    }
    assert!(looked_at > 2);
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
