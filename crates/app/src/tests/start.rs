//! First start, restart, wrong passphrases, demo.

use super::{Bench, PASSPHRASE};
use crate::CallLink;
use desk_domain::field::FieldKey;
use desk_domain::testkit;
use serde_json::json;

#[test]
fn a_short_passphrase_makes_no_desk() {
    let bench = Bench::fresh();
    let refused = bench.refused(
        "setup_standalone",
        json!({ "office_name": "样例", "name": "甲", "passphrase": "too short" }),
    );
    assert_eq!(
        (refused.code.as_str(), refused.field.as_deref()),
        ("vault.passphrase_too_short", Some("passphrase"))
    );
    assert_eq!(bench.ask("app_status", json!({}))["phase"], "first_run");
    assert!(
        std::fs::read_dir(bench.dir.path())
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn a_desk_is_never_made_over_another() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let again = json!({ "office_name": "样例", "name": "乙", "passphrase": PASSPHRASE });
    assert_eq!(
        bench.refused("setup_standalone", again).code,
        "start.already_set_up"
    );
    bench.ask("unlock", json!({ "passphrase": PASSPHRASE }));
    assert_eq!(bench.screen(&case).id, case);
}

#[test]
fn a_wrong_passphrase_is_said_and_slowed_down_and_loses_nothing() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let bench = bench.restarted();
    for _ in 0..3 {
        let wrong = bench.refused("unlock", json!({ "passphrase": "wrong wrong wrong" }));
        assert_eq!(wrong.code, "vault.wrong_passphrase");
    }
    let slowed = bench.refused("unlock", json!({ "passphrase": PASSPHRASE }));
    assert_eq!(
        (slowed.code.as_str(), slowed.retryable),
        ("vault.too_many_tries", true)
    );
    assert!(slowed.params["wait_ms"].parse::<i64>().unwrap() > 0);
    bench.clock.pass(60_000);
    bench.ask("unlock", json!({ "passphrase": PASSPHRASE }));
    assert_eq!(bench.screen(&case).id, case);
}

#[test]
fn a_changed_wrap_or_a_missing_device_secret_keeps_the_desk_shut_and_whole() {
    let bench = Bench::standalone();
    let bench = bench.restarted();
    let secret = bench.dir.path().join("desk/device.secret");
    let kept = std::fs::read(&secret).unwrap();
    std::fs::remove_file(&secret).unwrap();
    let missing = bench.refused("unlock", json!({ "passphrase": PASSPHRASE }));
    assert_eq!(missing.code, "vault.device_secret_missing");
    assert_eq!(bench.ask("app_status", json!({}))["phase"], "locked");
    std::fs::write(&secret, kept).unwrap();
    bench.ask("unlock", json!({ "passphrase": PASSPHRASE }));
}

#[test]
fn a_lost_database_is_named_and_not_replaced_by_an_empty_one() {
    let bench = Bench::standalone().restarted();
    let db = bench.dir.path().join("desk/desk.db");
    for entry in std::fs::read_dir(bench.dir.path().join("desk")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("desk.db")
        {
            std::fs::remove_file(path).unwrap();
        }
    }
    let lost = bench.refused("unlock", json!({ "passphrase": PASSPHRASE }));
    assert_eq!(lost.code, "store.missing");
    assert!(!db.exists());
}

#[test]
fn an_unreachable_server_leaves_nothing_half_made() {
    let bench = Bench::fresh();
    let args = json!({
        "server_url": "http://127.0.0.1:1", "enrol_code": "ABCDEFGHJKLMNPQRSTUVWXYZ23", "login": "agent1",
        "password": "x", "passphrase": PASSPHRASE,
    });
    let refused = bench.refused("setup_server", args);
    assert!(refused.retryable, "{refused:?}");
    assert_eq!(bench.ask("app_status", json!({}))["phase"], "first_run");
    let plain = json!({
        "server_url": "http://example.invalid", "enrol_code": "A", "login": "a", "password": "x",
        "passphrase": PASSPHRASE,
    });
    assert_eq!(bench.refused("setup_server", plain).code, "sync.plain_http");
}

#[test]
fn what_was_half_typed_is_there_after_a_restart() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let draft = json!({ "case": case, "field": "request.words", "raw": "机器开不了机，想" });
    bench.ask("draft_put", draft);
    let bench = bench.restarted();
    assert_eq!(bench.ask("app_status", json!({}))["phase"], "locked");
    bench.ask("unlock", json!({ "passphrase": PASSPHRASE }));
    assert_eq!(
        bench.field(&case, FieldKey::RequestWords).draft.as_deref(),
        Some("机器开不了机，想")
    );
}

#[test]
fn nothing_readable_lies_in_the_profile() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    bench.set(&case, FieldKey::MerchantName, "金丝雀商行样例");
    bench.ask(
        "draft_put",
        json!({ "case": case, "field": "request.words", "raw": "金丝雀草稿" }),
    );
    bench.desk.close();
    let mut looked_at = 0;
    let mut folders = vec![bench.dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for canary in ["金丝雀", PASSPHRASE] {
                assert!(
                    !bytes
                        .windows(canary.len())
                        .any(|part| part == canary.as_bytes()),
                    "{}",
                    path.display()
                );
            }
            looked_at += 1;
        }
    }
    assert!(looked_at >= 4);
}

#[test]
fn the_demo_desk_stands_beside_the_real_one_and_rings() {
    let bench = Bench::demo(&testkit::agent());
    let status = bench.ask("app_status", json!({}));
    assert_eq!(
        (status["phase"].as_str(), status["demo"].as_bool()),
        (Some("ready"), Some(true))
    );
    assert_eq!(status["ringing"]["number"], "130****0001");
    let call = status["ringing"]["call_ref"].clone();
    let screen = bench.ask("case_new", json!({ "call_ref": call, "channel": "phone" }));
    assert!(bench.ask("app_status", json!({}))["ringing"].is_null());
    bench.ask(
        "call_end",
        json!({ "case": screen["id"], "call_ref": call }),
    );
    assert_eq!(bench.ask("calls", json!({}))[0]["number"], "130****0001");
    bench.ask("lock", json!({}));
    assert_eq!(bench.ask("app_status", json!({}))["phase"], "first_run");
    bench.ask("setup_demo", json!({}));
    assert_eq!(
        bench.screen(screen["id"].as_str().unwrap()).id,
        screen["id"].as_str().unwrap()
    );
}

#[test]
fn a_link_to_a_call_rings_becomes_a_case_with_its_number_and_does_not_outlive_a_lock() {
    let bench = Bench::demo(&testkit::agent());
    let link = |text: &str| bench.desk.open_call_link(CallLink::parse(text).unwrap());
    let ringing = || bench.ask("app_status", json!({}))["ringing"].clone();
    let demo = ringing()["call_ref"].clone();
    let screen = bench.ask("case_new", json!({ "call_ref": demo, "channel": "phone" }));
    assert_eq!(screen["fields"]["caller.phone"]["display"], "130****0001");
    link("unbind-desk://call?from=13000000062&id=L-1");
    assert_eq!(ringing()["number"], "130****0062");
    assert_eq!(ringing()["demo"], false);
    let screen = bench.ask("case_new", json!({ "call_ref": "L-1", "channel": "phone" }));
    assert_eq!(screen["fields"]["caller.phone"]["display"], "130****0062");
    link("unbind-desk://call?from=13000000062&id=L-1");
    assert!(ringing().is_null(), "it was taken");
    link("unbind-desk://call?id=L-2");
    assert_eq!(ringing()["number"], "");
    let screen = bench.ask("case_new", json!({ "call_ref": "L-2", "channel": "phone" }));
    assert!(
        screen["fields"]["caller.phone"]["display"]
            .as_str()
            .unwrap_or_default()
            .is_empty()
    );
    link("unbind-desk://call?id=L-3");
    bench.clock.pass(120_000);
    assert!(ringing().is_null(), "nobody took it");
    link("unbind-desk://call?id=L-4");
    bench.ask("lock", json!({}));
    assert!(ringing().is_null());
    link("unbind-desk://call?id=L-5");
    assert!(ringing().is_null(), "a locked desk shows nothing");
    bench.ask("setup_demo", json!({}));
    assert_eq!(ringing()["call_ref"], "L-5");
}

#[test]
fn a_build_without_demo_data_says_so() {
    assert_eq!(
        Bench::fresh().refused("setup_demo", json!({})).code,
        "start.no_demo_pack"
    );
}
