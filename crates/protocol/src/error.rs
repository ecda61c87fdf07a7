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
    /// The password is right; the second factor is missing.
    TOTP_REQUIRED = "auth.totp_required";
    TOTP_WRONG = "auth.totp_wrong";
    /// The office asks this role for a second factor, and none is set up.
    TOTP_NOT_SET_UP = "auth.totp_not_set_up";
    /// Fewer than 12 characters.
    PASSWORD_SHORT = "auth.password_too_short";
    /// The code is wrong, of another office, expired or used up: which of these is not told.
    INVITATION_WRONG = "invitation.code_wrong";
    /// This server is connected to no identity provider.
    OIDC_OFF = "oidc.not_connected";
    /// The attempt is unknown, used or too old, or another desk began it.
    OIDC_OVER = "oidc.attempt_over";
    /// The identity provider does not answer, or not in the agreed words.
    OIDC_UNAVAILABLE = "oidc.provider_unavailable";
    /// It refuses the code, or its token is not believed.
    OIDC_REFUSED = "oidc.refused";
    /// The provider knows this person, and no account here is theirs.
    OIDC_NOT_BOUND = "oidc.not_bound";
    /// The provider's person is bound to another account already.
    OIDC_BOUND = "oidc.bound_elsewhere";
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
    /// The upload link is not one of this server's.
    LINK_UNKNOWN = "link.unknown";
    /// The link has expired, was ended, or its case takes no more papers.
    LINK_OVER = "link.over";
    /// As many files or bytes as one link may bring.
    LINK_FULL = "link.full";
    /// This paper is not asked for.
    LINK_KIND = "link.kind_not_asked";
    /// As many links of a case as a day may see.
    LINK_TOO_MANY = "link.too_many";
    /// Neither the register nor the case has a mobile number to send it to.
    LINK_NO_PHONE = "link.no_phone";
    /// The server was not told under which address phones find it.
    LINK_NO_ADDRESS = "link.no_address";
    /// The case has been decided or ended; it takes no more papers.
    LINK_CASE_OVER = "link.case_over";
    /// The file that came up is not one that can be taken; params `why`, a code of the documents' room.
    UPLOAD_REFUSED = "upload.refused";
    /// Case number and code do not belong together.
    PROGRESS_WRONG = "progress.wrong";
    /// Bundles that travel by hand; a desk gives the same codes for what it reads itself.
    BUNDLE_NOT_A_BUNDLE = "bundle.not_a_bundle";
    BUNDLE_WRONG_VERSION = "bundle.wrong_version";
    BUNDLE_TRUNCATED = "bundle.truncated";
    BUNDLE_DAMAGED = "bundle.damaged";
    BUNDLE_NOT_FOR_US = "bundle.not_for_us";
    BUNDLE_WRONG_WAY = "bundle.wrong_way";
    BUNDLE_UNKNOWN_SENDER = "bundle.unknown_sender";
    BUNDLE_BAD_SIGNATURE = "bundle.bad_signature";
    BUNDLE_TOO_LARGE = "bundle.too_large";
    /// An earlier bundle of the desk is missing; params `expected`.
    BUNDLE_OUT_OF_ORDER = "bundle.out_of_order";
    /// A callback of the core system is not signed with the agreed secret.
    EXECUTION_BAD_SIGNATURE = "execution.bad_signature";
    /// Its timestamp is too far from our clock.
    EXECUTION_STALE = "execution.stale";
    /// No request of this server has that key.
    EXECUTION_UNKNOWN_KEY = "execution.unknown_key";
    /// It does not answer what was asked.
    EXECUTION_BAD_ANSWER = "execution.bad_answer";
    /// The address of a telephone system is not one of this server's, or not any more.
    CALL_LINE_UNKNOWN = "call.line_unknown";
    /// A field of an event is missing or not as agreed; named in `field`.
    CALL_BAD_FIELD = "call.bad_field";
    /// An admin acts on nobody's account of their own.
    ADMIN_YOURSELF = "admin.yourself";
    /// Some of this person's offices are not the admin's.
    ADMIN_NOT_YOURS = "admin.not_all_yours";
    /// A field of an admin's request cannot be as it is; named in `field`.
    ADMIN_BAD_FIELD = "admin.bad_field";
    ADMIN_LOGIN_TAKEN = "admin.login_taken";
    ADMIN_OFFICE_TAKEN = "admin.office_taken";
    /// It no longer stands as the admin saw it.
    ADMIN_NOT_NOW = "admin.not_now";
    /// Another person than the one who began it has to approve; params `why`.
    ADMIN_SECOND_PERSON = "admin.second_person";
    /// As many codes as one admin may make in an hour; params `until`.
    ADMIN_TOO_MANY = "admin.too_many_codes";
    RATE_LIMITED = "request.rate_limited";
    UNAVAILABLE = "server.unavailable";
    INTERNAL = "server.internal";
}
