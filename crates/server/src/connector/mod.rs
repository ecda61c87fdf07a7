//! The way to the acquirer's core system, where approved cases of some offices are executed by the server itself. What is
//! to be asked stands in [`crate::repo::executions`]; here it is signed, sent once, and its answer read. When to ask again
//! is decided there, and never here.

pub mod answer;
pub mod scope;
pub mod settings;
pub mod signing;

use crate::error::ServerError;
use crate::sms::door::{Answer, Line, Lost};
use crate::sms::settings::Secret;
use answer::{Misfit, Told};
use clap::ValueEnum;
use desk_domain::ids::ExecutionId;
use desk_domain::time::Millis;
use scope::Scope;
use settings::ConnectorSettings;
use signing::{Purpose, seconds};

/// Headers of requests and of callbacks.
pub const TIMESTAMP: &str = "x-desk-timestamp";
pub const SIGNATURE: &str = "x-desk-signature";
const KEY_ID: &str = "x-desk-key-id";
const IDEMPOTENCY: &str = "idempotency-key";
/// Beyond the core system's own time: a node that was silent for so long has died.
const LEASE_SPARE_MS: Millis = 60_000;

/// Who executes approved cases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ConnectorKind {
    /// Operators, by hand.
    #[default]
    None,
    /// The server, by HTTP, for the offices that --connector-config names; operators for the others.
    Http,
}

/// An open connector.
pub struct Connector {
    line: Line,
    key_id: String,
    secret: Secret,
    pub scope: Scope,
    pub terms: Terms,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// A node keeps a request for so long.
    pub lease_ms: Millis,
    /// Without a clear word for so long, the result is unknown.
    pub unknown_after_ms: Millis,
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// A clear word about this request.
    Told(Told),
    /// No connection came to be: nothing left this machine.
    Unsent,
    /// Nothing that says what happened.
    Unclear { code: String },
}

impl Connector {
    /// Opens it; nothing is sent yet. None when operators do everything by hand.
    ///
    /// # Errors
    /// A setting is missing or not understood; its name is in the words, its value is not.
    pub fn open(
        kind: ConnectorKind,
        settings: &ConnectorSettings,
    ) -> Result<Option<Self>, ServerError> {
        match kind {
            ConnectorKind::None => Ok(None),
            ConnectorKind::Http => Self::http(settings)
                .map(Some)
                .map_err(|why| ServerError::Usage(format!("--connector http: {why}"))),
        }
    }

    fn http(settings: &ConnectorSettings) -> Result<Self, String> {
        let (key_id, secret) = settings.key()?;
        let within = settings.timeout()?;
        let line = Line::open(settings.url()?)
            .map_err(|why| format!("url in --connector-config: {why}"))?;
        let spent = Millis::try_from(within.as_millis()).unwrap_or(Millis::MAX);
        Ok(Self {
            line: line.patient(Some(within)),
            key_id,
            secret,
            scope: settings.scope()?,
            terms: Terms {
                lease_ms: spent.saturating_add(LEASE_SPARE_MS),
                unknown_after_ms: settings.unknown_after_ms()?,
            },
        })
    }

    /// Asks for the unbind, once.
    pub async fn execute(&self, key: ExecutionId, request: &str, now: Millis) -> Heard {
        let body = request.as_bytes();
        let mut headers = self.headers(Purpose::Execute, now, body);
        headers.push((IDEMPOTENCY, key.to_string()));
        headers.push(("content-type", "application/json".to_owned()));
        match self.line.post(None, &headers, body.to_vec()).await {
            Ok(answer) => match understood(&answer, key) {
                // To have never seen what is just being shown is no answer.
                Heard::Told(Told::NeverSeen) => unclear(Misfit::Shape.as_str()),
                heard @ (Heard::Told(_) | Heard::Unsent | Heard::Unclear { .. }) => heard,
            },
            Err(Lost::Unheard) => Heard::Unsent,
            Err(Lost::Unanswered) => unclear("core.no_answer"),
        }
    }

    /// Asks what became of a request.
    pub async fn query(&self, key: ExecutionId, now: Millis) -> Heard {
        let name = key.to_string();
        let headers = self.headers(Purpose::Query, now, name.as_bytes());
        match self.line.get(&name, &headers).await {
            Ok(answer) => understood(&answer, key),
            Err(Lost::Unheard) => unclear("core.unreachable"),
            Err(Lost::Unanswered) => unclear("core.no_answer"),
        }
    }

    /// True when the core system has signed this callback.
    pub fn signed(&self, at_s: i64, body: &[u8], claimed: &str) -> bool {
        signing::holds(&self.secret, Purpose::Callback, at_s, body, claimed)
    }

    fn headers(&self, purpose: Purpose, now: Millis, body: &[u8]) -> Vec<(&'static str, String)> {
        let at = seconds(now);
        vec![
            (KEY_ID, self.key_id.clone()),
            (TIMESTAMP, at.to_string()),
            (SIGNATURE, signing::sign(&self.secret, purpose, at, body)),
        ]
    }
}

/// The status says whether the body may be believed, the body says what happened: a proxy's 404 is not the core system's
/// "never seen", and a fault's words may be about anything.
fn understood(answer: &Answer, key: ExecutionId) -> Heard {
    if answer.status == 408 || answer.status == 429 || answer.status >= 500 {
        return unclear(&format!("http.{}", answer.status));
    }
    match answer::read(&answer.body) {
        Ok((named, told)) if named == key => Heard::Told(told),
        Ok(_) => unclear(Misfit::Key.as_str()),
        Err(Misfit::Shape) if answer.status >= 300 => unclear(&format!("http.{}", answer.status)),
        Err(misfit) => unclear(misfit.as_str()),
    }
}

fn unclear(code: &str) -> Heard {
    Heard::Unclear {
        code: code.to_owned(),
    }
}
