//! The admin's place, without a server: who gets in, and what is refused before anything is asked.

use super::Bench;
use desk_domain::people::{Actor, Role};
use desk_domain::testkit;
use serde_json::{Value, json};

const USER: &str = "00000000-0000-4000-8000-000000000001";

fn admin() -> Actor {
    let mut admin = testkit::supervisor();
    admin.roles.insert(Role::Admin);
    admin
}

fn acts() -> Vec<Value> {
    let rights = json!({ "roles": ["agent"], "employer": "acquirer", "offices": ["HZ001"] });
    let mut invite = rights.clone();
    invite["act"] = json!("invite");
    invite["login"] = json!("new1");
    invite["name"] = json!("新同事");
    invite["office"] = Value::Null;
    let mut changed = rights;
    changed["act"] = json!("rights");
    changed["user"] = json!(USER);
    let mut acts = vec![invite, changed];
    for act in [
        "disable",
        "enable",
        "leave",
        "uninvite",
        "set_factor",
        "remove_factor",
    ] {
        acts.push(json!({ "act": act, "user": USER }));
    }
    for act in ["reset", "renew"] {
        acts.push(json!({ "act": act, "user": USER, "office": null }));
    }
    acts.push(json!({ "act": "new_desk", "office": "HZ001" }));
    acts.push(json!({ "act": "approve", "device": USER }));
    acts.push(json!({ "act": "revoke", "device": USER, "reason": "遗失" }));
    acts.push(json!({ "act": "wipe", "device": USER, "pace": "at_once", "reason": "遗失" }));
    acts.push(json!({ "act": "put_office", "code": "HZ002", "name": "样例", "parent": "HZ001" }));
    acts.push(json!({ "act": "approve_policy", "version": 2 }));
    acts
}

#[test]
fn only_an_admin_gets_as_far_as_the_server() {
    let supervisor = Bench::demo(&testkit::supervisor());
    let chief = Bench::demo(&admin());
    for page in [
        json!({ "page": "overview" }),
        json!({ "page": "people", "find": "", "office": null, "after": null }),
        json!({ "page": "desks", "office": "HZ001", "after": null }),
        json!({ "page": "log", "before": null }),
    ] {
        assert_eq!(
            supervisor.refused("admin_view", page.clone()).code,
            "actor.role"
        );
        // Nothing of it is kept here: without a server there is nothing to show.
        assert_eq!(chief.refused("admin_view", page).code, "session.no_server");
    }
    for act in acts() {
        assert_eq!(
            supervisor.refused("admin_act", act.clone()).code,
            "actor.role"
        );
        assert_eq!(
            chief.refused("admin_act", act.clone()).code,
            "session.no_server",
            "{act}"
        );
    }
}

#[test]
fn what_makes_no_sense_is_not_asked() {
    let chief = Bench::demo(&admin());
    let mut invite = acts().remove(0);
    for (field, value, code) in [
        ("login", json!(" "), "text.empty"),
        ("name", json!("长".repeat(201)), "text.too_long"),
        ("roles", json!([]), "request.not_a_choice"),
        ("roles", json!(["system"]), "request.not_a_choice"),
        ("roles", json!(["king"]), "request.not_a_choice"),
        ("employer", json!("nobody"), "request.not_a_choice"),
        ("offices", json!([]), "request.not_a_choice"),
        ("offices", json!(["hz001"]), "request.not_a_choice"),
        (
            "password",
            json!("chosen by somebody else"),
            "request.bad_arguments",
        ),
    ] {
        let before = invite[field].take();
        invite[field] = value;
        assert_eq!(
            chief.refused("admin_act", invite.clone()).code,
            code,
            "{field}"
        );
        invite[field] = before;
        if field == "password" {
            invite.as_object_mut().unwrap().remove(field);
        }
    }
    for (act, code) in [
        (
            json!({ "act": "disable", "user": "x" }),
            "request.bad_arguments",
        ),
        (
            json!({ "act": "revoke", "device": USER, "reason": "" }),
            "text.empty",
        ),
        (
            json!({ "act": "wipe", "device": USER, "pace": "soon", "reason": "x" }),
            "request.not_a_choice",
        ),
        (
            json!({ "act": "sell", "user": USER }),
            "request.bad_arguments",
        ),
    ] {
        assert_eq!(chief.refused("admin_act", act).code, code);
    }
}
