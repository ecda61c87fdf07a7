//! One ordinary case, as an agent would fill it, for the story, the journey and the bench. Every value is visibly fake.

use crate::Failure;
use crate::desk::TestDesk;
use crate::office::Office;
use crate::papers::PAPERS;
use base64::Engine;
use serde_json::{Value, json};
use std::path::Path;

/// The merchant of the script, imported into the register before the call.
pub const MERCHANT_NO: &str = "822290070110001";
pub const MERCHANT_NAME: &str = "示例便利店（样板）";
pub const SERIAL: &str = "N9QT00000001";
pub const LEGAL_NAME: &str = "样例张三";
/// A vector of `domain/formats.md`, nobody's number.
pub const LEGAL_ID_NO: &str = "110105199003070017";
pub const USCC: &str = "92440306MA5FALE270";
pub const PHONE: &str = "13000000001";

/// Everything said on the phone, in the order of the form: (field, what is typed).
pub const FIELDS: &[(&str, &str)] = &[
    ("caller.channel", "phone"),
    ("caller.name", LEGAL_NAME),
    ("caller.phone", PHONE),
    ("caller.relation", "holder"),
    ("request.kind", "unbind_terminal"),
    ("request.words", "机器开不了机，想解绑换一台"),
    ("merchant.no", MERCHANT_NO),
    ("merchant.name", MERCHANT_NAME),
    ("merchant.class", "sole_trader"),
    ("merchant.uscc", USCC),
    ("legal.name", LEGAL_NAME),
    ("legal.id_no", LEGAL_ID_NO),
    ("merchant.phone", PHONE),
    ("settle.tail", "1234"),
    ("diagnosis.conclusion", "confirmed_damaged"),
    ("diagnosis.route", "unbind"),
    ("terminal.serial", SERIAL),
    ("terminal.serial_again", SERIAL),
    ("terminal.numbers", "00000751"),
    ("terminal.obtained_by", "purchased"),
    ("terminal.place", "in_hand"),
    ("terminal.kind", "smart"),
    ("terminal.address", "示例市样板路 1 号"),
    ("reason.code", "FAULT_POWER"),
    ("reason.text", "长按电源键无任何反应，更换充电器无效"),
    ("effects.unsettled_fen", "0"),
    ("effects.told", "true"),
    ("handover.transactions", "done"),
    ("handover.settlement", "done"),
    ("handover.receipts", "waived"),
    ("notice.read_back", "true"),
    ("form.signature", "paper_photo"),
];

/// The register row of the script's merchant, for `registry import`.
pub fn register_row(office: &str) -> Value {
    json!([{
        "id": "01900000-0000-7000-8000-00000000a001", "office": office, "merchant_no": MERCHANT_NO, "merchant_inner_no": null,
        "name": MERCHANT_NAME, "class": "sole_trader", "uscc": USCC, "legal_name": LEGAL_NAME, "legal_id_no": LEGAL_ID_NO,
        "phone": PHONE, "phone_changed_at": 1_600_000_000_000_i64, "settle_bank": "示例银行", "settle_tail": "1234",
        "address": "示例市样板路 1 号", "version": 1,
        "terminals": [{
            "serial": SERIAL, "tusn": null, "terminal_numbers": ["00000751"], "model": "示例机型", "kind": "smart",
            "obtained_by": "purchased", "bound_at": 1_650_000_000_000_i64, "unbound_at": null, "last_trade_at": null,
        }],
    }])
}

/// Imports the script's merchant into the office's register.
pub fn import_merchant(office: &Office, branch: &str, scratch: &Path) -> Result<(), Failure> {
    let file = scratch.join("register.json");
    std::fs::write(&file, register_row(branch).to_string())
        .map_err(Failure::at("write the register"))?;
    office
        .admin(&["registry", "import", &file.display().to_string()])
        .map(drop)
}

/// Opens a case and says everything, one field after another, as typed. Returns the case's id.
pub fn fill(desk: &TestDesk) -> Result<String, Failure> {
    let case = desk.ask("case_new", json!({ "call_ref": null, "channel": "phone" }))?;
    let id = case["id"]
        .as_str()
        .ok_or_else(|| Failure::new("a case without an id"))?
        .to_owned();
    for (field, raw) in FIELDS {
        set(desk, &id, field, raw)?;
    }
    Ok(id)
}

/// Commits one field on the revision that is on screen.
pub fn set(desk: &TestDesk, case: &str, field: &str, raw: &str) -> Result<Value, Failure> {
    let screen = desk.ask("case_open", json!({ "case": case }))?;
    let base = screen["fields"][field]["rev"].clone();
    let arguments = json!({ "case": case, "field": field, "raw": raw, "source": "spoken", "base": base, "accept": {} });
    desk.ask("field_set", arguments)
}

/// Adds every paper of the folder.
pub fn attach(desk: &TestDesk, case: &str, folder: &Path) -> Result<(), Failure> {
    for (kind, name) in PAPERS {
        let bytes =
            std::fs::read(folder.join(name)).map_err(Failure::at(format!("read {name}")))?;
        let bytes = base64::engine::general_purpose::STANDARD.encode(bytes);
        desk.ask(
            "document_add",
            json!({ "case": case, "kind": kind, "name": name, "bytes": bytes, "replaces": null }),
        )?;
    }
    Ok(())
}
