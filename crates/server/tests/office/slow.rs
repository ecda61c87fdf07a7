//! Callers who take their time, and callers who say they are somebody else.

use crate::support::{HERE, PASSWORD, TestOffice, call, office};
use desk_domain::time::Clock;
use desk_protocol::people::session_message;
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An office that is less patient than usual.
fn hasty() -> TestOffice {
    let mut office = office();
    office.config.head_within = Duration::from_secs(2);
    office.config.pause_within = Duration::from_secs(2);
    office.restart();
    office
}

fn socket(office: &TestOffice) -> TcpStream {
    let socket = TcpStream::connect(office.addr()).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    socket
}

/// Sends `drop` again and again until the server has had enough; what it said.
fn drip(socket: &mut TcpStream, drop: &[u8]) -> String {
    let mut said = Vec::new();
    for round in 0.. {
        // Far more than it should take.
        assert!(round < 1_000, "the connection is still open");
        let mut block = [0_u8; 512];
        let is_sent = socket.write_all(drop).is_ok();
        match socket.read(&mut block) {
            Ok(0) => break,
            Ok(count) => said.extend_from_slice(&block[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                assert!(is_sent, "gone without an end");
            }
            Err(_) => break,
        }
    }
    String::from_utf8(said).unwrap()
}

#[test]
fn a_head_that_never_ends_ends_the_connection_and_others_are_served_meanwhile() {
    let office = hasty();
    let mut slow: Vec<TcpStream> = (0..50).map(|_| socket(&office)).collect();
    for one in &mut slow {
        one.write_all(b"GET /livez HTTP/1.1\r\nhost: office\r\nx-slow: ")
            .unwrap();
    }
    assert_eq!(call(office.addr(), "GET", "/livez", &[], b"").status, 200);
    for one in &mut slow {
        let said = drip(one, b"a");
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 408"),
            "{said}"
        );
    }
    // So does one that never begins.
    let said = drip(&mut socket(&office), b"");
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 408"),
        "{said}"
    );
}

#[test]
fn a_body_that_stops_is_answered_that_it_may_come_again() {
    let office = hasty();
    let desk = office.desk(HERE, "agent");
    let mut socket = socket(&office);
    let head = format!(
        "POST /v1/sync/push HTTP/1.1\r\nhost: office\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 5000\r\n\r\n{{",
        desk.access
    );
    socket.write_all(head.as_bytes()).unwrap();
    let said = drip(&mut socket, b"");
    assert!(
        said.starts_with("HTTP/1.1 503") && said.contains("server.unavailable"),
        "{said}"
    );
}

#[test]
fn ten_megabytes_are_refused_and_leave_no_rest_that_is_taken_for_a_request() {
    let office = office();
    let mut socket = socket(&office);
    let rest = b"GET /version HTTP/1.1\r\nhost: office\r\n\r\n";
    let body = rest.repeat(10_000_000 / rest.len());
    let head = format!(
        "POST /v1/session HTTP/1.1\r\nhost: office\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = socket.write_all(&body);
    let said = drip(&mut socket, b"");
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
    assert_eq!(call(office.addr(), "GET", "/livez", &[], b"").status, 200);
}

/// Nothing of what a caller says about where it comes from is believed.
#[test]
fn a_lock_is_not_dodged_by_forged_forwarding_headers() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    let attempt = |n: usize, password: &str| {
        office.clock.advance(1);
        let at = office.clock.now();
        let body = json!({
            "device": desk.id, "login": "agent", "password": password, "at": at,
            "proof": desk.sign(&session_message(desk.id, "agent", at)),
        });
        let from = format!("203.0.113.{n}");
        let forwarded = format!("for={from};proto=https");
        let headers = [
            ("content-type", "application/json"),
            ("x-forwarded-for", from.as_str()),
            ("x-real-ip", from.as_str()),
            ("forwarded", forwarded.as_str()),
            ("x-forwarded-host", "elsewhere.example"),
        ];
        let reply = call(
            desk.addr,
            "POST",
            "/v1/session",
            &headers,
            body.to_string().as_bytes(),
        );
        reply.code()
    };
    for n in 0..5 {
        assert_eq!(
            attempt(n, "a wrong password"),
            "auth.wrong_credentials",
            "try {n}"
        );
    }
    for n in 5..10 {
        assert_eq!(
            attempt(n, "a wrong password"),
            "auth.too_many_tries",
            "try {n}"
        );
    }
    assert_eq!(attempt(10, PASSWORD), "auth.too_many_tries");
}
