//! The keys door: who may open this desk's file, and with what.
//!
//! `KEK = HKDF(Argon2id(passphrase) ‖ device secret)`; the random database key is wrapped once per
//! user. A file that does not open is never replaced: errors here never cost data.

pub(crate) mod bundle;
pub mod cost;
pub(crate) mod destroy;
pub mod device_secret;
pub(crate) mod file;
mod outside;
pub mod recovery;
mod seal;
mod throttle;
mod wrap;

pub use cost::KdfCost;
pub use device_secret::KeystoreChoice;
pub use recovery::RecoveryWrap;

use desk_domain::ids::{DeviceId, UserId};
use desk_domain::time::{Chance, Millis};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use thiserror::Error;
use wrap::Wrap;
use zeroize::Zeroizing;

/// Shorter passphrases are guessed.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
/// Longer ones are a mistake of pasting.
const PASSPHRASE_CHARS_MAX: usize = 1_024;
/// Users of one PC.
const USERS_MAX: usize = 64;
const PROFILE_FILE: &str = "desk.json";
const LAST_FILE: &str = "last.json";
const RECOVERY_FILE: &str = "recovery.json";

/// Why the vault stays shut.
#[derive(Debug, Error)]
pub enum VaultError {
    #[error("the passphrase needs at least {PASSPHRASE_CHARS_MIN} characters")]
    PassphraseTooShort,
    #[error("the passphrase has more than {PASSPHRASE_CHARS_MAX} characters")]
    PassphraseTooLong,
    #[error("the passphrase does not open this desk, or its file was changed")]
    WrongPassphrase,
    #[error("too many wrong passphrases: wait {wait_ms} ms")]
    TooManyTries { wait_ms: i64 },
    #[error("nobody of that name can unlock this desk")]
    UnknownUser,
    #[error("say who unlocks: more than one person uses this desk")]
    WhichUser,
    #[error("this desk is full: {USERS_MAX} people can unlock it")]
    TooManyUsers,
    #[error("the device secret of this desk is gone; the data is whole: use the recovery key")]
    DeviceSecretMissing,
    #[error("the system's keystore does not answer: unlock it and try again")]
    KeystoreUnavailable,
    #[error("a desk exists here already; it is never replaced")]
    Exists,
    #[error("a key file is damaged: {0}")]
    Damaged(&'static str),
    #[error("not enough memory to derive the key")]
    OutOfMemory,
    #[error("a key file could not be read or written")]
    Io(#[source] std::io::Error),
}

impl VaultError {
    /// Stable for ever.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PassphraseTooShort => "vault.passphrase_too_short",
            Self::PassphraseTooLong => "vault.passphrase_too_long",
            Self::WrongPassphrase => "vault.wrong_passphrase",
            Self::TooManyTries { .. } => "vault.too_many_tries",
            Self::UnknownUser => "vault.unknown_user",
            Self::WhichUser => "vault.which_user",
            Self::TooManyUsers => "vault.too_many_users",
            Self::DeviceSecretMissing => "vault.device_secret_missing",
            Self::KeystoreUnavailable => "vault.keystore_unavailable",
            Self::Exists => "vault.exists",
            Self::Damaged(_) => "vault.damaged",
            Self::OutOfMemory => "vault.out_of_memory",
            Self::Io(_) => "vault.io",
        }
    }
}

/// The 256 bits that open the encrypted file; wiped when dropped.
pub struct DatabaseKey(Zeroizing<[u8; 32]>);

impl DatabaseKey {
    /// A new random key.
    pub fn random(chance: &dyn Chance) -> Self {
        let mut key = Zeroizing::new([0_u8; 32]);
        chance.fill(key.as_mut_slice());
        Self(key)
    }
    /// For the store's door only.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
    fn from_slice(bytes: &[u8]) -> Result<Self, VaultError> {
        let bytes: [u8; 32] = bytes
            .try_into()
            .map_err(|_| VaultError::Damaged("key length"))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl std::fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseKey(***)")
    }
}

/// A person who can unlock this desk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub user: UserId,
    pub login: String,
    pub name: String,
}

/// What stands in clear beside the encrypted file; nothing personal, nothing secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    version: u16,
    device: DeviceId,
    /// Names the device secret in the keystore.
    tag: String,
    keystore: KeystoreChoice,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    user: UserId,
}

/// The key files of one desk, in one folder.
#[derive(Clone, Debug)]
pub struct Vault {
    dir: PathBuf,
    profile: Profile,
    cost: KdfCost,
}

impl Vault {
    /// Prepares a folder: device id and device secret, no user yet.
    pub fn create(
        dir: &Path,
        device: DeviceId,
        keystore: KeystoreChoice,
        cost: KdfCost,
        chance: &dyn Chance,
    ) -> Result<Self, VaultError> {
        if dir.join(PROFILE_FILE).exists() {
            return Err(VaultError::Exists);
        }
        file::make_private_dir(dir)?;
        let mut tag = [0_u8; 16];
        chance.fill(&mut tag);
        let tag = hex::encode(tag);
        let (_secret, keystore) = device_secret::create(keystore, dir, &tag, chance)?;
        let profile = Profile {
            version: 1,
            device,
            tag,
            keystore,
        };
        file::write_json(&dir.join(PROFILE_FILE), &profile)?;
        Ok(Self {
            dir: dir.to_owned(),
            profile,
            cost,
        })
    }

    /// The vault of a folder, if there is one.
    pub fn find(dir: &Path, cost: KdfCost) -> Result<Option<Self>, VaultError> {
        let profile: Option<Profile> = file::read_json(&dir.join(PROFILE_FILE), "desk.json")?;
        Ok(profile.map(|profile| Self {
            dir: dir.to_owned(),
            profile,
            cost,
        }))
    }

    /// The folder of its files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// This desk.
    pub fn device(&self) -> DeviceId {
        self.profile.device
    }

    /// Where the device secret lives.
    pub fn keystore(&self) -> KeystoreChoice {
        self.profile.keystore
    }

    /// Everybody who has a wrap, by name.
    pub fn people(&self) -> Result<Vec<Person>, VaultError> {
        let mut people: Vec<Person> = self
            .wraps()?
            .into_iter()
            .map(|wrap| wrap.person())
            .collect();
        people.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(people)
    }

    /// Wraps the database key for one more person, or anew for the same one.
    pub fn add_person(
        &self,
        key: &DatabaseKey,
        person: &Person,
        passphrase: &str,
        chance: &dyn Chance,
    ) -> Result<(), VaultError> {
        check_passphrase(passphrase)?;
        let known = self.wraps()?.iter().any(|wrap| wrap.user() == person.user);
        if !known && self.wraps()?.len() >= USERS_MAX {
            return Err(VaultError::TooManyUsers);
        }
        let secret = device_secret::load(self.profile.keystore, &self.dir, &self.profile.tag)?;
        let wrap = Wrap::seal(
            key,
            person,
            self.profile.device,
            passphrase,
            &secret,
            self.cost,
            chance,
        )?;
        file::write_json(&self.wrap_path(person.user), &wrap)?;
        self.remember(person.user)
    }

    /// Takes a person's wrap away; the database key stays with the others.
    pub fn remove_person(&self, user: UserId) -> Result<(), VaultError> {
        match std::fs::remove_file(self.wrap_path(user)) {
            Ok(()) => file::sync_dir(&self.dir.join("wraps")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(VaultError::Io(error)),
        }
    }

    /// Opens the wrap of `who` (name or login; none means the only one, or the last who unlocked).
    pub fn unlock(
        &self,
        who: Option<&str>,
        passphrase: &str,
        now: Millis,
    ) -> Result<(Person, DatabaseKey), VaultError> {
        if passphrase.chars().count() > PASSPHRASE_CHARS_MAX {
            return Err(VaultError::WrongPassphrase);
        }
        let wrap = self.choose(who)?;
        let throttle = throttle::Throttle::of(&self.dir, &wrap.user().to_string());
        let secret = device_secret::load(self.profile.keystore, &self.dir, &self.profile.tag)?;
        throttle.begin(now)?;
        let key = wrap.open(self.profile.device, passphrase, &secret, self.cost)?;
        throttle.succeeded()?;
        self.remember(wrap.user())?;
        Ok((wrap.person(), key))
    }

    /// Keeps the wrap for the organisation's recovery key.
    pub fn add_recovery(&self, wrap: &RecoveryWrap) -> Result<(), VaultError> {
        file::write_json(&self.dir.join(RECOVERY_FILE), wrap)
    }

    /// Seals a small secret that must outlive a restart before there is a database.
    pub(crate) fn keep<T: Serialize>(
        &self,
        name: &str,
        value: &T,
        chance: &dyn Chance,
    ) -> Result<(), VaultError> {
        let plain = serde_json::to_vec(value).map_err(|_| VaultError::Damaged("not JSON"))?;
        let key = self.keeping_key(name)?;
        let sealed = seal::seal(&key, &Zeroizing::new(plain), name.as_bytes(), chance)?;
        file::write_json(&self.dir.join(name), &sealed)
    }

    /// What [`Vault::keep`] sealed; none when absent.
    pub(crate) fn kept<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, VaultError> {
        let Some(sealed) = file::read_json(&self.dir.join(name), "sealed file")? else {
            return Ok(None);
        };
        let key = self.keeping_key(name)?;
        let plain = seal::open(&key, &sealed, name.as_bytes());
        let plain = plain.ok_or(VaultError::Damaged("sealed file"))?;
        serde_json::from_slice(&plain)
            .map(Some)
            .map_err(|_| VaultError::Damaged("sealed file"))
    }

    fn keeping_key(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let secret = device_secret::load(self.profile.keystore, &self.dir, &self.profile.tag)?;
        seal::derive(
            &[secret.as_slice()],
            b"unbind-desk kept v1",
            name.as_bytes(),
        )
    }

    fn choose(&self, who: Option<&str>) -> Result<Wrap, VaultError> {
        let mut wraps = self.wraps()?;
        if let Some(who) = who {
            return wraps
                .into_iter()
                .find(|wrap| wrap.is_of(who))
                .ok_or(VaultError::UnknownUser);
        }
        if wraps.len() > 1 {
            let last: Option<Last> =
                file::read_json(&self.dir.join(LAST_FILE), "last.json").unwrap_or_default();
            let last = last.ok_or(VaultError::WhichUser)?;
            wraps.retain(|wrap| wrap.user() == last.user);
        }
        wraps.pop().ok_or(VaultError::UnknownUser)
    }

    fn remember(&self, user: UserId) -> Result<(), VaultError> {
        file::write_json(&self.dir.join(LAST_FILE), &Last { user })
    }

    fn wraps(&self) -> Result<Vec<Wrap>, VaultError> {
        let entries = match std::fs::read_dir(self.dir.join("wraps")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(VaultError::Io(error)),
        };
        let mut wraps = Vec::new();
        for entry in entries.take(USERS_MAX * 2) {
            let path = entry.map_err(VaultError::Io)?.path();
            if path.extension().is_some_and(|ending| ending == "json")
                && let Some(wrap) = file::read_json(&path, "wrap")?
            {
                wraps.push(wrap);
            }
        }
        Ok(wraps)
    }

    fn wrap_path(&self, user: UserId) -> PathBuf {
        self.dir.join("wraps").join(format!("{user}.json"))
    }
}

/// Long enough, and not endless.
pub fn check_passphrase(passphrase: &str) -> Result<(), VaultError> {
    let chars = passphrase.chars().count();
    if chars < PASSPHRASE_CHARS_MIN {
        return Err(VaultError::PassphraseTooShort);
    }
    if chars > PASSPHRASE_CHARS_MAX {
        return Err(VaultError::PassphraseTooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
