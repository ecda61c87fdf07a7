//! A small office, desks that sign, and a plain HTTP client over a socket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDate;
use desk_domain::case::{CHUNK_BYTES, DocumentKind, DocumentManifest, Provenance};
use desk_domain::case_no::CaseNo;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{
    CaseId, DeviceId, DocumentId, GroupId, Incarnation, OfficeCode, OpId, UserId,
};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::outcome::Outcome;
use desk_domain::people::{Employer, Role, UserCard};
use desk_domain::time::{Chance, Clock, Millis};
use desk_protocol::people::{enrol_message, refresh_message, session_message};
use desk_server::door::{SystemChance, SystemClock};
use desk_server::gateway::GatewayKind;
use desk_server::repo::people::Account;
use desk_server::repo::{devices, offices, people};
use desk_server::run::House;
use desk_server::{RunningServer, Server, ServerConfig, demo, secrets};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub const NOON: Millis = 1_795_305_600_000;
pub const HERE: &str = "HZ001";
pub const THERE: &str = "SH002";
pub const PASSWORD: &str = "a long fake password";

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, ms: Millis) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

pub struct TestOffice {
    pub dir: TempDir,
    pub clock: Arc<TestClock>,
    pub config: ServerConfig,
    server: Option<RunningServer>,
}

/// Two offices; `agent` and `clerk` here, `stranger` there, `chief` admin of both.
pub fn office() -> TestOffice {
    office_with(true)
}

pub fn office_with(auto_approve: bool) -> TestOffice {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock(AtomicI64::new(NOON)));
    let config = ServerConfig {
        auto_approve,
        clock: clock.clone(),
        ..ServerConfig::new(dir.path())
    };
    let house = House::open(&config).unwrap();
    for (code, name) in [(HERE, "网点示例"), (THERE, "另一网点示例")] {
        let code = OfficeCode::parse(code).unwrap();
        house
            .repo
            .write_blocking(move |conn| offices::put(conn, &code, name, NOON))
            .unwrap();
    }
    add_user(&house, "agent", Role::Agent, &[HERE]);
    add_user(&house, "clerk", Role::Clerk, &[HERE]);
    add_user(&house, "reviewer", Role::Reviewer, &[HERE]);
    add_user(&house, "stranger", Role::Agent, &[THERE]);
    add_user(&house, "chief", Role::Admin, &[HERE, THERE]);
    drop(house);
    let server = Some(Server::start(config.clone()).unwrap());
    TestOffice {
        dir,
        clock,
        config,
        server,
    }
}

pub fn add_user(house: &House, login: &str, role: Role, offices: &[&str]) -> UserId {
    let user = UserId::new(NOON, &SystemChance);
    let card = UserCard {
        user,
        person: user,
        login: login.into(),
        name: format!("示例{login}"),
        roles: [role].into(),
        employer: Employer::Acquirer,
        offices: offices
            .iter()
            .map(|code| OfficeCode::parse(code).unwrap())
            .collect(),
        active: true,
    };
    let account = Account {
        card,
        password_phc: secrets::hash_password(PASSWORD, &SystemChance).unwrap(),
    };
    house
        .repo
        .write_blocking(move |conn| people::put(conn, &account, NOON))
        .unwrap();
    user
}

impl TestOffice {
    /// The demo's office with so many cases.
    pub fn demo(cases: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(NOON)));
        let config = ServerConfig {
            auto_approve: true,
            gateway: GatewayKind::Log,
            clock: clock.clone(),
            ..ServerConfig::new(dir.path())
        };
        demo::fill(&config, cases, 7).unwrap();
        let server = Some(Server::start(config.clone()).unwrap());
        Self {
            dir,
            clock,
            config,
            server,
        }
    }
    pub fn addr(&self) -> SocketAddr {
        self.server.as_ref().unwrap().addr
    }
    pub fn house(&self) -> House {
        House::open(&self.config).unwrap()
    }
    /// The folder and the running server, to be ended apart.
    pub fn into_parts(self) -> (TempDir, RunningServer) {
        (self.dir, self.server.unwrap())
    }
    pub fn restart(&mut self) {
        self.server.take().unwrap().stop();
        self.server = Some(Server::start(self.config.clone()).unwrap());
    }
    pub fn code(&self, office: &str) -> String {
        let code = secrets::enrol_code(&SystemChance);
        let (hash, at) = (secrets::hash(&code), self.clock.now() + secrets::CODE_MS);
        let office = OfficeCode::parse(office).unwrap();
        self.house()
            .repo
            .write_blocking(move |conn| devices::put_code(conn, &hash, &office, at))
            .unwrap();
        code
    }
    /// An enrolled desk with somebody signed in.
    pub fn desk(&self, office: &str, login: &str) -> Desk {
        let mut desk = Desk::new(self);
        desk.office = office.into();
        let reply = desk.enrol(&self.code(office));
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(desk.sign_in(login, PASSWORD).status, 200);
        desk
    }
}

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
        // Each proof is for one instant; two sign-ins of one test must not share it.
        self.clock.advance(1);
        self.sign_in_at(login, password, self.clock.now())
    }

    pub fn sign_in_at(&mut self, login: &str, password: &str, at: Millis) -> Reply {
        let body = json!({
            "device": self.id, "login": login, "password": password, "at": at,
            "proof": self.sign(&session_message(self.id, login, at)),
        });
        let reply = post(self.addr, "/v1/session", &body);
        self.keep(&reply);
        reply
    }

    /// At the machine's time, for servers that run on it.
    pub fn sign_in_now(&mut self, login: &str) -> Reply {
        let now = SystemClock.now();
        self.sign_in_at(login, PASSWORD, now)
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

pub fn outcomes(reply: &Reply) -> Vec<Outcome> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let all = reply.json()["outcomes"].as_array().unwrap().clone();
    all.into_iter()
        .map(|one| serde_json::from_value(one["outcome"].clone()).unwrap())
        .collect()
}

pub fn applied(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Applied { .. })
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn post(addr: SocketAddr, path: &str, body: &Value) -> Reply {
    call(
        addr,
        "POST",
        path,
        &[("content-type", "application/json")],
        body.to_string().as_bytes(),
    )
}

pub fn call(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: office\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let length = body.len().to_string();
    head.extend(["content-length: ", &length, "\r\n\r\n"]);
    let mut socket = TcpStream::connect(addr).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    socket.write_all(head.as_bytes()).unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = socket.write_all(body);
    let mut bytes = Vec::new();
    let _ = socket.read_to_end(&mut bytes);
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Reply {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a reply");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Reply {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    }
}
