//! One-step stop: while an approved case waits out its hold, the merchant of record hears of it and may stop it by a link.
//! Stopping puts the case on hold with a reason that only a supervisor clears; nothing of the case is shown but the tail
//! of its number and of the terminal's.

use super::bench::Bench;
use super::notices::tail;
use super::sql::{Connection, OptionalExtension, params};
use super::{Repo, RepoError, Rules, Scope, cases, system};
use crate::secrets;
use chrono::Days;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{Case, CaseState};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, LinkId, OfficeCode};
use desk_domain::op::OpBody;
use desk_domain::risk::{self, STOPPED_BY_MERCHANT};
use desk_domain::time::Millis;
use desk_protocol::links::{StopReply, StopState};
use std::sync::Arc;

/// Where the page stands; the token comes after `#`, which no server and no proxy on the way ever sees.
const PAGE: &str = "/s";
/// A link works on after the case may be executed: an unbind that was nobody's wish is to be heard of.
const AFTER_MS: Millis = 7 * 86_400_000;
const NUMBER_TAIL: usize = 6;
const SERIAL_TAIL: usize = 4;

/// A token's row.
struct Link {
    office: OfficeCode,
    case: CaseId,
    id: String,
    execute_after: Millis,
    expires_at: Millis,
    stopped: bool,
}

impl Repo {
    /// How the case behind a link stands; none for a token that is none, or over.
    pub async fn stop_look(
        self: &Arc<Self>,
        token: String,
        now: Millis,
    ) -> Result<Option<StopReply>, RepoError> {
        self.read(Scope::House, move |conn| look(conn, &token, now))
            .await
    }

    /// Stops the case behind a link, as far as it can still be stopped. Once is enough; again changes nothing.
    pub async fn stop(&self, rules: Rules, token: String) -> Result<Option<StopReply>, RepoError> {
        self.write(Scope::House, move |conn| stop(conn, &rules, &token))
            .await
    }
}

/// Makes the link for a case that was just approved; its address.
pub(super) fn make(
    bench: &Bench<'_>,
    case: &Case,
    execute_after: Millis,
    base: &str,
) -> Result<String, RepoError> {
    let chance = bench.rules.chance.as_ref();
    let token = secrets::enrol_code(chance).to_ascii_lowercase();
    bench
        .conn
        .prepare_cached(
            "INSERT INTO stop_link (office, case_id, id, token_hash, made_at, execute_after, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            case.office.as_str(),
            case.id.to_string(),
            LinkId::new(bench.now, chance).to_string(),
            token_hash(&token).as_slice(),
            bench.now,
            execute_after,
            execute_after.saturating_add(AFTER_MS),
        ])?;
    Ok(format!("{base}{PAGE}#{token}"))
}

fn look(conn: &Connection, token: &str, now: Millis) -> Result<Option<StopReply>, RepoError> {
    let Some(link) = find(conn, token, now)? else {
        return Ok(None);
    };
    let case = cases::load_in(conn, &link.office, link.case)?;
    Ok(case.map(|case| reply(&link, &case)))
}

fn stop(conn: &Connection, rules: &Rules, token: &str) -> Result<Option<StopReply>, RepoError> {
    let now = rules.clock.now();
    let Some(mut link) = find(conn, token, now)? else {
        return Ok(None);
    };
    conn.write_only(&Scope::of(&link.office))?;
    let mut bench = Bench::new(conn, rules)?;
    let Some(case) = bench
        .case(link.case)?
        .filter(|case| case.office == link.office)
    else {
        return Ok(None);
    };
    if !link.stopped && stands(&case) != StopState::Ended {
        let sayings = sayings(&bench, &case);
        system::say(
            &mut bench,
            sayings.into_iter().map(|body| (case.id, body)).collect(),
        )?;
        note(conn, &link, now)?;
        link.stopped = true;
    }
    let after = bench.case(link.case)?.unwrap_or(case);
    super::notices::announce(&mut bench)?;
    bench.finish()?;
    Ok(Some(reply(&link, &after)))
}

/// What the server's own device says: the doubt and the words always, the hold where there is something to hold.
fn sayings(bench: &Bench<'_>, case: &Case) -> Vec<OpBody> {
    let mut signals = case.risk.signals.clone();
    signals.insert(STOPPED_BY_MERCHANT.to_owned());
    let points = risk::points_of(&signals, &bench.policy).max(case.risk.points);
    let reason = "登记的商户通过短信链接要求停止办理，请致电登记号码核实".to_owned();
    let mut all = vec![
        OpBody::RiskAssess { points, signals },
        OpBody::NoteAdd {
            text: reason.clone(),
        },
    ];
    let holds = stands(case) == StopState::Waiting && case.state != CaseState::OnHold;
    let tomorrow = shanghai_day(bench.now).checked_add_days(Days::new(1));
    if let (true, Some(day)) = (holds, tomorrow) {
        all.push(OpBody::Hold {
            reason,
            review_date: day.format("%Y-%m-%d").to_string(),
        });
    }
    all
}

fn reply(link: &Link, case: &Case) -> StopReply {
    let stands = stands(case);
    StopReply {
        state: if link.stopped && stands == StopState::Waiting {
            StopState::Stopped
        } else {
            stands
        },
        heard: link.stopped,
        case_tail: tail(&case.case_no.to_string(), NUMBER_TAIL),
        terminal_tail: tail(case.text(FieldKey::TerminalSerial), SERIAL_TAIL),
        execute_after: link.execute_after,
    }
}

/// How far the case is from the link's point of view.
fn stands(case: &Case) -> StopState {
    match case.effective_state() {
        CaseState::Draft
        | CaseState::Waiting
        | CaseState::Submitted
        | CaseState::InReview
        | CaseState::Returned
        | CaseState::Approved
        | CaseState::ExecFailed
        | CaseState::OnHold => StopState::Waiting,
        CaseState::Executing | CaseState::ExecUnknown => StopState::UnderWay,
        CaseState::Unbound | CaseState::Closed => StopState::Done,
        CaseState::Rejected
        | CaseState::Withdrawn
        | CaseState::Resolved
        | CaseState::Referred
        | CaseState::Duplicate => StopState::Ended,
    }
}

fn find(conn: &Connection, token: &str, now: Millis) -> Result<Option<Link>, RepoError> {
    let row: Option<(String, String, String, Millis, Millis, bool)> = conn
        .prepare_cached(
            "SELECT office, case_id, id, execute_after, expires_at, stopped_at IS NOT NULL FROM stop_link \
             WHERE token_hash = ?1",
        )?
        .query_row([token_hash(token).as_slice()], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })
        .optional()?;
    let Some((office, case, id, execute_after, expires_at, stopped)) = row else {
        return Ok(None);
    };
    let link = Link {
        office: OfficeCode::parse(&office).ok_or(RepoError::Damaged("office code"))?,
        case: CaseId::parse(&case).ok_or(RepoError::Damaged("case id"))?,
        id,
        execute_after,
        expires_at,
        stopped,
    };
    Ok(Some(link).filter(|link| now <= link.expires_at))
}

fn note(conn: &Connection, link: &Link, now: Millis) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE stop_link SET stopped_at = ?4 WHERE office = ?1 AND case_id = ?2 AND id = ?3",
    )?
    .execute(params![
        link.office.as_str(),
        link.case.to_string(),
        link.id,
        now
    ])?;
    Ok(())
}

fn token_hash(token: &str) -> [u8; 32] {
    secrets::hash(&format!("stop link\n{}", secrets::fold_code(token)))
}
