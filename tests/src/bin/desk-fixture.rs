//! Freezes one version's files and wire messages under `tests/fixtures/`: written once, opened by every later version.
//!
//! `desk-fixture tests/fixtures/vN`; what is there already is never overwritten.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_app::door::SystemClock;
use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_domain::time::Clock;
use desk_store::manifest_of;
use desk_tests::Failure;
use desk_tests::case_script;
use desk_tests::desk::{PASSPHRASE, TestDesk, open_fixture};
use desk_tests::hand_desk::{HandDesk, Reply, good};
use desk_tests::ledger::Ledger;
use desk_tests::office::{BRANCH, Office};
use desk_tests::papers::scan;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Every byte of the key of the device that speaks the wire messages.
const KEY: u8 = 7;

fn main() -> Result<(), Failure> {
    let out = std::env::args_os().nth(1).map(PathBuf::from);
    let out = out.ok_or_else(|| Failure::new("name the folder, such as tests/fixtures/v2"))?;
    if out.exists() {
        return Err(Failure::new(format!(
            "{} is there: a frozen version is never written again",
            out.display()
        )));
    }
    let scratch = tempfile::tempdir().map_err(Failure::at("make a folder"))?;
    let data = scratch.path().join("server");
    std::fs::create_dir(&data).map_err(Failure::at("make a folder"))?;
    let mut office = Office::open(&data, 1)?;
    let profile = scratch.path().join("desk");
    let facts = live(&mut office, &profile)?;
    for name in ["wire", "office"] {
        std::fs::create_dir_all(out.join(name))
            .map_err(Failure::at("make the fixture's folder"))?;
    }
    office.restart()?;
    speak(&office, &out.join("wire"))?;
    office.stop();
    // Opened and closed once, so that everything stands in the one file.
    drop(Ledger::open(&data)?);
    copy(&data.join("office.db"), &out.join("office/office.db"))?;
    copy_tree(&profile.join("desk"), &out.join("desk"))?;
    write(&out.join("facts.json"), &facts)
}

/// A desk with ops in several states: applied, in conflict, unsent; a document on both sides and one on its way.
fn live(office: &mut Office, profile: &Path) -> Result<Value, Failure> {
    let at = SystemClock.now();
    let desk = TestDesk::open_cheap(profile, Arc::new(SystemClock))?;
    desk.enrol(office.url(), &office.enrol_code(BRANCH)?, "agent1")?;
    let case = case_script::fill(&desk)?;
    let stored = attach(&desk, &case, 1)?;
    let settled =
        |screen: &Value| screen["sync"]["pending"] == 0 && screen["documents"][0]["stored"] == true;
    desk.until("case_open", &json!({ "case": case }), settled)?;
    let mut other = HandDesk::enrol(office, BRANCH, "agent2", KEY + 1)?;
    let id = CaseId::parse(&case).ok_or_else(|| Failure::new("a case id"))?;
    let op = other.set(id, FieldKey::TerminalAddress, "示例市乙路 2 号")?;
    other.write(vec![op])?;
    let torn = |screen: &Value| {
        screen["conflicts"]
            .as_array()
            .is_some_and(|list| list.len() == 1)
    };
    desk.until("case_open", &json!({ "case": case }), torn)?;
    office.stop();
    let on_its_way = attach(&desk, &case, 2)?;
    desk.ask(
        "note_add",
        json!({ "case": case, "text": "断网时写的备注" }),
    )?;
    case_script::set(&desk, &case, "reason.text", "断网时改的原因")?;
    desk.ask(
        "draft_put",
        json!({ "case": case, "field": "terminal.tusn", "raw": "0000070200" }),
    )?;
    let second = desk.ask("case_new", json!({ "call_ref": null, "channel": "phone" }))?;
    let screen = desk.ask("case_open", json!({ "case": case }))?;
    let status = desk.ask("sync_status", json!({}))?;
    desk.close();
    Ok(json!({
        "passphrase": PASSPHRASE,
        "opened_at": at,
        "case": case,
        "second_case": second["id"],
        // As the desk shows it: the confirmed snapshot and the pending ops on it.
        "seen": seen(&profile.join("desk"), id)?,
        "pending": screen["sync"]["pending"],
        "draft": { "terminal.tusn": "0000070200" },
        "documents": [stored, on_its_way],
        "unsent": status["badge"]["unsent"],
    }))
}

fn seen(dir: &Path, case: CaseId) -> Result<Value, Failure> {
    let store = open_fixture(dir, PASSPHRASE)?;
    let view = store
        .case_view(case)
        .map_err(Failure::at("look at the case"))?;
    let view = view.ok_or_else(|| Failure::new("the case is gone"))?;
    serde_json::to_value(view.case).map_err(Failure::at("write JSON"))
}

fn attach(desk: &TestDesk, case: &str, seed: u64) -> Result<Value, Failure> {
    let bytes = scan(60, seed)?;
    let arguments = json!({ "case": case, "kind": "other", "name": "示例.png", "bytes": STANDARD.encode(&bytes), "replaces": null });
    let card = desk.ask("document_add", arguments)?;
    Ok(json!({ "id": card["id"], "sha256": hex::encode(Sha256::digest(&bytes)) }))
}

/// Every message of the protocol once, as it went over the wire.
fn speak(office: &Office, out: &Path) -> Result<(), Failure> {
    let mut desk = HandDesk::stranger(office, KEY)?;
    // Verbatim: the chain is over exact bytes.
    let keep = |name: &str, request: String, reply: Reply| -> Result<Value, Failure> {
        for (side, bytes) in [
            ("request", request.as_bytes()),
            ("reply", reply.body.as_slice()),
        ] {
            std::fs::write(out.join(format!("{name}.{side}.json")), bytes)
                .map_err(Failure::at("write a message"))?;
        }
        Ok(reply.json())
    };
    let enrol = desk.enrol_request(&office.enrol_code(BRANCH)?);
    let reply = desk.post("/v1/enrol", &enrol)?;
    let enrolled = keep("enrol", text(&enrol)?, reply)?;
    enrolled["device_code"]
        .as_str()
        .unwrap_or_default()
        .clone_into(&mut desk.device_code);
    let sign_in = desk.sign_in_request("agent1", SystemClock.now());
    let reply = desk.post("/v1/session", &sign_in)?;
    let session = keep("session", text(&sign_in)?, reply)?;
    desk.take_session(&session)?;
    let hello = json!({ "device": desk.id, "app_version": env!("CARGO_PKG_VERSION") });
    let reply = desk.post("/v1/sync/hello", &hello)?;
    keep("hello", text(&hello)?, reply)?;

    let bytes = scan(16, 3)?;
    let manifest = manifest_of(&bytes, "image/png", 1);
    let (case, create) = desk.create_here()?;
    let name = desk.set(case, FieldKey::MerchantName, "示例商行")?;
    let (document, attach) = desk.attach(case, &manifest)?;
    let batch = desk.chain(vec![create, name, attach])?;
    let push = desk.push_request(&batch)?;
    let reply = desk.post("/v1/sync/push", &push)?;
    keep("push", text(&push)?, reply)?;
    let note = desk.note(case, "这一条没有到")?;
    desk.chain(vec![note])?;
    let later = desk.note(case, "前面少一条")?;
    let gap = desk.chain(vec![later])?;
    let gap = desk.push_request(&gap)?;
    let reply = desk.post("/v1/sync/push", &gap)?;
    keep("gap", text(&gap)?, reply)?;

    let pull = json!({ "scope": BRANCH, "cursor": 1, "wait_ms": 0, "limit": 50 });
    let reply = desk.get(&format!(
        "/v1/sync/pull?scope={BRANCH}&cursor=1&wait_ms=0&limit=50"
    ))?;
    keep("pull", text(&pull)?, reply)?;
    let snapshot = json!({ "scope": BRANCH, "limit": 3 });
    let reply = desk.get(&format!("/v1/sync/snapshot?scope={BRANCH}&limit=3"))?;
    keep("snapshot", text(&snapshot)?, reply)?;

    let offer =
        json!({ "document": document, "case": case, "kind": "device_label", "manifest": manifest });
    let reply = desk.post("/v1/documents", &offer)?;
    keep("offer", text(&offer)?, reply)?;
    let octets = [("content-type", "application/octet-stream")];
    let chunk = desk.send(
        "PUT",
        &format!("/v1/documents/{document}/chunks/0"),
        &octets,
        &bytes,
    )?;
    keep("chunk", text(&json!({ "index": 0 }))?, chunk)?;
    let complete = desk.post(&format!("/v1/documents/{document}/complete"), &json!({}))?;
    keep("complete", text(&json!({}))?, complete)?;
    let refresh = desk.refresh_request(SystemClock.now());
    let reply = desk.post("/v1/session/refresh", &refresh)?;
    good(reply.clone())?;
    keep("refresh", text(&refresh)?, reply)?;
    Ok(())
}

fn text(request: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(request).map_err(Failure::at("write JSON"))
}

fn write(path: &Path, value: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::at("write JSON"))?;
    std::fs::write(path, text + "\n").map_err(Failure::at(format!("write {}", path.display())))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::copy(from, to)
        .map(drop)
        .map_err(Failure::at(format!("copy {}", from.display())))
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to).map_err(Failure::at("make a folder"))?;
    for file in desk_tests::programs::files_below(from)? {
        let inside = file.strip_prefix(from).map_err(Failure::at("copy"))?;
        let target = to.join(inside);
        // The empty shared-memory index and the lock belong to a process, not to a desk.
        let ending = file.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("db-shm" | "lock" | "ballast")) {
            continue;
        }
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(Failure::at("make a folder"))?;
        }
        copy(&file, &target)?;
    }
    Ok(())
}
