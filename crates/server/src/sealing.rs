//! Sealing of what the database keeps of secrets: XChaCha20-Poly1305 under a key that follows from those of the data
//! directory, one for each use.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use desk_domain::time::Chance;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;

/// The key of one use.
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// The key that follows from a seed; `context` names the use and never changes.
    pub fn derive(context: &str, seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(context, seed)))
    }

    /// Sealed for one owner: of no use in the row of another.
    pub fn seal(&self, owner: &str, plain: &[u8], chance: &dyn Chance) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        chance.fill(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: owner.as_bytes(),
        };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// None when it was sealed with another key, for another owner, or changed.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: owner.as_bytes(),
        };
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?;
        Some(Zeroizing::new(plain))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.0).into())
    }
}
