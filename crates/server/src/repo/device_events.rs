//! What headquarters should know of a desk: it was cloned or restored, it knows of ops that are not here, its cases
//! differed. Counted by kind and life of the journal; no personal data.

use super::RepoError;
use super::sql::{Connection, OptionalExtension, params};
use desk_domain::ids::{DeviceId, Incarnation};
use desk_domain::time::Millis;
use serde::Serialize;
use std::collections::BTreeMap;

/// What may be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The desk's journal began another life: it was restored, cloned, or its file was damaged.
    AnotherLife,
    /// Two histories under the same numbers: a clone, or a copy that went on.
    Fork,
    /// The desk has sent ops that are not here: this server is behind what it had acknowledged.
    ServerBehind,
    /// Cases on the desk were not the ones here.
    CasesDiffered,
}

impl What {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnotherLife => "desk.another_life",
            Self::Fork => "desk.fork",
            Self::ServerBehind => "server.behind",
            Self::CasesDiffered => "desk.cases_differed",
        }
    }
}

/// One line of the list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DeviceEvent {
    pub last_at: Millis,
    pub first_at: Millis,
    pub times: u64,
    pub what: String,
    pub office: Option<String>,
    pub device_code: Option<String>,
    pub device: String,
    pub incarnation: String,
    pub params: BTreeMap<String, String>,
}

/// Notes an event; the same one again is counted.
pub fn note(
    conn: &Connection,
    (device, incarnation): (DeviceId, Incarnation),
    what: What,
    params: &[(&str, String)],
    now: Millis,
) -> Result<(), RepoError> {
    let named: BTreeMap<&str, &String> =
        params.iter().map(|(name, value)| (*name, value)).collect();
    tracing::warn!(%device, %incarnation, what = what.as_str(), ?named, "headquarters should know");
    conn.prepare_cached(
        "INSERT INTO device_event (device, incarnation, what, first_at, last_at, times, params) \
         VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5) ON CONFLICT (device, incarnation, what) \
         DO UPDATE SET last_at = excluded.last_at, times = device_event.times + 1, params = excluded.params",
    )?
    .execute(params![
        device.to_string(),
        incarnation.to_string(),
        what.as_str(),
        now,
        serde_json::to_string(&named)?
    ])?;
    Ok(())
}

/// The newest events.
pub fn newest(conn: &Connection, most: usize) -> Result<Vec<DeviceEvent>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT e.last_at, e.first_at, e.times, e.what, d.office, d.device_code, e.device, e.incarnation, e.params \
         FROM device_event e LEFT JOIN device d ON d.id = e.device ORDER BY e.last_at DESC LIMIT ?1",
    )?;
    let mut rows = select.query([most])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let params: String = row.get(8)?;
        events.push(DeviceEvent {
            last_at: row.get(0)?,
            first_at: row.get(1)?,
            times: row.get(2)?,
            what: row.get(3)?,
            office: row.get(4)?,
            device_code: row.get(5)?,
            device: row.get(6)?,
            incarnation: row.get(7)?,
            params: serde_json::from_str(&params)?,
        });
    }
    Ok(events)
}

/// True when a device has written under another life than this one.
pub fn has_lived_before(
    conn: &Connection,
    device: DeviceId,
    incarnation: Incarnation,
) -> Result<bool, RepoError> {
    let one: Option<i64> = conn
        .prepare_cached("SELECT 1 FROM head WHERE device = ?1 AND incarnation <> ?2 LIMIT 1")?
        .query_row(
            params![device.to_string(), incarnation.to_string()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(one.is_some())
}
