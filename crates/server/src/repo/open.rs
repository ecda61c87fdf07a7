//! The door to the database: opens, asserts, migrates.

use super::RepoError;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The oldest SQLite without known defects in WAL recovery.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Another process (an admin's command) may hold the write lock for a moment.
const BUSY: Duration = Duration::from_secs(10);

/// Opens for writing, creates and migrates when needed.
pub fn writer(path: &Path) -> Result<Connection, RepoError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(RepoError::Damaged("this SQLite is too old"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = connect(path, flags)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    embedded::migrations::runner()
        .run(&mut conn)
        .map_err(|error| RepoError::Migration(Box::new(error)))?;
    Ok(conn)
}

/// Opens for reading a database that [`writer`] has prepared.
pub fn reader(path: &Path) -> Result<Connection, RepoError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    connect(path, flags)
}

/// Makes a new file for a copy.
pub fn copy(path: &Path) -> Result<Connection, RepoError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = connect(path, flags)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    Ok(conn)
}

#[expect(clippy::disallowed_methods, reason = "the door itself")]
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, RepoError> {
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "foreign_keys", "ON")?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}
