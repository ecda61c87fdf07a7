//! Calls, from the first word of the telephone system to the last. Events come twice and in any order; a call only ever goes
//! forward, and what has ended never rings.

use super::sql::{Connection, OptionalExtension, params};
use super::{Repo, RepoError, Rules, Scope, call_backs, devices, lines};
use crate::calls::CallKey;
use crate::calls::event::{CallEvent, Direction, What};
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;
use desk_protocol::calls::{Call, CallsReply, MAX_CALLS};
use lines::Admitted;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A telephone rings so long at most, whether or not its end is told.
const RING_MS: Millis = 120_000;
/// Who has picked up has so long to take the call into a case.
const TALK_MS: Millis = 600_000;
/// An id is remembered so long, so that a late event does not ring again. The number is not.
const KEEP_MS: Millis = 86_400_000;
/// Calls looked at for one reply.
const LOOKED_AT: usize = 500;

/// How far a call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ringing,
    Answered,
    Ended,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Ended => "ended",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Ringing, Self::Answered, Self::Ended];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// What came of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Whether it changed anything.
    Yes {
        news: bool,
    },
    Unknown,
    TooMany {
        until: Millis,
    },
}

/// Who listens, and where.
#[derive(Clone, Debug)]
pub struct Listener {
    pub office: OfficeCode,
    pub user: UserId,
}

impl Repo {
    /// True when somebody has the token of that hash.
    pub async fn knows_line(self: &Arc<Self>, token_hash: [u8; 32]) -> Result<bool, RepoError> {
        self.read(Scope::House, move |conn| lines::knows(conn, &token_hash))
            .await
    }

    /// Counts and takes an event, in one transaction.
    pub async fn take_call(
        &self,
        rules: Rules,
        key: Arc<CallKey>,
        token_hash: [u8; 32],
        event: CallEvent,
    ) -> Result<Taken, RepoError> {
        self.write(Scope::House, move |conn| {
            let now = rules.clock.now();
            match lines::admit(conn, &token_hash, now)? {
                Admitted::Unknown => Ok(Taken::Unknown),
                Admitted::TooMany { until } => Ok(Taken::TooMany { until }),
                Admitted::To(office) => {
                    conn.write_only(&Scope::of(&office))?;
                    let news = take(conn, &rules, &key, (&office, &event))?;
                    Ok(Taken::Yes { news })
                }
            }
        })
        .await
    }

    /// The office whose calls ring where this person sits; none when they are not for him.
    pub async fn listens(
        self: &Arc<Self>,
        device: DeviceId,
        card: UserCard,
    ) -> Result<Option<OfficeCode>, RepoError> {
        self.read(Scope::House, move |conn| {
            let office = devices::find(conn, device)?.map(|device| device.office);
            Ok(office.filter(|office| lines::collects(&card) && card.offices.contains(office)))
        })
        .await
    }

    /// The same, where there is a telephone system at all.
    pub async fn hears_calls(
        self: &Arc<Self>,
        device: DeviceId,
        card: UserCard,
    ) -> Result<bool, RepoError> {
        let Some(office) = self.listens(device, card).await? else {
            return Ok(false);
        };
        self.read(Scope::of(&office), move |conn| {
            lines::has_line(conn, &office)
        })
        .await
    }

    pub async fn calls(
        self: &Arc<Self>,
        key: Arc<CallKey>,
        listener: Listener,
        now: Millis,
    ) -> Result<CallsReply, RepoError> {
        self.read(Scope::of(&listener.office), move |conn| {
            shown(conn, &key, &listener, now)
        })
        .await
    }
}

/// Where the bell of each office stands.
pub fn bells(conn: &Connection) -> Result<BTreeMap<OfficeCode, u64>, RepoError> {
    let mut select = conn.prepare_cached("SELECT office, position FROM cti_bell")?;
    let rows = select.query_map((), |row| Ok((row.get::<String>(0)?, row.get::<u64>(1)?)))?;
    let mut at = BTreeMap::new();
    for row in rows {
        let (office, position) = row?;
        let office = OfficeCode::parse(&office).ok_or(RepoError::Damaged("office code"))?;
        at.insert(office, position);
    }
    Ok(at)
}

fn take(
    conn: &Connection,
    rules: &Rules,
    key: &CallKey,
    (office, event): (&OfficeCode, &CallEvent),
) -> Result<bool, RepoError> {
    let (now, call_ref) = (rules.clock.now(), event.call_ref.as_str());
    let kept = kept(conn, office, call_ref)?;
    let known = kept.as_ref().map(|(_, direction)| *direction);
    if known.is_some_and(|direction| direction != event.direction) {
        // An id that both directions share says nothing that could be trusted.
        return Ok(false);
    }
    if event.direction == Direction::Out {
        call_backs::note(conn, key, (office, event), now)?;
    }
    let to = match (event.what, kept.as_ref()) {
        (What::NewCall, None) => Some(State::Ringing),
        (What::Answer, None | Some((State::Ringing, _))) => Some(State::Answered),
        (What::Hangup, None | Some((State::Ringing | State::Answered, _))) => Some(State::Ended),
        (What::NewCall | What::Answer | What::Hangup, Some(_)) => None,
    };
    let Some(to) = to else { return Ok(false) };
    let people = about(conn, office, event)?;
    // What nobody is shown is not kept; out of the house nothing rings.
    let told = event.direction == Direction::In
        && (to == State::Ringing || (to == State::Answered && !people.is_empty()));
    if kept.is_none() {
        let caller = event.from.as_deref().filter(|_| told);
        let sealed =
            caller.and_then(|number| key.seal((office, call_ref), number, rules.chance.as_ref()));
        begin(conn, (office, event), sealed, now)?;
    }
    let ends_at = match to {
        State::Ringing => now.saturating_add(RING_MS),
        State::Answered if told => now.saturating_add(TALK_MS),
        State::Answered | State::Ended => now,
    };
    go(conn, (office, call_ref), (to, ends_at), &people)?;
    if !told {
        forget_caller(conn, office, call_ref)?;
    }
    if event.direction == Direction::In {
        ring(conn, office)?;
    }
    Ok(true)
}

/// The people that an event is about. Whoever answers is one.
fn about(
    conn: &Connection,
    office: &OfficeCode,
    event: &CallEvent,
) -> Result<Vec<UserId>, RepoError> {
    let mut people = Vec::new();
    for named in &event.about {
        let person = lines::person(conn, office, named)?;
        people.extend(person.filter(|person| !people.contains(person)));
        if event.what == What::Answer && !people.is_empty() {
            break;
        }
    }
    Ok(people)
}

fn kept(
    conn: &Connection,
    office: &OfficeCode,
    call_ref: &str,
) -> Result<Option<(State, Direction)>, RepoError> {
    const DAMAGED: RepoError = RepoError::Damaged("a call");
    let row: Option<(String, String)> = conn
        .prepare_cached(
            "SELECT state, direction FROM cti_call WHERE office = ?1 AND call_ref = ?2",
        )?
        .query_row([office.as_str(), call_ref], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((state, direction)) = row else {
        return Ok(None);
    };
    let direction = [Direction::In, Direction::Out]
        .into_iter()
        .find(|known| known.as_str() == direction);
    Ok(Some((
        State::parse(&state).ok_or(DAMAGED)?,
        direction.ok_or(DAMAGED)?,
    )))
}

fn begin(
    conn: &Connection,
    (office, event): (&OfficeCode, &CallEvent),
    caller: Option<Vec<u8>>,
    now: Millis,
) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO cti_call (office, call_ref, direction, state, caller, first_at, ends_at) \
         VALUES (?1, ?2, ?3, 'ringing', ?4, ?5, ?5)",
        params![
            office.as_str(),
            event.call_ref,
            event.direction.as_str(),
            caller,
            now
        ],
    )?;
    Ok(())
}

fn go(
    conn: &Connection,
    (office, call_ref): (&OfficeCode, &str),
    (to, ends_at): (State, Millis),
    people: &[UserId],
) -> Result<(), RepoError> {
    let names: Vec<String> = people.iter().map(ToString::to_string).collect();
    let answered_by = names.first().filter(|_| to == State::Answered);
    let rings = to == State::Ringing && !names.is_empty();
    let rings_at = rings.then(|| serde_json::to_string(&names)).transpose()?;
    conn.execute(
        "UPDATE cti_call SET state = ?1, ends_at = ?2, answered_by = ?3, rings_at = ?4 WHERE office = ?5 AND call_ref = ?6",
        params![
            to.as_str(),
            ends_at,
            answered_by,
            rings_at,
            office.as_str(),
            call_ref
        ],
    )?;
    Ok(())
}

fn forget_caller(conn: &Connection, office: &OfficeCode, call_ref: &str) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE cti_call SET caller = NULL WHERE office = ?1 AND call_ref = ?2",
        params![office.as_str(), call_ref],
    )?;
    Ok(())
}

fn ring(conn: &Connection, office: &OfficeCode) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO cti_bell (office, position) VALUES (?1, 1) \
         ON CONFLICT (office) DO UPDATE SET position = cti_bell.position + 1",
        params![office.as_str()],
    )?;
    Ok(())
}

/// A call that might concern somebody.
struct Open {
    call: Call,
    rings_at: Option<Vec<UserId>>,
    answered_by: Option<UserId>,
}

impl Open {
    /// Whether it concerns this person, and this person alone.
    fn concerns(&self, user: UserId) -> (bool, bool) {
        if self.call.answered {
            let is_mine = self.answered_by == Some(user);
            return (is_mine, is_mine);
        }
        match &self.rings_at {
            Some(people) => (people.contains(&user), people.len() == 1),
            None => (true, false),
        }
    }
}

fn shown(
    conn: &Connection,
    key: &CallKey,
    listener: &Listener,
    now: Millis,
) -> Result<CallsReply, RepoError> {
    let position: Option<u64> = conn
        .prepare_cached("SELECT position FROM cti_bell WHERE office = ?1")?
        .query_row([listener.office.as_str()], |row| row.get(0))
        .optional()?;
    let all = open_calls(conn, key, &listener.office, now)?.into_iter();
    let mine = all.filter(|open| open.concerns(listener.user).0);
    let mut mine: Vec<Open> = mine.collect();
    mine.sort_by_key(|open| !open.concerns(listener.user).1);
    let calls = mine.into_iter().map(|open| open.call).take(MAX_CALLS);
    Ok(CallsReply {
        position: position.unwrap_or_default(),
        calls: calls.collect(),
    })
}

fn open_calls(
    conn: &Connection,
    key: &CallKey,
    office: &OfficeCode,
    now: Millis,
) -> Result<Vec<Open>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT call_ref, state, caller, rings_at, answered_by, first_at, ends_at FROM cti_call \
         WHERE office = ?1 AND ends_at > ?2 AND state <> 'ended' AND direction = 'in' \
         ORDER BY first_at, call_ref LIMIT ?3",
    )?;
    let mut rows = select.query(params![office.as_str(), now, LOOKED_AT])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (call_ref, state): (String, String) = (row.get(0)?, row.get(1)?);
        let (caller, rings_at): (Option<Vec<u8>>, Option<String>) = (row.get(2)?, row.get(3)?);
        let answered_by: Option<String> = row.get(4)?;
        let ends_at: Millis = row.get(6)?;
        let from = caller.and_then(|sealed| key.open((office, &call_ref), &sealed));
        let call = Call {
            from,
            at: row.get(5)?,
            ends_in_ms: u64::try_from(ends_at.saturating_sub(now)).unwrap_or_default(),
            answered: state == State::Answered.as_str(),
            call_ref,
        };
        found.push(Open {
            call,
            rings_at: rings_at
                .map(|people| serde_json::from_str(&people))
                .transpose()?,
            answered_by: answered_by.and_then(|by| UserId::parse(&by)),
        });
    }
    Ok(found)
}

/// True when a sweep would find something.
pub fn is_old(conn: &Connection, now: Millis) -> Result<bool, RepoError> {
    let numbers = conn
        .prepare_cached(
            "SELECT 1 FROM cti_call WHERE caller IS NOT NULL AND ends_at <= ?1 LIMIT 1",
        )?
        .exists([now])?;
    let calls = conn
        .prepare_cached("SELECT 1 FROM cti_call WHERE first_at < ?1 LIMIT 1")?
        .exists([now.saturating_sub(KEEP_MS)])?;
    Ok(numbers || calls || call_backs::is_old(conn, now)?)
}

/// Erases the numbers of calls that are over, and forgets the calls of yesterday and what old call-backs rest on.
pub fn sweep(conn: &Connection, now: Millis) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE cti_call SET caller = NULL WHERE caller IS NOT NULL AND ends_at <= ?1",
        [now],
    )?;
    conn.execute(
        "DELETE FROM cti_call WHERE first_at < ?1",
        [now.saturating_sub(KEEP_MS)],
    )?;
    call_backs::sweep(conn, now)
}
