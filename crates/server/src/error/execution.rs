//! What a core system is told whose callback cannot be taken.

use super::Answer;
use axum::http::StatusCode;
use desk_protocol::error as code;

pub(super) const ANSWERS: &[Answer] = &[
    (
        code::EXECUTION_BAD_SIGNATURE,
        StatusCode::UNAUTHORIZED,
        false,
        "The callback is not signed with the agreed secret.",
    ),
    (
        code::EXECUTION_STALE,
        StatusCode::UNAUTHORIZED,
        true,
        "The timestamp is too far from this server's clock; sign it again now.",
    ),
    (
        code::EXECUTION_UNKNOWN_KEY,
        StatusCode::NOT_FOUND,
        false,
        "No request of this server has that key.",
    ),
    (
        code::EXECUTION_BAD_ANSWER,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The callback does not answer what was asked under that key.",
    ),
];
