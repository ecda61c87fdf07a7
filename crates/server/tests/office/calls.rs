//! Calls, from a telephone system to the right desks.

use crate::support::calls::{CALLER, extension, form, line, listen, rings, tell};
use crate::support::{Desk, HERE, THERE, TestOffice, add_user, call, eventually, office};
use desk_domain::people::Role;
use desk_server::calls::event;
use desk_server::repo::lines::MOST_EVENTS;
use desk_server::repo::sql::Connection;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(2);

fn ringing(id: &str) -> Vec<(String, bool)> {
    vec![(id.to_owned(), false)]
}

/// What is kept of callers' numbers.
fn kept(office: &TestOffice) -> (usize, Vec<Vec<u8>>) {
    let read = |conn: &Connection| {
        let mut select = conn.prepare_cached("SELECT caller FROM cti_call")?;
        let found = select.query_map((), |row| row.get::<Option<Vec<u8>>>(0))?;
        Ok(found.collect::<Result<Vec<_>, _>>()?)
    };
    let all = office.house().repo.read_blocking(read).unwrap();
    (all.len(), all.into_iter().flatten().collect())
}

#[test]
fn a_wrong_address_and_every_bad_event_are_refused_in_words_that_repeat_nothing() {
    let office = office();
    let (path, revoked) = (line(&office, HERE), line(&office, HERE));
    let good = format!("event=newCall&direction=in&callId=A-1&from={CALLER}&to=95000");
    let wrong = [
        "/hooks/cti/x".to_owned(),
        format!("{path}x"),
        path.to_ascii_uppercase()
            .replace("/HOOKS/CTI", "/hooks/cti"),
    ];
    for wrong in &wrong {
        let reply = form(&office, wrong, &good);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (404, "call.line_unknown")
        );
    }
    for (field, body) in [
        ("event", good.replace("newCall", "ring-13000000001")),
        ("event", good.replace("event=", "happening=")),
        ("direction", good.replace("direction=in", "direction=up")),
        ("callId", good.replace("A-1", "")),
        ("callId", good.replace("A-1", &"x".repeat(201))),
        ("from", good.replace("from=", "number=")),
        ("to", good.replace("to=95000", "")),
        ("to", format!("{good}&to=95001")),
    ] {
        let reply = form(&office, &path, &body);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "call.bad_field"),
            "{body}"
        );
        assert_eq!(reply.json()["field"], field, "{body}");
        assert!(!reply.text().contains(CALLER), "{}", reply.text());
    }
    for (kind, body) in [
        ("application/json", &b"[]"[..]),
        ("application/json", b"\xff"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("", good.as_bytes()),
    ] {
        let reply = call(
            office.addr(),
            "POST",
            &path,
            &[("content-type", kind)],
            body,
        );
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "request.bad_json")
        );
    }
    let long = format!("{good}&user[]={}", "x".repeat(20_000));
    assert_eq!(form(&office, &path, &long).code(), "request.too_large");
    assert_eq!(form(&office, &revoked, &good).status, 200);
    assert_eq!(kept(&office).0, 1, "nothing that was refused was kept");
}

#[test]
fn a_call_rings_at_everybody_who_collects_in_its_office_and_at_nobody_else() {
    let office = office();
    let path = line(&office, HERE);
    let (agent, clerk) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    let stranger = office.desk(THERE, "stranger");
    tell(&office, &path, "newCall", "A-1", "");
    for desk in [&agent, &clerk] {
        let heard = listen(desk, 0, 0);
        assert_eq!(heard["calls"][0]["from"], CALLER);
        assert_eq!(rings(desk), ringing("A-1"));
    }
    assert!(rings(&stranger).is_empty());
    for login in ["reviewer", "chief"] {
        let reply = office.desk(HERE, login).get("/v1/calls?cursor=0");
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (403, "auth.forbidden")
        );
    }
    // Somebody of the other office who sits here is still not told of this office's calls.
    let guest = office.desk(HERE, "stranger");
    assert_eq!(guest.get("/v1/calls?cursor=0").code(), "auth.forbidden");
    let there = line(&office, THERE);
    tell(&office, &there, "newCall", "A-1", "");
    tell(&office, &there, "hangup", "A-1", "");
    assert_eq!(
        rings(&agent),
        ringing("A-1"),
        "the same id elsewhere is another call"
    );
    assert!(rings(&stranger).is_empty());
}

#[test]
fn a_desk_is_told_to_listen_only_where_there_is_something_to_hear() {
    let office = office();
    let told = |desk: &Desk| {
        let body = serde_json::json!({"device": desk.id, "app_version": "0"}).to_string();
        let reply = desk.send("POST", "/v1/sync/hello", body.as_bytes());
        reply.json()["hears_calls"].as_bool().unwrap()
    };
    let (agent, reviewer) = (office.desk(HERE, "agent"), office.desk(HERE, "reviewer"));
    assert!(!told(&agent));
    line(&office, HERE);
    assert!(told(&agent) && !told(&reviewer));
    assert!(!told(&office.desk(THERE, "stranger")));
    assert!(!told(&office.desk(HERE, "stranger")));
}

#[expect(
    clippy::disallowed_methods,
    reason = "how soon it rings is measured in real time"
)]
#[test]
fn who_waits_hears_it_soon_whichever_node_was_told() {
    let office = office();
    let path = line(&office, HERE);
    let agent = office.desk(HERE, "agent");
    let waits = |cursor: u64| {
        let agent = agent.clone();
        std::thread::spawn(move || {
            let heard = listen(&agent, cursor, 30_000);
            (heard, Instant::now())
        })
    };
    let first = waits(0);
    std::thread::sleep(Duration::from_millis(300));
    let told = Instant::now();
    tell(&office, &path, "newCall", "A-1", "");
    let (heard, at) = first.join().unwrap();
    assert_eq!(heard["calls"][0]["call_ref"], "A-1");
    assert!(at.duration_since(told) < SOON);
    let second = waits(heard["position"].as_u64().unwrap());
    std::thread::sleep(Duration::from_millis(300));
    // Another process on the same database.
    let house = office.house();
    let told = Instant::now();
    let body = format!("event=hangup&direction=in&callId=A-1&from={CALLER}&to=95000");
    let event = event::read("application/x-www-form-urlencoded", body.as_bytes()).unwrap();
    let token = path.rsplit('/').next().unwrap();
    let hash = desk_server::repo::lines::token_hash(token);
    let key = Arc::new(house.bundles.keys.calls());
    let taken = house.repo.take_call(house.rules.clone(), key, hash, event);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(taken).unwrap();
    let (heard, at) = second.join().unwrap();
    assert!(heard["calls"].as_array().unwrap().is_empty());
    assert!(
        at.duration_since(told) < SOON,
        "{:?}",
        at.duration_since(told)
    );
}

#[test]
fn an_answer_stops_it_everywhere_but_where_it_was_given_and_hanging_up_ends_it() {
    let office = office();
    let path = line(&office, HERE);
    let (agent, clerk) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    extension(&office, HERE, "8001", &agent);
    tell(&office, &path, "newCall", "A-1", "");
    tell(&office, &path, "answer", "A-1", "&answeringNumber=8001");
    tell(&office, &path, "answer", "A-1", "&answeringNumber=clerk");
    assert_eq!(rings(&agent), [("A-1".to_owned(), true)]);
    assert_eq!(listen(&agent, 0, 0)["calls"][0]["from"], CALLER);
    assert!(rings(&clerk).is_empty());
    tell(&office, &path, "hangup", "A-1", "&cause=normalClearing");
    assert!(rings(&agent).is_empty());
    // Nobody here knows who answered: it stops everywhere, and the number is kept nowhere.
    tell(&office, &path, "newCall", "A-2", "");
    tell(&office, &path, "answer", "A-2", "&answeringNumber=9999");
    assert!(rings(&agent).is_empty() && rings(&clerk).is_empty());
    assert_eq!(kept(&office), (2, Vec::new()));
}

#[test]
fn events_that_come_twice_or_in_the_wrong_order_ring_once_at_most() {
    let office = office();
    let path = line(&office, HERE);
    let agent = office.desk(HERE, "agent");
    for event in ["newCall", "newCall"] {
        tell(&office, &path, event, "twice", "");
    }
    assert_eq!(rings(&agent), ringing("twice"));
    let position = listen(&agent, 0, 0)["position"].clone();
    tell(&office, &path, "newCall", "twice", "");
    assert_eq!(
        listen(&agent, 0, 0)["position"],
        position,
        "nothing new was said"
    );
    for event in ["hangup", "hangup", "answer", "newCall"] {
        tell(&office, &path, event, "twice", "&answeringNumber=agent");
        assert!(rings(&agent).is_empty(), "{event}");
    }
    for event in ["hangup", "newCall", "answer"] {
        tell(&office, &path, event, "late", "&answeringNumber=agent");
        assert!(rings(&agent).is_empty(), "{event}");
    }
    tell(&office, &path, "answer", "early", "&answeringNumber=agent");
    tell(&office, &path, "newCall", "early", "");
    assert_eq!(rings(&agent), [("early".to_owned(), true)]);
    // An id of both directions says nothing.
    let out = format!("event=hangup&direction=out&callId=early&from=95000&to={CALLER}");
    assert_eq!(form(&office, &path, &out).status, 200);
    assert_eq!(rings(&agent).len(), 1);
}

#[test]
fn a_call_for_somebody_rings_at_that_desk_alone_while_that_person_collects_here() {
    let office = office();
    let path = line(&office, HERE);
    let (agent, clerk) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    extension(&office, HERE, "8001", &agent);
    tell(&office, &path, "newCall", "A-0", "");
    tell(&office, &path, "newCall", "A-1", "&user[]=8001");
    let names = |desk: &Desk| rings(desk).into_iter().map(|one| one.0).collect::<Vec<_>>();
    assert_eq!(names(&agent), ["A-1", "A-0"], "one's own first");
    assert_eq!(names(&clerk), ["A-0"]);
    tell(&office, &path, "hangup", "A-0", "");
    // By login, and a group.
    tell(
        &office,
        &path,
        "newCall",
        "A-2",
        "&user[]=8001&user%5B%5D=clerk",
    );
    assert_eq!(names(&agent), ["A-1", "A-2"]);
    assert_eq!(names(&clerk), ["A-2"]);
    for id in ["A-1", "A-2"] {
        tell(&office, &path, "hangup", id, "");
    }
    // Who is of another office, collects nothing or is unknown is nobody: it rings at everybody.
    for (id, name) in [("A-3", "stranger"), ("A-4", "reviewer"), ("A-5", "nobody")] {
        tell(&office, &path, "newCall", id, &format!("&user[]={name}"));
        assert_eq!(
            (names(&agent), names(&clerk)),
            (vec![id.to_owned()], vec![id.to_owned()])
        );
        tell(&office, &path, "hangup", id, "");
    }
    // An extension is its own office's.
    let there = line(&office, THERE);
    let stranger = office.desk(THERE, "stranger");
    tell(&office, &there, "newCall", "A-6", "&user[]=8001");
    assert_eq!(names(&stranger), ["A-6"]);
    assert!(names(&agent).is_empty());
}

#[test]
fn a_ring_that_nobody_ends_ends_by_itself_and_its_number_is_erased_at_once() {
    let office = office();
    let path = line(&office, HERE);
    let agent = office.desk(HERE, "agent");
    tell(&office, &path, "newCall", "A-1", "");
    let (_, sealed) = kept(&office);
    assert_eq!(sealed.len(), 1);
    assert!(
        !sealed[0]
            .windows(4)
            .any(|part| part == &CALLER.as_bytes()[..4])
    );
    let ends_in = listen(&agent, 0, 0)["calls"][0]["ends_in_ms"]
        .as_i64()
        .unwrap();
    office.clock.advance(ends_in - 1);
    assert_eq!(rings(&agent).len(), 1);
    office.clock.advance(1);
    assert!(rings(&agent).is_empty());
    office.clock.advance(20_000);
    eventually(|| kept(&office).1.is_empty().then_some(()));
    tell(&office, &path, "newCall", "A-1", "");
    assert!(rings(&agent).is_empty(), "an id rings once");
    office.clock.advance(86_400_000);
    eventually(|| (kept(&office).0 == 0).then_some(()));
}

#[test]
fn calls_out_of_the_house_ring_nowhere_and_no_number_of_them_is_kept() {
    let office = office();
    let path = line(&office, HERE);
    let agent = office.desk(HERE, "agent");
    for event in ["newCall", "answer"] {
        let body =
            format!("event={event}&direction=out&callId=O-1&from=95000&to={CALLER}&user[]=agent");
        assert_eq!(form(&office, &path, &body).status, 200);
        assert!(rings(&agent).is_empty());
        assert_eq!(kept(&office), (1, Vec::new()));
    }
}

#[test]
fn a_withheld_number_and_one_that_is_none_ring_without_one() {
    let office = office();
    let path = line(&office, HERE);
    let agent = office.desk(HERE, "agent");
    for (id, from) in [("A-1", "anonymous"), ("A-2", ""), ("A-3", "%3Cscript%3E")] {
        let body = format!("event=newCall&direction=in&callId={id}&from={from}&to=95000");
        assert_eq!(form(&office, &path, &body).status, 200);
    }
    let heard = listen(&agent, 0, 0);
    assert_eq!(heard["calls"].as_array().unwrap().len(), 3);
    assert!(
        heard["calls"]
            .as_array()
            .unwrap()
            .iter()
            .all(|call| call.get("from").is_none())
    );
}

#[test]
fn too_many_events_of_a_minute_are_turned_away_by_every_node_until_the_next() {
    let mut office = office();
    let (path, other) = (line(&office, HERE), line(&office, THERE));
    let nearly = |conn: &Connection| {
        conn.execute(
            "UPDATE cti_line SET events = ?1, window_at = ?2",
            [i64::from(MOST_EVENTS) - 1, crate::support::NOON + 1_000],
        )?;
        Ok(())
    };
    office.clock.advance(2_000);
    office.house().repo.write_blocking(nearly).unwrap();
    tell(&office, &path, "newCall", "A-1", "");
    office.restart();
    let body = format!("event=hangup&direction=in&callId=A-1&from={CALLER}&to=95000");
    let reply = form(&office, &path, &body);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (429, "request.rate_limited")
    );
    assert!(reply.headers.contains_key("retry-after"));
    tell(&office, &other, "newCall", "A-1", "");
    office.clock.advance(60_000);
    tell(&office, &path, "hangup", "A-1", "");
}

#[test]
fn a_person_who_may_collect_no_more_hears_nothing_more() {
    let office = office();
    let path = line(&office, HERE);
    add_user(&office.house(), "leaver", Role::Agent, &[HERE]);
    let leaver = office.desk(HERE, "leaver");
    extension(&office, HERE, "8009", &leaver);
    tell(&office, &path, "newCall", "A-1", "&user[]=8009");
    assert_eq!(rings(&leaver).len(), 1);
    let user = leaver.user;
    let leave = move |conn: &Connection| {
        let mut account = desk_server::repo::people::by_login(conn, "leaver")?.unwrap();
        assert_eq!(account.card.user, user);
        account.card.roles = [Role::Auditor].into();
        desk_server::repo::people::put(conn, &account, crate::support::NOON)
    };
    office.house().repo.write_blocking(leave).unwrap();
    assert_eq!(leaver.get("/v1/calls?cursor=0").status, 403);
    // His telephone is nobody's now.
    tell(&office, &path, "newCall", "A-2", "&user[]=8009");
    assert_eq!(rings(&office.desk(HERE, "agent")), ringing("A-2"));
}
