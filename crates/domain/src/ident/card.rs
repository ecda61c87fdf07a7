//! Bank cards: a number can be checked, but only its last four digits can be kept.

use super::fold::{compact, is_digit, is_repeated, shape};
use super::text_type::{deserialise_by, plain_text_type};
use super::{Parsed, Reject, luhn};

/// UnionPay numbers start so; none was ever issued with the 13 digits of old foreign cards.
const UNIONPAY: &str = "62";
const UNIONPAY_DIGITS_MIN: usize = 14;
const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

plain_text_type! {
    /// The last four digits of a settlement card: all that is ever kept of it.
    CardTail
}
deserialise_by!(CardTail, CardTail::parse);

impl CardTail {
    /// Reads exactly four digits; a longer number is refused, not shortened.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 4..=4, is_digit)?;
        Ok(Parsed::clean(Self(code)))
    }
}

/// Checks a full card number without keeping anything of it.
pub fn check_bank_card(text: &str) -> Result<(), Reject> {
    let code = compact(text);
    let least = if code.starts_with(UNIONPAY) {
        UNIONPAY_DIGITS_MIN
    } else {
        DIGITS_MIN
    };
    shape(&code, least..=DIGITS_MAX, is_digit)?;
    if is_repeated(&code) {
        return Err(Reject::Repeat);
    }
    if luhn(&code) {
        Ok(())
    } else {
        Err(Reject::Check)
    }
}
