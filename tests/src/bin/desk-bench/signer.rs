//! A desk as the office sees it: a device with a key, somebody signed in, and a journal that grows by pushes.

use crate::chance::Counted;
use crate::watch;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::Provenance;
use desk_domain::case_no::CaseNo;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, DeviceId, GroupId, Incarnation, OfficeCode, OpId, UserId};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::time::{Chance, Millis};
use desk_protocol::people::{EnrolRequest, SignInRequest, enrol_message, session_message};
use desk_protocol::sync::PushRequest;
use desk_tests::Failure;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A busy server is asked so often, and so long after.
const ASKED_AGAIN: usize = 600;
const BEFORE_AGAIN: Duration = Duration::from_millis(100);

/// One keep-alive connection.
pub struct Wire {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub fn to(address: SocketAddr) -> Result<Self, Failure> {
        let socket = TcpStream::connect(address).map_err(Failure::at("connect"))?;
        socket.set_nodelay(true).map_err(Failure::at("connect"))?;
        Ok(Self {
            socket,
            buffer: Vec::new(),
        })
    }

    /// Sends a whole request and returns the body of its 200.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, Failure> {
        self.socket
            .write_all(request)
            .map_err(Failure::at("send"))?;
        self.buffer.clear();
        let head = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default())
            .to_ascii_lowercase();
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| Failure::new("a reply without its length"))?;
        while self.buffer.len() < head + length {
            self.more()?;
        }
        let body = self.buffer.get(head..).unwrap_or_default().to_vec();
        if text.starts_with("http/1.1 200") {
            return Ok(body);
        }
        let line = text.lines().next().unwrap_or_default();
        Err(Failure::new(format!(
            "{line}: {}",
            String::from_utf8_lossy(&body)
        )))
    }

    /// The same; a server that cannot take it just now is asked again.
    pub fn until_taken(&mut self, request: &[u8]) -> Result<Vec<u8>, Failure> {
        for _ in 0..ASKED_AGAIN {
            match self.exchange(request) {
                Err(failure) if failure.to_string().starts_with("http/1.1 503") => {
                    std::thread::sleep(BEFORE_AGAIN);
                }
                other => return other,
            }
        }
        self.exchange(request)
    }

    fn more(&mut self) -> Result<(), Failure> {
        let mut part = [0; 4096];
        let read = self
            .socket
            .read(&mut part)
            .map_err(Failure::at("receive"))?;
        if read == 0 {
            return Err(Failure::new("the server hung up"));
        }
        self.buffer
            .extend_from_slice(part.get(..read).unwrap_or_default());
        Ok(())
    }
}

/// One POST, ready to be sent.
pub fn post(path: &str, token: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: office\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// One GET, ready to be sent.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: office\r\nauthorization: Bearer {token}\r\nx-desk-protocol: 1\r\n\r\n")
        .into_bytes()
}

/// One enrolled device with somebody signed in.
pub struct Device {
    key: SigningKey,
    id: DeviceId,
    incarnation: Incarnation,
    chance: Counted,
    seq: u64,
    prev: ChainHash,
    user: UserId,
    pub token: String,
    /// Its public key, in hex.
    pub key_hex: String,
}

impl Device {
    /// Enrols with a code and signs in.
    pub fn enrol(address: SocketAddr, code: &str, login: &str, seed: u64) -> Result<Self, Failure> {
        let chance = Counted::from(seed << 32);
        let mut secret = [0; 32];
        chance.fill(&mut secret);
        let now = watch::now();
        let mut device = Self {
            key: SigningKey::from_bytes(&secret),
            id: DeviceId::new(now, &chance),
            incarnation: Incarnation::new(now, &chance),
            seq: 0,
            prev: ChainHash::GENESIS,
            user: UserId::new(now, &chance),
            token: String::new(),
            key_hex: String::new(),
            chance,
        };
        device.key_hex = hex::encode(device.key.verifying_key().to_bytes());
        let request = EnrolRequest {
            code: code.to_owned(),
            device: device.id,
            public_key: STANDARD.encode(device.key.verifying_key().to_bytes()),
            label: "示例桌面".to_owned(),
            proof: device.sign(&enrol_message(code, device.id)),
        };
        let mut wire = Wire::to(address)?;
        wire.exchange(&post("/v1/enrol", "", &json(&request)?))?;
        let request = SignInRequest {
            device: device.id,
            login: login.to_owned(),
            password: desk_tests::office::password(login),
            totp: None,
            at: now,
            proof: device.sign(&session_message(device.id, login, now)),
        };
        let reply = wire.exchange(&post("/v1/session", "", &json(&request)?))?;
        let reply: Value = serde_json::from_slice(&reply).map_err(Failure::at("read a session"))?;
        let text = |at: &str| reply.pointer(at).and_then(Value::as_str);
        text("/access_token")
            .unwrap_or_default()
            .clone_into(&mut device.token);
        device.user = text("/user/user")
            .and_then(UserId::parse)
            .ok_or_else(|| Failure::new("a session without its user"))?;
        Ok(device)
    }

    /// The next push: one new case, and as many of its fields as asked for, as one action.
    pub fn next_case(&mut self, sequence: u32, fields: usize) -> Result<Vec<u8>, Failure> {
        let first_seq = self.seq + 1;
        let ops = self.case_ops(sequence, fields)?;
        self.push(first_seq, ops)
    }

    /// The next push: so many new cases, each an action of its own. `cases` counts them.
    pub fn next_batch(
        &mut self,
        cases: &mut u32,
        many: usize,
        fields: usize,
    ) -> Result<Vec<u8>, Failure> {
        let first_seq = self.seq + 1;
        let mut ops = Vec::new();
        for _ in 0..many {
            *cases += 1;
            ops.extend(self.case_ops(*cases, fields)?);
        }
        self.push(first_seq, ops)
    }

    fn push(&self, first_seq: u64, ops: Vec<Box<RawValue>>) -> Result<Vec<u8>, Failure> {
        json(&PushRequest {
            device: self.id,
            incarnation: self.incarnation,
            first_seq,
            ops,
            signature: self.sign(self.prev.as_bytes()),
        })
    }

    fn case_ops(&mut self, sequence: u32, fields: usize) -> Result<Vec<Box<RawValue>>, Failure> {
        let now = watch::now();
        let case = CaseId::new(now, &self.chance);
        let case_no = CaseNo::compose(
            shanghai_day(now),
            desk_tests::office::BRANCH,
            &device_code(sequence),
            sequence % 10_000,
        )
        .map_err(|reject| Failure::new(format!("case number: {reject:?}")))?;
        let office = OfficeCode::parse(desk_tests::office::BRANCH)
            .ok_or_else(|| Failure::new("office code"))?;
        let mut bodies = vec![OpBody::CaseCreate {
            case_no,
            office,
            parent: None,
        }];
        bodies.extend(
            FIELDS
                .iter()
                .take(fields)
                .map(|(field, text)| OpBody::FieldSet {
                    field: *field,
                    value: Some(FieldValue::Text((*text).to_owned())),
                    source: Provenance::Typed,
                    accepted: BTreeMap::new(),
                }),
        );
        self.chain(case, now, &bodies)
    }

    fn chain(
        &mut self,
        case: CaseId,
        now: Millis,
        bodies: &[OpBody],
    ) -> Result<Vec<Box<RawValue>>, Failure> {
        let group = GroupId::new(now, &self.chance);
        let len = u16::try_from(bodies.len()).unwrap_or(u16::MAX);
        let mut ops = Vec::new();
        for (i, body) in (0..len).zip(bodies) {
            self.seq += 1;
            let op = Op {
                op_id: OpId::new(now, &self.chance),
                device: self.id,
                incarnation: self.incarnation,
                seq: self.seq,
                prev_hash: self.prev,
                actor: self.user,
                case,
                group: Group { id: group, i, len },
                kind: body.kind().to_owned(),
                version: 1,
                body: body.to_raw().map_err(Failure::at("write an op"))?,
                base_rev: None,
                hlc: Hlc::default(),
                captured_at: now,
            };
            let bytes = op.to_bytes().map_err(Failure::at("write an op"))?;
            self.prev = ChainHash::after(self.prev, bytes.as_bytes());
            ops.push(RawValue::from_string(bytes).map_err(Failure::at("write an op"))?);
        }
        Ok(ops)
    }

    fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.key.sign(message).to_bytes())
    }
}

/// Ten thousand numbers of a day are one device's; the next ten thousand are the next one's.
fn device_code(sequence: u32) -> String {
    let letter = |n: u32| char::from_u32(u32::from(b'A') + n % 26).unwrap_or('Z');
    let part = sequence / 10_000;
    [letter(part / 26), letter(part)].iter().collect()
}

const FIELDS: [(FieldKey, &str); 3] = [
    (FieldKey::CallerName, "王样例"),
    (FieldKey::RequestKind, "unbind_terminal"),
    (FieldKey::RequestWords, "机器黑屏，想解绑，示例记录"),
];

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(Failure::at("write JSON"))
}
