//! What a telephone system is told whose event cannot be taken.

use super::Answer;
use axum::http::StatusCode;
use desk_protocol::error as code;

pub(super) const ANSWERS: &[Answer] = &[
    (
        code::CALL_LINE_UNKNOWN,
        StatusCode::NOT_FOUND,
        false,
        "This address belongs to no telephone system here.",
    ),
    (
        code::CALL_BAD_FIELD,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "A field of the event is missing or not as agreed; it is named.",
    ),
];
