//! Queues, search, events, documents at the door.

use super::{Bench, case_of, stranger};
use desk_domain::testkit;
use serde_json::json;
use std::time::Duration;

#[test]
fn a_queue_pages_without_repeating_or_skipping() {
    let bench = Bench::demo(&testkit::agent());
    let all = bench.ask(
        "queue",
        json!({ "filter": "all", "after": null, "limit": 50 }),
    );
    let all: Vec<String> = ids(&all);
    assert_eq!(all.len(), super::stories().len());
    let mut paged = Vec::new();
    let mut after = json!(null);
    loop {
        let page = bench.ask(
            "queue",
            json!({ "filter": "all", "after": after, "limit": 3 }),
        );
        paged.extend(ids(&page));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(paged, all);
    for odd in ["x", "1", "1.x", "x.y"] {
        let refused = bench.refused(
            "queue",
            json!({ "filter": "all", "after": odd, "limit": 3 }),
        );
        assert_eq!(refused.code, "request.bad_arguments");
    }
    assert_eq!(
        bench
            .refused("queue", json!({ "filter": "x", "after": null, "limit": 3 }))
            .code,
        "request.not_a_choice"
    );
}

fn ids(page: &serde_json::Value) -> Vec<String> {
    page["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn counts_name_every_queue() {
    let bench = Bench::demo(&testkit::agent());
    let counts = bench.ask("queue_counts", json!({}))["counts"].clone();
    assert_eq!(
        (counts["all"].as_u64(), counts["execute"].as_u64()),
        (Some(10), Some(2))
    );
    assert_eq!(counts.as_object().unwrap().len(), 11);
}

#[test]
fn a_merchant_is_found_by_number_with_its_open_case() {
    let bench = Bench::demo(&testkit::agent());
    let found = bench.ask("search", json!({ "query": "822290070110001" }));
    assert_eq!(found["merchants"][0]["name"], "测试小吃店");
    let named = bench.ask("search", json!({ "query": "小吃" }));
    assert_eq!(named["merchants"], found["merchants"]);
    assert!(!found["cases"].as_array().unwrap().is_empty());
    let merchant = bench.ask(
        "merchant_open",
        json!({ "merchant": found["merchants"][0]["id"] }),
    );
    assert!(merchant["terminals"][0]["open_case"].is_string());
    let nobody = bench.refused(
        "merchant_open",
        json!({ "merchant": stranger().to_string() }),
    );
    assert_eq!(nobody.code, "merchant.not_found");
    assert!(
        !bench
            .ask("knowledge_list", json!({}))
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        bench
            .refused("knowledge_open", json!({ "article": "no" }))
            .code,
        "article.not_found"
    );
}

#[test]
fn an_sms_that_did_not_arrive_calls_its_agent_to_the_phone() {
    let bench = Bench::demo(&testkit::agent());
    let case = case_of("unbound").to_string();
    let kinds = || -> Vec<String> {
        let rows = bench.ask("notifications", json!({}));
        let of_case = rows
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["case"] == case.as_str());
        of_case
            .map(|row| row["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    let told = |channel: &str, delivered: bool| {
        let notice = json!({ "case": case, "channel": channel, "template": "done", "delivered": delivered, "note": "" });
        bench.ask("notice_record", notice)["call_needed"].clone()
    };
    assert!(kinds().contains(&"unbound".to_owned()));
    assert_eq!(told("sms", false), json!(true));
    let asked = kinds();
    assert!(asked.contains(&"call_needed".to_owned()) && !asked.contains(&"unbound".to_owned()));
    assert_eq!(told("call", true), json!(false));
    assert!(kinds().contains(&"unbound".to_owned()));
}

#[test]
fn a_change_is_told_in_order_and_names_its_case() {
    let bench = Bench::standalone();
    let before = bench
        .desk
        .events_since(0, Duration::from_secs(5))
        .unwrap()
        .n;
    let case = bench.new_case();
    let mut seen = before;
    let told = std::iter::from_fn(|| {
        let next = bench.desk.events_since(seen, Duration::from_secs(5))?;
        assert_eq!(next.n, seen + 1);
        seen = next.n;
        Some(next)
    });
    assert!(told.take(20).any(|changed| changed.cases.contains(&case)));
}

#[test]
fn odd_documents_are_refused_before_they_are_kept() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let add = |kind: &str, bytes: &str| json!({ "case": case, "kind": kind, "name": "照片.jpg", "bytes": bytes, "replaces": null });
    assert_eq!(
        bench.refused("document_add", add("selfie", "")).code,
        "request.not_a_choice"
    );
    assert_eq!(
        bench.refused("document_add", add("invoice", "***")).code,
        "document.bad_base64"
    );
    assert_eq!(
        bench.refused("document_add", add("invoice", "")).code,
        "media.empty"
    );
    let huge = "A".repeat(28 * 1024 * 1024);
    assert_eq!(
        bench.refused("document_add", add("invoice", &huge)).code,
        "media.too_large"
    );
    assert!(
        bench
            .ask("document_tray", json!({}))
            .as_array()
            .unwrap()
            .is_empty()
    );
    let ticket = json!({ "document": stranger().to_string(), "part": "rendition", "page": 0 });
    assert_eq!(
        bench.refused("document_ticket", ticket).code,
        "document.not_found"
    );
    assert!(bench.desk.redeem(&"0".repeat(32)).is_none());
}

#[test]
fn a_stand_alone_desk_has_no_server_to_ask() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    let sign_in = json!({ "login": "a", "password": "b", "passphrase": null });
    assert_eq!(bench.refused("sign_in", sign_in).code, "session.no_server");
    let link = |act| {
        bench
            .refused("merchant_link", json!({ "case": case, "act": act }))
            .code
    };
    assert_eq!(link("show"), "session.no_server");
    assert_eq!(link("give away"), "request.not_a_choice");
    assert_eq!(
        bench.refused("code_send", json!({ "case": case })).code,
        "code.no_serial"
    );
    let short = bench.refused("code_verify", json!({ "case": case, "code": "12a456" }));
    assert_eq!(short.code, "code.six_digits");
    let screen = bench.ask("sync_now", json!({}));
    assert_eq!(
        (screen["link"].as_str(), screen["badge"]["state"].as_str()),
        (Some("standalone"), Some("local_only"))
    );
    assert!(screen["rows"].as_array().unwrap().is_empty());
    let waiting = screen["waiting"].as_array().unwrap();
    assert_eq!(waiting.len(), 1, "one case, however many ops");
    assert_eq!(
        (waiting[0]["reason"].as_str(), waiting[0]["case"].as_str()),
        (Some("no_server"), Some(case.as_str()))
    );
    let ops: u64 = waiting.iter().map(|row| row["ops"].as_u64().unwrap()).sum();
    assert_eq!(
        ops + screen["waiting_more"].as_u64().unwrap(),
        screen["badge"]["unsent"].as_u64().unwrap()
    );
}

#[test]
fn diagnostics_become_a_new_file_each_time() {
    let bench = Bench::standalone();
    let saved = || {
        let saved = bench.ask("sync_diagnostics", json!({ "save": true }));
        std::path::PathBuf::from(saved["path"].as_str().unwrap())
    };
    let (first, second) = (saved(), saved());
    assert_ne!(first, second);
    assert!(first.starts_with(bench.dir.path().join("exports")));
    let lines = |text: &str| -> Vec<String> {
        // The disk is shared with whoever else runs.
        let kept = text.lines().filter(|line| !line.starts_with("free_bytes"));
        kept.map(str::to_owned).collect()
    };
    let text = std::fs::read_to_string(&second).unwrap();
    let shown = bench.ask("sync_diagnostics", json!({}));
    assert_eq!(lines(&text), lines(shown["text"].as_str().unwrap()));
    assert!(text.contains("unsent: 0"));
    std::fs::remove_dir_all(bench.dir.path().join("exports")).unwrap();
    std::fs::write(bench.dir.path().join("exports"), b"in the way").unwrap();
    let refused = bench.refused("sync_diagnostics", json!({ "save": true }));
    assert_eq!(
        (refused.code.as_str(), refused.retryable),
        ("file.not_written", true)
    );
}

#[test]
fn withdrawn_finished_and_waiting_cases_move_as_the_rules_say() {
    let bench = Bench::demo(&testkit::agent());
    let draft = case_of("draft").to_string();
    let waiting = bench.ask(
        "case_move",
        json!({ "case": draft, "act": { "kind": "wait", "promise_date": "2026-03-31" } }),
    );
    assert_eq!(
        (waiting["state"].as_str(), waiting["next_action"].as_str()),
        (Some("waiting"), Some("case_resume"))
    );
    assert!(!waiting["waiting_missing"].as_array().unwrap().is_empty());
    assert_eq!(
        bench
            .refused(
                "case_move",
                json!({ "case": draft, "act": { "kind": "wait", "promise_date": "tomorrow" } })
            )
            .code,
        "request.bad_date"
    );
    assert_eq!(
        bench.ask(
            "case_move",
            json!({ "case": draft, "act": { "kind": "resume", "reason": "" } })
        )["state"],
        "draft"
    );
    let finish =
        json!({ "kind": "finish", "way": "resolved", "reason": "重启后正常", "surviving": null });
    let finish = json!({ "case": draft, "act": finish });
    assert_eq!(bench.ask("case_move", finish)["state"], "resolved");
}
