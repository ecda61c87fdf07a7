//! What the connector does not take: bad settings, forged and stale callbacks, words about something else.

use crate::support::core::{Core, Mood, SECRET, call_back, hook, post, sign};
use crate::support::execution::Story;
use crate::support::{NOON, admin, call, office, refuses, said};
use desk_domain::case::CaseState;
use desk_domain::ids::ExecutionId;
use desk_server::Server;
use desk_server::connector::settings::ConnectorSettings;
use desk_server::connector::{Connector, ConnectorKind};
use desk_server::doctor::{self, State};
use desk_server::door::SystemChance;
use desk_server::sms::settings::Secret;
use serde_json::{Value, json};
use std::fs;

/// Makes one setting bad.
type Change = fn(&mut ConnectorSettings);

fn opened(settings: &ConnectorSettings) -> Result<(), String> {
    let opened = Connector::open(ConnectorKind::Http, settings);
    opened.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn a_bad_setting_is_named_with_its_fix_and_the_secret_is_not_told() {
    let core = Core::start();
    let good = core.settings(&["HZ001"]);
    assert_eq!(opened(&good), Ok(()));
    let table: [(Change, &str); 11] = [
        (|all| all.file.url = None, "url"),
        (|all| all.file.url = Some("core".into()), "url"),
        (
            |all| all.file.url = Some("http://core.example.test/".into()),
            "https://",
        ),
        (
            |all| all.file.url = Some("https://me:pass@core.example.test/".into()),
            "password",
        ),
        (|all| all.key_id.clear(), "UNBIND_DESK_CONNECTOR_KEY_ID"),
        (
            |all| all.secret = Secret::default(),
            "UNBIND_DESK_CONNECTOR_SECRET",
        ),
        (|all| all.secret = Secret::new("short"), "32 characters"),
        (|all| all.file.offices = vec!["hz1".into()], "offices"),
        (|all| all.file.models = vec![" ".into()], "models"),
        (|all| all.file.timeout_seconds = Some(31), "timeout_seconds"),
        (
            |all| all.file.unknown_after_minutes = Some(0),
            "unknown_after_minutes",
        ),
    ];
    for (change, word) in table {
        let mut bad = good.clone();
        change(&mut bad);
        let error = opened(&bad).unwrap_err();
        assert!(error.contains(word), "{word}: {error}");
        assert!(
            !error.contains(SECRET) && !error.contains("short "),
            "{error}"
        );
    }
    assert!(Connector::open(ConnectorKind::None, &ConnectorSettings::default()).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_or_says_too_much_is_refused_without_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("connector.toml");
    let read = |text: &str| {
        fs::write(&file, text).unwrap();
        ConnectorSettings::read(Some(&file), |_| None).map(|_| ())
    };
    assert_eq!(
        read("url = \"https://core.example.test/\"\noffices = [\"HZ001\"]"),
        Ok(())
    );
    for (text, word) in [
        ("url = ", "TOML"),
        ("secret = \"geheim\"", "secret"),
        ("offices = \"HZ001\"", "TOML"),
        ("secret_file = \"nowhere/at/all\"", "secret_file"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(word) && !error.contains("geheim"), "{error}");
    }
    let missing = ConnectorSettings::read(Some(&folder.path().join("none")), |_| None);
    assert!(missing.unwrap_err().contains("--connector-config"));
}

#[test]
fn a_server_with_a_bad_setting_does_not_start_and_the_doctor_names_it() {
    let core = Core::start();
    let mut office = office();
    let of = |office: &crate::support::TestOffice| {
        let found = doctor::look(&office.config, None);
        found
            .into_iter()
            .find(|one| one.part == "connector")
            .unwrap()
    };
    assert_eq!(of(&office).state, State::Right);
    office.config.connector = ConnectorKind::Http;
    office.config.execution = core.settings(&[]);
    assert_eq!(of(&office).state, State::Look, "it takes nothing");
    office.config.execution = core.settings(&["HZ001"]);
    assert_eq!(of(&office).state, State::Right);
    office.config.execution.file.url = None;
    let found = of(&office);
    assert_eq!(found.state, State::Wrong);
    assert!(
        found.what.contains("url is missing") && found.todo.is_some(),
        "{found:?}"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    office.config.data_dir = elsewhere.path().to_owned();
    let error = Server::start(office.config.clone())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("--connector http: url is missing"),
        "{error}"
    );
}

/// Says something with a signature that holds.
fn say(story: &Story, told: &Value) -> (u16, String) {
    let (status, reply) = call_back(&story.office, told);
    (
        status,
        reply["code"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn forged_stale_and_strange_callbacks_change_nothing() {
    let story = Story::begin(Mood::Pending, &["HZ001"]);
    let key = story.arrived();
    let done = story.core.finish(&key);
    let body = done.to_string();
    let now = story.office.clock.now_ms() / 1_000;
    let send = |at_s: i64, signature: &str| {
        let (status, reply) = post(&story.office, &body, at_s, signature);
        (
            status,
            reply["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let forged = (401, "execution.bad_signature".to_owned());
    assert_eq!(send(now, "00"), forged);
    assert_eq!(send(now, &sign("execute", now, body.as_bytes())), forged);
    assert_eq!(
        send(now + 1, &sign("callback", now, body.as_bytes())),
        forged
    );
    let stale = (401, "execution.stale".to_owned());
    for at_s in [now - 301, now + 301, 0, i64::MAX] {
        assert_eq!(send(at_s, &sign("callback", at_s, body.as_bytes())), stale);
    }
    let stranger = ExecutionId::new(NOON, &SystemChance).to_string();
    let with = |name: &str, value: Value| {
        let mut told = done.clone();
        told[name] = value;
        told
    };
    let other = json!([{"terminal_no": "99999999", "result": "unbound"}]);
    for (told, status, code) in [
        (with("key", stranger.into()), 404, "execution.unknown_key"),
        (with("key", "x".into()), 400, "request.bad_json"),
        (with("status", "fine".into()), 400, "request.bad_json"),
        (json!([]), 400, "request.bad_json"),
        (with("reference", Value::Null), 422, "execution.bad_answer"),
        (with("terminals", other), 422, "execution.bad_answer"),
        (
            with("status", "never_seen".into()),
            422,
            "execution.bad_answer",
        ),
    ] {
        assert_eq!(say(&story, &told), (status, code.to_owned()), "{told}");
    }
    let large = " ".repeat(70_000);
    let signature = sign("callback", now, large.as_bytes());
    assert_eq!(post(&story.office, &large, now, &signature).0, 413);
    assert_eq!(story.load().state, CaseState::Executing);
    assert_eq!(story.records(), 0);
    // The same, played again within its window, says it once.
    let signature = sign("callback", now, body.as_bytes());
    assert_eq!(
        [send(now, &signature).0, send(now, &signature).0],
        [200, 200]
    );
    assert_eq!(
        (story.load().state, story.records()),
        (CaseState::Unbound, 1)
    );
}

#[test]
fn whoever_does_not_know_the_address_or_meets_no_connector_is_told_nothing() {
    let office = office();
    let ask = |path: &str| {
        let reply = call(office.addr(), "POST", path, &[], b"{}");
        (reply.status, reply.code())
    };
    assert_eq!(
        ask("/hooks/execution/guess"),
        (401, "auth.token_invalid".into())
    );
    assert_eq!(ask(&hook(&office)), (404, "request.not_found".into()));
}

#[test]
fn the_list_says_what_waits_and_why_and_a_question_can_be_hurried() {
    let story = Story::begin(Mood::Pending, &["HZ001"]);
    let key = story.arrived();
    let number = story.load().case_no.to_string();
    let lines = || -> Value {
        let listed = admin(&story.office, &["execution", "list", "--json"], "");
        serde_json::from_str(&said(&listed)).unwrap()
    };
    let line = lines()[0].clone();
    assert_eq!(
        (&line["case_no"], &line["key"]),
        (&json!(number), &json!(key))
    );
    assert_eq!(line["state"], "asked");
    let plain = said(&admin(&story.office, &["execution", "list"], ""));
    assert!(plain.contains(&number), "{plain}");
    let path = said(&admin(&story.office, &["execution", "hook"], ""));
    assert_eq!(path.trim(), hook(&story.office));
    refuses(
        &story.office,
        &["execution", "requery", "x"],
        "",
        "not a case number",
    );
    // The command knows the machine's time alone; it asks for the answer and sends nothing.
    let hurried = admin(&story.office, &["execution", "requery", &number], "");
    assert!(hurried.status.success());
    story.core.finish(&key);
    story.advancing(CaseState::Unbound);
    assert_eq!((lines(), story.core.posts()), (json!([]), 1));
    let over = "waits for nothing";
    refuses(&story.office, &["execution", "requery", &number], "", over);
}
