//! The register of merchants and terminals, as delivered to the offices that need it.

use crate::ids::{MerchantId, OfficeCode};
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// One merchant with its terminals. Reference values stay inside the desk's encrypted file and never reach the window.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MerchantRecord {
    pub id: MerchantId,
    pub office: OfficeCode,
    pub merchant_no: String,
    #[serde(default)]
    pub merchant_inner_no: Option<String>,
    pub name: String,
    /// `enterprise`, `sole_trader` or `micro`.
    pub class: String,
    #[serde(default)]
    pub uscc: Option<String>,
    pub legal_name: String,
    pub legal_id_no: String,
    pub phone: String,
    pub phone_changed_at: Millis,
    pub settle_bank: String,
    pub settle_tail: String,
    pub address: String,
    pub terminals: Vec<TerminalRecord>,
    /// Row version: counts up at every import.
    pub version: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TerminalRecord {
    pub serial: String,
    #[serde(default)]
    pub tusn: Option<String>,
    pub terminal_numbers: Vec<String>,
    pub model: String,
    pub kind: String,
    pub obtained_by: String,
    pub bound_at: Millis,
    #[serde(default)]
    pub unbound_at: Option<Millis>,
    #[serde(default)]
    pub last_trade_at: Option<Millis>,
}
