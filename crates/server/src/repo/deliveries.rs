//! What endpoints are told, from the transaction in which a case moved to their 2xx. A node claims what is due for the
//! length of a lease, as with messages ([`super::outbox`]): each delivery arrives at least once under one id, in no order
//! that was promised.

use super::bench::{Bench, Moved};
use super::sql::{Connection, Row, params};
use super::webhooks::{self, Endpoint, Why};
use super::{RepoError, Rules};
use crate::webhooks::events::{self, Change};
use desk_domain::ids::{OfficeCode, OpId, WebhookId};
use desk_domain::time::Millis;
use std::collections::BTreeMap;

/// A node that was silent for so long has died: four times as long as an endpoint may take to answer.
pub const LEASE_MS: Millis = 60_000;
/// Attempts until a delivery is given up, over about three days.
pub const TRIES: u32 = 10;
/// An endpoint that has failed for so long is asked no more.
pub const FAILING_MS: Millis = 5 * 86_400_000;
/// Deliveries that have ended are kept for so long.
pub const KEEP_MS: Millis = 30 * 86_400_000;
/// Deliveries of one endpoint on their way at once: a slow one does not take the places of the others.
const PER_ENDPOINT: usize = 4;
const GONE: u16 = 410;

/// A delivery that this node is to send, until its lease ends.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub office: OfficeCode,
    pub endpoint: WebhookId,
    /// The webhook-id.
    pub id: String,
    pub event: String,
    pub url: String,
    pub body: String,
    /// From 1, over every replay; a settlement under an older number comes too late.
    pub attempt: u32,
    /// Which of its [`TRIES`] this is, from 1.
    pub round: u32,
    /// Secrets that sign, sealed.
    pub sealed: Vec<Vec<u8>>,
}

/// How one attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tried {
    pub at: Millis,
    pub took_ms: Millis,
    /// Of the answer, if one came.
    pub status: Option<u16>,
    /// The class of the failure, where none came.
    pub error: Option<&'static str>,
}

impl Tried {
    fn arrived(&self) -> bool {
        matches!(self.status, Some(200..=299))
    }

    fn class(&self) -> Option<String> {
        let answered = self.status.map(|status| format!("http.{status}"));
        answered
            .filter(|_| !self.arrived())
            .or_else(|| self.error.map(str::to_owned))
    }
}

/// Writes what the endpoints of each case's office want to hear of its moves; part of [`super::notices::announce`].
pub(super) fn announce(bench: &mut Bench<'_>, moved: &[Moved]) -> Result<(), RepoError> {
    let mut known: BTreeMap<OfficeCode, Vec<Endpoint>> = BTreeMap::new();
    for one in moved {
        let (Some(event), Some(case)) = (events::of(one.to), bench.case(one.case)?) else {
            continue;
        };
        if !known.contains_key(&case.office) {
            let mut endpoints = webhooks::of_office(bench.conn, &case.office)?;
            endpoints.retain(|endpoint| endpoint.disabled.is_none());
            known.insert(case.office.clone(), endpoints);
        }
        let endpoints = known.get(&case.office).map(Vec::as_slice);
        let number = case.case_no.to_string();
        let change = Change {
            case: case.id,
            case_no: &number,
            office: &case.office,
            from: one.from,
            to: one.to,
            at: one.at,
        };
        let body = events::body(event, &change, bench.now)?;
        for endpoint in endpoints.unwrap_or_default() {
            if endpoint.events.iter().any(|wanted| wanted == event) {
                let place = (&case.office, endpoint.id);
                put(
                    bench.conn,
                    place,
                    (&one.op.to_string(), event, &body),
                    bench.now,
                )?;
            }
        }
    }
    Ok(())
}

/// A delivery that says nothing of a case; its webhook-id.
pub fn put_test(
    conn: &Connection,
    rules: &Rules,
    office: &OfficeCode,
    endpoint: WebhookId,
) -> Result<String, RepoError> {
    let now = rules.clock.now();
    let id = OpId::new(now, rules.chance.as_ref()).to_string();
    let body = events::test_body(office, now)?;
    put(conn, (office, endpoint), (&id, events::TEST, &body), now)?;
    Ok(id)
}

/// What is there already stays as it is: desks send an op again to a server that was put back, and its id is the same.
fn put(
    conn: &Connection,
    (office, endpoint): (&OfficeCode, WebhookId),
    (id, event, body): (&str, &str, &str),
    now: Millis,
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "INSERT INTO webhook_delivery (office, endpoint, id, event, body, status, attempts, tries_left, due_at, \
         created_at) VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', 0, ?6, ?7, ?8) ON CONFLICT (office, endpoint, id) DO NOTHING",
    )?
    .execute(params![
        office.as_str(),
        endpoint.to_string(),
        id,
        event,
        body,
        TRIES,
        now,
        now
    ])?;
    Ok(())
}

/// True when a claim would find something: asked of a reader after each commit.
pub fn is_due(conn: &Connection, now: Millis) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM webhook_delivery WHERE due_at <= ?1 AND status IN ('waiting', 'sending') LIMIT 1",
        )?
        .exists([now])?)
}

/// Claims what is due for this node, a few of each endpoint. What a dead node has tried for the last time ends.
pub fn claim(conn: &Connection, rules: &Rules, most: usize) -> Result<Vec<Claimed>, RepoError> {
    let now = rules.clock.now();
    let mut mine = Vec::new();
    for (mut claimed, tries_left) in due(conn, now, most)? {
        if tries_left == 0 {
            end_lost(conn, &claimed, now)?;
            continue;
        }
        lease(conn, &claimed, tries_left.saturating_sub(1), now)?;
        claimed.sealed = webhooks::secrets(conn, &claimed.office, claimed.endpoint, now)?;
        mine.push(claimed);
    }
    Ok(mine)
}

fn due(conn: &Connection, now: Millis, most: usize) -> Result<Vec<(Claimed, u32)>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT office, endpoint, id, event, url, body, attempts, tries_left FROM ( \
         SELECT d.office, d.endpoint, d.id, d.event, w.url, d.body, d.attempts, d.tries_left, d.due_at, \
         ROW_NUMBER() OVER (PARTITION BY d.office, d.endpoint ORDER BY d.due_at, d.id) AS place \
         FROM webhook_delivery d JOIN webhook w ON w.office = d.office AND w.id = d.endpoint \
         WHERE d.due_at <= ?1 AND d.status IN ('waiting', 'sending')) AS due \
         WHERE place <= ?2 ORDER BY due_at, id LIMIT ?3",
    )?;
    let mut rows = select.query(params![now, PER_ENDPOINT, most])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((read(&row)?, row.get(7)?));
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Claimed, RepoError> {
    const DAMAGED: RepoError = RepoError::Damaged("a delivery");
    let attempts: u32 = row.get(6)?;
    let tries_left: u32 = row.get(7)?;
    Ok(Claimed {
        office: OfficeCode::parse(&row.get::<String>(0)?).ok_or(DAMAGED)?,
        endpoint: WebhookId::parse(&row.get::<String>(1)?).ok_or(DAMAGED)?,
        id: row.get(2)?,
        event: row.get(3)?,
        url: row.get(4)?,
        body: row.get(5)?,
        attempt: attempts.saturating_add(1),
        round: TRIES.saturating_sub(tries_left).saturating_add(1),
        sealed: Vec::new(),
    })
}

fn lease(
    conn: &Connection,
    claimed: &Claimed,
    tries_left: u32,
    now: Millis,
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE webhook_delivery SET status = 'sending', attempts = ?1, tries_left = ?2, due_at = ?3 \
         WHERE office = ?4 AND endpoint = ?5 AND id = ?6",
    )?
    .execute(params![
        claimed.attempt,
        tries_left,
        now.saturating_add(LEASE_MS),
        claimed.office.as_str(),
        claimed.endpoint.to_string(),
        claimed.id
    ])?;
    Ok(())
}

fn end_lost(conn: &Connection, claimed: &Claimed, now: Millis) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE webhook_delivery SET status = 'failed', error = 'lease.lost', ended_at = ?1 \
         WHERE office = ?2 AND endpoint = ?3 AND id = ?4",
    )?
    .execute(params![
        now,
        claimed.office.as_str(),
        claimed.endpoint.to_string(),
        claimed.id
    ])?;
    Ok(())
}

/// Writes down what came of an attempt. It is always logged; it counts unless another node after the lease, or somebody
/// who disabled the endpoint, was quicker.
pub fn settle(
    conn: &Connection,
    rules: &Rules,
    claimed: &Claimed,
    tried: &Tried,
    again_at: Millis,
) -> Result<(), RepoError> {
    if !log_attempt(conn, claimed, tried)? {
        return Ok(()); // the endpoint was removed meanwhile
    }
    let now = rules.clock.now();
    let status = if tried.arrived() {
        "delivered"
    } else if claimed.round >= TRIES {
        "failed"
    } else {
        "waiting"
    };
    let done = conn
        .prepare_cached(
            "UPDATE webhook_delivery SET status = ?1, due_at = ?2, error = ?3, ended_at = ?4 \
             WHERE office = ?5 AND endpoint = ?6 AND id = ?7 AND status = 'sending' AND attempts = ?8",
        )?
        .execute(params![
            status,
            again_at,
            tried.class(),
            (status != "waiting").then_some(now),
            claimed.office.as_str(),
            claimed.endpoint.to_string(),
            claimed.id,
            claimed.attempt
        ])?;
    if done == 0 {
        return Ok(());
    }
    judge_endpoint(conn, (&claimed.office, claimed.endpoint), tried, now)
}

/// False when there is no such delivery any more.
fn log_attempt(conn: &Connection, claimed: &Claimed, tried: &Tried) -> Result<bool, RepoError> {
    let (office, endpoint) = (claimed.office.as_str(), claimed.endpoint.to_string());
    let there = conn
        .prepare_cached(
            "SELECT 1 FROM webhook_delivery WHERE office = ?1 AND endpoint = ?2 AND id = ?3",
        )?
        .exists(params![office, endpoint, claimed.id])?;
    if !there {
        return Ok(false);
    }
    conn.prepare_cached(
        "INSERT INTO webhook_attempt (office, endpoint, delivery, n, at, took_ms, status, error) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (office, endpoint, delivery, n) DO NOTHING",
    )?
    .execute(params![
        office,
        endpoint,
        claimed.id,
        claimed.attempt,
        tried.at,
        tried.took_ms,
        tried.status.map(u32::from),
        tried.error
    ])?;
    Ok(true)
}

/// One answer of 2xx clears an endpoint; 410, or failures for days, end it.
fn judge_endpoint(
    conn: &Connection,
    (office, id): (&OfficeCode, WebhookId),
    tried: &Tried,
    now: Millis,
) -> Result<(), RepoError> {
    let key = params![office.as_str(), id.to_string()];
    if tried.arrived() {
        conn.execute(
            "UPDATE webhook SET failing_since = NULL WHERE office = ?1 AND id = ?2 AND failing_since IS NOT NULL",
            key,
        )?;
        return Ok(());
    }
    if tried.status == Some(GONE) {
        return webhooks::disable(conn, (office, id), Why::Gone, now);
    }
    conn.execute(
        "UPDATE webhook SET failing_since = ?1 WHERE office = ?2 AND id = ?3 AND failing_since IS NULL",
        params![tried.at, office.as_str(), id.to_string()],
    )?;
    let since: Option<Millis> = conn.query_row(
        "SELECT failing_since FROM webhook WHERE office = ?1 AND id = ?2",
        key,
        |row| row.get(0),
    )?;
    if since.is_some_and(|since| now.saturating_sub(since) >= FAILING_MS) {
        return webhooks::disable(conn, (office, id), Why::Failing, now);
    }
    Ok(())
}
