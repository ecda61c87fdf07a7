//! A core system on loopback, in the format of the execution connector. It checks signatures by its own reckoning, does what
//! it is told, and has moods. The office tests of the server have this file too: it needs nothing of the house.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);
/// The format has no longer one.
const LONGEST_BODY: usize = 64 * 1024;

/// What it does with a request to unbind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    /// Does it and says so.
    Well,
    /// Takes it and does it later, when it is told to.
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

/// Chooses the mood for each request.
pub type Moods = Box<dyn FnMut() -> Mood + Send>;
/// Hears, in a line each, what is done.
pub type Say = Box<dyn Fn(&str) + Send + Sync>;

/// How it begins.
pub struct Setup {
    pub listen: SocketAddr,
    pub key_id: String,
    pub secret: String,
    /// A request that comes twice is done once. Tests leave it out and see how often it came.
    pub idempotent: bool,
    /// In place of one mood for all.
    pub moods: Option<Moods>,
    pub say: Say,
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
    key_id: String,
    secret: String,
    idempotent: bool,
    moods: Mutex<Option<Moods>>,
    say: Say,
    mood: Mutex<Mood>,
    asked: Mutex<Asked>,
    books: Mutex<Books>,
    held: Mutex<bool>,
    let_go: Condvar,
    closing: AtomicBool,
}

/// It runs until it is dropped.
pub struct Core {
    inner: Arc<Inner>,
    pub addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub fn open(setup: Setup) -> std::io::Result<Self> {
        let listener = TcpListener::bind(setup.listen)?;
        let addr = listener.local_addr()?;
        let inner = Arc::new(Inner {
            key_id: setup.key_id,
            secret: setup.secret,
            idempotent: setup.idempotent,
            moods: Mutex::new(setup.moods),
            say: setup.say,
            mood: Mutex::new(Mood::Well),
            asked: Mutex::new(Asked::Well),
            books: Mutex::default(),
            held: Mutex::new(true),
            let_go: Condvar::new(),
            closing: AtomicBool::new(false),
        });
        let mine = Arc::clone(&inner);
        let thread = std::thread::spawn(move || accept(&listener, &mine));
        Ok(Self {
            inner,
            addr,
            thread: Some(thread),
        })
    }

    pub fn set(&self, mood: Mood) {
        *lock(&self.inner.mood) = mood;
    }

    pub fn set_asked(&self, asked: Asked) {
        *lock(&self.inner.asked) = asked;
    }

    /// Silence ends, for good.
    pub fn let_go(&self) {
        *lock(&self.inner.held) = false;
        self.inner.let_go.notify_all();
    }

    /// Requests that came, all keys together.
    pub fn posts(&self) -> usize {
        lock(&self.inner.books)
            .requests
            .values()
            .map(Vec::len)
            .sum()
    }

    /// Keys that came.
    pub fn keys(&self) -> Vec<String> {
        lock(&self.inner.books).requests.keys().cloned().collect()
    }

    /// Keys that were taken for later and are not done.
    pub fn pending(&self) -> Vec<String> {
        let books = lock(&self.inner.books);
        let waits = |told: &Value| told["status"] == "pending";
        let keys = books.told.iter().filter(|(_, told)| waits(told));
        keys.map(|(key, _)| key.clone()).collect()
    }

    /// The requests under a key.
    pub fn requests(&self, key: &str) -> Vec<Value> {
        let books = lock(&self.inner.books);
        books.requests.get(key).cloned().unwrap_or_default()
    }

    pub fn questions(&self) -> u32 {
        lock(&self.inner.books).questions
    }

    /// Requests and questions whose signature was wrong.
    pub fn forged(&self) -> u32 {
        lock(&self.inner.books).forged
    }

    /// How often each thing was unbound.
    pub fn unbound(&self) -> BTreeMap<String, u32> {
        lock(&self.inner.books).unbound.clone()
    }

    /// What it says of a key.
    pub fn told(&self, key: &str) -> Value {
        let books = lock(&self.inner.books);
        books.told.get(key).cloned().unwrap_or_default()
    }

    /// Does what it had taken for later.
    pub fn finish(&self, key: &str) -> Value {
        let mut books = lock(&self.inner.books);
        let requests = books.requests.get(key).cloned().unwrap_or_default();
        if let Some(request) = requests.first() {
            books.unbind(key, request);
        }
        books.told.get(key).cloned().unwrap_or_default()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        self.let_go();
        // Wakes the one who accepts.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The signature of a word of the format, at a second, over a body; empty for a key that cannot be one.
pub fn signature(secret: &str, word: &str, at_s: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{word}.{at_s}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

impl Books {
    fn unbind(&mut self, key: &str, request: &Value) {
        let numbers = request["terminals"].as_array().cloned().unwrap_or_default();
        let mut terminals = Vec::new();
        for number in &numbers {
            let name = number.as_str().unwrap_or_default().to_owned();
            self.count(name);
            terminals
                .push(json!({"terminal_no": number, "result": "unbound", "evidence": "示例回执"}));
        }
        self.count(request["serial"].as_str().unwrap_or_default().to_owned());
        let told = json!({"key": key, "status": "done", "reference": format!("CORE-{key}"),
            "evidence": "示例受理", "terminals": terminals});
        self.told.insert(key.to_owned(), told);
    }

    fn count(&mut self, thing: String) {
        let times = self.unbound.entry(thing).or_default();
        *times = times.saturating_add(1);
    }
}

fn accept(listener: &TcpListener, inner: &Arc<Inner>) {
    let mut busy: Vec<JoinHandle<()>> = Vec::new();
    for socket in listener.incoming() {
        if inner.closing.load(Ordering::SeqCst) {
            break;
        }
        busy.retain(|one| !one.is_finished());
        let Ok(socket) = socket else { continue };
        let mine = Arc::clone(inner);
        busy.push(std::thread::spawn(move || answer(socket, &mine)));
    }
    for one in busy {
        let _ = one.join();
    }
}

/// One request a connection; `None` cuts it.
fn answer(mut socket: TcpStream, inner: &Inner) {
    let Some((head, headers, body)) = read(&mut socket) else {
        return;
    };
    let path = head.split(' ').nth(1).unwrap_or_default();
    let told = if head.starts_with("POST ") {
        take(inner, &headers, &body)
    } else {
        let key = path.rsplit('/').next().unwrap_or_default();
        Some(look(inner, &headers, key))
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
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
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
    let length = headers.get("content-length").map_or("0", String::as_str);
    let length: usize = length.parse().ok().filter(|long| *long <= LONGEST_BODY)?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, headers, body))
}

fn header<'a>(headers: &'a Headers, name: &str) -> &'a str {
    headers.get(name).map_or("", String::as_str)
}

fn signed(inner: &Inner, headers: &Headers, word: &str, body: &[u8]) -> bool {
    let Ok(at_s) = header(headers, "x-desk-timestamp").parse() else {
        return false;
    };
    header(headers, "x-desk-signature") == signature(&inner.secret, word, at_s, body)
        && header(headers, "x-desk-key-id") == inner.key_id
}

fn take(inner: &Inner, headers: &Headers, body: &[u8]) -> Option<(u16, String)> {
    let mut books = lock(&inner.books);
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let key = header(headers, "idempotency-key").to_owned();
    if !signed(inner, headers, "execute", body) || request["key"] != key.as_str() {
        books.forged = books.forged.saturating_add(1);
        (inner.say)("execute: the signature is wrong");
        return Some((401, "{}".to_owned()));
    }
    let requests = books.requests.entry(key.clone()).or_default();
    requests.push(request.clone());
    if let Some(told) = books.told.get(&key).filter(|_| inner.idempotent) {
        (inner.say)(&format!("execute {key}: known already"));
        return Some((200, told.to_string()));
    }
    let mood = match lock(&inner.moods).as_mut() {
        Some(choose) => choose(),
        None => *lock(&inner.mood),
    };
    (inner.say)(&format!("execute {key}: {}", mood.in_words()));
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
    let told = books.told.get(&key).cloned().unwrap_or_default();
    drop(books);
    after(inner, mood, told)
}

/// What is answered once it is done.
fn after(inner: &Inner, mood: Mood, told: Value) -> Option<(u16, String)> {
    match mood {
        Mood::Broken => Some((500, told.to_string())),
        Mood::Cut => None,
        Mood::Silent => {
            let held = lock(&inner.held);
            drop(inner.let_go.wait_while(held, |held| *held));
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

impl Mood {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Well => "done",
            Self::Pending => "taken for later",
            Self::Refuses => "refused",
            Self::Broken => "done, and answered by 500",
            Self::Cut => "done, and the connection cut",
            Self::Silent => "done, and nothing said",
            Self::Loses => "lost, and answered by 500",
            Self::Babbles => "done, and answered in other words",
            Self::Confuses => "done, and another terminal named",
        }
    }
}

fn look(inner: &Inner, headers: &Headers, key: &str) -> (u16, String) {
    let asked = *lock(&inner.asked);
    let mut books = lock(&inner.books);
    books.questions = books.questions.saturating_add(1);
    if !signed(inner, headers, "query", key.as_bytes()) {
        books.forged = books.forged.saturating_add(1);
        (inner.say)("query: the signature is wrong");
        return (401, "{}".to_owned());
    }
    let never = json!({"key": key, "status": "never_seen"});
    let told = books.told.get(key);
    let status = told.unwrap_or(&never)["status"].as_str();
    (inner.say)(&format!("query {key}: {}", status.unwrap_or_default()));
    match asked {
        Asked::Broken => (503, "{}".to_owned()),
        Asked::Nowhere => (404, "<html>not found</html>".to_owned()),
        Asked::Well => match told {
            Some(told) => (200, told.to_string()),
            None => (404, never.to_string()),
        },
    }
}
