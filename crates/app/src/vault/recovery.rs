//! A wrap that only the organisation's recovery key opens: a lost keystore is not lost data.

use super::seal::{self, Sealed};
use super::{DatabaseKey, VaultError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::montgomery::MontgomeryPoint;
use desk_domain::ids::DeviceId;
use desk_domain::time::Chance;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const LABEL: &[u8] = b"unbind-desk recovery wrap v1";

/// What `wraps/recovery.json` holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryWrap {
    version: u16,
    device: DeviceId,
    /// X25519 public key of this wrap alone, base64.
    ephemeral: String,
    /// The organisation's X25519 public key, base64.
    recipient: String,
    #[serde(flatten)]
    sealed: SealedKey,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct SealedKey {
    nonce: String,
    sealed: String,
}

/// Wraps the database key for the holder of the recovery key.
pub fn wrap(
    key: &DatabaseKey,
    device: DeviceId,
    recipient: &str,
    chance: &dyn Chance,
) -> Result<RecoveryWrap, VaultError> {
    let theirs = public_key(recipient)?;
    let mut secret = Zeroizing::new([0_u8; 32]);
    chance.fill(secret.as_mut_slice());
    let ephemeral = MontgomeryPoint::mul_base_clamped(*secret);
    let sealing = agreed_key(theirs.mul_clamped(*secret), ephemeral, theirs)?;
    let Sealed { nonce, sealed } =
        seal::seal(&sealing, key.bytes(), device.to_string().as_bytes(), chance)?;
    Ok(RecoveryWrap {
        version: 1,
        device,
        ephemeral: STANDARD.encode(ephemeral.to_bytes()),
        recipient: recipient.to_owned(),
        sealed: SealedKey { nonce, sealed },
    })
}

/// Opens it with the recovery key; for the organisation's admin, never on a normal start.
pub fn unwrap(
    wrap: &RecoveryWrap,
    secret: &Zeroizing<[u8; 32]>,
) -> Result<DatabaseKey, VaultError> {
    let ephemeral = public_key(&wrap.ephemeral)?;
    let mine = MontgomeryPoint::mul_base_clamped(**secret);
    let sealing = agreed_key(ephemeral.mul_clamped(**secret), ephemeral, mine)?;
    let sealed = Sealed {
        nonce: wrap.sealed.nonce.clone(),
        sealed: wrap.sealed.sealed.clone(),
    };
    let plain = seal::open(&sealing, &sealed, wrap.device.to_string().as_bytes());
    DatabaseKey::from_slice(&plain.ok_or(VaultError::Damaged("recovery wrap"))?)
}

fn public_key(text: &str) -> Result<MontgomeryPoint, VaultError> {
    let bytes = STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes
        .map(MontgomeryPoint)
        .ok_or(VaultError::Damaged("recovery key"))
}

/// An all-zero agreement comes from a low-order point: anybody could open the wrap.
fn agreed_key(
    shared: MontgomeryPoint,
    ephemeral: MontgomeryPoint,
    recipient: MontgomeryPoint,
) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    if shared.to_bytes() == [0; 32] {
        return Err(VaultError::Damaged("recovery key"));
    }
    let bound = [ephemeral.to_bytes(), recipient.to_bytes()].concat();
    seal::derive(&[&shared.to_bytes()], LABEL, &bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Dice;

    fn device() -> DeviceId {
        DeviceId::new(1, &Dice::new(3))
    }

    #[test]
    fn a_key_that_is_no_key_wraps_nothing() {
        let key = DatabaseKey::random(&Dice::new(1));
        for bad in ["", "AAAA", &STANDARD.encode([0_u8; 32])] {
            assert!(wrap(&key, device(), bad, &Dice::new(2)).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_recovery_key_opens_the_wrap() {
        let key = DatabaseKey::random(&Dice::new(1));
        let secret = Zeroizing::new([7_u8; 32]);
        let public = STANDARD.encode(MontgomeryPoint::mul_base_clamped(*secret).to_bytes());
        let wrapped = wrap(&key, device(), &public, &Dice::new(2)).unwrap();
        let text = serde_json::to_string(&wrapped).unwrap();
        let read: RecoveryWrap = serde_json::from_str(&text).unwrap();
        assert_eq!(unwrap(&read, &secret).unwrap().bytes(), key.bytes());
        assert!(unwrap(&read, &Zeroizing::new([8_u8; 32])).is_err());
    }
}
