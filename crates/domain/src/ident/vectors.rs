//! Checks files of test vectors: `{"vectors": [{"kind", "input", "expect"}]}`.

use chrono::NaiveDate;
use serde::Deserialize;

use super::{
    BusinessRegistrationNo, CardTail, DigitalInvoiceNo, HkMacaoTaiwanPermit, InvoiceCode,
    InvoiceNo, Landline, LegacyResidentId, MerchantInnerNo, MerchantNo, Mobile,
    OldPermanentResidentId, OrganisationCode, Parsed, PermanentResidentId, Reject, ResidentId,
    ServiceNumber, TerminalNo, TerminalSerial, TravelDocument, Tusn, Uscc, Warning,
    check_bank_card,
};

/// One vector whose outcome is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The position in the file, from 0.
    pub index: usize,
    /// The kind of identifier.
    pub kind: String,
    /// The text that was checked.
    pub input: String,
    /// The code in the file.
    pub expect: String,
    /// The code that came out; `UNKNOWN_KIND` when there is no such identifier.
    pub got: String,
}

#[derive(Deserialize)]
struct VectorFile {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    kind: String,
    input: String,
    expect: String,
}

/// Checks a text as an identifier of the named kind; `None` when the kind is unknown.
pub fn check_vector(
    kind: &str,
    input: &str,
    today: NaiveDate,
) -> Option<Result<Vec<Warning>, Reject>> {
    let outcome = match kind {
        "resident_id" => warnings(ResidentId::parse(input, today)),
        // Every legacy number warns that its document is void; that is no verdict on the digits.
        "resident_id_15" => LegacyResidentId::parse(input, today).map(|_| Vec::new()),
        "permanent_resident_id" => warnings(PermanentResidentId::parse(input, today)),
        "permanent_resident_id_old" => warnings(OldPermanentResidentId::parse(input)),
        "hk_macao_taiwan_permit" => warnings(HkMacaoTaiwanPermit::parse(input, today)),
        "travel_document" => warnings(TravelDocument::parse(input)),
        "uscc" => warnings(Uscc::parse(input)),
        "business_registration_no" => warnings(BusinessRegistrationNo::parse(input)),
        "organisation_code" => warnings(OrganisationCode::parse(input)),
        "bank_card_luhn" => check_bank_card(input).map(|()| Vec::new()),
        "card_tail" => warnings(CardTail::parse(input)),
        "mobile" => warnings(Mobile::parse(input)),
        "landline" => warnings(Landline::parse(input)),
        "service_number" => warnings(ServiceNumber::parse(input)),
        "merchant_no" => warnings(MerchantNo::parse(input)),
        "merchant_inner_no" => warnings(MerchantInnerNo::parse(input)),
        "terminal_no" => warnings(TerminalNo::parse(input)),
        "terminal_serial" | "serial_no" => warnings(TerminalSerial::parse(input)),
        "tusn" => warnings(Tusn::parse(input)),
        "invoice_code" => warnings(InvoiceCode::parse(input, today)),
        "invoice_no" => warnings(InvoiceNo::parse(input)),
        "digital_invoice_no" => warnings(DigitalInvoiceNo::parse(input, today)),
        _ => return None,
    };
    Some(outcome)
}

/// Checks every vector of a file and lists those that come out differently.
pub fn vector_mismatches(json: &str, today: NaiveDate) -> Result<Vec<Mismatch>, serde_json::Error> {
    let file: VectorFile = serde_json::from_str(json)?;
    let mismatch = |(index, vector): (usize, Vector)| {
        let outcome = check_vector(&vector.kind, &vector.input, today);
        if outcome
            .as_ref()
            .is_some_and(|outcome| is_expected(&vector.expect, outcome))
        {
            return None;
        }
        let got = outcome.map_or_else(|| "UNKNOWN_KIND".to_owned(), |outcome| code_of(&outcome));
        let Vector {
            kind,
            input,
            expect,
        } = vector;
        Some(Mismatch {
            index,
            kind,
            input,
            expect,
            got,
        })
    };
    Ok(file
        .vectors
        .into_iter()
        .enumerate()
        .filter_map(mismatch)
        .collect())
}

/// `FORMAT` covers `LENGTH`, and `OK` covers an outcome with warnings only.
fn is_expected(expect: &str, outcome: &Result<Vec<Warning>, Reject>) -> bool {
    match outcome {
        Ok(warnings) => expect == "OK" || warnings.iter().any(|warning| warning.as_str() == expect),
        Err(Reject::Length) => matches!(expect, "FORMAT" | "LENGTH"),
        Err(reject) => reject.as_str() == expect,
    }
}

fn code_of(outcome: &Result<Vec<Warning>, Reject>) -> String {
    match outcome {
        Ok(warnings) if warnings.is_empty() => "OK".to_owned(),
        Ok(warnings) => warnings
            .iter()
            .map(|w| w.as_str())
            .collect::<Vec<_>>()
            .join("+"),
        Err(reject) => reject.as_str().to_owned(),
    }
}

fn warnings<T>(outcome: Result<Parsed<T>, Reject>) -> Result<Vec<Warning>, Reject> {
    outcome.map(|parsed| parsed.warnings)
}
