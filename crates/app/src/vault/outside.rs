//! What is known of a desk outside its encrypted file, so that an old or a damaged file does not go unnoticed.
//!
//! Where the journal stands lies with the device secret: in the system's keystore, or in the file that stands in for it.
//! It is noted on opening, on closing and at most once a minute in between, never within a save; what happens in that
//! minute is told by the server's answer. The keepsake lies beside the file, sealed under the database key.

use super::{DatabaseKey, Vault, VaultError, device_secret, file, seal};
use desk_domain::time::Chance;
use desk_store::{HeadNote, Keepsake};
use zeroize::Zeroizing;

pub(super) const KEEPSAKE: &str = "keepsake.json";

impl Vault {
    /// Where the journal stood when it was last noted. None when it never was, or nobody can say.
    pub fn noted_head(&self) -> Option<HeadNote> {
        let text = device_secret::noted(self.profile.keystore, &self.dir, &self.profile.tag)?;
        serde_json::from_str(&text).ok()
    }

    /// Notes where the journal stands.
    pub fn note_head(&self, head: &HeadNote) -> Result<(), VaultError> {
        let text = serde_json::to_string(head).map_err(|_| VaultError::Damaged("not JSON"))?;
        device_secret::note(self.profile.keystore, &self.dir, &self.profile.tag, &text)
    }

    /// What makes this desk itself, as it was kept last.
    pub fn keepsake(&self, key: &DatabaseKey) -> Option<Keepsake> {
        let sealed = file::read_json(&self.dir.join(KEEPSAKE), "keepsake").ok()??;
        let key = keepsake_key(key).ok()?;
        let plain = seal::open(&key, &sealed, KEEPSAKE.as_bytes())?;
        serde_json::from_slice(&plain).ok()
    }

    /// Keeps it, if it is not what is kept already.
    pub fn keep_keepsake(
        &self,
        key: &DatabaseKey,
        keepsake: &Keepsake,
        chance: &dyn Chance,
    ) -> Result<(), VaultError> {
        if self.keepsake(key).as_ref() == Some(keepsake) {
            return Ok(());
        }
        let plain = serde_json::to_vec(keepsake).map_err(|_| VaultError::Damaged("not JSON"))?;
        let plain = Zeroizing::new(plain);
        let key = keepsake_key(key)?;
        let sealed = seal::seal(&key, &plain, KEEPSAKE.as_bytes(), chance)?;
        file::write_json(&self.dir.join(KEEPSAKE), &sealed)
    }
}

fn keepsake_key(key: &DatabaseKey) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    seal::derive(
        &[key.bytes()],
        b"unbind-desk keepsake v1",
        KEEPSAKE.as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Dice;
    use crate::vault::{KdfCost, KeystoreChoice};
    use desk_domain::ids::{DeviceId, Incarnation, OfficeCode};
    use desk_domain::op::ChainHash;
    use desk_store::Identity;
    use std::collections::BTreeMap;

    fn vault(dir: &std::path::Path, dice: &Dice) -> Vault {
        let device = DeviceId::new(1, dice);
        Vault::create(
            dir,
            device,
            KeystoreChoice::File,
            KdfCost::for_tests(),
            dice,
        )
        .unwrap()
    }

    #[test]
    fn the_head_is_noted_and_a_spoilt_note_says_nothing() {
        let (dir, dice) = (tempfile::tempdir().unwrap(), Dice::new(1));
        let vault = vault(dir.path(), &dice);
        assert_eq!(vault.noted_head(), None);
        let head = HeadNote {
            incarnation: Incarnation::new(1, &dice),
            seq: 7,
            hash: ChainHash::GENESIS,
        };
        vault.note_head(&head).unwrap();
        assert_eq!(vault.noted_head(), Some(head));
        std::fs::write(dir.path().join("journal.head"), "{").unwrap();
        assert_eq!(vault.noted_head(), None);
    }

    #[test]
    fn the_keepsake_opens_with_the_database_key_only() {
        let (dir, dice) = (tempfile::tempdir().unwrap(), Dice::new(1));
        let vault = vault(dir.path(), &dice);
        let (key, other) = (DatabaseKey::random(&dice), DatabaseKey::random(&dice));
        let keepsake = Keepsake {
            identity: Identity {
                device: vault.device(),
                incarnation: Incarnation::new(1, &dice),
                office: OfficeCode::parse("BJ001").unwrap(),
                office_name: "CANARY".to_owned(),
                device_code: "0A".to_owned(),
            },
            settings: BTreeMap::from([("app.mode".to_owned(), "CANARY".to_owned())]),
            users: Vec::new(),
        };
        vault.keep_keepsake(&key, &keepsake, &dice).unwrap();
        assert_eq!(vault.keepsake(&key), Some(keepsake));
        assert_eq!(vault.keepsake(&other), None);
        let text = std::fs::read_to_string(dir.path().join(KEEPSAKE)).unwrap();
        assert!(!text.contains("CANARY") && !text.contains(&hex::encode("CANARY")));
    }
}
