//! A record of the register after what a file says of it. Nothing that the file leaves out is removed.

use super::facts::{Draft, MerchantFacts, TerminalFacts};
use desk_domain::ids::{MerchantId, OfficeCode};
use desk_domain::registry::{MerchantRecord, TerminalRecord};
use desk_domain::time::Millis;
use std::collections::BTreeMap;

/// The name of a merchant whose only import was taken back.
pub const WITHDRAWN: &str = "（登记已撤销）";

/// The record after a draft. `id` is for a merchant that is new; `moved` holds what other merchants' records said of
/// terminals that the draft takes over.
pub fn merged(
    before: Option<&MerchantRecord>,
    draft: &Draft,
    moved: &BTreeMap<String, TerminalRecord>,
    (id, now): (MerchantId, Millis),
) -> MerchantRecord {
    let mut record = match before {
        Some(before) => before.clone(),
        None => empty(id, &draft.office, &draft.merchant.no),
    };
    say(&mut record, &draft.merchant, now);
    for terminal in &draft.terminals {
        let known = record
            .terminals
            .iter_mut()
            .find(|known| known.serial == terminal.serial);
        if let Some(known) = known {
            say_of_terminal(known, terminal, now);
        } else {
            let mut fresh = moved
                .get(&terminal.serial)
                .map_or_else(|| empty_terminal(&terminal.serial), freed);
            say_of_terminal(&mut fresh, terminal, now);
            record.terminals.push(fresh);
        }
    }
    record
}

/// The record of a merchant that should not be there: desks cannot forget a record, so it keeps its number and nothing
/// else.
pub fn withdrawn(record: &MerchantRecord, now: Millis) -> MerchantRecord {
    MerchantRecord {
        name: WITHDRAWN.to_owned(),
        phone_changed_at: now,
        ..empty(record.id, &record.office, &record.merchant_no)
    }
}

/// Whether two records say the same.
pub fn is_same(left: &MerchantRecord, right: &MerchantRecord) -> bool {
    let version = right.version;
    MerchantRecord {
        version,
        ..left.clone()
    } == *right
}

fn empty(id: MerchantId, office: &OfficeCode, merchant_no: &str) -> MerchantRecord {
    MerchantRecord {
        id,
        office: office.clone(),
        merchant_no: merchant_no.to_owned(),
        merchant_inner_no: None,
        name: String::new(),
        class: "micro".to_owned(),
        uscc: None,
        legal_name: String::new(),
        legal_id_no: String::new(),
        phone: String::new(),
        phone_changed_at: 0,
        settle_bank: String::new(),
        settle_tail: String::new(),
        address: String::new(),
        terminals: Vec::new(),
        version: 0,
    }
}

fn say(record: &mut MerchantRecord, facts: &MerchantFacts, now: Millis) {
    // A number whose age nobody tells counts as new: codes and call-backs trust old numbers only.
    if record.phone != facts.phone {
        record.phone_changed_at = now;
    }
    if let Some(at) = facts.phone_changed_at {
        record.phone_changed_at = at;
    }
    let is_first = record.version == 0 || record.name == WITHDRAWN;
    facts.name.clone_into(&mut record.name);
    facts.legal_name.clone_into(&mut record.legal_name);
    facts.legal_id_no.clone_into(&mut record.legal_id_no);
    facts.phone.clone_into(&mut record.phone);
    put(&mut record.settle_bank, facts.settle_bank.as_ref());
    put(&mut record.settle_tail, facts.settle_tail.as_ref());
    put(&mut record.address, facts.address.as_ref());
    put_some(&mut record.merchant_inner_no, facts.inner_no.as_ref());
    put_some(&mut record.uscc, facts.uscc.as_ref());
    match &facts.class {
        Some(class) => class.clone_into(&mut record.class),
        None if is_first => class_of(record.uscc.as_deref()).clone_into(&mut record.class),
        None => {}
    }
}

/// What the licence says of its holder; who has none is a micro merchant.
fn class_of(uscc: Option<&str>) -> &'static str {
    match uscc {
        None => "micro",
        Some(code) if code.starts_with("92") => "sole_trader",
        Some(_) => "enterprise",
    }
}

fn empty_terminal(serial: &str) -> TerminalRecord {
    TerminalRecord {
        serial: serial.to_owned(),
        tusn: None,
        terminal_numbers: Vec::new(),
        model: String::new(),
        kind: String::new(),
        obtained_by: "unknown".to_owned(),
        bound_at: 0,
        unbound_at: None,
        last_trade_at: None,
    }
}

/// The device stays what it is; its numbers and dates belonged to the merchant before.
fn freed(terminal: &TerminalRecord) -> TerminalRecord {
    TerminalRecord {
        tusn: terminal.tusn.clone(),
        model: terminal.model.clone(),
        kind: terminal.kind.clone(),
        ..empty_terminal(&terminal.serial)
    }
}

fn say_of_terminal(record: &mut TerminalRecord, facts: &TerminalFacts, now: Millis) {
    put_some(&mut record.tusn, facts.tusn.as_ref());
    put(&mut record.model, facts.model.as_ref());
    put(&mut record.kind, facts.kind.as_ref());
    put(&mut record.obtained_by, facts.obtained_by.as_ref());
    if !facts.numbers.is_empty() {
        record.terminal_numbers.clone_from(&facts.numbers);
    }
    if let Some(at) = facts.bound_at {
        // Bound anew after it was unbound.
        record.unbound_at = record.unbound_at.filter(|unbound| *unbound > at);
        record.bound_at = at;
    }
    if record.bound_at == 0 {
        record.bound_at = now;
    }
    put_some(&mut record.unbound_at, facts.unbound_at.as_ref());
    put_some(&mut record.last_trade_at, facts.last_trade_at.as_ref());
}

fn put(place: &mut String, said: Option<&String>) {
    if let Some(said) = said {
        said.clone_into(place);
    }
}

fn put_some<T: Clone>(place: &mut Option<T>, said: Option<&T>) {
    if let Some(said) = said {
        *place = Some(said.clone());
    }
}
