//! Commands that come in several kinds: one tag, the fields of that kind and no other.

use super::ReturnArgsItem;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Where a case is to go, besides what the review and the execution decide. Dates are days, `2026-11-22`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CaseMove {
    /// Kept until the caller brings what is missing.
    Wait {
        promise_date: String,
    },
    /// Back from waiting, or back from a hold.
    Resume {
        reason: String,
    },
    Withdraw {
        reason: String,
        identity_checked: bool,
    },
    /// `way`: resolved, referred or duplicate.
    Finish {
        way: String,
        reason: String,
        surviving: Option<String>,
    },
    Hold {
        reason: String,
        review_date: String,
    },
    Close {},
    Reopen {
        reason: String,
        new_evidence: String,
    },
}

/// What a reviewer decides.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReviewMove {
    Return {
        items: Vec<ReturnArgsItem>,
    },
    /// `appeal`: how the merchant may object.
    Reject {
        code: String,
        appeal: String,
    },
    /// `digest`: of what the reviewer saw, not of what stands there by now.
    Approve {
        digest: String,
    },
}

/// What is done about doubt in a case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RiskMove {
    /// What somebody noticed, by the names that `IdentityView::doubts` offers; `note` says more, or nothing.
    Say { signals: Vec<String>, note: String },
    /// A supervisor has looked into it.
    Clear { reason: String },
}
