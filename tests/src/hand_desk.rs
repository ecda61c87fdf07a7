//! A desk by hand: one device with a known key that says over plain HTTP exactly what a test wants, right or wrong.

use crate::Failure;
use crate::office::{BRANCH, Office, password};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_app::door::{OsChance, SystemClock};
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{DocumentKind, DocumentManifest, Provenance};
use desk_domain::case_no::CaseNo;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{
    CaseId, DeviceId, DocumentId, GroupId, Incarnation, OfficeCode, OpId, UserId,
};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::time::{Clock, Millis};
use desk_protocol::people::{
    EnrolRequest, RefreshRequest, SignInRequest, enrol_message, refresh_message, session_message,
};
use desk_protocol::sync::PushRequest;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
    /// The problem's code; empty when it is none.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
    /// Kind of each outcome of a push.
    pub fn outcomes(&self) -> Vec<String> {
        let list = self.json()["outcomes"].as_array().cloned();
        list.unwrap_or_default()
            .iter()
            .map(|one| one["outcome"]["is"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// Ops with their places in the chain.
#[derive(Clone, Debug)]
pub struct Batch {
    pub first_seq: u64,
    pub ops: Vec<String>,
    pub last: ChainHash,
}

/// One enrolled device with somebody signed in.
#[derive(Clone)]
pub struct HandDesk {
    pub address: SocketAddr,
    pub id: DeviceId,
    pub incarnation: Incarnation,
    pub user: UserId,
    pub token: String,
    pub refresh_token: String,
    pub device_code: String,
    pub seq: u64,
    pub prev: ChainHash,
    key: SigningKey,
    cases: u32,
}

impl HandDesk {
    /// Enrols with a key made of one byte, and signs in.
    pub fn enrol(office: &Office, branch: &str, login: &str, key: u8) -> Result<Self, Failure> {
        let mut desk = Self::stranger(office, key)?;
        let request = desk.enrol_request(&office.enrol_code(branch)?);
        let reply = good(desk.post("/v1/enrol", &request)?)?;
        reply["device_code"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut desk.device_code);
        let request = desk.sign_in_request(login, SystemClock.now());
        let reply = good(desk.post("/v1/session", &request)?)?;
        desk.take_session(&reply)?;
        Ok(desk)
    }

    /// A device that no server knows yet.
    pub fn stranger(office: &Office, key: u8) -> Result<Self, Failure> {
        let address = office.url().trim_start_matches("http://").parse();
        let now = SystemClock.now();
        Ok(Self {
            address: address.map_err(Failure::at("read the server's address"))?,
            id: DeviceId::new(now, &OsChance),
            incarnation: Incarnation::new(now, &OsChance),
            user: UserId::new(now, &OsChance),
            token: String::new(),
            refresh_token: String::new(),
            device_code: String::new(),
            seq: 0,
            prev: ChainHash::GENESIS,
            key: SigningKey::from_bytes(&[key; 32]),
            cases: 0,
        })
    }

    /// The name of a device that nobody knows.
    pub fn stranger_id() -> DeviceId {
        DeviceId::new(SystemClock.now(), &OsChance)
    }

    pub fn enrol_request(&self, code: &str) -> EnrolRequest {
        EnrolRequest {
            code: code.to_owned(),
            device: self.id,
            public_key: STANDARD.encode(self.key.verifying_key().to_bytes()),
            label: "示例桌面".to_owned(),
            proof: self.sign(&enrol_message(code, self.id)),
        }
    }

    pub fn sign_in_request(&self, login: &str, at: Millis) -> SignInRequest {
        SignInRequest {
            device: self.id,
            login: login.to_owned(),
            password: password(login),
            totp: None,
            at,
            proof: self.sign(&session_message(self.id, login, at)),
        }
    }

    pub fn refresh_request(&self, at: Millis) -> RefreshRequest {
        RefreshRequest {
            device: self.id,
            refresh_token: self.refresh_token.clone(),
            at,
            proof: self.sign(&refresh_message(self.id, &self.refresh_token, at)),
        }
    }

    /// Goes on with the session of this reply.
    pub fn take_session(&mut self, reply: &Value) -> Result<(), Failure> {
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        self.token = text("access_token");
        self.refresh_token = text("refresh_token");
        self.user = reply["user"]["user"]
            .as_str()
            .and_then(UserId::parse)
            .ok_or_else(|| Failure::new("a session without its user"))?;
        Ok(())
    }

    /// An op that opens a case of this office.
    pub fn create(&mut self, branch: &str) -> Result<(CaseId, Op), Failure> {
        let now = SystemClock.now();
        self.cases += 1;
        let code = if self.device_code.is_empty() {
            "0Z"
        } else {
            &self.device_code
        };
        let case_no = CaseNo::compose(shanghai_day(now), branch, code, self.cases)
            .map_err(|reject| Failure::new(format!("case number: {reject:?}")))?;
        let office = OfficeCode::parse(branch).ok_or_else(|| Failure::new("office code"))?;
        let case = CaseId::new(now, &OsChance);
        let body = OpBody::CaseCreate {
            case_no,
            office,
            parent: None,
        };
        Ok((case, self.op(case, &body)?))
    }

    /// The same in the demo's branch.
    pub fn create_here(&mut self) -> Result<(CaseId, Op), Failure> {
        self.create(BRANCH)
    }

    pub fn note(&self, case: CaseId, text: &str) -> Result<Op, Failure> {
        self.op(
            case,
            &OpBody::NoteAdd {
                text: text.to_owned(),
            },
        )
    }

    pub fn set(&self, case: CaseId, field: FieldKey, text: &str) -> Result<Op, Failure> {
        let body = OpBody::FieldSet {
            field,
            value: Some(FieldValue::Text(text.to_owned())),
            source: Provenance::Typed,
            accepted: BTreeMap::new(),
        };
        self.op(case, &body)
    }

    pub fn attach(
        &self,
        case: CaseId,
        manifest: &DocumentManifest,
    ) -> Result<(DocumentId, Op), Failure> {
        let document = DocumentId::new(SystemClock.now(), &OsChance);
        let body = OpBody::DocumentAttach {
            document,
            kind: DocumentKind::DeviceLabel,
            manifest: manifest.clone(),
            replaces: None,
        };
        Ok((document, self.op(case, &body)?))
    }

    /// An op without a place in the chain, a group of its own.
    pub fn op(&self, case: CaseId, body: &OpBody) -> Result<Op, Failure> {
        let now = SystemClock.now();
        Ok(Op {
            op_id: OpId::new(now, &OsChance),
            device: self.id,
            incarnation: self.incarnation,
            seq: 0,
            prev_hash: ChainHash::GENESIS,
            actor: self.user,
            case,
            group: Group {
                id: GroupId::new(now, &OsChance),
                i: 0,
                len: 1,
            },
            kind: body.kind().to_owned(),
            version: 1,
            body: body.to_raw().map_err(Failure::at("write an op"))?,
            base_rev: None,
            hlc: Hlc::default(),
            captured_at: now,
        })
    }

    /// Gives ops their places behind what was chained before.
    pub fn chain(&mut self, ops: Vec<Op>) -> Result<Batch, Failure> {
        let first_seq = self.seq + 1;
        let mut chained = Vec::new();
        for op in ops {
            self.seq += 1;
            let op = Op {
                seq: self.seq,
                prev_hash: self.prev,
                incarnation: self.incarnation,
                ..op
            };
            // Not `to_bytes`: a test may want an op that is too large.
            let bytes = serde_json::to_string(&op).map_err(Failure::at("write an op"))?;
            self.prev = ChainHash::after(self.prev, bytes.as_bytes());
            chained.push(bytes);
        }
        Ok(Batch {
            first_seq,
            ops: chained,
            last: self.prev,
        })
    }

    /// The body of a push, signed over the last op.
    pub fn push_request(&self, batch: &Batch) -> Result<PushRequest, Failure> {
        let ops = batch
            .ops
            .iter()
            .map(|bytes| RawValue::from_string(bytes.clone()))
            .collect::<Result<_, _>>()
            .map_err(Failure::at("write a push"))?;
        Ok(PushRequest {
            device: self.id,
            incarnation: self.incarnation,
            first_seq: batch.first_seq,
            ops,
            signature: self.sign(batch.last.as_bytes()),
        })
    }

    pub fn push(&self, batch: &Batch) -> Result<Reply, Failure> {
        self.post("/v1/sync/push", &self.push_request(batch)?)
    }

    /// Chains, pushes, and expects to be taken.
    pub fn write(&mut self, ops: Vec<Op>) -> Result<Reply, Failure> {
        let batch = self.chain(ops)?;
        let reply = self.push(&batch)?;
        good(reply.clone()).map(|_| reply)
    }

    pub fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.key.sign(message).to_bytes())
    }

    pub fn post(&self, path: &str, body: &impl Serialize) -> Result<Reply, Failure> {
        let body = serde_json::to_vec(body).map_err(Failure::at("write JSON"))?;
        self.send("POST", path, &[("content-type", "application/json")], &body)
    }

    pub fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send("GET", path, &[], b"")
    }

    /// One request on a connection of its own, with the session's token if there is one.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, Failure> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: office\r\nconnection: close\r\n");
        if !self.token.is_empty() {
            head.extend(["authorization: Bearer ", &self.token, "\r\n"]);
        }
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
        let mut socket = TcpStream::connect(self.address).map_err(Failure::at("connect"))?;
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .and_then(|()| socket.write_all(head.as_bytes()))
            .map_err(Failure::at("send"))?;
        // A server that refuses early may close before it has read everything.
        let _ = socket.write_all(body);
        let mut bytes = Vec::new();
        let _ = socket.read_to_end(&mut bytes);
        read(&bytes)
    }
}

/// The JSON of a 200.
pub fn good(reply: Reply) -> Result<Value, Failure> {
    if reply.status == 200 {
        return Ok(reply.json());
    }
    Err(Failure::new(format!(
        "{}: {}",
        reply.status,
        String::from_utf8_lossy(&reply.body)
    )))
}

fn read(bytes: &[u8]) -> Result<Reply, Failure> {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or_else(|| Failure::new("no reply"))?;
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::new("a reply without a status"))?;
    Ok(Reply {
        status,
        head,
        body: bytes.get(end + 4..).unwrap_or_default().to_vec(),
    })
}
