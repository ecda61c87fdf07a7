//! Telephone systems in tests, and desks that listen.

use super::{Desk, NOON, Reply, TestOffice, call};
use desk_domain::ids::{LineId, OfficeCode};
use desk_server::door::SystemChance;
use desk_server::repo::lines::{self, Added, NewLine};
use desk_server::secrets;
use serde_json::Value;

pub const CALLER: &str = "13000000001";

/// The path of one more telephone system of an office.
pub fn line(office: &TestOffice, of: &str) -> String {
    let token = secrets::token(&SystemChance);
    let new = NewLine {
        office: OfficeCode::parse(of).unwrap(),
        id: LineId::new(NOON, &SystemChance),
        token_hash: lines::token_hash(&token),
        made_by: None,
    };
    let repo = office.house().repo;
    let added = repo.write_blocking(move |conn| lines::add(conn, &new, NOON));
    assert_eq!(added.unwrap(), Added::Yes);
    format!("/hooks/cti/{token}")
}

/// Says that extension is that person's.
pub fn extension(office: &TestOffice, of: &str, extension: &'static str, desk: &Desk) {
    let (of, user) = (OfficeCode::parse(of).unwrap(), desk.user);
    let repo = office.house().repo;
    let set = repo.write_blocking(move |conn| lines::set_extension(conn, &of, extension, user));
    assert!(set.unwrap());
}

/// A form as a telephone system posts it.
pub fn form(office: &TestOffice, path: &str, body: &str) -> Reply {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    call(office.addr(), "POST", path, &[kind], body.as_bytes())
}

/// One event of a call that comes in, with more fields if there are any.
pub fn tell(office: &TestOffice, path: &str, event: &str, id: &str, more: &str) {
    let body = format!("event={event}&direction=in&callId={id}&from={CALLER}&to=95000{more}");
    let reply = form(office, path, &body);
    assert_eq!((reply.status, reply.text().as_str()), (200, "{}"));
}

/// What a desk hears after a position.
pub fn listen(desk: &Desk, cursor: u64, wait_ms: u64) -> Value {
    let reply = desk.get(&format!("/v1/calls?cursor={cursor}&wait_ms={wait_ms}"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The ids of what rings at a desk, and whether this person has picked it up.
pub fn rings(desk: &Desk) -> Vec<(String, bool)> {
    let heard = listen(desk, 0, 0);
    let calls = heard["calls"].as_array().unwrap().iter();
    let one = |call: &Value| {
        let id = call["call_ref"].as_str().unwrap().to_owned();
        (id, call["answered"].as_bool().unwrap())
    };
    calls.map(one).collect()
}
