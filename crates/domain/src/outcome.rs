//! The verdict on an op, stored for ever by `op_id`.

use crate::ids::OpId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one op. Serialised as `{"is":"applied","rev":7}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// The case moved to revision `rev`.
    Applied { rev: u64 },
    /// The same thing had been said before by `same_as`.
    Noop { same_as: OpId },
    /// Kept beside the canonical value until a person chooses; `id` is the losing op.
    Conflict { id: OpId },
    /// A command that the rules do not allow. `code` is `area.reason`, stable for ever.
    Refused {
        code: String,
        params: BTreeMap<String, String>,
    },
    /// Stored, not judged yet.
    Held { why: HeldWhy },
}

/// Why an op waits unjudged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldWhy {
    UnknownKind,
    MissingDependency,
    ActorRevoked,
    BodyMissing,
    Internal,
}
