//! Headquarters' own keys for bundles: one that opens, one that signs. They lie in the data directory, for the server
//! alone, and are made on first use.

use crate::calls::CallKey;
use crate::second_factor::FactorKey;
use crate::webhooks::signing::WebhookKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_bundle::Opener;
use desk_domain::time::Chance;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FOLDER: &str = "keys";
const OPENER: &str = "bundle-identity.txt";
const SIGNER: &str = "bundle-signing.hex";

/// Both keys.
pub struct BundleKeys {
    folder: PathBuf,
    opener: Opener,
    signing: SigningKey,
}

impl BundleKeys {
    /// Reads the keys, or makes them. Two processes that make them at once end with the same ones.
    pub fn open(data_dir: &Path, chance: &dyn Chance) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        make_private(&folder)?;
        let opener = kept(&folder.join(OPENER), chance, || Opener::generate().secret())?;
        let opener = Opener::parse(&opener).map_err(|_| damaged(OPENER))?;
        let seed = kept(&folder.join(SIGNER), chance, || {
            let mut seed = [0_u8; 32];
            chance.fill(&mut seed);
            hex::encode(seed)
        })?;
        let seed = hex::decode(seed.trim())
            .ok()
            .and_then(|seed| <[u8; 32]>::try_from(seed).ok())
            .ok_or_else(|| damaged(SIGNER))?;
        Ok(Self {
            folder,
            opener,
            signing: SigningKey::from_bytes(&seed),
        })
    }

    /// Names within a data directory and files, for the backup: without them a restored office can neither open what
    /// desks have sealed nor be recognised by them.
    pub fn files(&self) -> [(String, PathBuf); 2] {
        [OPENER, SIGNER].map(|name| (format!("{FOLDER}/{name}"), self.folder.join(name)))
    }

    /// Where the keys of a data directory are, made or not.
    pub fn places(data_dir: &Path) -> [PathBuf; 2] {
        [OPENER, SIGNER].map(|name| data_dir.join(FOLDER).join(name))
    }

    /// Where a file of a backup belongs; none when it is no key of ours. The folder is made, for its owner alone.
    pub fn place(data_dir: &Path, name: &str) -> io::Result<Option<PathBuf>> {
        let folder = data_dir.join(FOLDER);
        let ours = name
            .strip_prefix(FOLDER)
            .and_then(|rest| rest.strip_prefix('/'))
            .filter(|name| [OPENER, SIGNER].contains(name));
        let Some(name) = ours else {
            return Ok(None);
        };
        make_private(&folder)?;
        Ok(Some(folder.join(name)))
    }

    /// Opens what desks send.
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Whom desks seal for.
    pub fn recipients(&self) -> Vec<String> {
        vec![self.opener.recipient()]
    }

    /// What desks know our bundles by: an Ed25519 key, base64.
    pub fn signer(&self) -> String {
        STANDARD.encode(self.signing.verifying_key().to_bytes())
    }

    /// What holds our signatures to be ours.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// The same, as bytes.
    pub fn signer_bytes(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// What seals second factors; it follows from the signing key, so that a backup and a second server have it too.
    pub fn factors(&self) -> FactorKey {
        FactorKey::derive(&self.signing.to_bytes())
    }

    /// What seals the secrets of webhooks, by the same way.
    pub fn webhooks(&self) -> WebhookKey {
        WebhookKey::derive(&self.signing.to_bytes())
    }

    /// What seals callers' numbers, by the same way.
    pub fn calls(&self) -> CallKey {
        CallKey::derive(&self.signing.to_bytes())
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }
}

fn kept(path: &Path, chance: &dyn Chance, make: impl FnOnce() -> String) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let mut name = [0_u8; 8];
    chance.fill(&mut name);
    let beside = path.with_extension(hex::encode(name));
    let mut file = private_file(&beside)?;
    file.write_all(make().as_bytes())?;
    file.sync_all()?;
    // The first to link wins; the others read what he wrote.
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        File::open(folder)?.sync_all()?;
    }
    fs::read_to_string(path)
}

fn damaged(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, name.to_owned())
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::SystemChance;

    #[test]
    fn a_damaged_key_file_stops_the_start_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        let path = dir.path().join(FOLDER).join(OPENER);
        fs::write(&path, "not a key").unwrap();
        assert!(BundleKeys::open(dir.path(), &SystemChance).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }

    #[test]
    fn keys_are_made_once_and_are_for_the_server_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first = BundleKeys::open(dir.path(), &SystemChance).unwrap();
        let again = BundleKeys::open(dir.path(), &SystemChance).unwrap();
        assert_eq!(first.recipients(), again.recipients());
        assert_eq!(first.signer(), again.signer());
        #[cfg(unix)]
        for entry in fs::read_dir(dir.path().join(FOLDER)).unwrap() {
            use std::os::unix::fs::PermissionsExt;
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }
}
