//! Offices: each is a scope with a feed of its own.

use super::RepoError;
use desk_domain::ids::OfficeCode;
use desk_domain::time::Millis;
use rusqlite::{Connection, OptionalExtension, params};

/// Adds an office, or gives it a new name.
pub fn put(conn: &Connection, code: &OfficeCode, name: &str, now: Millis) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO office (code, name, created_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (code) DO UPDATE SET name = excluded.name",
        params![code.as_str(), name, now],
    )?;
    conn.execute(
        "INSERT INTO counter (office, position) VALUES (?1, 0) ON CONFLICT (office) DO NOTHING",
        [code.as_str()],
    )?;
    Ok(())
}

/// Its name, if it exists.
pub fn name(conn: &Connection, code: &OfficeCode) -> Result<Option<String>, RepoError> {
    Ok(conn
        .prepare_cached("SELECT name FROM office WHERE code = ?1")?
        .query_row([code.as_str()], |row| row.get(0))
        .optional()?)
}

/// All of them.
pub fn all(conn: &Connection) -> Result<Vec<(String, String)>, RepoError> {
    let mut select = conn.prepare_cached("SELECT code, name FROM office ORDER BY code")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
