//! A desk is let in by two human beings, whatever accounts they use and whichever way they come.

use crate::support::{
    Desk, HERE, PASSWORD, TestOffice, add_user, admin, ask_two_admins, office, office_with,
    refuses, said,
};
use desk_domain::ids::UserId;
use desk_domain::people::{Role, UserCard};
use desk_domain::time::Clock;
use desk_protocol::people::DeviceStatus;
use desk_server::repo::devices::{self, Approved};
use desk_server::repo::people;
use desk_server::secrets;
use serde_json::Value;

/// An office that asks for two admins: `chief`, `second`, and `chief2`, which is chief's other account.
fn guarded(auto_approve: bool) -> TestOffice {
    let office = office_with(auto_approve);
    add_user(&office.house(), "second", Role::Admin, &[HERE]);
    add_user(&office.house(), "chief2", Role::Admin, &[HERE]);
    let person = card(&office, "chief").person;
    let house = office.house();
    house
        .repo
        .write_blocking(move |conn| {
            let mut account = people::by_login(conn, "chief2")?.unwrap();
            account.card.person = person;
            people::put(conn, &account, 1)
        })
        .unwrap();
    ask_two_admins(&house);
    office
}

fn card(office: &TestOffice, login: &str) -> UserCard {
    let found = office
        .house()
        .repo
        .read_blocking(|conn| people::by_login(conn, login));
    found.unwrap().unwrap().card
}

/// A desk that came by a code of that admin.
fn waiting(office: &TestOffice, issuer: Option<UserId>) -> Desk {
    let desk = Desk::new(office);
    let code = secrets::enrol_code(&desk_server::door::SystemChance);
    let (hash, at) = (secrets::hash(&code), office.clock.now() + secrets::CODE_MS);
    let here = desk_domain::ids::OfficeCode::parse(HERE).unwrap();
    office
        .house()
        .repo
        .write_blocking(move |conn| devices::put_code(conn, &hash, &here, at, issuer))
        .unwrap();
    assert_eq!(desk.enrol(&code).json()["status"], "pending");
    desk
}

fn approve(office: &TestOffice, desk: &Desk, by: Option<&UserCard>) -> Approved {
    let (id, by) = (desk.id, by.cloned());
    office
        .house()
        .repo
        .write_blocking(move |conn| devices::approve(conn, id, by.as_ref(), 1))
        .unwrap()
}

#[test]
fn who_made_the_code_approves_it_by_no_account_and_another_person_does() {
    let office = guarded(false);
    let chief = card(&office, "chief");
    let mut desk = waiting(&office, Some(chief.user));
    assert_eq!(approve(&office, &desk, None), Approved::NobodyNamed);
    for same in ["chief", "chief2"] {
        let by = card(&office, same);
        assert_eq!(
            approve(&office, &desk, Some(&by)),
            Approved::SamePerson,
            "{same}"
        );
    }
    assert_eq!(desk.sign_in("agent", PASSWORD).code(), "device.pending");
    let second = card(&office, "second");
    assert_eq!(approve(&office, &desk, Some(&second)), Approved::Yes);
    assert_eq!(desk.sign_in("agent", PASSWORD).status, 200);
    assert_eq!(
        approve(&office, &desk, Some(&second)),
        Approved::NotPending(DeviceStatus::Active)
    );
}

#[test]
fn a_code_of_nobody_in_particular_is_approved_by_nobody() {
    let office = guarded(false);
    let desk = waiting(&office, None);
    let second = card(&office, "second");
    assert_eq!(
        approve(&office, &desk, Some(&second)),
        Approved::IssuerUnknown
    );
}

#[test]
fn a_server_that_approves_by_itself_does_not_stand_in_for_the_second_admin() {
    let office = guarded(true);
    let chief = card(&office, "chief");
    let mut desk = waiting(&office, Some(chief.user));
    assert_eq!(desk.sign_in("agent", PASSWORD).code(), "device.pending");
}

#[test]
fn a_revoked_desk_is_not_let_in_again() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    let (id, house) = (desk.id, office.house());
    house
        .repo
        .write_blocking(move |conn| devices::revoke(conn, id, (None, "示例：遗失"), 5))
        .unwrap();
    let chief = card(&office, "chief");
    assert_eq!(
        approve(&office, &desk, Some(&chief)),
        Approved::NotPending(DeviceStatus::Revoked)
    );
}

#[test]
fn the_command_line_asks_who_acts_and_believes_nobody_unproved() {
    let office = guarded(false);
    let right = format!("{PASSWORD}\n");
    refuses(&office, &["device", "code", HERE], "", "two admins");
    refuses(
        &office,
        &["device", "code", HERE, "--as", "chief"],
        "wrong\n",
        "wrong",
    );
    refuses(
        &office,
        &["device", "code", HERE, "--as", "agent"],
        &right,
        "not an admin",
    );
    refuses(
        &office,
        &["device", "code", HERE, "--as", "nobody"],
        &right,
        "wrong",
    );
    let code = admin(&office, &["device", "code", HERE, "--as", "chief"], &right);
    let desk = Desk::new(&office);
    assert_eq!(desk.enrol(said(&code).trim()).json()["status"], "pending");
    let id = desk.id.to_string();
    refuses(&office, &["device", "approve", &id], "", "two admins");
    refuses(
        &office,
        &["device", "approve", &id, "--as", "chief2"],
        &right,
        "by no account",
    );
    let approved = admin(
        &office,
        &["device", "approve", &id, "--as", "second"],
        &right,
    );
    assert!(approved.status.success(), "{approved:?}");
    let list: Value =
        serde_json::from_str(&said(&admin(&office, &["device", "list", "--json"], ""))).unwrap();
    assert_eq!(list[0]["status"], "active");
    let acts = list[0]["acts"].as_array().unwrap();
    let by: Vec<_> = acts
        .iter()
        .map(|act| (act["what"].as_str().unwrap(), act["by"].as_str().unwrap()))
        .collect();
    assert!(
        by.contains(&("invited", "chief")) && by.contains(&("approved", "second")),
        "{by:?}"
    );
    refuses(
        &office,
        &["safeguards", "--two-admins", "off"],
        "",
        "two admins",
    );
    let off = admin(
        &office,
        &["safeguards", "--two-admins", "off", "--as", "second"],
        &right,
    );
    assert!(said(&off).contains("two-admins off"), "{off:?}");
}

#[test]
fn guessing_an_admins_password_on_the_command_line_is_slowed_down() {
    let office = guarded(false);
    let code = ["device", "code", HERE, "--as", "chief"];
    for _ in 0..5 {
        refuses(&office, &code, "a wrong password\n", "wrong");
    }
    refuses(&office, &code, &format!("{PASSWORD}\n"), "too many tries");
}
