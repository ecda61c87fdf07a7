//! The network door against a server that misbehaves.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

mod support;

use desk_domain::ids::DeviceId;
use desk_domain::time::{Clock, Millis};
use desk_sync::http::Door;
use desk_sync::machine::port::{LinkError, ReplyBody};
use desk_sync::wire::{Body, Call, Expect, Method, decode};
use desk_sync::{FrontDoor, NetConfig, SyncError};
use std::sync::Arc;
use support::{Heard, Say, Server, ours};

struct Noon;
impl Clock for Noon {
    fn now(&self) -> Millis {
        1_700_000_000_000
    }
}

const EPOCH: &str = "00000000-0000-7000-8000-000000000001";

fn net(url: &str) -> NetConfig {
    NetConfig {
        base_url: url.to_owned(),
        ..NetConfig::default()
    }
}
fn device() -> DeviceId {
    DeviceId::parse("00000000-0000-7000-8000-000000000002").unwrap()
}
fn front(url: &str) -> FrontDoor {
    FrontDoor::open(&net(url), device(), Arc::new(|_| [7; 64]), Arc::new(Noon)).unwrap()
}
fn call(timeout_ms: u64) -> Call {
    Call {
        method: Method::Post,
        path: "/v1/documents/x/complete".to_owned(),
        query: Vec::new(),
        body: Body::None,
        range: None,
        expect: Expect::Chunk,
        timeout_ms,
    }
}
fn exchange(url: &str, call: Call) -> Result<desk_sync::wire::Raw, LinkError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(
        Door::open(&net(url))
            .unwrap()
            .exchange(call, Some("token-1")),
    )
}
fn chunk_reply() -> String {
    format!(r#"{{"epoch":"{EPOCH}","server_time":1,"request_id":"r","stored":true}}"#)
}

#[test]
fn nobody_at_the_door_is_offline_and_not_a_refusal() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{gone}");
    assert_eq!(exchange(&url, call(5_000)), Err(LinkError::Refused));
    assert_eq!(
        front(&url).sign_in("agent1", "x", None),
        Err(SyncError::Offline(LinkError::Refused))
    );
}

#[test]
fn an_answer_that_ends_inside_the_body_is_no_answer() {
    let whole = chunk_reply();
    for cut in [0, 1, 40, whole.len() - 1] {
        let part = whole.as_bytes()[..cut].to_vec();
        let promised = whole.len();
        let server = Server::start(move |_| Say::Torn {
            promised,
            body: part.clone(),
        });
        assert_eq!(
            exchange(&server.url, call(5_000)),
            Err(LinkError::Cut),
            "after {cut} bytes"
        );
    }
}

#[test]
fn a_silent_server_is_a_time_out() {
    let server = Server::start(|_| Say::Nothing);
    assert_eq!(exchange(&server.url, call(200)), Err(LinkError::Timeout));
}

#[test]
fn a_redirect_is_not_followed_and_taken_for_a_portal() {
    let target = Server::start(|_| ours(200, &chunk_reply()));
    let to = target.url.clone();
    let server = Server::start(move |_| Say::Whole {
        status: 302,
        headers: vec![
            ("location", to.clone()),
            ("content-type", "text/html".to_owned()),
        ],
        body: b"<html>sign in".to_vec(),
    });
    let raw = exchange(&server.url, call(5_000)).unwrap();
    assert_eq!(raw.status, 302);
    assert_eq!(decode(Expect::Chunk, raw).body, ReplyBody::Foreign);
    assert!(target.heard.try_recv().is_err(), "nobody went there");
    assert_eq!(
        front(&server.url).sign_in("agent1", "x", None),
        Err(SyncError::Portal)
    );
}

#[test]
fn the_token_the_version_and_the_user_agent_travel_and_retry_after_comes_back() {
    let server = Server::start(|_| Say::Whole {
        status: 200,
        headers: vec![
            ("content-type", support::OURS.to_owned()),
            ("retry-after", "9".to_owned()),
        ],
        body: chunk_reply().into_bytes(),
    });
    let reply = decode(Expect::Chunk, exchange(&server.url, call(5_000)).unwrap());
    assert_eq!(reply.retry_after_ms, Some(9_000));
    assert!(matches!(reply.body, ReplyBody::Chunk(_)));
    let heard = server.wait_for("/v1/documents");
    assert_eq!(heard.method, "POST");
    assert_eq!(heard.header("authorization"), Some("Bearer token-1"));
    assert_eq!(heard.header("x-desk-protocol"), Some("1"));
    assert_eq!(heard.header("accept-encoding"), Some("zstd"));
}

#[test]
fn a_base_path_is_kept_and_packed_bodies_say_so() {
    let server = Server::start(|_| ours(200, &chunk_reply()));
    let bytes = vec![b'a'; 2_000];
    let packed = Body::Json {
        bytes: bytes.clone(),
        packed: true,
    };
    let url = format!("{}/desk/", server.url);
    exchange(
        &url,
        Call {
            body: packed,
            query: vec![("after", "1.case.ä&b".to_owned())],
            ..call(5_000)
        },
    )
    .unwrap();
    let heard: Heard = server.wait_for("/desk/v1/documents/x/complete");
    assert!(
        heard.target.ends_with("?after=1.case.%C3%A4%26b"),
        "{}",
        heard.target
    );
    assert_eq!(heard.header("content-encoding"), Some("zstd"));
    assert_eq!(heard.body, bytes);
}

#[test]
fn a_refused_sign_in_carries_the_servers_code_and_no_password_is_in_the_proof() {
    let problem = r#"{"code":"auth.wrong_credentials","message":"m","retryable":false}"#;
    let server = Server::start(move |_| ours(401, problem));
    let refused = front(&server.url)
        .sign_in("agent1", "demo-secret", None)
        .unwrap_err();
    assert_eq!(refused.code(), "auth.wrong_credentials");
    let sent: serde_json::Value =
        serde_json::from_slice(&server.wait_for("/v1/session").body).unwrap();
    assert_eq!(
        (&sent["login"], &sent["at"]),
        (&"agent1".into(), &1_700_000_000_000_i64.into())
    );
    assert_eq!(sent["proof"].as_str().map(str::len), Some(88));
}

#[test]
fn enrolment_gives_the_office_and_anything_unreadable_is_said_to_be_so() {
    let reply = format!(
        r#"{{"epoch":"{EPOCH}","server_time":1,"request_id":"r","status":"active","office":"HZ001","office_name":"试点网点","device_code":"A1"}}"#
    );
    let server = Server::start(move |_| ours(200, &reply));
    let enrolled = front(&server.url).enrol("CODE", &[1; 32], "desk").unwrap();
    assert_eq!(
        (enrolled.office.as_str(), enrolled.device_code.as_str()),
        ("HZ001", "A1")
    );
    for bad in ["", "{}", "<html>"] {
        let server = Server::start(move |_| ours(200, bad));
        assert_eq!(
            front(&server.url).enrol("CODE", &[1; 32], "desk"),
            Err(SyncError::Unreadable),
            "{bad}"
        );
    }
    let ill = Server::start(|_| Say::Whole {
        status: 502,
        headers: Vec::new(),
        body: Vec::new(),
    });
    assert_eq!(
        front(&ill.url).enrol("CODE", &[1; 32], "desk"),
        Err(SyncError::ServerTrouble(502))
    );
}
