//! People choose their own passwords: a code works once, at one office's desks, for three days, and tells nothing.

use crate::support::{Desk, HERE, PASSWORD, Reply, THERE, TestOffice, office, office_with};
use desk_domain::ids::{OfficeCode, UserId};
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::time::{Chance, Clock, Millis};
use desk_protocol::people::DeviceStatus;
use desk_server::door::SystemChance;
use desk_server::repo::invitations::{self, End, Kind, NewInvitation};
use desk_server::repo::people::{self, Account};
use desk_server::repo::safeguards::Safeguards;
use desk_server::repo::{devices, safeguards, second_factor as factors};
use desk_server::second_factor::Shared;
use desk_server::secrets;
use totp_rs::{Builder, Secret};

const OWN: &str = "only its owner knows";
const THREE_DAYS_MS: Millis = 72 * 3_600_000;

/// An account without a password, as `user invite` makes it.
fn account(office: &TestOffice, login: &str, role: Role, at: &str) -> UserId {
    let user = UserId::new(office.clock.now(), &SystemChance);
    let card = UserCard {
        user,
        person: user,
        login: login.into(),
        name: format!("示例{login}"),
        roles: [role].into(),
        employer: Employer::Acquirer,
        offices: [OfficeCode::parse(at).unwrap()].into(),
        active: true,
    };
    let account = Account {
        card,
        password_phc: String::new(),
    };
    let house = office.house();
    house
        .repo
        .write_blocking(move |conn| people::put(conn, &account, 1))
        .unwrap();
    user
}

pub fn code(office: &TestOffice, account: UserId, at: &str) -> String {
    let code = secrets::enrol_code(&SystemChance);
    let made_at = office.clock.now();
    let new = NewInvitation {
        office: OfficeCode::parse(at).unwrap(),
        code_hash: secrets::hash(&code),
        account,
        kind: Kind::Invite,
        made_by: None,
        made_at,
        expires_at: made_at + THREE_DAYS_MS,
    };
    let house = office.house();
    house
        .repo
        .write_blocking(move |conn| invitations::put(conn, &new))
        .unwrap();
    code
}

/// Somebody new here, and the code.
pub fn invited(office: &TestOffice, login: &str) -> (UserId, String) {
    let user = account(office, login, Role::Agent, HERE);
    let code = code(office, user, HERE);
    (user, code)
}

pub fn desk(office: &TestOffice, at: &str) -> Desk {
    let mut desk = Desk::new(office);
    desk.office = at.into();
    assert_eq!(desk.enrol(&office.code(at)).status, 200);
    desk
}

/// All that a person is told.
fn told(reply: &Reply) -> String {
    let mut json = reply.json();
    for of_each in ["server_time", "request_id"] {
        json.as_object_mut().unwrap().remove(of_each);
    }
    format!("{} {json}", reply.status)
}

#[test]
fn whatever_is_wrong_with_a_code_is_told_alike() {
    let office = office();
    let known = |login| invited(&office, login);
    let (_, used) = known("used");
    let (revoked, revoked_code) = known("revoked");
    let (renewed, old) = known("renewed");
    let newer = code(&office, renewed, HERE);
    let (disabled, disabled_code) = known("disabled");
    let (_, aged) = known("aged");
    let elsewhere = account(&office, "elsewhere", Role::Agent, THERE);
    let foreign = code(&office, elsewhere, THERE);
    assert_eq!(desk(&office, HERE).redeem(&used, OWN, None).status, 200);
    let house = office.house();
    house
        .repo
        .write_blocking(move |conn| {
            invitations::end(conn, revoked, End::Revoked, 1)?;
            let mut account = people::by_login(conn, "disabled")?.unwrap();
            account.card.active = false;
            assert_eq!(account.card.user, disabled);
            people::put(conn, &account, 1)
        })
        .unwrap();
    let nonsense = "A".repeat(26);
    let mut answers = Vec::new();
    for code in [
        &used,
        &revoked_code,
        &old,
        &disabled_code,
        &foreign,
        &nonsense,
        &String::new(),
    ] {
        answers.push(told(&desk(&office, HERE).redeem(code, OWN, None)));
        office.clock.advance(1_000_000);
    }
    assert_eq!(desk(&office, HERE).redeem(&newer, OWN, None).status, 200);
    office.clock.advance(THREE_DAYS_MS);
    answers.push(told(&desk(&office, HERE).redeem(&aged, OWN, None)));
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
    assert!(answers[0].starts_with("401 ") && answers[0].contains("invitation.code_wrong"));
}

#[test]
fn a_password_that_is_too_short_or_endless_spends_nothing() {
    let office = office();
    let (_, code) = invited(&office, "li");
    let mut desk = desk(&office, HERE);
    for short in ["", "eleven char", "十一个字十一个字十一个"] {
        let reply = desk.redeem(&code, short, None);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "auth.password_too_short")
        );
        assert_eq!(
            desk.redeem("nonsense", short, None).code(),
            "auth.password_too_short",
            "of any code"
        );
    }
    let endless = "x".repeat(257);
    assert_eq!(
        desk.redeem(&code, &endless, None).code(),
        "invitation.code_wrong"
    );
    assert_eq!(desk.redeem(&code, OWN, None).status, 200);
}

#[test]
fn who_is_invited_chooses_a_password_and_is_in() {
    let office = office();
    let (user, code) = invited(&office, "li");
    let mut desk = desk(&office, HERE);
    for nothing in ["", OWN] {
        assert_eq!(desk.sign_in("li", nothing).code(), "auth.wrong_credentials");
    }
    // As somebody reads it out.
    let (first, second) = code.split_at(13);
    let spoken = format!(" {}-{second} ", first.to_lowercase());
    let reply = desk.redeem(&spoken, OWN, None);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["user"]["login"], "li");
    assert_eq!(desk.user, user);
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
    let token = desk.refresh.clone();
    assert_eq!(desk.refresh(&token, 1).status, 200);
    assert_eq!(desk.sign_in("li", OWN).status, 200);
    assert_eq!(
        desk.sign_in("li", PASSWORD).code(),
        "auth.wrong_credentials"
    );
}

#[test]
fn guessing_is_slowed_down_for_one_desk_and_a_restart_forgives_nothing() {
    let mut office = office();
    let (_, code) = invited(&office, "li");
    let (mut desk, mut other) = (desk(&office, HERE), desk(&office, HERE));
    for _ in 0..5 {
        assert_eq!(
            desk.redeem("WRONG", OWN, None).code(),
            "invitation.code_wrong"
        );
    }
    let reply = desk.redeem(&code, OWN, None);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (429, "auth.too_many_tries")
    );
    assert!(reply.headers.contains_key("retry-after"));
    office.restart();
    desk.addr = office.addr();
    other.addr = office.addr();
    assert_eq!(desk.redeem(&code, OWN, None).status, 429);
    assert_eq!(
        desk.sign_in("agent", PASSWORD).status,
        200,
        "signing in is another matter"
    );
    assert_eq!(other.redeem(&code, OWN, None).status, 200);
}

#[test]
fn a_second_factor_is_asked_for_before_the_code_is_spent() {
    let office = office();
    let user = account(&office, "li", Role::Reviewer, HERE);
    let code = code(&office, user, HERE);
    let house = office.house();
    house
        .repo
        .write_blocking(|conn| {
            let asked = Safeguards {
                second_factor: true,
                two_admins: false,
            };
            safeguards::put(conn, asked)
        })
        .unwrap();
    let mut desk = desk(&office, HERE);
    assert_eq!(desk.redeem(&code, OWN, None).code(), "auth.totp_not_set_up");
    let app = set_up(&office, user);
    assert_eq!(desk.redeem(&code, OWN, None).code(), "auth.totp_required");
    assert_eq!(
        desk.redeem(&code, OWN, Some("000000")).code(),
        "auth.totp_wrong"
    );
    assert_eq!(
        desk.sign_in("li", OWN).code(),
        "auth.wrong_credentials",
        "nothing was set"
    );
    let seconds = u64::try_from(office.clock.now() / 1000).unwrap();
    let digits = app.generate(seconds).to_string();
    assert_eq!(desk.redeem(&code, OWN, Some(&digits)).status, 200);
    assert_eq!(desk.sign_in("li", OWN).code(), "auth.totp_required");
}

struct Sevens;

impl Chance for Sevens {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

pub fn set_up(office: &TestOffice, user: UserId) -> totp_rs::Totp {
    let house = office.house();
    let shared = Shared::random(&Sevens);
    let sealed = house.factors.seal(user, &shared, &SystemChance).unwrap();
    house
        .repo
        .write_blocking(move |conn| factors::put(conn, user, &sealed, &[], 1))
        .unwrap();
    Builder::new()
        .with_secret(Secret::new_stack([7; 20]))
        .build()
        .unwrap()
}

#[test]
fn a_lost_reply_may_be_asked_for_again_by_the_same_desk_with_the_same_password() {
    let office = office();
    let (_, code) = invited(&office, "li");
    let (mut first, mut other) = (desk(&office, HERE), desk(&office, HERE));
    assert_eq!(first.redeem(&code, OWN, None).status, 200);
    assert_eq!(first.redeem(&code, OWN, None).status, 200);
    assert_eq!(first.pull(HERE, 0, 0).status, 200);
    let another = "another password that is long";
    assert_eq!(
        first.redeem(&code, another, None).code(),
        "invitation.code_wrong"
    );
    assert_eq!(
        other.redeem(&code, OWN, None).code(),
        "invitation.code_wrong"
    );
    office.clock.advance(600_001);
    assert_eq!(
        first.redeem(&code, OWN, None).code(),
        "invitation.code_wrong"
    );
    assert_eq!(first.sign_in("li", OWN).status, 200);
}

#[test]
fn a_recorded_redemption_a_borrowed_name_and_a_desk_that_waits_come_to_nothing() {
    let office = office_with(false);
    let (_, code) = invited(&office, "li");
    let mut desk = desk(&office, HERE);
    assert_eq!(desk.redeem(&code, OWN, None).code(), "device.pending");
    let (id, house) = (desk.id, office.house());
    house
        .repo
        .write_blocking(move |conn| devices::set_status(conn, id, DeviceStatus::Active, 1))
        .unwrap();
    let mut thief = Desk::new(&office);
    assert_eq!(thief.redeem(&code, OWN, None).code(), "device.unknown");
    thief.id = desk.id;
    assert_eq!(thief.redeem(&code, OWN, None).code(), "sync.bad_signature");
    assert_eq!(
        desk.redeem_at("WRONG", OWN, None, 77).code(),
        "invitation.code_wrong"
    );
    assert_eq!(
        desk.redeem_at("WRONG", OWN, None, 77).code(),
        "auth.token_invalid"
    );
    assert_eq!(desk.redeem(&code, OWN, None).status, 200);
    office
        .house()
        .repo
        .write_blocking(move |conn| devices::set_status(conn, id, DeviceStatus::Revoked, 1))
        .unwrap();
    assert_eq!(desk.redeem(&code, OWN, None).code(), "device.revoked");
}

#[test]
fn who_went_to_another_office_is_not_let_in_by_an_old_code() {
    let office = office();
    let (_, code) = invited(&office, "li");
    let house = office.house();
    house
        .repo
        .write_blocking(|conn| {
            let mut account = people::by_login(conn, "li")?.unwrap();
            account.card.offices = [OfficeCode::parse(THERE).unwrap()].into();
            people::put(conn, &account, 1)
        })
        .unwrap();
    for at in [HERE, THERE] {
        assert_eq!(
            desk(&office, at).redeem(&code, OWN, None).code(),
            "invitation.code_wrong"
        );
    }
}

#[test]
fn two_desks_that_redeem_at_once_make_one_owner() {
    let office = office();
    let (_, code) = invited(&office, "li");
    let desks: Vec<Desk> = (0..4).map(|_| desk(&office, HERE)).collect();
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = desks
            .into_iter()
            .enumerate()
            .map(|(n, mut desk)| {
                let (code, password) = (code.clone(), format!("{OWN} {n}"));
                scope.spawn(move || desk.redeem(&code, &password, None).status)
            })
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(
        answers.iter().filter(|status| **status == 200).count(),
        1,
        "{answers:?}"
    );
}
