//! One-time codes to the registered number: `product.md` section 5. The agent never sees one; he types what the caller reads.

use desk_domain::ids::CaseId;
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};

/// `POST /v1/codes`: send a code to the number of record of the merchant that the case's blind match found.
/// Bound to case, action and serial; 6 digits, 5 minutes, 3 tries, 3 sends in 24 hours.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeSendRequest {
    pub case: CaseId,
    /// The label serial as entered; the code is worthless for another terminal.
    pub serial: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CodeSendReply {
    /// Masked number it went to.
    pub phone: String,
    pub expires_at: Millis,
    pub sends_left: u32,
}

/// `POST /v1/codes/verify`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeVerifyRequest {
    pub case: CaseId,
    pub serial: String,
    pub code: String,
}

/// A right code becomes an `evidence.record` op of the server's own device; it comes back by the feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CodeVerifyReply {
    pub right: bool,
    pub tries_left: u32,
}
