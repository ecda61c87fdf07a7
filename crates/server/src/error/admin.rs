//! What an admin is told whose request cannot be met.

use super::Answer;
use axum::http::StatusCode;
use desk_protocol::error as code;

pub(super) const ANSWERS: &[Answer] = &[
    (
        code::ADMIN_YOURSELF,
        StatusCode::FORBIDDEN,
        false,
        "Nobody administers an account of their own; ask another administrator.",
    ),
    (
        code::ADMIN_NOT_YOURS,
        StatusCode::FORBIDDEN,
        false,
        "This person also works in offices that are not yours.",
    ),
    (
        code::ADMIN_BAD_FIELD,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "The named field cannot be as it is.",
    ),
    (
        code::ADMIN_LOGIN_TAKEN,
        StatusCode::CONFLICT,
        false,
        "Somebody has this login already.",
    ),
    (
        code::ADMIN_OFFICE_TAKEN,
        StatusCode::CONFLICT,
        false,
        "This office code is in use.",
    ),
    (
        code::ADMIN_NOT_NOW,
        StatusCode::CONFLICT,
        false,
        "It no longer stands as you saw it; look again.",
    ),
    (
        code::ADMIN_SECOND_PERSON,
        StatusCode::CONFLICT,
        false,
        "Another person than the one who began it has to approve.",
    ),
    (
        code::ADMIN_TOO_MANY,
        StatusCode::TOO_MANY_REQUESTS,
        true,
        "Too many codes within an hour; wait.",
    ),
];
