//! A core system on loopback that forgets nothing. It checks signatures by its own reckoning, does what it is told as often
//! as it is told (no idempotence: a request that comes twice unbinds twice, and a test sees it), and has moods.

use super::{TestOffice, call};
use desk_server::connector::ConnectorKind;
use desk_server::connector::settings::{ConnectorFile, ConnectorSettings};
use desk_server::repo::executions::results;
use desk_server::repo::sql::Connection;
use desk_server::repo::system;
use desk_server::sms::settings::Secret;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub const SECRET: &str = "not-a-real-secret-but-a-long-one";
const KEY_ID: &str = "desk-fake";

/// What it does with a request to unbind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    /// Does it and says so.
    Well,
    /// Takes it and does it later, when a test says so.
    Pending,
    Refuses,
    /// Does it and says 500.
    Broken,
    /// Does it and cuts the connection.
    Cut,
    /// Does it and says nothing until it is let go.
    Silent,
    /// Loses it and says 500: it was never there.
    Loses,
    /// Does it and answers in words that nobody agreed on.
    Babbles,
    /// Does it and names another terminal.
    Confuses,
}

/// What it does with a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    Well,
    Broken,
    /// A proxy stands in front of it and knows no such page.
    Nowhere,
}

#[derive(Default)]
struct Books {
    /// What stands under each key, as it is told.
    told: BTreeMap<String, Value>,
    /// The requests, by key.
    requests: BTreeMap<String, Vec<Value>>,
    /// How often each terminal was unbound, and each serial.
    unbound: BTreeMap<String, u32>,
    questions: u32,
    forged: u32,
}

struct Inner {
    mood: Mutex<Mood>,
    asked: Mutex<Asked>,
    books: Mutex<Books>,
    held: Mutex<bool>,
    let_go: Condvar,
    closing: AtomicBool,
}

pub struct Core {
    inner: Arc<Inner>,
    pub addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Core {
    pub fn start() -> Self {
        let inner = Arc::new(Inner {
            mood: Mutex::new(Mood::Well),
            asked: Mutex::new(Asked::Well),
            books: Mutex::default(),
            held: Mutex::new(true),
            let_go: Condvar::new(),
            closing: AtomicBool::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mine = Arc::clone(&inner);
        let thread = std::thread::spawn(move || accept(&listener, &mine));
        Self {
            inner,
            addr,
            thread: Some(thread),
        }
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

    pub fn set(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    pub fn set_asked(&self, asked: Asked) {
        *self.inner.asked.lock().unwrap() = asked;
    }

    /// Silence ends, for good.
    pub fn let_go(&self) {
        *self.inner.held.lock().unwrap() = false;
        self.inner.let_go.notify_all();
    }

    /// Requests that came, all keys together.
    pub fn posts(&self) -> usize {
        let books = self.inner.books.lock().unwrap();
        books.requests.values().map(Vec::len).sum()
    }

    /// Keys that came.
    pub fn keys(&self) -> Vec<String> {
        let books = self.inner.books.lock().unwrap();
        books.requests.keys().cloned().collect()
    }

    /// The requests under a key.
    pub fn requests(&self, key: &str) -> Vec<Value> {
        self.inner.books.lock().unwrap().requests[key].clone()
    }

    pub fn questions(&self) -> u32 {
        self.inner.books.lock().unwrap().questions
    }

    /// Requests and questions whose signature was wrong.
    pub fn forged(&self) -> u32 {
        self.inner.books.lock().unwrap().forged
    }

    /// How often each thing was unbound.
    pub fn unbound(&self) -> BTreeMap<String, u32> {
        self.inner.books.lock().unwrap().unbound.clone()
    }

    /// Everything that was unbound was unbound once.
    pub fn each_once(&self, things: usize) {
        let unbound = self.unbound();
        assert!(unbound.values().all(|times| *times == 1), "{unbound:?}");
        assert_eq!(unbound.len(), things, "{unbound:?}");
        assert_eq!(self.forged(), 0);
    }

    /// What it says of a key.
    pub fn told(&self, key: &str) -> Value {
        self.inner.books.lock().unwrap().told[key].clone()
    }

    /// Does what it had taken for later.
    pub fn finish(&self, key: &str) -> Value {
        let mut books = self.inner.books.lock().unwrap();
        let request = books.requests[key][0].clone();
        books.unbind(key, &request);
        books.told[key].clone()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        self.let_go();
        // Wakes the one who accepts.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
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
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{word}.{at_s}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

impl Books {
    fn unbind(&mut self, key: &str, request: &Value) {
        let numbers = request["terminals"].as_array().unwrap().clone();
        let mut terminals = Vec::new();
        for number in &numbers {
            let name = number.as_str().unwrap().to_owned();
            *self.unbound.entry(name).or_default() += 1;
            terminals
                .push(json!({"terminal_no": number, "result": "unbound", "evidence": "示例回执"}));
        }
        let serial = request["serial"].as_str().unwrap().to_owned();
        *self.unbound.entry(serial).or_default() += 1;
        let told = json!({"key": key, "status": "done", "reference": format!("CORE-{key}"),
            "evidence": "示例受理", "terminals": terminals});
        self.told.insert(key.to_owned(), told);
    }
}

fn accept(listener: &TcpListener, inner: &Arc<Inner>) {
    let mut busy = Vec::new();
    for socket in listener.incoming() {
        if inner.closing.load(Ordering::SeqCst) {
            break;
        }
        let mine = Arc::clone(inner);
        busy.push(std::thread::spawn(move || answer(socket.unwrap(), &mine)));
    }
    for one in busy {
        one.join().unwrap();
    }
}

/// One request a connection; `None` cuts it.
fn answer(mut socket: TcpStream, inner: &Inner) {
    socket
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let Some((head, headers, body)) = read(&mut socket) else {
        return;
    };
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let told = if head.starts_with("POST ") {
        take(inner, &headers, &body)
    } else {
        Some(look(inner, &headers, path.rsplit('/').next().unwrap()))
    };
    let Some((status, body)) = told else { return };
    let length = body.len();
    let reply = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    // Who asked may have lost patience.
    let _ = socket.write_all(reply.as_bytes());
}

type Headers = BTreeMap<String, String>;

fn read(socket: &mut TcpStream) -> Option<(String, Headers, Vec<u8>)> {
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let head = line.trim().to_owned();
    let mut headers = Headers::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, headers, body))
}

fn signed(headers: &Headers, word: &str, body: &[u8]) -> bool {
    let at_s = headers["x-desk-timestamp"].parse().unwrap();
    headers["x-desk-signature"] == sign(word, at_s, body) && headers["x-desk-key-id"] == KEY_ID
}

fn take(inner: &Inner, headers: &Headers, body: &[u8]) -> Option<(u16, String)> {
    let mood = *inner.mood.lock().unwrap();
    let mut books = inner.books.lock().unwrap();
    let request: Value = serde_json::from_slice(body).unwrap();
    let key = headers["idempotency-key"].clone();
    if !signed(headers, "execute", body) || request["key"] != key.as_str() {
        books.forged += 1;
        return Some((401, "{}".to_owned()));
    }
    books
        .requests
        .entry(key.clone())
        .or_default()
        .push(request.clone());
    match mood {
        Mood::Loses => return Some((500, "{}".to_owned())),
        Mood::Pending => {
            let told = json!({"key": key, "status": "pending", "reference": "CORE-LATER"});
            books.told.insert(key, told.clone());
            return Some((202, told.to_string()));
        }
        Mood::Refuses => {
            let told = json!({"key": key, "status": "refused", "reference": "CORE-NO", "reason": "终端有未结算交易（示例）"});
            books.told.insert(key, told.clone());
            return Some((422, told.to_string()));
        }
        Mood::Well | Mood::Broken | Mood::Cut | Mood::Silent | Mood::Babbles | Mood::Confuses => {
            books.unbind(&key, &request);
        }
    }
    let told = books.told[&key].clone();
    drop(books);
    match mood {
        Mood::Broken => Some((500, told.to_string())),
        Mood::Cut => None,
        Mood::Silent => {
            let held = inner.held.lock().unwrap();
            drop(inner.let_go.wait_while(held, |held| *held).unwrap());
            Some((200, told.to_string()))
        }
        Mood::Babbles => Some((200, "<html>好的</html>".to_owned())),
        Mood::Confuses => {
            let mut other = told;
            other["terminals"] = json!([{"terminal_no": "99999999", "result": "unbound"}]);
            Some((200, other.to_string()))
        }
        Mood::Well | Mood::Pending | Mood::Refuses | Mood::Loses => Some((200, told.to_string())),
    }
}

fn look(inner: &Inner, headers: &Headers, key: &str) -> (u16, String) {
    let asked = *inner.asked.lock().unwrap();
    let mut books = inner.books.lock().unwrap();
    books.questions += 1;
    if !signed(headers, "query", key.as_bytes()) {
        books.forged += 1;
        return (401, "{}".to_owned());
    }
    match asked {
        Asked::Broken => (503, "{}".to_owned()),
        Asked::Nowhere => (404, "<html>not found</html>".to_owned()),
        Asked::Well => match books.told.get(key) {
            Some(told) => (200, told.to_string()),
            None => (404, json!({"key": key, "status": "never_seen"}).to_string()),
        },
    }
}
