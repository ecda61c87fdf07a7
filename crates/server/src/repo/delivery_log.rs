//! What became of deliveries, for whoever looks after an endpoint: read, sent once more, and in the end forgotten.

use super::RepoError;
use super::deliveries::{KEEP_MS, TRIES};
use super::sql::{Connection, params};
use desk_domain::ids::{OfficeCode, WebhookId};
use desk_domain::time::Millis;
use serde::Serialize;

/// One delivery.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Delivery {
    /// The webhook-id.
    pub id: String,
    pub event: String,
    /// waiting, sending, delivered or failed.
    pub status: String,
    pub error: Option<String>,
    pub created_at: Millis,
    pub due_at: Millis,
    pub ended_at: Option<Millis>,
    pub attempts: Vec<Attempt>,
}

/// One attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Attempt {
    pub n: u32,
    pub at: Millis,
    pub took_ms: Millis,
    pub status: Option<u32>,
    pub error: Option<String>,
}

/// Which deliveries are sent once more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    One(String),
    /// All that were given up.
    Failed,
}

/// The newest deliveries of an endpoint.
pub fn newest(
    conn: &Connection,
    (office, endpoint): (&OfficeCode, WebhookId),
    most: usize,
) -> Result<Vec<Delivery>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT id, event, status, error, created_at, due_at, ended_at FROM webhook_delivery \
         WHERE office = ?1 AND endpoint = ?2 ORDER BY created_at DESC, id DESC LIMIT ?3",
    )?;
    let mut rows = select.query(params![office.as_str(), endpoint.to_string(), most])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        found.push(Delivery {
            attempts: attempts(conn, office, endpoint, &id)?,
            id,
            event: row.get(1)?,
            status: row.get(2)?,
            error: row.get(3)?,
            created_at: row.get(4)?,
            due_at: row.get(5)?,
            ended_at: row.get(6)?,
        });
    }
    Ok(found)
}

fn attempts(
    conn: &Connection,
    office: &OfficeCode,
    endpoint: WebhookId,
    delivery: &str,
) -> Result<Vec<Attempt>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT n, at, took_ms, status, error FROM webhook_attempt \
         WHERE office = ?1 AND endpoint = ?2 AND delivery = ?3 ORDER BY n",
    )?;
    let rows = select.query_map(
        params![office.as_str(), endpoint.to_string(), delivery],
        |row| {
            Ok(Attempt {
                n: row.get(0)?,
                at: row.get(1)?,
                took_ms: row.get(2)?,
                status: row.get(3)?,
                error: row.get(4)?,
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sends deliveries once more, under their ids; the number of them. What is on its way is left alone.
pub fn replay(
    conn: &Connection,
    (office, endpoint): (&OfficeCode, WebhookId),
    which: &Which,
    now: Millis,
) -> Result<usize, RepoError> {
    let again = "UPDATE webhook_delivery SET status = 'waiting', tries_left = ?1, due_at = ?2, ended_at = NULL \
                 WHERE office = ?3 AND endpoint = ?4 AND ";
    let (office, endpoint) = (office.as_str(), endpoint.to_string());
    Ok(match which {
        Which::One(id) => conn.execute(
            &format!("{again}id = ?5 AND status <> 'sending'"),
            params![TRIES, now, office, endpoint, id],
        )?,
        Which::Failed => conn.execute(
            &format!("{again}status = 'failed'"),
            params![TRIES, now, office, endpoint],
        )?,
    })
}

/// True when a sweep would find something.
pub fn is_old(conn: &Connection, now: Millis) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached("SELECT 1 FROM webhook_delivery WHERE ended_at < ?1 LIMIT 1")?
        .exists([now.saturating_sub(KEEP_MS)])?)
}

/// Forgets what ended long ago, a portion at a time.
pub fn sweep(conn: &Connection, now: Millis, most: usize) -> Result<(), RepoError> {
    let old = "(SELECT office, endpoint, id FROM webhook_delivery WHERE ended_at < ?1 \
               ORDER BY ended_at, office, endpoint, id LIMIT ?2)";
    let before = now.saturating_sub(KEEP_MS);
    conn.execute(
        &format!("DELETE FROM webhook_attempt WHERE (office, endpoint, delivery) IN {old}"),
        params![before, most],
    )?;
    conn.execute(
        &format!("DELETE FROM webhook_delivery WHERE (office, endpoint, id) IN {old}"),
        params![before, most],
    )?;
    Ok(())
}
