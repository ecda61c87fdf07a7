//! Bare connections: the physical limit beside the store, with the same cipher and the same durability.

use desk_tests::Failure;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// The key of every desk file of the bench; visibly not a secret.
pub const KEY: [u8; 32] = [7; 32];

/// A SQLCipher file under [`KEY`], with the settings of the desk's own.
pub fn cipher(path: &Path) -> Result<Connection, Failure> {
    let conn = open(path)?;
    let key = hex::encode(KEY);
    // Checkpoints run between the rounds, on both sides.
    let settings = format!(
        "PRAGMA key = \"x'{key}'\"; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;"
    );
    conn.execute_batch(&settings)
        .map_err(Failure::at("open a bare SQLCipher file"))?;
    Ok(conn)
}

/// A plain file with the durability of the office's database.
pub fn plain(path: &Path) -> Result<Connection, Failure> {
    let conn = open(path)?;
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
        .map_err(Failure::at("open a bare SQLite file"))?;
    Ok(conn)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the limit is what a connection without any of our code does"
)]
fn open(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(Failure::at("open a bare database"))
}
