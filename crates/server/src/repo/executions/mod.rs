//! Requests to the core system, from the transaction that begins an execution to the one that records its result. A node
//! claims what is due for the length of a lease; before anything leaves, the row says that it may have arrived, and from
//! then on it is asked for by its key. Only a clear "never seen" makes it ready to be sent again, under the same key.

pub mod results;
pub mod rows;
pub mod start;

use super::sql::Connection;
use super::{RepoError, Rules, cases};
use crate::connector::answer::Told;
use crate::connector::{Heard, Terms};
use desk_domain::ids::{ExecutionId, OfficeCode};
use desk_domain::time::Millis;
use results::{Standing, standing};
use rows::{HELD_MS, Kept, SLOW_MS, State};

/// A request that this node is to send or to ask for, until its lease ends.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub office: OfficeCode,
    pub key: ExecutionId,
    /// None: it is asked for.
    pub send: Option<String>,
    /// From 1; a settlement under an older number comes too late.
    pub attempt: u32,
    pub until: Millis,
    /// Whether it had left before this claim.
    left_before: Option<Millis>,
}

/// Claims what is due for this node. What a person has settled meanwhile ends; a result that waits for its case is tried
/// again; nothing is sent for a case on hold.
///
/// # Errors
/// When the database fails.
pub fn claim(
    conn: &Connection,
    rules: &Rules,
    terms: Terms,
    most: usize,
) -> Result<Vec<Claimed>, RepoError> {
    let now = rules.clock.now();
    let mut mine = Vec::new();
    for kept in rows::due(conn, now, most)? {
        let case = cases::load_in(conn, &kept.office, kept.case)?;
        let stands = case.map_or(Standing::Elsewhere, |case| standing(&case, kept.key));
        match (kept.state, stands) {
            (State::Ended, _) => {}
            (_, Standing::Elsewhere) => rows::end(conn, &kept, results::ELSEWHERE, now)?,
            (State::Answered, _) => results::try_again(conn, rules, &kept)?,
            (State::Ready, Standing::OnHold) => {
                rows::wait(conn, &kept, now.saturating_add(HELD_MS), "case.on_hold")?;
            }
            (state, stands) => {
                // What people are told is unknown is asked for, and sent by nobody.
                let sends = state == State::Ready && stands == Standing::Open;
                mine.push(rows::lease(conn, kept, sends, (terms, now))?);
            }
        }
    }
    Ok(mine)
}

/// Writes down what came of a claim. Nothing changes when a callback, a person, or another node after the lease, was
/// quicker.
///
/// # Errors
/// When the database fails.
pub fn settle(
    conn: &Connection,
    rules: &Rules,
    (claimed, heard, terms): (&Claimed, &Heard, Terms),
    again_at: Millis,
) -> Result<(), RepoError> {
    let kept = rows::by_key(conn, claimed.key)?;
    let ours = |kept: &Kept| kept.state == State::Asked && kept.attempt == claimed.attempt;
    let Some(kept) = kept.filter(ours) else {
        return Ok(());
    };
    let case = cases::load_in(conn, &kept.office, kept.case)?;
    let stands = case.map_or(Standing::Elsewhere, |case| standing(&case, kept.key));
    if let (Standing::Elsewhere, Heard::Told(told @ Told::Done { .. })) = (stands, heard) {
        return results::settle(conn, rules, &kept, told);
    }
    if stands == Standing::Elsewhere {
        return rows::end(conn, &kept, results::ELSEWHERE, rules.clock.now());
    }
    let slowly = rules.clock.now().saturating_add(SLOW_MS);
    let again_at = match stands {
        Standing::Unknown => again_at.max(slowly),
        Standing::Open | Standing::OnHold | Standing::Elsewhere => again_at,
    };
    let code = match heard {
        Heard::Told(told) => match told.fits(&rows::asked_terminals(&kept)?) {
            Ok(()) => return hear(conn, rules, (&kept, told, stands), again_at),
            Err(misfit) => misfit.as_str(),
        },
        Heard::Unclear { code } => code,
        Heard::Unsent => "core.unreachable",
    };
    // Nothing left with this claim: what stood before it stands again.
    let unsent = *heard == Heard::Unsent;
    let state = if unsent { State::Ready } else { State::Asked };
    let left_at = if unsent {
        claimed.left_before
    } else {
        kept.left_at
    };
    let now = rules.clock.now();
    let since = kept.unclear_since.unwrap_or(now);
    rows::unclear(conn, &kept, (state, left_at, since), (again_at, code))?;
    let overdue = now.saturating_sub(since) >= terms.unknown_after_ms;
    if overdue && stands == Standing::Open {
        let never_left = unsent && left_at.is_none();
        results::give_up(conn, rules, &kept, (never_left, code))?;
    }
    Ok(())
}

/// A clear word.
fn hear(
    conn: &Connection,
    rules: &Rules,
    (kept, told, stands): (&Kept, &Told, Standing),
    again_at: Millis,
) -> Result<(), RepoError> {
    match told {
        Told::Done { .. } | Told::Refused { .. } => results::settle(conn, rules, kept, told),
        // Asked again and never there: what was unknown is known. Nothing is sent behind the back of people who look.
        Told::NeverSeen if stands == Standing::Unknown => results::settle(conn, rules, kept, told),
        Told::NeverSeen => rows::clear(conn, kept, State::Ready, None, again_at),
        Told::Pending { reference } => {
            rows::clear(conn, kept, State::Asked, reference.as_deref(), again_at)
        }
    }
}
