//! People at the organisation's identity provider: whom a subject is, and sign-ins that are on their way.

use super::RepoError;
use super::people::{self, Account};
use super::sql::{Connection, OptionalExtension, params};
use desk_domain::ids::{DeviceId, UserId};
use desk_domain::time::Millis;
use serde::Serialize;

/// A sign-in that waits for a person in a browser. A desk has one at most.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    pub device: DeviceId,
    pub state_hash: [u8; 32],
    pub nonce_hash: [u8; 32],
    /// S256 of the verifier that the desk keeps.
    pub challenge: String,
    /// Where the desk listens.
    pub port: u16,
    pub expires_at: Millis,
}

/// Keeps an attempt in place of the desk's earlier one.
pub fn begin(conn: &Connection, attempt: &Attempt) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO oidc_attempt (device, state_hash, nonce_hash, challenge, port, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (device) DO UPDATE SET state_hash = excluded.state_hash, \
         nonce_hash = excluded.nonce_hash, challenge = excluded.challenge, port = excluded.port, \
         expires_at = excluded.expires_at",
        params![
            attempt.device.to_string(),
            attempt.state_hash.as_slice(),
            attempt.nonce_hash.as_slice(),
            attempt.challenge,
            u32::from(attempt.port),
            attempt.expires_at
        ],
    )?;
    Ok(())
}

/// Takes an attempt: whatever comes of it, it is not there a second time.
pub fn take(
    conn: &Connection,
    device: DeviceId,
    state_hash: &[u8; 32],
    now: Millis,
) -> Result<Option<Attempt>, RepoError> {
    let row: Option<([u8; 32], String, u32, Millis)> = conn
        .prepare_cached(
            "SELECT nonce_hash, challenge, port, expires_at FROM oidc_attempt WHERE device = ?1 AND state_hash = ?2",
        )?
        .query_row(params![device.to_string(), state_hash.as_slice()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((nonce_hash, challenge, port, expires_at)) = row else {
        return Ok(None);
    };
    conn.execute(
        "DELETE FROM oidc_attempt WHERE device = ?1",
        params![device.to_string()],
    )?;
    let attempt = Attempt {
        device,
        state_hash: *state_hash,
        nonce_hash,
        challenge,
        port: u16::try_from(port).map_err(|_| RepoError::Damaged("port"))?,
        expires_at,
    };
    Ok((now <= expires_at).then_some(attempt))
}

/// A subject as the provider of that name knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    pub issuer: String,
    pub subject: String,
}

/// The account that a subject is bound to.
pub fn account(conn: &Connection, subject: &Subject) -> Result<Option<Account>, RepoError> {
    let login: Option<String> = conn
        .prepare_cached(
            "SELECT u.login FROM oidc_subject s JOIN user_account u ON u.id = s.account \
             WHERE s.issuer = ?1 AND s.subject = ?2",
        )?
        .query_row(params![subject.issuer, subject.subject], |row| row.get(0))
        .optional()?;
    login.map_or(Ok(None), |login| people::by_login(conn, &login))
}

/// Binds a subject to an account, in place of the one that the same provider had for it. False when the subject is
/// somebody else's.
pub fn bind(
    conn: &Connection,
    subject: &Subject,
    (account, by): (UserId, Option<UserId>),
    now: Millis,
) -> Result<bool, RepoError> {
    if let Some(holder) = self::account(conn, subject)? {
        return Ok(holder.card.user == account);
    }
    unbind(conn, account, Some(&subject.issuer))?;
    conn.execute(
        "INSERT INTO oidc_subject (issuer, subject, account, bound_by, bound_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            subject.issuer,
            subject.subject,
            account.to_string(),
            by.map(|user| user.to_string()),
            now
        ],
    )?;
    Ok(true)
}

/// Takes an account's subjects away, of one provider or of all; false when there was none.
pub fn unbind(conn: &Connection, account: UserId, issuer: Option<&str>) -> Result<bool, RepoError> {
    let gone = match issuer {
        Some(issuer) => conn.execute(
            "DELETE FROM oidc_subject WHERE account = ?1 AND issuer = ?2",
            params![account.to_string(), issuer],
        )?,
        None => conn.execute(
            "DELETE FROM oidc_subject WHERE account = ?1",
            params![account.to_string()],
        )?,
    };
    Ok(gone > 0)
}

/// A binding in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Bound {
    pub login: String,
    pub issuer: String,
    pub subject: String,
    /// User id of the admin who bound it; none when its owner did, by an invitation.
    pub bound_by: Option<String>,
    pub bound_at: Millis,
}

/// All bindings, by login.
pub fn all(conn: &Connection) -> Result<Vec<Bound>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT u.login, s.issuer, s.subject, s.bound_by, s.bound_at FROM oidc_subject s \
         JOIN user_account u ON u.id = s.account ORDER BY u.login, s.issuer",
    )?;
    let rows = select.query_map((), |row| {
        Ok(Bound {
            login: row.get(0)?,
            issuer: row.get(1)?,
            subject: row.get(2)?,
            bound_by: row.get(3)?,
            bound_at: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}
