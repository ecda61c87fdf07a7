//! What an admin looks at and does: one tag, the fields of that kind and no other.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One page of the admin's place. `after` and `before`: the last row of the page before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "page", rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminPage {
    Overview {},
    People {
        find: String,
        office: Option<String>,
        after: Option<String>,
    },
    Desks {
        office: Option<String>,
        after: Option<String>,
    },
    Log {
        #[ts(type = "number | null")]
        before: Option<i64>,
    },
}

/// One act of an admin. `office` of a code: at whose desks it works, none where there is but one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminDo {
    Invite {
        login: String,
        name: String,
        roles: Vec<String>,
        employer: String,
        offices: Vec<String>,
        office: Option<String>,
    },
    Rights {
        user: String,
        roles: Vec<String>,
        employer: String,
        offices: Vec<String>,
    },
    Disable {
        user: String,
    },
    Enable {
        user: String,
    },
    Leave {
        user: String,
    },
    Reset {
        user: String,
        office: Option<String>,
    },
    Renew {
        user: String,
        office: Option<String>,
    },
    Uninvite {
        user: String,
    },
    SetFactor {
        user: String,
    },
    RemoveFactor {
        user: String,
    },
    NewDesk {
        office: String,
    },
    Approve {
        device: String,
    },
    Revoke {
        device: String,
        reason: String,
    },
    /// `pace`: after_sync or at_once.
    Wipe {
        device: String,
        pace: String,
        reason: String,
    },
    PutOffice {
        code: String,
        name: String,
        parent: Option<String>,
    },
    ApprovePolicy {
        version: u32,
    },
}
