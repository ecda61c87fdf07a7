//! Resident ID numbers (GB 11643) and their 15-digit forerunner.

use chrono::NaiveDate;

use super::check::resident_check;
use super::fold::{compact, is_digit, shape};
use super::region::{age_on, birth_date, check_person_region};
use super::text_type::{deserialise_by, personal_text_type};
use super::{Parsed, Reject, Warning};

/// The sex that the sequence number encodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Even sequence number.
    Female,
    /// Odd sequence number.
    Male,
}

personal_text_type! {
    /// An 18-character resident ID number.
    ResidentId
}
deserialise_by!(ResidentId, |text| ResidentId::read(text, None));

impl ResidentId {
    /// Reads a typed or pasted number; `today` is the civil day in Shanghai.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Parsed<Self>, Reject> {
        Self::read(text, Some(today))
    }

    /// The date of birth that the number carries.
    pub fn born_on(&self) -> Option<NaiveDate> {
        super::real_date(self.0.get(6..14)?)
    }

    /// Full years of age on a day; an applicant under 16 is worth a warning.
    pub fn age_on(&self, day: NaiveDate) -> Option<i32> {
        Some(age_on(self.born_on()?, day))
    }

    /// The sex that the number carries, to be compared with the recorded one.
    pub fn sex(&self) -> Option<Sex> {
        let last = self.0.as_bytes().get(16)?;
        Some(if last % 2 == 0 {
            Sex::Female
        } else {
            Sex::Male
        })
    }

    pub(crate) fn read(text: &str, today: Option<NaiveDate>) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        check_eighteen(&code, lead_is_one_to_eight)?;
        check_person_region(code.get(..6).unwrap_or_default())?;
        check_birth_and_rest(&code, today)?;
        Ok(Parsed::clean(Self(code)))
    }
}

personal_text_type! {
    /// A 15-digit number of an old document, kept as it was printed.
    LegacyResidentId
}
deserialise_by!(LegacyResidentId, |text| LegacyResidentId::read(text, None));

impl LegacyResidentId {
    /// Reads the number of an old document; always warns, since the cards are void since 2013.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Parsed<Self>, Reject> {
        Self::read(text, Some(today))
    }

    /// The 18-character form: `19` after the sixth digit, and a check character.
    pub fn to_resident_id(&self) -> Option<ResidentId> {
        widen(&self.0).map(ResidentId)
    }

    pub(crate) fn read(text: &str, today: Option<NaiveDate>) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 15..=15, is_digit)?;
        lead_is_one_to_eight(&code)?;
        check_person_region(code.get(..6).unwrap_or_default())?;
        let wide = widen(&code).ok_or(Reject::Format)?;
        check_birth_and_rest(&wide, today)?;
        Ok(Parsed {
            value: Self(code),
            warnings: vec![Warning::WarnType],
        })
    }
}

fn widen(fifteen: &str) -> Option<String> {
    let first17 = format!("{}19{}", fifteen.get(..6)?, fifteen.get(6..)?);
    let check = resident_check(&first17)?;
    Some(format!("{first17}{check}"))
}

fn lead_is_one_to_eight(code: &str) -> Result<(), Reject> {
    let lead = code.bytes().next().unwrap_or(b'0');
    (b'1'..=b'8')
        .contains(&lead)
        .then_some(())
        .ok_or(Reject::Format)
}

/// Seventeen digits and a check character, with the first digit as the caller wants it.
pub(super) fn check_eighteen(
    code: &str,
    lead: fn(&str) -> Result<(), Reject>,
) -> Result<(), Reject> {
    shape(code, 18..=18, |b| b.is_ascii_digit() || b == b'X')?;
    let first17 = code.get(..17).unwrap_or_default();
    if !first17.bytes().all(is_digit) {
        return Err(Reject::Format);
    }
    lead(code)
}

/// Date, sequence and check character, which all 18-character personal numbers share.
pub(super) fn check_birth_and_rest(code: &str, today: Option<NaiveDate>) -> Result<(), Reject> {
    birth_date(code.get(6..14).unwrap_or_default(), today)?;
    if code.get(14..17) == Some("000") {
        return Err(Reject::Seq);
    }
    let expected = code.get(..17).and_then(resident_check);
    if code.chars().next_back() == expected {
        Ok(())
    } else {
        Err(Reject::Check)
    }
}
