//! Terminal numbers and serials. No maker publishes a check digit, so typing twice is the check.

use super::fold::{compact, fold, is_code_char, is_repeated, shape, strip_label};
use super::text_type::{deserialise_by, plain_text_type};
use super::{Parsed, Reject};

/// The longest hardware serial of message field 59, tag A2, subfield 02.
const SERIAL_CHARS_MAX: usize = 50;
const SERIAL_CHARS_MIN: usize = 6;

plain_text_type! {
    /// An 8-character terminal number; unique only together with its merchant number.
    TerminalNo
}
deserialise_by!(TerminalNo, TerminalNo::parse);

impl TerminalNo {
    /// Reads the number; a hyphen is not part of any terminal number and is refused.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let folded = fold(text);
        let code: String = strip_label(&folded)
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_uppercase())
            .collect();
        shape(&code, 8..=8, is_code_char)?;
        Ok(Parsed::clean(Self(code)))
    }
}

plain_text_type! {
    /// The maker's serial number on the label.
    TerminalSerial
}
deserialise_by!(TerminalSerial, TerminalSerial::parse);

impl TerminalSerial {
    /// Reads a typed or scanned serial, with or without a label such as `SN:`.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        read_serial(text).map(|code| Parsed::clean(Self(code)))
    }

    /// The last six characters, used for the second entry and for search.
    pub fn tail6(&self) -> &str {
        self.0
            .get(self.0.len().saturating_sub(6)..)
            .unwrap_or_default()
    }
}

plain_text_type! {
    /// The terminal's unique serial number of the payment industry, another one than the label's.
    Tusn
}
deserialise_by!(Tusn, Tusn::parse);

impl Tusn {
    /// Reads the number; its inner layout is not published and not checked.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        read_serial(text).map(|code| Parsed::clean(Self(code)))
    }
}

fn read_serial(text: &str) -> Result<String, Reject> {
    let compacted = compact(text);
    let code = compacted
        .strip_prefix("S/N")
        .map_or(compacted.as_str(), |rest| rest);
    shape(code, SERIAL_CHARS_MIN..=SERIAL_CHARS_MAX, is_code_char)?;
    if is_repeated(code) {
        return Err(Reject::Repeat);
    }
    Ok(code.to_owned())
}
