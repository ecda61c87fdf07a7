//! The server as a model: the semantics of `desk-server`'s repo and routes, in memory, on a disk with a power switch.

mod feed;
mod push;
mod session;

use crate::cast::Cast;
use crate::disk::Disk;
use crate::mutant::Mutant;
use crate::rules::Cases;
use desk_domain::case::TimelineEntry;
use desk_domain::ids::{CaseId, DeviceId, Epoch, Incarnation, OfficeCode, OpId};
use desk_domain::op::ChainHash;
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;
use desk_protocol::error::{self as code, Problem};
use desk_protocol::sync::{Head, HelloReply, HelloRequest, Limits, PullQuery};
use desk_protocol::{CONTENT_TYPE, Envelope, MAX_PUSH_BYTES, MAX_WAIT_MS, PROTOCOL};
use desk_sync::wire::{Body, Call, Raw};
pub use push::POISON;
use serde::Serialize;
use serde::de::DeserializeOwned;
use session::Session;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// One stored op, or the place of a parked one.
#[derive(Clone, Debug)]
pub struct Entry {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    pub seq: u64,
    pub op_id: OpId,
    /// False for a second copy of an op that was judged before, and for a parked one.
    pub counted: bool,
    pub case: Option<CaseId>,
    pub bytes: Option<Arc<str>>,
    pub prev_hash: ChainHash,
    pub hash: ChainHash,
    pub content: ChainHash,
    pub outcome: Outcome,
    pub received_at: Millis,
    /// Where the case stood in its feed when this was written; 0 when nothing changed.
    pub position: u64,
}

/// Everything that the server's database holds.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// In the order of commits.
    pub journal: Vec<Rc<Entry>>,
    pub places: BTreeMap<(DeviceId, Incarnation, u64), Rc<Entry>>,
    pub judged: BTreeMap<OpId, Rc<Entry>>,
    pub heads: BTreeMap<(DeviceId, Incarnation), Head>,
    pub cases: Cases,
    pub counters: BTreeMap<OfficeCode, u64>,
    pub feed: BTreeMap<(OfficeCode, u64), CaseId>,
    pub timeline: BTreeMap<CaseId, Vec<(u64, Rc<TimelineEntry>)>>,
    sessions: BTreeMap<String, Session>,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Handled {
    Now(Raw),
    /// Written; the answer goes out once the disk has it.
    AfterSync(Raw),
    /// A long-poll with nothing to say yet.
    Waits {
        query: PullQuery,
        device: DeviceId,
        until: Millis,
    },
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    pub disk: Disk<Rows>,
    pub epoch: Epoch,
    pub cast: Cast,
    pub mutant: Option<Mutant>,
    /// Most cases of one page, and most ops of one push.
    pub page: usize,
    pub push_ops: usize,
    issued: u64,
}

/// Who asks, and when.
pub struct Asked<'a> {
    pub call: &'a Call,
    pub token: Option<&'a str>,
    pub now: Millis,
}

impl Server {
    /// An empty office.
    pub fn new(
        cast: Cast,
        epoch: Epoch,
        mutant: Option<Mutant>,
        (push_ops, page): (usize, usize),
    ) -> Self {
        let counters = cast
            .offices()
            .into_iter()
            .map(|office| (office, 0))
            .collect();
        let rows = Rows {
            counters,
            ..Rows::default()
        };
        Self {
            disk: Disk::holding(rows),
            epoch,
            cast,
            mutant,
            page,
            push_ops,
            issued: 0,
        }
    }

    /// One request.
    pub fn handle(&mut self, asked: &Asked<'_>) -> Handled {
        let path = asked.call.path.as_str();
        if path == "/v1/session/refresh" {
            return self.with_body(asked, Self::refresh);
        }
        let device = match self.bearer(asked.token, asked.now) {
            Ok(device) => device,
            Err(code) => return Handled::Now(self.problem(asked.now, 401, code, &[])),
        };
        match path {
            "/v1/sync/hello" => self.with_body(asked, |server, asked, body| {
                server.hello(asked.now, device, &body)
            }),
            "/v1/sync/push" => self.with_body(asked, |server, asked, body| {
                server.push(asked.now, device, &body)
            }),
            "/v1/sync/pull" => self.pull(asked, device),
            "/v1/sync/snapshot" => self.snapshot(asked, device),
            _ => Handled::Now(self.problem(asked.now, 404, code::NOT_FOUND, &[])),
        }
    }

    /// The process died; only the disk stays.
    pub fn crash(&mut self) {
        self.disk.crash();
    }

    fn with_body<T: DeserializeOwned>(
        &mut self,
        asked: &Asked<'_>,
        then: impl FnOnce(&mut Self, &Asked<'_>, T) -> Handled,
    ) -> Handled {
        match body_of(asked.call) {
            Some(body) => then(self, asked, body),
            None => Handled::Now(self.problem(asked.now, 400, code::BAD_JSON, &[])),
        }
    }

    fn hello(&self, now: Millis, device: DeviceId, request: &HelloRequest) -> Handled {
        if request.device != device {
            return Handled::Now(self.problem(now, 404, code::NOT_FOUND, &[]));
        }
        let rows = &self.disk.synced;
        let heads = rows
            .heads
            .iter()
            .filter(|((of, _), _)| *of == device)
            .map(|(_, head)| *head)
            .collect();
        let player = self
            .cast
            .players
            .iter()
            .find(|player| player.device == device);
        let scopes = player.map(|player| player.card.offices.iter().cloned().collect());
        Handled::Now(self.reply(
            now,
            HelloReply {
                server_version: "sim".to_owned(),
                protocol: PROTOCOL,
                oldest_protocol: PROTOCOL,
                limits: Limits {
                    push_ops: self.push_ops,
                    push_bytes: MAX_PUSH_BYTES,
                    page: self.page,
                    wait_ms: MAX_WAIT_MS,
                    document_bytes: 0,
                },
                heads,
                backup_safe_seq: BTreeMap::new(),
                scopes: scopes.unwrap_or_default(),
                policy: String::new(),
                policy_version: 1,
                bundle_recipients: Vec::new(),
                bundle_signer: None,
            },
        ))
    }

    fn reply<T: Serialize>(&self, now: Millis, body: T) -> Raw {
        let envelope = Envelope {
            epoch: self.epoch,
            server_time: now,
            request_id: "sim".to_owned(),
            body,
        };
        Raw {
            status: 200,
            ..raw(serde_json::to_vec(&envelope).unwrap_or_default())
        }
    }

    fn problem(&self, now: Millis, status: u16, code: &str, params: &[(&str, u64)]) -> Raw {
        let problem = Problem {
            code: code.to_owned(),
            message: String::new(),
            field: None,
            retryable: false,
            params: params
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.to_string()))
                .collect(),
        };
        Raw {
            status,
            ..self.reply(now, problem)
        }
    }

    /// Too busy: the same request may succeed later.
    pub fn busy(&self, now: Millis) -> Raw {
        let answer = self.problem(now, 503, code::UNAVAILABLE, &[]);
        Raw {
            retry_after: Some("7".to_owned()),
            ..answer
        }
    }
}

/// A page of the hotel's wireless network.
pub fn portal() -> Raw {
    Raw {
        status: 200,
        content_type: "text/html".to_owned(),
        body: b"<html>welcome</html>".to_vec(),
        ..Raw::default()
    }
}

fn raw(body: Vec<u8>) -> Raw {
    Raw {
        content_type: CONTENT_TYPE.to_owned(),
        body,
        ..Raw::default()
    }
}

fn body_of<T: DeserializeOwned>(call: &Call) -> Option<T> {
    let Body::Json { bytes, packed } = &call.body else {
        return None;
    };
    if *packed {
        let plain = zstd::decode_all(bytes.as_slice()).ok()?;
        return serde_json::from_slice(&plain).ok();
    }
    serde_json::from_slice(bytes).ok()
}

fn asked_for<'a>(call: &'a Call, key: &str) -> Option<&'a str> {
    call.query
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value.as_str())
}
