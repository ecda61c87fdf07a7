//! One ID token, judged: who signed it, for whom, when, and in answer to which question (OpenID Connect Core, 3.1.3.7).

use super::keys::{self, Algorithm, Key};
use crate::secrets;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desk_domain::time::Millis;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Longest token that is looked at.
const MOST_BYTES: usize = 32 * 1024;
/// Longest subject (OpenID Connect Core, section 2).
const SUBJECT_BYTES: usize = 255;
/// How far two clocks may be apart, in seconds.
const SKEW_S: i64 = 60;
/// A token is made when the code is exchanged: one that is older was made for something else.
const OLDEST_S: i64 = 600;

/// Why a token is not believed. For the log: a person is told only that it is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    Shape,
    Algorithm,
    UnknownKey,
    Signature,
    Issuer,
    Audience,
    Expired,
    Time,
    Nonce,
    Subject,
}

/// What must be so.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub algorithms: &'a BTreeSet<Algorithm>,
    pub nonce_hash: &'a [u8; 32],
    pub now: Millis,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; none is.
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The subject of a token that is believed.
///
/// # Errors
/// The first doubt there is. The signature comes before anything that the token says.
pub fn judge(token: &str, keys: &[Key], expected: &Expected<'_>) -> Result<String, Doubt> {
    if token.len() > MOST_BYTES {
        return Err(Doubt::Shape);
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return Err(Doubt::Shape);
    };
    let head: Header = part(header)?;
    if head.crit.is_some() {
        return Err(Doubt::Shape);
    }
    let algorithm = Algorithm::parse(&head.alg).filter(|one| expected.algorithms.contains(one));
    let algorithm = algorithm.ok_or(Doubt::Algorithm)?;
    let key = keys::choose(keys, algorithm, head.kid.as_deref()).ok_or(Doubt::UnknownKey)?;
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| Doubt::Shape)?;
    let signed = format!("{header}.{claims}");
    if !key.signed(algorithm, signed.as_bytes(), &signature) {
        return Err(Doubt::Signature);
    }
    let claims: Claims = part(claims)?;
    claims.agree(expected)?;
    Ok(claims.sub)
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Doubt> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Doubt::Shape)?;
    serde_json::from_slice(&bytes).map_err(|_| Doubt::Shape)
}

impl Claims {
    fn agree(&self, expected: &Expected<'_>) -> Result<(), Doubt> {
        if self.iss != expected.issuer {
            return Err(Doubt::Issuer);
        }
        let for_us = |one: &String| one == expected.client_id;
        let others = self.aud.all().iter().any(|one| !for_us(one));
        let party = self.azp.as_ref();
        if !self.aud.all().iter().any(for_us)
            || party.is_some_and(|party| !for_us(party))
            || (others && party.is_none())
        {
            return Err(Doubt::Audience);
        }
        let now = expected.now / 1000;
        if self.exp.saturating_add(SKEW_S) <= now {
            return Err(Doubt::Expired);
        }
        let latest = now.saturating_add(SKEW_S);
        if self.iat > latest
            || self.iat < now.saturating_sub(OLDEST_S)
            || self.nbf.is_some_and(|from| from > latest)
        {
            return Err(Doubt::Time);
        }
        let nonce = self.nonce.as_deref().map(secrets::hash);
        if nonce.as_ref() != Some(expected.nonce_hash) {
            return Err(Doubt::Nonce);
        }
        if self.sub.trim().is_empty() || self.sub.len() > SUBJECT_BYTES {
            return Err(Doubt::Subject);
        }
        Ok(())
    }
}
