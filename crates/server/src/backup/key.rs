//! What opens a backup: a key file, or a passphrase that a person keeps.

use super::BackupError;
use crate::secrets;
use desk_domain::time::Chance;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use zeroize::Zeroizing;

/// Shortest passphrase: it is guessed offline, by whoever has the file.
const PASSPHRASE_CHARS: usize = 16;
/// No key file and no passphrase is longer.
const MOST_BYTES: u64 = 4096;

/// A key, or what one is made of.
pub enum Secret {
    Key(Zeroizing<[u8; 32]>),
    Passphrase(Zeroizing<String>),
}

impl Secret {
    /// Reads a key file: 64 hexadecimal characters.
    ///
    /// # Errors
    /// When the file cannot be read or is not one.
    pub fn from_key_file(path: &Path) -> Result<Self, BackupError> {
        let text = read(path)?;
        let mut key = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice())
            .map_err(|_| BackupError::BadSecret)?;
        Ok(Self::Key(key))
    }

    /// Reads the first line of a file as a passphrase.
    ///
    /// # Errors
    /// When the file cannot be read or the passphrase is too short.
    pub fn from_passphrase_file(path: &Path) -> Result<Self, BackupError> {
        let text = read(path)?;
        let line = text.lines().next().unwrap_or_default();
        if line.chars().count() < PASSPHRASE_CHARS {
            return Err(BackupError::BadSecret);
        }
        Ok(Self::Passphrase(Zeroizing::new(line.to_owned())))
    }

    /// How the key is made, as the first byte of the file.
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Key(_) => 0,
            Self::Passphrase(_) => 1,
        }
    }

    /// The key of one file. A key file, too, gives each backup a key of its own.
    pub(super) fn key(&self, salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, BackupError> {
        let mut key = Zeroizing::new([0_u8; 32]);
        match self {
            Self::Key(bytes) => {
                let mut hasher = blake3::Hasher::new_derive_key("unbind-desk 2026 backup file key");
                hasher.update(bytes.as_slice());
                hasher.update(salt);
                key.copy_from_slice(hasher.finalize().as_bytes());
            }
            Self::Passphrase(text) => {
                secrets::stretch(text, salt, &mut key).ok_or(BackupError::BadSecret)?;
            }
        }
        Ok(key)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Makes a new key file that only its owner may read.
///
/// # Errors
/// When something is there already or cannot be written.
pub fn new_key_file(path: &Path, chance: &dyn Chance) -> Result<(), BackupError> {
    if path.exists() {
        return Err(BackupError::AlreadyThere(path.to_owned()));
    }
    let mut key = Zeroizing::new([0_u8; 32]);
    chance.fill(key.as_mut_slice());
    let text = Zeroizing::new(format!("{}\n", hex::encode(key.as_slice())));
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

fn read(path: &Path) -> Result<Zeroizing<String>, BackupError> {
    let named = |error| BackupError::Io("key or passphrase file", error);
    if fs::metadata(path).map_err(named)?.len() > MOST_BYTES {
        return Err(BackupError::BadSecret);
    }
    Ok(Zeroizing::new(fs::read_to_string(path).map_err(named)?))
}
