//! Somebody is invited: the code is redeemed at a desk, the password is their own, and their wrap opens the desk's file.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

use desk_app::door::SystemClock;
use desk_tests::desk::{PASSPHRASE, TestDesk};
use desk_tests::office::{BRANCH, Office};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const OWN: &str = "只有本人知道的密码-示例";
const MINE: &str = "本机口令-correct-horse-示例";

struct House {
    folder: tempfile::TempDir,
    office: Office,
}

impl House {
    fn open() -> Self {
        let (folder, office) = Office::open_fresh(1).unwrap();
        Self { folder, office }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn desk(&self, name: &str) -> TestDesk {
        TestDesk::open_cheap(&self.path(name), Arc::new(SystemClock)).unwrap()
    }

    /// The first line that a command prints.
    fn code(&self, arguments: &[&str]) -> String {
        let shown = self.office.admin(arguments).unwrap();
        shown.lines().next().unwrap().to_owned()
    }

    fn invite(&self, login: &str) -> String {
        let person = [
            "--name",
            "新同事（示例）",
            "--role",
            "agent",
            "--office",
            BRANCH,
        ];
        self.code(&[&["user", "invite", login][..], &person].concat())
    }
}

fn redeemed(code: &str, passphrase: Option<&str>) -> Value {
    json!({ "login": "", "password": OWN, "totp": null, "invitation": code, "passphrase": passphrase })
}

fn login_of(status: &Value) -> &str {
    status["user"]["login"].as_str().unwrap()
}

#[test]
fn at_a_desk_that_stands_a_second_person_gets_a_wrap_and_a_forgotten_one_is_made_anew() {
    let house = House::open();
    let desk = house.desk("desk");
    let enrol = house.office.enrol_code(BRANCH).unwrap();
    desk.enrol(house.office.url(), &enrol, "agent1").unwrap();
    let code = house.invite("xin");

    let wrong = desk.try_ask("sign_in", redeemed("WRONG", Some(MINE)));
    assert_eq!(wrong.unwrap_err().code, "invitation.code_wrong");
    let short = desk.try_ask("sign_in", redeemed(&code, Some("too short")));
    assert_eq!(short.unwrap_err().code, "vault.passphrase_too_short");
    let unsaid = desk.try_ask("sign_in", redeemed(&code, None));
    assert_eq!(unsaid.unwrap_err().code, "session.passphrase_needed");
    // The code was spent by that, and this desk may show it once more.
    let status = desk.ask("sign_in", redeemed(&code, Some(MINE))).unwrap();
    assert_eq!(
        (login_of(&status), &status["phase"]),
        ("xin", &json!("ready"))
    );

    desk.ask("lock", json!({})).unwrap();
    let unlock = |who: &str, passphrase: &str| {
        desk.try_ask("unlock", json!({ "user": who, "passphrase": passphrase }))
    };
    assert_eq!(login_of(&unlock("xin", MINE).unwrap()), "xin");
    assert_eq!(login_of(&unlock("agent1", PASSPHRASE).unwrap()), "agent1");

    // Both are forgotten. A colleague unlocks, the code opens the account, and a new passphrase this file.
    let code = house.code(&["user", "reset", "xin"]);
    let other = "另一个口令-battery-staple-示例";
    let status = desk.ask("sign_in", redeemed(&code, Some(other))).unwrap();
    assert_eq!(login_of(&status), "xin");
    desk.ask("lock", json!({})).unwrap();
    assert_eq!(
        unlock("xin", MINE).unwrap_err().code,
        "vault.wrong_passphrase"
    );
    assert_eq!(login_of(&unlock("xin", other).unwrap()), "xin");
    let by_password = json!({ "login": "xin", "password": OWN });
    assert_eq!(login_of(&desk.ask("sign_in", by_password).unwrap()), "xin");
}

#[test]
fn the_first_person_of_a_new_desk_may_be_one_who_was_invited() {
    let house = House::open();
    let (desk, code) = (house.desk("new"), house.invite("xin"));
    let set_up = |invitation: &str, enrol: &str| {
        desk.try_ask(
            "setup_server",
            json!({
                "server_url": house.office.url(), "enrol_code": enrol, "login": "", "password": OWN,
                "invitation": invitation, "passphrase": MINE,
            }),
        )
    };
    let enrol = house.office.enrol_code(BRANCH).unwrap();
    assert_eq!(
        set_up("WRONG", &enrol).unwrap_err().code,
        "invitation.code_wrong"
    );
    let status = set_up(&code, &enrol).unwrap();
    assert_eq!(
        (login_of(&status), &status["phase"]),
        ("xin", &json!("ready"))
    );
    desk.close();

    let again = house.desk("new");
    let status = again.ask("unlock", json!({ "passphrase": MINE })).unwrap();
    assert_eq!(login_of(&status), "xin");
    let mut bytes = Vec::new();
    for entry in fs::read_dir(house.path("new/desk")).unwrap() {
        bytes.extend(fs::read(entry.unwrap().path()).unwrap_or_default());
    }
    for secret in [OWN, MINE, code.as_str()] {
        let found = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{secret} lies in the profile");
    }
}
