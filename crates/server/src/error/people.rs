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
    (
        code::OIDC_OFF,
        StatusCode::NOT_FOUND,
        false,
        "This server is connected to no identity provider; sign in with a password.",
    ),
    (
        code::OIDC_OVER,
        StatusCode::UNAUTHORIZED,
        false,
        "This sign-in is over; begin again.",
    ),
    // No 5xx: this server is well, and its words are to reach the person.
    (
        code::OIDC_UNAVAILABLE,
        StatusCode::FAILED_DEPENDENCY,
        true,
        "The identity provider does not answer; try again later, or sign in with a password.",
    ),
    (
        code::OIDC_REFUSED,
        StatusCode::UNAUTHORIZED,
        false,
        "The identity provider did not confirm this sign-in; begin again.",
    ),
    (
        code::OIDC_NOT_BOUND,
        StatusCode::FORBIDDEN,
        false,
        "No account here is bound to this person; ask an administrator for an invitation and redeem it by this sign-in.",
    ),
    (
        code::OIDC_BOUND,
        StatusCode::CONFLICT,
        false,
        "This person of the identity provider is bound to another account; ask an administrator.",
    ),
];
