//! Messages to merchants, from the transaction that makes one to the provider's hands. A node claims what is due for the
//! length of a lease; a node that dies loses it, and another goes on. Towards the provider that is at least once, under
//! our id; what may have arrived and is sent once only ([`wording::is_sent_once`]) is not sent again.

use super::sql::{Connection, Row, SqlError, params};
use super::{RepoError, Rules, notices};
use crate::sms::wording::{self, Sender};
use desk_domain::ids::{CaseId, MessageId, OfficeCode};
use desk_domain::time::Millis;
use std::collections::BTreeMap;

/// A node that was silent for so long has died: much longer than a provider may take to answer.
pub const LEASE_MS: Millis = 60_000;
/// Tries of one message; then a person has to call.
pub const TRIES: u32 = 6;

/// A message to be written.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub office: OfficeCode,
    /// Whose timeline hears of it.
    pub case: Option<CaseId>,
    /// One of [`wording::names`].
    pub template: &'static str,
    pub phone: String,
    /// What the template takes, without the sender's name and line.
    pub params: BTreeMap<String, String>,
    /// Worthless afterwards.
    pub expires_at: Option<Millis>,
}

/// A message that this node is to send, until its lease ends.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub office: OfficeCode,
    pub id: MessageId,
    pub case: Option<CaseId>,
    pub template: String,
    pub phone: String,
    pub params: BTreeMap<String, String>,
    /// From 1; a settlement under an older number comes too late.
    pub attempt: u32,
    pub expires_at: Option<Millis>,
}

/// What came of sending one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// In the provider's hands.
    Sent { provider_id: Option<String> },
    /// Surely not sent; later it may be.
    Later { code: String },
    /// The provider will never send it.
    Refused { code: String },
    /// No answer came, or none that says: it may be on its way.
    Unknown { code: String },
}

/// How a message ended, or that it is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Waiting,
    Sending,
    Sent,
    Delivered,
    Failed,
    Expired,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Waiting,
            Self::Sending,
            Self::Sent,
            Self::Delivered,
            Self::Failed,
            Self::Expired,
        ];
        all.into_iter().find(|status| status.as_str() == text)
    }
}

/// Writes a message; it is sent once the transaction stands. Callable in any writer's job.
///
/// # Errors
/// The template is unknown, or not filled with what it takes.
pub fn put(conn: &Connection, rules: &Rules, message: &NewMessage) -> Result<MessageId, RepoError> {
    let fits = wording::compose(message.template, &message.params, &Sender::default());
    let version = wording::version(message.template).filter(|_| fits.is_ok());
    let version = version.ok_or(RepoError::Damaged("a message without its words"))?;
    let now = rules.clock.now();
    let id = MessageId::new(now, rules.chance.as_ref());
    conn.prepare_cached(
        "INSERT INTO message (office, id, case_id, template, template_version, phone, params, status, attempts, due_at, \
         expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', 0, ?8, ?9, ?10)",
    )?
    .execute(params![
        message.office.as_str(),
        id.to_string(),
        message.case.map(|case| case.to_string()),
        message.template,
        version,
        message.phone,
        serde_json::to_string(&message.params)?,
        now,
        message.expires_at,
        now
    ])?;
    Ok(id)
}

/// Takes back what a newer message of the same kind makes worthless, as far as it was not sent.
pub fn withdraw(
    conn: &Connection,
    office: &OfficeCode,
    case: CaseId,
    template: &str,
    now: Millis,
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE message SET status = 'expired', params = NULL, ended_at = ?1 WHERE office = ?2 AND case_id = ?3 \
         AND template = ?4 AND status = 'waiting'",
    )?
    .execute(params![now, office.as_str(), case.to_string(), template])?;
    Ok(())
}

/// True when a claim would find something: asked of a reader after each commit.
pub fn is_due(conn: &Connection, now: Millis) -> Result<bool, RepoError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM message WHERE due_at <= ?1 AND status IN ('waiting', 'sending') LIMIT 1",
        )?
        .exists([now])?)
}

/// Claims what is due for this node. What has expired meanwhile ends, and so does what a dead node may have sent and is
/// sent once only.
pub fn claim(
    conn: &Connection,
    rules: &Rules,
    provider: &str,
    most: usize,
) -> Result<Vec<Claimed>, RepoError> {
    let now = rules.clock.now();
    let mut mine = Vec::new();
    for due in due(conn, now, most)? {
        let claimed = &due.claimed;
        let is_over = claimed.expires_at.is_some_and(|at| at <= now);
        let lost = due.status == Status::Sending;
        if lost && wording::is_sent_once(&claimed.template) {
            leave(conn, &due, Status::Sent, Some("lease.lost"), now)?;
        } else if is_over || claimed.attempt > TRIES {
            let status = if is_over {
                Status::Expired
            } else {
                Status::Failed
            };
            leave(conn, &due, status, None, now)?;
            notices::ended(conn, rules, claimed, status, None)?;
        } else {
            lease(conn, claimed, provider, now)?;
            mine.push(due.claimed);
        }
    }
    Ok(mine)
}

/// Writes down what came of sending a claimed message. Nothing changes when a receipt, or another node after the lease,
/// was quicker.
pub fn settle(
    conn: &Connection,
    rules: &Rules,
    claimed: &Claimed,
    verdict: &Verdict,
    again_at: Millis,
) -> Result<(), RepoError> {
    let now = rules.clock.now();
    let once = wording::is_sent_once(&claimed.template);
    let spent = claimed.attempt >= TRIES;
    let (status, code) = match verdict {
        Verdict::Sent { .. } => (Status::Sent, None),
        Verdict::Unknown { code } if once => (Status::Sent, Some(code.as_str())),
        Verdict::Refused { code } => (Status::Failed, Some(code.as_str())),
        Verdict::Later { code } | Verdict::Unknown { code } if spent => {
            (Status::Failed, Some(code.as_str()))
        }
        Verdict::Later { code } | Verdict::Unknown { code } => {
            (Status::Waiting, Some(code.as_str()))
        }
    };
    let provider_id = match verdict {
        Verdict::Sent { provider_id } => provider_id.as_deref(),
        Verdict::Later { .. } | Verdict::Refused { .. } | Verdict::Unknown { .. } => None,
    };
    let keeps = status == Status::Waiting || !wording::is_secret(&claimed.template);
    let kept = keeps
        .then(|| serde_json::to_string(&claimed.params))
        .transpose()?;
    // A secret does not lie longer than it is worth something.
    let again_at = claimed.expires_at.map_or(again_at, |at| at.min(again_at));
    let done = conn
        .prepare_cached(
            "UPDATE message SET status = ?1, due_at = ?2, params = ?3, provider_id = ?4, error = ?5, sent_at = ?6, \
             ended_at = ?7 WHERE office = ?8 AND id = ?9 AND status = 'sending' AND attempts = ?10",
        )?
        .execute(params![
            status.as_str(),
            again_at,
            kept,
            provider_id,
            code,
            (status == Status::Sent).then_some(now),
            (status == Status::Failed).then_some(now),
            claimed.office.as_str(),
            claimed.id.to_string(),
            claimed.attempt
        ])?;
    if done == 0 {
        return Ok(());
    }
    match status {
        Status::Sent => notices::sent(conn, rules, claimed),
        Status::Failed => notices::ended(conn, rules, claimed, status, code),
        Status::Waiting | Status::Sending | Status::Delivered | Status::Expired => Ok(()),
    }
}

struct Due {
    claimed: Claimed,
    status: Status,
}

fn due(conn: &Connection, now: Millis, most: usize) -> Result<Vec<Due>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT office, id, case_id, template, phone, attempts, params, status, expires_at FROM message \
         WHERE due_at <= ?1 AND status IN ('waiting', 'sending') ORDER BY due_at, id LIMIT ?2",
    )?;
    let mut rows = select.query(params![now, most])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let params: Option<String> = row.get(6)?;
        let params = params.map(|text| serde_json::from_str(&text)).transpose()?;
        let mut claimed = read(&row)?;
        claimed.params = params.unwrap_or_default();
        claimed.attempt = claimed.attempt.saturating_add(1);
        claimed.expires_at = row.get(8)?;
        let status = Status::parse(&row.get::<String>(7)?);
        found.push(Due {
            claimed,
            status: status.ok_or(RepoError::Damaged("status of a message"))?,
        });
    }
    Ok(found)
}

/// The first columns of every question: office, id, case_id, template, phone, attempts.
pub(super) fn read(row: &Row<'_>) -> Result<Claimed, RepoError> {
    let text = |at| -> Result<String, SqlError> { row.get(at) };
    let case: Option<String> = row.get(2)?;
    Ok(Claimed {
        office: OfficeCode::parse(&text(0)?).ok_or(RepoError::Damaged("office of a message"))?,
        id: MessageId::parse(&text(1)?).ok_or(RepoError::Damaged("id of a message"))?,
        case: case.and_then(|case| CaseId::parse(&case)),
        template: text(3)?,
        phone: text(4)?,
        params: BTreeMap::new(),
        attempt: row.get(5)?,
        expires_at: None,
    })
}

fn lease(
    conn: &Connection,
    claimed: &Claimed,
    provider: &str,
    now: Millis,
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE message SET status = 'sending', attempts = ?1, due_at = ?2, provider = ?3 WHERE office = ?4 AND id = ?5",
    )?
    .execute(params![
        claimed.attempt,
        now.saturating_add(LEASE_MS),
        provider,
        claimed.office.as_str(),
        claimed.id.to_string()
    ])?;
    Ok(())
}

/// Ends what is not sent by this node; whatever secret it held is worthless or on the phone.
fn leave(
    conn: &Connection,
    due: &Due,
    status: Status,
    error: Option<&str>,
    now: Millis,
) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE message SET status = ?1, params = NULL, error = COALESCE(?2, error), ended_at = ?3 WHERE office = ?4 AND id = ?5",
    )?
    .execute(params![
        status.as_str(),
        error,
        now,
        due.claimed.office.as_str(),
        due.claimed.id.to_string()
    ])?;
    Ok(())
}
