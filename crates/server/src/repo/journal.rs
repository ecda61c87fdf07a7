//! The log of ops: what stands at each seq, what each op_id came to, and where each chain ends.

use super::RepoError;
use super::sql::Kind::{Blob, Int, Text};
use super::sql::{Connection, Insert, OptionalExtension, Row, params};
use desk_domain::ids::{CaseId, DeviceId, Incarnation, OpId, UserId};
use desk_domain::op::{ChainHash, Group};
use desk_domain::outcome::Outcome;
use desk_domain::time::Millis;
use desk_protocol::sync::Head;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// One stored op.
#[derive(Clone, Debug)]
pub struct Entry {
    pub device: DeviceId,
    pub incarnation: Incarnation,
    pub seq: u64,
    pub op_id: OpId,
    /// False for a second copy of an op that was judged before.
    pub counted: bool,
    pub case: Option<CaseId>,
    pub actor: Option<UserId>,
    /// None where the desk parked the op.
    pub bytes: Option<String>,
    pub hash: ChainHash,
    pub content: ChainHash,
    pub outcome: Outcome,
}

const HEAD: &str = "SELECT seq, hash FROM head WHERE device = ?1 AND incarnation = ?2";
const JUDGED: &str = "SELECT op_id, content, outcome FROM journal WHERE op_id = ?1 AND counted = 1";
/// Cases for which an op waits.
const WAITED_FOR: &str = "SELECT DISTINCT case_id FROM journal WHERE case_id = ?1 AND counted = 1 \
     AND outcome = '{\"is\":\"held\",\"why\":\"missing_dependency\"}' AND bytes IS NOT NULL";
static ROWS: LazyLock<Insert> = LazyLock::new(|| {
    let columns = [
        ("device", Text),
        ("incarnation", Text),
        ("seq", Int),
        ("op_id", Text),
        ("counted", Int),
        ("case_id", Text),
        ("actor", Text),
        ("bytes", Text),
        ("hash", Blob),
        ("content", Blob),
        ("outcome", Text),
        ("received_at", Int),
        ("position", Int),
    ];
    Insert::into("journal", &columns, "")
});
/// Ops that wait for a case, at most 500 of them that one push judges again. A number that stands in the words is known
/// when the statement is made ready; one that is bound makes SQLite make it ready anew each time.
const WAITING_ON: &str = "SELECT device, incarnation, seq, bytes FROM journal WHERE case_id = ?1 AND counted = 1 \
     AND outcome = '{\"is\":\"held\",\"why\":\"missing_dependency\"}' AND bytes IS NOT NULL ORDER BY rowid LIMIT 500";

/// Asks ahead for what [`head`] reads.
pub fn ask_head(
    conn: &Connection,
    device: DeviceId,
    incarnation: Incarnation,
) -> Result<(), RepoError> {
    Ok(conn.ahead(HEAD, params![device.to_string(), incarnation.to_string()])?)
}

/// Asks ahead for what [`judged`] reads.
pub fn ask_judged(conn: &Connection, ops: &BTreeSet<OpId>) -> Result<(), RepoError> {
    Ok(conn.ahead_each(JUDGED, &texts(ops))?)
}

/// Asks ahead for what [`waited_for`] reads.
pub fn ask_waited_for(conn: &Connection, cases: &BTreeSet<CaseId>) -> Result<(), RepoError> {
    Ok(conn.ahead_each(WAITED_FOR, &texts(cases))?)
}

/// The end of one chain; seq 0 and genesis when nothing is there.
pub fn head(
    conn: &Connection,
    device: DeviceId,
    incarnation: Incarnation,
) -> Result<Head, RepoError> {
    let row = conn
        .prepare_cached(HEAD)?
        .query_row(
            params![device.to_string(), incarnation.to_string()],
            |row| Ok((row.get(0)?, hash_at(row, 1)?)),
        )
        .optional()?;
    let (seq, hash) = row.unwrap_or((0, ChainHash::GENESIS));
    Ok(Head {
        incarnation,
        seq,
        hash,
    })
}

/// The ends of all chains of a device.
pub fn heads(conn: &Connection, device: DeviceId) -> Result<Vec<Head>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT incarnation, seq, hash FROM head WHERE device = ?1 ORDER BY incarnation",
    )?;
    let rows = select.query_map([device.to_string()], |row| {
        Ok((row.get::<String>(0)?, row.get(1)?, hash_at(row, 2)?))
    })?;
    let mut heads = Vec::new();
    for row in rows {
        let (incarnation, seq, hash) = row?;
        let incarnation = Incarnation::from_uuid(
            CaseId::parse(&incarnation)
                .ok_or(RepoError::Damaged("incarnation"))?
                .uuid(),
        );
        heads.push(Head {
            incarnation,
            seq,
            hash,
        });
    }
    Ok(heads)
}

/// The life under which a device wrote last; its own id stands for one that has not written.
pub fn newest_life(conn: &Connection, device: DeviceId) -> Result<Incarnation, RepoError> {
    let lives = heads(conn, device)?;
    // Ids begin with their time.
    let newest = lives.into_iter().map(|head| head.incarnation).max();
    Ok(newest.unwrap_or_else(|| Incarnation::from_uuid(device.uuid())))
}

/// Moves the end of a chain.
pub fn move_head(conn: &Connection, device: DeviceId, head: Head) -> Result<(), RepoError> {
    conn.prepare_cached(
        "INSERT INTO head (device, incarnation, seq, hash) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (device, incarnation) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
    )?
    .put(params![
        device.to_string(),
        head.incarnation.to_string(),
        head.seq,
        head.hash.as_bytes().as_slice()
    ])?;
    Ok(())
}

/// Hash and outcome of what stands at one seq.
pub fn at(
    conn: &Connection,
    device: DeviceId,
    incarnation: Incarnation,
    seq: u64,
) -> Result<Option<(ChainHash, Outcome)>, RepoError> {
    let row: Option<(ChainHash, String)> = conn
        .prepare_cached(
            "SELECT hash, outcome FROM journal WHERE device = ?1 AND incarnation = ?2 AND seq = ?3",
        )?
        .query_row(
            params![device.to_string(), incarnation.to_string(), seq],
            |row| Ok((hash_at(row, 0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((hash, outcome)) = row else {
        return Ok(None);
    };
    Ok(Some((hash, serde_json::from_str(&outcome)?)))
}

/// What those of the ops that were judged before came to, and what they said then.
pub fn judged(
    conn: &Connection,
    ops: &BTreeSet<OpId>,
) -> Result<BTreeMap<OpId, (ChainHash, Outcome)>, RepoError> {
    let rows = conn.query_each(JUDGED, &texts(ops), |row| {
        Ok((
            row.get::<String>(0)?,
            hash_at(row, 1)?,
            row.get::<String>(2)?,
        ))
    })?;
    let mut judged = BTreeMap::new();
    for (op, content, outcome) in rows {
        let op = OpId::parse(&op).ok_or(RepoError::Damaged("op id"))?;
        judged.insert(op, (content, serde_json::from_str(&outcome)?));
    }
    Ok(judged)
}

/// Appends ops, each with the position that carries it.
pub fn append<'a>(
    conn: &Connection,
    entries: impl IntoIterator<Item = (&'a Entry, u64)>,
    now: Millis,
) -> Result<(), RepoError> {
    conn.put_rows(&ROWS, |rows| {
        for (entry, position) in entries {
            rows.put(params![
                entry.device.to_string(),
                entry.incarnation.to_string(),
                entry.seq,
                entry.op_id.to_string(),
                entry.counted,
                entry.case.map(|id| id.to_string()),
                entry.actor.map(|id| id.to_string()),
                entry.bytes,
                entry.hash.as_bytes().as_slice(),
                entry.content.as_bytes().as_slice(),
                serde_json::to_string(&entry.outcome)?,
                now,
                position,
            ])?;
        }
        Ok(())
    })
}

/// Where an op stands.
pub type Place = (String, String, u64);

/// An op that was stored and not judged.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub place: Place,
    pub bytes: String,
}

/// Those of the cases for which ops wait that came before what they refer to.
pub fn waited_for(
    conn: &Connection,
    cases: &BTreeSet<CaseId>,
) -> Result<BTreeSet<CaseId>, RepoError> {
    let found = conn.query_each(WAITED_FOR, &texts(cases), |row| row.get::<String>(0))?;
    let found = found.iter().map(|case| CaseId::parse(case));
    found
        .collect::<Option<_>>()
        .ok_or(RepoError::Damaged("case id"))
}

/// Ops of a case that came before what they refer to, in the order in which they came.
pub fn waiting_on(conn: &Connection, case: CaseId) -> Result<Vec<Waiting>, RepoError> {
    let mut select = conn.prepare_cached(WAITING_ON)?;
    let rows = select.query_map([case.to_string()], |row| waiting(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ops that an older server could not judge, after a row of the log, with their rows.
pub fn held_after(
    conn: &Connection,
    after: i64,
    most: usize,
) -> Result<Vec<(i64, Waiting)>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT rowid, device, incarnation, seq, bytes FROM journal WHERE counted = 1 AND rowid > ?1 \
         AND outcome IN ('{\"is\":\"held\",\"why\":\"unknown_kind\"}', '{\"is\":\"held\",\"why\":\"internal\"}') \
         AND bytes IS NOT NULL ORDER BY rowid LIMIT ?2",
    )?;
    let rows = select.query_map(params![after, most], |row| {
        Ok((row.get(0)?, waiting(row, 1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn waiting(row: &Row<'_>, from: usize) -> Result<Waiting, super::sql::SqlError> {
    let place = (row.get(from)?, row.get(from + 1)?, row.get(from + 2)?);
    Ok(Waiting {
        place,
        bytes: row.get(from + 3)?,
    })
}

/// One op of a group as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub place: Place,
    pub op_id: OpId,
    pub counted: bool,
    /// None where the desk parked the op.
    pub bytes: Option<String>,
    pub outcome: Outcome,
}

/// The whole group of an op: groups are stored whole, one op behind the other.
pub fn group_of(conn: &Connection, place: &Place, group: &Group) -> Result<Vec<Stored>, RepoError> {
    let (device, incarnation, seq) = place;
    let first = seq.saturating_sub(u64::from(group.i));
    let last = first.saturating_add(u64::from(group.len)).saturating_sub(1);
    let mut select = conn.prepare_cached(
        "SELECT device, incarnation, seq, op_id, counted, bytes, outcome FROM journal \
         WHERE device = ?1 AND incarnation = ?2 AND seq BETWEEN ?3 AND ?4 ORDER BY seq",
    )?;
    let mut rows = select.query(params![device, incarnation, first, last])?;
    let mut members = Vec::new();
    while let Some(row) = rows.next()? {
        let op_id: String = row.get(3)?;
        let outcome: String = row.get(6)?;
        members.push(Stored {
            place: (row.get(0)?, row.get(1)?, row.get(2)?),
            op_id: OpId::parse(&op_id).ok_or(RepoError::Damaged("op id"))?,
            counted: row.get(4)?,
            bytes: row.get(5)?,
            outcome: serde_json::from_str(&outcome)?,
        });
    }
    Ok(members)
}

/// Gives a waiting op its outcome; `position` carries it to the desk that wrote it.
pub fn settle(
    conn: &Connection,
    place: &Place,
    outcome: &Outcome,
    position: u64,
) -> Result<(), RepoError> {
    let (device, incarnation, seq) = place;
    conn.prepare_cached(
        "UPDATE journal SET outcome = ?4, position = ?5 WHERE device = ?1 AND incarnation = ?2 AND seq = ?3",
    )?
    .put(params![device, incarnation, seq, serde_json::to_string(outcome)?, position])?;
    Ok(())
}

/// How many ops are stored, and how many of them count.
pub fn count(conn: &Connection) -> Result<(u64, u64), RepoError> {
    Ok(conn.query_row(
        "SELECT count(*), CAST(coalesce(sum(counted), 0) AS BIGINT) FROM journal",
        (),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?)
}

fn hash_at(row: &Row<'_>, column: usize) -> Result<ChainHash, super::sql::SqlError> {
    Ok(ChainHash::from_bytes(row.get(column)?))
}

/// Ids as they are stored.
pub(super) fn texts<T: ToString>(ids: &BTreeSet<T>) -> BTreeSet<String> {
    ids.iter().map(ToString::to_string).collect()
}
