//! The second factor: 32 random bytes that stay with this machine.

use super::VaultError;
use super::destroy::scrub;
use super::file;
use desk_domain::time::Chance;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Where the device secret should live.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeystoreChoice {
    /// The system's own keystore; a file takes its place where there is none.
    Os,
    /// A file that only its owner can read.
    File,
}

impl KeystoreChoice {
    /// `os` or `file`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::File => "file",
        }
    }
}

pub(super) type DeviceSecret = Zeroizing<[u8; 32]>;

const SERVICE: &str = "unbind-desk";
const FILE_NAME: &str = "device.secret";
const NOTE_FILE: &str = "journal.head";
/// A locked keystore may open a prompt and wait for ever; the desk does not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a secret and says where it really went.
pub(super) fn create(
    wanted: KeystoreChoice,
    dir: &Path,
    tag: &str,
    chance: &dyn Chance,
) -> Result<(DeviceSecret, KeystoreChoice), VaultError> {
    let mut secret = Zeroizing::new([0_u8; 32]);
    chance.fill(secret.as_mut_slice());
    if wanted == KeystoreChoice::Os && has_keystore() && kept_by_os(tag, &secret) {
        return Ok((secret, KeystoreChoice::Os));
    }
    let text = Zeroizing::new(hex::encode(secret.as_slice()));
    file::write(&dir.join(FILE_NAME), text.as_bytes())?;
    Ok((secret, KeystoreChoice::File))
}

pub(super) fn load(
    place: KeystoreChoice,
    dir: &Path,
    tag: &str,
) -> Result<DeviceSecret, VaultError> {
    let text = match place {
        KeystoreChoice::File => read_file(dir)?,
        KeystoreChoice::Os => read_os(tag)?,
    };
    let bytes =
        Zeroizing::new(hex::decode(text.trim()).map_err(|_| VaultError::DeviceSecretMissing)?);
    let secret: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| VaultError::DeviceSecretMissing)?;
    Ok(Zeroizing::new(secret))
}

/// Notes a line beside the secret: not secret, but not to be rolled back with the database file.
pub(super) fn note(
    place: KeystoreChoice,
    dir: &Path,
    tag: &str,
    text: &str,
) -> Result<(), VaultError> {
    if place == KeystoreChoice::File {
        return file::write(&dir.join(NOTE_FILE), text.as_bytes());
    }
    let (tag, text) = (note_tag(tag), text.to_owned());
    match patiently(move || entry(&tag).and_then(|entry| entry.set_password(&text))) {
        Some(Ok(())) => Ok(()),
        Some(Err(_)) | None => Err(VaultError::KeystoreUnavailable),
    }
}

/// The line that was noted; none when there is none, or the keystore does not say.
pub(super) fn noted(place: KeystoreChoice, dir: &Path, tag: &str) -> Option<String> {
    if place == KeystoreChoice::File {
        return std::fs::read_to_string(dir.join(NOTE_FILE)).ok();
    }
    let tag = note_tag(tag);
    patiently(move || entry(&tag).and_then(|entry| entry.get_password()))?.ok()
}

/// Destroys what stands in files.
pub(super) fn destroy_files(dir: &Path) -> Result<(), VaultError> {
    scrub(&dir.join(FILE_NAME))?;
    scrub(&dir.join(NOTE_FILE))
}

/// Destroys what the system's keystore holds.
pub(super) fn destroy(place: KeystoreChoice, tag: &str) -> Result<(), VaultError> {
    if place == KeystoreChoice::File {
        return Ok(());
    }
    for tag in [tag.to_owned(), note_tag(tag)] {
        match patiently(move || entry(&tag).and_then(|entry| entry.delete_credential())) {
            Some(Ok(()) | Err(keyring::Error::NoEntry)) => {}
            Some(Err(_)) | None => return Err(VaultError::KeystoreUnavailable),
        }
    }
    Ok(())
}

fn note_tag(tag: &str) -> String {
    format!("{tag}.head")
}

fn read_file(dir: &Path) -> Result<Zeroizing<String>, VaultError> {
    match std::fs::read_to_string(dir.join(FILE_NAME)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(VaultError::DeviceSecretMissing)
        }
        Err(error) => Err(VaultError::Io(error)),
    }
}

fn read_os(tag: &str) -> Result<Zeroizing<String>, VaultError> {
    let tag = tag.to_owned();
    match patiently(move || entry(&tag).and_then(|entry| entry.get_password())) {
        Some(Ok(text)) => Ok(Zeroizing::new(text)),
        Some(Err(keyring::Error::NoEntry)) => Err(VaultError::DeviceSecretMissing),
        Some(Err(_)) | None => Err(VaultError::KeystoreUnavailable),
    }
}

/// Written and read back: a keystore that forgets is worse than none.
fn kept_by_os(tag: &str, secret: &DeviceSecret) -> bool {
    let tag = tag.to_owned();
    let text = Zeroizing::new(hex::encode(secret.as_slice()));
    patiently(move || {
        let entry = entry(&tag)?;
        entry.set_password(&text)?;
        Ok::<_, keyring::Error>(entry.get_password()? == *text)
    })
    .is_some_and(|kept| kept.unwrap_or(false))
}

fn entry(tag: &str) -> Result<keyring::Entry, keyring::Error> {
    keyring::Entry::new(SERVICE, tag)
}

/// On Linux the secret service is behind a session bus; without one the library would only time out.
fn has_keystore() -> bool {
    !cfg!(target_os = "linux") || std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
}

fn patiently<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, wait) = mpsc::channel();
    std::thread::Builder::new()
        .name("desk-keystore".into())
        .spawn(move || {
            // Nobody listens any more when the keystore was too slow.
            let _unheard = answer.send(ask());
        })
        .ok()?;
    wait.recv_timeout(PATIENCE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Dice;

    #[test]
    fn a_missing_or_spoilt_secret_is_named_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            load(KeystoreChoice::File, dir.path(), "t"),
            Err(VaultError::DeviceSecretMissing)
        ));
        std::fs::write(dir.path().join(FILE_NAME), "00ff").unwrap();
        assert!(matches!(
            load(KeystoreChoice::File, dir.path(), "t"),
            Err(VaultError::DeviceSecretMissing)
        ));
        assert_eq!(
            std::fs::read_to_string(dir.path().join(FILE_NAME)).unwrap(),
            "00ff"
        );
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, place) = create(KeystoreChoice::File, dir.path(), "t", &Dice::new(1)).unwrap();
        assert_eq!(place, KeystoreChoice::File);
        assert_eq!(*load(place, dir.path(), "t").unwrap(), *secret);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join(FILE_NAME))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
