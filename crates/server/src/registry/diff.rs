//! What differs between two records, in lines that may be shown: personal values are masked as the domain masks them.

use desk_domain::ident::CardTail;
use desk_domain::mask;
use desk_domain::registry::{MerchantRecord, TerminalRecord};
use desk_domain::time::Millis;

const NOTHING: &str = "-";
const SHANGHAI_OFFSET_MS: i64 = 8 * 3_600_000;

/// One line for the merchant and one for each field that differs; none when nothing does.
pub fn lines(before: Option<&MerchantRecord>, after: &MerchantRecord) -> Vec<String> {
    let (old, new) = (before.map(merchant), merchant(after));
    let mut lines: Vec<String> = new
        .into_iter()
        .zip(
            old.into_iter()
                .flatten()
                .map(Some)
                .chain(std::iter::repeat(None)),
        )
        .filter_map(|((field, clear, shown), old)| {
            let (old_clear, old_shown) = old
                .map_or((String::new(), NOTHING.to_owned()), |(_, clear, shown)| {
                    (clear, shown)
                });
            (clear != old_clear).then(|| format!("  {field}: {old_shown} -> {shown}"))
        })
        .collect();
    let old = before.map_or(&[][..], |before| &before.terminals);
    for terminal in &after.terminals {
        let known = old.iter().find(|one| one.serial == terminal.serial);
        lines.extend(terminal_line(known, terminal));
    }
    for gone in old.iter().filter(|one| !has(after, &one.serial)) {
        lines.push(format!("  terminal {}: leaves", gone.serial));
    }
    if !lines.is_empty() {
        let word = if before.is_some() { "changed" } else { "new" };
        lines.insert(0, format!("{} {} {word}", after.office, after.merchant_no));
    }
    lines
}

fn has(record: &MerchantRecord, serial: &str) -> bool {
    record.terminals.iter().any(|one| one.serial == serial)
}

/// Field, value in clear for comparing, value as shown.
type Shown = (&'static str, String, String);

fn merchant(record: &MerchantRecord) -> Vec<Shown> {
    let plain = |field, value: &str| (field, value.to_owned(), or_nothing(value));
    let masked = |field, value: &str, mask: fn(&str) -> mask::Masked| {
        let shown = if value.is_empty() {
            NOTHING.to_owned()
        } else {
            mask(value).to_string()
        };
        (field, value.to_owned(), shown)
    };
    vec![
        plain(
            "merchant_inner_no",
            record.merchant_inner_no.as_deref().unwrap_or_default(),
        ),
        // A merchant without a licence trades under a person's name.
        if record.class == "micro" {
            masked("name", &record.name, mask::name)
        } else {
            plain("name", &record.name)
        },
        plain("class", &record.class),
        plain("uscc", record.uscc.as_deref().unwrap_or_default()),
        masked("legal_name", &record.legal_name, mask::name),
        masked("legal_id_no", &record.legal_id_no, mask::id_number),
        masked("phone", &record.phone, mask::phone),
        instant("phone_changed_at", Some(record.phone_changed_at)),
        plain("settle_bank", &record.settle_bank),
        masked("settle_tail", &record.settle_tail, card),
        masked("address", &record.address, mask::address),
    ]
}

fn terminal_line(before: Option<&TerminalRecord>, after: &TerminalRecord) -> Option<String> {
    let new = terminal(after);
    let Some(before) = before else {
        return Some(format!("  terminal {}: comes", after.serial));
    };
    let parts: Vec<String> = terminal(before)
        .into_iter()
        .zip(new)
        .filter(|((_, old, _), (_, new, _))| old != new)
        .map(|((field, _, old), (_, _, new))| format!("{field} {old} -> {new}"))
        .collect();
    (!parts.is_empty()).then(|| format!("  terminal {}: {}", after.serial, parts.join("; ")))
}

fn terminal(record: &TerminalRecord) -> Vec<Shown> {
    let plain = |field, value: &str| (field, value.to_owned(), or_nothing(value));
    vec![
        plain("tusn", record.tusn.as_deref().unwrap_or_default()),
        plain("terminal_numbers", &record.terminal_numbers.join(",")),
        plain("model", &record.model),
        plain("kind", &record.kind),
        plain("obtained_by", &record.obtained_by),
        instant("bound_at", Some(record.bound_at)),
        instant("unbound_at", record.unbound_at),
        instant("last_trade_at", record.last_trade_at),
    ]
}

fn card(tail: &str) -> mask::Masked {
    CardTail::parse(tail).map_or_else(|_| mask::all(), |tail| mask::card(&tail.value))
}

fn or_nothing(value: &str) -> String {
    if value.is_empty() {
        NOTHING.to_owned()
    } else {
        value.to_owned()
    }
}

fn instant(field: &'static str, at: Option<Millis>) -> Shown {
    let clear = at.map_or_else(String::new, |at| at.to_string());
    (
        field,
        clear,
        at.map_or_else(|| NOTHING.to_owned(), show_instant),
    )
}

/// Day and minute in Shanghai.
pub fn show_instant(at: Millis) -> String {
    chrono::DateTime::from_timestamp_millis(at.saturating_add(SHANGHAI_OFFSET_MS)).map_or_else(
        || NOTHING.to_owned(),
        |at| at.format("%Y-%m-%d %H:%M").to_string(),
    )
}
