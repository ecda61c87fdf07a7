//! Identifiers: text becomes a typed value here or is refused with a stable code.
//!
//! Only what a standard makes impossible is refused. Whatever comes from a table (area codes, phone
//! segments, acquirers) is at most a warning, because tables go stale.

mod card;
pub(crate) mod check;
mod fold;
mod invoice;
mod merchant;
mod org;
mod permit;
mod person;
mod phone;
mod region;
mod terminal;
pub(crate) mod text_type;
mod vectors;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use card::{CardTail, check_bank_card};
pub use check::luhn;
pub use fold::{compact, fold, strip_label};
pub use invoice::{DigitalInvoiceNo, InvoiceCode, InvoiceIdent, InvoiceNo, check_invoice_date};
pub use merchant::{MerchantInnerNo, MerchantNo};
pub use org::{BusinessRegistrationNo, OrganisationCode, Uscc};
pub use permit::{
    HkMacaoTaiwanPermit, OldPermanentResidentId, PermanentResidentId, TravelDocument,
    TravelDocumentKind,
};
pub use person::{LegacyResidentId, ResidentId, Sex};
pub use phone::{Landline, Mobile, ServiceNumber};
pub use terminal::{TerminalNo, TerminalSerial, Tusn};
pub use vectors::{Mismatch, check_vector, vector_mismatches};

pub(crate) use fold::fold_char;
pub(crate) use region::real_date;

/// A parsed value together with what the agent should look at before going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The value in its stored form.
    pub value: T,
    /// Doubts that do not forbid the value; the reason for going on is logged.
    pub warnings: Vec<Warning>,
}

impl<T> Parsed<T> {
    /// A value without any doubt.
    pub fn clean(value: T) -> Self {
        Self {
            value,
            warnings: Vec::new(),
        }
    }
}

/// Why a text cannot be the identifier; the codes are stable for ever.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    thiserror::Error,
    ts_rs::TS,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[error("{}", self.as_str())]
pub enum Reject {
    /// A character or a shape that the identifier never has.
    Format,
    /// Too short or too long.
    Length,
    /// A region that no standard assigns.
    Region,
    /// Not a real date, or one outside the possible range.
    Date,
    /// A sequence number that is never assigned.
    Seq,
    /// The check digit does not fit.
    Check,
    /// A nationality that this document cannot carry.
    Nation,
    /// An unknown registering authority.
    Dept,
    /// A kind that the authority does not register.
    Kind,
    /// One character repeated throughout.
    Repeat,
}

impl Reject {
    /// The stable code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "FORMAT",
            Self::Length => "LENGTH",
            Self::Region => "REGION",
            Self::Date => "DATE",
            Self::Seq => "SEQ",
            Self::Check => "CHECK",
            Self::Nation => "NATION",
            Self::Dept => "DEPT",
            Self::Kind => "KIND",
            Self::Repeat => "REPEAT",
        }
    }
}

/// A doubt that does not forbid the value; the codes are stable for ever.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Warning {
    /// Region or nationality not in our table.
    WarnRegion,
    /// Phone segment or subscriber length unusual.
    WarnSegment,
    /// Merchant number of another acquirer.
    WarnAcquirer,
    /// The embedded organisation code fails its own check.
    WarnOrg,
    /// A year in the future, or long ago.
    WarnYear,
    /// An unknown or an out-dated type.
    WarnType,
}

impl Warning {
    /// The stable code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WarnRegion => "WARN_REGION",
            Self::WarnSegment => "WARN_SEGMENT",
            Self::WarnAcquirer => "WARN_ACQUIRER",
            Self::WarnOrg => "WARN_ORG",
            Self::WarnYear => "WARN_YEAR",
            Self::WarnType => "WARN_TYPE",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
