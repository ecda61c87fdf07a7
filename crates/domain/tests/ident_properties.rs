//! What holds for every text, not only for those that somebody thought of.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use chrono::NaiveDate;
use desk_domain::ident::{
    MerchantNo, Mobile, ResidentId, Sex, TerminalSerial, Uscc, check_vector, compact, fold, luhn,
};
use proptest::prelude::*;

const KINDS: &[&str] = &[
    "resident_id",
    "resident_id_15",
    "permanent_resident_id",
    "permanent_resident_id_old",
    "hk_macao_taiwan_permit",
    "travel_document",
    "uscc",
    "business_registration_no",
    "organisation_code",
    "bank_card_luhn",
    "card_tail",
    "mobile",
    "landline",
    "service_number",
    "merchant_no",
    "merchant_inner_no",
    "terminal_no",
    "terminal_serial",
    "tusn",
    "invoice_code",
    "invoice_no",
    "digital_invoice_no",
];

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
}

#[test]
fn personal_numbers_do_not_show_in_debug_output() {
    let id = ResidentId::parse("110105199003070017", today())
        .unwrap()
        .value;
    assert_eq!(format!("{id:?}"), "ResidentId(***)");
    assert_eq!((id.sex(), id.age_on(today())), (Some(Sex::Male), Some(35)));
    let mobile = Mobile::parse("13000000001").unwrap().value;
    assert_eq!(format!("{mobile:?}"), "Mobile(***)");
    assert_eq!(mobile.tail4(), "0001");
}

#[test]
fn reading_from_json_parses_again() {
    let read =
        |text: &str| serde_json::from_str::<ResidentId>(text).map(|id| id.as_str().to_owned());
    assert_eq!(
        read("\"110105199003070017\"").unwrap(),
        "110105199003070017"
    );
    assert!(
        read("\"110105199003070018\"")
            .unwrap_err()
            .to_string()
            .starts_with("CHECK")
    );
    assert!(serde_json::from_str::<MerchantNo>("\"1\"").is_err());
}

#[test]
fn parts_of_a_merchant_number_are_told_apart() {
    let number = MerchantNo::parse("82258105812A00N").unwrap().value;
    assert_eq!(
        (number.acquirer(), number.region(), number.mcc()),
        ("822", "5810", "5812")
    );
}

proptest! {
    #[test]
    fn folding_twice_changes_nothing(text in any::<String>()) {
        let once = fold(&text);
        prop_assert_eq!(fold(&once), once);
    }

    #[test]
    fn no_text_makes_any_parser_fall_over(text in any::<String>()) {
        for kind in KINDS {
            prop_assert!(check_vector(kind, &text, today()).is_some());
        }
    }

    #[test]
    fn no_digits_make_any_parser_fall_over(text in "[0-9０-９A-Zx中 :：-]{0,24}") {
        for kind in KINDS {
            prop_assert!(check_vector(kind, &text, today()).is_some());
        }
    }

    #[test]
    fn serials_are_read_back(text in "[0-9A-Za-z -]{6,50}") {
        if let Ok(parsed) = TerminalSerial::parse(&text) {
            let again = TerminalSerial::parse(&parsed.value.to_string()).unwrap();
            prop_assert_eq!(&again.value, &parsed.value);
            prop_assert_eq!(compact(&text), parsed.value.to_string());
        }
    }

    #[test]
    fn every_single_wrong_digit_of_an_id_is_found(at in 0_usize..17, digit in 0_u8..10) {
        let mut wrong = b"110105199003070017".to_vec();
        prop_assume!(wrong[at] != b'0' + digit);
        wrong[at] = b'0' + digit;
        prop_assert!(ResidentId::parse(std::str::from_utf8(&wrong).unwrap(), today()).is_err());
    }

    #[test]
    fn every_single_wrong_character_of_a_credit_code_is_found(at in 0_usize..18, c in "[0-9A-HJ-NP-RTUWXY]") {
        let mut wrong: Vec<char> = "91110105MA000T0148".chars().collect();
        let c = c.chars().next().unwrap();
        prop_assume!(wrong[at] != c);
        wrong[at] = c;
        prop_assert!(Uscc::parse(&wrong.iter().collect::<String>()).is_err());
    }

    #[test]
    fn luhn_finds_every_single_wrong_digit(digits in "[0-9]{12,18}", at in 0_usize..12, by in 1_u32..10) {
        let check = (0..10).map(|d| format!("{digits}{d}")).find(|whole| luhn(whole)).unwrap();
        let wrong: String = check.chars().enumerate().map(|(i, c)| {
            let value = c.to_digit(10).unwrap();
            char::from_digit(if i == at { (value + by) % 10 } else { value }, 10).unwrap()
        }).collect();
        prop_assert!(!luhn(&wrong));
    }
}
