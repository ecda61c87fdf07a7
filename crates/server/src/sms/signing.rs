//! What the signatures of all providers are made of.

use crate::gateway::Outgoing;
use chrono::DateTime;
use desk_domain::time::Millis;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// HMAC-SHA256.
pub fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new(); // HMAC takes keys of every length
    };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// SHA-256 in lower-case hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// An instant in UTC, as `format` says.
pub fn utc(now: Millis, format: &str) -> String {
    let at = DateTime::from_timestamp_millis(now).unwrap_or_default();
    at.format(format).to_string()
}

/// RFC 3986: everything but the unreserved characters.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
    out
}

/// A number that no other request of ours has.
pub fn nonce(outgoing: &Outgoing<'_>) -> String {
    let mut bytes = [0_u8; 16];
    outgoing.chance.fill(&mut bytes);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn only_unreserved_characters_stand_for_themselves() {
        assert_eq!(encoded("aZ09-_.~"), "aZ09-_.~");
        assert_eq!(encoded("a b+c*/码"), "a%20b%2Bc%2A%2F%E7%A0%81");
    }
}
