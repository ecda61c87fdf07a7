//! What a person is told who signs in with more than a password, or with something else.

use super::Answer;
use axum::http::StatusCode;
use desk_protocol::error as code;

pub(super) const ANSWERS: &[Answer] = &[
    (
        code::TOTP_REQUIRED,
        StatusCode::UNAUTHORIZED,
        false,
        "Type the six digits of the authenticator app as well.",
    ),
    (
        code::TOTP_WRONG,
        StatusCode::UNAUTHORIZED,
        false,
        "The six digits are wrong or were used before; wait for the next ones.",
    ),
    (
        code::TOTP_NOT_SET_UP,
        StatusCode::FORBIDDEN,
        false,
        "This role needs an authenticator app; ask an administrator to set it up.",
    ),
    (
        code::PASSWORD_SHORT,
        StatusCode::UNPROCESSABLE_ENTITY,
        false,
        "A password has at least 12 characters.",
    ),
    (
        code::INVITATION_WRONG,
        StatusCode::UNAUTHORIZED,
        false,
        "The code is wrong, used up or too old, or is for another office; ask an administrator for a new one.",
    ),
];
