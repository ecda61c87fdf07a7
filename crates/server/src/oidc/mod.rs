//! Sign-in by the organisation's own identity provider: OpenID Connect, code flow with PKCE. The desk holds the verifier
//! until the end, the server holds the client's secret, and only the server talks to the provider.

mod keys;
pub mod settings;
mod token;

use crate::sms::door::{Answer, Line};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use desk_domain::time::Millis;
use form_urlencoded::{Serializer, byte_serialize};
use keys::Key;
use reqwest::Url;
use serde::Deserialize;
use settings::{OidcSettings, Terms};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use token::{Doubt, Expected};
use tokio::sync::Mutex;

/// How long what the provider says of itself is believed.
const BELIEVED_MS: Millis = 3_600_000;
/// After an unknown key its keys are asked for anew, but not more often than this, whoever sends whatever.
const KEYS_AGAIN_MS: Millis = 10_000;
/// A provider that did not answer is left alone for so long.
const REST_MS: Millis = 3_000;
const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// Where a desk listens for the browser to come back, on a port of its own.
pub const RETURN_PATH: &str = "/signed-in";

/// Why a person cannot be signed in this way now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The provider does not answer, or not in the agreed words.
    Unavailable,
    /// It does not know the code.
    CodeRefused,
    /// Its token is not believed.
    Doubted,
}

/// The provider of this installation.
pub struct Provider {
    terms: Terms,
    discovery: Line,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    found: Option<Arc<Found>>,
    failed_at: Option<Millis>,
}

/// What the provider says of itself.
struct Found {
    authorize: Url,
    tokens: Line,
    key_set: Line,
    /// The secret goes into the body, where the provider takes it nowhere else.
    secret_in_body: bool,
    keys: Vec<Key>,
    at: Millis,
    /// When they were last asked for because a token named another one.
    keys_asked_at: Option<Millis>,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// One sign-in on its way.
pub struct Question<'a> {
    pub port: u16,
    pub state: &'a str,
    pub nonce: &'a str,
    pub challenge: &'a str,
}

/// What comes back, and what it must answer.
pub struct Reply<'a> {
    pub port: u16,
    pub code: &'a str,
    pub verifier: &'a str,
    pub nonce_hash: &'a [u8; 32],
}

impl Provider {
    /// None where none is connected. Nothing is sent yet.
    ///
    /// # Errors
    /// In words.
    pub fn open(settings: &OidcSettings) -> Result<Option<Self>, String> {
        let Some(terms) = settings.terms()? else {
            return Ok(None);
        };
        let address = format!("{}{WELL_KNOWN}", terms.issuer.trim_end_matches('/'));
        let discovery =
            Line::open(&address).map_err(|why| format!("issuer in --oidc-config: {why}"))?;
        Ok(Some(Self {
            terms,
            discovery,
            state: Mutex::default(),
        }))
    }

    pub fn issuer(&self) -> &str {
        &self.terms.issuer
    }

    /// Where the browser is sent.
    ///
    /// # Errors
    /// The provider is not there.
    pub async fn address(&self, question: &Question<'_>, now: Millis) -> Result<String, Trouble> {
        let found = self.found(now).await?;
        let mut url = found.authorize.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.terms.client_id)
            .append_pair("redirect_uri", &redirect(question.port))
            .append_pair("scope", &self.terms.scope)
            .append_pair("state", question.state)
            .append_pair("nonce", question.nonce)
            .append_pair("code_challenge", question.challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Exchanges the code and judges the token; the subject.
    ///
    /// # Errors
    /// Nobody is signed in by this code.
    pub async fn subject(&self, reply: &Reply<'_>, now: Millis) -> Result<String, Trouble> {
        let found = self.found(now).await?;
        let token = self.exchange(&found, reply).await?;
        let expected = Expected {
            issuer: &self.terms.issuer,
            client_id: &self.terms.client_id,
            algorithms: &self.terms.algorithms,
            nonce_hash: reply.nonce_hash,
            now,
        };
        let mut judged = token::judge(&token, &found.keys, &expected);
        if judged == Err(Doubt::UnknownKey) {
            // It may have changed its keys since: asked once, and not for every token that somebody makes up.
            let found = self.with_newer_keys(&found, now).await?;
            judged = token::judge(&token, &found.keys, &expected);
        }
        judged.map_err(|doubt| {
            tracing::warn!(?doubt, "an ID token is not believed");
            Trouble::Doubted
        })
    }

    async fn found(&self, now: Millis) -> Result<Arc<Found>, Trouble> {
        let mut state = self.state.lock().await;
        if let Some(found) = &state.found
            && now.saturating_sub(found.at) < BELIEVED_MS
        {
            return Ok(Arc::clone(found));
        }
        if let Some(failed_at) = state.failed_at
            && now.saturating_sub(failed_at) < REST_MS
        {
            return Err(Trouble::Unavailable);
        }
        match self.discover(now).await {
            Ok(found) => {
                let found = Arc::new(found);
                state.found = Some(Arc::clone(&found));
                state.failed_at = None;
                Ok(found)
            }
            Err(why) => {
                tracing::warn!(why, "the identity provider");
                state.failed_at = Some(now);
                Err(Trouble::Unavailable)
            }
        }
    }

    async fn discover(&self, now: Millis) -> Result<Found, &'static str> {
        let said = fetched(&self.discovery)
            .await
            .ok_or("discovery: no answer")?;
        let said: Metadata =
            serde_json::from_slice(&said).map_err(|_| "discovery: not the agreed JSON")?;
        if said.issuer != self.terms.issuer {
            return Err("discovery: it is another issuer's");
        }
        // The browser is sent there: the same care as for our own lines.
        Line::open(&said.authorization_endpoint)
            .map_err(|_| "discovery: authorization_endpoint")?;
        let authorize = Url::parse(&said.authorization_endpoint)
            .map_err(|_| "discovery: authorization_endpoint")?;
        let tokens = Line::open(&said.token_endpoint).map_err(|_| "discovery: token_endpoint")?;
        let key_set = Line::open(&said.jwks_uri).map_err(|_| "discovery: jwks_uri")?;
        let keys = fetched(&key_set).await.ok_or("keys: no answer")?;
        let keys = keys::read(&keys).ok_or("keys: not a key set")?;
        let methods = said.token_endpoint_auth_methods_supported;
        let basic = methods.is_none_or(|all| all.iter().any(|one| one == "client_secret_basic"));
        Ok(Found {
            authorize,
            tokens,
            key_set,
            secret_in_body: !basic,
            keys,
            at: now,
            keys_asked_at: None,
        })
    }

    async fn with_newer_keys(&self, old: &Arc<Found>, now: Millis) -> Result<Arc<Found>, Trouble> {
        let mut state = self.state.lock().await;
        let held = state.found.clone().ok_or(Trouble::Unavailable)?;
        let asked = held.keys_asked_at;
        let just_asked = asked.is_some_and(|at| now.saturating_sub(at) < KEYS_AGAIN_MS);
        if just_asked || !Arc::ptr_eq(&held, old) {
            return Ok(held);
        }
        let keys = fetched(&held.key_set).await.as_deref().and_then(keys::read);
        let keys = keys.ok_or(Trouble::Unavailable)?;
        let fresh = Arc::new(Found {
            authorize: held.authorize.clone(),
            tokens: held.tokens.clone(),
            key_set: held.key_set.clone(),
            secret_in_body: held.secret_in_body,
            keys,
            at: held.at,
            keys_asked_at: Some(now),
        });
        state.found = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    async fn exchange(&self, found: &Found, reply: &Reply<'_>) -> Result<String, Trouble> {
        let (headers, body) = self.token_request(found, reply);
        match found.tokens.post(None, &headers, body).await {
            Ok(Answer { status: 200, body }) => serde_json::from_slice::<Tokens>(&body)
                .map(|tokens| tokens.id_token)
                .map_err(|_| Trouble::Unavailable),
            Ok(Answer { status: 400, .. }) => Err(Trouble::CodeRefused),
            Ok(Answer { status, .. }) => {
                tracing::warn!(status, "the identity provider exchanges no code");
                Err(Trouble::Unavailable)
            }
            Err(_) => Err(Trouble::Unavailable),
        }
    }

    fn token_request(
        &self,
        found: &Found,
        reply: &Reply<'_>,
    ) -> (Vec<(&'static str, String)>, Vec<u8>) {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", reply.code)
            .append_pair("redirect_uri", &redirect(reply.port))
            .append_pair("client_id", &self.terms.client_id)
            .append_pair("code_verifier", reply.verifier);
        let form_type = "application/x-www-form-urlencoded".to_owned();
        let mut headers = vec![
            ("content-type", form_type),
            ("accept", "application/json".to_owned()),
        ];
        if let Some(secret) = &self.terms.secret {
            let secret = String::from_utf8_lossy(secret.bytes());
            if found.secret_in_body {
                form.append_pair("client_secret", &secret);
            } else {
                headers.push(("authorization", basic(&self.terms.client_id, &secret)));
            }
        }
        (headers, form.finish().into_bytes())
    }
}

async fn fetched(line: &Line) -> Option<Vec<u8>> {
    let headers = [("accept", "application/json".to_owned())];
    let answer = line.fetch(&headers).await.ok()?;
    (answer.status == 200).then_some(answer.body)
}

/// True when the verifier is the one whose challenge was sent before (RFC 7636, S256).
pub fn answers(verifier: &str, challenge: &str) -> bool {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == challenge
}

fn redirect(port: u16) -> String {
    format!("http://127.0.0.1:{port}{RETURN_PATH}")
}

/// RFC 6749, 2.3.1: both halves as in a form, then together in base64.
fn basic(id: &str, secret: &str) -> String {
    let formed = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", formed(id), formed(secret));
    format!("Basic {}", STANDARD.encode(both))
}
