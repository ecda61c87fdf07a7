//! Second factors of people: set up, taken once, taken away.

use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, safeguards};
use crate::second_factor::{FactorKey, recovery_hash};
use desk_domain::ids::UserId;
use desk_domain::people::UserCard;
use desk_domain::time::Millis;

/// What came of asking for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Factor {
    /// Right, or not asked of this person.
    Passed,
    Missing,
    Wrong,
    /// The office asks this role for one, and there is none.
    NotSetUp,
}

/// Somebody whose password was right, and what was typed beside it.
#[derive(Clone, Copy)]
pub struct Tried<'a> {
    pub card: &'a UserCard,
    pub typed: Option<&'a str>,
    pub key: &'a FactorKey,
}

/// Judges what was typed, and spends it: six digits of a step that is newer than the last one taken, or a recovery code.
pub fn take(conn: &Connection, tried: &Tried<'_>, now: Millis) -> Result<Factor, RepoError> {
    let user = tried.card.user;
    let Some((sealed, last_step)) = load(conn, user)? else {
        let due = safeguards::load(conn)?.ask_factor_of(tried.card);
        return Ok(if due {
            Factor::NotSetUp
        } else {
            Factor::Passed
        });
    };
    let typed = tried.typed.map(str::trim).filter(|typed| !typed.is_empty());
    let Some(typed) = typed else {
        return Ok(Factor::Missing);
    };
    if let Some(hash) = recovery_hash(user, typed) {
        return take_recovery(conn, user, &hash, now);
    }
    let shared = tried
        .key
        .open(user, &sealed)
        .ok_or(RepoError::Damaged("second factor"))?;
    let Some(step) = shared.step_of(typed, now).filter(|step| *step > last_step) else {
        return Ok(Factor::Wrong);
    };
    conn.execute(
        "UPDATE second_factor SET last_step = ?2 WHERE account = ?1",
        params![user.to_string(), step],
    )?;
    Ok(Factor::Passed)
}

fn take_recovery(
    conn: &Connection,
    user: UserId,
    hash: &[u8; 32],
    now: Millis,
) -> Result<Factor, RepoError> {
    let spent = conn.execute(
        "UPDATE recovery_code SET used_at = ?3 WHERE account = ?1 AND code_hash = ?2 AND used_at IS NULL",
        params![user.to_string(), hash.as_slice(), now],
    )?;
    Ok(if spent == 1 {
        Factor::Passed
    } else {
        Factor::Wrong
    })
}

fn load(conn: &Connection, user: UserId) -> Result<Option<(Vec<u8>, i64)>, RepoError> {
    Ok(conn
        .prepare_cached("SELECT sealed, last_step FROM second_factor WHERE account = ?1")?
        .query_row([user.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// True when this person has one.
pub fn is_set_up(conn: &Connection, user: UserId) -> Result<bool, RepoError> {
    Ok(load(conn, user)?.is_some())
}

/// Sets one up in place of any before; the old recovery codes go with the old one.
pub fn put(
    conn: &Connection,
    user: UserId,
    sealed: &[u8],
    recovery: &[[u8; 32]],
    now: Millis,
) -> Result<(), RepoError> {
    remove(conn, user)?;
    conn.execute(
        "INSERT INTO second_factor (account, sealed, last_step, set_up_at) VALUES (?1, ?2, 0, ?3)",
        params![user.to_string(), sealed, now],
    )?;
    for hash in recovery {
        conn.execute(
            "INSERT INTO recovery_code (account, code_hash, used_at) VALUES (?1, ?2, NULL)",
            params![user.to_string(), hash.as_slice()],
        )?;
    }
    Ok(())
}

/// Takes it away; false when there was none.
pub fn remove(conn: &Connection, user: UserId) -> Result<bool, RepoError> {
    let account = user.to_string();
    conn.execute("DELETE FROM recovery_code WHERE account = ?1", [&account])?;
    Ok(conn.execute("DELETE FROM second_factor WHERE account = ?1", [&account])? > 0)
}

/// Recovery codes that still work.
pub fn recovery_left(conn: &Connection, user: UserId) -> Result<usize, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT count(*) FROM recovery_code WHERE account = ?1 AND used_at IS NULL",
        )?
        .query_row([user.to_string()], |row| row.get(0))?)
}
