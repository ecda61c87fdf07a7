//! The QR text of invoices: comma-separated, seven to nine fields. A QR is never a reason to open a URL.

use chrono::NaiveDate;

use crate::ident::{
    DigitalInvoiceNo, InvoiceCode, InvoiceIdent, InvoiceNo, Parsed, Warning, fold, real_date,
};
use crate::money::Fen;

/// The only known version.
const VERSION: &str = "01";
const FIELDS_MIN: usize = 7;
const FIELDS_MAX: usize = 9;
/// No known payload comes near this.
const TEXT_BYTES_MAX: usize = 512;
const CHECK_CODE_DIGITS: usize = 20;

/// What an invoice QR says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceQr {
    /// The kind of invoice.
    pub kind: InvoiceKind,
    /// Code and number, or the digital number.
    pub ident: InvoiceIdent,
    /// The 二维码金额: with or without tax depending on the kind, so compare it with both.
    pub amount: Fen,
    /// The civil date of issue.
    pub issued_on: NaiveDate,
    /// The 20-digit 校验码, which only some kinds carry.
    pub check_code: Option<String>,
    /// The last field, kept as it is: its algorithm is not public.
    pub trailer: Option<String>,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// The kinds that the second field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceKind {
    /// 01, 专票.
    Special,
    /// 03, vehicle sale.
    Vehicle,
    /// 04, 普票.
    Ordinary,
    /// 08, electronic special.
    ElectronicSpecial,
    /// 10, electronic ordinary.
    ElectronicOrdinary,
    /// 11, roll.
    Roll,
    /// 14, toll.
    Toll,
    /// 15, used car.
    UsedCar,
    /// 31, fully digital special.
    DigitalSpecial,
    /// 32, fully digital ordinary.
    DigitalOrdinary,
    /// 51, rail ticket.
    Rail,
    /// 59, digital toll.
    DigitalToll,
    /// 61, air ticket.
    Air,
    /// 83 and 84, digital vehicle and used car.
    DigitalVehicle,
    /// 85 to 88, digital on paper.
    DigitalOnPaper,
    /// Any other two digits.
    Unknown(u8),
}

/// Why a QR text is not a readable invoice; the codes are stable for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrReject {
    /// Some other text, often a URL.
    #[error("NOT_INVOICE")]
    NotInvoice,
    /// An invoice text with a wrong code, number or field count.
    #[error("FORMAT")]
    Format,
    /// Not a real date.
    #[error("DATE")]
    Date,
    /// Not a decimal amount with at most two places.
    #[error("AMOUNT")]
    Amount,
    /// A 校验码 that is not 20 digits.
    #[error("CHECKCODE")]
    CheckCode,
}

/// Reads the text of an invoice QR; `today` is for the doubt about years in the future.
pub fn parse(text: &str, today: NaiveDate) -> Result<InvoiceQr, QrReject> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(QrReject::NotInvoice);
    }
    let folded = fold(text);
    let fields: Vec<&str> = folded.trim().split(',').map(str::trim).collect();
    let [version, kind, rest @ ..] = fields.as_slice() else {
        return Err(QrReject::NotInvoice);
    };
    let kind = read_kind(kind)
        .filter(|_| *version == VERSION)
        .ok_or(QrReject::NotInvoice)?;
    if !(FIELDS_MIN..=FIELDS_MAX).contains(&fields.len()) {
        return Err(QrReject::Format);
    }
    let [code, number, amount, date, check_code, tail @ ..] = rest else {
        return Err(QrReject::Format);
    };
    let Parsed {
        value: ident,
        mut warnings,
    } = read_ident(kind, code, number, today)?;
    let amount = Fen::parse(amount).map_err(|_| QrReject::Amount)?;
    let issued_on = real_date(date).ok_or(QrReject::Date)?;
    let check_code = read_check_code(check_code)?;
    let trailer = tail
        .first()
        .filter(|text| !text.is_empty())
        .map(|text| (*text).to_owned());
    if matches!(kind, InvoiceKind::Unknown(_)) {
        warnings.push(Warning::WarnType);
    }
    Ok(InvoiceQr {
        kind,
        ident,
        amount,
        issued_on,
        check_code,
        trailer,
        warnings,
    })
}

/// The host of a web address found in a QR: all that is shown of it, and nothing is fetched.
pub fn display_host(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let rest = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let plain = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    plain.then(|| host.to_owned())
}

fn read_kind(text: &str) -> Option<InvoiceKind> {
    if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(match text.parse().ok()? {
        1 => InvoiceKind::Special,
        3 => InvoiceKind::Vehicle,
        4 => InvoiceKind::Ordinary,
        8 => InvoiceKind::ElectronicSpecial,
        10 => InvoiceKind::ElectronicOrdinary,
        11 => InvoiceKind::Roll,
        14 => InvoiceKind::Toll,
        15 => InvoiceKind::UsedCar,
        31 => InvoiceKind::DigitalSpecial,
        32 => InvoiceKind::DigitalOrdinary,
        51 => InvoiceKind::Rail,
        59 => InvoiceKind::DigitalToll,
        61 => InvoiceKind::Air,
        83 | 84 => InvoiceKind::DigitalVehicle,
        85..=88 => InvoiceKind::DigitalOnPaper,
        other => InvoiceKind::Unknown(other),
    })
}

/// Which of the two identifications a kind has; `None` when both occur.
fn is_digital(kind: InvoiceKind) -> Option<bool> {
    match kind {
        InvoiceKind::Special
        | InvoiceKind::Vehicle
        | InvoiceKind::Ordinary
        | InvoiceKind::ElectronicSpecial
        | InvoiceKind::ElectronicOrdinary
        | InvoiceKind::Roll
        | InvoiceKind::Toll
        | InvoiceKind::UsedCar => Some(false),
        InvoiceKind::DigitalSpecial
        | InvoiceKind::DigitalOrdinary
        | InvoiceKind::Rail
        | InvoiceKind::DigitalToll
        | InvoiceKind::Air
        | InvoiceKind::DigitalVehicle => Some(true),
        InvoiceKind::DigitalOnPaper | InvoiceKind::Unknown(_) => None,
    }
}

fn read_ident(
    kind: InvoiceKind,
    code: &str,
    number: &str,
    today: NaiveDate,
) -> Result<Parsed<InvoiceIdent>, QrReject> {
    let digital = is_digital(kind).unwrap_or(code.is_empty());
    // The QR is machine-made: unlike typing, it has no spaces or hyphens to forgive.
    let digits_only = [code, number]
        .iter()
        .all(|text| text.bytes().all(|b| b.is_ascii_digit()));
    if digital != code.is_empty() || !digits_only {
        return Err(QrReject::Format);
    }
    if digital {
        let number = DigitalInvoiceNo::parse(number, today).map_err(|_| QrReject::Format)?;
        let value = InvoiceIdent::Digital {
            number: number.value,
        };
        return Ok(Parsed {
            value,
            warnings: number.warnings,
        });
    }
    let code = InvoiceCode::parse(code, today).map_err(|_| QrReject::Format)?;
    let number = InvoiceNo::parse(number)
        .map_err(|_| QrReject::Format)?
        .value;
    let value = InvoiceIdent::Coded {
        code: code.value,
        number,
    };
    Ok(Parsed {
        value,
        warnings: code.warnings,
    })
}

fn read_check_code(text: &str) -> Result<Option<String>, QrReject> {
    match text.len() {
        0 => Ok(None),
        CHECK_CODE_DIGITS if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(text.to_owned())),
        _ => Err(QrReject::CheckCode),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
    }

    #[test]
    fn malformed_texts_are_refused_with_their_code() {
        for (text, code) in [
            ("", "NOT_INVOICE"),
            ("hello", "NOT_INVOICE"),
            ("https://example.invalid/x", "NOT_INVOICE"),
            (
                "02,01,9999143130,00000001,94339.62,20210315,,9335,",
                "NOT_INVOICE",
            ),
            (
                "01,1,9999143130,00000001,94339.62,20210315,,9335,",
                "NOT_INVOICE",
            ),
            (
                "01,32,,2499000000000000001,1299.00,20240315,,0A1B,",
                "FORMAT",
            ),
            (
                "01,32,9999143130,24990000000000000001,1299.00,20240315,,0A1B,",
                "FORMAT",
            ),
            (
                "01,01,,24990000000000000001,1299.00,20240315,,0A1B,",
                "FORMAT",
            ),
            (
                "01,01,999914313,00000001,94339.62,20210315,,9335,",
                "FORMAT",
            ),
            (
                "01,01,9999143130,0000-0001,94339.62,20210315,,9335,",
                "FORMAT",
            ),
            ("01,01,9999143130,00000001,94339.62", "FORMAT"),
            ("01,01,9999143130,00000001,1,20210315,,,,,", "FORMAT"),
            (
                "01,32,,24990000000000000001,1299.00,20240231,,0A1B,",
                "DATE",
            ),
            (
                "01,32,,24990000000000000001,12.999,20240315,,0A1B,",
                "AMOUNT",
            ),
            ("01,32,,24990000000000000001,,20240315,,0A1B,", "AMOUNT"),
            (
                "01,04,9999161350,00000002,165106.00,20210315,12345,DBFE,",
                "CHECKCODE",
            ),
        ] {
            assert_eq!(
                parse(text, today()).unwrap_err().to_string(),
                code,
                "{text}"
            );
        }
        let endless = format!("01,01,{}", "9".repeat(TEXT_BYTES_MAX));
        assert_eq!(parse(&endless, today()), Err(QrReject::NotInvoice));
    }

    #[test]
    fn published_shapes_are_read() {
        for (text, kind, fen) in [
            (
                "01,01,9999143130,00000001,94339.62,20210315,,9335,",
                InvoiceKind::Special,
                9_433_962,
            ),
            (
                "01,04,9999161350,00000002,165106.00,20210315,00000000000000000000,DBFE,",
                InvoiceKind::Ordinary,
                16_510_600,
            ),
            (
                "01,10,099900111111,00000003,64.9,20210315,00000000001111111111,1774,",
                InvoiceKind::ElectronicOrdinary,
                6_490,
            ),
            (
                "01,32,,24990000000000000001,1299.00,20240315,,0A1B,",
                InvoiceKind::DigitalOrdinary,
                129_900,
            ),
            (
                "01,31,,25990000000000000002,8800,20250101,,7014",
                InvoiceKind::DigitalSpecial,
                880_000,
            ),
            (
                "01,08,099900211113,00000004,100.00,20210630,00000000002222222222,A0A0,",
                InvoiceKind::ElectronicSpecial,
                10_000,
            ),
            (
                "01,10,099900111111,00000003,64.9,20210315,00000000001111111111",
                InvoiceKind::ElectronicOrdinary,
                6_490,
            ),
        ] {
            let invoice = parse(text, today()).unwrap();
            assert_eq!((invoice.kind, invoice.amount), (kind, Fen(fen)), "{text}");
            assert!(invoice.warnings.is_empty(), "{text}");
        }
    }

    #[test]
    fn each_field_lands_in_its_place() {
        let text = "01,10,099900111111,00000003,64.9,20210315,00000000001111111111,1774,";
        let invoice = parse(text, today()).unwrap();
        let InvoiceIdent::Coded { code, number } = &invoice.ident else {
            panic!("coded")
        };
        assert_eq!(
            (code.as_str(), number.as_str()),
            ("099900111111", "00000003")
        );
        assert_eq!(
            invoice.issued_on,
            NaiveDate::from_ymd_opt(2021, 3, 15).unwrap()
        );
        assert_eq!(invoice.check_code.as_deref(), Some("00000000001111111111"));
        assert_eq!(invoice.trailer.as_deref(), Some("1774"));
    }

    #[test]
    fn unknown_types_and_future_years_are_doubts() {
        let text = "01,77,,24990000000000000001,1299.00,20240315,,0A1B,";
        assert_eq!(parse(text, today()).unwrap().warnings, [Warning::WarnType]);
        let text = "01,32,,99990000000000000001,1299.00,20240315,,0A1B,";
        assert_eq!(parse(text, today()).unwrap().warnings, [Warning::WarnYear]);
    }

    #[test]
    fn only_the_host_of_an_address_is_shown() {
        assert_eq!(
            display_host("https://a@Example.invalid:8/x?y").as_deref(),
            Some("example.invalid")
        );
        assert_eq!(display_host("javascript://example.invalid"), None);
        assert_eq!(display_host("https://exаmple.invalid/"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "\\PC{0,60}|01,[0-9]{2},[0-9]{0,12},[0-9]{0,20},[-0-9.]{0,9},[0-9]{0,8},[0-9]{0,20},.{0,4}") {
            let _ = parse(&text, today());
            let _ = display_host(&text);
        }
    }
}
