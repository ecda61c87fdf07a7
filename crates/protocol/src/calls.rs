//! Calls that ring, as an office's telephone system tells of them and its desks hear of them.

use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most calls in one reply.
pub const MAX_CALLS: usize = 20;

/// `GET /v1/calls`: the calls of this desk's office that concern whoever asks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallsQuery {
    /// What the last reply said; the answer waits until something differs from it. 0 at first.
    pub cursor: u64,
    /// How long at most, milliseconds.
    #[serde(default)]
    pub wait_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallsReply {
    pub position: u64,
    /// Those that are for this person alone come first, then the oldest.
    pub calls: Vec<Call>,
}

/// One call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The telephone system's own id.
    pub call_ref: String,
    /// The caller's number, whole: the desk masks it. None when it is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub at: Millis,
    /// It is to be shown so much longer, whatever the desk's clock says.
    pub ends_in_ms: u64,
    /// This very person has picked it up; everybody else hears nothing of it any more.
    pub answered: bool,
}

/// Without the number.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("at", &self.at)
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
