//! Risk seen from the server, where the whole office can be looked at: a fact on the case, with its reasons, written
//! by the server's own device when a case is submitted. It refuses nothing; the rules weigh it.

use super::bench::Bench;
use super::sql::params;
use super::{RepoError, cases, documents, register, system};
use desk_domain::case::Case;
use desk_domain::field::FieldKey;
use desk_domain::op::OpBody;
use desk_domain::risk;
use desk_domain::time::Millis;
use std::collections::BTreeSet;

const DAY: Millis = 86_400_000;

/// Assesses what was submitted in this transaction.
pub fn assess(bench: &mut Bench<'_>) -> Result<(), RepoError> {
    let mut sayings = Vec::new();
    for id in bench.take_submitted() {
        let Some(case) = bench.case(id)? else {
            continue;
        };
        let signals = risk::seen_anew(&case, &seen(bench, &case)?);
        if signals.is_empty() && case.risk.signals.is_empty() {
            continue;
        }
        let points = risk::points_of(&signals, &bench.policy);
        sayings.push((id, OpBody::RiskAssess { points, signals }));
    }
    system::say(bench, sayings)
}

fn seen(bench: &Bench<'_>, case: &Case) -> Result<BTreeSet<String>, RepoError> {
    let mut found: Vec<&str> = Vec::new();
    let number = cases::text_of(case, FieldKey::MerchantNo);
    if let Some(number) = number {
        if let Some(record) = register::by_number(bench.conn, &case.office, number)? {
            let serial = cases::text_of(case, FieldKey::TerminalSerial);
            found.extend(
                (record.phone_changed_at > bench.now - 30 * DAY).then_some(risk::PHONE_CHANGED),
            );
            let traded = record.terminals.iter().any(|terminal| {
                Some(terminal.serial.as_str()) == serial
                    && terminal
                        .last_trade_at
                        .is_some_and(|at| at > bench.now - 3 * DAY)
            });
            found.extend((traded && said_to_be_gone(case)).then_some(risk::TRADED_LATELY));
        }
        found.extend(many_unbinds(bench, case, number)?.then_some(risk::SEVERAL_UNBINDS));
    }
    found.extend((case.identity.failures > 0).then_some(risk::MATCH_FAILED));
    for document in case.documents.values() {
        if documents::seen_elsewhere(bench.conn, case, &document.manifest.sha256)? {
            found.push(risk::PICTURE_REUSED);
            break;
        }
    }
    Ok(found.into_iter().map(str::to_owned).collect())
}

fn said_to_be_gone(case: &Case) -> bool {
    let conclusion = cases::text_of(case, FieldKey::DiagnosisConclusion);
    matches!(conclusion, Some("confirmed_damaged" | "lost_stolen"))
}

fn many_unbinds(bench: &Bench<'_>, case: &Case, merchant_no: &str) -> Result<bool, RepoError> {
    let others: u64 = bench
        .conn
        .prepare_cached(
            "SELECT count(*) FROM case_file WHERE merchant_no = ?1 AND submitted_at > ?2 AND id <> ?3 \
             AND submitted_at IS NOT NULL",
        )?
        .query_row(params![merchant_no, bench.now - 30 * DAY, case.id.to_string()], |row| row.get(0))?;
    Ok(others >= 2)
}
