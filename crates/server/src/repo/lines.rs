//! The telephone systems of offices, and whose telephone an extension is. Of a token its hash is kept.

use super::sql::{Connection, OptionalExtension, Row, params};
use super::{RepoError, people};
use crate::secrets;
use desk_domain::ids::{LineId, OfficeCode, UserId};
use desk_domain::people::{Role, UserCard};
use desk_domain::time::Millis;

/// Telephone systems of one office.
pub const MOST_LINES: usize = 8;
/// Extensions of one office.
pub const MOST_EXTENSIONS: usize = 2_000;
/// Events of one telephone system in a minute.
pub const MOST_EVENTS: u32 = 1_200;
const WINDOW_MS: Millis = 60_000;

/// A telephone system to be added.
#[derive(Clone, Debug)]
pub struct NewLine {
    pub office: OfficeCode,
    pub id: LineId,
    pub token_hash: [u8; 32],
    pub made_by: Option<UserId>,
}

/// One telephone system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub office: OfficeCode,
    pub id: LineId,
    pub made_by: Option<UserId>,
    pub created_at: Millis,
    pub rotated_at: Option<Millis>,
}

/// One extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extension {
    pub office: OfficeCode,
    pub extension: String,
    pub login: String,
}

/// What came of adding one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    Yes,
    NoOffice,
    TooMany,
}

/// Whether an event may come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admitted {
    To(OfficeCode),
    Unknown,
    TooMany { until: Millis },
}

/// What is kept of a token.
pub fn token_hash(token: &str) -> [u8; 32] {
    secrets::hash(&format!("telephone system\n{token}"))
}

/// Adds a telephone system.
pub fn add(conn: &Connection, new: &NewLine, now: Millis) -> Result<Added, RepoError> {
    if super::offices::name(conn, &new.office)?.is_none() {
        return Ok(Added::NoOffice);
    }
    let there = all(conn)?.into_iter();
    if there.filter(|line| line.office == new.office).count() >= MOST_LINES {
        return Ok(Added::TooMany);
    }
    conn.execute(
        "INSERT INTO cti_line (office, id, token_hash, made_by, created_at, window_at, events) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0)",
        params![
            new.office.as_str(),
            new.id.to_string(),
            new.token_hash.as_slice(),
            new.made_by.map(|by| by.to_string()),
            now
        ],
    )?;
    Ok(Added::Yes)
}

/// All of them, by office and age.
pub fn all(conn: &Connection) -> Result<Vec<Line>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT office, id, made_by, created_at, rotated_at FROM cti_line ORDER BY office, id",
    )?;
    let mut rows = select.query(())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&row)?);
    }
    Ok(found)
}

/// One of them, by its id alone: for the admin's commands.
pub fn find(conn: &Connection, id: LineId) -> Result<Option<Line>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT office, id, made_by, created_at, rotated_at FROM cti_line WHERE id = ?1",
    )?;
    let mut rows = select.query([id.to_string()])?;
    rows.next()?.map(|row| read(&row)).transpose()
}

/// From now on another token; the one before opens nothing any more.
pub fn rotate(
    conn: &Connection,
    line: &Line,
    token_hash: &[u8; 32],
    now: Millis,
) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE cti_line SET token_hash = ?1, rotated_at = ?2 WHERE office = ?3 AND id = ?4",
        params![
            token_hash.as_slice(),
            now,
            line.office.as_str(),
            line.id.to_string()
        ],
    )?;
    Ok(())
}

/// Its address is no address any more.
pub fn revoke(conn: &Connection, line: &Line) -> Result<(), RepoError> {
    conn.execute(
        "DELETE FROM cti_line WHERE office = ?1 AND id = ?2",
        params![line.office.as_str(), line.id.to_string()],
    )?;
    Ok(())
}

/// True when a telephone system tells of an office's calls.
pub fn has_line(conn: &Connection, office: &OfficeCode) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached("SELECT 1 FROM cti_line WHERE office = ?1 LIMIT 1")?
        .exists([office.as_str()])?)
}

/// True when somebody has this token.
pub fn knows(conn: &Connection, token_hash: &[u8; 32]) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached("SELECT 1 FROM cti_line WHERE token_hash = ?1")?
        .exists([token_hash.as_slice()])?)
}

/// Counts an event; those beyond the limit of a minute are turned away, whichever node they come to.
pub fn admit(conn: &Connection, token_hash: &[u8; 32], now: Millis) -> Result<Admitted, RepoError> {
    let row: Option<(String, String, Millis, u32)> = conn
        .prepare_cached("SELECT office, id, window_at, events FROM cti_line WHERE token_hash = ?1")?
        .query_row([token_hash.as_slice()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((office, id, window_at, events)) = row else {
        return Ok(Admitted::Unknown);
    };
    let until = window_at.saturating_add(WINDOW_MS);
    // A clock that was set back begins a new minute too.
    let over = now >= until || now < window_at;
    if !over && events >= MOST_EVENTS {
        return Ok(Admitted::TooMany { until });
    }
    let (window_at, events) = if over {
        (now, 1)
    } else {
        (window_at, events + 1)
    };
    conn.execute(
        "UPDATE cti_line SET window_at = ?1, events = ?2 WHERE office = ?3 AND id = ?4",
        params![window_at, events, office, id],
    )?;
    let office = OfficeCode::parse(&office).ok_or(RepoError::Damaged("office code"))?;
    Ok(Admitted::To(office))
}

/// Says whose telephone an extension is; false when the office has as many as it may.
pub fn set_extension(
    conn: &Connection,
    office: &OfficeCode,
    extension: &str,
    user: UserId,
) -> Result<bool, RepoError> {
    if extensions(conn, office)?.len() >= MOST_EXTENSIONS {
        return Ok(false);
    }
    conn.execute(
        "INSERT INTO cti_extension (office, extension, \"user\") VALUES (?1, ?2, ?3) \
         ON CONFLICT (office, extension) DO UPDATE SET \"user\" = excluded.\"user\"",
        params![office.as_str(), extension, user.to_string()],
    )?;
    Ok(true)
}

/// It is nobody's any more; false when it was nobody's before.
pub fn clear_extension(
    conn: &Connection,
    office: &OfficeCode,
    extension: &str,
) -> Result<bool, RepoError> {
    let gone = conn.execute(
        "DELETE FROM cti_extension WHERE office = ?1 AND extension = ?2",
        params![office.as_str(), extension],
    )?;
    Ok(gone > 0)
}

/// The extensions of an office.
pub fn extensions(conn: &Connection, office: &OfficeCode) -> Result<Vec<Extension>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT e.extension, u.login FROM cti_extension e JOIN user_account u ON u.id = e.\"user\" \
         WHERE e.office = ?1 ORDER BY e.extension",
    )?;
    let rows = select.query_map([office.as_str()], |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (extension, login) = row?;
        found.push(Extension {
            office: office.clone(),
            extension,
            login,
        });
    }
    Ok(found)
}

/// Whom the telephone system means, by extension or by login; only who collects in this office now.
pub fn person(
    conn: &Connection,
    office: &OfficeCode,
    named: &str,
) -> Result<Option<UserId>, RepoError> {
    let by_extension: Option<String> = conn
        .prepare_cached("SELECT \"user\" FROM cti_extension WHERE office = ?1 AND extension = ?2")?
        .query_row([office.as_str(), named], |row| row.get(0))
        .optional()?;
    let card = match by_extension.as_deref().and_then(UserId::parse) {
        Some(user) => people::card(conn, user)?,
        None => people::by_login(conn, named)?.map(|account| account.card),
    };
    let card = card.filter(|card| collects(card) && card.offices.contains(office));
    Ok(card.map(|card| card.user))
}

/// Calls are for those who collect.
pub fn collects(card: &UserCard) -> bool {
    let roles = &card.roles;
    card.active && (roles.contains(&Role::Agent) || roles.contains(&Role::Clerk))
}

fn read(row: &Row<'_>) -> Result<Line, RepoError> {
    const DAMAGED: RepoError = RepoError::Damaged("a telephone system");
    let made_by: Option<String> = row.get(2)?;
    Ok(Line {
        office: OfficeCode::parse(&row.get::<String>(0)?).ok_or(DAMAGED)?,
        id: LineId::parse(&row.get::<String>(1)?).ok_or(DAMAGED)?,
        made_by: made_by.and_then(|by| UserId::parse(&by)),
        created_at: row.get(3)?,
        rotated_at: row.get(4)?,
    })
}
