//! An admin sits at a desk and runs the office from there, over the line, beside a real server.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

use desk_app::door::SystemClock;
use desk_tests::desk::TestDesk;
use desk_tests::office::{BRANCH, Office};
use serde_json::{Value, json};
use std::sync::Arc;

const OWN: &str = "只有本人知道的密码-示例";

struct House {
    folder: tempfile::TempDir,
    office: Office,
}

impl House {
    fn open() -> Self {
        let (folder, office) = Office::open_fresh(1).unwrap();
        Self { folder, office }
    }

    fn desk(&self, name: &str) -> TestDesk {
        TestDesk::open_cheap(&self.folder.path().join(name), Arc::new(SystemClock)).unwrap()
    }

    fn seat(&self, name: &str, login: &str) -> TestDesk {
        let desk = self.desk(name);
        let code = self.office.enrol_code(BRANCH).unwrap();
        desk.enrol(self.office.url(), &code, login).unwrap();
        desk
    }
}

fn overview(admin: &TestDesk) -> Value {
    let page = admin.ask("admin_view", json!({"page": "overview"}));
    page.unwrap()["overview"].take()
}

fn people(admin: &TestDesk, find: &str) -> Vec<Value> {
    let ask = json!({"page": "people", "find": find, "office": null, "after": null});
    let page = admin.ask("admin_view", ask).unwrap();
    page["people"]["people"].as_array().unwrap().clone()
}

fn desks(admin: &TestDesk) -> Vec<Value> {
    let ask = json!({"page": "desks", "office": BRANCH, "after": null});
    let page = admin.ask("admin_view", ask).unwrap();
    page["desks"]["desks"].as_array().unwrap().clone()
}

fn log(admin: &TestDesk) -> Vec<String> {
    let page = admin.ask("admin_view", json!({"page": "log", "before": null}));
    let page = page.unwrap();
    let lines = page["log"]["lines"].as_array().unwrap().iter();
    lines
        .map(|line| {
            format!(
                "{} {}",
                line["by"].as_str().unwrap(),
                line["what"].as_str().unwrap()
            )
        })
        .collect()
}

/// To the one who has just come.
fn gives_rights(admin: &TestDesk) {
    let found = people(admin, "xin");
    assert_eq!(
        (found.len(), &found[0]["settled"], &found[0]["mine"]),
        (1, &json!(true), &json!(true))
    );
    let user = found[0]["user"].clone();
    let factor = admin
        .ask("admin_act", json!({"act": "set_factor", "user": user}))
        .unwrap();
    assert!(
        factor["factor"]["address"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/")
    );
    // The address of a real one fits on the picture that a phone takes.
    assert!(factor["factor"]["qr"].is_object(), "{factor}");
    let more = json!({
        "act": "rights", "user": user, "roles": ["agent", "clerk"], "employer": "outsourcer", "offices": [BRANCH],
    });
    let person = admin.ask("admin_act", more).unwrap();
    assert_eq!(person["person"]["roles"], json!(["agent", "clerk"]));
    let me = people(admin, "admin1")[0]["user"].clone();
    let own = admin.try_ask("admin_act", json!({"act": "disable", "user": me}));
    assert_eq!(own.unwrap_err().code, "admin.yourself");
}

#[test]
fn an_admin_invites_gives_rights_and_puts_a_desk_out_from_a_desk() {
    let house = House::open();
    let admin = house.seat("admin", "admin1");
    let branch = overview(&admin)["offices"]
        .as_array()
        .unwrap()
        .iter()
        .find(|office| office["code"] == BRANCH)
        .cloned();
    assert!(branch.unwrap()["people"].as_u64().unwrap() > 3);

    // Bad input first: nothing is made, and the field is named.
    let mut wish = json!({
        "act": "invite", "login": "bad login", "name": "新同事（示例）", "roles": ["agent"],
        "employer": "acquirer", "offices": [BRANCH], "office": null,
    });
    let refused = admin.try_ask("admin_act", wish.clone()).unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.field.as_deref()),
        ("admin.bad_field", Some("login"))
    );
    wish["login"] = json!("xin");
    let made = admin.ask("admin_act", wish).unwrap();
    let invitation = made["code"]["code"].as_str().unwrap().to_owned();
    let enrol = admin
        .ask("admin_act", json!({"act": "new_desk", "office": BRANCH}))
        .unwrap();
    let enrol = enrol["code"]["code"].as_str().unwrap().to_owned();

    let second = house.desk("second");
    let arrived = second.ask(
        "setup_server",
        json!({
            "server_url": house.office.url(), "enrol_code": enrol, "login": "", "password": OWN,
            "invitation": invitation, "passphrase": "本机口令-correct-horse-示例",
        }),
    );
    assert_eq!(arrived.unwrap()["user"]["login"], "xin");

    gives_rights(&admin);

    // Somebody who is no admin does not get as far as the line.
    let agent = second.try_ask("admin_view", json!({"page": "overview"}));
    assert_eq!(agent.unwrap_err().code, "actor.role");

    let there = desks(&admin);
    let other = there.iter().find(|desk| {
        desk["here"] == false && desk["status"] == "active" && desk["label"] == "unbind-desk"
    });
    let device = other.unwrap()["device"].clone();
    let out = json!({"act": "revoke", "device": device, "reason": "收回（示例）"});
    assert_eq!(
        admin.ask("admin_act", out).unwrap()["desk"]["status"],
        "revoked"
    );
    assert_eq!(
        log(&admin)[..5],
        [
            "admin1 revoke",
            "admin1 rights",
            "admin1 set_factor",
            "admin1 new_desk",
            "admin1 invite"
        ]
    );
}

#[test]
fn without_the_line_an_admin_is_told_so_and_nothing_is_done() {
    let mut house = House::open();
    let admin = house.seat("admin", "admin1");
    house.office.stop();
    let ask = json!({"act": "new_desk", "office": BRANCH});
    let refused = admin.try_ask("admin_act", ask.clone()).unwrap_err();
    assert!(refused.retryable, "{}", refused.code);
    house.office.restart().unwrap();
    assert!(admin.ask("admin_act", ask).unwrap()["code"]["code"].is_string());
    // The first one is how the admin's own desk came here.
    assert_eq!(log(&admin), ["admin1 new_desk", "console new_desk"]);
}
