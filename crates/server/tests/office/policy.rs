//! The organisation's policy: set by an admin, signed, in force on every server from its approval on.

use crate::support::demo::{load, matched_in, send_back, sit, write};
use crate::support::{Desk, HERE, PASSWORD, TestOffice, add_user, admin, office, refuses, said};
use desk_domain::case::CaseState;
use desk_domain::op::OpBody;
use desk_domain::people::Role;
use desk_domain::policy::SHIPPED;
use desk_protocol::policy::policy_message;
use desk_server::Server;
use desk_server::bundles::BundleKeys;
use desk_server::door::SystemChance;
use desk_server::repo::sql::Connection;
use ed25519_dalek::{Signature, VerifyingKey};
use std::path::PathBuf;

pub fn text(version: u32, changes: &[(&str, &str)]) -> String {
    let mut text = SHIPPED.replace("version = 2", &format!("version = {version}"));
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

pub fn file(office: &TestOffice, text: &str) -> PathBuf {
    let path = office.dir.path().join("policy.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// Puts a text in force.
pub fn set(office: &TestOffice, text: &str) -> String {
    let path = file(office, text);
    let arguments = ["policy", "set", path.to_str().unwrap(), "--reason", "示例"];
    let output = admin(office, &arguments, "");
    assert!(output.status.success(), "{output:?}");
    said(&output)
}

fn hello(office: &TestOffice) -> serde_json::Value {
    hello_to(&office.desk(HERE, "agent"))
}

fn hello_to(desk: &Desk) -> serde_json::Value {
    let body = serde_json::json!({"device": desk.id, "app_version": "0"});
    let reply = desk.send("POST", "/v1/sync/hello", body.to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[test]
fn what_is_no_policy_is_refused_and_the_one_in_force_stays() {
    let office = office();
    let good = text(3, &[]);
    for (text, why) in [
        ("version = 3".to_owned(), "missing field"),
        (text(3, &[("stop_at = 70", "stop_at = 30")]), "out of order"),
        (
            text(3, &[("under_pressure = {", "\"Unter Druck\" = {")]),
            "plain name",
        ),
        (format!("{good}\nsurprise = 1\n"), "unknown field"),
        (
            good.replace("version = 3", "version = 2"),
            "write version = 3",
        ),
        ("x".repeat(300 * 1024), "at most"),
    ] {
        let path = file(&office, &text);
        let path = path.to_str().unwrap();
        refuses(
            &office,
            &["policy", "set", path, "--reason", "示例"],
            "",
            why,
        );
    }
    let path = file(&office, &good);
    let path = path.to_str().unwrap();
    refuses(
        &office,
        &["policy", "set", path, "--reason", " "],
        "",
        "--reason",
    );
    refuses(
        &office,
        &["policy", "set", "/nowhere", "--reason", "x"],
        "",
        "/nowhere",
    );
    refuses(&office, &["policy", "show", "9"], "", "no version 9");
    assert_eq!(hello(&office)["policy_version"], 2);
    assert_eq!(
        said(&admin(&office, &["policy", "show"], "")).trim_end(),
        SHIPPED.trim_end()
    );
}

#[test]
fn a_policy_says_what_it_makes_easier_and_reaches_desks_signed() {
    let office = office();
    let easier = text(
        7,
        &[
            ("L3 = { points = 70", "L3 = { points = 60"),
            ("days = 30", "days = 20"),
        ],
    );
    let path = file(&office, &easier);
    let checked = said(&admin(
        &office,
        &["policy", "check", path.to_str().unwrap()],
        "",
    ));
    assert!(
        checked.contains("! assurance.levels.L3.points: 70 -> 60"),
        "{checked}"
    );
    assert!(checked.contains("  waiting.days: 30 -> 20"), "{checked}");
    assert_eq!(hello(&office)["policy_version"], 2, "checking sets nothing");

    let told = set(&office, &easier);
    assert!(told.contains("version 7 is in force"), "{told}");
    let hello = hello(&office);
    assert_eq!(hello["policy_version"], 7);
    let toml = hello["policy"].as_str().unwrap();
    assert_eq!(toml, easier);
    let bytes = |value: &serde_json::Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(value.as_str().unwrap())
            .unwrap()
    };
    let key: [u8; 32] = bytes(&hello["bundle_signer"]).try_into().unwrap();
    let signature: [u8; 64] = bytes(&hello["policy_signature"]).try_into().unwrap();
    let key = VerifyingKey::from_bytes(&key).unwrap();
    key.verify_strict(&policy_message(7, toml), &Signature::from_bytes(&signature))
        .unwrap();

    let list = said(&admin(&office, &["policy", "list"], ""));
    assert!(
        list.contains("示例") && list.contains("in force: version 7"),
        "{list}"
    );
    assert_eq!(
        said(&admin(&office, &["policy", "show", "7"], "")).trim_end(),
        easier.trim_end()
    );
}

/// The running server judges by the new text with its next push; nobody restarts it.
#[test]
fn the_next_verdict_is_by_the_policy_in_force() {
    let office = TestOffice::demo(24);
    let case = matched_in(&office, CaseState::Submitted);
    let take = OpBody::ReviewTake {
        note: String::new(),
    };
    set(
        &office,
        &text(
            3,
            &[("code = \"SERIAL_MISMATCH\"", "code = \"SERIAL_OTHER\"")],
        ),
    );
    let mut reviewer = sit(&office, "reviewer1");
    write(&mut reviewer, case.id, vec![take]);
    let op = reviewer.op(case.id, &send_back());
    let refused = format!("{:?}", reviewer.write(vec![op]));
    assert!(refused.contains("review.reason_unknown"), "{refused}");
    set(&office, &text(4, &[]));
    write(&mut reviewer, case.id, vec![send_back()]);
    assert_eq!(load(&office, case.id).state, CaseState::Returned);
}

#[test]
fn where_two_admins_are_asked_for_another_person_puts_it_in_force() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    let house = office.house();
    add_user(&house, "second", Role::Admin, &[HERE]);
    drop(house);
    let typed = format!("{PASSWORD}\n");
    assert!(
        admin(&office, &["safeguards", "--two-admins", "on"], "")
            .status
            .success()
    );
    let path = file(&office, &text(3, &[]));
    let propose = ["policy", "set", path.to_str().unwrap(), "--reason", "示例"];
    refuses(&office, &propose, "", "--as LOGIN");
    let with = |login: &str, arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--as", login]);
        admin(&office, &all, &typed)
    };
    let proposed = said(&with("chief", &propose));
    assert!(proposed.contains("waits for another admin"), "{proposed}");
    assert_eq!(hello_to(&desk)["policy_version"], 2);
    let approve = ["policy", "approve", "3"];
    let same = with("chief", &approve);
    assert!(!same.status.success());
    assert!(
        String::from_utf8(same.stderr)
            .unwrap()
            .contains("another person")
    );
    assert_eq!(hello_to(&desk)["policy_version"], 2);
    assert!(with("second", &approve).status.success());
    assert_eq!(hello_to(&desk)["policy_version"], 3);
    assert!(!with("second", &approve).status.success(), "once");
    assert!(!with("second", &["policy", "approve", "4"]).status.success());
    let list = said(&admin(&office, &["policy", "list", "--json"], ""));
    assert!(
        list.contains("\"proposed_by\":\"chief\",") && list.contains("\"approved_by\":\"second\""),
        "{list}"
    );
}

/// Whoever can write to the database cannot make an unbind cheaper.
#[test]
fn a_policy_that_was_changed_in_the_database_is_not_judged_by() {
    let mut office = office();
    set(&office, &text(3, &[]));
    assert_eq!(hello(&office)["policy_version"], 3);
    let tamper = |version: i64, text: String| {
        let house = office.house();
        let write = move |conn: &Connection| {
            let sql = format!(
                "INSERT INTO policy (version, toml, signature, reason, proposed_at, approved_at) \
                 SELECT {version}, ?1, signature, reason, proposed_at, approved_at FROM policy WHERE version = 3"
            );
            conn.execute(&sql, [text.clone()])?;
            Ok(())
        };
        house.repo.write_blocking(write).unwrap();
    };
    tamper(4, text(4, &[("L3 = { points = 70", "L3 = { points = 10")]));
    let now = hello(&office);
    assert_eq!(now["policy_version"], 3, "the one before stays in force");
    let config = office.config.clone();
    // The way out is the one that the words name.
    let mended = text(5, &[]);
    let path = file(&office, &mended);
    let arguments = ["policy", "set", path.to_str().unwrap(), "--reason", "示例"];
    let (dir, environment) = (office.dir.path().to_owned(), office.environment());
    office.restart_after(|| {
        let refused = Server::start(config).err().unwrap().to_string();
        assert!(refused.contains("policy 4 is not signed"), "{refused}");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_unbind-desk-server"));
        command
            .args(arguments)
            .arg("--data")
            .arg(dir)
            .envs(environment);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    });
    assert_eq!(hello(&office)["policy_version"], 5);
    let keys = BundleKeys::open(office.dir.path(), &SystemChance).unwrap();
    assert_eq!(hello(&office)["bundle_signer"], keys.signer());
}
