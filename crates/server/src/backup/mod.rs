//! Backups: one sealed file with the database and the documents as they stood at one moment, made beside a running
//! server; read back before it counts. A restored server begins a new life, so that every desk notices. ADR 8.

mod archive;
mod key;
mod seal;

pub use key::{Secret, new_key_file};

use crate::bundles::BundleKeys;
use crate::config::ServerConfig;
use crate::objects::{Location, Objects, sync_dir};
use crate::repo::backup::{self as rows, BackupHead};
use crate::repo::{RepoError, Rules};
use crate::run::House;
use archive::{Reader, Writer};
use desk_domain::ids::{Epoch, OfficeCode};
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a backup is not one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0}: {1}")]
    Io(&'static str, #[source] io::Error),
    #[error("the file is not a backup of this program")]
    NotABackup,
    #[error("the key or the passphrase does not open this backup, or the file is damaged")]
    WrongKey,
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    #[error("a key file has 64 hexadecimal characters; a passphrase at least 16 characters")]
    BadSecret,
    #[error("{0} is there already; it is not overwritten")]
    AlreadyThere(PathBuf),
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("list: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self::Io("backup", error)
    }
}

/// What a backup holds, at the end of it: without this line it is not whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Summary {
    pub version: u32,
    pub server_version: String,
    pub epoch: Epoch,
    pub made_at: Millis,
    pub heads: Vec<BackupHead>,
    pub ops: u64,
    pub documents: u64,
    pub size_bytes: u64,
}

const VERSION: u32 = 1;
const DATABASE: &str = "office.db";

/// Makes a backup of a data directory beside whatever server works in it, reads it back, and notes in the database what
/// is safe now.
///
/// # Errors
/// When anything cannot be read or written; then there is no file at `target`.
pub fn create(house: &House, target: &Path, secret: &Secret) -> Result<Summary, BackupError> {
    if target.exists() {
        return Err(BackupError::AlreadyThere(target.to_owned()));
    }
    let folder = parent(target);
    let work = Workshop::beside(target, &house.rules)?;
    let copy = work.path.join(DATABASE);
    house
        .repo
        .read_blocking(|conn| rows::copy_to(conn, &copy))?;
    let beside = work.path.join("sealed");
    let made_at = house.rules.clock.now();
    write(house, &copy, (&beside, secret), made_at)?;
    fs::remove_file(&copy)?;
    let summary = check(&beside, secret, &work.path.join("check"))?;
    fs::rename(&beside, target)?;
    sync_dir(folder)?;
    note_safe(house, &summary)?;
    Ok(summary)
}

/// Reads a whole backup and checks everything in it: every byte's seal, every document's hash, the database's soundness,
/// every chain of ops up to its head.
///
/// # Errors
/// What is wrong with it.
pub fn verify(file: &Path, secret: &Secret, rules: &Rules) -> Result<Summary, BackupError> {
    let work = Workshop::beside(file, rules)?;
    check(file, secret, &work.path.join("check"))
}

/// Notes that desks may let go of what a verified backup holds. Heads that this database does not have are another
/// database's and are left out.
///
/// # Errors
/// When the database cannot be written.
pub fn note_safe(house: &House, summary: &Summary) -> Result<(), BackupError> {
    let (heads, now) = (summary.heads.clone(), house.rules.clock.now());
    Ok(house
        .repo
        .write_blocking(move |conn| rows::note_safe(conn, &heads, now))?)
}

/// Unpacks a backup into a new data directory that begins a new life; documents go to where the config keeps them.
///
/// # Errors
/// When the backup is not sound, or something stands at `data_dir` already.
pub fn restore(
    file: &Path,
    config: &ServerConfig,
    secret: &Secret,
    rules: &Rules,
) -> Result<(Summary, Epoch), BackupError> {
    let data_dir = &config.data_dir;
    let is_used = fs::read_dir(data_dir).is_ok_and(|mut inside| inside.next().is_some());
    if is_used {
        return Err(BackupError::AlreadyThere(data_dir.clone()));
    }
    let work = Workshop::beside(data_dir, rules)?;
    let fresh = work.path.join("restored");
    let summary = check(file, secret, &fresh)?;
    hand_over(&fresh, config)?;
    let epoch = Epoch::new(rules.clock.now(), rules.chance.as_ref());
    rows::begin_life(&fresh.join(DATABASE), epoch, &summary.heads, rules)?;
    if data_dir.exists() {
        fs::remove_dir(data_dir)?;
    }
    sync_dir(&fresh)?;
    fs::rename(&fresh, data_dir)?;
    sync_dir(parent(data_dir))?;
    Ok((summary, epoch))
}

fn write(
    house: &House,
    copy: &Path,
    (target, secret): (&Path, &Secret),
    made_at: Millis,
) -> Result<(), BackupError> {
    let facts = rows::facts(copy)?;
    let mut writer = Writer::create(target, secret, house.rules.chance.as_ref())?;
    writer.add_file(DATABASE, File::open(copy)?)?;
    for (office, sha256) in &facts.documents {
        let office = OfficeCode::parse(office)
            .ok_or_else(|| BackupError::Damaged("an office code in the database".into()))?;
        let whole = house
            .objects
            .read(&office, sha256)
            .map_err(|error| BackupError::Io("a stored document", error))?;
        writer.add(&format!("{office}/{sha256}"), whole.size_bytes(), whole)?;
    }
    for (name, path) in house.bundles.keys.files() {
        writer.add_file(&name, File::open(path)?)?;
    }
    let summary = Summary {
        version: VERSION,
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: facts.epoch,
        made_at,
        heads: facts.heads,
        ops: facts.ops,
        documents: u64::try_from(facts.documents.len()).unwrap_or(u64::MAX),
        size_bytes: writer.size_bytes(),
    };
    writer.finish(&serde_json::to_vec(&summary)?)
}

/// Unpacks into `folder`, which is made, and checks what came out of it.
fn check(file: &Path, secret: &Secret, folder: &Path) -> Result<Summary, BackupError> {
    let objects = folder.join("objects");
    fs::create_dir_all(&objects)?;
    let mut reader = Reader::open(file, secret)?;
    let mut documents = BTreeSet::new();
    let database = folder.join(DATABASE);
    let summary: Summary = loop {
        let Some(name) = reader.next_name()? else {
            break serde_json::from_slice(&reader.last()?)?;
        };
        if name == DATABASE {
            reader.unpack(&database)?;
        } else if let Some(place) = BundleKeys::place(folder, &name)? {
            reader.unpack(&place)?;
        } else {
            documents.insert(unpack_document(&mut reader, &objects, &name)?);
        }
    };
    if summary.version != VERSION {
        return Err(BackupError::Damaged("made by a newer server".into()));
    }
    let facts = rows::check(&database).map_err(|error| BackupError::Damaged(error.to_string()))?;
    let whole = facts.documents == documents
        && facts.heads == summary.heads
        && facts.epoch == summary.epoch
        && facts.ops == summary.ops;
    if !whole {
        return Err(BackupError::Damaged("its parts do not agree".into()));
    }
    Ok(summary)
}

/// Moves the documents of a checked folder to where the server will look for them, if that is not this folder.
fn hand_over(fresh: &Path, config: &ServerConfig) -> Result<(), BackupError> {
    if matches!(config.objects, Location::Folder) {
        return Ok(());
    }
    let failed = |error| BackupError::Io("a document on its way to the object store", error);
    let chance = Arc::clone(&config.chance);
    let objects = Objects::open(fresh, &config.objects, chance).map_err(failed)?;
    let folder = fresh.join("objects");
    for (office, sha256) in &rows::facts(&fresh.join(DATABASE))?.documents {
        let office = OfficeCode::parse(office)
            .ok_or_else(|| BackupError::Damaged("an office code in the database".into()))?;
        objects
            .take_over(&folder, &office, sha256)
            .map_err(failed)?;
    }
    Ok(fs::remove_dir_all(&folder)?)
}

/// A document's name is its office and its hash; nothing else becomes a path.
fn unpack_document(
    reader: &mut Reader,
    objects: &Path,
    name: &str,
) -> Result<(String, String), BackupError> {
    let bad = || BackupError::Damaged("a name in it".into());
    let (office, hash) = name.split_once('/').ok_or_else(bad)?;
    let office = OfficeCode::parse(office).ok_or_else(bad)?;
    let path = crate::objects::place(objects, &office, hash).ok_or_else(bad)?;
    fs::create_dir_all(parent(&path))?;
    let found = reader.unpack(&path)?;
    if found != hash {
        return Err(BackupError::Damaged(
            "a document is not what its name says".into(),
        ));
    }
    Ok((office.as_str().to_owned(), hash.to_owned()))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// A folder for half-done work on the same disk; gone with its owner.
struct Workshop {
    path: PathBuf,
}

impl Workshop {
    fn beside(target: &Path, rules: &Rules) -> Result<Self, BackupError> {
        let mut bytes = [0_u8; 8];
        rules.chance.fill(&mut bytes);
        let path = parent(target).join(format!(".unfinished-{}", hex::encode(bytes)));
        fs::create_dir_all(&path)?;
        private(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "an unfinished folder stays");
        }
    }
}

#[cfg(unix)]
fn private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// The folder inherits the rights of the one above it.
#[cfg(not(unix))]
fn private(_folder: &Path) -> io::Result<()> {
    Ok(())
}
