//! Enrolment, sign-in and the session. Public keys and signatures are base64 (standard alphabet, padded).

use desk_domain::ids::{DeviceId, OfficeCode};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// `POST /v1/enrol`. The code is 26 base32 characters, 15 minutes, bound to one office.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    pub code: String,
    pub device: DeviceId,
    /// Ed25519 public key, 32 bytes.
    pub public_key: String,
    pub label: String,
    /// Signature by that key over [`enrol_message`].
    pub proof: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EnrolReply {
    pub status: DeviceStatus,
    pub office: OfficeCode,
    pub office_name: String,
    /// Two characters printed in case numbers, unique within the office.
    pub device_code: String,
    /// Recovery public key of the office's admin, if one is configured (base64, age-free X25519).
    #[serde(default)]
    pub recovery_key: Option<String>,
    /// What this server's orders are signed by: Ed25519, base64. The same as `bundle_signer` of hello.
    #[serde(default)]
    pub server_key: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    Pending,
    Active,
    Revoked,
}

/// `POST /v1/session`. Proof: Ed25519 by the device over [`session_message`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    pub device: DeviceId,
    pub login: String,
    pub password: String,
    #[serde(default)]
    pub totp: Option<String>,
    pub at: Millis,
    pub proof: String,
}

/// `POST /v1/session/invited`. A person with a one-time code of this desk's office chooses a password and is signed in.
/// Proof: Ed25519 by the device over [`invited_message`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitedRequest {
    pub device: DeviceId,
    /// 26 base32 characters; blanks and hyphens do not count.
    pub code: String,
    /// At least 12 characters.
    pub password: String,
    #[serde(default)]
    pub totp: Option<String>,
    pub at: Millis,
    pub proof: String,
}

/// `POST /v1/session/refresh`. One-time; a second use kills the family.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    pub device: DeviceId,
    pub refresh_token: String,
    pub at: Millis,
    /// Ed25519 by the device over [`refresh_message`].
    pub proof: String,
}

/// Reply of all three. Sent as `Authorization: Bearer <access_token>`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionReply {
    pub access_token: String,
    pub access_expires_at: Millis,
    pub refresh_token: String,
    pub user: UserCard,
}

/// The bytes that a desk signs to enrol.
pub fn enrol_message(code: &str, device: DeviceId) -> Vec<u8> {
    format!("enrol\n{code}\n{device}").into_bytes()
}

/// The bytes that a desk signs to open a session. The password is not among them.
pub fn session_message(device: DeviceId, login: &str, at: Millis) -> Vec<u8> {
    format!("session\n{device}\n{login}\n{at}").into_bytes()
}

/// The bytes that a desk signs to redeem an invitation. The password is not among them.
pub fn invited_message(device: DeviceId, code: &str, at: Millis) -> Vec<u8> {
    format!("invited\n{device}\n{code}\n{at}").into_bytes()
}

/// The bytes that a desk signs to refresh.
pub fn refresh_message(device: DeviceId, refresh_token: &str, at: Millis) -> Vec<u8> {
    format!("refresh\n{device}\n{refresh_token}\n{at}").into_bytes()
}

/// What two people compare over the phone before a desk is let in: the first 16 hexadecimal digits of the SHA-256 of its
/// Ed25519 public key.
pub fn fingerprint(public_key: &[u8; 32]) -> String {
    let hash = Sha256::digest(public_key);
    let digit = |half: u8| char::from_digit(u32::from(half), 16);
    let bytes = hash.iter().take(8);
    bytes
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .flatten()
        .collect()
}
