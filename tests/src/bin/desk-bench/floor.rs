//! The floor of G1 and G2: axum and SQLite and nothing else. One row, one transaction, one fsync a request; or what waits
//! together shares one.

use crate::{raw, same};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use desk_tests::Failure;
use rusqlite::{Connection, params};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

type Shared = Arc<Mutex<Connection>>;

/// Serves until it is killed. The first line it prints is its address. Beside the file of an office it has that floor too
/// which writes the same rows.
pub fn serve(db: &Path, like: Option<&Path>) -> Result<(), Failure> {
    let conn = raw::plain(db)?;
    conn.execute_batch(
        "CREATE TABLE ticket (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;",
    )
    .map_err(Failure::at("make the table"))?;
    let grouped = Router::new()
        .route("/grouped", post(create_grouped))
        .with_state(group(raw::plain(db)?)?);
    let alike = like.map(|office| same::router(&db.with_extension("same"), office));
    let alike = alike.transpose()?.unwrap_or_default();
    let shared: Shared = Arc::new(Mutex::new(conn));
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::at("start a runtime"))?;
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(Failure::at("listen"))?;
        let address = listener.local_addr().map_err(Failure::at("listen"))?;
        writeln!(std::io::stdout(), "{address}").map_err(Failure::at("print"))?;
        let router = Router::new()
            .route("/ticket", post(create))
            .route("/batch", post(create_many))
            .with_state(shared)
            .merge(grouped)
            .merge(alike);
        axum::serve(listener, router)
            .await
            .map_err(Failure::at("serve"))
    })
}

async fn create(State(shared): State<Shared>, body: Bytes) -> Result<String, StatusCode> {
    let request: serde_json::Value =
        serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let written = tokio::task::spawn_blocking(move || write(&shared, &request, &body)).await;
    let number = written
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(format!("{{\"n\":{number}}}"))
}

async fn create_many(State(shared): State<Shared>, body: Bytes) -> Result<String, StatusCode> {
    let request: Batch = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let written = tokio::task::spawn_blocking(move || write_many(&shared, &request)).await;
    let number = written
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(format!("{{\"n\":{number}}}"))
}

/// What the floor reads of a push: its ops, unread.
#[derive(serde::Deserialize)]
struct Batch {
    ops: Vec<Box<serde_json::value::RawValue>>,
}

fn write_many(shared: &Shared, batch: &Batch) -> rusqlite::Result<i64> {
    let conn = shared.lock().unwrap_or_else(PoisonError::into_inner);
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for op in &batch.ops {
        conn.prepare_cached("INSERT INTO ticket (kind, bytes) VALUES ('op', ?1)")?
            .execute(params![op.get().as_bytes()])?;
    }
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(conn.last_insert_rowid())
}

fn write(shared: &Shared, request: &serde_json::Value, body: &[u8]) -> rusqlite::Result<i64> {
    let kind = request
        .get("device")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let conn = shared.lock().unwrap_or_else(PoisonError::into_inner);
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    conn.prepare_cached("INSERT INTO ticket (kind, bytes) VALUES (?1, ?2)")?
        .execute(params![kind, body])?;
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(conn.last_insert_rowid())
}

type Row = (Bytes, oneshot::Sender<i64>);
type Queue = mpsc::Sender<Row>;

/// Most rows that share a commit, and most that wait: as many as our own writer takes.
pub const TOGETHER: usize = 64;
pub const WAITING: usize = 256;

/// One thread owns the connection; what waits shares one COMMIT, and nobody is answered before it.
fn group(conn: Connection) -> Result<Queue, Failure> {
    let (queue, mut rows) = mpsc::channel::<Row>(WAITING);
    let work = move || {
        while let Some(first) = rows.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < TOGETHER {
                match rows.try_recv() {
                    Ok(row) => batch.push(row),
                    Err(_) => break,
                }
            }
            // A row that is not written is not answered, and the bench counts.
            if let Ok(numbers) = write_grouped(&conn, &batch) {
                for ((_, tell), number) in batch.into_iter().zip(numbers) {
                    let _ = tell.send(number);
                }
            }
        }
    };
    std::thread::Builder::new()
        .spawn(work)
        .map_err(Failure::at("start a thread"))?;
    Ok(queue)
}

fn write_grouped(conn: &Connection, batch: &[Row]) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut numbers = Vec::with_capacity(batch.len());
    for (body, _) in batch {
        conn.prepare_cached("INSERT INTO ticket (kind, bytes) VALUES ('push', ?1)")?
            .execute(params![body.as_ref()])?;
        numbers.push(conn.last_insert_rowid());
    }
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(numbers)
}

async fn create_grouped(State(queue): State<Queue>, body: Bytes) -> Result<String, StatusCode> {
    serde_json::from_slice::<serde_json::Value>(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let (tell, told) = oneshot::channel();
    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    queue.send((body, tell)).await.map_err(|_| failed)?;
    let number = told.await.map_err(|_| failed)?;
    Ok(format!("{{\"n\":{number}}}"))
}
