//! `cti …` as an operator types it, beside a running server.

use crate::support::calls::{form, rings, tell};
use crate::support::{HERE, THERE, TestOffice, admin, office, refuses, said};
use serde_json::Value;

fn does(office: &TestOffice, arguments: &[&str]) -> String {
    let output = admin(office, arguments, "");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    said(&output)
}

#[test]
fn a_telephone_system_is_added_listed_given_a_new_token_and_revoked() {
    let office = office();
    let agent = office.desk(HERE, "agent");
    let added: Value =
        serde_json::from_str(&does(&office, &["cti", "add", HERE, "--json"])).unwrap();
    let (id, path) = (
        added["id"].as_str().unwrap(),
        added["path"].as_str().unwrap(),
    );
    tell(&office, path, "newCall", "A-1", "");
    assert_eq!(rings(&agent).len(), 1);
    let listed = does(&office, &["cti", "list", "--json"]);
    let token = path.rsplit('/').next().unwrap();
    assert!(listed.contains(id) && !listed.contains(token), "{listed}");
    let renewed = does(&office, &["cti", "rotate", id]);
    assert_eq!(form(&office, path, "").status, 404, "the old token");
    tell(&office, renewed.trim(), "hangup", "A-1", "");
    does(&office, &["cti", "revoke", id]);
    assert_eq!(form(&office, renewed.trim(), "").status, 404);
    assert_eq!(does(&office, &["cti", "list"]), "");
    assert!(does(&office, &["cti", "add", HERE]).contains("/hooks/cti/"));
}

#[test]
fn extensions_are_set_listed_and_cleared_for_those_who_collect_in_that_office() {
    let office = office();
    does(&office, &["cti", "extension", "set", HERE, "8001", "agent"]);
    does(
        &office,
        &["cti", "extension", "set", HERE, " 8002 ", "agent"],
    );
    does(&office, &["cti", "extension", "set", HERE, "8002", "clerk"]);
    let listed = does(&office, &["cti", "extension", "list", HERE]);
    assert_eq!(listed, "8001 agent\n8002 clerk\n");
    assert_eq!(does(&office, &["cti", "extension", "list", THERE]), "");
    does(&office, &["cti", "extension", "clear", HERE, "8001"]);
    assert_eq!(
        does(&office, &["cti", "extension", "list", HERE]),
        "8002 clerk\n"
    );
}

#[test]
fn what_is_typed_wrong_is_refused() {
    let office = office();
    let refused = |arguments: &[&str], why: &str| refuses(&office, arguments, "", why);
    refused(&["cti", "add", "XX999"], "no office XX999");
    refused(&["cti", "add", "x"], "five characters");
    for verb in ["rotate", "revoke"] {
        refused(&["cti", verb, "nobody"], "no telephone system nobody");
    }
    let long = "8".repeat(101);
    let set =
        |office_code, extension, login| ["cti", "extension", "set", office_code, extension, login];
    refused(&set(HERE, "8001", "nobody"), "no user nobody");
    refused(&set(HERE, "8001", "reviewer"), "no active agent or clerk");
    refused(&set(HERE, "8001", "stranger"), "no active agent or clerk");
    refused(&set(HERE, " ", "agent"), "1 to 100 characters");
    refused(&set(HERE, &long, "agent"), "1 to 100 characters");
    refused(
        &["cti", "extension", "clear", HERE, "8001"],
        "no extension 8001",
    );
    for _ in 0..8 {
        does(&office, &["cti", "add", HERE]);
    }
    refused(&["cti", "add", HERE], "as many as an office may have");
    does(&office, &["cti", "add", THERE]);
    does(&office, &["safeguards", "--two-admins", "on"]);
    refused(&["cti", "add", THERE], "say who acts");
    refused(&set(HERE, "8001", "agent"), "say who acts");
}
