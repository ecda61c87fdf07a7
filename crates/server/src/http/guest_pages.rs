//! The three pages for merchants' phones: fixed files of this program. Nothing of a case is in them; their script asks.

use crate::error::ApiError;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use desk_protocol::error;

/// Own script and style, own requests, pictures just taken; nothing else, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const UPLOAD: &str = include_str!("../../../../assets/guest/upload.html");
const PROGRESS: &str = include_str!("../../../../assets/guest/progress.html");
const STOP: &str = include_str!("../../../../assets/guest/stop.html");
const PARTS: &[(&str, &str, &str)] = &[
    (
        "guest.css",
        STYLE,
        include_str!("../../../../assets/guest/guest.css"),
    ),
    (
        "words.js",
        SCRIPT,
        include_str!("../../../../assets/guest/words.js"),
    ),
    (
        "wire.js",
        SCRIPT,
        include_str!("../../../../assets/guest/wire.js"),
    ),
    (
        "send.js",
        SCRIPT,
        include_str!("../../../../assets/guest/send.js"),
    ),
    (
        "upload.js",
        SCRIPT,
        include_str!("../../../../assets/guest/upload.js"),
    ),
    (
        "stop.js",
        SCRIPT,
        include_str!("../../../../assets/guest/stop.js"),
    ),
    (
        "progress.js",
        SCRIPT,
        include_str!("../../../../assets/guest/progress.js"),
    ),
];

pub async fn upload() -> Response {
    page(HTML, UPLOAD)
}

pub async fn progress() -> Response {
    page(HTML, PROGRESS)
}

pub async fn stop() -> Response {
    page(HTML, STOP)
}

pub async fn part(Path(file): Path<String>) -> Result<Response, ApiError> {
    PARTS
        .iter()
        .find(|(name, ..)| *name == file)
        .map(|(_, kind, text)| page(kind, text))
        .ok_or_else(|| ApiError::new(error::NOT_FOUND))
}

/// Never kept by the phone: a page of an older server must not talk to a newer one.
fn page(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    (headers, text).into_response()
}
