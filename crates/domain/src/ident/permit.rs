//! Residence cards of foreigners and of Hong Kong, Macao and Taiwan residents; travel documents.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::fold::{compact, is_code_char, is_digit, shape};
use super::person::{check_birth_and_rest, check_eighteen};
use super::region::{check_person_region, check_province, check_whole_region, is_known_nation};
use super::text_type::{deserialise_by, personal_text_type};
use super::{Parsed, Reject, Warning};

/// The ISO numeric code of China, which a foreigner's card cannot carry.
const CHINA: &str = "156";

personal_text_type! {
    /// The number of a foreigner's permanent-resident card in the layout of 2023.
    PermanentResidentId
}
deserialise_by!(PermanentResidentId, |text| PermanentResidentId::read(
    text, None
));

impl PermanentResidentId {
    /// Reads the number; an unlisted nationality is a warning, China itself is refused.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Parsed<Self>, Reject> {
        Self::read(text, Some(today))
    }

    pub(crate) fn read(text: &str, today: Option<NaiveDate>) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        check_eighteen(&code, |code| {
            if code.starts_with('9') {
                Ok(())
            } else {
                Err(Reject::Region)
            }
        })?;
        check_province(code.get(1..3).unwrap_or_default())?;
        let nation = code.get(3..6).unwrap_or_default();
        if nation == CHINA {
            return Err(Reject::Nation);
        }
        check_birth_and_rest(&code, today)?;
        let warnings = if is_known_nation(nation) {
            Vec::new()
        } else {
            vec![Warning::WarnRegion]
        };
        Ok(Parsed {
            value: Self(code),
            warnings,
        })
    }
}

personal_text_type! {
    /// The number of an old permanent-resident card: three letters and twelve digits.
    OldPermanentResidentId
}
deserialise_by!(OldPermanentResidentId, OldPermanentResidentId::parse);

impl OldPermanentResidentId {
    /// Reads the number; it carries no check digit.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 15..=15, is_code_char)?;
        if !(is_letters(code.get(..3)) && is_digits(code.get(3..))) {
            return Err(Reject::Format);
        }
        Ok(Parsed::clean(Self(code)))
    }
}

personal_text_type! {
    /// The number of a residence permit for Hong Kong, Macao or Taiwan residents.
    HkMacaoTaiwanPermit
}
deserialise_by!(HkMacaoTaiwanPermit, |text| HkMacaoTaiwanPermit::read(
    text, None
));

impl HkMacaoTaiwanPermit {
    /// Reads the number; the division must be exactly one of the three.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Parsed<Self>, Reject> {
        Self::read(text, Some(today))
    }

    pub(crate) fn read(text: &str, today: Option<NaiveDate>) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        check_eighteen(&code, |_| Ok(()))?;
        let region = code.get(..6).unwrap_or_default();
        check_person_region(region)?;
        // A mainland number is of the wrong kind; but a slip of typing is told as such first.
        check_birth_and_rest(&code, today)?;
        check_whole_region(region)?;
        Ok(Parsed::clean(Self(code)))
    }
}

/// The travel documents that an agent meets; the number alone tells the kind.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "snake_case")]
pub enum TravelDocumentKind {
    /// Mainland travel permit of a Hong Kong or Macao resident.
    HkMacaoPermit,
    /// The same permit for residents who are not Chinese citizens.
    HkMacaoForeignPermit,
    /// Mainland travel permit of a Taiwan resident.
    TaiwanPermit,
    /// Passport of the People's Republic.
    Passport,
}

personal_text_type! {
    /// The number of a travel document; it carries no check digit.
    TravelDocument
}
deserialise_by!(TravelDocument, TravelDocument::parse);

impl TravelDocument {
    /// Reads the number of any known travel document.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 8..=11, is_code_char)?;
        kind_of(&code).ok_or(Reject::Format)?;
        Ok(Parsed::clean(Self(code)))
    }

    /// Which document it is; `None` cannot happen for a parsed value.
    pub fn kind(&self) -> Option<TravelDocumentKind> {
        kind_of(&self.0)
    }
}

fn kind_of(code: &str) -> Option<TravelDocumentKind> {
    use TravelDocumentKind::{HkMacaoForeignPermit, HkMacaoPermit, Passport, TaiwanPermit};
    let after_one = code.get(1..);
    let after_two = code.get(2..);
    match code.as_bytes() {
        [b'H' | b'M', b'A', ..] if code.len() == 9 && is_digits(after_two) => {
            Some(HkMacaoForeignPermit)
        }
        [b'H' | b'M', ..] if matches!(code.len(), 9 | 11) && is_digits(after_one) => {
            Some(HkMacaoPermit)
        }
        [b'E', ..] if code.len() == 9 && is_digits(after_two) => Some(Passport),
        _ if code.len() == 8 && is_digits(Some(code)) => Some(TaiwanPermit),
        _ => None,
    }
}

fn is_digits(part: Option<&str>) -> bool {
    part.is_some_and(|text| text.bytes().all(is_digit))
}

fn is_letters(part: Option<&str>) -> bool {
    part.is_some_and(|text| text.bytes().all(|b| b.is_ascii_uppercase()))
}
