//! The private scheme `deskdoc:`: one single-use ticket, one picture, nothing cached.

use desk_app::Desk;
use tauri::http::{Request, Response, StatusCode, header};

/// Answers `deskdoc://localhost/<ticket>`; anything else is 404.
pub fn serve(desk: &Desk, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let ticket = request.uri().path().trim_start_matches('/');
    let (status, mime, bytes) = match desk.redeem(ticket) {
        Some((mime, bytes)) => (StatusCode::OK, mime, bytes),
        None => (StatusCode::NOT_FOUND, "text/plain".to_owned(), Vec::new()),
    };
    let built = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, mime)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(bytes);
    built.unwrap_or_default()
}
