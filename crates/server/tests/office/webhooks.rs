//! What systems outside hear of cases: from the transaction that moves one, past an endpoint's moods, over dead nodes, and
//! not through the server into its own network.

use crate::support::demo::{decide, matched_in, send_back, sit, unbind};
use crate::support::hooks::{self, Answer, Receiver, add, allow, endpoint, here, log};
use crate::support::{TestOffice, eventually, office};
use desk_domain::case::CaseState;
use desk_domain::field::FieldKey;
use desk_domain::ids::{OfficeCode, WebhookId};
use desk_domain::op::OpBody;
use desk_domain::time::Millis;
use desk_server::gateway::GatewayKind;
use desk_server::repo::deliveries::{self, Claimed, FAILING_MS, KEEP_MS, LEASE_MS, TRIES, Tried};
use desk_server::repo::delivery_log::{self, Delivery, Which};
use desk_server::repo::offices;
use desk_server::repo::sql::Connection;
use desk_server::repo::webhooks::{self, Rotated, Why};
use desk_server::run::House;
use desk_server::webhooks::address::Reach;
use desk_server::webhooks::signing::HookSecret;
use std::collections::BTreeSet;
use std::time::Duration;

const DAY: Millis = 86_400_000;

/// The demo's office, whose webhooks may go to this machine.
fn demo() -> TestOffice {
    let mut office = TestOffice::demo(17);
    office.config.gateway = GatewayKind::None;
    allow(&mut office);
    office
}

/// An office without a case.
fn quiet() -> TestOffice {
    let mut office = office();
    allow(&mut office);
    office
}

/// Something to be delivered; its webhook-id.
fn put(house: &House, id: WebhookId) -> String {
    let rules = house.rules.clone();
    let write = move |conn: &_| deliveries::put_test(conn, &rules, &here(), id);
    house.repo.write_blocking(write).unwrap()
}

fn claim(house: &House) -> Vec<Claimed> {
    let rules = house.rules.clone();
    let write = move |conn: &_| deliveries::claim(conn, &rules, 32);
    house.repo.write_blocking(write).unwrap()
}

fn settle(house: &House, claimed: &Claimed, status: u16) {
    let (rules, claimed) = (house.rules.clone(), claimed.clone());
    let at = house.rules.clock.now();
    let tried = Tried {
        at,
        took_ms: 1,
        status: Some(status),
        error: None,
    };
    let write = move |conn: &_| deliveries::settle(conn, &rules, &claimed, &tried, at);
    house.repo.write_blocking(write).unwrap();
}

fn replay(house: &House, id: WebhookId, which: Which) -> usize {
    let now = house.rules.clock.now();
    let write = move |conn: &_| delivery_log::replay(conn, (&here(), id), &which, now);
    house.repo.write_blocking(write).unwrap()
}

/// The only delivery of an endpoint once it stands so.
fn only(house: &House, id: WebhookId, status: &str) -> Delivery {
    eventually(|| {
        let all = log(house, id);
        assert!(all.len() <= 1, "{all:?}");
        all.into_iter().find(|one| one.status == status)
    })
}

/// The same while time passes, from one try to the next.
fn in_time(office: &TestOffice, house: &House, id: WebhookId, status: &str) -> Delivery {
    for _ in 0..=TRIES {
        let one = eventually(|| {
            let one = log(house, id).remove(0);
            let is_due = one.status == "waiting" && one.due_at <= office.clock.now_ms();
            (one.status != "sending" && !is_due).then_some(one)
        });
        if one.status == status {
            return one;
        }
        assert_eq!(one.status, "waiting", "{one:?}");
        office.clock.advance(one.due_at - office.clock.now_ms());
    }
    unreachable!("it never came to be {status}");
}

#[test]
fn an_address_inside_is_refused_when_it_is_sent_to_and_nothing_arrives() {
    let receiver = Receiver::start();
    let mut office = office();
    office.config.webhooks.reach = Reach::Public;
    office.restart();
    let house = office.house();
    let port = receiver.addr.port();
    // They came into the table by another way than the command, or a name that was public is not any more.
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://localhost:{port}/"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://user:pass@example.test/".to_owned(),
        "not a url".to_owned(),
    ] {
        let (id, _) = add(&house, &url);
        put(&house, id);
        let refused = eventually(|| {
            let one = log(&house, id).remove(0);
            (!one.attempts.is_empty()).then_some(one)
        });
        let error = refused.error.as_deref();
        assert_eq!(error, Some("address.refused"), "{url}");
        assert_eq!(refused.attempts[0].status, None);
    }
    assert!(receiver.heard().is_empty());
}

#[test]
fn the_flag_opens_private_networks_and_not_metadata_and_a_dead_port_is_told_as_one() {
    let office = quiet();
    let house = office.house();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for (url, error) in [
        ("https://169.254.169.254/".to_owned(), "address.refused"),
        ("http://example.test:9000/".to_owned(), "address.refused"),
        (format!("http://127.0.0.1:{closed}/"), "connect.failed"),
        (format!("http://localhost:{closed}/"), "connect.failed"),
    ] {
        let (id, _) = add(&house, &url);
        put(&house, id);
        let tried =
            eventually(|| Some(log(&house, id).remove(0)).filter(|one| one.error.is_some()));
        assert_eq!(tried.error.as_deref(), Some(error), "{url}");
    }
}

#[test]
fn a_case_that_moves_is_told_signed_once_and_without_anybodys_data() {
    let receiver = Receiver::start();
    let office = demo();
    let house = office.house();
    let (id, secret) = add(&house, &receiver.url());
    let case = matched_in(&office, CaseState::Executing);
    unbind(&office, &case);
    let told = only(&house, id, "delivered");
    assert_eq!(
        (told.event.as_str(), told.attempts.len()),
        ("case.unbound", 1)
    );
    let heard = receiver.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].id.as_str(), heard[0].path.as_str()),
        (told.id.as_str(), "/hook?token=abc")
    );
    assert!(heard[0].is_signed_by(&secret));
    assert_eq!(heard[0].timestamp, office.clock.now_ms() / 1000);
    let body = heard[0].json();
    assert_eq!(body["type"], "case.unbound");
    let data = body["data"].as_object().unwrap();
    let keys: BTreeSet<&str> = data.keys().map(String::as_str).collect();
    let agreed = [
        "at",
        "case_id",
        "case_no",
        "office",
        "previous_state",
        "state",
    ];
    assert_eq!(keys, agreed.into());
    assert_eq!(data["case_id"], case.id.to_string());
    assert_eq!(data["case_no"], case.case_no.to_string());
    assert_eq!(
        (&data["previous_state"], &data["state"]),
        (&"executing".into(), &"unbound".into())
    );
    let entered = FieldKey::ALL.iter().map(|key| case.text(*key));
    // A number of one digit stands in every date.
    let telling = |text: &&str| !text.is_ascii() || text.len() >= 6;
    let entered: Vec<&str> = entered.filter(telling).collect();
    assert!(entered.len() > 5, "{entered:?}");
    for text in entered {
        assert!(!heard[0].body.contains(text), "{text}");
    }
}

#[test]
fn every_move_of_one_push_is_told_and_what_nobody_wants_is_not() {
    let receiver = Receiver::start();
    let office = demo();
    let house = office.house();
    let (all, _) = add(&house, &receiver.url());
    let (silenced, _) = add(&house, &receiver.url());
    let work = move |conn: &_| webhooks::disable(conn, (&here(), silenced), Why::Admin, 0);
    house.repo.write_blocking(work).unwrap();
    let case = matched_in(&office, CaseState::Submitted);
    decide(&office, &case, send_back());
    only(&house, all, "delivered");
    // Taken into review and sent back in one push: the first is nobody's event.
    let body = receiver.heard().remove(0).json();
    assert_eq!(body["data"]["previous_state"], "in_review");
    let mut agent = sit(&office, "agent1");
    let note = OpBody::NoteAdd {
        text: "示例".into(),
    };
    let op = agent.op(case.id, &note);
    agent.write(vec![op]);
    assert_eq!(log(&house, all).len(), 1, "a note moves nothing");
    assert!(log(&house, silenced).is_empty());
}

#[test]
fn an_endpoint_of_another_office_hears_nothing() {
    let receiver = Receiver::start();
    let office = demo();
    let house = office.house();
    let other = OfficeCode::parse("ZZ999").unwrap();
    let put = {
        let other = other.clone();
        move |conn: &_| offices::put(conn, &other, "示例", 0)
    };
    house.repo.write_blocking(put).unwrap();
    let (elsewhere, _) = hooks::add_to(&house, &other, &receiver.url());
    let (id, _) = add(&house, &receiver.url());
    unbind(&office, &matched_in(&office, CaseState::Executing));
    only(&house, id, "delivered");
    let read = |conn: &_| delivery_log::newest(conn, (&other, elsewhere), 9);
    assert!(house.repo.read_blocking(read).unwrap().is_empty());
    assert_eq!(receiver.heard().len(), 1);
}

#[test]
fn only_2xx_is_success_a_redirect_is_not_followed_and_a_silent_one_is_left() {
    for (answer, class) in [
        (Answer::Status(500), "http.500"),
        (Answer::Status(404), "http.404"),
        (Answer::Status(429), "http.429"),
        (Answer::Elsewhere, "http.302"),
        (Answer::Silence, "timeout"),
    ] {
        let receiver = Receiver::start();
        let mut office = office();
        if answer == Answer::Silence {
            office.config.webhooks.within = Some(Duration::from_millis(500));
        }
        allow(&mut office);
        let house = office.house();
        receiver.answers(answer);
        let (id, secret) = add(&house, &receiver.url());
        let webhook_id = put(&house, id);
        let failed =
            eventually(|| Some(log(&house, id).remove(0)).filter(|one| one.error.is_some()));
        assert_eq!(
            (failed.status.as_str(), failed.error.as_deref()),
            ("waiting", Some(class))
        );
        assert!(endpoint(&house, id).failing_since.is_some(), "{answer:?}");
        receiver.answers(Answer::Status(200));
        let told = in_time(&office, &house, id, "delivered");
        assert!(told.attempts.len() >= 2 && told.error.is_none(), "{told:?}");
        assert_eq!(endpoint(&house, id).failing_since, None);
        let heard = receiver.heard();
        assert!(
            heard.iter().all(|one| one.path == "/hook?token=abc"),
            "{heard:?}"
        );
        let ids: BTreeSet<_> = heard.iter().map(|one| one.id.clone()).collect();
        assert_eq!(ids, [webhook_id].into(), "one id over every try");
        let signed: BTreeSet<_> = heard.iter().map(|one| one.signatures.clone()).collect();
        assert!(signed.len() >= 2, "each attempt is signed at its own time");
        assert!(
            heard
                .iter()
                .all(|one| one.is_signed_by(&secret) && one.body == heard[0].body)
        );
    }
}

#[test]
fn a_busy_endpoint_is_left_alone_as_long_as_it_asks() {
    let receiver = Receiver::start();
    let office = quiet();
    let house = office.house();
    receiver.answers(Answer::Busy(7_200));
    let (id, _) = add(&house, &receiver.url());
    put(&house, id);
    eventually(|| Some(log(&house, id).remove(0)).filter(|one| one.error.is_some()));
    receiver.answers(Answer::Status(204));
    let told = in_time(&office, &house, id, "delivered");
    let waited = told.attempts[1].at - told.attempts[0].at;
    assert!(waited >= 7_200_000, "{waited}");
}

#[test]
fn an_answer_that_never_ends_is_not_read() {
    let receiver = Receiver::start();
    let office = quiet();
    let house = office.house();
    receiver.answers(Answer::Endless);
    let (id, _) = add(&house, &receiver.url());
    put(&house, id);
    assert_eq!(only(&house, id, "delivered").attempts[0].status, Some(200));
}

#[test]
fn a_dead_endpoint_is_given_up_after_the_last_try_and_replayed_under_the_same_id() {
    let receiver = Receiver::start();
    let office = quiet();
    let house = office.house();
    receiver.answers(Answer::Status(503));
    let (id, _) = add(&house, &receiver.url());
    let webhook_id = put(&house, id);
    let failed = in_time(&office, &house, id, "failed");
    let tries = usize::try_from(TRIES).unwrap();
    assert_eq!(
        (failed.attempts.len(), receiver.heard().len()),
        (tries, tries)
    );
    let pauses: Vec<Millis> = failed
        .attempts
        .windows(2)
        .map(|two| two[1].at - two[0].at)
        .collect();
    assert!(
        pauses[0] >= 4_000 && pauses[8] >= 20 * 3_600_000,
        "{pauses:?}"
    );
    receiver.answers(Answer::Status(200));
    assert_eq!(replay(&house, id, Which::One("nobody's".into())), 0);
    let enabled = move |conn: &_| webhooks::enable(conn, &here(), id);
    house.repo.write_blocking(enabled).unwrap();
    assert_eq!(replay(&house, id, Which::Failed), 1);
    let told = only(&house, id, "delivered");
    assert_eq!(
        (told.id.as_str(), told.attempts.len()),
        (webhook_id.as_str(), tries + 1)
    );
    // What arrived can be asked for again as well.
    assert_eq!(replay(&house, id, Which::One(webhook_id.clone())), 1);
    eventually(|| (receiver.heard().len() == tries + 2).then_some(()));
    assert!(receiver.heard().iter().all(|one| one.id == webhook_id));
}

#[test]
fn an_endpoint_that_is_gone_is_disabled_and_what_waits_is_given_up() {
    let receiver = Receiver::start();
    let office = quiet();
    let house = office.house();
    let (id, _) = add(&house, &receiver.url());
    receiver.answers(Answer::Status(410));
    put(&house, id);
    eventually(|| {
        endpoint(&house, id)
            .disabled
            .filter(|why| *why == Why::Gone)
    });
    assert_eq!(
        only(&house, id, "failed").error.as_deref(),
        Some("endpoint.disabled")
    );
    assert_eq!(receiver.heard().len(), 1);
    let found = desk_server::doctor::look(&office.config, None);
    let told = found.iter().find(|one| one.part == "webhooks").unwrap();
    assert!(
        told.what.contains(&id.to_string()) && told.what.contains("410"),
        "{told:?}"
    );
}

#[test]
fn an_endpoint_that_fails_for_five_days_is_disabled_and_named_by_the_doctor() {
    let office = office();
    let house = office.house();
    let (id, _) = add(&house, "https://example.test/");
    put(&house, id);
    let first = claim(&house).remove(0);
    settle(&house, &first, 500);
    office.clock.advance(DAY);
    let doctor = || {
        let found = desk_server::doctor::look(&office.config, None);
        let told = found.into_iter().find(|one| one.part == "webhooks");
        told.unwrap().what
    };
    assert!(doctor().contains("has failed since"), "{}", doctor());
    office.clock.advance(FAILING_MS - DAY);
    let again = claim(&house).remove(0);
    settle(&house, &again, 500);
    let dead = endpoint(&house, id);
    assert_eq!(
        (dead.disabled, dead.failing_since),
        (Some(Why::Failing), Some(first_at(&house, id)))
    );
    assert!(doctor().contains(&id.to_string()) && doctor().contains("is disabled"));
    assert!(claim(&house).is_empty());
}

fn first_at(house: &House, id: WebhookId) -> Millis {
    log(house, id)[0].attempts[0].at
}

#[test]
fn a_node_that_dies_loses_its_lease_and_its_late_word_counts_for_nothing() {
    let office = office();
    let (one, two) = (office.house(), office.house());
    let (id, _) = add(&one, "https://example.test/");
    put(&one, id);
    let mine = claim(&one).remove(0);
    assert!(claim(&two).is_empty(), "it is being sent");
    office.clock.advance(LEASE_MS);
    let theirs = claim(&two).remove(0);
    assert_eq!((mine.attempt, theirs.attempt), (1, 2));
    settle(&one, &mine, 410);
    assert_eq!(endpoint(&one, id).disabled, None);
    assert_eq!(log(&one, id)[0].status, "sending");
    settle(&two, &theirs, 200);
    let told = only(&one, id, "delivered");
    let statuses: Vec<_> = told.attempts.iter().map(|tried| tried.status).collect();
    assert_eq!(statuses, [Some(410), Some(200)], "both stand in the log");
}

#[test]
fn leases_that_are_lost_are_counted_and_an_endpoint_that_is_taken_away_ends_everything() {
    let office = office();
    let house = office.house();
    let (id, _) = add(&house, "https://example.test/");
    put(&house, id);
    for n in 1..=TRIES {
        assert_eq!(claim(&house).remove(0).attempt, n);
        office.clock.advance(LEASE_MS);
    }
    assert!(claim(&house).is_empty());
    let lost = only(&house, id, "failed");
    assert_eq!(lost.error.as_deref(), Some("lease.lost"));
    assert_eq!(replay(&house, id, Which::Failed), 1);
    let claimed = claim(&house).remove(0);
    let removed = move |conn: &_| webhooks::remove(conn, &here(), id);
    house.repo.write_blocking(removed).unwrap();
    settle(&house, &claimed, 200);
    assert!(log(&house, id).is_empty());
}

#[test]
fn a_slow_endpoint_does_not_take_the_places_of_the_others() {
    let office = office();
    let (one, two) = (office.house(), office.house());
    let (slow, _) = add(&one, "https://slow.example.test/");
    for _ in 0..40 {
        put(&one, slow);
    }
    let (other, _) = add(&one, "https://example.test/");
    put(&one, other);
    let first = claim(&one);
    assert!(first.iter().any(|claimed| claimed.endpoint == other));
    let (mut mine, theirs) = std::thread::scope(|scope| {
        let all = |house: &House| {
            let mut mine = Vec::new();
            loop {
                let some = claim(house);
                if some.is_empty() {
                    return mine;
                }
                mine.extend(some);
            }
        };
        let theirs = scope.spawn(move || all(&two));
        (all(&one), theirs.join().unwrap())
    });
    mine.extend(theirs);
    mine.extend(first);
    let ids: BTreeSet<_> = mine.iter().map(|claimed| claimed.id.clone()).collect();
    assert_eq!((mine.len(), ids.len()), (41, 41), "each is claimed once");
}

#[test]
fn a_new_secret_signs_beside_the_old_one_until_its_time_is_over() {
    let receiver = Receiver::start();
    let office = quiet();
    let house = office.house();
    let (id, old) = add(&house, &receiver.url());
    let rotate = |overlap: Millis| {
        let chance = house.rules.chance.as_ref();
        let secret = HookSecret::random(chance);
        let sealed = house
            .bundles
            .keys
            .webhooks()
            .seal(id, &secret, chance)
            .unwrap();
        let now = office.clock.now_ms();
        let times = (now, now + overlap);
        let write = move |conn: &_| webhooks::rotate(conn, (&here(), id), &sealed, times);
        let rotated = house.repo.write_blocking(write).unwrap();
        (rotated, secret.text().to_string())
    };
    let (_, new) = rotate(DAY);
    let last = || {
        let before = receiver.heard().len();
        put(&house, id);
        eventually(|| receiver.heard().get(before).cloned())
    };
    let both = last();
    assert_eq!(both.signatures.len(), 2);
    assert!(both.is_signed_by(&old) && both.is_signed_by(&new));
    office.clock.advance(DAY);
    let one = last();
    assert_eq!(one.signatures.len(), 1);
    assert!(one.is_signed_by(&new) && !one.is_signed_by(&old));
    let (rotated, secrets): (Vec<_>, Vec<_>) = (0..4).map(|_| rotate(DAY)).unzip();
    let full = [Rotated::Yes, Rotated::Yes, Rotated::Yes, Rotated::TooMany];
    assert_eq!(rotated, full);
    office.clock.advance(DAY);
    let kept = last();
    assert_eq!(kept.signatures.len(), 1);
    assert!(
        kept.is_signed_by(&secrets[2]),
        "what was refused ends nothing"
    );
    let (rotated, newest) = rotate(0);
    assert_eq!(rotated, Rotated::Yes, "the leaked ones end at once");
    let one = last();
    assert!(one.signatures.len() == 1 && one.is_signed_by(&newest));
}

#[test]
fn what_was_sealed_with_other_keys_is_not_sent_unsigned() {
    let receiver = Receiver::start();
    let office = quiet();
    let house = office.house();
    let (id, _) = add(&house, &receiver.url());
    let break_it = |conn: &Connection| {
        let sql = "UPDATE webhook_secret SET sealed = ?1";
        Ok(conn.execute(sql, [vec![7_u8; 72]])?)
    };
    house.repo.write_blocking(break_it).unwrap();
    put(&house, id);
    let tried = eventually(|| Some(log(&house, id).remove(0)).filter(|one| one.error.is_some()));
    assert_eq!(tried.error.as_deref(), Some("secret.not_ours"));
    assert!(receiver.heard().is_empty());
}

#[test]
fn deliveries_are_forgotten_after_a_month_and_not_before() {
    let receiver = Receiver::start();
    let office = quiet();
    let house = office.house();
    let (id, _) = add(&house, &receiver.url());
    put(&house, id);
    only(&house, id, "delivered");
    office.clock.advance(KEEP_MS - 3_600_000);
    put(&house, id);
    eventually(|| (receiver.heard().len() == 2).then_some(()));
    eventually(|| {
        log(&house, id)
            .iter()
            .all(|one| one.status == "delivered")
            .then_some(())
    });
    assert_eq!(log(&house, id).len(), 2, "not before");
    office.clock.advance(2 * 3_600_000);
    let left = eventually(|| Some(log(&house, id)).filter(|all| all.len() == 1));
    assert_eq!(left[0].attempts.len(), 1);
    let count = |conn: &Connection| {
        let sql = "SELECT count(*) FROM webhook_attempt";
        Ok(conn.query_row(sql, (), |row| row.get::<u64>(0))?)
    };
    assert_eq!(house.repo.read_blocking(count).unwrap(), 1);
}

#[test]
fn an_op_that_a_desk_sends_again_is_told_under_its_own_id() {
    let receiver = Receiver::start();
    let office = demo();
    let house = office.house();
    let (id, _) = add(&house, &receiver.url());
    unbind(&office, &matched_in(&office, CaseState::Executing));
    let told = only(&house, id, "delivered");
    let read = |conn: &Connection| {
        let sql = "SELECT count(*) FROM journal WHERE op_id = ?1";
        Ok(conn.query_row(sql, [told.id.clone()], |row| row.get::<u64>(0))?)
    };
    assert_eq!(house.repo.read_blocking(read).unwrap(), 1, "it is the op's");
}
