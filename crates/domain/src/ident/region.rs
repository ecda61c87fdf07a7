//! The few tables that may refuse, and the calendar dates inside numbers.

use chrono::{Datelike, NaiveDate};

use super::Reject;

/// First two digits of a mainland division code; 81, 82 and 83 exist only as `810000` and so on.
const MAINLAND_PREFIXES: &[&str] = &[
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41",
    "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71",
];
/// Hong Kong, Macao and Taiwan residents in the mainland.
const WHOLE_CODES: &[&str] = &["810000", "820000", "830000"];
/// The state authority itself, which registers organisations but no persons.
const STATE_AUTHORITY: &str = "100000";

/// ISO 3166-1 numeric codes.
const NATIONS: &str = "004 008 010 012 016 020 024 028 031 032 036 040 044 048 050 051 052 056 060 064 \
    068 070 072 074 076 084 086 090 092 096 100 104 108 112 116 120 124 132 136 140 144 148 152 156 158 \
    162 166 170 174 175 178 180 184 188 191 192 196 203 204 208 212 214 218 222 226 231 232 233 234 238 \
    239 242 246 248 250 254 258 260 262 266 268 270 275 276 288 292 296 300 304 308 312 316 320 324 328 \
    332 334 336 340 344 348 352 356 360 364 368 372 376 380 384 388 392 398 400 404 408 410 414 417 418 \
    422 426 428 430 434 438 440 442 446 450 454 458 462 466 470 474 478 480 484 492 496 498 499 500 504 \
    508 512 516 520 524 528 531 533 534 535 540 548 554 558 562 566 570 574 578 580 581 583 584 585 586 \
    591 598 600 604 608 612 616 620 624 626 630 634 638 642 643 646 652 654 659 660 662 663 666 670 674 \
    678 682 686 688 690 694 702 703 704 705 706 710 716 724 728 729 732 740 744 748 752 756 760 762 764 \
    768 772 776 780 784 788 792 795 796 798 800 804 807 818 826 831 832 833 834 840 850 854 858 860 862 \
    876 882 887 894";

/// The earliest birth year a number can carry: whoever was born before 1900 never held one.
const FIRST_BIRTH_YEAR: i32 = 1900;
/// The oldest age that is believed.
const AGE_MAX_YEARS: i32 = 130;

/// The division of a person: a mainland province or one of the three whole codes.
pub(super) fn check_person_region(code: &str) -> Result<(), Reject> {
    let known = is_mainland(code) || WHOLE_CODES.contains(&code);
    known.then_some(()).ok_or(Reject::Region)
}

/// The division of an organisation, which may also be the state authority.
pub(super) fn check_registrar_region(code: &str) -> Result<(), Reject> {
    if code == STATE_AUTHORITY {
        Ok(())
    } else {
        check_person_region(code)
    }
}

pub(super) fn check_whole_region(code: &str) -> Result<(), Reject> {
    WHOLE_CODES
        .contains(&code)
        .then_some(())
        .ok_or(Reject::Region)
}

/// The two digits of a province that issues cards to foreigners.
pub(super) fn check_province(two: &str) -> Result<(), Reject> {
    let known = MAINLAND_PREFIXES.contains(&two) || matches!(two, "81" | "82" | "83");
    known.then_some(()).ok_or(Reject::Region)
}

pub(super) fn is_known_nation(code: &str) -> bool {
    NATIONS.split_ascii_whitespace().any(|known| known == code)
}

fn is_mainland(code: &str) -> bool {
    code.get(..2)
        .is_some_and(|two| MAINLAND_PREFIXES.contains(&two))
}

/// A date written `yyyymmdd`, when it exists.
pub(crate) fn real_date(yyyymmdd: &str) -> Option<NaiveDate> {
    if yyyymmdd.len() != 8 || !yyyymmdd.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year = yyyymmdd.get(..4)?.parse().ok()?;
    let month = yyyymmdd.get(4..6)?.parse().ok()?;
    let day = yyyymmdd.get(6..)?.parse().ok()?;
    NaiveDate::from_ymd_opt(year, month, day)
}

/// A birth date; the comparison with today is left out when no day is given (values read back).
pub(super) fn birth_date(yyyymmdd: &str, today: Option<NaiveDate>) -> Result<NaiveDate, Reject> {
    let born = real_date(yyyymmdd).ok_or(Reject::Date)?;
    if born.year() < FIRST_BIRTH_YEAR {
        return Err(Reject::Date);
    }
    match today {
        Some(day) if born > day || age_on(born, day) > AGE_MAX_YEARS => Err(Reject::Date),
        _ => Ok(born),
    }
}

/// Full years between birth and a day.
pub(super) fn age_on(born: NaiveDate, day: NaiveDate) -> i32 {
    let before_birthday = (day.month(), day.day()) < (born.month(), born.day());
    day.year() - born.year() - i32::from(before_birthday)
}
