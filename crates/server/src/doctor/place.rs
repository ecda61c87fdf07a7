//! The data directory and the files in it that are nobody else's business.

use super::Finding;
use crate::backup::Secret;
use crate::config::ServerConfig;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const GIB: u64 = 1024 * 1024 * 1024;
/// Below it a busy office is full within days, or hours.
const FREE_LOOK: u64 = 10 * GIB;
const FREE_WRONG: u64 = GIB;

const DATA: &str = "data directory";
const KEYS: &str = "bundle keys";
const BACKUP_KEY: &str = "backup key";

pub fn data_directory(config: &ServerConfig) -> Vec<Finding> {
    let path = &config.data_dir;
    let shown = path.display();
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            let todo = "name a directory with --data";
            return vec![Finding::wrong(DATA, format!("{shown} is a file"), todo)];
        }
        Err(error) => {
            let todo = "start the server once, or name its directory with --data";
            return vec![Finding::wrong(DATA, format!("{shown}: {error}"), todo)];
        }
    }
    let mut found = vec![rights(DATA, path, 0o700)];
    found.extend(owner(path));
    found.extend(free_bytes(path).map(free));
    found
}

/// Pure, since no test can fill a disk.
pub fn free(bytes: u64) -> Finding {
    const PART: &str = "disk";
    let what = format!("{} GiB free", bytes / GIB);
    let todo = "make room: a full disk confirms nothing, and desks wait";
    if bytes < FREE_WRONG {
        return Finding::wrong(PART, format!("{} MiB free", bytes / 1024 / 1024), todo);
    }
    if bytes < FREE_LOOK {
        return Finding::look(PART, what, todo);
    }
    Finding::right(PART, what)
}

/// The keys that open and sign bundles: all of them, for the server alone.
pub fn keys(places: &[PathBuf]) -> Vec<Finding> {
    let missing: Vec<_> = places.iter().filter(|path| !path.exists()).collect();
    if missing.len() == places.len() {
        let todo =
            "nothing, before the first start; on a further server: copy keys/ of the first one";
        return vec![Finding::look(KEYS, "there are none", todo)];
    }
    if let Some(path) = missing.first() {
        let what = format!("{} is missing", path.display());
        let todo = "put it back from a backup: without it bundles of desks do not open";
        return vec![Finding::wrong(KEYS, what, todo)];
    }
    places
        .iter()
        .map(|path| rights(KEYS, path, 0o600))
        .collect()
}

pub fn backup_key(config: &ServerConfig, file: Option<&PathBuf>) -> Finding {
    let Some(file) = file else {
        let todo = "name it with --backup-key FILE; `backup key FILE` makes one";
        return Finding::look(BACKUP_KEY, "not looked at", todo);
    };
    if let Err(error) = Secret::from_key_file(file) {
        let what = format!("{}: {error}", file.display());
        return Finding::wrong(BACKUP_KEY, what, "take one of its copies");
    }
    let inside = fs::canonicalize(file)
        .and_then(|file| Ok(file.starts_with(fs::canonicalize(&config.data_dir)?)));
    if inside.unwrap_or(false) {
        let what = format!("{} lies in the data directory", file.display());
        return Finding::wrong(
            BACKUP_KEY,
            what,
            "keep it, and two copies, where the data is not",
        );
    }
    rights(BACKUP_KEY, file, 0o600)
}

/// Nobody but the owner may do anything with it.
#[cfg(unix)]
fn rights(part: &'static str, path: &Path, wanted: u32) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode() & 0o777,
        Err(error) => return unreadable(part, path, &error),
    };
    let of_others = mode & 0o077;
    if of_others == 0 {
        return Finding::right(part, format!("{shown}, for its owner alone"));
    }
    Finding::wrong(
        part,
        format!("{shown} is open to others ({mode:o})"),
        format!("chmod {wanted:o} {shown}"),
    )
}

/// Rights are inherited here.
#[cfg(not(unix))]
fn rights(part: &'static str, path: &Path, _wanted: u32) -> Finding {
    match fs::metadata(path) {
        Ok(_) => Finding::right(part, path.display().to_string()),
        Err(error) => unreadable(part, path, &error),
    }
}

fn unreadable(part: &'static str, path: &Path, error: &io::Error) -> Finding {
    let what = format!("{}: {error}", path.display());
    Finding::wrong(part, what, "run this as the server's own user")
}

/// A command run by another user makes files that the server cannot read.
#[cfg(unix)]
fn owner(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt;
    let (owner, me) = (
        fs::metadata(path).ok()?.uid(),
        rustix::process::geteuid().as_raw(),
    );
    (owner != me).then(|| {
        let what = format!("it belongs to user {owner}, and this is user {me}");
        Finding::look(DATA, what, "run every command as the server's own user")
    })
}

#[cfg(not(unix))]
fn owner(_path: &Path) -> Option<Finding> {
    None
}

#[cfg(unix)]
fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_path: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::{GIB, free};
    use crate::doctor::State;

    #[test]
    fn a_disk_that_is_nearly_full_is_told_before_it_is() {
        assert_eq!(free(0).state, State::Wrong);
        assert_eq!(free(GIB - 1).state, State::Wrong);
        assert_eq!(free(GIB).state, State::Look);
        assert_eq!(free(10 * GIB - 1).state, State::Look);
        assert_eq!(free(10 * GIB).state, State::Right);
    }
}
