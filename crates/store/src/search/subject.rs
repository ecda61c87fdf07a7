//! What of a case can be searched.

use super::keyed::bare_number;
use crate::row::text_of;
use desk_domain::case::Case;
use desk_domain::field::{FieldKey, FieldValue, Format};

/// The searchable parts of one case.
#[derive(Default, Debug)]
pub(super) struct Subject {
    /// Free text, names among it.
    pub texts: Vec<String>,
    /// Names, for their initials.
    pub names: Vec<String>,
    /// Numbers, bare: case number, merchant and terminal numbers, phones, identity numbers.
    pub numbers: Vec<String>,
}

const NAMES: [FieldKey; 4] = [
    FieldKey::MerchantName,
    FieldKey::CallerName,
    FieldKey::LegalName,
    FieldKey::HandlerName,
];

/// Reads the searchable parts out of a case.
pub(super) fn subject(case: &Case) -> Subject {
    let mut subject = Subject::default();
    subject.numbers.push(bare_number(case.case_no.as_str()));
    for (key, field) in &case.fields {
        match &field.value {
            Some(FieldValue::Text(text)) => add_text(&mut subject, *key, text),
            Some(FieldValue::Set(set)) if key.spec().format == Format::TerminalNumbers => {
                subject
                    .numbers
                    .extend(set.iter().map(|number| bare_number(number)));
            }
            Some(FieldValue::Set(_) | FieldValue::Flag(_)) | None => {}
        }
    }
    subject.names.extend(
        NAMES
            .iter()
            .filter_map(|key| text_of(case, *key))
            .map(str::to_owned),
    );
    subject.texts.extend(case.reason.clone());
    subject
        .texts
        .extend(case.evidence.iter().map(|evidence| evidence.note.clone()));
    subject.texts.extend(
        case.returns
            .iter()
            .flat_map(|item| [item.item.text.clone(), item.answer.clone()]),
    );
    let verdicts = case
        .documents
        .values()
        .filter_map(|document| document.verdict.as_ref());
    subject
        .texts
        .extend(verdicts.map(|verdict| verdict.note.clone()));
    subject.texts.retain(|text| !text.is_empty());
    subject.numbers.retain(|number| number.len() >= 4);
    subject
}

fn add_text(subject: &mut Subject, key: FieldKey, text: &str) {
    match key.spec().format {
        Format::Text(_) | Format::PersonName => subject.texts.push(text.to_owned()),
        Format::Phone
        | Format::MerchantNo
        | Format::MerchantInnerNo
        | Format::IdentityNo
        | Format::Uscc
        | Format::TerminalSerial
        | Format::Tusn => subject.numbers.push(bare_number(text)),
        Format::TerminalNumbers
        | Format::CardTail
        | Format::Choice(_)
        | Format::Flag
        | Format::Fen
        | Format::Date
        | Format::Codes => {}
    }
}
