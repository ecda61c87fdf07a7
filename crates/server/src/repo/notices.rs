//! What a case and its merchant hear of each other: a case that came to its result writes a message, and what became of
//! the message stands on the case, said by the server's own device.

use super::bench::{Bench, Moved};
use super::outbox::{self, Claimed, NewMessage, Status};
use super::sql::Connection;
use super::{RepoError, Rules, cases, deliveries, register, stops, system};
use crate::sms::wording;
use chrono::{DateTime, Datelike, TimeDelta, Timelike};
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{Case, CaseState, NoticeChannel};
use desk_domain::decide::held_until;
use desk_domain::field::FieldKey;
use desk_domain::op::OpBody;
use desk_domain::time::Millis;
use std::collections::BTreeMap;

const DAY_MS: Millis = 86_400_000;
const SHANGHAI_HOURS: i64 = 8;
/// What happened longer ago than this is not told by message any more: it comes from a restored server's desks, or by
/// stick from an office that has told the merchant itself.
const FRESH_MS: Millis = 3 * DAY_MS;
/// Characters of the tails that a message carries.
const NUMBER_TAIL: usize = 6;
const SERIAL_TAIL: usize = 4;
/// Longest code of a provider that is repeated.
const CODE_CHARS: usize = 64;

/// A message and what it is filled with.
type Words = (&'static str, BTreeMap<String, String>);

/// Tells endpoints of the cases that moved in this transaction, and the merchants of those that came to a result, at the
/// number of record. Without a matched merchant there is none; without a gateway people tell it.
pub fn announce(bench: &mut Bench<'_>) -> Result<(), RepoError> {
    let moved = bench.take_moved();
    deliveries::announce(bench, &moved)?;
    if !bench.rules.tells_merchants {
        return Ok(());
    }
    let mut last: BTreeMap<_, Moved> = BTreeMap::new();
    for one in moved {
        last.insert(one.case, one);
    }
    for one in last.into_values() {
        let stale = bench.now.saturating_sub(one.at) > FRESH_MS;
        let case = bench.case(one.case)?.filter(|_| !stale);
        let Some(case) = case else { continue };
        let (held, words) = (held(bench, &case), words_for(bench.rules, &case, one.at));
        // Most moves are nobody's news: the register is not asked for them.
        if held.is_none() && words.is_none() {
            continue;
        }
        let merchant = match case.identity.merchant {
            Some(id) => register::load(bench.conn, &case.office, id)?,
            None => None,
        };
        let Some(merchant) = merchant else { continue };
        let words = match held {
            Some(until) => Some(cooling_off(bench, &case, until)?),
            None => words,
        };
        let Some((template, params)) = words else {
            continue;
        };
        let message = NewMessage {
            office: case.office.clone(),
            case: Some(case.id),
            template,
            phone: merchant.phone,
            params,
            expires_at: None,
        };
        write(bench, &message)?;
    }
    Ok(())
}

/// Until when an approved case waits out its hold.
fn held(bench: &Bench<'_>, case: &Case) -> Option<Millis> {
    let until = held_until(case, &bench.policy).filter(|until| *until > bench.now);
    until.filter(|_| case.state == CaseState::Approved)
}

/// Who is bound to the terminal hears of the hold, and how to stop what comes after it.
fn cooling_off(bench: &Bench<'_>, case: &Case, until: Millis) -> Result<Words, RepoError> {
    let serial = tail(case.text(FieldKey::TerminalSerial), SERIAL_TAIL);
    let own = |name: &str, value: String| (name.to_owned(), value);
    let mut values = BTreeMap::from([own("sn4", serial), own("time", minute(until))]);
    let Some(base) = &bench.rules.public_url else {
        return Ok((wording::COOLING_OFF_CALL, values));
    };
    values.insert("link".to_owned(), stops::make(bench, case, until, base)?);
    Ok((wording::COOLING_OFF, values))
}

/// A message whose words do not fit must not stand in the way of what it tells of.
fn write(bench: &Bench<'_>, message: &NewMessage) -> Result<(), RepoError> {
    match outbox::put(bench.conn, bench.rules, message) {
        Ok(_) => Ok(()),
        Err(RepoError::Damaged(why)) => {
            tracing::error!(template = message.template, why, "a merchant is not told");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The message for the state a case has come to, filled.
fn words_for(rules: &Rules, case: &Case, at: Millis) -> Option<Words> {
    let number = tail(&case.case_no.to_string(), NUMBER_TAIL);
    let (template, values) = if case.state == CaseState::Unbound {
        let serial = tail(case.text(FieldKey::TerminalSerial), SERIAL_TAIL);
        (wording::DONE, vec![("sn4", serial), ("time", minute(at))])
    } else if case.state == CaseState::Rejected {
        let why = why(rules, case);
        (
            wording::REJECTED,
            vec![("no_tail", number), ("reason", why)],
        )
    } else if case.state == CaseState::Returned {
        let until = at.saturating_add(Millis::from(rules.policy().waiting.days) * DAY_MS);
        let items = "被退回的资料，详情请致电受理网点".to_owned();
        let values = vec![("no_tail", number), ("items", items), ("date", day(until))];
        (wording::NEED_MORE, values)
    } else {
        return None;
    };
    let own = |(name, value): (&str, String)| (name.to_owned(), value);
    Some((template, values.into_iter().map(own).collect()))
}

/// The reason in the policy's words. A suspicion is never told to whom it falls on.
fn why(rules: &Rules, case: &Case) -> String {
    let code = case.reason.as_deref().unwrap_or_default();
    let policy = rules.policy();
    let known = policy.reject_reason(code);
    known
        .filter(|reason| !reason.fraud)
        .map_or_else(|| "未通过核实".to_owned(), |reason| reason.zh.clone())
}

/// The message is in the provider's hands. Only of results: of a code the agent has heard already.
pub(super) fn sent(conn: &Connection, rules: &Rules, message: &Claimed) -> Result<(), RepoError> {
    if wording::is_service(&message.template) {
        return Ok(());
    }
    let text = format!("短信已发出（{}），等待送达回执", message.template);
    say(conn, rules, message, OpBody::NoteAdd { text })
}

/// The message has arrived, or never will.
pub(super) fn ended(
    conn: &Connection,
    rules: &Rules,
    message: &Claimed,
    status: Status,
    code: Option<&str>,
) -> Result<(), RepoError> {
    let delivered = status == Status::Delivered;
    let note = if delivered {
        "短信已送达".to_owned()
    } else if status == Status::Expired {
        "短信过期未发出".to_owned()
    } else {
        format!(
            "短信未送达，请电话告知（{}）",
            plain(code.unwrap_or("no_answer"))
        )
    };
    let body = OpBody::NoticeRecord {
        channel: NoticeChannel::Sms,
        template: message.template.clone(),
        delivered,
        note,
    };
    say(conn, rules, message, body)
}

fn say(conn: &Connection, rules: &Rules, message: &Claimed, body: OpBody) -> Result<(), RepoError> {
    let Some(id) = message.case else {
        return Ok(());
    };
    if cases::load_in(conn, &message.office, id)?.is_none() {
        return Ok(());
    }
    let mut bench = Bench::new(conn, rules)?;
    system::say(&mut bench, vec![(id, body)])?;
    bench.finish()
}

/// A provider's code as far as it is one.
fn plain(code: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || "._-:".contains(*c);
    code.chars().filter(kept).take(CODE_CHARS).collect()
}

pub(super) fn tail(text: &str, chars: usize) -> String {
    let skip = text.chars().count().saturating_sub(chars);
    text.chars().skip(skip).collect()
}

/// `1月8日`, as people in China read it.
fn day(at: Millis) -> String {
    let day = shanghai_day(at);
    format!("{}月{}日", day.month(), day.day())
}

/// `1月8日10:30`.
pub(super) fn minute(at: Millis) -> String {
    let there = DateTime::from_timestamp_millis(at)
        .unwrap_or_default()
        .checked_add_signed(TimeDelta::hours(SHANGHAI_HOURS))
        .unwrap_or_default();
    format!("{}{:02}:{:02}", day(at), there.hour(), there.minute())
}
