//! The secret trap: text that holds a card number, a one-time code, a password or a CVV is never stored.
//!
//! Fields that legitimately hold long digits are exempt from the card check by their type, never by a
//! pattern. Words in context are looked for in every field. A finding names its kind, never the text.

mod card;
mod context;

use serde::{Deserialize, Serialize};

use crate::ident::fold_char;

pub use card::mask_cards;

/// What kind of field a text is about to be stored in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Notes, reasons, chat, anything without a type of its own.
    FreeText,
    /// A person's or a merchant's name.
    Name,
    /// An address.
    Address,
    /// The name of a file.
    FileName,
    /// A telephone number.
    Phone,
    /// An amount of money.
    Amount,
    /// A number of an identity document.
    IdentityNumber,
    /// USCC, registration number or organisation code.
    OrganisationNumber,
    /// UnionPay or inner merchant number.
    MerchantNumber,
    /// Terminal number.
    TerminalNumber,
    /// Label serial or TUSN.
    TerminalSerial,
    /// Invoice code, number or check code.
    InvoiceNumber,
    /// Order, courier or execution reference of another system.
    OrderNumber,
    /// Our own case number.
    CaseNumber,
}

impl FieldKind {
    /// Whether the field's own format has long digits, so that the card check says nothing about it.
    pub const fn holds_long_digits(self) -> bool {
        match self {
            Self::FreeText
            | Self::Name
            | Self::Address
            | Self::FileName
            | Self::Phone
            | Self::Amount => false,
            Self::IdentityNumber
            | Self::OrganisationNumber
            | Self::MerchantNumber
            | Self::TerminalNumber
            | Self::TerminalSerial
            | Self::InvoiceNumber
            | Self::OrderNumber
            | Self::CaseNumber => true,
        }
    }
}

/// What was found; the codes are stable for ever.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// A full bank card number.
    CardNumber,
    /// A code that a caller received.
    OneTimeCode,
    /// A password or PIN.
    Password,
    /// The three or four digits on a card.
    Cvv,
}

impl SecretKind {
    /// The stable code, under which the coaching line is found.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CardNumber => "secret.card_number",
            Self::OneTimeCode => "secret.one_time_code",
            Self::Password => "secret.password",
            Self::Cvv => "secret.cvv",
        }
    }
}

/// A refusal: the text must not be stored. It deliberately carries nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.kind.as_str())]
pub struct SecretFound {
    /// What was found first.
    pub kind: SecretKind,
}

/// Refuses a text that holds a secret; to be called before anything is stored.
pub fn inspect(text: &str, field: FieldKind) -> Result<(), SecretFound> {
    let found = |kind| Err(SecretFound { kind });
    if !field.holds_long_digits() && card::holds_card(text) {
        return found(SecretKind::CardNumber);
    }
    let plain = context::plain(text);
    if context::holds_cvv(&plain) {
        return found(SecretKind::Cvv);
    }
    if context::holds_password(&plain) {
        return found(SecretKind::Password);
    }
    if context::holds_one_time_code(&plain) {
        return found(SecretKind::OneTimeCode);
    }
    Ok(())
}

/// The visible characters, folded to half width.
fn folded_chars(text: &str) -> Vec<char> {
    text.chars().filter_map(fold_char).collect()
}

#[cfg(test)]
mod tests;
