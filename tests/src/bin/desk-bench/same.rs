//! The floor of G2 that does what nobody can leave out: it checks the signature under the last link of the chain, writes the
//! rows that a new case comes to, into tables and indexes like the office's, and shares its commits as we do. It judges
//! nothing, reads nothing, knows no rights. ADR 29.

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
struct Checked {
    device: String,
    op: String,
    hash: [u8; 32],
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

/// What the floor reads of a push of one op.
#[derive(Deserialize)]
struct Push {
    device: String,
    ops: [Box<RawValue>; 1],
    signature: String,
}

#[derive(Deserialize)]
struct Link {
    prev_hash: ChainHash,
}

async fn create(
    State(queue): State<Queue>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<String, StatusCode> {
    let checked = check(&headers, &body).ok_or(StatusCode::UNAUTHORIZED)?;
    let (tell, told) = oneshot::channel();
    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    queue.send((checked, tell)).await.map_err(|_| failed)?;
    let number = told.await.map_err(|_| failed)?;
    Ok(format!("{{\"n\":{number}}}"))
}

/// Where ours has the token of a session, this one has the device's key: it looks nobody up.
fn check(headers: &HeaderMap, body: &[u8]) -> Option<Checked> {
    let key = headers.get("authorization")?.to_str().ok()?;
    let key = hex::decode(key.strip_prefix("Bearer ")?).ok()?;
    let key = VerifyingKey::from_bytes(key.as_slice().try_into().ok()?).ok()?;
    let push: Push = serde_json::from_slice(body).ok()?;
    let [op] = push.ops;
    let link: Link = serde_json::from_str(op.get()).ok()?;
    let hash = ChainHash::after(link.prev_hash, op.get().as_bytes());
    let signature = STANDARD.decode(push.signature).ok()?;
    let signature = Signature::from_slice(&signature).ok()?;
    key.verify_strict(hash.as_bytes(), &signature).ok()?;
    Some(Checked {
        device: push.device,
        op: op.get().to_owned(),
        hash: *hash.as_bytes(),
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
        let before = number;
        // Who is not written is not answered, and the bench counts.
        if write(conn, rows, &batch, &mut number).is_ok() {
            for ((_, tell), number) in batch.into_iter().zip(before..) {
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
        *number += 1;
        one(conn, rows, push, *number)?;
    }
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

fn one(conn: &Connection, rows: &Rows, push: &Checked, n: u64) -> rusqlite::Result<()> {
    // In the order of their making, as ids of ours begin with their time.
    let id = format!("{n:08x}-0000-7000-8000-{n:012x}");
    let hash = push.hash.as_slice();
    conn.prepare_cached(
        "INSERT INTO journal (device, incarnation, seq, op_id, counted, case_id, actor, bytes, hash, content, outcome, \
         received_at, position) VALUES (?1, ?1, ?2, ?3, 1, ?3, ?1, ?4, ?5, ?5, ?6, ?2, ?2)",
    )?
    .execute(params![push.device, n, id, push.op, hash, rows.outcome])?;
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
    conn.prepare_cached("UPDATE counter SET position = ?1 WHERE office = 'SAME1'")?
        .execute([n])?;
    conn.prepare_cached(
        "INSERT INTO feed (office, position, thing, id) VALUES ('SAME1', ?1, 'case', ?2)",
    )?
    .execute(params![n, id])?;
    conn.prepare_cached(
        "INSERT INTO head (device, incarnation, seq, hash) VALUES (?1, ?1, ?2, ?3) \
         ON CONFLICT (device, incarnation) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
    )?
    .execute(params![push.device, n, hash])?;
    Ok(())
}
