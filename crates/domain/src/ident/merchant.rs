//! The two merchant numbers: the UnionPay code and the acquirer's inner number.

use super::fold::{compact, is_code_char, is_digit, shape};
use super::text_type::{deserialise_by, plain_text_type};
use super::{Parsed, Reject, Warning};

/// The acquirer code of Lakala; others may be white-label merchants or another acquirer's.
const OWN_ACQUIRER: &str = "822";

plain_text_type! {
    /// A 15-character UnionPay merchant code: acquirer 3, region 4, category 4, serial 4.
    MerchantNo
}
deserialise_by!(MerchantNo, MerchantNo::parse);

impl MerchantNo {
    /// Reads the code; its last four characters may be letters. Another acquirer is a warning.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 15..=15, is_code_char)?;
        if !code
            .get(..11)
            .is_some_and(|head| head.bytes().all(is_digit))
        {
            return Err(Reject::Format);
        }
        let own = code.starts_with(OWN_ACQUIRER);
        let warnings = if own {
            Vec::new()
        } else {
            vec![Warning::WarnAcquirer]
        };
        Ok(Parsed {
            value: Self(code),
            warnings,
        })
    }

    /// The acquirer's three digits.
    pub fn acquirer(&self) -> &str {
        self.0.get(..3).unwrap_or_default()
    }

    /// UnionPay's own four-digit region, which is not a division code.
    pub fn region(&self) -> &str {
        self.0.get(3..7).unwrap_or_default()
    }

    /// The merchant category code.
    pub fn mcc(&self) -> &str {
        self.0.get(7..11).unwrap_or_default()
    }
}

plain_text_type! {
    /// The acquirer's inner merchant number: 19 digits that start with 400 or 500.
    MerchantInnerNo
}
deserialise_by!(MerchantInnerNo, MerchantInnerNo::parse);

impl MerchantInnerNo {
    /// Reads the number.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 19..=19, is_digit)?;
        if code.starts_with("400") || code.starts_with("500") {
            Ok(Parsed::clean(Self(code)))
        } else {
            Err(Reject::Format)
        }
    }
}
