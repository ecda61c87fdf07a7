//! Destroying a desk: first everything that could open it, then everything that could be opened.

use super::outside::KEEPSAKE;
use super::{PROFILE_FILE, Profile, RECOVERY_FILE, VaultError, device_secret, file};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Entries of one folder that are looked at; a desk has fewer files of keys.
const MOST_FILES: usize = 4096;
/// No file of keys is longer.
const MOST_BYTES: usize = 64 * 1024;

/// Destroys the desk in a folder, as far as it still stands: called again after a crash it goes on. The profile, which
/// names the entry in the system's keystore, goes last.
pub(crate) fn destroy(dir: &Path) -> Result<(), VaultError> {
    if !dir.exists() {
        return Ok(());
    }
    let profile: Option<Profile> =
        file::read_json(&dir.join(PROFILE_FILE), "desk.json").unwrap_or_default();
    for wrap in files_in(&dir.join("wraps"))? {
        scrub(&wrap)?;
    }
    for name in [RECOVERY_FILE, KEEPSAKE] {
        scrub(&dir.join(name))?;
    }
    device_secret::destroy_files(dir)?;
    let in_keystore = profile.map_or(Ok(()), |profile| {
        device_secret::destroy(profile.keystore, &profile.tag)
    });
    // Without keys it is noise; it goes all the same.
    for entry in fs::read_dir(dir).map_err(VaultError::Io)? {
        let path = entry.map_err(VaultError::Io)?.path();
        if path.ends_with(PROFILE_FILE) {
            continue;
        }
        remove(&path)?;
    }
    in_keystore?;
    remove(dir)?;
    dir.parent().map_or(Ok(()), file::sync_dir)
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>, VaultError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(VaultError::Io(error)),
    };
    entries
        .take(MOST_FILES)
        .map(|entry| Ok(entry.map_err(VaultError::Io)?.path()))
        .collect()
}

/// Overwritten before it is removed: what a disk keeps of the old bytes beyond that is not in our hands.
pub(super) fn scrub(path: &Path) -> Result<(), VaultError> {
    let overwritten = OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| {
            let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
            file.write_all(&vec![0; length.min(MOST_BYTES)])?;
            file.sync_all()
        });
    match overwritten {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(VaultError::Io(error)),
        Ok(()) => {}
    }
    remove(path)
}

/// Gone, or not there before.
pub(crate) fn remove(path: &Path) -> Result<(), VaultError> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(VaultError::Io),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Dice;
    use crate::vault::{DatabaseKey, KdfCost, KeystoreChoice, Person, Vault};
    use desk_domain::ids::{DeviceId, UserId};

    const PASSPHRASE: &str = "a long fake passphrase";

    fn desk(dir: &Path, dice: &Dice) -> Vault {
        let device = DeviceId::new(1, dice);
        let vault = Vault::create(
            dir,
            device,
            KeystoreChoice::File,
            KdfCost::for_tests(),
            dice,
        );
        let (vault, key) = (vault.unwrap(), DatabaseKey::random(dice));
        let person = Person {
            user: UserId::new(1, dice),
            login: "a".to_owned(),
            name: "示例".to_owned(),
        };
        vault.add_person(&key, &person, PASSPHRASE, dice).unwrap();
        fs::create_dir(dir.join("documents")).unwrap();
        fs::write(dir.join("documents/1"), b"sealed").unwrap();
        fs::write(dir.join("desk.db"), b"sealed").unwrap();
        vault
    }

    #[test]
    fn nothing_is_left_and_once_more_does_no_harm() {
        let (folder, dice) = (tempfile::tempdir().unwrap(), Dice::new(3));
        let dir = folder.path().join("desk");
        let vault = desk(&dir, &dice);
        destroy(&dir).unwrap();
        assert!(!dir.exists());
        assert!(vault.unlock(None, PASSPHRASE, 1).is_err());
        destroy(&dir).unwrap();
    }

    #[test]
    fn what_was_cut_short_goes_on_whatever_is_missing_already() {
        for missing in [
            "desk.json",
            "device.secret",
            "wraps",
            "desk.db",
            "documents",
        ] {
            let (folder, dice) = (tempfile::tempdir().unwrap(), Dice::new(4));
            let dir = folder.path().join("desk");
            desk(&dir, &dice);
            remove(&dir.join(missing)).unwrap();
            destroy(&dir).unwrap();
            assert!(!dir.exists(), "{missing}");
        }
    }
}
