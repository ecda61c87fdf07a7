//! Errors at the edges: why a server does not start, and what a desk is told.

mod admin;
mod call;
mod describe;
mod execution;
mod people;

use crate::repo::RepoError;
use crate::repo::sql::Meaning;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk_protocol::error::{self as code, Problem};
use std::collections::BTreeMap;

/// Why the server, or a command of it, stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{0}: {1}")]
    Io(&'static str, #[source] std::io::Error),
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("another server works in this data directory")]
    InUse,
    #[error("{0} connections of servers to this database are open: stop every server first")]
    Serving(u64),
    #[error("{0} things are wrong")]
    Unwell(usize),
    #[error("the rules do not load: {0}")]
    Rules(String),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Objects(#[from] crate::objects::BadLocation),
    #[error("the server ended before it listened")]
    Ended,
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistryError),
    #[error("{refused} of {all} bundles were not taken in; nothing of them was applied")]
    BundlesRefused { refused: usize, all: usize },
    #[error("the return bundle was not written: {0}")]
    NoReturn(String),
    #[error("file: {0}")]
    Json(#[from] serde_json::Error),
}

/// How long a desk is asked to stay away from a server that has too much to do.
const BUSY_SECONDS: u64 = 5;

/// Status, whether the same request may succeed later, and the words, by code.
type Answer = (&'static str, StatusCode, bool, &'static str);
const ANSWERS: &[Answer] = &[
    (
        code::CODE_NO_GATEWAY,
        StatusCode::CONFLICT,
        false,
        "This server has no way to send messages; use another proof.",
    ),
    (
        code::CODE_NO_MERCHANT,
        StatusCode::CONFLICT,
        false,
        "Locate the merchant by the blind match first.",
    ),
    (
        code::CODE_PHONE_TOO_NEW,
        StatusCode::CONFLICT,
        false,
        "The number of record changed less than 30 days ago; use another proof.",
    ),
    (
        code::CODE_TOO_MANY_SENDS,
        StatusCode::TOO_MANY_REQUESTS,
        false,
        "Three codes in 24 hours is the limit; use another proof.",
    ),
    (
        code::CODE_EXPIRED,
        StatusCode::CONFLICT,
        false,
        "No code is valid any more; send a new one.",
    ),
    (
        code::CODE_TOO_MANY_TRIES,
        StatusCode::TOO_MANY_REQUESTS,
        false,
        "Three wrong tries; send a new code.",
    ),
    (
        code::SIGN_IN_WRONG,
        StatusCode::UNAUTHORIZED,
        false,
        "Login or password is wrong.",
    ),
    (
        code::SIGN_IN_LOCKED,
        StatusCode::TOO_MANY_REQUESTS,
        true,
        "Too many tries; wait and try again.",
    ),
    (
        code::TOKEN_EXPIRED,
        StatusCode::UNAUTHORIZED,
        false,
        "The session has expired; refresh it.",
    ),
    (
        code::TOKEN_INVALID,
        StatusCode::UNAUTHORIZED,
        false,
        "The session is not valid; sign in again.",
    ),
    (
        code::DEVICE_UNKNOWN,
        StatusCode::FORBIDDEN,
        false,
        "This device is not enrolled here.",
    ),
    (
        code::DEVICE_PENDING,
        StatusCode::FORBIDDEN,
        true,
        "An administrator has not approved this device yet.",
    ),
    (
        code::DEVICE_REVOKED,
        StatusCode::FORBIDDEN,
        false,
        "This device has been revoked.",
    ),
    (
        code::ENROL_CODE_WRONG,
        StatusCode::FORBIDDEN,
        false,
        "The code is wrong or was used before; ask for a new one.",
    ),
    (
        code::ENROL_CODE_EXPIRED,
        StatusCode::FORBIDDEN,
        false,
        "The code has expired; ask for a new one.",
    ),
    (
        code::FORBIDDEN,
        StatusCode::FORBIDDEN,
        false,
        "Your role does not allow this.",
    ),
    (
        code::NOT_FOUND,
        StatusCode::NOT_FOUND,
        false,
        "There is no such thing here.",
    ),
    (
        code::BAD_JSON,
        StatusCode::BAD_REQUEST,
        false,
        "The request is not the agreed JSON.",
    ),
    (
        code::TOO_LARGE,
        StatusCode::PAYLOAD_TOO_LARGE,
        false,
        "The request is larger than allowed; send less.",
    ),
    (
        code::UPGRADE_REQUIRED,
        StatusCode::UPGRADE_REQUIRED,
        false,
        "This desk is too old to read; it may still send.",
    ),
    (
        code::FORK,
        StatusCode::CONFLICT,
        false,
        "Another history of this device is stored here.",
    ),
    (
        code::GAP,
        StatusCode::CONFLICT,
        false,
        "Earlier operations are missing; send them first.",
    ),
    (
        code::BAD_SIGNATURE,
        StatusCode::BAD_REQUEST,
        false,
        "The push is not signed by this device.",
    ),
    (
        code::BAD_CHAIN,
        StatusCode::BAD_REQUEST,
        false,
        "The operations do not form a chain.",
    ),
    (
        code::BAD_OP,
        StatusCode::BAD_REQUEST,
        false,
        "An operation is not well formed.",
    ),
    (
        code::BAD_GROUP,
        StatusCode::BAD_REQUEST,
        false,
        "The operations of one action must come together, as one group.",
    ),
    (
        code::CURSOR_INVALID,
        StatusCode::CONFLICT,
        false,
        "The cursor does not belong to this feed; fill anew.",
    ),
    (
        code::DOCUMENT_UNKNOWN,
        StatusCode::NOT_FOUND,
        true,
        "No operation has announced this document yet.",
    ),
    (
        code::CHUNK_MISMATCH,
        StatusCode::UNPROCESSABLE_ENTITY,
        true,
        "The chunk is not the one announced; send it again.",
    ),
    (
        code::DOCUMENT_INCOMPLETE,
        StatusCode::CONFLICT,
        true,
        "Chunks are missing; send them first.",
    ),
    (
        code::DOCUMENT_MISMATCH,
        StatusCode::UNPROCESSABLE_ENTITY,
        true,
        "The whole is not the one announced; send it again.",
    ),
    (
        code::LINK_UNKNOWN,
        StatusCode::NOT_FOUND,
        false,
        "This link is not known here; ask for a new one.",
    ),
    (
        code::LINK_OVER,
        StatusCode::GONE,
        false,
        "This link is over; ask for a new one.",
    ),
    (
        code::LINK_FULL,
        StatusCode::TOO_MANY_REQUESTS,
        false,
        "This link has brought as much as a link may bring; ask for a new one.",
    ),
    (
        code::LINK_KIND,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "This paper is not asked for; choose one of the list.",
    ),
    (
        code::LINK_TOO_MANY,
        StatusCode::TOO_MANY_REQUESTS,
        false,
        "As many links as a case may have in a day; use one that was sent.",
    ),
    (
        code::LINK_NO_PHONE,
        StatusCode::CONFLICT,
        false,
        "There is no number to send it to; show the code instead.",
    ),
    (
        code::LINK_NO_ADDRESS,
        StatusCode::CONFLICT,
        false,
        "The server does not know its public address (--public-url); show the code instead.",
    ),
    (
        code::LINK_CASE_OVER,
        StatusCode::CONFLICT,
        false,
        "The case takes no more papers.",
    ),
    (
        code::UPLOAD_REFUSED,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The file cannot be taken; take a new photo of the paper.",
    ),
    (
        code::PROGRESS_WRONG,
        StatusCode::NOT_FOUND,
        false,
        "Case number and code do not belong together.",
    ),
    (
        code::BUNDLE_NOT_A_BUNDLE,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "This is not a bundle.",
    ),
    (
        code::BUNDLE_WRONG_VERSION,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The bundle is of another format version; bring both programs up to date.",
    ),
    (
        code::BUNDLE_TRUNCATED,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The end of the bundle is missing; copy it again from the stick.",
    ),
    (
        code::BUNDLE_DAMAGED,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The bundle is damaged; nothing was applied. Export it again.",
    ),
    (
        code::BUNDLE_NOT_FOR_US,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The bundle is sealed for somebody else.",
    ),
    (
        code::BUNDLE_WRONG_WAY,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "This bundle goes to a desk, not to headquarters.",
    ),
    (
        code::BUNDLE_UNKNOWN_SENDER,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The desk that made the bundle is not enrolled here.",
    ),
    (
        code::BUNDLE_BAD_SIGNATURE,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The bundle is not signed by the desk it names; nothing was applied.",
    ),
    (
        code::BUNDLE_TOO_LARGE,
        StatusCode::PAYLOAD_TOO_LARGE,
        false,
        "The bundle claims more than a bundle may hold; nothing was applied.",
    ),
    (
        code::BUNDLE_OUT_OF_ORDER,
        StatusCode::CONFLICT,
        false,
        "An earlier bundle of this desk is missing; bring it first.",
    ),
    (
        code::RATE_LIMITED,
        StatusCode::TOO_MANY_REQUESTS,
        true,
        "Too many requests; wait and try again.",
    ),
    (
        code::UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
        true,
        "Not possible right now; try again.",
    ),
];

/// A refusal on its way to a desk. The outermost layer puts it into an envelope.
#[derive(Clone, Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub problem: Box<Problem>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u64>,
}

impl ApiError {
    /// A refusal by its code; status, words and retryability follow from it.
    pub fn new(code: &'static str) -> Self {
        let (status, retryable, message) = describe::describe(code);
        Self {
            status,
            problem: Box::new(Problem {
                code: code.to_owned(),
                message: message.to_owned(),
                field: None,
                retryable,
                params: BTreeMap::new(),
            }),
            retry_after: None,
        }
    }
    /// Adds a parameter; never personal data.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.problem
            .params
            .insert(name.to_owned(), value.to_string());
        self
    }
    /// Names the field at fault.
    #[must_use]
    pub fn at(mut self, field: &str) -> Self {
        self.problem.field = Some(field.to_owned());
        self
    }
    /// Asks to come back later.
    #[must_use]
    pub fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<RepoError> for ApiError {
    fn from(error: RepoError) -> Self {
        // A reader met it: the writer has words of its own for both.
        let gone = matches!(&error, RepoError::Sql(sql) if matches!(sql.meaning(), Meaning::Gone | Meaning::Again));
        let busy = gone || matches!(error, RepoError::Busy | RepoError::Unreachable);
        if busy {
            // A bad moment, not a defect: who asked comes again.
            tracing::warn!(%error, "repository");
            return Self::new(code::UNAVAILABLE).after(BUSY_SECONDS);
        }
        tracing::error!(%error, "repository");
        match &error {
            RepoError::Stopped
            | RepoError::CommitFailed
            | RepoError::NoRole
            | RepoError::Policy(_) => Self::new(code::UNAVAILABLE).after(1),
            RepoError::Busy
            | RepoError::Unreachable
            | RepoError::Sql(_)
            | RepoError::Json(_)
            | RepoError::Migration(_)
            | RepoError::Op(_)
            | RepoError::Thread(_)
            | RepoError::Damaged(_)
            | RepoError::BadEntry(_)
            | RepoError::Unclear
            | RepoError::Panicked => Self::new(code::INTERNAL),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::describe::answers;
    use desk_protocol::error;

    #[test]
    fn every_code_of_the_protocol_has_an_answer_of_its_own() {
        let missing: Vec<_> = error::ALL
            .iter()
            .filter(|code| **code != error::INTERNAL && !answers().any(|(name, ..)| name == *code))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
