//! The admin's commands as an operator types them.

use crate::support::{HERE, PASSWORD, THERE, TestOffice, admin, office, refuses, said};
use desk_domain::time::Clock;
use desk_server::door::SystemClock;
use serde_json::Value;
use totp_rs::{Builder, Secret};

fn json(office: &TestOffice, arguments: &[&str]) -> Value {
    let output = admin(office, arguments, "");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_str(&said(&output)).unwrap()
}

fn does(office: &TestOffice, arguments: &[&str], typed: &str) -> String {
    let output = admin(office, arguments, typed);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    said(&output)
}

#[test]
fn offices_stand_in_a_tree_that_holds_no_circle() {
    let office = office();
    does(&office, &["office", "add", "HQ000", "总部示例"], "");
    does(&office, &["office", "move", HERE, "--under", "HQ000"], "");
    does(
        &office,
        &["office", "add", "HZ009", "分部示例", "--under", HERE],
        "",
    );
    refuses(
        &office,
        &["office", "move", "HQ000", "--under", "HZ009"],
        "",
        "stands under",
    );
    refuses(
        &office,
        &["office", "move", HERE, "--under", HERE],
        "",
        "stands under",
    );
    refuses(
        &office,
        &["office", "move", HERE, "--under", "XX999"],
        "",
        "no office XX999",
    );
    refuses(
        &office,
        &["office", "move", "XX999", "--top"],
        "",
        "no office XX999",
    );
    refuses(&office, &["office", "move", HERE], "", "--under");
    let shown = does(&office, &["office", "list"], "");
    assert!(
        shown.contains("HQ000 总部示例\n  HZ001 网点示例\n    HZ009 分部示例\n"),
        "{shown}"
    );
    let all = json(&office, &["office", "list", "--json"]);
    let parent_of = |code: &str| {
        let all = all.as_array().unwrap();
        all.iter().find(|one| one["code"] == code).unwrap()["parent"].clone()
    };
    assert_eq!(parent_of("HZ009"), HERE);
    does(&office, &["office", "move", HERE, "--top"], "");
    assert!(
        json(&office, &["office", "list", "--json"])
            .to_string()
            .contains(THERE)
    );
}

#[test]
fn a_person_comes_changes_and_leaves() {
    let office = office();
    let add = [
        "user",
        "add",
        "li",
        "--name",
        "李示例",
        "--office",
        HERE,
        "--role",
        "agent",
    ];
    refuses(&office, &add, "too short\n", "12 characters");
    does(&office, &add, &format!("{PASSWORD}\n"));
    refuses(&office, &add, &format!("{PASSWORD}\n"), "exists already");
    let mut desk = office.desk(HERE, "li");
    does(
        &office,
        &["user", "role", "li", "--role", "clerk", "--role", "auditor"],
        "",
    );
    let li = |all: &Value| {
        let all = all.as_array().unwrap();
        all.iter().find(|one| one["login"] == "li").unwrap().clone()
    };
    let listed = li(&json(&office, &["user", "list", "--json"]));
    assert_eq!(listed["roles"], serde_json::json!(["clerk", "auditor"]));
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
    does(&office, &["user", "disable", "li"], "");
    assert_eq!(desk.pull(HERE, 0, 0).code(), "auth.token_invalid");
    does(&office, &["user", "enable", "li"], "");
    assert_eq!(
        desk.pull(HERE, 0, 0).code(),
        "auth.token_invalid",
        "sessions stay ended"
    );
    assert_eq!(desk.sign_in("li", PASSWORD).status, 200);
    let desks = does(&office, &["user", "offboard", "li"], "");
    assert!(desks.contains(&desk.id.to_string()), "{desks}");
    assert_eq!(
        desk.sign_in("li", PASSWORD).code(),
        "auth.wrong_credentials"
    );
    for verb in ["role", "disable", "password", "totp", "offboard"] {
        let mut arguments = vec!["user", verb, "nobody"];
        if verb == "role" {
            arguments.extend(["--role", "agent"]);
        }
        refuses(
            &office,
            &arguments,
            &format!("{PASSWORD}\n"),
            "no user nobody",
        );
    }
}

#[test]
fn an_app_is_set_up_at_the_command_line_and_taken_away_there() {
    let office = office();
    let mut desk = office.desk(HERE, "chief");
    let shown = does(&office, &["user", "totp", "chief"], "");
    assert_eq!(
        desk.pull(HERE, 0, 0).code(),
        "auth.token_invalid",
        "a session without it ends"
    );
    let address = shown.lines().next().unwrap();
    let secret = address
        .split("secret=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let secret = Secret::try_from_base32(secret).unwrap();
    let app = Builder::new().with_secret(secret).build().unwrap();
    let at = |ms: i64| app.generate(u64::try_from(ms / 1000).unwrap()).to_string();
    assert_eq!(desk.sign_in("chief", PASSWORD).code(), "auth.totp_required");
    let digits = at(office.clock.now());
    assert_eq!(
        desk.sign_in_with("chief", PASSWORD, Some(&digits)).status,
        200
    );
    let recovery = shown.lines().last().unwrap();
    assert_eq!(
        desk.sign_in_with("chief", PASSWORD, Some(recovery)).status,
        200
    );

    // The command line asks for the same second factor; it goes by the machine's time.
    let code = ["device", "code", HERE, "--as", "chief"];
    let now = at(SystemClock.now());
    refuses(
        &office,
        &code,
        &format!("{PASSWORD}\n"),
        "second factor is missing",
    );
    does(&office, &code, &format!("{PASSWORD}\n{now}\n"));
    refuses(
        &office,
        &code,
        &format!("{PASSWORD}\n{now}\n"),
        "wrong or used up",
    );

    does(&office, &["user", "totp", "chief", "--remove"], "");
    refuses(
        &office,
        &["user", "totp", "chief", "--remove"],
        "",
        "no second factor of chief",
    );
    assert_eq!(desk.sign_in("chief", PASSWORD).status, 200);
}

#[test]
fn turning_the_second_factor_on_ends_what_was_opened_without_one() {
    let office = office();
    let (reviewer, agent) = (office.desk(HERE, "reviewer"), office.desk(HERE, "agent"));
    let shown = does(&office, &["safeguards", "--second-factor", "on"], "");
    assert_eq!(shown, "second-factor on\ntwo-admins off\n");
    assert_eq!(reviewer.pull(HERE, 0, 0).code(), "auth.token_invalid");
    assert_eq!(agent.pull(HERE, 0, 0).status, 200);
    assert_eq!(
        does(&office, &["safeguards"], ""),
        shown,
        "asking changes nothing"
    );
}
