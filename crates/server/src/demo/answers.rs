//! What is typed into the fields of a demo case.

use desk_domain::field::FieldKey;
use desk_domain::registry::MerchantRecord;

/// What is known after the first minutes of a call.
pub const INTAKE: &[FieldKey] = &[
    FieldKey::CallerName,
    FieldKey::CallerPhone,
    FieldKey::CallerRelation,
    FieldKey::Channel,
    FieldKey::RequestKind,
    FieldKey::RequestWords,
    FieldKey::MerchantNo,
    FieldKey::MerchantName,
    FieldKey::DiagnosisConclusion,
    FieldKey::DiagnosisRoute,
];

pub const REST: &[FieldKey] = &[
    FieldKey::MerchantClass,
    FieldKey::MerchantUscc,
    FieldKey::MerchantPhone,
    FieldKey::LegalName,
    FieldKey::LegalIdNo,
    FieldKey::SettleBank,
    FieldKey::SettleTail,
    FieldKey::TerminalSerial,
    FieldKey::TerminalSerialAgain,
    FieldKey::TerminalNumbers,
    FieldKey::TerminalModel,
    FieldKey::TerminalKind,
    FieldKey::TerminalObtainedBy,
    FieldKey::TerminalPlace,
    FieldKey::ReasonCode,
    FieldKey::UnsettledFen,
    FieldKey::EffectsTold,
    FieldKey::HandoverTransactions,
    FieldKey::HandoverSettlement,
    FieldKey::HandoverReceipts,
    FieldKey::NoticeReadBack,
    FieldKey::Signature,
];

/// What is typed into a field of this merchant's case; empty where nothing is known.
pub fn answer(merchant: &MerchantRecord, key: FieldKey, maker: &str) -> String {
    let terminal = merchant.terminals.first();
    let known = match key.as_str() {
        "caller.name" | "legal.name" => &merchant.legal_name,
        "caller.phone" | "merchant.phone" => &merchant.phone,
        "merchant.no" => &merchant.merchant_no,
        "merchant.name" => &merchant.name,
        "merchant.class" => &merchant.class,
        "merchant.uscc" => merchant.uscc.as_deref().unwrap_or_default(),
        "legal.id_no" => &merchant.legal_id_no,
        "settle.bank" => &merchant.settle_bank,
        "settle.tail" => &merchant.settle_tail,
        "terminal.serial" | "terminal.serial_again" => terminal.map_or("", |t| t.serial.as_str()),
        "terminal.numbers" => terminal
            .and_then(|t| t.terminal_numbers.first())
            .map_or("", String::as_str),
        "terminal.model" => terminal.map_or("", |t| t.model.as_str()),
        "terminal.kind" => terminal.map_or("", |t| t.kind.as_str()),
        "terminal.obtained_by" => terminal.map_or("", |t| t.obtained_by.as_str()),
        "caller.channel" if maker == "clerk1" => "walk_in",
        other => SPOKEN
            .iter()
            .find(|(name, _)| *name == other)
            .map_or("", |(_, said)| said),
    };
    known.to_owned()
}

/// Answers that are the same in every demo case.
const SPOKEN: &[(&str, &str)] = &[
    ("caller.relation", "holder"),
    ("caller.channel", "phone"),
    ("request.kind", "unbind_terminal"),
    ("request.words", "机器开不了机，想解绑换一台（示例）"),
    ("diagnosis.conclusion", "confirmed_damaged"),
    ("diagnosis.route", "unbind"),
    ("terminal.place", "in_hand"),
    ("reason.code", "FAULT_POWER"),
    ("effects.unsettled_fen", "0"),
    ("effects.told", "true"),
    ("handover.transactions", "done"),
    ("handover.settlement", "done"),
    ("handover.receipts", "waived"),
    ("notice.read_back", "true"),
    ("form.signature", "on_site"),
];
