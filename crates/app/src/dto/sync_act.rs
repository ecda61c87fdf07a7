//! What a person can do in the sync centre.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What to do about one row of the sync centre, or about an alert.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum SyncAct {
    /// A parked op: sent once more with the whole action that it is part of.
    Retry { op: String },
    /// Every parked op, after an upgrade of the server, say.
    RetryAll {},
    /// A parked op is let be, with a reason that is kept; a refusal leaves the list (the reason may be empty).
    Dismiss { op: String, reason: String },
    /// Somebody has seen it.
    AlertSeen {
        #[ts(type = "number")]
        alert: i64,
    },
}
