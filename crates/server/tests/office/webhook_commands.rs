//! `webhook …` as an operator types it, beside a running server.

use crate::support::hooks::{Answer, Receiver, allow};
use crate::support::{HERE, THERE, TestOffice, admin, eventually, office, refuses, said};
use serde_json::Value;

fn does(office: &TestOffice, arguments: &[&str]) -> String {
    let output = admin(office, arguments, "");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    said(&output)
}

fn json(office: &TestOffice, arguments: &[&str]) -> Value {
    serde_json::from_str(&does(office, arguments)).unwrap()
}

#[test]
fn what_is_typed_wrong_is_refused_in_words_that_do_not_repeat_the_address() {
    let office = office();
    for (url, why) in [
        ("example.test", "not a URL"),
        ("http://example.test/", "https://"),
        ("https://geheim:geheim@example.test/", "a name, a password"),
        ("https://example.test:22/geheim", "port"),
        ("https://127.0.0.1/geheim", "not public"),
        ("https://0x7f.1/geheim", "not public"),
        ("https://169.254.169.254/geheim", "not public"),
        ("http://127.0.0.1:9000/geheim", "https://"),
    ] {
        let output = admin(&office, &["webhook", "add", HERE, url], "");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && words.contains(why),
            "{url}: {words}"
        );
        assert!(!words.contains("geheim"), "{words}");
    }
    let good = "https://example.test/";
    refuses(
        &office,
        &["webhook", "add", "XX999", good],
        "",
        "no office XX999",
    );
    refuses(
        &office,
        &["webhook", "add", HERE, good, "--event", "case.burnt"],
        "",
        "no event case.burnt",
    );
    for verb in ["disable", "enable", "remove", "rotate", "log", "test"] {
        refuses(
            &office,
            &["webhook", verb, "nobody"],
            "",
            "no endpoint nobody",
        );
    }
    refuses(
        &office,
        &["webhook", "replay", "nobody", "--failed"],
        "",
        "no endpoint",
    );
    refuses(&office, &["webhook", "replay", "nobody"], "", "WEBHOOK-ID");
    assert_eq!(
        json(&office, &["webhook", "list", "--json"]),
        serde_json::json!([])
    );
}

#[test]
fn an_endpoint_comes_is_listed_stopped_and_taken_away_and_its_secret_is_shown_once() {
    let office = office();
    let url = "https://example.test/hook?access_token=geheim";
    let shown = does(
        &office,
        &["webhook", "add", HERE, url, "--event", "case.unbound"],
    );
    let (id, secret) = shown.trim().split_once('\n').unwrap();
    assert!(
        secret.starts_with("whsec_") && secret.len() == 50,
        "{secret}"
    );
    let other = json(
        &office,
        &["webhook", "add", THERE, "https://example.test/", "--json"],
    );
    assert!(other["secret"].as_str().unwrap().starts_with("whsec_"));
    let all = json(&office, &["webhook", "list", "--json"]);
    assert_eq!(all.as_array().unwrap().len(), 2);
    let listed = json(&office, &["webhook", "list", "--office", HERE, "--json"]);
    assert_eq!(listed[0]["id"], id);
    assert_eq!(listed[0]["events"], serde_json::json!(["case.unbound"]));
    assert_eq!(listed[0]["status"], "active");
    let everything = [all.to_string(), does(&office, &["webhook", "list"])].concat();
    assert!(
        !everything.contains("geheim") && !everything.contains(secret),
        "{everything}"
    );
    does(&office, &["webhook", "disable", id]);
    let listed = json(&office, &["webhook", "list", "--office", HERE, "--json"]);
    assert_eq!(
        (&listed[0]["status"], &listed[0]["why"]),
        (&"disabled".into(), &"admin".into())
    );
    refuses(&office, &["webhook", "test", id], "", "is disabled");
    refuses(
        &office,
        &["webhook", "replay", id, "--failed"],
        "",
        "is disabled",
    );
    does(&office, &["webhook", "enable", id]);
    let rotated = does(&office, &["webhook", "rotate", id, "--overlap-hours", "1"]);
    assert!(rotated.starts_with("whsec_") && rotated.trim() != secret);
    does(&office, &["webhook", "remove", id]);
    refuses(&office, &["webhook", "log", id], "", "no endpoint");
    assert_eq!(
        json(&office, &["webhook", "list", "--json"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_test_is_sent_by_the_server_logged_and_replayed() {
    let receiver = Receiver::start();
    let mut office = office();
    allow(&mut office);
    receiver.answers(Answer::Status(200));
    let url = receiver.url();
    let add = ["webhook", "add", HERE, &url, "--allow-private", "--json"];
    let added = json(&office, &add);
    let (id, secret) = (
        added["id"].as_str().unwrap(),
        added["secret"].as_str().unwrap(),
    );
    // The command goes by the machine's time, the server by the test's: it is due when that has come.
    let webhook_id = does(&office, &["webhook", "test", id]).trim().to_owned();
    office.clock.advance(100 * 365 * 86_400_000);
    let heard = eventually(|| receiver.heard().first().cloned());
    assert_eq!(heard.id, webhook_id);
    assert!(heard.is_signed_by(secret));
    assert_eq!(heard.json()["type"], "webhook.test");
    assert_eq!(heard.json()["data"], serde_json::json!({ "office": HERE }));
    let logged = eventually(|| {
        let line = does(&office, &["webhook", "log", id, "--json"]);
        let one: Value = serde_json::from_str(&line).ok()?;
        (one["status"] == "delivered").then_some(one)
    });
    assert_eq!(
        (&logged["id"], &logged["attempts"][0]["status"]),
        (&webhook_id.clone().into(), &200.into())
    );
    let shown = does(&office, &["webhook", "log", id]);
    assert!(shown.contains("webhook.test delivered\n  1. "), "{shown}");
    refuses(
        &office,
        &["webhook", "replay", id, "nobody's"],
        "",
        "no delivery",
    );
    assert_eq!(
        does(&office, &["webhook", "replay", id, &webhook_id]),
        "1\n"
    );
    eventually(|| (receiver.heard().len() == 2).then_some(()));
    assert_eq!(receiver.heard()[1].id, webhook_id);
}

#[test]
fn where_two_admins_are_asked_for_somebody_is_named() {
    let office = office();
    does(&office, &["safeguards", "--two-admins", "on"]);
    let add = ["webhook", "add", HERE, "https://example.test/"];
    refuses(&office, &add, "", "--as LOGIN");
    let named = [add.as_slice(), &["--as", "chief", "--json"]].concat();
    let typed = format!("{}\n", crate::support::PASSWORD);
    let output = admin(&office, &named, &typed);
    assert!(output.status.success(), "{output:?}");
    let listed = json(&office, &["webhook", "list", "--json"]);
    assert!(listed[0]["made_by"].is_string(), "{listed}");
}
