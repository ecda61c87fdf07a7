//! Every field of a case: its key, where it is asked, its format, who may see it, and whether the secret trap looks at it.
//!
//! One table; the desk's form, the checklist, masking, search and the server's checks are all read from it.

pub use crate::canonical::{
    Canonical, FieldReject, canonicalise, check_canonical, display, editable, masked,
};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;

/// A field's canonical value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    Flag(bool),
    Text(String),
    /// Merged by union when two desks add to it.
    Set(BTreeSet<String>),
}

/// By what is there. A derived reader would try the variants in turn, and word an error for each that it is not.
impl<'de> Deserialize<'de> for FieldValue {
    fn deserialize<D: Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
        de.deserialize_any(ByItsShape)
    }
}

struct ByItsShape;

impl<'de> Visitor<'de> for ByItsShape {
    type Value = FieldValue;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a truth, a text or a list of texts")
    }
    fn visit_bool<E>(self, flag: bool) -> Result<FieldValue, E> {
        Ok(FieldValue::Flag(flag))
    }
    fn visit_str<E>(self, text: &str) -> Result<FieldValue, E> {
        Ok(FieldValue::Text(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<FieldValue, E> {
        Ok(FieldValue::Text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<FieldValue, A::Error> {
        let mut set = BTreeSet::new();
        while let Some(member) = seq.next_element()? {
            set.insert(member);
        }
        Ok(FieldValue::Set(set))
    }
}

/// Where in the new-case flow a field is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Intake,
    Identity,
    Diagnosis,
    Documents,
    Form,
    Submit,
}

/// How raw text becomes a canonical value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Free text of at most so many Unicode scalars.
    Text(usize),
    PersonName,
    /// Mobile, landline or service number.
    Phone,
    MerchantNo,
    MerchantInnerNo,
    /// Any identity document number of `formats.md` 1.1–1.4.
    IdentityNo,
    Uscc,
    TerminalSerial,
    Tusn,
    /// A set of 8-character terminal numbers.
    TerminalNumbers,
    CardTail,
    Choice(&'static [&'static str]),
    Flag,
    /// Money, stored as 分 in decimal text.
    Fen,
    /// `yyyy-mm-dd`, civil.
    Date,
    /// A set of short codes, such as diagnosis answers `question:option`.
    Codes,
}

/// What may be shown without a counted reveal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    Open,
    Name,
    Phone,
    IdentityNo,
    Card,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    pub key: FieldKey,
    pub step: Step,
    pub format: Format,
    pub privacy: Privacy,
    /// Fields that legitimately hold long digits are exempt from the secret trap by type.
    pub trap_exempt: bool,
}

macro_rules! fields {
    ($($variant:ident = $key:literal, $step:ident, $format:expr, $privacy:ident, $exempt:literal;)+) => {
        /// The stable name of a field, such as `merchant.no`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum FieldKey {$( #[serde(rename = $key)] $variant ),+}

        impl FieldKey {
            /// Every field, in the order of the form.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire and in the interface.
            pub const fn as_str(self) -> &'static str {
                match self {$( Self::$variant => $key ),+}
            }
            /// Finds a field by its name.
            pub fn parse(text: &str) -> Option<Self> {
                match text {$( $key => Some(Self::$variant), )+ _ => None}
            }
            /// Its row of the table.
            pub const fn spec(self) -> FieldSpec {
                use Format::{Choice, Codes, CardTail, Date, Fen, Flag, IdentityNo, MerchantInnerNo, MerchantNo, PersonName, Phone, TerminalNumbers, TerminalSerial, Text, Tusn, Uscc};
                match self {$( Self::$variant => FieldSpec {
                    key: Self::$variant, step: Step::$step, format: $format, privacy: Privacy::$privacy, trap_exempt: $exempt,
                } ),+}
            }
        }
    };
}

const CHANNELS: &[&str] = &["phone", "walk_in", "app", "mail", "wechat"];
const REQUESTS: &[&str] = &[
    "unbind_terminal",
    "unbind_login",
    "settlement_card",
    "ledger",
    "close_merchant",
    "swap_device",
];
const RELATIONS: &[&str] = &["holder", "staff", "family", "agent_org", "other"];
const CLASSES: &[&str] = &["enterprise", "sole_trader", "micro"];
const CONCLUSIONS: &[&str] = &[
    "confirmed_damaged",
    "suspected",
    "network",
    "account",
    "usage",
    "lost_stolen",
];
const ROUTES: &[&str] = &["unbind", "repair", "swap", "self_service", "nothing"];
const OWNERSHIP: &[&str] = &["purchased", "leased", "free_with_deposit", "unknown"];
const TERMINAL_KINDS: &[&str] = &[
    "traditional",
    "smart",
    "esign",
    "mpos",
    "qr_box",
    "qr_plate",
    "soundbox",
];
const PLACES: &[&str] = &["in_hand", "lost", "repair_shop"];
const HANDOVER: &[&str] = &["done", "waived", "not_possible"];
const SIGNATURES: &[&str] = &["paper_photo", "on_site"];
/// Unbind reasons of `knowledge.md` 6.1.
pub const REASONS: &[&str] = &[
    "FAULT_POWER",
    "FAULT_TAMPER",
    "FAULT_READER",
    "FAULT_PRINTER",
    "FAULT_SCREEN_KEY",
    "FAULT_NETWORK",
    "FAULT_BATTERY",
    "DAMAGE_PHYSICAL",
    "LOST",
    "STOLEN",
    "UPGRADE",
    "MODEL_RETIRED",
    "CHANGE_AGENT",
    "CLOSE_BUSINESS",
    "TRANSFER_SHOP",
    "LEGAL_PERSON_CHANGED",
    "DEAD_OWNER",
    "DUPLICATE_BIND",
    "THIRD_PARTY_BOUND",
    "OTHER",
];

fields! {
    CallerName = "caller.name", Intake, PersonName, Name, false;
    CallerPhone = "caller.phone", Intake, Phone, Phone, true;
    CallerRelation = "caller.relation", Intake, Choice(RELATIONS), Open, true;
    Channel = "caller.channel", Intake, Choice(CHANNELS), Open, true;
    RequestKind = "request.kind", Intake, Choice(REQUESTS), Open, true;
    RequestWords = "request.words", Intake, Text(500), Open, false;
    MerchantNo = "merchant.no", Identity, MerchantNo, Open, true;
    MerchantInnerNo = "merchant.inner_no", Identity, MerchantInnerNo, Open, true;
    MerchantName = "merchant.name", Identity, Text(100), Open, false;
    MerchantClass = "merchant.class", Identity, Choice(CLASSES), Open, true;
    MerchantUscc = "merchant.uscc", Identity, Uscc, Open, true;
    MerchantPhone = "merchant.phone", Identity, Phone, Phone, true;
    LegalName = "legal.name", Identity, PersonName, Name, false;
    LegalIdNo = "legal.id_no", Identity, IdentityNo, IdentityNo, true;
    SettleBank = "settle.bank", Identity, Text(40), Open, false;
    SettleTail = "settle.tail", Identity, CardTail, Card, true;
    HandlerName = "handler.name", Identity, PersonName, Name, false;
    HandlerIdNo = "handler.id_no", Identity, IdentityNo, IdentityNo, true;
    HandlerPhone = "handler.phone", Identity, Phone, Phone, true;
    DiagnosisAnswers = "diagnosis.answers", Diagnosis, Codes, Open, true;
    DiagnosisErrorText = "diagnosis.error_text", Diagnosis, Text(200), Open, false;
    DiagnosisConclusion = "diagnosis.conclusion", Diagnosis, Choice(CONCLUSIONS), Open, true;
    DiagnosisRoute = "diagnosis.route", Diagnosis, Choice(ROUTES), Open, true;
    TerminalSerial = "terminal.serial", Form, TerminalSerial, Open, true;
    TerminalSerialAgain = "terminal.serial_again", Form, TerminalSerial, Open, true;
    TerminalTusn = "terminal.tusn", Form, Tusn, Open, true;
    TerminalNumbers = "terminal.numbers", Form, TerminalNumbers, Open, true;
    TerminalModel = "terminal.model", Form, Text(40), Open, false;
    TerminalKind = "terminal.kind", Form, Choice(TERMINAL_KINDS), Open, true;
    TerminalObtainedBy = "terminal.obtained_by", Form, Choice(OWNERSHIP), Open, true;
    TerminalPlace = "terminal.place", Form, Choice(PLACES), Open, true;
    TerminalAddress = "terminal.address", Form, Text(120), Open, false;
    InvoiceCode = "invoice.code", Documents, Text(12), Open, true;
    InvoiceNumber = "invoice.number", Documents, Text(20), Open, true;
    InvoiceAmount = "invoice.amount_fen", Documents, Fen, Open, true;
    InvoiceDate = "invoice.date", Documents, Date, Open, true;
    ReasonCode = "reason.code", Form, Choice(REASONS), Open, true;
    ReasonText = "reason.text", Form, Text(500), Open, false;
    UnsettledFen = "effects.unsettled_fen", Form, Fen, Open, true;
    UnsettledNote = "effects.unsettled_note", Form, Text(200), Open, false;
    EffectsTold = "effects.told", Form, Flag, Open, true;
    HandoverTransactions = "handover.transactions", Form, Choice(HANDOVER), Open, true;
    HandoverSettlement = "handover.settlement", Form, Choice(HANDOVER), Open, true;
    HandoverReceipts = "handover.receipts", Form, Choice(HANDOVER), Open, true;
    HandoverNote = "handover.note", Form, Text(200), Open, false;
    NoticeReadBack = "notice.read_back", Form, Flag, Open, true;
    Signature = "form.signature", Form, Choice(SIGNATURES), Open, true;
    WantsReplacement = "form.replacement", Form, Flag, Open, true;
    DuplicateReason = "form.duplicate_reason", Form, Text(200), Open, false;
}

#[cfg(test)]
mod tests {
    use super::FieldValue;

    #[test]
    fn a_value_is_read_by_its_shape_and_written_as_it_was() {
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let set = ["A1", "B2"].map(str::to_owned);
        for (json, value) in [
            ("true", FieldValue::Flag(true)),
            ("\"true\"", text("true")),
            ("\"王\\u6837例\"", text("王样例")),
            ("[\"A1\",\"B2\"]", FieldValue::Set(set.into())),
            ("[]", FieldValue::Set([].into())),
        ] {
            let read: FieldValue = serde_json::from_str(json).unwrap();
            assert_eq!(read, value);
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<FieldValue>(&written).unwrap(), value);
        }
    }

    #[test]
    fn what_is_no_value_is_told_as_such() {
        for json in ["7", "1.5", "null", "{}", "[1]", "[true]", "[[]]"] {
            let told = serde_json::from_str::<FieldValue>(json).unwrap_err();
            assert!(told.is_data(), "{json}: {told}");
        }
        let told = serde_json::from_str::<FieldValue>("7").unwrap_err();
        assert!(
            told.to_string().contains("a text or a list of texts"),
            "{told}"
        );
    }
}
