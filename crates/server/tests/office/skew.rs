//! A server whose clock is wrong: desks work on, and nothing is lost by it.

use crate::support::{HERE, PASSWORD, applied, office, outcomes};
use desk_domain::time::Clock;

const TWO_DAYS: i64 = 2 * 86_400_000;

#[test]
fn a_clock_that_jumps_ahead_ends_sessions_and_nothing_else() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    assert!(desk.write(vec![create]).iter().all(applied));
    let own_time = office.clock.now();
    office.clock.advance(TWO_DAYS);
    let note = desk.note(case, "之后");
    let batch = desk.chain(vec![note]);
    let told = desk.push(&batch);
    assert_eq!(
        (told.status, told.code().as_str()),
        (401, "auth.token_expired")
    );
    // The desk goes by its own clock, which is right.
    let token = desk.refresh.clone();
    assert_eq!(desk.refresh(&token, own_time + 1).status, 200);
    assert!(applied(&outcomes(&desk.push(&batch))[0]));
    assert!(desk.pull(HERE, 0, 0).text().contains("之后"));
}

#[test]
fn a_clock_that_is_set_back_takes_ops_in_their_order_and_lets_people_in() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    assert!(desk.write(vec![create]).iter().all(applied));
    let cursor = desk.pull(HERE, 0, 0).json()["cursor"].as_u64().unwrap();
    let own_time = office.clock.now();
    office.clock.advance(-TWO_DAYS);
    let note = desk.note(case, "之后");
    assert!(desk.write(vec![note]).iter().all(applied));
    let news = desk.pull(HERE, cursor, 0);
    assert!(news.text().contains("之后"), "{}", news.text());
    assert!(
        news.json()["cursor"].as_u64().unwrap() > cursor,
        "positions do not go by the clock"
    );
    assert_eq!(
        desk.sign_in_at("agent", PASSWORD, None, own_time + 1)
            .status,
        200
    );
    let note = desk.note(case, "再之后");
    assert!(desk.write(vec![note]).iter().all(applied));
    let mut other = office.desk(HERE, "clerk");
    let (_, create) = other.new_case();
    assert!(other.write(vec![create]).iter().all(applied));
}
