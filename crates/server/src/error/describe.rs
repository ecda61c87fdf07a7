//! From a code to its answer.

use super::{ANSWERS, Answer, admin, call, execution, people};
use axum::http::StatusCode;

/// Every answer there is.
pub(super) fn answers() -> impl Iterator<Item = &'static Answer> {
    let all = [
        ANSWERS,
        admin::ANSWERS,
        call::ANSWERS,
        execution::ANSWERS,
        people::ANSWERS,
    ];
    all.into_iter().flatten()
}

/// Status, retryability and words of a code.
pub(super) fn describe(code: &str) -> (StatusCode, bool, &'static str) {
    let found = answers().find(|(name, ..)| *name == code);
    found.map_or(
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            true,
            "Something failed here; it has been noted.",
        ),
        |(_, status, retryable, message)| (*status, *retryable, *message),
    )
}
