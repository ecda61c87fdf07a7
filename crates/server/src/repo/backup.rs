//! The database's part in a backup: a copy of one state, what that copy holds, whether it is sound, and a restored
//! copy's new life.

use super::sql::{Connection, OptionalExtension, Purpose, Scope, params};
use super::{Database, RepoError, Rules, audit, open, system};
use desk_domain::ids::{DeviceId, Epoch, Incarnation};
use desk_domain::op::ChainHash;
use desk_domain::time::Millis;
use rusqlite::backup::{Backup, StepResult};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The end of one chain in a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BackupHead {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    pub seq: u64,
    pub hash: ChainHash,
}

/// What a copy holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    pub epoch: Epoch,
    pub heads: Vec<BackupHead>,
    pub ops: u64,
    /// Office and SHA-256 of every whole document.
    pub documents: BTreeSet<(String, String)>,
}

/// Copies the one state that `conn` reads to a new file. Writers go on meanwhile.
pub fn copy_to(conn: &Connection, target: &Path) -> Result<(), RepoError> {
    let file = conn.as_sqlite().ok_or(RepoError::Damaged(
        "only an embedded database is copied here; PostgreSQL has its own tools for it",
    ))?;
    let mut copy = open::copy(target)?;
    {
        let backup = Backup::new(file, &mut copy)?;
        // All in one step: the read transaction that holds the state blocks nobody.
        if backup.step(-1)? != StepResult::Done {
            return Err(RepoError::Damaged("the copy did not come to its end"));
        }
    }
    // One file without neighbours.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// What a copy holds.
pub fn facts(copy: &Path) -> Result<Facts, RepoError> {
    facts_of(&open::reader(&Database::File(copy.to_owned()))?)
}

/// The same, after everything was checked that can be: the file's structure, and each chain up to its head.
pub fn check(copy: &Path) -> Result<Facts, RepoError> {
    let conn = open::reader(&Database::File(copy.to_owned()))?;
    let sound: String = conn.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if sound != "ok" {
        return Err(RepoError::Damaged("the database is not sound"));
    }
    let facts = facts_of(&conn)?;
    for head in &facts.heads {
        audit::chain(&conn, head)?;
    }
    Ok(facts)
}

/// Notes what a verified backup holds; heads that are not of this database's history are left out.
pub fn note_safe(conn: &Connection, heads: &[BackupHead], now: Millis) -> Result<(), RepoError> {
    for head in heads {
        let there: Option<[u8; 32]> = conn
            .prepare_cached(
                "SELECT hash FROM journal WHERE device = ?1 AND incarnation = ?2 AND seq = ?3",
            )?
            .query_row(
                params![
                    head.device.to_string(),
                    head.incarnation.to_string(),
                    head.seq
                ],
                |row| row.get(0),
            )
            .optional()?;
        if there.map(ChainHash::from_bytes) != Some(head.hash) {
            continue;
        }
        conn.prepare_cached(
            "INSERT INTO backup_safe (device, incarnation, seq, verified_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (device, incarnation) DO UPDATE SET seq = excluded.seq, verified_at = excluded.verified_at \
             WHERE excluded.seq >= backup_safe.seq",
        )?
        .execute(params![head.device.to_string(), head.incarnation.to_string(), head.seq, now])?;
    }
    Ok(())
}

/// Up to where each chain of a device is in a verified backup.
pub fn safe_of(
    conn: &Connection,
    device: DeviceId,
) -> Result<BTreeMap<Incarnation, u64>, RepoError> {
    let mut select =
        conn.prepare_cached("SELECT incarnation, seq FROM backup_safe WHERE device = ?1")?;
    let rows = select.query_map([device.to_string()], |row| {
        Ok((row.get::<String>(0)?, row.get(1)?))
    })?;
    let mut safe = BTreeMap::new();
    for row in rows {
        let (incarnation, seq) = row?;
        let incarnation =
            Incarnation::parse(&incarnation).ok_or(RepoError::Damaged("incarnation"))?;
        safe.insert(incarnation, seq);
    }
    Ok(safe)
}

/// A restored copy is another life: a new epoch, a new chain for the server's own ops, no sessions.
pub fn begin_life(
    copy: &Path,
    epoch: Epoch,
    heads: &[BackupHead],
    rules: &Rules,
) -> Result<(), RepoError> {
    let conn = Connection::sqlite(open::file(copy)?);
    let now = rules.clock.now();
    conn.begin(Purpose::Write, &Scope::House)?;
    system::begin_life(&conn, epoch, rules)?;
    // The backup it was made from holds all of it. What fails here leaves a copy that nobody uses.
    note_safe(&conn, heads, now)?;
    conn.commit()?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    Ok(())
}

/// What the database of a connection holds.
pub fn facts_of(conn: &Connection) -> Result<Facts, RepoError> {
    let mut documents = BTreeSet::new();
    let mut select = conn.prepare_cached(
        "SELECT DISTINCT office, sha256 FROM document WHERE stored_at IS NOT NULL",
    )?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        documents.insert((row.get(0)?, row.get(1)?));
    }
    let mut heads = Vec::new();
    let mut select = conn.prepare_cached(
        "SELECT device, incarnation, seq, hash FROM head ORDER BY device, incarnation",
    )?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let (device, incarnation): (String, String) = (row.get(0)?, row.get(1)?);
        heads.push(BackupHead {
            device: DeviceId::parse(&device).ok_or(RepoError::Damaged("device"))?,
            incarnation: Incarnation::parse(&incarnation)
                .ok_or(RepoError::Damaged("incarnation"))?,
            seq: row.get(2)?,
            hash: ChainHash::from_bytes(row.get(3)?),
        });
    }
    Ok(Facts {
        epoch: system::epoch(conn)?,
        heads,
        ops: conn.query_row("SELECT count(*) FROM journal", (), |row| row.get(0))?,
        documents,
    })
}
