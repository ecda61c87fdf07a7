//! Raw text to a field's canonical value and back to what people read.

use crate::field::{FieldKey, FieldValue, Format, Privacy};
use crate::ident::{
    self, CardTail, HkMacaoTaiwanPermit, Landline, LegacyResidentId, MerchantInnerNo, MerchantNo,
    Mobile, OldPermanentResidentId, Parsed, PermanentResidentId, Reject, ResidentId, ServiceNumber,
    TerminalNo, TerminalSerial, TravelDocument, Tusn, Uscc,
};
use crate::money::Fen;
use crate::names::{NameReject, NameWarning, PersonName};
use crate::secret_trap::{self, FieldKind};
use chrono::NaiveDate;
use std::collections::BTreeSet;

/// Most members of a set field.
pub const SET_MEMBERS: usize = 64;
/// Longest code of a set field, in bytes.
const CODE_BYTES: usize = 64;
/// Age from which somebody may ask for an unbind alone.
const ADULT_YEARS: i32 = 16;

/// A canonical value with the doubts that the agent may override with a reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Canonical {
    /// None when the text clears the field.
    pub value: Option<FieldValue>,
    pub warnings: Vec<&'static str>,
}

/// Why a text is not a value of this field; `code` is stable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code} in {}", field.as_str())]
pub struct FieldReject {
    pub code: &'static str,
    pub field: FieldKey,
}

type Read = Result<(FieldValue, Vec<&'static str>), &'static str>;

/// Reads what was typed. Empty text clears the field; sets are separated by comma, 、 or space.
pub fn canonicalise(key: FieldKey, raw: &str, today: NaiveDate) -> Result<Canonical, FieldReject> {
    let reject = |code| FieldReject { code, field: key };
    if raw.trim().is_empty() {
        return Ok(Canonical {
            value: None,
            warnings: Vec::new(),
        });
    }
    let spec = key.spec();
    secret_trap::inspect(raw, trap_kind(spec.format, spec.trap_exempt))
        .map_err(|found| reject(found.kind.as_str()))?;
    let (value, warnings) = read(spec.format, raw, today).map_err(reject)?;
    Ok(Canonical {
        value: Some(value),
        warnings,
    })
}

/// Whether a value is what [`canonicalise`] would have made of it.
pub fn check_canonical(
    key: FieldKey,
    value: &FieldValue,
    today: NaiveDate,
) -> Result<(), FieldReject> {
    let raw = match value {
        FieldValue::Flag(flag) => flag.to_string(),
        FieldValue::Text(text) => text.clone(),
        FieldValue::Set(set) => set.iter().map(String::as_str).collect::<Vec<_>>().join(","),
    };
    // Fen are kept in fen but typed in yuan.
    let again = if key.spec().format == Format::Fen {
        fen_kept(&raw).map_err(|code| FieldReject { code, field: key })?
    } else {
        canonicalise(key, &raw, today)?.value
    };
    if again.as_ref() == Some(value) {
        Ok(())
    } else {
        Err(FieldReject {
            code: "FORMAT",
            field: key,
        })
    }
}

/// What people read: money with its sign, flags as yes or no codes, sets with commas.
pub fn display(key: FieldKey, value: &FieldValue) -> String {
    match value {
        FieldValue::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        FieldValue::Set(set) => set
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        FieldValue::Text(text) if key.spec().format == Format::Fen => text
            .parse()
            .map_or_else(|_| text.clone(), |fen| Fen(fen).to_string()),
        FieldValue::Text(text) => text.clone(),
    }
}

/// What goes back into an input: the form in which it would be typed.
pub fn editable(key: FieldKey, value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) if key.spec().format == Format::Fen => text
            .parse()
            .map_or_else(|_| text.clone(), |fen| Fen(fen).plain()),
        FieldValue::Flag(flag) => flag.to_string(),
        FieldValue::Text(_) | FieldValue::Set(_) => display(key, value),
    }
}

/// What a field may show without a counted reveal.
pub fn masked(key: FieldKey, value: &FieldValue) -> String {
    let text = display(key, value);
    match key.spec().privacy {
        Privacy::Open => text,
        Privacy::Name => crate::mask::name(&text).as_str().to_owned(),
        Privacy::Phone => crate::mask::phone(&text).as_str().to_owned(),
        Privacy::IdentityNo => crate::mask::id_number(&text).as_str().to_owned(),
        Privacy::Card => CardTail::parse(&text).map_or_else(
            |_| crate::mask::all().as_str().to_owned(),
            |tail| crate::mask::card(&tail.value).as_str().to_owned(),
        ),
    }
}

/// Exemption is by type: free text is never exempt, whatever the table says.
fn trap_kind(format: Format, exempt: bool) -> FieldKind {
    match format {
        Format::PersonName => FieldKind::Name,
        Format::Phone => FieldKind::Phone,
        Format::MerchantNo | Format::MerchantInnerNo => FieldKind::MerchantNumber,
        Format::IdentityNo => FieldKind::IdentityNumber,
        Format::Uscc => FieldKind::OrganisationNumber,
        Format::TerminalSerial | Format::Tusn => FieldKind::TerminalSerial,
        Format::TerminalNumbers => FieldKind::TerminalNumber,
        Format::Fen => FieldKind::Amount,
        Format::Text(_) if exempt => FieldKind::InvoiceNumber,
        Format::Text(_)
        | Format::CardTail
        | Format::Choice(_)
        | Format::Flag
        | Format::Date
        | Format::Codes => FieldKind::FreeText,
    }
}

fn read(format: Format, raw: &str, today: NaiveDate) -> Read {
    match format {
        Format::Text(limit) => text(raw, limit),
        Format::PersonName => person_name(raw),
        Format::Phone => phone(raw),
        Format::MerchantNo => parsed(MerchantNo::parse(raw), MerchantNo::as_str),
        Format::MerchantInnerNo => parsed(MerchantInnerNo::parse(raw), MerchantInnerNo::as_str),
        Format::IdentityNo => identity_no(raw, today),
        Format::Uscc => parsed(Uscc::parse(raw), Uscc::as_str),
        Format::TerminalSerial => parsed(TerminalSerial::parse(raw), TerminalSerial::as_str),
        Format::Tusn => parsed(Tusn::parse(raw), Tusn::as_str),
        Format::TerminalNumbers => set(raw, |member| match TerminalNo::parse(member) {
            Ok(parsed) => Ok(parsed.value.as_str().to_owned()),
            Err(reject) => Err(reject.as_str()),
        }),
        Format::CardTail => parsed(CardTail::parse(raw), CardTail::as_str),
        Format::Choice(choices) => choice(raw, choices),
        Format::Flag => flag(raw),
        Format::Fen => money(raw),
        Format::Date => date(raw),
        Format::Codes => set(raw, code),
    }
}

fn kept(text: impl Into<String>) -> FieldValue {
    FieldValue::Text(text.into())
}

fn parsed<T>(result: Result<Parsed<T>, Reject>, as_str: fn(&T) -> &str) -> Read {
    let parsed = result.map_err(Reject::as_str)?;
    let warnings = parsed
        .warnings
        .iter()
        .map(|warning| warning.as_str())
        .collect();
    Ok((kept(as_str(&parsed.value)), warnings))
}

fn text(raw: &str, limit: usize) -> Read {
    let text = raw.trim();
    if text.chars().count() > limit {
        return Err("LENGTH");
    }
    let plain = text
        .chars()
        .all(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    if plain {
        Ok((kept(text), Vec::new()))
    } else {
        Err("FORMAT")
    }
}

fn person_name(raw: &str) -> Read {
    let (name, doubts) = PersonName::parse(raw).map_err(|reject| match reject {
        NameReject::Empty => "EMPTY",
        NameReject::Length => "LENGTH",
        NameReject::Control => "FORMAT",
    })?;
    let warnings = doubts.iter().map(|doubt| match doubt {
        NameWarning::WarnPrivateUse => "WARN_PRIVATE_USE",
        NameWarning::WarnReplacement => "WARN_REPLACEMENT",
    });
    Ok((kept(name.as_str()), warnings.collect()))
}

/// The first reading that fits; when none does, the mobile's objection, for that is what most people meant.
fn phone(raw: &str) -> Read {
    let mobile = parsed(Mobile::parse(raw), Mobile::as_str);
    let others = [
        parsed(Landline::parse(raw), Landline::as_str),
        parsed(ServiceNumber::parse(raw), ServiceNumber::as_str),
    ];
    first_fitting(mobile, others)
}

fn first_fitting<const N: usize>(first: Read, others: [Read; N]) -> Read {
    match first {
        Ok(found) => Ok(found),
        Err(code) => others.into_iter().find_map(Result::ok).ok_or(code),
    }
}

/// Resident card first; then the foreigner's, Hong Kong, Macao and Taiwan papers, the legacy number, travel documents.
fn identity_no(raw: &str, today: NaiveDate) -> Read {
    let resident = ResidentId::parse(raw, today);
    let minor = resident.as_ref().is_ok_and(|parsed| {
        parsed
            .value
            .age_on(today)
            .is_some_and(|age| age < ADULT_YEARS)
    });
    let resident = parsed(resident, ResidentId::as_str).map(|(value, mut warnings)| {
        if minor {
            warnings.push("WARN_MINOR");
        }
        (value, warnings)
    });
    first_fitting(
        resident,
        [
            parsed(
                PermanentResidentId::parse(raw, today),
                PermanentResidentId::as_str,
            ),
            parsed(
                HkMacaoTaiwanPermit::parse(raw, today),
                HkMacaoTaiwanPermit::as_str,
            ),
            parsed(
                LegacyResidentId::parse(raw, today),
                LegacyResidentId::as_str,
            ),
            parsed(
                OldPermanentResidentId::parse(raw),
                OldPermanentResidentId::as_str,
            ),
            parsed(TravelDocument::parse(raw), TravelDocument::as_str),
        ],
    )
}

fn choice(raw: &str, choices: &[&str]) -> Read {
    let wanted = raw.trim();
    let found = choices.iter().find(|choice| **choice == wanted);
    found
        .map(|choice| (kept(*choice), Vec::new()))
        .ok_or("CHOICE")
}

fn flag(raw: &str) -> Read {
    match raw.trim() {
        "true" | "yes" | "1" => Ok((FieldValue::Flag(true), Vec::new())),
        "false" | "no" | "0" => Ok((FieldValue::Flag(false), Vec::new())),
        _ => Err("CHOICE"),
    }
}

fn money(raw: &str) -> Read {
    let fen = Fen::parse(raw).map_err(|_| "AMOUNT")?;
    if fen.0 < 0 {
        return Err("AMOUNT");
    }
    Ok((kept(fen.0.to_string()), Vec::new()))
}

fn fen_kept(text: &str) -> Result<Option<FieldValue>, &'static str> {
    match text.parse::<i64>() {
        Ok(fen) if fen >= 0 => Ok(Some(kept(fen.to_string()))),
        _ => Err("AMOUNT"),
    }
}

/// `2026-05-01`, `2026/5/1`, `20260501` or `2026年5月1日`.
fn date(raw: &str) -> Read {
    let folded = ident::fold(raw);
    let bare = folded.trim();
    let forms = ["%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d"];
    let day = forms
        .iter()
        .find_map(|form| NaiveDate::parse_from_str(bare, form).ok())
        .ok_or("DATE")?;
    Ok((kept(day.format("%Y-%m-%d").to_string()), Vec::new()))
}

fn code(member: &str) -> Result<String, &'static str> {
    let fits = member.len() <= CODE_BYTES
        && member
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'.' | b'-'));
    if fits {
        Ok(member.to_owned())
    } else {
        Err("FORMAT")
    }
}

fn set(raw: &str, member: impl Fn(&str) -> Result<String, &'static str>) -> Read {
    let separators = [',', '，', '、', ';', '；', ' ', '\u{3000}', '\n', '\t'];
    let mut members = BTreeSet::new();
    for part in raw.split(separators).filter(|part| !part.is_empty()) {
        members.insert(member(part)?);
    }
    match members.len() {
        0 => Err("FORMAT"),
        1..=SET_MEMBERS => Ok((FieldValue::Set(members), Vec::new())),
        _ => Err("LENGTH"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()
    }

    fn value(key: FieldKey, raw: &str) -> Option<FieldValue> {
        canonicalise(key, raw, today()).unwrap().value
    }

    fn code(key: FieldKey, raw: &str) -> &'static str {
        canonicalise(key, raw, today()).unwrap_err().code
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_stable_code() {
        for (key, raw, expected) in [
            (FieldKey::MerchantNo, "82229007011000", "LENGTH"),
            (FieldKey::LegalIdNo, "110105199003070018", "CHECK"),
            (FieldKey::CallerPhone, "12000000021", "FORMAT"),
            (FieldKey::SettleTail, "12345", "LENGTH"),
            (FieldKey::Channel, "telepathy", "CHOICE"),
            (FieldKey::EffectsTold, "perhaps", "CHOICE"),
            (FieldKey::UnsettledFen, "-1", "AMOUNT"),
            (FieldKey::UnsettledFen, "12.999", "AMOUNT"),
            (FieldKey::InvoiceDate, "2026-02-30", "DATE"),
            (FieldKey::TerminalNumbers, "00000751 1234", "LENGTH"),
            (FieldKey::DiagnosisAnswers, "q0:<b>", "FORMAT"),
            (FieldKey::TerminalModel, "A\u{7}8", "FORMAT"),
            (
                FieldKey::RequestWords,
                "6222020000000000000",
                "secret.card_number",
            ),
        ] {
            assert_eq!(code(key, raw), expected, "{key:?} {raw}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_not_bytes() {
        assert!(canonicalise(FieldKey::TerminalModel, &"机".repeat(40), today()).is_ok());
        assert_eq!(code(FieldKey::TerminalModel, &"机".repeat(41)), "LENGTH");
        let many = (0..=SET_MEMBERS)
            .map(|n| format!("q{n}"))
            .collect::<Vec<_>>()
            .join(",");
        assert_eq!(code(FieldKey::DiagnosisAnswers, &many), "LENGTH");
    }

    #[test]
    fn every_field_is_cleared_by_empty_text() {
        for key in FieldKey::ALL {
            for raw in ["", "  ", "\u{3000}"] {
                assert_eq!(value(*key, raw), None, "{key:?}");
            }
        }
    }

    #[test]
    fn sets_take_the_separators_people_use() {
        let both = FieldValue::Set(BTreeSet::from([
            "00000751".to_owned(),
            "A0000001".to_owned(),
        ]));
        for raw in [
            "00000751,a0000001",
            "A0000001、00000751",
            "00000751 A0000001 00000751",
            "00000751，A0000001；",
        ] {
            assert_eq!(
                value(FieldKey::TerminalNumbers, raw),
                Some(both.clone()),
                "{raw}"
            );
        }
    }

    #[test]
    fn phones_and_identity_numbers_of_each_kind_are_read() {
        for raw in ["13000000001", "010-62000000", "95016"] {
            assert!(value(FieldKey::CallerPhone, raw).is_some(), "{raw}");
        }
        for raw in [
            "110105199003070017",
            "911124198108030024",
            "810000198501010010",
            "110105900307001",
        ] {
            assert!(value(FieldKey::LegalIdNo, raw).is_some(), "{raw}");
        }
    }

    #[test]
    fn doubts_are_named_and_do_not_refuse() {
        let read = |key, raw| canonicalise(key, raw, today()).unwrap().warnings;
        assert_eq!(
            read(FieldKey::MerchantNo, "849310158120005"),
            ["WARN_ACQUIRER"]
        );
        assert_eq!(read(FieldKey::CallerPhone, "14600000014"), ["WARN_SEGMENT"]);
        assert!(read(FieldKey::HandlerIdNo, "110105199003070017").is_empty());
    }

    #[test]
    fn money_is_kept_in_fen_and_shown_in_yuan() {
        let kept = value(FieldKey::UnsettledFen, "1,299.5").unwrap();
        assert_eq!(kept, FieldValue::Text("129950".to_owned()));
        assert_eq!(display(FieldKey::UnsettledFen, &kept), "¥1,299.50");
        assert_eq!(editable(FieldKey::UnsettledFen, &kept), "1299.50");
    }

    #[test]
    fn personal_values_are_masked_and_open_ones_are_not() {
        for (key, raw, shown) in [
            (FieldKey::LegalName, "张三丰", "张**"),
            (FieldKey::CallerPhone, "13812341234", "138****1234"),
            (FieldKey::SettleTail, "1234", "**** 1234"),
            (FieldKey::MerchantName, "测试小吃店", "测试小吃店"),
        ] {
            assert_eq!(masked(key, &value(key, raw).unwrap()), shown, "{key:?}");
        }
        let id = value(FieldKey::LegalIdNo, "110105199003070017").unwrap();
        assert!(!masked(FieldKey::LegalIdNo, &id).contains("19900307"));
    }

    #[test]
    fn choices_are_their_own_canonical_form() {
        for key in FieldKey::ALL {
            if let Format::Choice(choices) = key.spec().format {
                for choice in choices {
                    let kept = value(*key, choice).unwrap();
                    assert_eq!(
                        check_canonical(*key, &kept, today()),
                        Ok(()),
                        "{key:?} {choice}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_read_once_is_read_again_the_same(at in 0..FieldKey::ALL.len(), raw in "\\PC{0,24}|[0-9A-Z]{4,20}|[0-9]{1,6}\\.[0-9]{2}|20[0-9]{2}-0[1-9]-1[0-9]") {
            let key = FieldKey::ALL[at];
            if let Ok(Canonical { value: Some(value), .. }) = canonicalise(key, &raw, today()) {
                prop_assert_eq!(check_canonical(key, &value, today()), Ok(()), "{:?}", value);
                let again = canonicalise(key, &editable(key, &value), today());
                prop_assert_eq!(again.map(|read| read.value), Ok(Some(value)));
            }
        }
    }
}
