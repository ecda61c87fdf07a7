use crate::support::{Desk, HERE, PASSWORD, call, office, office_with};
use desk_protocol::people::DeviceStatus;
use desk_server::repo::{devices, people};
use desk_server::secrets;

#[test]
fn without_a_session_nothing_but_the_public_pages_answers() {
    let office = office();
    for (method, path) in [
        ("POST", "/v1/sync/hello"),
        ("POST", "/v1/sync/push"),
        ("GET", "/v1/sync/pull?scope=HZ001&cursor=0"),
        ("GET", "/v1/sync/snapshot?scope=HZ001"),
        ("POST", "/v1/documents"),
        ("GET", "/v1/documents/x"),
    ] {
        let reply = call(
            office.addr(),
            method,
            path,
            &[("authorization", "Bearer nonsense")],
            b"{}",
        );
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (401, "auth.token_invalid"),
            "{path}"
        );
    }
    for path in ["/livez", "/readyz", "/version"] {
        assert_eq!(call(office.addr(), "GET", path, &[], b"").status, 200);
    }
    assert_eq!(
        call(office.addr(), "GET", "/nowhere", &[], b"").code(),
        "request.not_found"
    );
}

#[test]
fn a_code_is_spent_once_and_only_for_fifteen_minutes() {
    let office = office();
    let (one, two) = (Desk::new(&office), Desk::new(&office));
    assert_eq!(
        one.enrol("AAAAAAAAAAAAAAAAAAAAAAAAAA").code(),
        "enrol.code_wrong"
    );
    let code = office.code(HERE);
    assert_eq!(one.enrol(&code).status, 200);
    assert_eq!(two.enrol(&code).code(), "enrol.code_wrong");
    assert_eq!(
        one.enrol(&code).json()["status"],
        "active",
        "a lost reply may be asked for again"
    );
    let late = office.code(HERE);
    office.clock.advance(secrets::CODE_MS + 1);
    assert_eq!(two.enrol(&late).code(), "enrol.code_expired");
}

#[test]
fn a_desk_that_does_not_own_its_key_is_refused() {
    let office = office();
    let (mut desk, other) = (Desk::new(&office), Desk::new(&office));
    let code = office.code(HERE);
    assert_eq!(desk.enrol(&code).status, 200);
    desk.key = other.key;
    assert_eq!(desk.sign_in("agent", PASSWORD).code(), "sync.bad_signature");
}

#[test]
fn a_pending_desk_waits_for_an_administrator() {
    let office = office_with(false);
    let mut desk = Desk::new(&office);
    assert_eq!(desk.enrol(&office.code(HERE)).json()["status"], "pending");
    assert_eq!(desk.sign_in("agent", PASSWORD).code(), "device.pending");
    let (id, house) = (desk.id, office.house());
    house
        .repo
        .write_blocking(move |conn| devices::set_status(conn, id, DeviceStatus::Active, 1))
        .unwrap();
    assert_eq!(desk.sign_in("agent", PASSWORD).status, 200);
}

#[test]
fn a_revoked_desk_passes_nothing() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
    let (id, house) = (desk.id, office.house());
    house
        .repo
        .write_blocking(move |conn| devices::set_status(conn, id, DeviceStatus::Revoked, 1))
        .unwrap();
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    for reply in [
        desk.pull(HERE, 0, 0),
        desk.push(&batch),
        desk.clone().sign_in("agent", PASSWORD),
    ] {
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (403, "device.revoked")
        );
    }
}

#[test]
fn an_access_token_ends_after_ten_minutes_and_is_refreshed() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    office.clock.advance(secrets::ACCESS_MS + 1);
    let reply = desk.pull(HERE, 0, 0);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (401, "auth.token_expired")
    );
    let token = desk.refresh.clone();
    assert_eq!(desk.refresh(&token, 1).status, 200);
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
}

#[test]
fn a_refresh_token_used_twice_kills_the_family() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let stolen = desk.refresh.clone();
    assert_eq!(desk.refresh(&stolen, 1).status, 200);
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
    assert_eq!(
        desk.clone().refresh(&stolen, 2).code(),
        "auth.token_invalid"
    );
    assert_eq!(desk.pull(HERE, 0, 0).code(), "auth.token_invalid");
    let newest = desk.refresh.clone();
    assert_eq!(desk.refresh(&newest, 3).code(), "auth.token_invalid");
}

#[test]
fn the_same_refresh_repeated_after_a_lost_reply_is_answered() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let token = desk.refresh.clone();
    assert_eq!(desk.clone().refresh(&token, 1).status, 200);
    assert_eq!(desk.refresh(&token, 1).status, 200);
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
    office.clock.advance(121_000);
    assert_eq!(desk.clone().refresh(&token, 1).code(), "auth.token_invalid");
}

#[test]
fn a_recorded_sign_in_cannot_be_played_again() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    assert_eq!(
        desk.sign_in_at("agent", PASSWORD, None, 77).status,
        200,
        "skew is flagged, not refused"
    );
    assert_eq!(
        desk.sign_in_at("agent", PASSWORD, None, 77).code(),
        "auth.token_invalid"
    );
}

#[test]
fn wrong_passwords_lock_one_desk_for_that_login_and_a_restart_forgives_nothing() {
    let mut office = office();
    let mut desk = office.desk(HERE, "agent");
    for _ in 0..5 {
        assert_eq!(
            desk.sign_in("agent", "not the password").code(),
            "auth.wrong_credentials"
        );
    }
    let reply = desk.sign_in("agent", PASSWORD);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (429, "auth.too_many_tries")
    );
    assert!(reply.headers.contains_key("retry-after"));
    office.restart();
    desk.addr = office.addr();
    assert_eq!(desk.sign_in("agent", PASSWORD).status, 429);
    assert_eq!(
        desk.sign_in("clerk", PASSWORD).status,
        200,
        "others are unaffected"
    );
    office.clock.advance(31_000);
    assert_eq!(desk.sign_in("agent", PASSWORD).status, 200);
}

#[test]
fn an_unknown_login_and_a_wrong_password_answer_alike() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (unknown, wrong) = (desk.sign_in("nobody", PASSWORD), desk.sign_in("agent", "x"));
    assert_eq!(
        (unknown.status, unknown.code()),
        (wrong.status, wrong.code())
    );
}

#[test]
fn rights_are_read_fresh_on_each_request() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let house = office.house();
    let mut account = house
        .repo
        .read_blocking(|conn| people::by_login(conn, "agent"))
        .unwrap()
        .unwrap();
    account.card.active = false;
    house
        .repo
        .write_blocking(move |conn| people::put(conn, &account, 1))
        .unwrap();
    assert_eq!(desk.pull(HERE, 0, 0).code(), "auth.token_invalid");
    let token = desk.refresh.clone();
    assert_eq!(desk.refresh(&token, 1).code(), "auth.token_invalid");
    assert_eq!(
        desk.sign_in("agent", PASSWORD).code(),
        "auth.wrong_credentials"
    );
}
