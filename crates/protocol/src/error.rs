//! Error codes on the wire: `area.reason`, stable for ever.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Body of every reply that is not 2xx.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    pub code: String,
    /// For people; no personal data.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The same request may succeed later.
    pub retryable: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $( $(#[$doc])* pub const $name: &str = $text; )+
        /// Every code that a server may send, for the catalogue test.
        pub const ALL: &[&str] = &[$($text),+];
    };
}

codes! {
    SIGN_IN_WRONG = "auth.wrong_credentials";
    SIGN_IN_LOCKED = "auth.too_many_tries";
    TOKEN_EXPIRED = "auth.token_expired";
    TOKEN_INVALID = "auth.token_invalid";
    DEVICE_UNKNOWN = "device.unknown";
    DEVICE_PENDING = "device.pending";
    DEVICE_REVOKED = "device.revoked";
    ENROL_CODE_WRONG = "enrol.code_wrong";
    ENROL_CODE_EXPIRED = "enrol.code_expired";
    FORBIDDEN = "auth.forbidden";
    NOT_FOUND = "request.not_found";
    BAD_JSON = "request.bad_json";
    TOO_LARGE = "request.too_large";
    UPGRADE_REQUIRED = "version.upgrade_required";
    /// The pushed prefix differs from what is stored; params `common`.
    FORK = "sync.fork";
    /// A seq is missing; params `expected`.
    GAP = "sync.gap";
    BAD_SIGNATURE = "sync.bad_signature";
    BAD_CHAIN = "sync.bad_chain";
    BAD_OP = "sync.bad_op";
    /// A group is not whole in its push, or its ops do not agree on it; params `seq` and `why`.
    BAD_GROUP = "sync.bad_group";
    /// The cursor is of another epoch or ahead of the feed: fill anew.
    CURSOR_INVALID = "sync.cursor_invalid";
    DOCUMENT_UNKNOWN = "document.unknown";
    CHUNK_MISMATCH = "document.chunk_mismatch";
    DOCUMENT_INCOMPLETE = "document.incomplete";
    DOCUMENT_MISMATCH = "document.hash_mismatch";
    /// No way to send a message is set up on this server.
    CODE_NO_GATEWAY = "code.no_gateway";
    /// No merchant of the register was located by the blind match yet.
    CODE_NO_MERCHANT = "code.no_merchant";
    /// The number of record changed less than 30 days ago.
    CODE_PHONE_TOO_NEW = "code.phone_changed_recently";
    CODE_TOO_MANY_SENDS = "code.too_many_sends";
    CODE_EXPIRED = "code.expired";
    CODE_TOO_MANY_TRIES = "code.too_many_tries";
    RATE_LIMITED = "request.rate_limited";
    UNAVAILABLE = "server.unavailable";
    INTERNAL = "server.internal";
}
