//! Somebody else's system on loopback that hears of cases. It checks signatures by its own reckoning, tells repetitions by
//! their id, and can be told to be busy, gone or silent, or to send the server elsewhere.

use super::{HERE, TestOffice};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::ids::{OfficeCode, WebhookId};
use desk_server::repo::delivery_log::{self, Delivery};
use desk_server::repo::webhooks::{self, Endpoint, NewEndpoint};
use desk_server::run::House;
use desk_server::webhooks::address::Reach;
use desk_server::webhooks::events;
use desk_server::webhooks::signing::HookSecret;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Status(u16),
    /// 503, to be left alone for so many seconds.
    Busy(u32),
    /// 302 to a place of its own.
    Elsewhere,
    /// 200 with a body that never ends.
    Endless,
    /// Nothing, ever.
    Silence,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub path: String,
    pub id: String,
    pub timestamp: i64,
    /// Without `v1,`, base64.
    pub signatures: Vec<String>,
    pub body: String,
}

impl Heard {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// True when one of its signatures is made with that secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").unwrap())
            .unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let expected = STANDARD.encode(mac.finalize().into_bytes());
        self.signatures.contains(&expected)
    }
}

struct Inner {
    answer: Mutex<Answer>,
    heard: Mutex<Vec<Heard>>,
}

pub struct Receiver {
    inner: Arc<Inner>,
    pub addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl Receiver {
    pub fn start() -> Self {
        let inner = Arc::new(Inner {
            answer: Mutex::new(Answer::Status(204)),
            heard: Mutex::default(),
        });
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            inner,
            addr,
            runtime: Some(runtime),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?token=abc", self.addr)
    }

    pub fn answers(&self, answer: Answer) {
        *self.inner.answer.lock().unwrap() = answer;
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.inner.heard.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn take(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 65_536).await.unwrap_or_default();
    inner
        .heard
        .lock()
        .unwrap()
        .push(understood(parts.uri.to_string(), &parts.headers, &body));
    let answer = *inner.answer.lock().unwrap();
    match answer {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Busy(seconds) => {
            let wait = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::SERVICE_UNAVAILABLE, wait).into_response()
        }
        Answer::Elsewhere => {
            (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Answer::Endless => {
            let parts = futures_util::stream::repeat_with(|| {
                Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; 65_536]))
            });
            axum::body::Body::from_stream(parts).into_response()
        }
        Answer::Silence => std::future::pending().await,
    }
}

fn understood(path: String, headers: &HeaderMap, body: &Bytes) -> Heard {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("content-type"), "application/json");
    let signatures = text("webhook-signature");
    let one = |part: &str| part.strip_prefix("v1,").unwrap().to_owned();
    Heard {
        path,
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp").parse().unwrap(),
        signatures: signatures.split(' ').map(one).collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// Lets an office's webhooks go to this machine, from its next start on.
pub fn allow(office: &mut TestOffice) {
    office.config.webhooks.reach = Reach::Private;
    office.restart();
}

/// An endpoint of [`HERE`] that wants everything; with its secret as people copy it.
pub fn add(house: &House, url: &str) -> (WebhookId, String) {
    add_to(house, &here(), url)
}

pub fn add_to(house: &House, office: &OfficeCode, url: &str) -> (WebhookId, String) {
    let chance = house.rules.chance.as_ref();
    let now = house.rules.clock.now();
    let (id, secret) = (WebhookId::new(now, chance), HookSecret::random(chance));
    let new = NewEndpoint {
        office: office.clone(),
        id,
        url: url.to_owned(),
        events: events::names().map(str::to_owned).collect(),
        secret: house
            .bundles
            .keys
            .webhooks()
            .seal(id, &secret, chance)
            .unwrap(),
        made_by: None,
    };
    let added = house
        .repo
        .write_blocking(move |conn| webhooks::add(conn, &new, now))
        .unwrap();
    assert_eq!(added, webhooks::Added::Yes);
    (id, secret.text().to_string())
}

pub fn here() -> OfficeCode {
    OfficeCode::parse(HERE).unwrap()
}

pub fn endpoint(house: &House, id: WebhookId) -> Endpoint {
    let read = |conn: &_| webhooks::find(conn, id);
    house.repo.read_blocking(read).unwrap().unwrap()
}

/// The log of an endpoint, oldest first.
pub fn log(house: &House, id: WebhookId) -> Vec<Delivery> {
    let read = |conn: &_| delivery_log::newest(conn, (&here(), id), 1000);
    let mut all = house.repo.read_blocking(read).unwrap();
    all.reverse();
    all
}
