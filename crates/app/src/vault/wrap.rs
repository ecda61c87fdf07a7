//! One wrap of the database key for one user: bound to user, device and every parameter beside it.

use super::cost::{KdfCost, KdfParams};
use super::seal::{self, Sealed};
use super::{DatabaseKey, Person, VaultError};
use desk_domain::ids::{DeviceId, UserId};
use desk_domain::time::Chance;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const VERSION: u16 = 1;
const LABEL: &[u8] = b"unbind-desk wrap v1";

/// `wraps/<user>.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wrap {
    head: Head,
    key: Sealed,
}

/// Everything that the seal is bound to: a change of any of it makes the wrap useless.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u16,
    device: DeviceId,
    person: Person,
    kdf: KdfParams,
}

impl Wrap {
    pub(super) fn seal(
        key: &DatabaseKey,
        person: &Person,
        device: DeviceId,
        passphrase: &str,
        secret: &Zeroizing<[u8; 32]>,
        cost: KdfCost,
        chance: &dyn Chance,
    ) -> Result<Self, VaultError> {
        let mut salt = [0_u8; 16];
        chance.fill(&mut salt);
        let kdf = KdfParams {
            name: "argon2id".to_owned(),
            m_kib: cost.m_kib,
            t: cost.t,
            p: cost.p,
            salt: hex::encode(salt),
        };
        if !cost.accepts(&kdf) {
            return Err(VaultError::Damaged("key derivation parameters"));
        }
        let head = Head {
            version: VERSION,
            device,
            person: person.clone(),
            kdf,
        };
        let kek = head.kek(passphrase, secret, cost)?;
        let key = seal::seal(&kek, key.bytes(), &head.bytes()?, chance)?;
        Ok(Self { head, key })
    }

    pub(super) fn open(
        &self,
        device: DeviceId,
        passphrase: &str,
        secret: &Zeroizing<[u8; 32]>,
        cost: KdfCost,
    ) -> Result<DatabaseKey, VaultError> {
        if self.head.version != VERSION {
            return Err(VaultError::Damaged("wrap version"));
        }
        if self.head.device != device {
            return Err(VaultError::WrongPassphrase);
        }
        let kek = self.head.kek(passphrase, secret, cost)?;
        let plain = seal::open(&kek, &self.key, &self.head.bytes()?);
        DatabaseKey::from_slice(&plain.ok_or(VaultError::WrongPassphrase)?)
    }

    pub(super) fn user(&self) -> UserId {
        self.head.person.user
    }

    pub(super) fn person(&self) -> Person {
        self.head.person.clone()
    }

    pub(super) fn is_of(&self, who: &str) -> bool {
        let person = &self.head.person;
        who == person.login || who == person.name || who == person.user.to_string()
    }
}

impl Head {
    fn bytes(&self) -> Result<Vec<u8>, VaultError> {
        serde_json::to_vec(self).map_err(|_| VaultError::Damaged("wrap"))
    }

    fn kek(
        &self,
        passphrase: &str,
        secret: &Zeroizing<[u8; 32]>,
        cost: KdfCost,
    ) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let cost = cost.of_wrap(&self.kdf)?;
        let salt = hex::decode(&self.kdf.salt).map_err(|_| VaultError::Damaged("wrap salt"))?;
        if salt.len() != 16 {
            return Err(VaultError::Damaged("wrap salt"));
        }
        let guessed = cost.derive(passphrase.as_bytes(), &salt)?;
        let bound = format!("{}\n{}", self.person.user, self.device);
        seal::derive(
            &[guessed.as_slice(), secret.as_slice()],
            LABEL,
            bound.as_bytes(),
        )
    }
}
