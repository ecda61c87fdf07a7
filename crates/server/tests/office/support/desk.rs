//! A desk that enrols, signs in, chains and signs.

use super::wire::{Reply, call, outcomes, post};
use super::{HERE, NOON, PASSWORD, TestClock, TestOffice};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::NaiveDate;
use desk_domain::case::{CHUNK_BYTES, DocumentKind, DocumentManifest, Provenance};
use desk_domain::case_no::CaseNo;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{
    CaseId, DeviceId, DocumentId, GroupId, Incarnation, OfficeCode, OpId, UserId,
};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::outcome::Outcome;
use desk_domain::time::{Chance, Clock, Millis};
use desk_protocol::oidc::{oidc_begin_message, oidc_finish_message};
use desk_protocol::people::{enrol_message, invited_message, refresh_message, session_message};
use desk_server::door::{SystemChance, SystemClock};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a desk would draw by lot; 43 characters.
const VERIFIER: &str = "a-fake-verifier-of-forty-three-characters-x";

#[derive(Clone)]
pub struct Desk {
    pub addr: SocketAddr,
    pub clock: Arc<TestClock>,
    pub key: SigningKey,
    pub id: DeviceId,
    pub office: String,
    pub incarnation: Incarnation,
    pub seq: u64,
    pub prev: ChainHash,
    pub user: UserId,
    pub access: String,
    pub refresh: String,
}

pub struct Batch {
    pub first_seq: u64,
    pub ops: Vec<String>,
    pub ids: Vec<OpId>,
    pub last: ChainHash,
}

static NUMBERS: AtomicU32 = AtomicU32::new(1);

impl Desk {
    pub fn new(office: &TestOffice) -> Self {
        let mut seed = [0; 32];
        SystemChance.fill(&mut seed);
        Self {
            addr: office.addr(),
            clock: office.clock.clone(),
            key: SigningKey::from_bytes(&seed),
            id: DeviceId::new(NOON, &SystemChance),
            office: HERE.into(),
            incarnation: Incarnation::new(NOON, &SystemChance),
            seq: 0,
            prev: ChainHash::GENESIS,
            user: UserId::new(NOON, &SystemChance),
            access: String::new(),
            refresh: String::new(),
        }
    }

    pub fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.key.sign(message).to_bytes())
    }

    pub fn enrol(&self, code: &str) -> Reply {
        let body = json!({
            "code": code, "device": self.id, "label": "示例桌面",
            "public_key": STANDARD.encode(self.key.verifying_key().to_bytes()),
            "proof": self.sign(&enrol_message(code, self.id)),
        });
        post(self.addr, "/v1/enrol", &body)
    }

    pub fn sign_in(&mut self, login: &str, password: &str) -> Reply {
        self.sign_in_with(login, password, None)
    }

    /// The same with a second factor.
    pub fn sign_in_with(&mut self, login: &str, password: &str, totp: Option<&str>) -> Reply {
        // Each proof is for one instant; two sign-ins of one test must not share it.
        self.clock.advance(1);
        self.sign_in_at(login, password, totp, self.clock.now())
    }

    pub fn sign_in_at(
        &mut self,
        login: &str,
        password: &str,
        totp: Option<&str>,
        at: Millis,
    ) -> Reply {
        let body = json!({
            "device": self.id, "login": login, "password": password, "totp": totp, "at": at,
            "proof": self.sign(&session_message(self.id, login, at)),
        });
        let reply = post(self.addr, "/v1/session", &body);
        self.keep(&reply);
        reply
    }

    /// Redeems an invitation.
    pub fn redeem(&mut self, code: &str, password: &str, totp: Option<&str>) -> Reply {
        self.clock.advance(1);
        self.redeem_at(code, password, totp, self.clock.now())
    }

    pub fn redeem_at(
        &mut self,
        code: &str,
        password: &str,
        totp: Option<&str>,
        at: Millis,
    ) -> Reply {
        let body = json!({
            "device": self.id, "code": code, "password": password, "totp": totp, "at": at,
            "proof": self.sign(&invited_message(self.id, code, at)),
        });
        let reply = post(self.addr, "/v1/session/invited", &body);
        self.keep(&reply);
        reply
    }

    /// Asks where the browser goes; the verifier is the same each time.
    pub fn begin_oidc(&mut self) -> Reply {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()));
        self.begin_oidc_with(40_000, &challenge)
    }

    pub fn begin_oidc_with(&mut self, port: u16, challenge: &str) -> Reply {
        self.clock.advance(1);
        let at = self.clock.now();
        let body = json!({
            "device": self.id, "port": port, "challenge": challenge, "at": at,
            "proof": self.sign(&oidc_begin_message(self.id, port, challenge, at)),
        });
        post(self.addr, "/v1/session/oidc/begin", &body)
    }

    /// Brings what the browser brought; `more` is put over the request.
    pub fn finish_oidc(&mut self, state: &str, code: &str, more: &Value) -> Reply {
        self.clock.advance(1);
        let at = self.clock.now();
        let mut body = json!({
            "device": self.id, "state": state, "code": code, "verifier": VERIFIER, "at": at,
            "proof": self.sign(&oidc_finish_message(self.id, state, at)),
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let reply = post(self.addr, "/v1/session/oidc", &body);
        self.keep(&reply);
        reply
    }

    /// At the machine's time, for servers that run on it.
    pub fn sign_in_now(&mut self, login: &str) -> Reply {
        let now = SystemClock.now();
        self.sign_in_at(login, PASSWORD, None, now)
    }

    /// Sends a request and does not wait for its reply.
    pub fn send_and_leave(&self, path: &str, body: &[u8]) -> TcpStream {
        let mut socket = TcpStream::connect(self.addr).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: office\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.access,
            body.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(body).unwrap();
        socket
    }

    pub fn refresh(&mut self, token: &str, at: Millis) -> Reply {
        let body = json!({
            "device": self.id, "refresh_token": token, "at": at,
            "proof": self.sign(&refresh_message(self.id, token, at)),
        });
        let reply = post(self.addr, "/v1/session/refresh", &body);
        self.keep(&reply);
        reply
    }

    fn keep(&mut self, reply: &Reply) {
        if reply.status == 200 {
            let body = reply.json();
            self.access = body["access_token"].as_str().unwrap().into();
            self.refresh = body["refresh_token"].as_str().unwrap().into();
            self.user = UserId::parse(body["user"]["user"].as_str().unwrap()).unwrap();
        }
    }

    pub fn op(&self, case: CaseId, body: &OpBody) -> Op {
        Op {
            op_id: OpId::new(NOON, &SystemChance),
            device: self.id,
            incarnation: self.incarnation,
            seq: 0,
            prev_hash: ChainHash::GENESIS,
            actor: self.user,
            case,
            group: Group {
                id: GroupId::new(NOON, &SystemChance),
                i: 0,
                len: 1,
            },
            kind: body.kind().into(),
            version: 1,
            body: body.to_raw().unwrap(),
            base_rev: None,
            hlc: Hlc::default(),
            captured_at: self.clock.now(),
        }
    }

    /// Makes one action of these ops.
    pub fn group(ops: Vec<Op>) -> Vec<Op> {
        let id = GroupId::new(NOON, &SystemChance);
        let len = u16::try_from(ops.len()).unwrap();
        (0..len)
            .zip(ops)
            .map(|(i, op)| Op {
                group: Group { id, i, len },
                ..op
            })
            .collect()
    }

    /// Chains ops after what this desk has written.
    pub fn chain(&mut self, ops: Vec<Op>) -> Batch {
        let first_seq = self.seq + 1;
        let mut batch = Batch {
            first_seq,
            ops: Vec::new(),
            ids: Vec::new(),
            last: self.prev,
        };
        for mut op in ops {
            self.seq += 1;
            op.seq = self.seq;
            op.prev_hash = self.prev;
            op.incarnation = self.incarnation;
            let bytes = op.to_bytes().unwrap();
            self.prev = ChainHash::after(self.prev, bytes.as_bytes());
            batch.ids.push(op.op_id);
            batch.ops.push(bytes);
        }
        batch.last = self.prev;
        batch
    }

    pub fn push_body(&self, batch: &Batch) -> String {
        format!(
            r#"{{"device":"{}","incarnation":"{}","first_seq":{},"ops":[{}],"signature":"{}"}}"#,
            self.id,
            self.incarnation,
            batch.first_seq,
            batch.ops.join(","),
            self.sign(batch.last.as_bytes())
        )
    }

    pub fn push(&self, batch: &Batch) -> Reply {
        self.send("POST", "/v1/sync/push", self.push_body(batch).as_bytes())
    }

    /// Chains and pushes, and returns the outcomes.
    pub fn write(&mut self, ops: Vec<Op>) -> Vec<Outcome> {
        let batch = self.chain(ops);
        outcomes(&self.push(&batch))
    }

    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        let bearer = format!("Bearer {}", self.access);
        call(
            self.addr,
            method,
            path,
            &[
                ("authorization", &bearer),
                ("content-type", "application/json"),
            ],
            body,
        )
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, b"")
    }

    pub fn pull(&self, scope: &str, cursor: u64, wait_ms: u64) -> Reply {
        self.get(&format!(
            "/v1/sync/pull?scope={scope}&cursor={cursor}&wait_ms={wait_ms}"
        ))
    }

    pub fn new_case(&self) -> (CaseId, Op) {
        let case = CaseId::new(NOON, &SystemChance);
        let day = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        let number = CaseNo::compose(
            day,
            &self.office,
            "01",
            NUMBERS.fetch_add(1, Ordering::SeqCst),
        )
        .unwrap();
        let body = OpBody::CaseCreate {
            case_no: number,
            office: OfficeCode::parse(&self.office).unwrap(),
            parent: None,
        };
        (case, self.op(case, &body))
    }

    pub fn note(&self, case: CaseId, text: &str) -> Op {
        self.op(case, &OpBody::NoteAdd { text: text.into() })
    }

    pub fn set(&self, case: CaseId, field: FieldKey, text: &str, base: Option<OpId>) -> Op {
        let body = OpBody::FieldSet {
            field,
            value: Some(FieldValue::Text(text.into())),
            source: Provenance::Typed,
            accepted: BTreeMap::new(),
        };
        Op {
            base_rev: base,
            ..self.op(case, &body)
        }
    }

    pub fn attach(&self, case: CaseId, bytes: &[u8]) -> (DocumentId, DocumentManifest, Op) {
        let document = DocumentId::new(NOON, &SystemChance);
        let manifest = manifest(bytes);
        let body = OpBody::DocumentAttach {
            document,
            kind: DocumentKind::DeviceLabel,
            manifest: manifest.clone(),
            replaces: None,
        };
        (document, manifest, self.op(case, &body))
    }
}

pub fn manifest(bytes: &[u8]) -> DocumentManifest {
    DocumentManifest {
        sha256: hex::encode(Sha256::digest(bytes)),
        size_bytes: bytes.len() as u64,
        chunks: bytes
            .chunks(CHUNK_BYTES)
            .map(|chunk| hex::encode(Sha256::digest(chunk)))
            .collect(),
        mime: "image/jpeg".into(),
        pages: 1,
    }
}
