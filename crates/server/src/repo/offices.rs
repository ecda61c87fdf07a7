//! Offices: each is a scope with a feed of its own.

use super::RepoError;
use super::sql::{Connection, OptionalExtension, params};
use desk_domain::ids::OfficeCode;
use desk_domain::time::Millis;
use serde::Serialize;

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

/// Levels of the tree.
pub const DEPTH: usize = 16;

/// One office in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Listed {
    pub code: String,
    pub name: String,
    /// The office it stands under.
    pub parent: Option<String>,
}

/// All of them.
pub fn all(conn: &Connection) -> Result<Vec<Listed>, RepoError> {
    let mut select = conn.prepare_cached("SELECT code, name, parent FROM office ORDER BY code")?;
    let rows = select.query_map((), |row| {
        Ok(Listed {
            code: row.get(0)?,
            name: row.get(1)?,
            parent: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What came of moving an office.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moved {
    Yes,
    NoOffice,
    NoParent,
    /// It would stand under itself.
    Circle,
    TooDeep,
}

/// Puts an office under another, or on top. Rights do not follow the tree: it is for lists and for people.
pub fn place(
    conn: &Connection,
    code: &OfficeCode,
    parent: Option<&OfficeCode>,
) -> Result<Moved, RepoError> {
    if name(conn, code)?.is_none() {
        return Ok(Moved::NoOffice);
    }
    let fits = fits(conn, code, parent)?;
    if fits == Moved::Yes {
        set_parent(conn, code, parent)?;
    }
    Ok(fits)
}

/// Whether an office, also one that is still to be added, may stand there.
pub fn fits(
    conn: &Connection,
    code: &OfficeCode,
    parent: Option<&OfficeCode>,
) -> Result<Moved, RepoError> {
    if let Some(parent) = parent
        && name(conn, parent)?.is_none()
    {
        return Ok(Moved::NoParent);
    }
    let mut above = parent.map(|parent| parent.as_str().to_owned());
    for _ in 0..DEPTH {
        let Some(office) = above else {
            return Ok(Moved::Yes);
        };
        if office == code.as_str() {
            return Ok(Moved::Circle);
        }
        above = conn
            .prepare_cached("SELECT parent FROM office WHERE code = ?1")?
            .query_row([&office], |row| row.get(0))
            .optional()?
            .flatten();
    }
    Ok(Moved::TooDeep)
}

/// Writes what was judged by [`fits`].
pub fn set_parent(
    conn: &Connection,
    code: &OfficeCode,
    parent: Option<&OfficeCode>,
) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE office SET parent = ?2 WHERE code = ?1",
        params![code.as_str(), parent.map(OfficeCode::as_str)],
    )?;
    Ok(())
}
