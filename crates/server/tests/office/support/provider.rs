//! An identity provider on loopback: it signs with keys of its own, knows each code once, checks the verifier by its own
//! reckoning, and lies where a test asks it to.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use desk_domain::time::Millis;
use desk_server::oidc::settings::{OidcFile, OidcSettings};
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub const CLIENT: &str = "unbind-desk";
pub const SECRET: &str = "a fake client secret: not+for/use";

/// How a token is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    Es256,
    /// `alg: none`, and no signature.
    None,
    /// HMAC with the public key as the secret.
    Hs256,
    /// By a key that the provider does not publish, under the name of one that it does.
    Stranger,
}

struct Given {
    challenge: String,
    redirect: String,
    nonce: String,
    subject: String,
}

pub struct State {
    pub issuer: String,
    keys: Vec<(String, EcdsaKeyPair)>,
    published: usize,
    codes: BTreeMap<String, Given>,
    /// Codes that were ever given.
    given: u32,
    /// Put over the claims of every token.
    pub claims: Value,
    pub signing: Signing,
    pub now: Millis,
    /// Answers 503 to everything.
    pub down: bool,
    /// What discovery says its issuer is.
    pub says_issuer: Option<String>,
    pub key_fetches: u32,
    pub exchanges: u32,
}

#[derive(Clone)]
pub struct Provider {
    state: Arc<Mutex<State>>,
}

fn key() -> EcdsaKeyPair {
    let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap()
}

fn in_base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    pub fn start(now: Millis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let state = State {
            issuer: format!("http://{addr}/realm"),
            keys: vec![("first".to_owned(), key())],
            published: 1,
            codes: BTreeMap::new(),
            given: 0,
            claims: json!({}),
            signing: Signing::Es256,
            now,
            down: false,
            says_issuer: None,
            key_fetches: 0,
            exchanges: 0,
        };
        let provider = Self {
            state: Arc::new(Mutex::new(state)),
        };
        let serving = provider.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serving.answer(stream.unwrap());
            }
        });
        provider
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `serve` would read of it.
    pub fn settings(&self) -> OidcSettings {
        let file = OidcFile {
            issuer: self.state().issuer.clone(),
            client_id: CLIENT.to_owned(),
            algorithms: vec!["ES256".to_owned(), "RS256".to_owned()],
            ..OidcFile::default()
        };
        OidcSettings {
            file: Some(file),
            secret: desk_server::sms::settings::Secret::new(SECRET),
        }
    }

    /// A person signs in at the address that a browser was sent to; the code that it brings back.
    pub fn person(&self, address: &str, subject: &str) -> String {
        let url = reqwest::Url::parse(address).unwrap();
        assert_eq!(url.path(), "/realm/authorize");
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["scope"], "openid");
        let mut state = self.state();
        state.given += 1;
        let code = format!("code-{}", state.given);
        let given = Given {
            challenge: asked["code_challenge"].clone(),
            redirect: asked["redirect_uri"].clone(),
            nonce: asked["nonce"].clone(),
            subject: subject.to_owned(),
        };
        state.codes.insert(code.clone(), given);
        code
    }

    /// Signs with another key from now on, and publishes it (the next time somebody asks).
    pub fn change_key(&self, published: bool) {
        let mut state = self.state();
        let id = format!("later-{}", state.keys.len());
        state.keys.insert(0, (id, key()));
        state.published += usize::from(published);
    }

    fn answer(&self, mut stream: TcpStream) {
        let Some((line, head, body)) = request(&mut stream) else {
            return;
        };
        let (status, json) = if self.state().down {
            (503, json!({}))
        } else {
            self.page(&line, &head, &body)
        };
        let text = json.to_string();
        let _ = write!(
            stream,
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        );
    }

    fn page(&self, line: &str, head: &str, body: &str) -> (u16, Value) {
        let mut state = self.state();
        let issuer = state.issuer.clone();
        match line {
            "GET /realm/.well-known/openid-configuration" => (
                200,
                json!({
                    "issuer": state.says_issuer.clone().unwrap_or_else(|| issuer.clone()),
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/keys"),
                }),
            ),
            "GET /realm/keys" => {
                state.key_fetches += 1;
                let hidden = state.keys.len() - state.published;
                let keys: Vec<Value> = state.keys[hidden..].iter().map(published).collect();
                (200, json!({ "keys": keys }))
            }
            "POST /realm/token" => state.exchange(head, body),
            _ => (404, json!({})),
        }
    }
}

fn published((id, key): &(String, EcdsaKeyPair)) -> Value {
    let point = key.public_key().as_ref();
    json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id,
        "x": in_base64(&point[1..33]), "y": in_base64(&point[33..]),
    })
}

impl State {
    fn exchange(&mut self, head: &str, body: &str) -> (u16, Value) {
        self.exchanges += 1;
        // Both halves are written as in a form before they are joined.
        let secret = "a+fake+client+secret%3A+not%2Bfor%2Fuse";
        let basic = format!(
            "authorization: Basic {}",
            STANDARD.encode(format!("{CLIENT}:{secret}"))
        );
        if !head.lines().any(|line| line == basic) {
            return (401, json!({"error": "invalid_client"}));
        }
        let form = reqwest::Url::parse(&format!("http://form/?{body}")).unwrap();
        let form: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
        assert_eq!(form["grant_type"], "authorization_code");
        let Some(given) = self.codes.remove(&form["code"]) else {
            return (400, json!({"error": "invalid_grant"}));
        };
        let challenge = in_base64(Sha256::digest(form["code_verifier"].as_bytes()));
        if challenge != given.challenge || form["redirect_uri"] != given.redirect {
            return (400, json!({"error": "invalid_grant"}));
        }
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": given.subject, "nonce": given.nonce,
            "iat": self.now / 1000, "exp": self.now / 1000 + 300,
            "email": "same@example.invalid", "email_verified": true,
        });
        for (name, value) in self.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        (
            200,
            json!({ "token_type": "Bearer", "access_token": "none of our business", "id_token": self.token(&claims) }),
        )
    }

    fn token(&self, claims: &Value) -> String {
        let (id, pair) = &self.keys[0];
        let alg = match self.signing {
            Signing::Es256 | Signing::Stranger => "ES256",
            Signing::None => "none",
            Signing::Hs256 => "HS256",
        };
        let head = json!({ "alg": alg, "kid": id, "typ": "JWT" }).to_string();
        let signed = format!("{}.{}", in_base64(head), in_base64(claims.to_string()));
        let by = |pair: &EcdsaKeyPair| {
            let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            signature.as_ref().to_vec()
        };
        let signature = match self.signing {
            Signing::Es256 => by(pair),
            Signing::Stranger => by(&key()),
            Signing::None => Vec::new(),
            Signing::Hs256 => {
                let mut mac = Hmac::<Sha256>::new_from_slice(pair.public_key().as_ref()).unwrap();
                mac.update(signed.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
        };
        format!("{signed}.{}", in_base64(signature))
    }
}

/// Method and path, the head, the body.
fn request(stream: &mut TcpStream) -> Option<(String, String, String)> {
    let mut bytes = Vec::new();
    let mut part = [0_u8; 4096];
    loop {
        let read = stream.read(&mut part).ok()?;
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            let line = head.lines().next()?.trim_end_matches(" HTTP/1.1");
            return Some((line.to_owned(), head.to_owned(), body.to_owned()));
        }
    }
}
