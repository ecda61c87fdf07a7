//! The endpoints of offices: where they are, what they want to hear, and the secrets that sign for them.

use super::RepoError;
use super::sql::{Connection, Row, params};
use desk_domain::ids::{OfficeCode, UserId, WebhookId};
use desk_domain::time::Millis;
use serde::Serialize;

/// Endpoints of one office.
pub const MOST_ENDPOINTS: usize = 16;
/// Secrets that sign at once.
pub const MOST_SECRETS: usize = 4;

/// An endpoint to be added.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    pub office: OfficeCode,
    pub id: WebhookId,
    pub url: String,
    pub events: Vec<String>,
    /// Sealed.
    pub secret: Vec<u8>,
    pub made_by: Option<UserId>,
}

/// Why nothing is sent to one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Somebody said so.
    Admin,
    /// It answered that it is gone for good.
    Gone,
    /// Nothing has come through for days.
    Failing,
}

impl Why {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Admin, Self::Gone, Self::Failing];
        all.into_iter().find(|why| why.as_str() == text)
    }
}

/// One endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub office: OfficeCode,
    pub id: WebhookId,
    pub url: String,
    pub events: Vec<String>,
    /// None while it is active.
    pub disabled: Option<Why>,
    /// Since when every attempt has failed.
    pub failing_since: Option<Millis>,
    pub made_by: Option<UserId>,
    pub created_at: Millis,
}

/// What came of adding one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    Yes,
    NoOffice,
    TooMany,
}

/// What came of a new secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rotated {
    Yes,
    TooMany,
}

const COLUMNS: &str =
    "SELECT office, id, url, events, status, why, failing_since, made_by, created_at FROM webhook";

/// Adds an endpoint with its first secret.
pub fn add(conn: &Connection, new: &NewEndpoint, now: Millis) -> Result<Added, RepoError> {
    if super::offices::name(conn, &new.office)?.is_none() {
        return Ok(Added::NoOffice);
    }
    if of_office(conn, &new.office)?.len() >= MOST_ENDPOINTS {
        return Ok(Added::TooMany);
    }
    conn.execute(
        "INSERT INTO webhook (office, id, url, events, status, made_by, created_at) \
         VALUES (?1, ?2, ?3, ?4, 'active', ?5, ?6)",
        params![
            new.office.as_str(),
            new.id.to_string(),
            new.url,
            serde_json::to_string(&new.events)?,
            new.made_by.map(|by| by.to_string()),
            now
        ],
    )?;
    put_secret(conn, (&new.office, new.id), 1, &new.secret, now)?;
    Ok(Added::Yes)
}

/// All of them, by office and age.
pub fn all(conn: &Connection) -> Result<Vec<Endpoint>, RepoError> {
    let mut select = conn.prepare_cached(&format!("{COLUMNS} ORDER BY office, id"))?;
    let mut rows = select.query(())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&row)?);
    }
    Ok(found)
}

/// Those of one office.
pub fn of_office(conn: &Connection, office: &OfficeCode) -> Result<Vec<Endpoint>, RepoError> {
    let mut select = conn.prepare_cached(&format!("{COLUMNS} WHERE office = ?1 ORDER BY id"))?;
    let mut rows = select.query([office.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&row)?);
    }
    Ok(found)
}

/// One of them, by its id alone: for the admin's commands.
pub fn find(conn: &Connection, id: WebhookId) -> Result<Option<Endpoint>, RepoError> {
    let mut select = conn.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    let mut rows = select.query([id.to_string()])?;
    rows.next()?.map(|row| read(&row)).transpose()
}

/// True when it is sent to.
pub fn is_active(conn: &Connection, office: &OfficeCode, id: WebhookId) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM webhook WHERE office = ?1 AND id = ?2 AND status = 'active'",
        )?
        .exists(params![office.as_str(), id.to_string()])?)
}

/// Nothing is sent any more; what waits is given up, and can be sent again later.
pub fn disable(
    conn: &Connection,
    (office, id): (&OfficeCode, WebhookId),
    why: Why,
    now: Millis,
) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE webhook SET status = 'disabled', why = ?1 WHERE office = ?2 AND id = ?3",
        params![why.as_str(), office.as_str(), id.to_string()],
    )?;
    conn.execute(
        "UPDATE webhook_delivery SET status = 'failed', error = 'endpoint.disabled', ended_at = ?1 \
         WHERE office = ?2 AND endpoint = ?3 AND status IN ('waiting', 'sending')",
        params![now, office.as_str(), id.to_string()],
    )?;
    Ok(())
}

/// Sends from now on, with the count of its failures begun anew.
pub fn enable(conn: &Connection, office: &OfficeCode, id: WebhookId) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE webhook SET status = 'active', why = NULL, failing_since = NULL WHERE office = ?1 AND id = ?2",
        params![office.as_str(), id.to_string()],
    )?;
    Ok(())
}

/// Takes an endpoint away, with everything that was kept of it.
pub fn remove(conn: &Connection, office: &OfficeCode, id: WebhookId) -> Result<(), RepoError> {
    let id = id.to_string();
    for sql in [
        "DELETE FROM webhook_attempt WHERE office = ?1 AND endpoint = ?2",
        "DELETE FROM webhook_delivery WHERE office = ?1 AND endpoint = ?2",
        "DELETE FROM webhook_secret WHERE office = ?1 AND endpoint = ?2",
        "DELETE FROM webhook WHERE office = ?1 AND id = ?2",
    ] {
        conn.execute(sql, params![office.as_str(), id])?;
    }
    Ok(())
}

/// A new secret signs from now on; those before it sign as well until `until`.
pub fn rotate(
    conn: &Connection,
    (office, id): (&OfficeCode, WebhookId),
    sealed: &[u8],
    (now, until): (Millis, Millis),
) -> Result<Rotated, RepoError> {
    if until > now && secrets(conn, office, id, now)?.len() >= MOST_SECRETS {
        return Ok(Rotated::TooMany);
    }
    conn.execute(
        "DELETE FROM webhook_secret WHERE office = ?1 AND endpoint = ?2 AND ends_at <= ?3",
        params![office.as_str(), id.to_string(), now],
    )?;
    conn.execute(
        "UPDATE webhook_secret SET ends_at = ?1 WHERE office = ?2 AND endpoint = ?3 AND (ends_at IS NULL OR ends_at > ?1)",
        params![until, office.as_str(), id.to_string()],
    )?;
    let newest: Option<i64> = conn.query_row(
        "SELECT max(n) FROM webhook_secret WHERE office = ?1 AND endpoint = ?2",
        params![office.as_str(), id.to_string()],
        |row| row.get(0),
    )?;
    let n = newest.unwrap_or_default().saturating_add(1);
    put_secret(conn, (office, id), n, sealed, now)?;
    Ok(Rotated::Yes)
}

/// The secrets that sign now, sealed; the newest first.
pub fn secrets(
    conn: &Connection,
    office: &OfficeCode,
    id: WebhookId,
    now: Millis,
) -> Result<Vec<Vec<u8>>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT sealed FROM webhook_secret WHERE office = ?1 AND endpoint = ?2 AND (ends_at IS NULL OR ends_at > ?3) \
         ORDER BY n DESC",
    )?;
    let rows = select.query_map(params![office.as_str(), id.to_string(), now], |row| {
        row.get(0)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn put_secret(
    conn: &Connection,
    (office, id): (&OfficeCode, WebhookId),
    n: i64,
    sealed: &[u8],
    now: Millis,
) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO webhook_secret (office, endpoint, n, sealed, made_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![office.as_str(), id.to_string(), n, sealed, now],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Endpoint, RepoError> {
    const DAMAGED: RepoError = RepoError::Damaged("an endpoint");
    let status: String = row.get(4)?;
    let why: Option<String> = row.get(5)?;
    let disabled = (status != "active").then(|| why.as_deref().and_then(Why::parse));
    let made_by: Option<String> = row.get(7)?;
    Ok(Endpoint {
        office: OfficeCode::parse(&row.get::<String>(0)?).ok_or(DAMAGED)?,
        id: WebhookId::parse(&row.get::<String>(1)?).ok_or(DAMAGED)?,
        url: row.get(2)?,
        events: serde_json::from_str(&row.get::<String>(3)?)?,
        disabled: disabled.map(|why| why.ok_or(DAMAGED)).transpose()?,
        failing_since: row.get(6)?,
        made_by: made_by.and_then(|by| UserId::parse(&by)),
        created_at: row.get(8)?,
    })
}
