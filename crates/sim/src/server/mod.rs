//! The server as a model: the semantics of `desk-server`'s repo and routes, in memory, on a disk with a power switch.

mod bench;
mod digest;
mod documents;
mod feed;
mod push;
mod session;
mod system;

use crate::cast::{Cast, DAWN};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fail::{FailPoint, Traps};
use crate::mutant::Mutant;
use crate::objects::Objects;
use crate::rules::{Cases, Session as Judging};
use desk_domain::case::{DocumentKind, DocumentManifest, TimelineEntry};
use desk_domain::ids::{CaseId, DeviceId, DocumentId, Epoch, Incarnation, OfficeCode, OpId};
use desk_domain::op::ChainHash;
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;
use desk_protocol::error::{self as code, Problem};
use desk_protocol::sync::{Head, HelloReply, HelloRequest, Limits, PullQuery};
use desk_protocol::{
    CONTENT_TYPE, Envelope, MAX_PAGE, MAX_PUSH_BYTES, MAX_PUSH_OPS, MAX_WAIT_MS, PROTOCOL,
};
use desk_sync::wire::{Body, Call, Raw};
pub use push::POISON;
use serde::Serialize;
use serde::de::DeserializeOwned;
use session::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
pub use system::Backup;

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
    /// Where the case stood in its feed when this was written; 0 when nothing changed.
    pub position: u64,
}

/// One thing that changed the truth, in the order in which it did; the checker replays these.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// An op got a verdict: its first, or the one that ended a "held".
    Judged {
        op: OpId,
        session: Judging,
        outcome: Outcome,
    },
    Moved {
        case: CaseId,
        to: OfficeCode,
    },
}

/// One document that an op has announced.
#[derive(Clone, PartialEq, Debug)]
pub struct Paper {
    pub case: CaseId,
    pub kind: DocumentKind,
    pub manifest: DocumentManifest,
    /// The office under which the bytes lie.
    pub shelf: OfficeCode,
    /// Who may send and read it: the office it was attached in, and those that its case came to.
    pub offices: BTreeSet<OfficeCode>,
    pub stored: bool,
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
    pub steps: Vec<Step>,
    pub papers: BTreeMap<DocumentId, Paper>,
    /// M01: numbers drawn so far, and rows whose COMMIT has not appeared yet.
    sequences: BTreeMap<OfficeCode, u64>,
    late: Vec<(Millis, (OfficeCode, u64, CaseId))>,
    sessions: BTreeMap<String, Session>,
}

impl Rows {
    fn append(&mut self, entry: Entry) {
        let index = self.journal.len();
        self.journal.push(Rc::new(entry));
        self.index(index);
    }

    fn replace(&mut self, index: usize, entry: Entry) {
        if let Some(row) = self.journal.get_mut(index) {
            *row = Rc::new(entry);
        }
        self.index(index);
    }

    fn index(&mut self, index: usize) {
        let Some(entry) = self.journal.get(index) else {
            return;
        };
        let place = (entry.device, entry.incarnation, entry.seq);
        self.places.insert(place, Rc::clone(entry));
        if entry.counted {
            self.judged.insert(entry.op_id, Rc::clone(entry));
        }
    }

    /// M01: rows whose slow COMMIT is through by now.
    pub fn show_late(&mut self, now: Millis) {
        for (shows_at, (office, position, case)) in std::mem::take(&mut self.late) {
            if shows_at > now {
                self.late.push((shows_at, (office, position, case)));
                continue;
            }
            let top = self.counters.entry(office.clone()).or_default();
            *top = (*top).max(position);
            self.feed.insert((office, position), case);
        }
    }

    /// M01: true while a COMMIT has not appeared.
    pub fn has_late(&self) -> bool {
        !self.late.is_empty()
    }
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
    /// The process died on the way; the trap that sprang says how.
    Dies,
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
    pub objects: Objects,
    pub traps: Traps,
    /// It knows the kinds of the future.
    pub learned: bool,
    /// Devices of a version to which no feed is read any more.
    pub outdated: BTreeSet<DeviceId>,
    /// Offices taken from a device for a while.
    pub closed: BTreeSet<(DeviceId, OfficeCode)>,
    /// Heads in the newest verified backup.
    safe: BTreeMap<(DeviceId, Incarnation), u64>,
    chance: Dice,
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
    pub fn new(cast: Cast, chance: Dice, mutant: Option<Mutant>) -> Self {
        let epoch = Epoch::new(DAWN, &chance);
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
            page: MAX_PAGE,
            push_ops: MAX_PUSH_OPS,
            objects: Objects::new(mutant == Some(Mutant::RenameWithoutFsync)),
            traps: Traps::default(),
            learned: false,
            outdated: BTreeSet::new(),
            closed: BTreeSet::new(),
            safe: BTreeMap::new(),
            chance,
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
            "/v1/sync/pull" | "/v1/sync/snapshot" | "/v1/sync/digest"
                if self.outdated.contains(&device) =>
            {
                Handled::Now(self.problem(asked.now, 426, code::UPGRADE_REQUIRED, &[]))
            }
            "/v1/sync/pull" => self.pull(asked, device),
            "/v1/sync/snapshot" => self.snapshot(asked, device),
            "/v1/sync/digest" => self.with_body(asked, |server, asked, body| {
                server.digest(asked, device, &body)
            }),
            _ if path.starts_with("/v1/documents") => self.document(asked, device),
            _ => Handled::Now(self.problem(asked.now, 404, code::NOT_FOUND, &[])),
        }
    }

    /// True when the process dies here.
    fn dies(&mut self, point: FailPoint) -> bool {
        self.traps.spring(point)
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
        let offices = self.cast.offices().into_iter();
        let scopes = offices
            .filter(|office| self.serves(device, office))
            .collect();
        let of_device = self.safe.iter().filter(|((of, _), _)| *of == device);
        let backup_safe_seq = of_device.map(|((_, life), seq)| (*life, *seq)).collect();
        let oldest_protocol = PROTOCOL + u32::from(self.outdated.contains(&device));
        Handled::Now(self.reply(
            now,
            HelloReply {
                server_version: "sim".to_owned(),
                protocol: PROTOCOL,
                oldest_protocol,
                limits: Limits {
                    push_ops: self.push_ops,
                    push_bytes: MAX_PUSH_BYTES,
                    page: self.page,
                    wait_ms: MAX_WAIT_MS,
                    document_bytes: u64::MAX,
                },
                heads,
                backup_safe_seq,
                scopes,
                policy: String::new(),
                policy_version: 1,
                policy_signature: None,
                bundle_recipients: Vec::new(),
                bundle_signer: None,
                wipe: None,
                hears_calls: false,
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
