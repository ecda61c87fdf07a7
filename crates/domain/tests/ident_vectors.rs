//! Every vector of the domain texts, valid and invalid, with its exact code.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use chrono::NaiveDate;
use desk_domain::ident::{
    InvoiceIdent, LegacyResidentId, Reject, TravelDocument, TravelDocumentKind, Uscc,
    check_invoice_date, check_vector, vector_mismatches,
};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
}

fn code(kind: &str, input: &str) -> String {
    match check_vector(kind, input, today()).unwrap() {
        Ok(warnings) if warnings.is_empty() => "OK".to_owned(),
        Ok(warnings) => warnings.iter().map(ToString::to_string).collect(),
        Err(reject) => reject.to_string(),
    }
}

fn expect_all(kind: &str, table: &[(&str, &str)]) {
    for (input, expected) in table {
        assert_eq!(&code(kind, input), expected, "{kind} {input}");
    }
}

fn expect_ok(kind: &str, inputs: &[&str]) {
    for input in inputs {
        assert_eq!(code(kind, input), "OK", "{kind} {input}");
    }
}

#[test]
fn all_generated_vectors_come_out_as_expected() {
    let json = include_str!("vectors.json");
    assert_eq!(vector_mismatches(json, today()).unwrap(), []);
    assert_eq!(json.matches("\"kind\"").count(), 640);
}

#[test]
fn a_wrong_expectation_is_listed() {
    let json = r#"{"vectors": [
        {"kind": "uscc", "input": "91110105MA000T0149", "expect": "OK"},
        {"kind": "uscc", "input": "91110105MA000T014", "expect": "FORMAT"},
        {"kind": "unheard_of", "input": "1", "expect": "OK"}]}"#;
    let found = vector_mismatches(json, today()).unwrap();
    let got: Vec<_> = found.iter().map(|m| (m.index, m.got.as_str())).collect();
    assert_eq!(got, [(0, "CHECK"), (2, "UNKNOWN_KIND")]);
    assert!(vector_mismatches("{}", today()).is_err());
}

#[test]
fn impossible_resident_ids_are_refused() {
    expect_all(
        "resident_id",
        &[
            ("110105199003070018", "CHECK"),
            ("990105199003070010", "FORMAT"),
            ("11010519900230001X", "DATE"),
            ("110105199902290013", "DATE"),
            ("110105209912310010", "DATE"),
            ("110105189912310015", "DATE"),
            ("31011519851231002", "LENGTH"),
            ("3101151985123100290", "LENGTH"),
            ("11010O199003070017", "FORMAT"),
            ("110105199013010018", "DATE"),
            ("110105199003070009", "SEQ"),
            ("", "LENGTH"),
            ("١١٠١٠٥199003070017", "FORMAT"),
            ("811840198005150013", "REGION"),
            ("161105199003070017", "REGION"),
        ],
    );
}

#[test]
fn nobody_is_older_than_130_years() {
    let at = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
    let check = |year| check_vector("resident_id", "110105190901010015", at(year)).unwrap();
    assert_eq!(check(2039), Ok(Vec::new()));
    assert_eq!(check(2040), Err(Reject::Date));
    assert_eq!(check(1908), Err(Reject::Date));
}

#[test]
fn an_unlisted_nationality_is_a_doubt() {
    assert_eq!(
        code("permanent_resident_id", "91199919800515001X"),
        "WARN_REGION"
    );
}

#[test]
fn a_travel_document_tells_its_kind() {
    use TravelDocumentKind::{HkMacaoForeignPermit, HkMacaoPermit, Passport, TaiwanPermit};
    for (text, kind) in [
        ("H00000001", HkMacaoPermit),
        ("M0000000102", HkMacaoPermit),
        ("HA0000001", HkMacaoForeignPermit),
        ("00000001", TaiwanPermit),
        ("EA0000001", Passport),
    ] {
        assert_eq!(
            TravelDocument::parse(text).unwrap().value.kind(),
            Some(kind)
        );
    }
}

#[test]
fn resident_ids_are_read_in_all_their_disguises() {
    expect_ok(
        "resident_id",
        &[
            "11010519491231002X",
            "110105199003070017",
            "310115198512310029",
            "440306200002290033",
            "65900119750815018X",
            "500103199901019993",
            "469001200808081007",
            "320583196204307777",
            "33010619930615002X",
            "33010619930615002x",
            "３３０１０６19930615002×",
            "33010619930615002х",
            "「身份证：１１０１０５ 19900307 001７」",
            "110105-19900307-0017",
            "\u{202A}110105199003070017\u{202C}",
        ],
    );
}

#[test]
fn legacy_ids_are_checked_and_widened() {
    for (old, wide) in [
        ("150102880730303", "150102198807303035"),
        ("110105900307001", "110105199003070017"),
        ("310115851231002", "310115198512310029"),
        ("440306750815003", "440306197508150033"),
        ("659001620430018", "659001196204300180"),
        ("320583990101777", "320583199901017779"),
        ("500103880808100", "50010319880808100X"),
    ] {
        let parsed = LegacyResidentId::parse(old, today()).unwrap();
        assert_eq!(parsed.value.to_resident_id().unwrap().as_str(), wide);
        assert_eq!(parsed.warnings.len(), 1, "a void document always warns");
        assert_eq!(code("resident_id", wide), "OK");
    }
    expect_all(
        "resident_id_15",
        &[
            ("11010590030700", "LENGTH"),
            ("110105900230001", "DATE"),
            ("990105900307001", "FORMAT"),
            ("11010590030700X", "FORMAT"),
            ("110105901301001", "DATE"),
            ("1101059003070011", "LENGTH"),
        ],
    );
}

#[test]
fn permanent_resident_cards_follow_their_layout() {
    expect_all(
        "permanent_resident_id",
        &[
            ("911840198005150010", "CHECK"),
            ("999840198005150015", "REGION"),
            ("911840198013150013", "DATE"),
            ("911156198005150016", "NATION"),
            ("91184019800515001", "LENGTH"),
            ("811840198005150013", "REGION"),
            ("CAN110080051500", "LENGTH"),
        ],
    );
    expect_ok(
        "permanent_resident_id",
        &[
            "911840198005150013",
            "931826197511300020",
            "944392199001010031",
            "932276200002290051",
            "951410198812120088",
            "933124196606060062",
            "932682198501010017",
            "911124198108030024",
        ],
    );
    expect_ok("permanent_resident_id_old", &["CAN110080051500"]);
    expect_all(
        "permanent_resident_id_old",
        &[("CA1110080051500", "FORMAT"), ("CAN11008005150", "LENGTH")],
    );
}

#[test]
fn permits_of_the_three_regions_follow_their_layout() {
    expect_all(
        "hk_macao_taiwan_permit",
        &[
            ("810001198501010017", "REGION"),
            ("840000198501010016", "REGION"),
            ("810000198501010011", "CHECK"),
            ("110105199003070017", "REGION"),
            ("110105199003070018", "CHECK"),
            ("830000196502290055", "DATE"),
            ("820000209909090045", "DATE"),
            ("8200001978063000", "LENGTH"),
        ],
    );
    expect_ok(
        "hk_macao_taiwan_permit",
        &[
            "810000198501010010",
            "810000199912310127",
            "820000197806300032",
            "820000200109090046",
            "830000196402290058",
            "830000199507070186",
        ],
    );
    expect_ok(
        "travel_document",
        &[
            "H00000001",
            "M0000000102",
            "HA0000001",
            "MA0000001",
            "00000001",
            "E00000001",
            "EA0000001",
        ],
    );
    expect_all(
        "travel_document",
        &[
            ("H0000001", "FORMAT"),
            ("G00000001", "FORMAT"),
            ("HAA000001", "FORMAT"),
            ("0000001", "LENGTH"),
            ("000000001", "FORMAT"),
            ("E0000000A", "FORMAT"),
        ],
    );
}

#[test]
fn credit_codes_are_checked() {
    expect_all(
        "uscc",
        &[
            ("91110105MA000T0149", "CHECK"),
            ("91110105MI000T0148", "FORMAT"),
            ("91110105MO000T0148", "FORMAT"),
            ("91110105MA000T014", "LENGTH"),
            ("B1110105MA000T0148", "DEPT"),
            ("91990105MA000T0148", "REGION"),
            ("91110105AM000T0148", "CHECK"),
            ("94110105MA000T014Y", "KIND"),
            ("91350100M000100Y4Z", "CHECK"),
            ("91110105MA000T010U", "WARN_ORG"),
        ],
    );
    expect_ok(
        "uscc",
        &[
            "91350100M000100Y43",
            "91110105MA000T0148",
            "92440306MA5FALE270",
            "91310115MA1TETT3XX",
            "92330106MA2AAAA48H",
            "12100000000000051P",
            "93510104MA6AAAA7XK",
            "91469027MAC00T083M",
            "52320500MJ00000188",
        ],
    );
}

#[test]
fn mistyped_credit_codes_get_suggestions() {
    let suggest = |text: &str| {
        Uscc::suggestions(text)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(suggest("9111O1O5MAOOOTO148"), ["91110105MA000T0148"]);
    assert_eq!(suggest("913SO1OOMOOO1OOY43"), ["91350100M000100Y43"]);
    assert_eq!(suggest("91110105MA000T014B"), ["91110105MA000T0148"]);
    assert!(suggest("91110105MA000T0148").is_empty());
    assert!(suggest("91110105MA000T0149").is_empty());
}

#[test]
fn old_registration_numbers_are_checked() {
    expect_all(
        "business_registration_no",
        &[
            ("110105000000013", "CHECK"),
            ("11010500000001", "LENGTH"),
            ("990105000000012", "REGION"),
            ("440306010000020", "CHECK"),
            ("1101050000000A2", "FORMAT"),
            ("0110105000000012", "LENGTH"),
        ],
    );
    expect_ok(
        "business_registration_no",
        &[
            "110108000000016",
            "110105000000012",
            "440306100000020",
            "330106600000033",
            "100000400000043",
            "510104700000051",
            "320583200000069",
        ],
    );
}

#[test]
fn organisation_codes_are_checked() {
    expect_all(
        "organisation_code",
        &[
            ("MA000T01-0", "CHECK"),
            ("MA000T0-1", "FORMAT"),
            ("MA000T011-1", "FORMAT"),
            ("1234567A8X", "FORMAT"),
            ("12345678-9", "CHECK"),
            ("********-1", "FORMAT"),
            ("", "FORMAT"),
            ("京000T01-4", "FORMAT"),
        ],
    );
    expect_ok(
        "organisation_code",
        &[
            "MA000T01-4",
            "00000005-1",
            "12345678-8",
            "MJ000001-8",
            "73000001-0",
            "D2143569-X",
            "77770003-0",
            "D2143569X",
            "d2143569－x",
        ],
    );
}

#[test]
fn card_numbers_are_checked_but_never_kept() {
    expect_all(
        "bank_card_luhn",
        &[
            ("6222020000000000001", "CHECK"),
            ("6222020000000", "LENGTH"),
            ("62220200000000000000", "LENGTH"),
            ("6222 0200 0000 0000 00A", "FORMAT"),
            ("0000000000000000", "REPEAT"),
            ("6228840000000000000", "CHECK"),
        ],
    );
    expect_ok(
        "bank_card_luhn",
        &[
            "6222020000000000000",
            "6217000000000000004",
            "6259000000000005",
            "6228480000000000000",
            "6212260000000000000",
            "6230000000000000007",
            "6288880000000005",
            "3568330000000009",
        ],
    );
    expect_ok("card_tail", &["1234", "１２３４"]);
    expect_all(
        "card_tail",
        &[
            ("123", "LENGTH"),
            ("6259000000000005", "LENGTH"),
            ("12A4", "FORMAT"),
        ],
    );
}

#[test]
fn telephone_numbers_are_read() {
    expect_all(
        "mobile",
        &[
            ("12000000021", "FORMAT"),
            ("1380000001", "LENGTH"),
            ("138000000012", "LENGTH"),
            ("13O00000001", "FORMAT"),
            ("10000000000", "FORMAT"),
            ("95016", "LENGTH"),
            ("14600000014", "WARN_SEGMENT"),
            ("15400000018", "WARN_SEGMENT"),
            ("17410000022", "WARN_SEGMENT"),
            ("17460000022", "WARN_SEGMENT"),
            ("19400000022", "WARN_SEGMENT"),
        ],
    );
    expect_ok(
        "mobile",
        &[
            "13000000001",
            "+86 138-0000-0002",
            "008619100000011",
            "１３９００００００１１",
            "17400000022",
            "16200000017",
        ],
    );
    expect_all(
        "landline",
        &[
            ("0100-1234567", "FORMAT"),
            ("020-1234567", "LENGTH"),
            ("0571-8700003", "WARN_SEGMENT"),
            ("0999-0000000", "FORMAT"),
            ("52000001", "FORMAT"),
            ("010-12000000", "FORMAT"),
            ("026-52000000", "REGION"),
            ("010-62000000-1234567", "FORMAT"),
            ("010-62000000转1234567", "FORMAT"),
        ],
    );
    expect_ok(
        "landline",
        &[
            "010-62000000",
            "(021)52000001",
            "0755-82000002",
            "0571 87000003转801",
            "0310-3100004",
            "+86-28-85000005",
            "010-62000000-801",
            "０１０－６２００００００＃８０１",
            "010-6200-0000",
        ],
    );
    expect_ok("service_number", &["4000000001", "95016"]);
    expect_all(
        "service_number",
        &[
            ("95", "LENGTH"),
            ("5000000001", "FORMAT"),
            ("95016000", "LENGTH"),
        ],
    );
}

#[test]
fn merchant_numbers_keep_their_letters() {
    expect_all(
        "merchant_no",
        &[
            ("849310158120005", "WARN_ACQUIRER"),
            ("82229007011000", "LENGTH"),
            ("8222900701100001", "LENGTH"),
            ("822290070A10001", "FORMAT"),
            ("82229O070110001", "FORMAT"),
            ("商户822290070110", "LENGTH"),
            ("822-2900-7011", "LENGTH"),
        ],
    );
    expect_ok(
        "merchant_no",
        &[
            "822290070110001",
            "8222900701100Z1",
            "82258105812A00N",
            "822584054110002",
            "822331059990003",
            "8225100799700T4",
            "8222900701100z1",
            "商户号：822290070110001",
        ],
    );
    expect_ok(
        "merchant_inner_no",
        &["4002021033012340711", "5002021033012340711"],
    );
    expect_all(
        "merchant_inner_no",
        &[
            ("6002021033012340711", "FORMAT"),
            ("400202103301234071", "LENGTH"),
        ],
    );
}

#[test]
fn terminal_numbers_and_serials_are_read() {
    expect_all(
        "terminal_no",
        &[
            ("1234567", "LENGTH"),
            ("123456789", "LENGTH"),
            ("1234-678", "FORMAT"),
            ("终端000001", "FORMAT"),
            ("", "LENGTH"),
            ("０００００７５", "LENGTH"),
        ],
    );
    expect_ok(
        "terminal_no",
        &[
            "00000751", "A0000001", "99000002", "T1000003", "e0000004", "12345678",
        ],
    );
    let long = "A".repeat(51);
    expect_all(
        "terminal_serial",
        &[
            ("12345", "LENGTH"),
            ("SN:", "LENGTH"),
            ("000000", "REPEAT"),
            ("N9QT_0001", "FORMAT"),
            ("机身号：", "LENGTH"),
            (&long, "LENGTH"),
        ],
    );
    for kind in ["terminal_serial", "tusn"] {
        expect_ok(
            kind,
            &[
                "SN: N9QT00000001",
                "0000070200000000001",
                "401-000-001",
                "0820000001",
                "QPOS0000 0000 0002",
                "ln000000003",
                "序列号：N9QT00000001",
                "S/N N9QT00000001",
            ],
        );
    }
}

#[test]
fn invoice_identifiers_are_paired() {
    for (code, number, expected) in [
        ("9999143130", "00000001", "OK"),
        ("099900111111", "00000003", "OK"),
        ("", "24990000000000000001", "OK"),
        ("9999161350", "00000002", "OK"),
        ("099900211113", "00000004", "OK"),
        ("", "25990000000000000002", "OK"),
        ("999914313", "00000001", "LENGTH"),
        ("9999143130", "0000001", "LENGTH"),
        ("", "2499000000000000001", "LENGTH"),
        ("ABCDEFGHIJ", "00000001", "FORMAT"),
        ("9999143130", "24990000000000000001", "FORMAT"),
        ("", "99990000000000000001", "WARN_YEAR"),
        ("9999993130", "00000001", "WARN_YEAR"),
        ("099909911111", "00000001", "WARN_YEAR"),
    ] {
        let got = match InvoiceIdent::parse(code, number, today()) {
            Ok(parsed) => parsed
                .warnings
                .first()
                .map_or("OK", |warning| warning.as_str()),
            Err(reject) => reject.as_str(),
        };
        assert_eq!(got, expected, "{code} {number}");
    }
}

#[test]
fn invoice_dates_lie_between_2012_and_today() {
    let date = |text: &str| text.parse::<NaiveDate>().unwrap();
    assert_eq!(
        check_invoice_date(date("2011-12-31"), today()),
        Err(Reject::Date)
    );
    assert_eq!(
        check_invoice_date(date("2026-01-02"), today()),
        Err(Reject::Date)
    );
    assert_eq!(
        check_invoice_date(date("2021-01-02"), today()),
        Ok(Vec::new())
    );
    assert_eq!(
        check_invoice_date(date("2021-01-01"), today())
            .unwrap()
            .len(),
        1
    );
}
