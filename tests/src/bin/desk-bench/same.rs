//! The floor of G2 and G8 that does what nobody can leave out: it follows the chain of a push, checks the signature under its
//! last link, writes the rows that ops and new cases come to, into tables and indexes like the office's, and shares its
//! commits as we do. It judges nothing, reads nothing, knows no rights. ADR 29.

use crate::floor::{TOGETHER, WAITING};
use crate::raw;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::op::ChainHash;
use desk_tests::Failure;
use ed25519_dalek::{Signature, VerifyingKey};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};

/// The tables that a new case is written to.
const TABLES: &str = "'journal', 'case_file', 'timeline', 'feed', 'counter', 'head'";

/// Rows as long as those of a case that was stored.
struct Rows {
    outcome: String,
    snapshot: String,
    lines: Vec<String>,
}

/// A push whose signature holds.
pub struct Checked {
    device: String,
    pub ops: Vec<Chained>,
}

/// An op and its link of the chain.
pub struct Chained {
    pub bytes: String,
    hash: [u8; 32],
    /// The first one of its case.
    opens: bool,
}

type Queue = mpsc::Sender<(Checked, oneshot::Sender<u64>)>;

/// Serves `/same` over a new file `db` with tables like those of `office`, where at least one case is stored.
pub fn router(db: &Path, office: &Path) -> Result<Router, Failure> {
    let conn = raw::plain(db)?;
    let rows = copy(&conn, &raw::plain(office)?).map_err(Failure::at("make tables alike"))?;
    let (queue, work) = mpsc::channel(WAITING);
    std::thread::Builder::new()
        .spawn(move || run(&conn, &rows, work))
        .map_err(Failure::at("start a thread"))?;
    Ok(Router::new().route("/same", post(create)).with_state(queue))
}

fn copy(conn: &Connection, office: &Connection) -> rusqlite::Result<Rows> {
    // Whom its rows refer to is not here.
    conn.pragma_update(None, "foreign_keys", "OFF")?;
    let sql = format!(
        "SELECT sql FROM sqlite_master WHERE tbl_name IN ({TABLES}) AND sql IS NOT NULL \
         AND type IN ('table', 'index') ORDER BY type DESC"
    );
    let mut select = office.prepare(&sql)?;
    for sql in select.query_map([], |row| row.get::<_, String>(0))? {
        conn.execute_batch(&sql?)?;
    }
    conn.execute(
        "INSERT INTO counter (office, position) VALUES ('SAME1', 0)",
        [],
    )?;
    let (case, outcome): (String, String) = office.query_row(
        "SELECT case_id, outcome FROM journal WHERE case_id IS NOT NULL ORDER BY rowid DESC LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let snapshot = office
        .query_row(
            "SELECT snapshot FROM case_file WHERE id = ?1",
            [&case],
            |row| row.get(0),
        )
        .optional()?;
    let mut lines = office.prepare("SELECT entry FROM timeline WHERE case_id = ?1")?;
    let lines = lines.query_map([&case], |row| row.get(0))?;
    Ok(Rows {
        outcome,
        snapshot: snapshot.unwrap_or_default(),
        lines: lines.collect::<Result<_, _>>()?,
    })
}

/// What the floor reads of a push.
#[derive(Deserialize)]
struct Push {
    device: String,
    ops: Vec<Box<RawValue>>,
    signature: String,
}

#[derive(Deserialize)]
struct Link<'a> {
    prev_hash: ChainHash,
    case: &'a str,
}

async fn create(
    State(queue): State<Queue>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<String, StatusCode> {
    let key = headers
        .get("authorization")
        .and_then(|key| key.to_str().ok());
    let key = key.and_then(|key| key.strip_prefix("Bearer "));
    let checked = key.and_then(|key| check(key, &body));
    let checked = checked.ok_or(StatusCode::UNAUTHORIZED)?;
    let (tell, told) = oneshot::channel();
    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    queue.send((checked, tell)).await.map_err(|_| failed)?;
    let number = told.await.map_err(|_| failed)?;
    Ok(format!("{{\"n\":{number}}}"))
}

/// Where ours has the token of a session, this one has the device's key: it looks nobody up.
pub fn check(key: &str, body: &[u8]) -> Option<Checked> {
    let key = hex::decode(key).ok()?;
    let key = VerifyingKey::from_bytes(key.as_slice().try_into().ok()?).ok()?;
    let push: Push = serde_json::from_slice(body).ok()?;
    let (mut ops, mut last, mut case) = (Vec::with_capacity(push.ops.len()), None, String::new());
    for op in push.ops {
        let link: Link<'_> = serde_json::from_str(op.get()).ok()?;
        if last.is_some_and(|last| last != link.prev_hash) {
            return None;
        }
        let hash = ChainHash::after(link.prev_hash, op.get().as_bytes());
        last = Some(hash);
        let opens = case != link.case;
        if opens {
            link.case.clone_into(&mut case);
        }
        ops.push(Chained {
            bytes: op.get().to_owned(),
            hash: *hash.as_bytes(),
            opens,
        });
    }
    let signature = STANDARD.decode(push.signature).ok()?;
    let signature = Signature::from_slice(&signature).ok()?;
    key.verify_strict(last?.as_bytes(), &signature).ok()?;
    Some(Checked {
        device: push.device,
        ops,
    })
}

fn run(conn: &Connection, rows: &Rows, mut work: mpsc::Receiver<(Checked, oneshot::Sender<u64>)>) {
    let mut number = 0;
    while let Some(first) = work.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < TOGETHER {
            match work.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        // Who is not written is not answered, and the bench counts.
        if write(conn, rows, &batch, &mut number).is_ok() {
            for (_, tell) in batch {
                let _ = tell.send(number);
            }
        }
    }
}

fn write(
    conn: &Connection,
    rows: &Rows,
    batch: &[(Checked, oneshot::Sender<u64>)],
    number: &mut u64,
) -> rusqlite::Result<()> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for (push, _) in batch {
        one(conn, rows, push, number)?;
    }
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

fn one(conn: &Connection, rows: &Rows, push: &Checked, number: &mut u64) -> rusqlite::Result<()> {
    let (mut case, mut last) = (String::new(), [0; 32]);
    for op in &push.ops {
        *number += 1;
        let n = *number;
        // In the order of their making, as ids of ours begin with their time.
        let id = format!("{n:08x}-0000-7000-8000-{n:012x}");
        if op.opens {
            open_case(conn, rows, &id, n)?;
            case.clone_from(&id);
        }
        last = op.hash;
        let hash = op.hash.as_slice();
        conn.prepare_cached(
            "INSERT INTO journal (device, incarnation, seq, op_id, counted, case_id, actor, bytes, hash, content, outcome, \
             received_at, position) VALUES (?1, ?1, ?2, ?3, 1, ?4, ?1, ?5, ?6, ?6, ?7, ?2, ?2)",
        )?
        .execute(params![push.device, n, id, case, op.bytes, hash, rows.outcome])?;
    }
    conn.prepare_cached("UPDATE counter SET position = ?1 WHERE office = 'SAME1'")?
        .execute([*number])?;
    conn.prepare_cached(
        "INSERT INTO head (device, incarnation, seq, hash) VALUES (?1, ?1, ?2, ?3) \
         ON CONFLICT (device, incarnation) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
    )?
    .execute(params![push.device, *number, last.as_slice()])?;
    Ok(())
}

fn open_case(conn: &Connection, rows: &Rows, id: &str, n: u64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO case_file (office, id, case_no, state, rev, is_open, snapshot, updated_at) \
         VALUES ('SAME1', ?1, ?1, 'draft', 1, 0, ?2, ?3)",
    )?
    .execute(params![id, rows.snapshot, n])?;
    for (at, line) in (0_i64..).zip(&rows.lines) {
        conn.prepare_cached(
            "INSERT INTO timeline (office, case_id, position, n, entry) VALUES ('SAME1', ?1, ?2, ?3, ?4)",
        )?
        .execute(params![id, n, at, line])?;
    }
    conn.prepare_cached(
        "INSERT INTO feed (office, position, thing, id) VALUES ('SAME1', ?1, 'case', ?2)",
    )?
    .execute(params![n, id])?;
    Ok(())
}
