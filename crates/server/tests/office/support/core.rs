//! The core system of the house's tests beside a test office. It does what it is told as often as it is told (no idempotence: a
//! request that comes twice unbinds twice, and a test sees it).

#[path = "../../../../../tests/src/core_system.rs"]
#[expect(dead_code, reason = "some of it is for the program alone")]
mod core_system;

use super::{TestOffice, call};
use core_system::{Setup, signature};
use desk_server::connector::ConnectorKind;
use desk_server::connector::settings::{ConnectorFile, ConnectorSettings};
use desk_server::repo::executions::results;
use desk_server::repo::sql::Connection;
use desk_server::repo::system;
use desk_server::sms::settings::Secret;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

pub use core_system::{Asked, Core, Mood};

pub const SECRET: &str = "not-a-real-secret-but-a-long-one";
const KEY_ID: &str = "desk-fake";

impl Core {
    pub fn start() -> Self {
        Self::open(Setup {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            key_id: KEY_ID.to_owned(),
            secret: SECRET.to_owned(),
            idempotent: false,
            moods: None,
            say: Box::new(|_| {}),
        })
        .unwrap()
    }

    /// What an office that uses it is told; patient, so that a slow machine changes nothing.
    pub fn settings(&self, offices: &[&str]) -> ConnectorSettings {
        ConnectorSettings {
            file: ConnectorFile {
                url: Some(format!("http://{}/unbind", self.addr)),
                offices: offices.iter().map(|code| (*code).to_owned()).collect(),
                ..ConnectorFile::default()
            },
            key_id: KEY_ID.to_owned(),
            secret: Secret::new(SECRET),
            within: Some(Duration::from_secs(20)),
        }
    }

    /// Has the office execute by this core system from now on.
    pub fn serve(&self, office: &mut TestOffice, offices: &[&str]) {
        office.config.connector = ConnectorKind::Http;
        office.config.execution = self.settings(offices);
        office.restart();
    }

    /// Everything that was unbound was unbound once.
    pub fn each_once(&self, things: usize) {
        let unbound = self.unbound();
        assert!(unbound.values().all(|times| *times == 1), "{unbound:?}");
        assert_eq!(unbound.len(), things, "{unbound:?}");
        assert_eq!(self.forged(), 0);
    }
}

/// Says this to the office, signed, as of now.
pub fn call_back(office: &TestOffice, told: &Value) -> (u16, Value) {
    let at_s = office.clock.now_ms() / 1_000;
    let body = told.to_string();
    post(
        office,
        &body,
        at_s,
        &sign("callback", at_s, body.as_bytes()),
    )
}

/// Says anything, with any signature.
pub fn post(office: &TestOffice, body: &str, at_s: i64, signature: &str) -> (u16, Value) {
    let at = at_s.to_string();
    let headers = [
        ("x-desk-timestamp", at.as_str()),
        ("x-desk-signature", signature),
    ];
    let reply = call(
        office.addr(),
        "POST",
        &hook(office),
        &headers,
        body.as_bytes(),
    );
    (reply.status, reply.json())
}

/// Where callbacks of an office go.
pub fn hook(office: &TestOffice) -> String {
    let token = |conn: &Connection| system::note(conn, results::TOKEN);
    let token = office.house().repo.read_blocking(token).unwrap().unwrap();
    format!("/hooks/execution/{token}")
}

pub fn sign(word: &str, at_s: i64, body: &[u8]) -> String {
    signature(SECRET, word, at_s, body)
}
