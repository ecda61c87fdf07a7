//! Terminals that live on: the register, as it comes in, says of one that it traded after a case had unbound it.
//!
//! Told on the case by the server's own device, once a case: a risk with its reason, and a note in words. A terminal
//! that was bound to its merchant again after the unbind trades by right.

use super::bench::Bench;
use super::notices::{minute, tail};
use super::sql::{Connection, params};
use super::{RepoError, Rules, system};
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, OfficeCode};
use desk_domain::op::OpBody;
use desk_domain::registry::{MerchantRecord, TerminalRecord};
use desk_domain::risk::{self, TRADED_AFTER_UNBIND};
use desk_domain::time::Millis;

/// Cases of one terminal that are looked at, the newest first.
const CASES: usize = 20;
/// Characters of the serial's tail in the note.
const SERIAL_TAIL: usize = 4;

/// Looks at the terminals of a record that was just written.
pub fn watch(conn: &Connection, rules: &Rules, record: &MerchantRecord) -> Result<(), RepoError> {
    let mut sayings = Vec::new();
    for terminal in &record.terminals {
        let Some(traded_at) = terminal.last_trade_at else {
            continue;
        };
        for case in unbound_cases(conn, &record.office, &record.merchant_no, &terminal.serial)? {
            if !case.is_ghost() && trades_on(&case, terminal, traded_at) {
                sayings.extend(words(rules, &case, terminal, traded_at));
            }
        }
    }
    if sayings.is_empty() {
        return Ok(());
    }
    let mut bench = Bench::new(conn, rules)?;
    system::say(&mut bench, sayings)?;
    bench.finish()
}

fn trades_on(case: &Case, terminal: &TerminalRecord, traded_at: Millis) -> bool {
    let Some(unbound_at) = case.moments.unbound_at else {
        return false;
    };
    traded_at > unbound_at && terminal.bound_at <= unbound_at
}

fn words(
    rules: &Rules,
    case: &Case,
    terminal: &TerminalRecord,
    traded_at: Millis,
) -> [(CaseId, OpBody); 2] {
    let mut signals = case.risk.signals.clone();
    signals.insert(TRADED_AFTER_UNBIND.to_owned());
    let added = risk::points_of([&TRADED_AFTER_UNBIND.to_owned()], &rules.policy());
    let points = case.risk.points.saturating_add(added);
    let text = format!(
        "登记资料显示：终端（尾号 {}）解绑后仍有交易，最近一笔在 {}。请向收单机构核查，并告知商户。",
        tail(&terminal.serial, SERIAL_TAIL),
        minute(traded_at)
    );
    [
        (case.id, OpBody::RiskAssess { points, signals }),
        (case.id, OpBody::NoteAdd { text }),
    ]
}

fn unbound_cases(
    conn: &Connection,
    office: &OfficeCode,
    merchant_no: &str,
    serial: &str,
) -> Result<Vec<Case>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT snapshot FROM case_file WHERE office = ?1 AND merchant_no = ?2 AND serial = ?3 \
         AND submitted_at IS NOT NULL ORDER BY submitted_at DESC LIMIT ?4",
    )?;
    let key = params![office.as_str(), merchant_no, serial, CASES];
    let mut rows = select.query(key)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let case: Case = serde_json::from_str(&row.get::<String>(0)?)?;
        found.extend(case.moments.unbound_at.is_some().then_some(case));
    }
    Ok(found)
}
