//! Numbers of organisations: unified social credit code and its two forerunners.

use super::check::{is_uscc_char, organisation_check, registration_check, uscc_check};
use super::fold::{compact, is_code_char, is_digit, shape};
use super::region::check_registrar_region;
use super::text_type::{deserialise_by, plain_text_type};
use super::{Parsed, Reject, Warning};

/// No more suggestions than an agent can compare with the paper.
const SUGGESTIONS_MAX: usize = 8;
/// The one letter outside the alphabet that is judged in the place of the check character.
const STANDARD_WRONG_CHECK: char = 'Z';
/// Characters that agents mistake for one another.
const LOOK_ALIKES: &[(char, char)] = &[
    ('O', '0'),
    ('I', '1'),
    ('Z', '2'),
    ('S', '5'),
    ('B', '8'),
    ('8', 'B'),
];

plain_text_type! {
    /// A unified social credit code (GB 32100).
    Uscc
}
deserialise_by!(Uscc, Uscc::parse);

impl Uscc {
    /// Reads a code; an embedded organisation code that fails its own check is a warning.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        if let Some(body) = code.strip_suffix(STANDARD_WRONG_CHECK) {
            // The counter-example of the standard ends so and counts as a wrong check, not as a wrong shape.
            shape(body, 17..=17, is_uscc_char)?;
        } else {
            shape(&code, 18..=18, is_uscc_char)?;
        }
        check_authority(&code)?;
        let region = code.get(2..8).unwrap_or_default();
        check_registrar_region(region)?;
        if code.chars().next_back() != code.get(..17).and_then(uscc_check) {
            return Err(Reject::Check);
        }
        if !region.bytes().all(is_digit) {
            return Err(Reject::Format);
        }
        let embedded = code.get(8..16).and_then(organisation_check);
        let fits = code.chars().nth(16) == embedded;
        let warnings = if fits {
            Vec::new()
        } else {
            vec![Warning::WarnOrg]
        };
        Ok(Parsed {
            value: Self(code),
            warnings,
        })
    }

    /// Valid codes that differ from a refused text by look-alike characters; never applied by itself.
    pub fn suggestions(text: &str) -> Vec<Self> {
        let code = compact(text);
        if code.chars().count() != 18 || Self::parse(&code).is_ok() {
            return Vec::new();
        }
        let legal: String = code.chars().map(to_legal).collect();
        let mut found = Vec::new();
        for candidate in std::iter::once(legal.clone()).chain(single_substitutions(&legal)) {
            let Ok(parsed) = Self::parse(&candidate) else {
                continue;
            };
            if !found.contains(&parsed.value) && found.len() < SUGGESTIONS_MAX {
                found.push(parsed.value);
            }
        }
        found
    }

    /// The embedded organisation code with its own check character.
    pub fn organisation_part(&self) -> &str {
        self.0.get(8..17).unwrap_or_default()
    }
}

fn check_authority(code: &str) -> Result<(), Reject> {
    let mut bytes = code.bytes();
    let authority = bytes.next().unwrap_or_default();
    let kind = bytes.next().unwrap_or_default();
    if !b"123456789ANY".contains(&authority) {
        return Err(Reject::Dept);
    }
    let kinds: &[u8] = if authority == b'9' { b"123" } else { b"123459" };
    kinds.contains(&kind).then_some(()).ok_or(Reject::Kind)
}

/// The letters that GB 32100 leaves out, read as the digits they resemble.
fn to_legal(c: char) -> char {
    LOOK_ALIKES
        .iter()
        .take(4)
        .find(|(wrong, _)| *wrong == c)
        .map_or(c, |(_, right)| *right)
}

fn single_substitutions(code: &str) -> impl Iterator<Item = String> + '_ {
    code.char_indices().flat_map(move |(at, c)| {
        LOOK_ALIKES
            .iter()
            .filter(move |(wrong, _)| *wrong == c)
            .map(move |(_, right)| {
                code.char_indices()
                    .map(|(i, old)| if i == at { *right } else { old })
                    .collect()
            })
    })
}

plain_text_type! {
    /// A 15-digit business registration number from before 2015 (GS 15-2006).
    BusinessRegistrationNo
}
deserialise_by!(BusinessRegistrationNo, BusinessRegistrationNo::parse);

impl BusinessRegistrationNo {
    /// Reads the number; the agent still asks for the new licence.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 15..=15, is_digit)?;
        check_registrar_region(code.get(..6).unwrap_or_default())?;
        let expected = code.get(..14).and_then(registration_check);
        if code.chars().next_back() != expected {
            return Err(Reject::Check);
        }
        Ok(Parsed::clean(Self(code)))
    }
}

plain_text_type! {
    /// An organisation code (GB 11714), written `XXXXXXXX-C`.
    OrganisationCode
}
deserialise_by!(OrganisationCode, OrganisationCode::parse);

impl OrganisationCode {
    /// Reads the code, hyphens or not; a wrong length is a wrong format here.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        let (body, check) = code.split_at_checked(8).ok_or(Reject::Format)?;
        let check_is_one = matches!(check.as_bytes(), [b'0'..=b'9' | b'X']);
        if !check_is_one || shape(body, 8..=8, is_code_char).is_err() {
            return Err(Reject::Format);
        }
        if organisation_check(body).is_none_or(|expected| !check.starts_with(expected)) {
            return Err(Reject::Check);
        }
        Ok(Parsed::clean(Self(format!("{body}-{check}"))))
    }
}
