//! Identifiers of VAT invoices. There is no public check digit: only shapes and plausible years.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::fold::{compact, is_digit, shape};
use super::text_type::{deserialise_by, plain_text_type};
use super::{Parsed, Reject, Warning};

/// Invoices before this year are of no use as a proof: the system of today did not exist.
const FIRST_YEAR: i32 = 2012;
/// Older invoices are for devices that have been written off.
const STALE_AFTER_YEARS: i32 = 5;

plain_text_type! {
    /// The 10- or 12-digit code of a paper invoice.
    InvoiceCode
}
deserialise_by!(InvoiceCode, InvoiceCode::read);

impl InvoiceCode {
    /// Reads the code; a year after this one is a warning.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Parsed<Self>, Reject> {
        let mut parsed = Self::read(text)?;
        let code = parsed.value.as_str();
        let year = if code.len() == 10 {
            code.get(4..6)
        } else {
            code.get(5..7)
        };
        parsed.warnings = future_year(year, today);
        Ok(parsed)
    }

    fn read(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        if !matches!(code.chars().count(), 10 | 12) {
            return Err(Reject::Length);
        }
        shape(&code, 10..=12, is_digit)?;
        Ok(Parsed::clean(Self(code)))
    }
}

plain_text_type! {
    /// The 8-digit number of a paper invoice.
    InvoiceNo
}
deserialise_by!(InvoiceNo, InvoiceNo::parse);

impl InvoiceNo {
    /// Reads the number.
    pub fn parse(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 8..=8, is_digit)?;
        Ok(Parsed::clean(Self(code)))
    }
}

plain_text_type! {
    /// The 20-digit number of a fully digital invoice.
    DigitalInvoiceNo
}
deserialise_by!(DigitalInvoiceNo, DigitalInvoiceNo::read);

impl DigitalInvoiceNo {
    /// Reads the number; a year after this one is a warning.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Parsed<Self>, Reject> {
        let mut parsed = Self::read(text)?;
        parsed.warnings = future_year(parsed.value.as_str().get(..2), today);
        Ok(parsed)
    }

    fn read(text: &str) -> Result<Parsed<Self>, Reject> {
        let code = compact(text);
        shape(&code, 20..=20, is_digit)?;
        Ok(Parsed::clean(Self(code)))
    }
}

/// What makes an invoice unique: code and number, or the digital number alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum InvoiceIdent {
    /// Paper, or the old electronic kind.
    Coded {
        /// The batch code.
        code: InvoiceCode,
        /// The number within the batch.
        number: InvoiceNo,
    },
    /// Fully digital.
    Digital {
        /// The number.
        number: DigitalInvoiceNo,
    },
}

impl InvoiceIdent {
    /// Reads a pair; an empty code means a fully digital invoice, which never has one.
    pub fn parse(code: &str, number: &str, today: NaiveDate) -> Result<Parsed<Self>, Reject> {
        if compact(code).is_empty() {
            let digital = DigitalInvoiceNo::parse(number, today)?;
            let value = Self::Digital {
                number: digital.value,
            };
            return Ok(Parsed {
                value,
                warnings: digital.warnings,
            });
        }
        let code = InvoiceCode::parse(code, today)?;
        if DigitalInvoiceNo::read(number).is_ok() {
            return Err(Reject::Format);
        }
        let number = InvoiceNo::parse(number)?.value;
        let value = Self::Coded {
            code: code.value,
            number,
        };
        Ok(Parsed {
            value,
            warnings: code.warnings,
        })
    }
}

/// Checks an issue date: from 2012 to today; a warning when it is more than five years back.
pub fn check_invoice_date(issued: NaiveDate, today: NaiveDate) -> Result<Vec<Warning>, Reject> {
    if issued.year() < FIRST_YEAR || issued > today {
        return Err(Reject::Date);
    }
    let years = super::region::age_on(issued, today);
    Ok(if years >= STALE_AFTER_YEARS {
        vec![Warning::WarnYear]
    } else {
        Vec::new()
    })
}

fn future_year(two_digits: Option<&str>, today: NaiveDate) -> Vec<Warning> {
    let year: Option<i32> = two_digits.and_then(|digits| digits.parse().ok());
    match year {
        Some(year) if 2000 + year > today.year() => vec![Warning::WarnYear],
        _ => Vec::new(),
    }
}
