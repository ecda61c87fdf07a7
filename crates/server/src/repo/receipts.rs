//! Delivery reports of providers: they come twice, late, in any order, and for messages that are not ours.

use super::outbox::{self, Claimed, Status};
use super::sql::{Connection, params};
use super::{Repo, RepoError, Rules, Scope, notices, system};
use crate::secrets;
use crate::sms::wording;
use desk_domain::ids::MessageId;
use std::sync::Arc;

/// What stands in `meta`: the part of the reports' address that nobody guesses.
pub const TOKEN: &str = "receipt_token";

/// One report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Our id, when the provider gives it back.
    pub message: Option<MessageId>,
    pub provider_id: Option<String>,
    pub delivered: bool,
    /// The provider's code, when it was not.
    pub code: Option<String>,
}

/// Makes sure that the address of reports has its token.
pub(super) fn prepare(conn: &Connection, rules: &Rules) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
        params![TOKEN, secrets::token(rules.chance.as_ref())],
    )?;
    Ok(())
}

impl Repo {
    /// Whether this is the token in the address of reports. Hashes are compared, so that the time it takes tells nothing.
    pub async fn knows_receipts(self: &Arc<Self>, token: String) -> Result<bool, RepoError> {
        let ours = self
            .read(Scope::House, |conn| system::note(conn, TOKEN))
            .await?;
        Ok(ours.is_some_and(|ours| secrets::hash(&ours) == secrets::hash(&token)))
    }

    /// Takes reports in; how many of them changed anything.
    pub async fn take_reports(
        &self,
        rules: Rules,
        provider: &'static str,
        reports: Vec<Report>,
    ) -> Result<usize, RepoError> {
        self.write(Scope::House, move |conn| {
            let mut changed = 0_usize;
            for report in &reports {
                let news = take(conn, &rules, provider, report)?;
                changed = changed.saturating_add(usize::from(news));
            }
            Ok(changed)
        })
        .await
    }
}

fn take(
    conn: &Connection,
    rules: &Rules,
    provider: &str,
    report: &Report,
) -> Result<bool, RepoError> {
    let Some((message, status)) = find(conn, provider, report)? else {
        return Ok(false);
    };
    let Some(next) = next(status, message.attempt, report.delivered) else {
        return Ok(false);
    };
    let code = report.code.as_deref().filter(|_| next == Status::Failed);
    let erased = wording::is_secret(&message.template);
    conn.prepare_cached(
        "UPDATE message SET status = ?1, ended_at = ?2, error = ?3, params = CASE WHEN ?4 = 1 THEN NULL ELSE params END \
         WHERE office = ?5 AND id = ?6",
    )?
    .execute(params![
        next.as_str(),
        rules.clock.now(),
        code,
        erased,
        message.office.as_str(),
        message.id.to_string()
    ])?;
    notices::ended(conn, rules, &message, next, code)?;
    Ok(true)
}

/// Where a report leads to; none when it is old news. What a phone has confirmed stays delivered; a failure that is
/// reported while a further try is under way may be the earlier one's.
fn next(status: Status, attempts: u32, delivered: bool) -> Option<Status> {
    if attempts == 0 {
        return None; // never sent: whoever reports it made it up
    }
    match (status, delivered) {
        (Status::Delivered, _) | (Status::Waiting | Status::Failed | Status::Expired, false) => {
            None
        }
        (_, true) => Some(Status::Delivered),
        (Status::Sent, false) => Some(Status::Failed),
        (Status::Sending, false) => (attempts == 1).then_some(Status::Failed),
    }
}

fn find(
    conn: &Connection,
    provider: &str,
    report: &Report,
) -> Result<Option<(Claimed, Status)>, RepoError> {
    let by_ours = report.message.map(|id| id.to_string());
    let mut found = match &by_ours {
        Some(id) => one(
            conn,
            "SELECT office, id, case_id, template, phone, attempts, status FROM message WHERE id = ?1 AND provider = ?2",
            [id.as_str(), provider],
        )?,
        None => None,
    };
    if let (None, Some(theirs)) = (&found, &report.provider_id) {
        found = one(
            conn,
            "SELECT office, id, case_id, template, phone, attempts, status FROM message \
             WHERE provider_id = ?1 AND provider = ?2",
            [theirs.as_str(), provider],
        )?;
    }
    Ok(found)
}

fn one(
    conn: &Connection,
    sql: &str,
    key: [&str; 2],
) -> Result<Option<(Claimed, Status)>, RepoError> {
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query(key)?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let status = Status::parse(&row.get::<String>(6)?);
    let status = status.ok_or(RepoError::Damaged("status of a message"))?;
    Ok(Some((outbox::read(&row)?, status)))
}

#[cfg(test)]
mod tests {
    use super::{Status, next};

    #[test]
    fn reports_move_a_message_forward_only() {
        use Status::{Delivered, Expired, Failed, Sending, Sent, Waiting};
        let table = [
            (Waiting, 0, true, None),
            (Waiting, 0, false, None),
            (Waiting, 1, true, Some(Delivered)),
            (Waiting, 1, false, None),
            (Sending, 1, true, Some(Delivered)),
            (Sending, 1, false, Some(Failed)),
            (Sending, 2, false, None),
            (Sent, 1, true, Some(Delivered)),
            (Sent, 1, false, Some(Failed)),
            (Failed, 1, true, Some(Delivered)),
            (Failed, 1, false, None),
            (Expired, 1, true, Some(Delivered)),
            (Delivered, 1, true, None),
            (Delivered, 1, false, None),
        ];
        for (status, attempts, delivered, expected) in table {
            let got = next(status, attempts, delivered);
            assert_eq!(got, expected, "{status:?} {attempts} {delivered}");
        }
    }
}
