//! `user invite`, `reset`, `renew`, `uninvite` and `invitations`, as an operator types them.

use crate::support::{
    Desk, HERE, PASSWORD, THERE, TestOffice, add_user, admin, office, refuses, said,
};
use desk_domain::people::Role;
use serde_json::Value;

const OWN: &str = "only its owner knows";

fn does(office: &TestOffice, arguments: &[&str], typed: &str) -> String {
    let output = admin(office, arguments, typed);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    said(&output)
}

/// The code is the first line; it is shown once.
fn code(office: &TestOffice, arguments: &[&str]) -> String {
    let shown = does(office, arguments, "");
    let code = shown.lines().next().unwrap().to_owned();
    assert_eq!(code.len(), 26, "{shown}");
    code
}

fn list(office: &TestOffice, more: &[&str]) -> Vec<Value> {
    let arguments = [&["user", "invitations", "--json"], more].concat();
    serde_json::from_str(&does(office, &arguments, "")).unwrap()
}

fn desk(office: &TestOffice, at: &str) -> Desk {
    let desk = Desk::new(office);
    assert_eq!(desk.enrol(&office.code(at)).status, 200);
    desk
}

const INVITE: [&str; 9] = [
    "user",
    "invite",
    "li",
    "--name",
    "李示例",
    "--role",
    "agent",
    "--office",
    HERE,
];

#[test]
fn an_account_is_made_without_a_password_and_its_code_is_kept_nowhere() {
    let office = office();
    let code = code(&office, &INVITE);
    refuses(&office, &INVITE, "", "exists already");
    let mut desk = desk(&office, HERE);
    assert_eq!(desk.sign_in("li", "").code(), "auth.wrong_credentials");
    let open = list(&office, &[]);
    assert_eq!(open.len(), 1);
    assert_eq!(
        (&open[0]["login"], &open[0]["kind"]),
        (&"li".into(), &"invite".into())
    );
    let hours = open[0]["expires_at"].as_i64().unwrap() - open[0]["made_at"].as_i64().unwrap();
    assert_eq!(hours, 72 * 3_600_000);
    if office.config.database.is_none() {
        for entry in std::fs::read_dir(office.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap_or_default();
            let found = bytes
                .windows(code.len())
                .any(|part| part == code.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
    assert_eq!(desk.redeem(&code, OWN, None).status, 200);
    assert!(list(&office, &[]).is_empty());
    let all = list(&office, &["--all"]);
    assert_eq!(all[0]["ended"], "redeemed");
    assert_eq!(all[0]["device"], desk.id.to_string());
    let shown = does(&office, &["user", "invitations", "--all"], "");
    assert!(
        shown.contains("li 李示例 invite at HZ001 redeemed"),
        "{shown}"
    );
}

#[test]
fn a_code_is_renewed_and_taken_back() {
    let office = office();
    let first = code(&office, &INVITE);
    let second = code(&office, &["user", "renew", "li", "--hours", "1"]);
    assert_eq!(list(&office, &[]).len(), 1);
    let mut desk = desk(&office, HERE);
    assert_eq!(
        desk.redeem(&first, OWN, None).code(),
        "invitation.code_wrong"
    );
    does(&office, &["user", "uninvite", "li"], "");
    assert_eq!(
        desk.redeem(&second, OWN, None).code(),
        "invitation.code_wrong"
    );
    assert!(list(&office, &[]).is_empty());
    refuses(
        &office,
        &["user", "uninvite", "li"],
        "",
        "no unused code of li",
    );
    refuses(&office, &["user", "renew", "li"], "", "user reset li");
    for hours in ["0", "337", "-1"] {
        let hours = format!("--hours={hours}");
        refuses(&office, &["user", "reset", "li", &hours], "", "hours");
    }
    for verb in ["reset", "renew", "uninvite"] {
        refuses(&office, &["user", verb, "nobody"], "", "no user nobody");
    }
    let third = code(&office, &["user", "reset", "li"]);
    does(&office, &["user", "disable", "li"], "");
    does(&office, &["user", "enable", "li"], "");
    assert_eq!(
        desk.redeem(&third, OWN, None).code(),
        "invitation.code_wrong",
        "disabling ends it"
    );
    let fourth = code(&office, &["user", "reset", "li"]);
    does(
        &office,
        &["user", "password", "li"],
        &format!("{PASSWORD}\n"),
    );
    assert_eq!(
        desk.redeem(&fourth, OWN, None).code(),
        "invitation.code_wrong",
        "so does a password"
    );
    assert_eq!(desk.sign_in("li", PASSWORD).status, 200);
}

#[test]
fn a_forgotten_password_ends_with_everything_that_was_opened_by_it() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let refresh = desk.refresh.clone();
    let code = code(&office, &["user", "reset", "agent"]);
    assert_eq!(desk.pull(HERE, 0, 0).code(), "auth.token_invalid");
    assert_eq!(
        desk.clone().refresh(&refresh, 1).code(),
        "auth.token_invalid"
    );
    for _ in 0..5 {
        assert_eq!(
            desk.sign_in("agent", PASSWORD).code(),
            "auth.wrong_credentials"
        );
    }
    assert_eq!(desk.sign_in("agent", PASSWORD).status, 429);
    assert_eq!(desk.redeem(&code, OWN, None).status, 200);
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
    assert_eq!(
        desk.sign_in("agent", OWN).status,
        200,
        "tries with the old one are forgiven"
    );
    does(&office, &["user", "disable", "agent"], "");
    refuses(&office, &["user", "reset", "agent"], "", "disabled");
}

#[test]
fn somebody_of_several_offices_is_invited_to_one_of_them() {
    let office = office();
    let both = [&INVITE[..], &["--office", THERE]].concat();
    refuses(&office, &both, "", "--at OFFICE");
    refuses(
        &office,
        &[&both[..], &["--at", "XX999"]].concat(),
        "",
        "does not belong",
    );
    refuses(
        &office,
        &[
            "user",
            "invite",
            "wu",
            "--name",
            "吴示例",
            "--role",
            "agent",
            "--office",
            "XX999",
        ],
        "",
        "no office XX999",
    );
    let code = code(&office, &[&both[..], &["--at", THERE]].concat());
    assert_eq!(
        desk(&office, HERE).redeem(&code, OWN, None).code(),
        "invitation.code_wrong"
    );
    assert_eq!(desk(&office, THERE).redeem(&code, OWN, None).status, 200);
}

#[test]
fn where_two_admins_are_asked_for_whoever_invites_is_named() {
    let office = office();
    let agent = office.desk(HERE, "agent");
    let chief = add_user(&office.house(), "boss", Role::Admin, &[HERE]);
    does(&office, &["safeguards", "--two-admins", "on"], "");
    refuses(&office, &INVITE, "", "--as LOGIN");
    refuses(&office, &["user", "reset", "agent"], "", "--as LOGIN");
    assert_eq!(agent.pull(HERE, 0, 0).status, 200, "nothing was reset");
    let named = [&INVITE[..], &["--as", "boss"]].concat();
    refuses(&office, &named, "wrong password\n", "wrong");
    does(&office, &named, &format!("{PASSWORD}\n"));
    assert_eq!(list(&office, &[])[0]["made_by"], chief.to_string());
}
