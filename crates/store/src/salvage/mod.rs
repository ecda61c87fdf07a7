//! A damaged file: what can be read of it is carried into a new one, and the old one is moved aside, never deleted.
//!
//! The new file is built whole beside the old one before anything is moved, and one name (`.mended`) says that it is
//! whole; a power cut at any place is gone on from there by the next start. See ADR 9.

mod cells;
mod haul;
mod pages;
mod rebuild;
mod rows;
mod torn;

use crate::error::StoreError;
use crate::identity::Identity;
use crate::open::{self, DbKey, ProfileLock, StorePaths, sync_dir, with_suffix};
use desk_domain::ids::Incarnation;
use desk_domain::people::UserCard;
use desk_domain::time::{Chance, Millis};
use haul::Haul;
pub(crate) use rebuild::VIEWS_STALE;
use rusqlite::TransactionBehavior;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
pub(crate) use torn::check_wal;

/// What a desk needs to be itself, kept outside the file by whoever keeps its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Keepsake {
    pub identity: Identity,
    pub settings: BTreeMap<String, String>,
    pub users: Vec<UserCard>,
}

/// What is known beside the damaged file.
pub struct Mend<'a> {
    pub keepsake: Option<&'a Keepsake>,
    /// Where the journal stood when it was last noted outside.
    pub outside: Option<(Incarnation, u64)>,
    pub chance: &'a dyn Chance,
    pub at: Millis,
}

/// What the recovery came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// Ops that the server does not have and that were kept.
    pub kept: u64,
    /// Ops that the server does not have and that could not be read.
    pub lost: u64,
    /// Of those kept: parked, because part of the same action was lost.
    pub parked: u64,
    /// Documents whose key could not be read.
    pub documents_lost: u64,
    /// Where the damaged files are now.
    pub moved_to: PathBuf,
}

const MENDING: &str = ".mending";
const MENDED: &str = ".mended";
const ASIDE: &str = "damaged-";

/// Mends the file, or says why not and leaves everything as it is.
pub(crate) fn recover(
    paths: &StorePaths,
    key: &DbKey,
    mend: &Mend<'_>,
) -> Result<Recovered, StoreError> {
    let db = &paths.db;
    if !db.exists() {
        return Err(StoreError::Missing);
    }
    let _lock = ProfileLock::take(db)?;
    let mending = with_suffix(db, MENDING);
    remove_half_made(&mending)?;
    let mut recovered = build(db, &mending, key, mend)?;
    let folder = aside(db, &format!("{ASIDE}{}", mend.at));
    fs::create_dir_all(&folder)?;
    fs::rename(&mending, with_suffix(db, MENDED))?;
    sync_dir(db.parent())?;
    move_files(db, &folder)?;
    recovered.moved_to = folder;
    Ok(recovered)
}

/// Ends a recovery that a power cut broke off after the new file was whole.
pub(crate) fn finish_if_broken_off(db: &Path) -> Result<(), StoreError> {
    if !with_suffix(db, MENDED).exists() {
        return Ok(());
    }
    let _lock = ProfileLock::take(db)?;
    let folder = newest_aside(db)?.unwrap_or_else(|| aside(db, &format!("{ASIDE}0")));
    fs::create_dir_all(&folder)?;
    move_files(db, &folder)
}

/// True when damaged files lie beside this one: their keys may still open documents that no row here names.
pub(crate) fn was_recovered(db: &Path) -> bool {
    newest_aside(db).is_ok_and(|found| found.is_some())
}

fn build(db: &Path, mending: &Path, key: &DbKey, mend: &Mend<'_>) -> Result<Recovered, StoreError> {
    let built = build_into(db, mending, key, mend);
    if built.is_err() {
        remove_half_made(mending)?;
    }
    built
}

fn build_into(
    db: &Path,
    mending: &Path,
    key: &DbKey,
    mend: &Mend<'_>,
) -> Result<Recovered, StoreError> {
    let mut writer = open::connect_new(mending, key)?;
    let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let search_key = crate::search::SearchKey::derive(key);
    let haul = Haul::of(db, key, &mut |row| rebuild::put_row(&tx, &search_key, row))?;
    if haul.pages_read == 0 && mend.keepsake.is_none() {
        // Not one page opens, and nothing else vouches for the key.
        return Err(StoreError::WrongKey);
    }
    tracing::warn!(
        pages_read = haul.pages_read,
        pages_lost = haul.pages_lost,
        ops = haul.ops.len(),
        "mending a damaged file"
    );
    let recovered = rebuild::rebuild(&tx, &haul, mend)?;
    tx.commit()?;
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    writer.close().map_err(|(_, error)| error)?;
    fs::File::open(mending)?.sync_all()?;
    Ok(recovered)
}

/// WAL first: a new file must never meet an old one.
fn move_files(db: &Path, folder: &Path) -> Result<(), StoreError> {
    for suffix in ["-wal", "-shm", ""] {
        let from = with_suffix(db, suffix);
        let Some(name) = from.file_name() else {
            continue;
        };
        match fs::rename(&from, folder.join(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        sync_dir(Some(folder))?;
        sync_dir(db.parent())?;
    }
    fs::rename(with_suffix(db, MENDED), db)?;
    sync_dir(db.parent())
}

/// Only what this module itself made and did not finish.
fn remove_half_made(mending: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        match fs::remove_file(with_suffix(mending, suffix)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn aside(db: &Path, name: &str) -> PathBuf {
    db.with_file_name(name)
}

fn newest_aside(db: &Path) -> Result<Option<PathBuf>, StoreError> {
    let Some(dir) = db.parent() else {
        return Ok(None);
    };
    let mut newest: Option<(i64, PathBuf)> = None;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let at = name.and_then(|name| name.strip_prefix(ASIDE)?.parse().ok());
        let Some(at) = at.filter(|_| path.is_dir()) else {
            continue;
        };
        if newest.as_ref().is_none_or(|(known, _)| *known < at) {
            newest = Some((at, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}
