//! Upload links: made by an agent for one case, used by the merchant's phone. Kept are hashes; a link opens nothing but
//! its own case's list of papers, and ends by itself.

use super::outbox::{self, NewMessage};
use super::sql::{Connection, OptionalExtension, params};
use super::{Repo, RepoError, Rules, Scope, cases, register, sessions, system, uploads};
use crate::secrets;
use crate::sms::wording;
use desk_domain::case::Case;
use desk_domain::case_no::CaseNo;
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, LinkId, OfficeCode, UserId};
use desk_domain::time::Millis;
use desk_protocol::links::{ActiveLink, LinkWay, LinksReply};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where the page of a link stands; the token comes after `#`, which no server and no proxy on the way ever sees.
const PAGE: &str = "/u";
/// A link lives two days: the merchant may have to look for the invoice at home.
const LIFE_MS: Millis = 2 * DAY_MS;
const DAY_MS: Millis = 86_400_000;
/// Links of one case in a day, and how many of them by text message.
const LINKS: u32 = 10;
const TEXTS: u32 = 3;
const QUERY_DIGITS: u64 = 100_000_000;
/// Wrong codes for one case number before it is locked for a while.
const QUERY_TRIES: u32 = 5;

/// Who has a link made, and for whom.
#[derive(Clone)]
pub struct Wish {
    pub scopes: BTreeSet<OfficeCode>,
    pub case: CaseId,
    pub by: UserId,
    pub way: LinkWay,
    /// Where phones find this server; without it an address begins with its path.
    pub public_url: Option<String>,
}

/// A link just made. Its address is in one answer or one text message, and is kept nowhere else.
pub struct Made {
    pub address: String,
    /// The number that it is texted to.
    pub phone: Option<String>,
    pub expires_at: Millis,
    pub standing: LinksReply,
}

/// What came of asking for one.
pub enum Asked {
    Made(Box<Made>),
    NoCase,
    CaseOver,
    NoPhone,
    TooMany,
}

/// What came of a case number and a code. A number that does not exist is told from a wrong code by nothing.
pub enum Progress {
    Of(Box<Case>),
    Wrong,
    Locked { until: Millis },
}

/// Whom a token lets in, and to which case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guest {
    pub office: OfficeCode,
    pub case: CaseId,
    pub link: LinkId,
    pub made_at: Millis,
    pub expires_at: Millis,
    pub ended: bool,
    pub opened: bool,
}

impl Guest {
    pub fn is_over(&self, now: Millis) -> bool {
        self.ended || now > self.expires_at
    }
}

impl Repo {
    pub async fn make_link(&self, rules: Rules, wish: Wish) -> Result<Asked, RepoError> {
        self.write(Scope::Offices(wish.scopes.clone()), move |conn| {
            make(conn, &rules, &wish)
        })
        .await
    }

    /// How the links of a case stand; none when the case is not there.
    pub async fn links(
        self: &Arc<Self>,
        scopes: BTreeSet<OfficeCode>,
        case: CaseId,
        now: Millis,
    ) -> Result<Option<LinksReply>, RepoError> {
        self.read(
            Scope::Offices(scopes.clone()),
            move |conn| match cases::load_within(conn, &scopes, case)? {
                Some(case) => Ok(Some(standing(conn, &case, now)?)),
                None => Ok(None),
            },
        )
        .await
    }

    /// Ends every link of a case.
    pub async fn end_links(
        &self,
        scopes: BTreeSet<OfficeCode>,
        case: CaseId,
        now: Millis,
    ) -> Result<Option<LinksReply>, RepoError> {
        self.write(Scope::Offices(scopes.clone()), move |conn| {
            let Some(case) = cases::load_within(conn, &scopes, case)? else {
                return Ok(None);
            };
            end(conn, &case, now)?;
            Ok(Some(standing(conn, &case, now)?))
        })
        .await
    }

    pub async fn guest(self: &Arc<Self>, token_hash: [u8; 32]) -> Result<Option<Guest>, RepoError> {
        self.read(Scope::House, move |conn| guest(conn, &token_hash))
            .await
    }

    /// Judges a code of the progress page and counts wrong ones, in one transaction: tries made at once are counted too.
    pub async fn ask_progress(
        &self,
        rules: Rules,
        number: CaseNo,
        code: String,
    ) -> Result<Progress, RepoError> {
        self.write(Scope::House, move |conn| {
            progress(conn, rules.clock.now(), &number, &code)
        })
        .await
    }

    /// Notes that the phone has opened its link.
    pub async fn link_opened(&self, guest: Guest, now: Millis) -> Result<(), RepoError> {
        self.write(Scope::Judging(guest.office.clone()), move |conn| {
            opened(conn, &guest, now)
        })
        .await
    }
}

fn progress(
    conn: &Connection,
    now: Millis,
    number: &CaseNo,
    code: &str,
) -> Result<Progress, RepoError> {
    let key = format!("progress/{number}");
    let until = sessions::locked_until(conn, &key)?;
    if until > now {
        return Ok(Progress::Locked { until });
    }
    let right = query_code(conn, number)? == code;
    let Some(case) = cases::by_number(conn, number)?.filter(|_| right) else {
        sessions::count_failure(conn, &key, QUERY_TRIES, now)?;
        return Ok(Progress::Wrong);
    };
    sessions::forgive(conn, &key)?;
    Ok(Progress::Of(Box::new(case)))
}

fn make(conn: &Connection, rules: &Rules, wish: &Wish) -> Result<Asked, RepoError> {
    let Some(case) = cases::load_within(conn, &wish.scopes, wish.case)? else {
        return Ok(Asked::NoCase);
    };
    if !case.effective_state().takes_facts() {
        return Ok(Asked::CaseOver);
    }
    let now = rules.clock.now();
    let (links, texts) = counted(conn, &case, now)?;
    let by_text = wish.way != LinkWay::Show;
    if links >= LINKS || (by_text && texts >= TEXTS) {
        return Ok(Asked::TooMany);
    }
    let phone = number(conn, &case, wish.way)?;
    if by_text && phone.is_none() {
        return Ok(Asked::NoPhone);
    }
    let token = secrets::enrol_code(rules.chance.as_ref()).to_ascii_lowercase();
    let expires_at = now.saturating_add(LIFE_MS);
    conn.prepare_cached(
        "INSERT INTO upload_link (office, case_id, id, token_hash, made_by, made_at, expires_at, texted) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        case.office.as_str(),
        case.id.to_string(),
        LinkId::new(now, rules.chance.as_ref()).to_string(),
        token_hash(&token).as_slice(),
        wish.by.to_string(),
        now,
        expires_at,
        i64::from(by_text),
    ])?;
    let standing = standing(conn, &case, now)?;
    let base = wish.public_url.as_deref().unwrap_or_default();
    let made = Made {
        address: format!("{base}{PAGE}#{token}"),
        phone,
        expires_at,
        standing,
    };
    text(conn, rules, &case, &made)?;
    Ok(Asked::Made(Box::new(made)))
}

/// Writes the message that carries the link, if it goes by message.
fn text(conn: &Connection, rules: &Rules, case: &Case, made: &Made) -> Result<(), RepoError> {
    let Some(phone) = made.phone.clone() else {
        return Ok(());
    };
    let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let message = NewMessage {
        office: case.office.clone(),
        case: Some(case.id),
        template: wording::UPLOAD_LINK,
        phone,
        params: BTreeMap::from([
            value("link", &made.address),
            value("case_no", &case.case_no.to_string()),
            value("code", &made.standing.query_code),
        ]),
        expires_at: Some(made.expires_at),
    };
    outbox::put(conn, rules, &message).map(drop)
}

/// A token as it is typed or scanned: case and hyphens do not count.
pub fn token_hash(token: &str) -> [u8; 32] {
    secrets::hash(&format!("upload link\n{}", secrets::fold_code(token)))
}

/// Links and text messages of the last 24 hours.
fn counted(conn: &Connection, case: &Case, now: Millis) -> Result<(u32, u32), RepoError> {
    let row = conn
        .prepare_cached(
            "SELECT count(*), COALESCE(CAST(sum(texted) AS BIGINT), 0) FROM upload_link \
             WHERE office = ?1 AND case_id = ?2 AND made_at > ?3",
        )?
        .query_row(
            params![case.office.as_str(), case.id.to_string(), now - DAY_MS],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    Ok(row)
}

fn number(conn: &Connection, case: &Case, way: LinkWay) -> Result<Option<String>, RepoError> {
    match way {
        LinkWay::Show => Ok(None),
        LinkWay::Caller => {
            let said = case.text(FieldKey::CallerPhone);
            Ok((!said.is_empty()).then(|| said.to_owned()))
        }
        LinkWay::Registered => {
            let Some(id) = case.identity.merchant else {
                return Ok(None);
            };
            let merchant = register::load(conn, &case.office, id)?;
            Ok(merchant.map(|merchant| merchant.phone))
        }
    }
}

fn standing(conn: &Connection, case: &Case, now: Millis) -> Result<LinksReply, RepoError> {
    let (links, texts) = counted(conn, case, now)?;
    let mut select = conn.prepare_cached(
        "SELECT made_at, expires_at, texted, opened_at FROM upload_link WHERE office = ?1 AND case_id = ?2 \
         AND ended_at IS NULL AND expires_at >= ?3 ORDER BY made_at DESC, id DESC",
    )?;
    let rows = select.query_map(
        params![case.office.as_str(), case.id.to_string(), now],
        |row| {
            Ok(ActiveLink {
                made_at: row.get(0)?,
                expires_at: row.get(1)?,
                texted: row.get::<i64>(2)? != 0,
                opened_at: row.get(3)?,
            })
        },
    )?;
    let open = case.effective_state().takes_facts();
    let active: Vec<ActiveLink> = rows.collect::<Result<_, _>>()?;
    Ok(LinksReply {
        made: None,
        active: if open { active } else { Vec::new() },
        arriving: uploads::arriving(conn, case, now - LIFE_MS)?,
        query_code: query_code(conn, &case.case_no)?,
        links_left: LINKS.saturating_sub(links),
        texts_left: TEXTS.saturating_sub(texts).min(LINKS.saturating_sub(links)),
    })
}

fn end(conn: &Connection, case: &Case, now: Millis) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE upload_link SET ended_at = ?3 WHERE office = ?1 AND case_id = ?2 AND ended_at IS NULL",
    )?
    .execute(params![case.office.as_str(), case.id.to_string(), now])?;
    Ok(())
}

fn guest(conn: &Connection, token_hash: &[u8; 32]) -> Result<Option<Guest>, RepoError> {
    let row: Option<(String, String, String, Millis, Millis, bool, bool)> = conn
        .prepare_cached(
            "SELECT office, case_id, id, made_at, expires_at, ended_at IS NOT NULL, opened_at IS NOT NULL \
             FROM upload_link WHERE token_hash = ?1",
        )?
        .query_row([token_hash.as_slice()], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
            ))
        })
        .optional()?;
    let Some((office, case, link, made_at, expires_at, ended, opened)) = row else {
        return Ok(None);
    };
    Ok(Some(Guest {
        office: OfficeCode::parse(&office).ok_or(RepoError::Damaged("office code"))?,
        case: CaseId::parse(&case).ok_or(RepoError::Damaged("case id"))?,
        link: LinkId::parse(&link).ok_or(RepoError::Damaged("link id"))?,
        made_at,
        expires_at,
        ended,
        opened,
    }))
}

fn opened(conn: &Connection, guest: &Guest, now: Millis) -> Result<(), RepoError> {
    conn.prepare_cached(
        "UPDATE upload_link SET opened_at = ?4 WHERE office = ?1 AND case_id = ?2 AND id = ?3 AND opened_at IS NULL",
    )?
    .execute(params![
        guest.office.as_str(),
        guest.case.to_string(),
        guest.link.to_string(),
        now
    ])?;
    Ok(())
}

/// Eight digits that belong to a case number for ever; made, not kept, so that every desk of the office reads out the
/// same.
fn query_code(conn: &Connection, number: &CaseNo) -> Result<String, RepoError> {
    let key = system::query_key(conn)?;
    let key = blake3::derive_key("unbind-desk 2026 query code", key.as_bytes());
    let hash = blake3::keyed_hash(&key, number.to_string().as_bytes());
    let mut eight = [0_u8; 8];
    for (to, from) in eight.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    Ok(format!("{:08}", u64::from_le_bytes(eight) % QUERY_DIGITS))
}
