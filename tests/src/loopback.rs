//! The bridge over loopback HTTP, for Playwright and development: the same commands as the window, no other.
//!
//! `POST /cmd/<name>` · `GET /events?since=N` · `GET /doc/<ticket>` · the built pages. Never part of what ships.
//!
//! With a [`Proxy`] between the desk and its server also `GET /line` (its address and counts), `POST /line` (weather and
//! cuts) and `GET /scan?side=2580&seed=1` (a scan of about three bytes a pixel that does not compress). `GET /id-card` is a
//! photo of a specimen.

use crate::Failure;
use crate::papers::{id_card_photo, scan};
use crate::proxy::{Cut, Direction, Proxy, Slow, Stall, Weather};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use desk_app::Desk;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Shorter than any client's patience.
const POLL: Duration = Duration::from_secs(20);
/// A 20 MB document in base64 and its frame.
const BODY_BYTES: usize = 32 * 1024 * 1024;

#[derive(Clone)]
struct Host {
    desk: Desk,
    pages: PathBuf,
    line: Option<Arc<Proxy>>,
}

/// A change of the line; what is not named stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineChange {
    /// 0 is a fair line, with no bound.
    bytes_per_s: Option<u32>,
    /// A pause of so long after every 40 KB, as loss looks from above TCP.
    stall_ms: Option<u64>,
    /// Cut after so many more bytes from the desk, each counted from here.
    cut_after: Option<Vec<u64>>,
    cut_now: Option<bool>,
}

/// Serves until the process ends. Refuses to listen anywhere but on loopback.
pub async fn serve(
    desk: Desk,
    pages: PathBuf,
    line: Option<Proxy>,
    listen: SocketAddr,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    if !listen.ip().is_loopback() {
        return Err(Failure::new("the loopback host listens on loopback only"));
    }
    let router = Router::new()
        .route("/cmd/{name}", post(command))
        .route("/events", get(events))
        .route("/doc/{ticket}", get(document))
        .route("/line", get(line_state).post(change_line))
        .route("/scan", get(a_scan))
        .route("/id-card", get(an_id_card))
        .fallback(get(page))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES))
        .with_state(Host {
            desk,
            pages,
            line: line.map(Arc::new),
        });
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(Failure::at("listen"))?;
    ready(listener.local_addr().map_err(Failure::at("listen"))?);
    axum::serve(listener, router)
        .await
        .map_err(Failure::at("serve"))
}

async fn command(
    State(host): State<Host>,
    Path(name): Path<String>,
    Json(arguments): Json<Value>,
) -> Response {
    let answer = tokio::task::spawn_blocking(move || {
        desk_app::commands::dispatch(&host.desk, &name, arguments)
    })
    .await;
    match answer {
        Ok(Ok(mut value)) => {
            if name_is_ticket(&value) {
                rewrite_ticket(&mut value);
            }
            Json(value).into_response()
        }
        Ok(Err(error)) => (StatusCode::BAD_REQUEST, Json(error)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A ticket's address is of the window's private scheme; a browser gets the same ticket over HTTP.
fn rewrite_ticket(value: &mut Value) {
    let Some(url) = value.get("url").and_then(Value::as_str) else {
        return;
    };
    let ticket = url.rsplit('/').next().unwrap_or_default().to_owned();
    *value = serde_json::json!({ "url": format!("/doc/{ticket}") });
}

fn name_is_ticket(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|object| object.len() == 1 && object.contains_key("url"))
}

async fn events(State(host): State<Host>, Query(query): Query<BTreeMap<String, u64>>) -> Response {
    let since = query.get("since").copied().unwrap_or(0);
    let changed = tokio::task::spawn_blocking(move || host.desk.events_since(since, POLL)).await;
    match changed {
        Ok(Some(changed)) => Json(changed).into_response(),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn document(State(host): State<Host>, Path(ticket): Path<String>) -> Response {
    match host.desk.redeem(&ticket) {
        Some((mime, bytes)) => (
            [
                (header::CONTENT_TYPE, mime),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ],
            bytes,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn line_state(State(host): State<Host>) -> Response {
    let Some(line) = host.line else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let counts = line.counts();
    let (url, up, down, cuts) = (line.url(), counts.up, counts.down, counts.cuts);
    Json(json!({ "url": url, "up": up, "down": down, "cuts": cuts })).into_response()
}

async fn change_line(State(host): State<Host>, Json(change): Json<LineChange>) -> Response {
    let Some(line) = &host.line else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let stall = change.stall_ms.map(|ms| Stall {
        every_bytes: 40_000,
        lasts: Duration::from_millis(ms),
    });
    match change.bytes_per_s {
        Some(0) => line.set(Weather::Fair),
        Some(bytes_per_s) => line.set(Weather::Slow(Slow { bytes_per_s, stall })),
        None => {}
    }
    if let Some(after) = change.cut_after {
        let up = line.counts().up;
        line.plan(after.into_iter().map(|more| Cut {
            direction: Direction::Up,
            after: up.saturating_add(more),
        }));
    }
    if change.cut_now == Some(true) {
        line.cut_now();
    }
    line_state(State(host)).await
}

async fn a_scan(Query(query): Query<BTreeMap<String, u64>>) -> Response {
    // Three bytes a pixel: 2,580 is the largest that a desk still takes.
    let side = query.get("side").copied().unwrap_or(2_580).clamp(8, 2_580);
    let seed = query.get("seed").copied().unwrap_or(1);
    let drawn =
        u32::try_from(side).map_or_else(|_| Err(Failure::new("a side")), |side| scan(side, seed));
    match drawn {
        Ok(bytes) => ([(header::CONTENT_TYPE, "image/png")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn an_id_card() -> Response {
    match id_card_photo() {
        Ok(bytes) => ([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The built pages, by plain file name below the folder.
async fn page(State(host): State<Host>, uri: axum::http::Uri) -> Response {
    let wanted = uri.path().trim_start_matches('/');
    let plain = !wanted
        .split('/')
        .any(|part| part == ".." || part.contains('\\'));
    let file = if wanted.is_empty() || !plain {
        host.pages.join("index.html")
    } else {
        host.pages.join(wanted)
    };
    let mime = match file.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some(_) | None => "application/octet-stream",
    };
    match tokio::fs::read(&file).await {
        Ok(bytes) => ([(header::CONTENT_TYPE, mime)], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
