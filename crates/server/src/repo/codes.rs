//! One-time codes to the registered number: `product.md` section 5. A right one becomes an op of the server's own device.

use super::bench::Bench;
use super::outbox::{self, NewMessage};
use super::sql::{Connection, OptionalExtension, params};
use super::{Repo, RepoError, Rules, Scope, cases, register, system};
use crate::secrets;
use crate::sms::wording;
use desk_domain::case::EvidenceKind;
use desk_domain::ids::{CaseId, OfficeCode};
use desk_domain::op::OpBody;
use desk_domain::time::{Chance, Millis};
use std::collections::{BTreeMap, BTreeSet};

/// A code lives five minutes.
const LIFE_MS: Millis = 300_000;
/// Wrong tries on one code.
const TRIES: u32 = 3;
/// Codes to one merchant in a day.
const SENDS: u32 = 3;
const DAY_MS: Millis = 86_400_000;
/// A number of record younger than this proves nothing.
const PHONE_AGE_DAYS: Millis = 30;

/// A code on its way: in the outbox, by the same transaction. The number is masked before anybody sees it.
pub struct Issued {
    pub phone: String,
    pub expires_at: Millis,
    pub sends_left: u32,
}

/// What came of asking for one.
pub enum Asked {
    Issued(Box<Issued>),
    NoCase,
    NoMerchant,
    PhoneTooNew,
    TooManySends,
}

/// What came of a typed code.
pub enum Checked {
    Right,
    Wrong { tries_left: u32 },
    NoCase,
    Expired,
    TooManyTries,
}

/// Whose code, for which terminal.
#[derive(Clone)]
pub struct Purpose {
    pub scopes: BTreeSet<OfficeCode>,
    pub case: CaseId,
    pub serial: String,
}

impl Repo {
    pub async fn issue_code(&self, rules: Rules, purpose: Purpose) -> Result<Asked, RepoError> {
        self.write(Scope::Offices(purpose.scopes.clone()), move |conn| {
            issue(conn, &rules, &purpose)
        })
        .await
    }

    pub async fn check_code(
        &self,
        rules: Rules,
        purpose: Purpose,
        code: String,
    ) -> Result<Checked, RepoError> {
        self.write(Scope::Offices(purpose.scopes.clone()), move |conn| {
            check(conn, &rules, &purpose, &code)
        })
        .await
    }
}

fn issue(conn: &Connection, rules: &Rules, purpose: &Purpose) -> Result<Asked, RepoError> {
    let Some(case) = cases::load_within(conn, &purpose.scopes, purpose.case)? else {
        return Ok(Asked::NoCase);
    };
    let merchant = match case.identity.merchant {
        Some(id) => register::load(conn, &case.office, id)?,
        None => None,
    };
    let Some(merchant) = merchant else {
        return Ok(Asked::NoMerchant);
    };
    let now = rules.clock.now();
    if now - merchant.phone_changed_at < PHONE_AGE_DAYS * DAY_MS {
        return Ok(Asked::PhoneTooNew);
    }
    let merchant_id = merchant.id.to_string();
    let sent: u32 = conn
        .prepare_cached("SELECT count(*) FROM one_time_code WHERE office = ?1 AND merchant_id = ?2 AND sent_at > ?3")?
        .query_row(params![case.office.as_str(), merchant_id, now - DAY_MS], |row| row.get(0))?;
    if sent >= SENDS {
        return Ok(Asked::TooManySends);
    }
    let code = six_digits(rules.chance.as_ref());
    let expires_at = now + LIFE_MS;
    conn.prepare_cached(
        "INSERT INTO one_time_code (office, case_id, sent_at, merchant_id, serial, code_hash, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        case.office.as_str(),
        case.id.to_string(),
        now,
        merchant_id,
        purpose.serial,
        bound(purpose, &code),
        expires_at
    ])?;
    outbox::withdraw(conn, &case.office, case.id, wording::ONE_TIME_CODE, now)?;
    let message = NewMessage {
        office: case.office,
        case: Some(case.id),
        template: wording::ONE_TIME_CODE,
        phone: merchant.phone.clone(),
        params: BTreeMap::from([("code".to_owned(), code)]),
        expires_at: Some(expires_at),
    };
    outbox::put(conn, rules, &message)?;
    Ok(Asked::Issued(Box::new(Issued {
        phone: merchant.phone,
        expires_at,
        sends_left: SENDS - sent - 1,
    })))
}

fn check(
    conn: &Connection,
    rules: &Rules,
    purpose: &Purpose,
    code: &str,
) -> Result<Checked, RepoError> {
    let Some(case) = cases::load_within(conn, &purpose.scopes, purpose.case)? else {
        return Ok(Checked::NoCase);
    };
    let now = rules.clock.now();
    // Only the newest code of a case counts: sending again voids the one before.
    let newest: Option<(Millis, Vec<u8>, u32)> = conn
        .prepare_cached(
            "SELECT sent_at, code_hash, tries FROM one_time_code WHERE office = ?1 AND case_id = ?2 AND used_at IS NULL \
             AND expires_at > ?3 AND sent_at = (SELECT max(sent_at) FROM one_time_code WHERE office = ?1 AND case_id = ?2)",
        )?
        .query_row(params![case.office.as_str(), case.id.to_string(), now], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((sent_at, kept, tries)) = newest else {
        return Ok(Checked::Expired);
    };
    if tries >= TRIES {
        return Ok(Checked::TooManyTries);
    }
    if kept != bound(purpose, code) {
        conn.prepare_cached("UPDATE one_time_code SET tries = tries + 1 WHERE office = ?1 AND case_id = ?2 AND sent_at = ?3")?
            .execute(params![case.office.as_str(), case.id.to_string(), sent_at])?;
        return Ok(Checked::Wrong {
            tries_left: TRIES - tries - 1,
        });
    }
    conn.prepare_cached(
        "UPDATE one_time_code SET used_at = ?4 WHERE office = ?1 AND case_id = ?2 AND sent_at = ?3",
    )?
    .execute(params![
        case.office.as_str(),
        case.id.to_string(),
        sent_at,
        now
    ])?;
    let mut bench = Bench::new(conn, rules)?;
    let body = OpBody::EvidenceRecord {
        evidence: EvidenceKind::OneTimeCode,
        call_ref: None,
        note: purpose.serial.clone(),
    };
    system::say(&mut bench, vec![(case.id, body)])?;
    bench.finish()?;
    Ok(Checked::Right)
}

/// What is kept: worthless for another case or another terminal.
fn bound(purpose: &Purpose, code: &str) -> Vec<u8> {
    secrets::hash(&format!(
        "unbind\n{}\n{}\n{code}",
        purpose.case, purpose.serial
    ))
    .to_vec()
}

/// Six digits, each value as likely as any other.
fn six_digits(chance: &dyn Chance) -> String {
    const FAIR: u32 = u32::MAX - u32::MAX % 1_000_000;
    loop {
        let mut bytes = [0_u8; 4];
        chance.fill(&mut bytes);
        let number = u32::from_le_bytes(bytes);
        if number < FAIR {
            return format!("{:06}", number % 1_000_000);
        }
    }
}
