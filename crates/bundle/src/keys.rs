//! Keys as this room sees them: who can open, and who signed. Where they are kept is other rooms' business.

use crate::error::BundleError;
use age::secrecy::ExposeSecret;
use age::x25519;
use ed25519_dalek::{Signature, VerifyingKey};
use std::str::FromStr;

/// Before the hash that is signed: the same key signs pushes, and neither may be taken for the other.
const SIGNED_AS: &[u8] = b"unbind-desk bundle v1\n";

/// Signs with the sender's Ed25519 key, wherever that lives.
pub type Sign<'a> = &'a dyn Fn(&[u8]) -> [u8; 64];

/// An X25519 key that opens bundles.
pub struct Opener(x25519::Identity);

impl Opener {
    /// A new one, from the generator of the encryption library.
    pub fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// Reads what [`Opener::secret`] gave.
    pub fn parse(secret: &str) -> Result<Self, BundleError> {
        x25519::Identity::from_str(secret.trim())
            .map(Self)
            .map_err(|_| BundleError::Key("not an age identity"))
    }

    /// The text to keep; whoever has it opens what is sealed for [`Opener::recipient`].
    pub fn secret(&self) -> String {
        self.0.to_string().expose_secret().to_owned()
    }

    /// The public half, `age1…`.
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    pub(crate) const fn identity(&self) -> &x25519::Identity {
        &self.0
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener(***)")
    }
}

/// Reads public halves; each once.
pub(crate) fn recipients(texts: &[String]) -> Result<Vec<x25519::Recipient>, BundleError> {
    let mut texts: Vec<&str> = texts.iter().map(|text| text.trim()).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
        .into_iter()
        .map(|text| {
            x25519::Recipient::from_str(text).map_err(|_| BundleError::Key("not an age recipient"))
        })
        .collect()
}

/// What is signed for a bundle whose plain bytes have this hash.
pub(crate) fn message(digest: &[u8; 32]) -> Vec<u8> {
    [SIGNED_AS, digest].concat()
}

/// True when `key` signed the bundle of this hash.
pub(crate) fn holds(key: &[u8; 32], digest: &[u8; 32], signature: &[u8]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(key) else {
        return false;
    };
    let Ok(signature) = Signature::from_slice(signature) else {
        return false;
    };
    !key.is_weak() && key.verify_strict(&message(digest), &signature).is_ok()
}
