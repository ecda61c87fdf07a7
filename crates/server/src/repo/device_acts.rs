//! Who let a desk in and who put it out: kept for ever, one row an act.

use super::RepoError;
use super::sql::{Connection, OptionalExtension, params};
use desk_domain::ids::{DeviceId, UserId};
use desk_domain::time::Millis;
use serde::Serialize;

/// Most acts of one desk in a list.
const MOST_ACTS: usize = 100;

/// What was done with a desk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Its code was made; known once it is redeemed.
    Invited,
    Approved,
    Revoked,
    WipeOrdered,
    /// The desk says that it has destroyed what it held.
    Wiped,
}

impl Act {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Approved => "approved",
            Self::Revoked => "revoked",
            Self::WipeOrdered => "wipe_ordered",
            Self::Wiped => "wiped",
        }
    }
}

/// One act, for a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Told {
    pub at: Millis,
    pub what: String,
    /// Login of who did it, if somebody was named.
    pub by: Option<String>,
    pub reason: String,
}

/// Notes an act, by whom, and why.
pub fn note(
    conn: &Connection,
    device: DeviceId,
    act: Act,
    (by, reason): (Option<UserId>, &str),
    now: Millis,
) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO device_act (device, at, what, by_user, reason) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (device, at, what) DO NOTHING",
        params![
            device.to_string(),
            now,
            act.as_str(),
            by.map(|user| user.to_string()),
            reason
        ],
    )?;
    Ok(())
}

/// Who made the code by which a desk came; none when nobody was named.
pub fn invited_by(conn: &Connection, device: DeviceId) -> Result<Option<UserId>, RepoError> {
    let user: Option<Option<String>> = conn
        .prepare_cached("SELECT by_user FROM device_act WHERE device = ?1 AND what = ?2")?
        .query_row(params![device.to_string(), Act::Invited.as_str()], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(user.flatten().as_deref().and_then(UserId::parse))
}

/// What was done with a desk, the oldest first.
pub fn of(conn: &Connection, device: DeviceId) -> Result<Vec<Told>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT a.at, a.what, u.login, a.reason FROM device_act a LEFT JOIN user_account u ON u.id = a.by_user \
         WHERE a.device = ?1 ORDER BY a.at, a.what LIMIT ?2",
    )?;
    let rows = select.query_map(params![device.to_string(), MOST_ACTS], |row| {
        Ok(Told {
            at: row.get(0)?,
            what: row.get(1)?,
            by: row.get(2)?,
            reason: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
