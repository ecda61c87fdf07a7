//! Telephone numbers. The carrier is never inferred: numbers move between carriers since 2019.

use super::fold::{compact, fold, is_digit, shape, strip_label};
use super::text_type::{deserialise_by, personal_text_type, plain_text_type};
use super::{Parsed, Reject, Warning};

/// Cities with a four-digit area code whose subscribers have eight digits; for a warning only.
const EIGHT_DIGIT_CITIES: &[&str] = &[
    "0311", "0371", "0377", "0379", "0411", "0431", "0432", "0451", "0510", "0512", "0513", "0515",
    "0516", "0517", "0519", "0523", "0531", "0532", "0551", "0571", "0573", "0574", "0575", "0576",
    "0577", "0579", "0591", "0595", "0731", "0755", "0757", "0760", "0769", "0851", "0871", "0898",
];

personal_text_type! {
    /// An 11-digit mobile number without the country code.
    Mobile
}
deserialise_by!(Mobile, Mobile::parse);

impl Mobile {
    /// Reads a number with or without `+86`/`0086`; a data or unassigned segment is a warning.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let compacted = compact(text);
        let code = without_country(&compacted);
        shape(code, 11..=11, is_digit)?;
        if !matches!(code.as_bytes(), [b'1', b'3'..=b'9', ..]) {
            return Err(Reject::Format);
        }
        let warnings = if is_usual_segment(code) {
            Vec::new()
        } else {
            vec![Warning::WarnSegment]
        };
        Ok(Parsed {
            value: Self(code.to_owned()),
            warnings,
        })
    }

    /// The last four digits, which search may use.
    pub fn tail4(&self) -> &str {
        self.0.get(7..).unwrap_or_default()
    }
}

/// The assigned voice segments, after the published metadata for China.
fn is_usual_segment(code: &str) -> bool {
    matches!(
        code.as_bytes(),
        [_, b'3' | b'8', ..]
            | [_, b'4', b'5' | b'7', ..]
            | [_, b'5' | b'9', b'0'..=b'3' | b'5'..=b'9', ..]
            | [_, b'6', b'2' | b'5'..=b'7', ..]
            | [_, b'6', b'1', b'0', ..]
            | [_, b'7', b'0'..=b'3' | b'5'..=b'8', ..]
            | [_, b'7', b'4', b'0', b'0'..=b'5', ..]
    )
}

personal_text_type! {
    /// A fixed-line number written `area-subscriber` or `area-subscriber-extension`.
    Landline
}
deserialise_by!(Landline, Landline::parse);

impl Landline {
    /// Reads the usual ways of writing; seven digits in an eight-digit city are a warning.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let plain = plain_landline(text);
        let (main, marked) = split_marked_extension(&plain);
        let (area, rest) = split_area(main)?;
        let groups: Vec<&str> = rest.split('-').filter(|group| !group.is_empty()).collect();
        let (subscriber, extension) = match (groups.as_slice(), marked) {
            ([whole, extra], None) if matches!(whole.len(), 7 | 8) => {
                ((*whole).to_owned(), Some(*extra))
            }
            (parts, marked) => (parts.concat(), marked),
        };
        check_subscriber(area, &subscriber)?;
        if let Some(extra) = extension {
            shape(extra, 1..=6, is_digit).map_err(|_| Reject::Format)?;
        }
        let short = subscriber.len() == 7 && EIGHT_DIGIT_CITIES.contains(&area);
        let warnings = if short {
            vec![Warning::WarnSegment]
        } else {
            Vec::new()
        };
        let tail = extension
            .map(|extra| format!("-{extra}"))
            .unwrap_or_default();
        Ok(Parsed {
            value: Self(format!("{area}-{subscriber}{tail}")),
            warnings,
        })
    }
}

/// Folded, without spaces and country code, with the leading zero that `+86` swallows.
fn plain_landline(text: &str) -> String {
    let folded = fold(text);
    let compacted: String = strip_label(&folded)
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '(')
        .map(|c| {
            if c == ')' {
                '-'
            } else {
                c.to_ascii_uppercase()
            }
        })
        .collect();
    let national = without_country(&compacted);
    if national.len() == compacted.len() {
        return compacted;
    }
    let national = national.trim_start_matches('-');
    if national.starts_with('0') {
        national.to_owned()
    } else {
        format!("0{national}")
    }
}

fn split_marked_extension(plain: &str) -> (&str, Option<&str>) {
    for mark in ["转", "EXT.", "EXT", "#"] {
        if let Some((main, extra)) = plain.split_once(mark) {
            return (main, Some(extra.trim_start_matches([':', '-'])));
        }
    }
    (plain, None)
}

/// The area code and the rest behind it.
fn split_area(main: &str) -> Result<(&str, &str), Reject> {
    let digits = match main.as_bytes() {
        [b'0', b'1', b'0', ..] | [b'0', b'2', b'0'..=b'5' | b'7'..=b'9', ..] => 3,
        [b'0', b'3'..=b'9', b'0'..=b'9', b'0'..=b'9', ..] => 4,
        [b'0', b'0'..=b'9', ..] => return Err(Reject::Region),
        _ => return Err(Reject::Format),
    };
    main.split_at_checked(digits).ok_or(Reject::Format)
}

fn check_subscriber(area: &str, subscriber: &str) -> Result<(), Reject> {
    let least = if area.len() == 3 { 8 } else { 7 };
    shape(subscriber, least..=8, is_digit)?;
    let first_fits = subscriber
        .bytes()
        .next()
        .is_some_and(|b| (b'2'..=b'9').contains(&b));
    first_fits.then_some(()).ok_or(Reject::Format)
}

plain_text_type! {
    /// A company's service number (`400…` or `95…`): a contact, never a call-back for identity.
    ServiceNumber
}
deserialise_by!(ServiceNumber, ServiceNumber::parse);

impl ServiceNumber {
    /// Reads a ten-digit 400 number or a five-digit 95 number.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 5..=10, is_digit)?;
        let known = match code.len() {
            5 => code.starts_with("95"),
            10 => code.starts_with("400"),
            _ => return Err(Reject::Length),
        };
        if known {
            Ok(Parsed::clean(Self(code)))
        } else {
            Err(Reject::Format)
        }
    }
}

fn without_country(code: &str) -> &str {
    code.strip_prefix("+86")
        .or_else(|| code.strip_prefix("0086"))
        .unwrap_or(code)
}
