//! A provider of messages on loopback. It checks signatures by its own reckoning, refuses like the real ones, and can be
//! told to be busy, broken or silent; it posts delivery reports when a test says so.

use super::{TestOffice, call};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk_server::gateway::GatewayKind;
use desk_server::repo::sql::Connection;
use desk_server::repo::{receipts, system};
use desk_server::sms::settings::{Secret, SmsFile, SmsSettings};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub const KEY_ID: &str = "AKFAKEFAKE";
pub const SECRET: &str = "not-a-real-secret";
const TEMPLATES: [&str; 7] = [
    "one_time_code",
    "upload_link",
    "done",
    "rejected",
    "need_more",
    "cooling_off",
    "cooling_off_call",
];

/// What the provider does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    Well,
    /// Refuses so many for being too many, then is well.
    Busy(u32),
    /// 500 to everything, having taken it.
    Broken,
    /// Takes it and never answers.
    Silent,
    /// Knows the number as one that wants no messages.
    Refuses,
}

/// One message as the provider understood it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Got {
    pub id: String,
    pub phone: String,
    pub template: String,
    pub values: Vec<String>,
}

struct Inner {
    kind: GatewayKind,
    mood: Mutex<Mood>,
    got: Mutex<Vec<Got>>,
    /// Requests whose signature was wrong.
    forged: Mutex<u32>,
}

pub struct Provider {
    inner: Arc<Inner>,
    addr: SocketAddr,
    runtime: Option<Runtime>,
}

impl Provider {
    pub fn start(kind: GatewayKind) -> Self {
        let inner = Arc::new(Inner {
            kind,
            mood: Mutex::new(Mood::Well),
            got: Mutex::default(),
            forged: Mutex::default(),
        });
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inner));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            inner,
            addr,
            runtime: Some(runtime),
        }
    }

    /// What an office that uses it is told.
    pub fn settings(&self) -> SmsSettings {
        let named = |name: &str| (name.to_owned(), format!("SMS_{name}"));
        let body = json!({"to": "{phone}", "ref": "{id}", "t": "{template}", "text": "{text}"});
        SmsSettings {
            file: SmsFile {
                brand: Some("样例服务台".to_owned()),
                endpoint: Some(format!("http://{}/", self.addr)),
                app_id: Some("1400000000".to_owned()),
                templates: TEMPLATES.map(named).into(),
                url: Some(format!("http://{}/send", self.addr)),
                body: Some(body.to_string()),
                signature_header: Some("x-signature".to_owned()),
                id_at: Some("/msg/id".to_owned()),
                ..SmsFile::default()
            },
            key_id: KEY_ID.to_owned(),
            secret: Secret::new(SECRET),
            // Long: a slow machine must not make a good answer look like none.
            within: Some(Duration::from_mins(1)),
        }
    }

    pub fn set(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    pub fn got(&self) -> Vec<Got> {
        self.inner.got.lock().unwrap().clone()
    }

    pub fn forged(&self) -> u32 {
        *self.inner.forged.lock().unwrap()
    }

    /// Posts the report of one message, as this provider words it; by our id or by its own.
    pub fn report(&self, office: &TestOffice, got: &Got, delivered: bool, by_ours: bool) {
        let (ours, theirs) = if by_ours {
            (Some(got.id.clone()), None)
        } else {
            (None, Some(serial_of(&got.id)))
        };
        let report = match self.inner.kind {
            GatewayKind::Aliyun => json!({"phone_number": got.phone, "success": delivered,
                "err_code": if delivered { "DELIVERED" } else { "MK:0001" }, "biz_id": theirs, "out_id": ours}),
            GatewayKind::Tencent => json!({"mobile": got.phone, "nationcode": "86",
                "report_status": if delivered { "SUCCESS" } else { "FAIL" }, "errmsg": "MK:0001", "sid": theirs, "ext": ours}),
            GatewayKind::Http | GatewayKind::Log | GatewayKind::None => {
                json!({"id": ours, "provider_id": theirs, "delivered": delivered, "code": "MK:0001"})
            }
        };
        let token = |conn: &Connection| system::note(conn, receipts::TOKEN);
        let token = office.house().repo.read_blocking(token).unwrap().unwrap();
        let path = format!("/hooks/sms/{}/{token}", self.inner.kind.as_str());
        let body = json!([report]).to_string();
        let reply = call(office.addr(), "POST", &path, &[], body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The provider's own number of a message.
fn serial_of(id: &str) -> String {
    format!("serial-{id}")
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 65_536).await.unwrap_or_default();
    let headers: BTreeMap<String, String> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let expected = match inner.kind {
        GatewayKind::Aliyun => acs3(&headers, &query, &body),
        GatewayKind::Tencent => tc3(&headers, &body),
        GatewayKind::Http | GatewayKind::Log | GatewayKind::None => {
            hex::encode(mac(SECRET.as_bytes(), &body))
        }
    };
    let claimed = match inner.kind {
        GatewayKind::Aliyun | GatewayKind::Tencent => headers.get("authorization"),
        GatewayKind::Http | GatewayKind::Log | GatewayKind::None => headers.get("x-signature"),
    };
    if claimed != Some(&expected) {
        *inner.forged.lock().unwrap() += 1;
        return refuse(
            inner.kind,
            "SignatureDoesNotMatch",
            "AuthFailure.SignatureFailure",
        );
    }
    let got = understood(inner.kind, &query, &body);
    let mood = *inner.mood.lock().unwrap();
    match mood {
        Mood::Busy(left) if left > 0 => {
            *inner.mood.lock().unwrap() = Mood::Busy(left - 1);
            return refuse(inner.kind, "Throttling.User", "RequestLimitExceeded");
        }
        Mood::Refuses => {
            let code = "isv.MOBILE_NUMBER_ILLEGAL";
            return refuse(inner.kind, code, "FailedOperation.PhoneNumberInBlacklist");
        }
        Mood::Well | Mood::Busy(_) | Mood::Broken | Mood::Silent => {}
    }
    let serial = serial_of(&got.id);
    inner.got.lock().unwrap().push(got);
    match mood {
        Mood::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Silent => std::future::pending().await,
        Mood::Well | Mood::Busy(_) | Mood::Refuses => {
            let said = match inner.kind {
                GatewayKind::Aliyun => json!({"Code": "OK", "BizId": serial, "RequestId": "x"}),
                GatewayKind::Tencent => json!({"Response": {"RequestId": "x",
                    "SendStatusSet": [{"Code": "Ok", "SerialNo": serial, "Fee": 1}]}}),
                GatewayKind::Http | GatewayKind::Log | GatewayKind::None => {
                    json!({"msg": {"id": serial}})
                }
            };
            said.to_string().into_response()
        }
    }
}

fn refuse(kind: GatewayKind, aliyun: &str, tencent: &str) -> Response {
    match kind {
        GatewayKind::Aliyun => json!({"Code": aliyun}).to_string().into_response(),
        GatewayKind::Tencent => {
            let error = json!({"Response": {"Error": {"Code": tencent, "Message": "m"}}});
            error.to_string().into_response()
        }
        _ if aliyun.starts_with("Throttling") => StatusCode::TOO_MANY_REQUESTS.into_response(),
        GatewayKind::Http | GatewayKind::Log | GatewayKind::None => {
            StatusCode::FORBIDDEN.into_response()
        }
    }
}

fn understood(kind: GatewayKind, query: &str, body: &Bytes) -> Got {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    if kind == GatewayKind::Aliyun {
        let pairs: BTreeMap<String, String> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        let values: BTreeMap<String, String> =
            serde_json::from_str(&pairs["TemplateParam"]).unwrap();
        return Got {
            id: pairs["OutId"].clone(),
            phone: pairs["PhoneNumbers"].clone(),
            template: pairs["TemplateCode"].clone(),
            values: values.into_values().collect(),
        };
    }
    if kind == GatewayKind::Tencent {
        let values = json["TemplateParamSet"].as_array().unwrap();
        return Got {
            id: text(&json["SessionContext"]),
            phone: text(&json["PhoneNumberSet"][0]).replace("+86", ""),
            template: text(&json["TemplateId"]),
            values: values.iter().map(text).collect(),
        };
    }
    Got {
        id: text(&json["ref"]),
        phone: text(&json["to"]),
        template: text(&json["t"]),
        values: vec![text(&json["text"])],
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.extend(hex::decode(digits).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn sha(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Each signed header on a line, from what came over the wire.
fn lines(headers: &BTreeMap<String, String>, names: &str) -> String {
    let line = |name: &str| format!("{name}:{}\n", headers[name]);
    names.split(';').map(line).collect()
}

fn acs3(headers: &BTreeMap<String, String>, query: &str, body: &[u8]) -> String {
    let names =
        "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
    let sorted = query.split('&').is_sorted();
    if !sorted
        || headers["x-acs-content-sha256"] != sha(body)
        || headers["x-acs-action"] != "SendSms"
    {
        return "not canonical".to_owned();
    }
    let request = format!(
        "POST\n/\n{query}\n{}\n{names}\n{}",
        lines(headers, names),
        sha(body)
    );
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha(request.as_bytes()));
    let signature = hex::encode(mac(SECRET.as_bytes(), to_sign.as_bytes()));
    format!("ACS3-HMAC-SHA256 Credential={KEY_ID},SignedHeaders={names},Signature={signature}")
}

fn tc3(headers: &BTreeMap<String, String>, body: &[u8]) -> String {
    let names = "content-type;host";
    let seconds: i64 = headers["x-tc-timestamp"].parse().unwrap();
    let day = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let day = day.format("%Y-%m-%d").to_string();
    let request = format!(
        "POST\n/\n\n{}\n{names}\n{}",
        lines(headers, names),
        sha(body)
    );
    let scope = format!("{day}/sms/tc3_request");
    let to_sign = format!(
        "TC3-HMAC-SHA256\n{seconds}\n{scope}\n{}",
        sha(request.as_bytes())
    );
    let key = mac(format!("TC3{SECRET}").as_bytes(), day.as_bytes());
    let key = mac(&mac(&key, b"sms"), b"tc3_request");
    let signature = hex::encode(mac(&key, to_sign.as_bytes()));
    format!(
        "TC3-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
}
