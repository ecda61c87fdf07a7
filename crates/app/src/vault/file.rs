//! Small files that must be whole or absent: written beside, synced, renamed, folder synced.

use super::VaultError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// None of our small files comes near this.
const MAX_BYTES: u64 = 64 * 1024;

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), VaultError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|_| VaultError::Damaged("not JSON"))?;
    write(path, &bytes)
}

/// None when there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(
    path: &Path,
    what: &'static str,
) -> Result<Option<T>, VaultError> {
    let length = match fs::metadata(path) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(VaultError::Io(error)),
    };
    if length > MAX_BYTES {
        return Err(VaultError::Damaged(what));
    }
    let bytes = fs::read(path).map_err(VaultError::Io)?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|_| VaultError::Damaged(what))
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let folder = path.parent().ok_or(VaultError::Damaged("path"))?;
    make_private_dir(folder)?;
    let beside = path.with_extension("new");
    {
        let mut file = private_file(&beside)?;
        file.write_all(bytes).map_err(VaultError::Io)?;
        file.sync_all().map_err(VaultError::Io)?;
    }
    fs::rename(&beside, path).map_err(VaultError::Io)?;
    sync_dir(folder)
}

/// A folder only its owner can enter.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), VaultError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(VaultError::Io)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(VaultError::Io)?;
    }
    Ok(())
}

/// A rename is on disk only when its folder is; Windows has no such handle and needs none.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), VaultError> {
    if cfg!(unix) {
        File::open(dir)
            .and_then(|folder| folder.sync_all())
            .map_err(VaultError::Io)?;
    }
    Ok(())
}

fn private_file(path: &Path) -> Result<File, VaultError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map_err(VaultError::Io)
}
