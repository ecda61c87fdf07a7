//! What a bucket's answers mean to those who asked.

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error as _;
use std::io;

/// What the store's error means here. Of its text only the status and the code go on: an answer may quote headers.
pub fn said(error: &Error) -> io::Error {
    let text = error.to_string();
    let status = between(&text, "status code: ", ":");
    let code = between(&text, "<Code>", "</Code>");
    let kind = of_answer(error).or_else(|| of_transport(error));
    // An answer of another kind: the store cannot now, or not so.
    let kind = kind.unwrap_or(io::ErrorKind::ResourceBusy);
    io::Error::new(kind, format!("object store: {kind} {status} {code}"))
}

fn of_answer(error: &Error) -> Option<io::ErrorKind> {
    if matches!(error, Error::NotFound { .. }) {
        return Some(io::ErrorKind::NotFound);
    }
    let is_refused = matches!(
        error,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. }
    );
    is_refused.then_some(io::ErrorKind::PermissionDenied)
}

/// Why no answer came, as far as the layers below say.
fn of_transport(error: &Error) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(layer) = cause {
        if let Some(http) = layer.downcast_ref::<HttpError>() {
            return Some(of_http(http.kind()));
        }
        cause = layer.source();
    }
    None
}

fn of_http(kind: HttpErrorKind) -> io::ErrorKind {
    if kind == HttpErrorKind::Timeout {
        io::ErrorKind::TimedOut
    } else if kind == HttpErrorKind::Connect {
        io::ErrorKind::NotConnected
    } else {
        io::ErrorKind::ConnectionAborted
    }
}

/// The text between two marks; at most a line's worth of it.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    let found = rest.split_once(after).map_or("", |(found, _)| found);
    if found.len() > 60 { "" } else { found }
}
