//! Signatures between server and core system: HMAC-SHA256 over `word.timestamp.body`, in lower-case hexadecimal. The word
//! keeps a signature of one direction from being played in the other.

use crate::sms::settings::Secret;
use desk_domain::time::Millis;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A request to unbind.
    Execute,
    /// A question after one; the key stands in place of a body.
    Query,
    /// The core system's word.
    Callback,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Query => "query",
            Self::Callback => "callback",
        }
    }
}

/// How far a timestamp may lie from our clock, in seconds.
pub const WINDOW_S: i64 = 300;

/// Seconds since 1970, as they stand in the header.
pub fn seconds(now: Millis) -> i64 {
    now.div_euclid(1_000)
}

pub fn sign(secret: &Secret, purpose: Purpose, at_s: i64, body: &[u8]) -> String {
    let bytes = mac(secret, purpose, at_s, body).map(|mac| mac.finalize().into_bytes());
    bytes.map(hex::encode).unwrap_or_default()
}

/// Compares in constant time.
pub fn holds(secret: &Secret, purpose: Purpose, at_s: i64, body: &[u8], claimed: &str) -> bool {
    let (Some(mac), Ok(claimed)) = (mac(secret, purpose, at_s, body), hex::decode(claimed)) else {
        return false;
    };
    mac.verify_slice(&claimed).is_ok()
}

fn mac(secret: &Secret, purpose: Purpose, at_s: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of every length.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).ok()?;
    mac.update(format!("{}.{at_s}.", purpose.as_str()).as_bytes());
    mac.update(body);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_direction_its_time_and_its_body_alone() {
        let secret = Secret::new("a fake secret of thirty-two bytes");
        let signed = sign(&secret, Purpose::Callback, 7, b"body");
        assert_eq!(signed.len(), 64);
        assert!(holds(&secret, Purpose::Callback, 7, b"body", &signed));
        let other = Secret::new("another secret of thirty-two byte");
        assert!(!holds(&other, Purpose::Callback, 7, b"body", &signed));
        for (purpose, at, body) in [
            (Purpose::Execute, 7, &b"body"[..]),
            (Purpose::Query, 7, b"body"),
            (Purpose::Callback, 8, b"body"),
            (Purpose::Callback, 7, b"bod"),
        ] {
            assert!(!holds(&secret, purpose, at, body, &signed));
        }
        let longer = format!("{signed}00");
        for claimed in ["", "00", "no hex", &longer] {
            assert!(!holds(&secret, Purpose::Callback, 7, b"body", claimed));
        }
    }
}
