//! Sign-in by the organisation's identity provider. The desk makes verifier and challenge (RFC 7636) and listens on a
//! port of its own; the server makes state and nonce and exchanges the code.

use desk_domain::ids::DeviceId;
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};

/// `POST /v1/session/oidc/begin`. Proof: Ed25519 by the device over [`oidc_begin_message`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcBegin {
    pub device: DeviceId,
    /// Where this desk listens on 127.0.0.1 for the browser to come back.
    pub port: u16,
    /// base64url of the SHA-256 of the verifier, 43 characters.
    pub challenge: String,
    pub at: Millis,
    pub proof: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OidcBegun {
    /// What the browser opens.
    pub address: String,
    /// What the browser must bring back.
    pub state: String,
    pub expires_at: Millis,
}

/// `POST /v1/session/oidc`; the reply is that of a sign-in. Proof: Ed25519 by the device over [`oidc_finish_message`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcFinish {
    pub device: DeviceId,
    /// Works once, whatever comes of it.
    pub state: String,
    pub code: String,
    /// 43 to 128 characters.
    pub verifier: String,
    /// A one-time code that binds this person to the account it was made for.
    #[serde(default)]
    pub invitation: Option<String>,
    #[serde(default)]
    pub totp: Option<String>,
    pub at: Millis,
    pub proof: String,
}

/// The bytes that a desk signs to begin.
pub fn oidc_begin_message(device: DeviceId, port: u16, challenge: &str, at: Millis) -> Vec<u8> {
    format!("oidc-begin\n{device}\n{port}\n{challenge}\n{at}").into_bytes()
}

/// The bytes that a desk signs to finish. Code and verifier are not among them.
pub fn oidc_finish_message(device: DeviceId, state: &str, at: Millis) -> Vec<u8> {
    format!("oidc-finish\n{device}\n{state}\n{at}").into_bytes()
}
