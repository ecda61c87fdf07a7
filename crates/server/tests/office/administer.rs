//! Administration from a desk: who may, over whom, and what stays behind.

use crate::policy::{file, text};
use crate::support::{
    Desk, HERE, NOON, PASSWORD, Reply, THERE, TestOffice, add_user, ask_two_admins, office, said,
};
use crate::support::{admin, office_with};
use desk_domain::people::Role;
use desk_protocol::people::DeviceStatus;
use desk_server::repo::{devices, people};
use serde_json::{Value, json};

fn post(desk: &Desk, path: &str, body: &Value) -> Reply {
    desk.send("POST", path, body.to_string().as_bytes())
}

fn refused(reply: &Reply) -> (u16, String, String) {
    let field = reply.json()["field"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (reply.status, reply.code(), field)
}

fn not_so(field: &str) -> (u16, String, String) {
    (422, "admin.bad_field".into(), field.into())
}

fn person(login: &str, offices: &[&str]) -> Value {
    json!({"login": login, "name": "示例新人", "roles": ["agent"], "employer": "acquirer", "offices": offices})
}

fn user(office: &TestOffice, login: &str) -> String {
    let found = office
        .house()
        .repo
        .read_blocking(|conn| people::by_login(conn, login));
    found.unwrap().unwrap().card.user.to_string()
}

/// `local` administers HERE alone; signed in at a desk.
fn local(office: &TestOffice) -> Desk {
    add_user(&office.house(), "local", Role::Admin, &[HERE]);
    office.desk(HERE, "local")
}

fn lines(desk: &Desk) -> Vec<String> {
    let log = desk.get("/v1/admin/log").json();
    let word = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    log["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            ["by", "what", "subject"]
                .map(|key| word(line, key))
                .join(" ")
        })
        .collect()
}

#[test]
fn bad_input_names_its_field_and_nothing_of_it_happens() {
    let office = office();
    let desk = local(&office);
    for (field, value) in [
        ("login", json!("")),
        ("login", json!("a b")),
        ("login", json!("x".repeat(65))),
        ("name", json!("  ")),
        ("name", json!("a\nb")),
        ("roles", json!([])),
        ("roles", json!(["system"])),
        ("offices", json!([])),
        ("offices", json!([THERE])),
        ("office", json!(THERE)),
    ] {
        let mut body = person("newcomer", &[HERE]);
        body[field] = value;
        let reply = post(&desk, "/v1/admin/people", &body);
        assert_eq!(refused(&reply), not_so(field), "{body}");
    }
    let taken = post(&desk, "/v1/admin/people", &person("agent", &[HERE]));
    assert_eq!(
        refused(&taken),
        (409, "admin.login_taken".into(), "login".into())
    );
    let path = format!("/v1/admin/desks/{}", desk.id);
    for act in [
        json!({"do": "revoke", "reason": " "}),
        json!({"do": "wipe", "pace": "at_once", "reason": ""}),
    ] {
        assert_eq!(refused(&post(&desk, &path, &act)), not_so("reason"));
    }
    for (body, field) in [
        (json!({"code": "HZ009", "name": "", "parent": HERE}), "name"),
        (json!({"code": "HZ009", "name": "新网点"}), "parent"),
        (
            json!({"code": "HZ009", "name": "新网点", "parent": THERE}),
            "parent",
        ),
        (
            json!({"code": HERE, "name": "新网点", "parent": HERE}),
            "parent",
        ),
    ] {
        assert_eq!(
            refused(&post(&desk, "/v1/admin/office", &body)),
            not_so(field)
        );
    }
    assert!(lines(&desk).is_empty());
    assert_eq!(
        desk.get("/v1/admin/office").json()["offices"][0]["people"],
        5
    );
}

#[test]
fn an_invited_person_chooses_a_password_by_the_code_and_the_log_holds_no_secret() {
    let office = office();
    let desk = local(&office);
    let reply = post(&desk, "/v1/admin/people", &person("newcomer", &[HERE]));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let code = reply.json()["code"]["code"].as_str().unwrap().to_owned();
    assert_eq!(reply.json()["person"]["settled"], false);
    assert_eq!(reply.json()["person"]["mine"], true);
    let mut other = Desk::new(&office);
    assert_eq!(other.enrol(&office.code(HERE)).status, 200);
    assert_eq!(other.redeem(&code, PASSWORD, None).status, 200);
    let found = desk.get("/v1/admin/people?find=newcomer").json();
    assert_eq!(found["people"][0]["settled"], true);
    assert_eq!(lines(&desk), ["local invite newcomer"]);
    let log = desk.get("/v1/admin/log").text();
    assert!(!log.contains(&code) && !log.contains("示例新人"), "{log}");
}

#[test]
fn nobody_acts_on_an_own_account_nor_on_somebody_of_other_offices_too() {
    let office = office();
    let desk = local(&office);
    add_user(&office.house(), "both", Role::Agent, &[HERE, THERE]);
    let path = |login| format!("/v1/admin/people/{}", user(&office, login));
    let all = [
        json!({"do": "rights", "roles": ["agent"], "employer": "acquirer", "offices": [HERE]}),
        json!({"do": "disable"}),
        json!({"do": "enable"}),
        json!({"do": "leave"}),
        json!({"do": "reset", "office": null}),
        json!({"do": "renew", "office": null}),
        json!({"do": "uninvite"}),
        json!({"do": "set_factor"}),
        json!({"do": "remove_factor"}),
    ];
    for act in &all {
        for (login, code) in [
            ("local", "admin.yourself"),
            ("both", "admin.not_all_yours"),
            ("stranger", "request.not_found"),
        ] {
            assert_eq!(post(&desk, &path(login), act).code(), code, "{login} {act}");
        }
    }
    assert!(lines(&desk).is_empty());
    let seen = desk.get("/v1/admin/people").text();
    assert!(
        seen.contains("\"both\"") && !seen.contains("\"stranger\""),
        "{seen}"
    );
}

#[test]
fn rights_end_at_once_and_so_does_whoever_is_disabled_reset_or_leaves() {
    let office = office();
    let desk = local(&office);
    let at = |login| format!("/v1/admin/people/{}", user(&office, login));
    let agent = office.desk(HERE, "agent");
    let rights =
        json!({"do": "rights", "roles": ["clerk"], "employer": "outsourcer", "offices": [HERE]});
    let reply = post(&desk, &at("agent"), &rights);
    assert_eq!(reply.json()["person"]["card"]["roles"], json!(["clerk"]));
    assert_eq!(agent.get("/v1/calls?cursor=0").status, 200);
    assert_eq!(
        post(&desk, &at("agent"), &json!({"do": "disable"})).status,
        200
    );
    assert_eq!(agent.get("/v1/calls?cursor=0").code(), "auth.token_invalid");
    let twice = post(&desk, &at("agent"), &json!({"do": "disable"}));
    assert_eq!(twice.code(), "admin.not_now");
    assert_eq!(
        post(&desk, &at("agent"), &json!({"do": "enable"})).status,
        200
    );
    let clerk = office.desk(HERE, "clerk");
    let reset = post(&desk, &at("clerk"), &json!({"do": "reset", "office": null}));
    assert!(
        reset.json()["person"]["invitation"]["is_reset"]
            .as_bool()
            .unwrap()
    );
    assert_eq!(clerk.get("/v1/calls?cursor=0").code(), "auth.token_invalid");
    let gone = office.desk(HERE, "reviewer");
    let left = post(&desk, &at("reviewer"), &json!({"do": "leave"})).json();
    assert_eq!(left["desks"][0]["device"], gone.id.to_string());
    assert_eq!(left["person"]["card"]["active"], false);
    let factor = post(&desk, &at("clerk"), &json!({"do": "set_factor"})).json();
    assert!(
        factor["factor"]["address"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/")
    );
    assert_eq!(
        factor["factor"]["recovery_codes"].as_array().unwrap().len(),
        10
    );
}

#[test]
fn a_new_desk_waits_for_another_person_than_the_one_who_made_its_code() {
    let office = office_with(false);
    add_user(&office.house(), "second", Role::Admin, &[HERE]);
    let [first, second] = ["chief", "second"].map(|login| signed_in(&office, login));
    ask_two_admins(&office.house());
    let made = post(&first, "/v1/admin/desks", &json!({"office": HERE}));
    let code = made.json()["code"].as_str().unwrap().to_owned();
    let waits = Desk::new(&office);
    assert_eq!(
        waits.enrol(&code.replace('-', "")).json()["status"],
        "pending"
    );
    let path = format!("/v1/admin/desks/{}", waits.id);
    let seen = first.get("/v1/admin/desks").json();
    assert_eq!(seen["desks"][0]["device"], waits.id.to_string());
    assert_eq!(seen["desks"][0]["approve_barred"], "code_by_you");
    let own = post(&first, &path, &json!({"do": "approve"}));
    assert_eq!(own.code(), "admin.second_person");
    let reply = post(&second, &path, &json!({"do": "approve"}));
    assert_eq!(reply.json()["status"], "active", "{}", reply.text());
    let wipe = json!({"do": "wipe", "pace": "after_sync", "reason": "示例：收回"});
    assert_eq!(post(&second, &path, &wipe).json()["wipe"], "ordered");
    let revoke = json!({"do": "revoke", "reason": "示例：丢失"});
    assert_eq!(post(&second, &path, &revoke).json()["status"], "revoked");
    let acts: Vec<String> = lines(&second);
    let words: Vec<&str> = acts
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    for what in ["new_desk", "approve", "wipe", "revoke"] {
        assert!(words.contains(&what), "{what}: {acts:?}");
    }
}

/// At a desk that was let in without asking anybody.
fn signed_in(office: &TestOffice, login: &str) -> Desk {
    let mut desk = Desk::new(office);
    assert_eq!(desk.enrol(&office.code(HERE)).status, 200);
    let id = desk.id;
    office
        .house()
        .repo
        .write_blocking(move |conn| devices::set_status(conn, id, DeviceStatus::Active, NOON))
        .unwrap();
    assert_eq!(desk.sign_in(login, PASSWORD).status, 200);
    desk
}

#[test]
fn an_office_is_added_under_an_own_one_and_is_the_admins_too() {
    let office = office();
    let desk = local(&office);
    let new = json!({"code": "HZ009", "name": "新网点示例", "parent": HERE});
    let reply = post(&desk, "/v1/admin/office", &new);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["offices"][1]["parent"], HERE);
    let taken = json!({"code": THERE, "name": "示例", "parent": HERE});
    assert_eq!(
        post(&desk, "/v1/admin/office", &taken).code(),
        "admin.office_taken"
    );
    assert_eq!(
        post(&desk, "/v1/admin/people", &person("ninth", &["HZ009"])).status,
        200
    );
}

#[test]
fn a_policy_that_waits_is_shown_and_put_in_force_by_another_person() {
    let office = office();
    add_user(&office.house(), "second", Role::Admin, &[HERE]);
    ask_two_admins(&office.house());
    let [first, second] = ["chief", "second"].map(|login| signed_in(&office, login));
    let text = text(3, &[("L3 = { points = 70", "L3 = { points = 60")]);
    let path = file(&office, &text);
    let set = [
        "policy",
        "set",
        path.to_str().unwrap(),
        "--reason",
        "示例",
        "--as",
        "chief",
    ];
    said(&admin(&office, &set, &format!("{PASSWORD}\n")));
    let seen = second.get("/v1/admin/office").json();
    assert_eq!(seen["policy"]["version"], 2);
    let waits = &seen["policy"]["waiting"];
    assert_eq!(
        (&waits["version"], &waits["proposed_by"]),
        (&json!(3), &json!("chief"))
    );
    assert_eq!(waits["changes"][0]["eases"], true);
    let approve = json!({"version": 3});
    let own = post(&first, "/v1/admin/policy/approve", &approve);
    assert_eq!(own.code(), "admin.second_person");
    let done = post(&second, "/v1/admin/policy/approve", &approve).json();
    assert_eq!(done["policy"]["version"], 3);
    assert_eq!(done["policy"]["waiting"], json!(null));
    assert_eq!(lines(&second), ["second approve_policy 3"]);
    let again = post(&second, "/v1/admin/policy/approve", &approve);
    assert_eq!(again.code(), "admin.not_now");
}

#[test]
fn codes_are_few_within_an_hour_and_the_refusal_says_until_when() {
    let office = office();
    let desk = local(&office);
    for _ in 0..60 {
        assert_eq!(
            post(&desk, "/v1/admin/desks", &json!({"office": HERE})).status,
            200
        );
    }
    let much = post(&desk, "/v1/admin/desks", &json!({"office": HERE}));
    assert_eq!(much.code(), "admin.too_many_codes");
    let until = much.json()["params"]["until"].as_str().unwrap().to_owned();
    // An hour after the oldest of them; acts of one moment are told apart by a millisecond each.
    let until: i64 = until.parse().unwrap();
    assert!((3_600_000..3_600_100).contains(&(until - NOON)), "{until}");
}

#[test]
fn what_the_console_does_is_in_the_log_and_nothing_leaves_it() {
    let office = office();
    let desk = local(&office);
    said(&admin(&office, &["user", "disable", "agent"], ""));
    assert_eq!(lines(&desk), ["console disable agent"]);
    for sql in ["UPDATE admin_act SET detail = ''", "DELETE FROM admin_act"] {
        let tried = office
            .house()
            .repo
            .write_blocking(move |conn| Ok(conn.execute(sql, ())?));
        assert!(tried.is_err(), "{sql}");
    }
}
