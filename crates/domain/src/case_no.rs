//! Case numbers `JB-yyMMdd-OOOOO-DD-SSSS-C`: unique without a network, because each device counts for itself.

use chrono::{Datelike, NaiveDate};

use crate::ident::check::{base36_check, base36_four};
use crate::ident::text_type::{deserialise_by, plain_text_type};
use crate::ident::{Parsed, Reject, compact, real_date};

const PREFIX: &str = "JB";
const OFFICE_CHARS: usize = 5;
const DEVICE_CHARS: usize = 2;
/// Date, office, device and sequence without hyphens and prefix.
const DATA_CHARS: usize = 17;

plain_text_type! {
    /// The number under which everybody talks about a case; never renumbered.
    ///
    /// The last character is ISO 7064 MOD 37,36 over everything between the prefix and itself. It finds
    /// every single wrong character. It finds every swap of two neighbours whose values (0–9, A–Z = 10–35)
    /// differ by more than one, and most of the others: 36 of 22,680 combinations of running product and
    /// pair escape, all of them neighbours in the alphabet.
    CaseNo
}
deserialise_by!(CaseNo, |text| CaseNo::parse(text).map(Parsed::clean));

impl CaseNo {
    /// How many cases one device can number on one day.
    pub const SEQUENCES_PER_DAY: u32 = 36 * 36 * 36 * 36;

    /// Composes a number; office and device are base-36 codes of five and two characters.
    pub fn compose(
        day: NaiveDate,
        office: &str,
        device: &str,
        sequence: u32,
    ) -> Result<Self, Reject> {
        let year = day
            .year()
            .checked_sub(2000)
            .filter(|year| (0..100).contains(year));
        let year = year.ok_or(Reject::Date)?;
        check_code(office, OFFICE_CHARS)?;
        check_code(device, DEVICE_CHARS)?;
        let sequence = base36_four(sequence).ok_or(Reject::Seq)?;
        let date = format!("{year:02}{:02}{:02}", day.month(), day.day());
        let check =
            base36_check(&format!("{date}{office}{device}{sequence}")).ok_or(Reject::Format)?;
        Ok(Self(format!(
            "{PREFIX}-{date}-{office}-{device}-{sequence}-{check}"
        )))
    }

    /// Reads a number typed with or without hyphens, in any case and width.
    pub fn parse(text: &str) -> Result<Self, Reject> {
        let code = compact(text);
        if code.chars().count() != PREFIX.len() + DATA_CHARS + 1 {
            return Err(Reject::Length);
        }
        let body = code.strip_prefix(PREFIX).ok_or(Reject::Format)?;
        let (data, check) = body.split_at_checked(DATA_CHARS).ok_or(Reject::Format)?;
        let expected = base36_check(data).ok_or(Reject::Format)?;
        if !check.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Reject::Format);
        }
        let date = data.get(..6).unwrap_or_default();
        if !date.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Reject::Format);
        }
        // The check comes before the date: a wrong digit in the date is a slip of typing, too.
        if !check.starts_with(expected) {
            return Err(Reject::Check);
        }
        real_date(&format!("20{date}")).ok_or(Reject::Date)?;
        let part = |from: usize, to: usize| data.get(from..to).unwrap_or_default();
        let (office, device, sequence) = (part(6, 11), part(11, 13), part(13, DATA_CHARS));
        Ok(Self(format!(
            "{PREFIX}-{date}-{office}-{device}-{sequence}-{check}"
        )))
    }

    /// The day on which the case was opened.
    pub fn opened_on(&self) -> Option<NaiveDate> {
        real_date(&format!("20{}", self.part(1)))
    }

    /// The office in which it was opened.
    pub fn office(&self) -> &str {
        self.part(2)
    }

    /// The device on which it was opened.
    pub fn device(&self) -> &str {
        self.part(3)
    }

    /// The device's counter of that day.
    pub fn sequence(&self) -> Option<u32> {
        u32::from_str_radix(self.part(4), 36).ok()
    }

    fn part(&self, at: usize) -> &str {
        self.0.split('-').nth(at).unwrap_or_default()
    }
}

fn check_code(code: &str, chars: usize) -> Result<(), Reject> {
    if code.chars().count() != chars {
        return Err(Reject::Length);
    }
    let fits = code
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if fits { Ok(()) } else { Err(Reject::Format) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 22).unwrap()
    }

    fn any_number() -> impl Strategy<Value = CaseNo> {
        (
            0..36_500_u64,
            "[0-9A-Z]{5}",
            "[0-9A-Z]{2}",
            0..CaseNo::SEQUENCES_PER_DAY,
        )
            .prop_map(|(days, office, device, sequence)| {
                let first = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
                let day = first + chrono::Days::new(days);
                CaseNo::compose(day, &office, &device, sequence).unwrap()
            })
    }

    /// The positions of the characters that the check covers, and of the check itself.
    fn covered(number: &CaseNo) -> Vec<usize> {
        let chars: Vec<char> = number.as_str().chars().collect();
        (3..chars.len()).filter(|at| chars[*at] != '-').collect()
    }

    fn value(c: char) -> u32 {
        c.to_digit(36).unwrap()
    }

    #[test]
    fn malformed_numbers_are_refused() {
        for (text, reject) in [
            ("", Reject::Length),
            ("JB-261122-BJ001-0A-0001", Reject::Length),
            ("XX-261122-BJ001-0A-0001-0", Reject::Format),
            ("JB-261122-BJ0中1-0A-0001-0", Reject::Format),
            ("JB-2611A2-BJ001-0A-0001-0", Reject::Format),
        ] {
            assert_eq!(CaseNo::parse(text), Err(reject), "{text}");
        }
        let unreal = format!(
            "261345BJ0010A0001{}",
            base36_check("261345BJ0010A0001").unwrap()
        );
        assert_eq!(CaseNo::parse(&format!("JB{unreal}")), Err(Reject::Date));
    }

    #[test]
    fn parts_out_of_range_are_refused() {
        assert_eq!(CaseNo::compose(day(), "BJ01", "0A", 1), Err(Reject::Length));
        assert_eq!(
            CaseNo::compose(day(), "bj001", "0A", 1),
            Err(Reject::Format)
        );
        assert_eq!(
            CaseNo::compose(day(), "BJ001", "京A", 1),
            Err(Reject::Format)
        );
        let over = CaseNo::SEQUENCES_PER_DAY;
        assert_eq!(
            CaseNo::compose(day(), "BJ001", "0A", over),
            Err(Reject::Seq)
        );
        let ancient = NaiveDate::from_ymd_opt(1999, 12, 31).unwrap();
        assert_eq!(
            CaseNo::compose(ancient, "BJ001", "0A", 1),
            Err(Reject::Date)
        );
    }

    #[test]
    fn a_number_is_read_back_however_it_is_typed() {
        let number = CaseNo::compose(day(), "BJ001", "0A", 37).unwrap();
        assert!(number.as_str().starts_with("JB-261122-BJ001-0A-0011-"));
        let bare = number.as_str().replace('-', "").to_lowercase();
        assert_eq!(CaseNo::parse(&bare), Ok(number.clone()));
        assert_eq!(
            CaseNo::parse(&format!("工单编号：{number}")),
            Ok(number.clone())
        );
        assert_eq!(number.opened_on(), Some(day()));
        assert_eq!((number.office(), number.device()), ("BJ001", "0A"));
        assert_eq!(number.sequence(), Some(37));
        let json = serde_json::to_string(&number).unwrap();
        assert_eq!(serde_json::from_str::<CaseNo>(&json).unwrap(), number);
        assert!(serde_json::from_str::<CaseNo>("\"JB-1\"").is_err());
    }

    proptest! {
        #[test]
        fn display_is_read_back(number in any_number()) {
            prop_assert_eq!(CaseNo::parse(&number.to_string()), Ok(number));
        }

        #[test]
        fn every_single_wrong_character_is_found(number in any_number(), pick in 0_usize..18, wrong in "[0-9A-Z]") {
            let mut chars: Vec<char> = number.as_str().chars().collect();
            let at = covered(&number)[pick];
            let wrong = wrong.chars().next().unwrap();
            prop_assume!(chars[at] != wrong);
            chars[at] = wrong;
            prop_assert!(CaseNo::parse(&chars.iter().collect::<String>()).is_err());
        }

        #[test]
        fn every_swap_of_unlike_neighbours_is_found(number in any_number(), pick in 0_usize..17) {
            let mut chars: Vec<char> = number.as_str().chars().collect();
            let places = covered(&number);
            let (left, right) = (places[pick], places[pick + 1]);
            prop_assume!(value(chars[left]).abs_diff(value(chars[right])) > 1);
            chars.swap(left, right);
            prop_assert!(CaseNo::parse(&chars.iter().collect::<String>()).is_err());
        }

        #[test]
        fn no_text_makes_it_fall_over(text in "\\PC{0,40}") {
            let _ = CaseNo::parse(&text);
        }
    }
}
