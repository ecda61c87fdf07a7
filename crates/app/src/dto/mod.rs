//! What crosses the bridge. Personal data crosses only masked; one value at a time by a counted reveal.
//!
//! Every type is exported to `ui/src/lib/types/` by `cargo xtask types`; a test compares.

mod admin;
mod admin_act;
mod case_screen;
mod desk_screens;
mod moves;
mod requests;
mod sync_act;
mod sync_screen;
mod usb;

pub use admin::*;
pub use admin_act::{AdminDo, AdminPage};
pub use case_screen::*;
pub use desk_screens::*;
pub use moves::*;
pub use requests::*;
pub use sync_act::SyncAct;
pub use sync_screen::*;
pub use usb::*;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

/// Every refusal and failure that a front end sees: what happened and what to do stand in the catalogue under `code`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct UiError {
    /// `area.reason`, stable for ever.
    pub code: String,
    /// English fallback for logs; never personal data.
    pub message: String,
    pub field: Option<String>,
    pub retryable: bool,
    /// Set for the unexpected: quote it to support.
    pub incident: Option<String>,
    pub params: BTreeMap<String, String>,
}

/// A text in both languages, for content that is data (questions, articles, reasons).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Bilingual {
    pub zh: String,
    pub en: String,
}

/// Something changed under the interface; sent as the event `changed`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
pub struct Changed {
    /// Counts up; a front end that missed some reloads.
    #[ts(type = "number")]
    pub n: u64,
    pub cases: Vec<String>,
    pub sync: bool,
    pub registry: bool,
    pub locked: bool,
    /// A ringing call to show.
    pub ringing: Option<RingingCall>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct RingingCall {
    pub call_ref: String,
    /// Masked number; empty when it is withheld.
    pub number: String,
    #[ts(type = "number")]
    pub at: i64,
    pub demo: bool,
    /// This person has picked it up and not taken it into a case yet.
    pub answered: bool,
}
