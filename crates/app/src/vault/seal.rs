//! Sealing of small secrets: XChaCha20-Poly1305 under a key derived for one purpose.

use super::VaultError;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use desk_domain::time::Chance;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// A nonce and what was sealed under it, hexadecimal.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    pub nonce: String,
    pub sealed: String,
}

/// HKDF-SHA256 with one label for one purpose.
pub(super) fn derive(
    parts: &[&[u8]],
    salt: &[u8],
    info: &[u8],
) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let input = Zeroizing::new(parts.concat());
    let mut key = Zeroizing::new([0_u8; 32]);
    Hkdf::<Sha256>::new(Some(salt), &input)
        .expand(info, key.as_mut_slice())
        .map_err(|_| VaultError::Damaged("key length"))?;
    Ok(key)
}

pub(super) fn seal(
    key: &[u8; 32],
    plain: &[u8],
    bound_to: &[u8],
    chance: &dyn Chance,
) -> Result<Sealed, VaultError> {
    let mut nonce = [0_u8; 24];
    chance.fill(&mut nonce);
    let sealed = XChaCha20Poly1305::new(&Key::from(*key))
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: plain,
                aad: bound_to,
            },
        )
        .map_err(|_| VaultError::Damaged("too long to seal"))?;
    Ok(Sealed {
        nonce: hex::encode(nonce),
        sealed: hex::encode(sealed),
    })
}

/// None when key, binding or bytes are not the ones that were sealed; nobody can tell which.
pub(super) fn open(key: &[u8; 32], sealed: &Sealed, bound_to: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let nonce: [u8; 24] = hex::decode(&sealed.nonce).ok()?.try_into().ok()?;
    let bytes = hex::decode(&sealed.sealed).ok()?;
    XChaCha20Poly1305::new(&Key::from(*key))
        .decrypt(
            &XNonce::from(nonce),
            Payload {
                msg: &bytes,
                aad: bound_to,
            },
        )
        .ok()
        .map(Zeroizing::new)
}
