//! Sessions, proofs taken and the throttle: limits live in the database, so a restart forgives nothing.

use super::second_factor::{self, Factor, Tried};
use super::sql::{Connection, Glance, OptionalExtension, params};
use super::{RepoError, devices};
use desk_domain::ids::{DeviceId, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::people::DeviceStatus;

/// How long the same refresh request may be repeated when its reply was lost.
const REPEAT_MS: Millis = 120_000;

/// Who a bearer token belongs to, with rights as they are now.
#[derive(Clone, Debug)]
pub struct Bearer {
    pub device: DeviceId,
    pub device_status: DeviceStatus,
    /// Ed25519, what its pushes are signed by.
    pub device_key: [u8; 32],
    pub card: UserCard,
    pub expires_at: Millis,
    pub ended: bool,
}

/// A new pair of tokens, hashed.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: String,
    pub device: DeviceId,
    pub user: UserId,
    pub access_hash: [u8; 32],
    pub access_expires_at: Millis,
    pub refresh_hash: [u8; 32],
    pub refresh_expires_at: Millis,
}

/// Looks a token up.
pub fn bearer(house: Glance<'_>, access_hash: &[u8; 32]) -> Result<Option<Bearer>, RepoError> {
    let sql = "SELECT s.device, d.status, u.card, s.access_expires_at, s.ended_at IS NOT NULL, d.public_key FROM session s \
         JOIN device d ON d.id = s.device JOIN user_account u ON u.id = s.\"user\" WHERE s.access_hash = ?1";
    let row: Option<(String, String, String, Millis, bool, [u8; 32])> = house
        .query_row(sql, [access_hash.as_slice()], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })
        .optional()?;
    let Some((device, status, card, expires_at, ended, device_key)) = row else {
        return Ok(None);
    };
    Ok(Some(Bearer {
        device: DeviceId::parse(&device).ok_or(RepoError::Damaged("device id"))?,
        device_status: devices::status_of(&status).ok_or(RepoError::Damaged("device status"))?,
        device_key,
        card: serde_json::from_str(&card)?,
        expires_at,
        ended,
    }))
}

/// What a sign-in is counted under: from this desk, and from everywhere; each with its number of free tries.
pub type Throttles = [(String, u32); 2];

/// What came of a right password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admitted {
    Yes,
    /// Too many tries; until then.
    Locked(Millis),
    FactorMissing,
    FactorWrong,
    FactorNotSetUp,
}

/// Opens a session for a person whose password was right, if the second factor is right too.
pub fn admit(
    conn: &Connection,
    new: &NewSession,
    tried: &Tried<'_>,
    throttles: &Throttles,
    now: Millis,
) -> Result<Admitted, RepoError> {
    let admitted = prove(conn, tried, throttles, now)?;
    if admitted == Admitted::Yes {
        open(conn, new, now)?;
    }
    Ok(admitted)
}

/// Judges, counts and spends the second factor of a person whose password was right, all in one transaction: guesses
/// that come at once are counted one after the other.
pub fn prove(
    conn: &Connection,
    tried: &Tried<'_>,
    throttles: &Throttles,
    now: Millis,
) -> Result<Admitted, RepoError> {
    if let Some(until) = locked(conn, throttles, now)? {
        return Ok(Admitted::Locked(until));
    }
    match second_factor::take(conn, tried, now)? {
        Factor::Passed => {
            let [(here, _), _] = throttles;
            forgive(conn, here)?;
            Ok(Admitted::Yes)
        }
        Factor::Wrong => {
            count_failures(conn, throttles, now)?;
            Ok(Admitted::FactorWrong)
        }
        Factor::Missing => Ok(Admitted::FactorMissing),
        Factor::NotSetUp => Ok(Admitted::FactorNotSetUp),
    }
}

/// Opens a family of sessions, and notes that this person works on that desk.
pub fn open(conn: &Connection, new: &NewSession, now: Millis) -> Result<(), RepoError> {
    insert(conn, new, &new.id)?;
    works_on(conn, new.device, new.user, now)
}

/// Notes that a person works on a desk.
pub fn works_on(
    conn: &Connection,
    device: DeviceId,
    user: UserId,
    now: Millis,
) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO device_user (device, \"user\", first_at) VALUES (?1, ?2, ?3) ON CONFLICT (device, \"user\") DO NOTHING",
        params![device.to_string(), user.to_string(), now],
    )?;
    Ok(())
}

fn insert(conn: &Connection, new: &NewSession, family: &str) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO session (id, family, device, \"user\", access_hash, access_expires_at, refresh_hash, \
         refresh_expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            new.id,
            family,
            new.device.to_string(),
            new.user.to_string(),
            new.access_hash.as_slice(),
            new.access_expires_at,
            new.refresh_hash.as_slice(),
            new.refresh_expires_at
        ],
    )?;
    Ok(())
}

/// What became of a refresh.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refreshed {
    Yes(Box<UserCard>),
    /// Unknown, expired, ended, or of another device.
    No,
    /// Spent before by another request: whoever holds it, the whole family has ended.
    Reused,
}

struct OldSession {
    id: String,
    family: String,
    user: String,
    expires_at: Millis,
    ended: bool,
    spent_by: Option<Vec<u8>>,
    spent_at: Option<Millis>,
    successor: Option<String>,
}

/// Spends a refresh token for `new` (its user is taken from the old session). `proof_hash` tells the very same request
/// repeated after a lost reply from a second use.
pub fn refresh(
    conn: &Connection,
    old_hash: &[u8; 32],
    proof_hash: &[u8; 32],
    new: &NewSession,
    now: Millis,
) -> Result<Refreshed, RepoError> {
    let Some(old) = spent(conn, old_hash, new.device)? else {
        return Ok(Refreshed::No);
    };
    if old.ended || now > old.expires_at {
        return Ok(Refreshed::No);
    }
    if let Some(by) = &old.spent_by {
        let repeated = by.as_slice() == proof_hash.as_slice()
            && old.spent_at.is_some_and(|at| now - at <= REPEAT_MS)
            && successor_unused(conn, old.successor.as_deref())?;
        if !repeated {
            end_family(conn, &old.family, now)?;
            return Ok(Refreshed::Reused);
        }
        conn.execute(
            "UPDATE session SET ended_at = ?2 WHERE id = ?1",
            params![old.successor, now],
        )?;
    }
    let new = NewSession {
        user: UserId::parse(&old.user).ok_or(RepoError::Damaged("user id"))?,
        ..new.clone()
    };
    let Some(card) = super::people::card(conn, new.user)?.filter(|card| card.active) else {
        end_family(conn, &old.family, now)?;
        return Ok(Refreshed::No);
    };
    insert(conn, &new, &old.family)?;
    conn.execute(
        "UPDATE session SET spent_by = ?2, spent_at = ?3, successor = ?4 WHERE id = ?1",
        params![
            old.id,
            proof_hash.as_slice(),
            old.spent_at.unwrap_or(now),
            new.id
        ],
    )?;
    Ok(Refreshed::Yes(Box::new(card)))
}

fn spent(
    conn: &Connection,
    hash: &[u8; 32],
    device: DeviceId,
) -> Result<Option<OldSession>, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT id, family, \"user\", refresh_expires_at, ended_at IS NOT NULL, spent_by, spent_at, successor \
             FROM session WHERE refresh_hash = ?1 AND device = ?2",
        )?
        .query_row(params![hash.as_slice(), device.to_string()], |row| {
            Ok(OldSession {
                id: row.get(0)?,
                family: row.get(1)?,
                user: row.get(2)?,
                expires_at: row.get(3)?,
                ended: row.get(4)?,
                spent_by: row.get(5)?,
                spent_at: row.get(6)?,
                successor: row.get(7)?,
            })
        })
        .optional()?)
}

fn successor_unused(conn: &Connection, id: Option<&str>) -> Result<bool, RepoError> {
    let used: Option<bool> = conn
        .query_row(
            "SELECT spent_by IS NOT NULL FROM session WHERE id = ?1",
            [id],
            |row| row.get(0),
        )
        .optional()?;
    Ok(used == Some(false))
}

fn end_family(conn: &Connection, family: &str, now: Millis) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE session SET ended_at = ?2 WHERE family = ?1 AND ended_at IS NULL",
        params![family, now],
    )?;
    Ok(())
}

/// Ends everything a person has open.
pub fn end_all_of(conn: &Connection, user: UserId, now: Millis) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE session SET ended_at = ?2 WHERE \"user\" = ?1 AND ended_at IS NULL",
        params![user.to_string(), now],
    )?;
    Ok(())
}

/// Takes a proof; false when the same (device, instant) was shown before.
pub fn take_proof(conn: &Connection, device: DeviceId, at: Millis) -> Result<bool, RepoError> {
    let new = conn.execute(
        "INSERT INTO proof_seen (device, at) VALUES (?1, ?2) ON CONFLICT (device, at) DO NOTHING",
        params![device.to_string(), at],
    )?;
    Ok(new == 1)
}

/// Until when one of the keys is locked; none when neither is.
pub fn locked(
    conn: &Connection,
    throttles: &Throttles,
    now: Millis,
) -> Result<Option<Millis>, RepoError> {
    let [(here, _), (everywhere, _)] = throttles;
    let until = locked_until(conn, here)?.max(locked_until(conn, everywhere)?);
    Ok((until > now).then_some(until))
}

/// Counts a failed sign-in under both keys.
pub fn count_failures(
    conn: &Connection,
    throttles: &Throttles,
    now: Millis,
) -> Result<(), RepoError> {
    throttles
        .iter()
        .try_for_each(|(key, free)| count_failure(conn, key, *free, now))
}

/// Until when that key is locked; 0 when it is not.
pub(super) fn locked_until(conn: &Connection, key: &str) -> Result<Millis, RepoError> {
    let until: Option<Millis> = conn
        .prepare_cached("SELECT locked_until FROM throttle WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(until.unwrap_or(0))
}

/// Counts a failure. From the `free`-th on, each doubles the lock, from 30 s to 15 min.
pub(super) fn count_failure(
    conn: &Connection,
    key: &str,
    free: u32,
    now: Millis,
) -> Result<(), RepoError> {
    let failures: u32 = conn
        .prepare_cached(
            "INSERT INTO throttle (key, failures, locked_until) VALUES (?1, 1, 0) \
             ON CONFLICT (key) DO UPDATE SET failures = throttle.failures + 1 RETURNING failures",
        )?
        .query_row([key], |row| row.get(0))?;
    if failures >= free {
        let doublings = (failures - free).min(5);
        let lock = (30_000_i64 << doublings).min(900_000);
        conn.execute(
            "UPDATE throttle SET locked_until = ?2 WHERE key = ?1",
            params![key, now.saturating_add(lock)],
        )?;
    }
    Ok(())
}

/// A success forgives both.
pub(super) fn forgive_all(conn: &Connection, throttles: &Throttles) -> Result<(), RepoError> {
    throttles.iter().try_for_each(|(key, _)| forgive(conn, key))
}

/// A success forgives.
pub(super) fn forgive(conn: &Connection, key: &str) -> Result<(), RepoError> {
    conn.execute("DELETE FROM throttle WHERE key = ?1", [key])?;
    Ok(())
}
