//! The machine under a script: each test says what comes in and what must go out.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one thing among many"
)]

mod calls;
mod digest;
mod documents;
mod feeds;
mod line;
mod push;
mod wedge;
mod world;

use super::port::*;
use super::{Config, Machine};
use desk_domain::case::{CHUNK_BYTES, DocumentKind, DocumentManifest};
use desk_domain::ids::{
    CaseId, DeviceId, DocumentId, Epoch, GroupId, Incarnation, OfficeCode, OpId, UserId,
};
use desk_domain::op::{ChainHash, Group, Hlc, Op};
use desk_domain::people::{Employer, UserCard};
use desk_domain::time::{Chance, Millis};
use desk_protocol::error::Problem;
use desk_protocol::sync::{Head, HelloReply, Limits, PushReply};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Chance that can be repeated.
pub(super) struct Dice(AtomicU64);

impl Chance for Dice {
    fn fill(&self, out: &mut [u8]) {
        let n = self
            .0
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for (to, from) in out.iter_mut().zip(n.to_le_bytes().into_iter().cycle()) {
            *to = from;
        }
    }
}

pub(super) fn text_id(n: u64) -> String {
    format!("00000000-0000-7000-8000-{n:012x}")
}
pub(super) fn op_id(n: u64) -> OpId {
    OpId::parse(&text_id(n)).unwrap()
}
pub(super) fn document_id(n: u64) -> DocumentId {
    DocumentId::parse(&text_id(n)).unwrap()
}
pub(super) fn incarnation(n: u64) -> Incarnation {
    Incarnation::parse(&text_id(n)).unwrap()
}
pub(super) fn epoch(n: u64) -> Epoch {
    Epoch::parse(&text_id(n)).unwrap()
}
pub(super) fn scope() -> OfficeCode {
    OfficeCode::parse("HZ001").unwrap()
}

pub(super) fn tokens(n: u64) -> SessionTokens {
    let user = UserId::parse(&text_id(7)).unwrap();
    SessionTokens {
        access_token: format!("access-{n}"),
        access_expires_at: 0,
        refresh_token: format!("refresh-{n}"),
        user: UserCard {
            user,
            person: user,
            login: "agent1".to_owned(),
            name: "试用".to_owned(),
            roles: BTreeSet::new(),
            employer: Employer::Acquirer,
            offices: BTreeSet::new(),
            active: true,
        },
    }
}

/// A chained journal of groups of the given lengths.
pub(super) fn journal(life: Incarnation, groups: &[u16]) -> Vec<OutboxRow> {
    let (mut rows, mut prev, mut seq) = (Vec::new(), ChainHash::GENESIS, 0);
    for (number, len) in groups.iter().enumerate() {
        for i in 0..*len {
            seq += 1;
            let group = Group {
                id: GroupId::parse(&text_id(9_000 + number as u64)).unwrap(),
                i,
                len: *len,
            };
            rows.push(row(life, seq, prev, group, op_id(seq)));
            prev = rows.last().unwrap().hash;
        }
    }
    rows
}

pub(super) fn row(
    life: Incarnation,
    seq: u64,
    prev_hash: ChainHash,
    group: Group,
    id: OpId,
) -> OutboxRow {
    let op = Op {
        op_id: id,
        device: DeviceId::parse(&text_id(1)).unwrap(),
        incarnation: life,
        seq,
        prev_hash,
        actor: UserId::parse(&text_id(7)).unwrap(),
        case: CaseId::parse(&text_id(8)).unwrap(),
        group,
        kind: "note.add".to_owned(),
        version: 1,
        body: RawValue::from_string(r#"{"text":"试"}"#.to_owned()).unwrap(),
        base_rev: None,
        hlc: Hlc::default(),
        captured_at: 0,
    };
    let bytes = op.to_bytes().unwrap();
    let hash = ChainHash::after(prev_hash, bytes.as_bytes());
    OutboxRow {
        seq,
        op_id: id,
        bytes: bytes.into(),
        hash,
        parked: false,
    }
}

pub(super) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Bytes of a document, and what the journal says of them.
pub(super) fn document(n: u64, size: usize) -> (DocumentToSend, Vec<u8>) {
    let mut bytes = vec![u8::try_from(n % 200).unwrap(); size];
    for (chunk, mark) in bytes.chunks_mut(CHUNK_BYTES).zip(1_u8..) {
        chunk[0] = mark;
    }
    let manifest = DocumentManifest {
        sha256: hash(&bytes),
        size_bytes: size as u64,
        chunks: bytes.chunks(CHUNK_BYTES).map(hash).collect(),
        mime: "image/jpeg".to_owned(),
        pages: 1,
    };
    let case = CaseId::parse(&text_id(8)).unwrap();
    (
        DocumentToSend {
            id: document_id(n),
            case,
            kind: DocumentKind::Invoice,
            manifest,
        },
        bytes,
    )
}

pub(super) fn problem(code: &str) -> ReplyBody {
    ReplyBody::Problem(problem_with(code, &[]))
}
pub(super) fn problem_with(code: &str, params: &[(&str, &str)]) -> Problem {
    Problem {
        code: code.to_owned(),
        message: String::new(),
        field: None,
        retryable: false,
        params: params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

pub(super) fn reply(status: u16, body: ReplyBody) -> Reply {
    Reply {
        status,
        retry_after_ms: None,
        stamp: Some(Stamp {
            epoch: epoch(1),
            server_time: 1_000,
        }),
        body,
    }
}
/// A hotel's sign-in page.
pub(super) fn html(status: u16) -> Reply {
    Reply {
        status,
        retry_after_ms: None,
        stamp: None,
        body: ReplyBody::Foreign,
    }
}

pub(super) fn hello_reply(heads: Vec<Head>, scopes: Vec<OfficeCode>) -> HelloReply {
    HelloReply {
        server_version: "1.2.3".to_owned(),
        protocol: desk_protocol::PROTOCOL,
        oldest_protocol: 1,
        limits: Limits {
            push_ops: 500,
            push_bytes: 1 << 20,
            page: 200,
            wait_ms: 50_000,
            document_bytes: 20 << 20,
        },
        heads,
        backup_safe_seq: BTreeMap::new(),
        scopes,
        policy: "version = 1".to_owned(),
        policy_version: 1,
        policy_signature: None,
        bundle_recipients: vec!["age1test".to_owned()],
        bundle_signer: Some("key".to_owned()),
        wipe: None,
        hears_calls: false,
    }
}

pub(super) fn stored_up_to(batch: &Batch) -> ReplyBody {
    let last = batch.rows.last().unwrap();
    let head = Head {
        incarnation: batch.incarnation,
        seq: last.seq,
        hash: last.hash,
    };
    ReplyBody::Push(PushReply {
        head,
        outcomes: Vec::new(),
    })
}

/// A machine with a hand on it.
pub(super) struct Rig {
    pub machine: Machine,
    pub now: Millis,
}

impl Rig {
    pub fn new() -> Self {
        let config = Config {
            pace: super::Pace {
                base_ms: 1_000,
                cap_ms: 300_000,
            },
            ..Config::default()
        };
        Self {
            machine: Machine::new(config, Arc::new(Dice(AtomicU64::new(1)))),
            now: 1_000,
        }
    }
    /// Started and signed in, epoch 1 known; the first actions are dropped.
    pub fn started() -> Self {
        let mut rig = Self::new();
        rig.put(Input::Started {
            epoch: Some(epoch(1)),
            session: Some(tokens(1)),
        });
        rig
    }
    pub fn put(&mut self, input: Input) -> Vec<Action> {
        self.now += 10;
        self.machine.handle(input, self.now)
    }
    pub fn stored(&mut self, lane: Lane, reply: StoreReply) -> Vec<Action> {
        self.put(Input::Stored {
            lane,
            result: Ok(reply),
        })
    }
    /// Answers whatever the lane has in the air.
    pub fn answer(&mut self, lane: &Lane, result: Result<Reply, LinkError>) -> Vec<Action> {
        let flight = self.machine.lines[lane]
            .flight
            .as_ref()
            .expect("in the air")
            .flight;
        self.put(Input::Reply {
            lane: lane.clone(),
            flight,
            result,
        })
    }
    /// Hands the push lane its unsent rows.
    pub fn unsent(&mut self, rows: &[OutboxRow]) -> Vec<Action> {
        self.stored(
            Lane::Push,
            StoreReply::Unsent {
                incarnation: incarnation(2),
                rows: rows.to_vec(),
            },
        )
    }
    /// Hello is through; feeds of the given scopes run.
    pub fn greet(&mut self, scopes: Vec<OfficeCode>) -> Vec<Action> {
        let hello = hello_reply(Vec::new(), scopes);
        self.answer(
            &Lane::Hello,
            Ok(reply(200, ReplyBody::Hello(Box::new(hello)))),
        );
        let nothing = Head {
            incarnation: incarnation(2),
            seq: 0,
            hash: ChainHash::GENESIS,
        };
        let head = JournalHead {
            last_seq: 0,
            acknowledged_seq: 0,
            server: nothing,
            hash_there: None,
        };
        let mut actions = self.stored(Lane::Hello, StoreReply::Head(head));
        actions.extend(self.stored(Lane::Hello, StoreReply::Done));
        actions
    }
}

pub(super) fn sent(actions: &[Action], on: &Lane) -> Option<Request> {
    actions.iter().find_map(|action| match action {
        Action::Send { lane, request, .. } if lane == on => Some(request.clone()),
        _ => None,
    })
}
pub(super) fn pushed(actions: &[Action]) -> Batch {
    match sent(actions, &Lane::Push) {
        Some(Request::Push(batch)) => batch,
        other => panic!("no push but {other:?}"),
    }
}
pub(super) fn called(actions: &[Action], on: &Lane) -> Option<StoreCall> {
    actions.iter().find_map(|action| match action {
        Action::Store { lane, call } if lane == on => Some(call.clone()),
        _ => None,
    })
}
pub(super) fn armed(actions: &[Action], on: &Lane) -> Option<u64> {
    actions.iter().find_map(|action| match action {
        Action::Arm { lane, after_ms } if lane == on => Some(*after_ms),
        _ => None,
    })
}
