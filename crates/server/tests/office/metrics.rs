//! What a monitoring system is told, and what it is not.

use crate::support::store::{Mood, TestStore};
use crate::support::{Desk, HERE, applied, call, office, office_at, shared};
use std::net::SocketAddr;

fn told(admin: SocketAddr) -> String {
    let reply = call(admin, "GET", "/metrics", &[], b"");
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    reply.text()
}

/// The value on the line that begins so; 0 when there is none yet.
fn figure(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

fn put(desk: &mut Desk, bytes: &[u8]) -> String {
    let (case, create) = desk.new_case();
    let (document, _, attach) = desk.attach(case, bytes);
    assert!(desk.write(vec![create, attach]).iter().all(applied));
    let path = format!("/v1/documents/{document}");
    let put = desk.send("PUT", &format!("{path}/chunks/0"), bytes);
    assert_eq!(put.status, 200);
    path
}

#[test]
fn what_desks_do_is_counted_and_nobody_is_named() {
    let mut office = office();
    let admin = office.with_admin();
    let mut desk = office.desk(HERE, "agent");
    let path = put(&mut desk, b"a fake label");
    let complete = format!("{path}/complete");
    assert_eq!(desk.send("POST", &complete, b"").status, 200);
    assert_eq!(desk.send("POST", &complete, b"").status, 200);
    assert_eq!(desk.get(&path).body, b"a fake label");
    let text = told(admin);
    for (name, value) in [
        (
            r#"unbind_desk_requests_total{method="POST",route="/v1/sync/push",status="200"}"#,
            1.0,
        ),
        (
            r#"unbind_desk_requests_total{method="PUT",route="/v1/documents/{id}/chunks/{i}",status="200"}"#,
            1.0,
        ),
        (
            r#"unbind_desk_request_seconds_count{route="/v1/sync/push"}"#,
            1.0,
        ),
        (r#"unbind_desk_ops_total{outcome="applied"}"#, 2.0),
        ("unbind_desk_documents_stored_total", 1.0),
        (r#"unbind_desk_document_bytes_total{way="in"}"#, 12.0),
        (r#"unbind_desk_document_bytes_total{way="out"}"#, 12.0),
        ("unbind_desk_object_store_errors_total", 0.0),
        ("unbind_desk_long_polls", 0.0),
        ("unbind_desk_writer_queue", 0.0),
        (
            r#"unbind_desk_build_info{version="0.1.0",protocol="1"}"#,
            1.0,
        ),
    ] {
        assert!(
            (figure(&text, name) - value).abs() < 0.1,
            "{name} is not {value}:\n{text}"
        );
    }
    for name in [
        "unbind_desk_commit_seconds_count",
        "unbind_desk_commit_jobs_sum",
    ] {
        assert!(figure(&text, name) >= 2.0, "{name}:\n{text}");
    }
    for name in [
        "unbind_desk_poller_age_milliseconds",
        "unbind_desk_epoch_age_seconds",
    ] {
        assert!(text.contains(&format!("\n{name} ")), "{name}:\n{text}");
    }
    let (device, user) = (desk.id.to_string(), desk.user.to_string());
    let document = path.rsplit('/').next().unwrap();
    for whose in [HERE, "agent", &device, &user, document] {
        assert!(!text.contains(whose), "{whose} stands in the metrics");
    }
}

#[test]
fn what_anybody_may_make_up_makes_no_new_series() {
    let mut office = office();
    let admin = office.with_admin();
    for n in 0..20 {
        call(office.addr(), "GET", &format!("/nowhere/{n}"), &[], b"");
        call(office.addr(), &format!("MADEUP{n}"), "/livez", &[], b"");
        call(
            office.addr(),
            "GET",
            &format!("/v1/documents/made-up-{n}"),
            &[],
            b"",
        );
    }
    let text = told(admin);
    let series = text
        .lines()
        .filter(|line| line.starts_with("unbind_desk_requests_total{"));
    let series: Vec<_> = series.collect();
    assert!(series.len() <= 4, "{series:#?}");
    let strangers = r#"unbind_desk_requests_total{method="GET",route="other",status="404"}"#;
    assert!((figure(&text, strangers) - 20.0).abs() < 0.1, "{text}");
    assert!(!text.contains("MADEUP") && !text.contains("made-up"));
}

#[test]
fn metrics_stand_on_the_admin_listener_alone_and_desks_on_theirs() {
    let mut office = office();
    assert_eq!(call(office.addr(), "GET", "/metrics", &[], b"").status, 404);
    let admin = office.with_admin();
    assert_eq!(call(office.addr(), "GET", "/metrics", &[], b"").status, 404);
    for path in ["/livez", "/readyz", "/version"] {
        assert_eq!(call(admin, "GET", path, &[], b"").status, 200, "{path}");
    }
    for (method, path) in [
        ("POST", "/v1/session"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
    ] {
        assert_eq!(call(admin, method, path, &[], b"{}").status, 404, "{path}");
    }
}

#[test]
fn a_waiting_long_poll_is_seen_while_it_waits() {
    let mut office = office();
    let admin = office.with_admin();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    desk.write(vec![create]);
    let cursor = desk.pull(HERE, 0, 0).json()["cursor"].as_u64().unwrap();
    let waiting = desk.clone();
    let poll = std::thread::spawn(move || waiting.pull(HERE, cursor, 25_000).status);
    while figure(&told(admin), "unbind_desk_long_polls") < 1.0 {
        assert!(!poll.is_finished());
        std::thread::yield_now();
    }
    let (_, create) = desk.new_case();
    desk.write(vec![create]);
    assert_eq!(poll.join().unwrap(), 200);
    assert!(figure(&told(admin), "unbind_desk_long_polls") < 1.0);
}

#[test]
fn a_failing_object_store_is_counted() {
    let store = TestStore::start();
    let mut office = office_at(true, store.location(), shared::database());
    let admin = office.with_admin();
    let mut desk = office.desk(HERE, "agent");
    let path = put(&mut desk, b"a fake label");
    store.set(Mood::Down);
    assert_eq!(
        desk.send("POST", &format!("{path}/complete"), b"").status,
        503
    );
    assert!((figure(&told(admin), "unbind_desk_object_store_errors_total") - 1.0).abs() < 0.1);
}
