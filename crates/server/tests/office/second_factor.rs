use crate::support::{Desk, HERE, PASSWORD, TestOffice, add_user, office};
use desk_domain::ids::UserId;
use desk_domain::people::Role;
use desk_domain::time::{Chance, Clock};
use desk_server::door::SystemChance;
use desk_server::repo::safeguards::Safeguards;
use desk_server::repo::{people, safeguards, second_factor as factors};
use desk_server::second_factor::{Shared, recovery_codes, recovery_hash};
use totp_rs::{Builder, Secret, Totp};

/// Every app of these tests shares the same bytes.
struct Sevens;

impl Chance for Sevens {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

fn app() -> Totp {
    let secret = Secret::new_stack([7; 20]);
    Builder::new().with_secret(secret).build().unwrap()
}

/// What the app shows so many steps from now.
fn digits(office: &TestOffice, steps: i64) -> String {
    let seconds = office.clock.now() / 1000 + steps * 30;
    app().generate(u64::try_from(seconds).unwrap()).to_string()
}

/// Sets an app up for somebody; returns the recovery codes.
fn set_up(office: &TestOffice, login: &str) -> Vec<String> {
    let house = office.house();
    let user = user_of(office, login);
    let shared = Shared::random(&Sevens);
    let sealed = house.factors.seal(user, &shared, &SystemChance).unwrap();
    let codes = recovery_codes(&SystemChance);
    let hashes: Vec<_> = codes
        .iter()
        .map(|code| recovery_hash(user, code).unwrap())
        .collect();
    house
        .repo
        .write_blocking(move |conn| factors::put(conn, user, &sealed, &hashes, 1))
        .unwrap();
    codes
}

fn user_of(office: &TestOffice, login: &str) -> UserId {
    let found = office
        .house()
        .repo
        .read_blocking(|conn| people::by_login(conn, login));
    found.unwrap().unwrap().card.user
}

fn desk(office: &TestOffice) -> Desk {
    let desk = Desk::new(office);
    assert_eq!(desk.enrol(&office.code(HERE)).status, 200);
    desk
}

fn told(desk: &mut Desk, login: &str, totp: Option<&str>) -> (u16, String) {
    let reply = desk.sign_in_with(login, PASSWORD, totp);
    let code = if reply.status == 200 {
        String::new()
    } else {
        reply.code()
    };
    (reply.status, code)
}

fn refused(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

fn well() -> (u16, String) {
    (200, String::new())
}

#[test]
fn who_has_an_app_is_asked_for_its_digits_and_a_step_is_taken_once() {
    let office = office();
    set_up(&office, "agent");
    let mut desk = desk(&office);
    for nothing in [None, Some(""), Some("  ")] {
        assert_eq!(
            told(&mut desk, "agent", nothing),
            refused("auth.totp_required")
        );
    }
    let now = digits(&office, 0);
    assert_eq!(told(&mut desk, "agent", Some(&now)), well());
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
    assert_eq!(
        told(&mut desk, "agent", Some(&now)),
        refused("auth.totp_wrong"),
        "used up"
    );
    let before = digits(&office, -1);
    assert_eq!(
        told(&mut desk, "agent", Some(&before)),
        refused("auth.totp_wrong"),
        "older"
    );
    let next = digits(&office, 1);
    assert_eq!(
        told(&mut desk, "agent", Some(&next)),
        well(),
        "a clock may be a step ahead"
    );
    assert_eq!(
        told(&mut desk, "clerk", None),
        well(),
        "others are not asked"
    );
    assert_eq!(
        told(&mut desk, "clerk", Some("123456")),
        well(),
        "nor held up by digits"
    );
}

#[test]
fn digits_far_from_now_or_of_nothing_are_wrong() {
    let office = office();
    set_up(&office, "agent");
    let mut desk = desk(&office);
    let (late, early) = (digits(&office, -2), digits(&office, 2));
    for wrong in [late.as_str(), &early, "12345", "1234567"] {
        assert_eq!(
            told(&mut desk, "agent", Some(wrong)),
            refused("auth.totp_wrong"),
            "{wrong}"
        );
    }
    let endless = "1".repeat(300);
    assert_eq!(
        told(&mut desk, "agent", Some(&endless)),
        refused("auth.wrong_credentials")
    );
}

#[test]
fn the_digits_are_worth_nothing_without_the_password() {
    let office = office();
    set_up(&office, "agent");
    let mut desk = desk(&office);
    let now = digits(&office, 0);
    let reply = desk.sign_in_with("agent", "not the password", Some(&now));
    assert_eq!(reply.code(), "auth.wrong_credentials");
    assert_eq!(
        told(&mut desk, "agent", Some(&now)),
        well(),
        "and were not spent"
    );
}

#[test]
fn wrong_digits_lock_like_wrong_passwords_and_a_restart_forgives_nothing() {
    let mut office = office();
    set_up(&office, "agent");
    let mut desk = desk(&office);
    for _ in 0..3 {
        assert_eq!(
            told(&mut desk, "agent", Some("000000")),
            refused("auth.totp_wrong")
        );
    }
    for _ in 0..2 {
        assert_eq!(
            desk.sign_in_with("agent", "not the password", None).code(),
            "auth.wrong_credentials"
        );
    }
    let locked = (429, "auth.too_many_tries".to_owned());
    let now = digits(&office, 0);
    assert_eq!(told(&mut desk, "agent", Some(&now)), locked);
    office.restart();
    desk.addr = office.addr();
    assert_eq!(told(&mut desk, "agent", Some(&now)), locked);
    office.clock.advance(31_000);
    let now = digits(&office, 0);
    assert_eq!(told(&mut desk, "agent", Some(&now)), well());
}

#[test]
fn guesses_that_come_at_once_are_all_counted() {
    let office = office();
    set_up(&office, "agent");
    let desk = desk(&office);
    let wrong: usize = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..12)
            .map(|n| {
                let mut desk = desk.clone();
                let at = office.clock.now() + 1000 + n;
                scope.spawn(move || {
                    desk.sign_in_at("agent", PASSWORD, Some("000000"), at)
                        .code()
                })
            })
            .collect();
        guesses
            .into_iter()
            .map(|guess| guess.join().unwrap())
            .filter(|code| code == "auth.totp_wrong")
            .count()
    });
    assert_eq!(
        wrong, 5,
        "the sixth guess meets the lock, however fast it comes"
    );
}

#[test]
fn a_recovery_code_works_once_and_only_for_its_owner() {
    let office = office();
    let codes = set_up(&office, "agent");
    set_up(&office, "clerk");
    let mut desk = desk(&office);
    let typed = codes[3].to_lowercase();
    assert_eq!(
        told(&mut desk, "clerk", Some(&typed)),
        refused("auth.totp_wrong")
    );
    assert_eq!(told(&mut desk, "agent", Some(&typed)), well());
    assert_eq!(
        told(&mut desk, "agent", Some(&typed)),
        refused("auth.totp_wrong")
    );
    let (house, user) = (office.house(), user_of(&office, "agent"));
    let left = house
        .repo
        .read_blocking(|conn| factors::recovery_left(conn, user));
    assert_eq!(left.unwrap(), 9);
}

#[test]
fn roles_that_decide_need_one_once_the_office_says_so() {
    let office = office();
    for (login, role) in [("operator", Role::Operator), ("boss", Role::Supervisor)] {
        add_user(&office.house(), login, role, &[HERE]);
    }
    let mut desk = desk(&office);
    assert_eq!(
        told(&mut desk, "reviewer", None),
        well(),
        "off until it is turned on"
    );
    let asked = Safeguards {
        second_factor: true,
        two_admins: false,
    };
    office
        .house()
        .repo
        .write_blocking(move |conn| safeguards::put(conn, asked))
        .unwrap();
    for login in ["reviewer", "operator", "boss", "chief"] {
        let not_set_up = (403, "auth.totp_not_set_up".to_owned());
        assert_eq!(told(&mut desk, login, None), not_set_up, "{login}");
    }
    assert_eq!(
        told(&mut desk, "agent", None),
        well(),
        "who collects is not asked"
    );
    set_up(&office, "chief");
    let now = digits(&office, 0);
    assert_eq!(told(&mut desk, "chief", Some(&now)), well());
}

#[test]
fn what_is_shared_does_not_stand_in_the_database_in_clear() {
    let office = office();
    let codes = set_up(&office, "agent");
    let (house, user) = (office.house(), user_of(&office, "agent"));
    let kept = house.repo.read_blocking(|conn| {
        let sealed: Vec<u8> = conn
            .prepare_cached("SELECT sealed FROM second_factor WHERE account = ?1")?
            .query_row([user.to_string()], |row| row.get(0))?;
        let mut hashes =
            conn.prepare_cached("SELECT code_hash FROM recovery_code WHERE account = ?1")?;
        let rows = hashes.query_map([user.to_string()], |row| row.get::<Vec<u8>>(0))?;
        let mut all = vec![sealed];
        for row in rows {
            all.push(row?);
        }
        Ok(all)
    });
    let kept = kept.unwrap();
    assert_eq!(kept.len(), 11);
    for bytes in kept {
        assert!(!bytes.windows(20).any(|part| part == [7; 20]));
        let holds = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(!codes.iter().any(|code| holds(code)));
    }
}
