//! A canary flies through everything that a desk can send; it must not be heard in what the server says of itself.

use crate::support::calls::{form, line};
use crate::support::{HERE, call, office};
use desk_domain::field::FieldKey;
use desk_domain::op::Op;
use serde_json::value::RawValue;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

const NAME: &str = "金丝雀";
const PHONE: &str = "13800007788";

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Heard {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn no_log_line_no_problem_and_no_document_holds_personal_data() {
    let heard = Heard::default();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(heard.clone())
        .finish();
    tracing::subscriber::set_global_default(log).unwrap();
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let ops = vec![
        create,
        desk.set(case, FieldKey::LegalName, NAME, None),
        desk.set(case, FieldKey::CallerPhone, PHONE, None),
        desk.set(case, FieldKey::CallerPhone, "13800007788canary", None),
        desk.note(case, NAME),
        Op {
            body: RawValue::from_string(format!("{{\"text\":[\"{NAME}\"]}}")).unwrap(),
            ..desk.note(case, "")
        },
    ];
    let batch = desk.chain(ops);
    assert_eq!(desk.push(&batch).status, 200);
    let mut said = String::new();
    let broken = format!(r#"{{"device":"{NAME}","login":"{PHONE}"}}"#);
    for path in [
        "/v1/session",
        "/v1/session/invited",
        "/v1/enrol",
        "/v1/sync/push",
        "/v1/documents",
    ] {
        said += &desk.send("POST", path, broken.as_bytes()).text();
    }
    let hook = line(&office, HERE);
    for call in ["A-1", PHONE, ""] {
        let event = format!(
            "event=newCall&direction=in&callId={call}&from={PHONE}&to=1&user[]={PHONE}&cause={PHONE}"
        );
        let reply = form(&office, &hook, &event);
        assert!([200, 422].contains(&reply.status));
        said += &reply.text();
    }
    said += &form(&office, &format!("/hooks/cti/{PHONE}"), "").text();
    assert_eq!(desk.get("/v1/calls?cursor=0").status, 200);
    said += &desk.sign_in(PHONE, NAME).text();
    said += &desk.redeem(PHONE, &NAME.repeat(4), None).text();
    said += &desk.get(&format!("/v1/documents/{PHONE}")).text();
    said += &call(office.addr(), "GET", "/openapi.json", &[], b"").text();
    assert!(said.contains("request.bad_json") && said.contains("openapi"));
    drop(office);
    let logged = String::from_utf8(heard.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("refused"), "the log is being heard");
    for canary in [NAME, PHONE] {
        assert!(!said.contains(canary), "{canary} in a reply");
        assert!(!logged.contains(canary), "{canary} in the log");
    }
}
