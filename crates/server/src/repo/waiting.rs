//! Ops that were stored and not judged: their time comes when their case changes, or when a newer server knows their
//! kind. A group is judged anew as a whole; what has an outcome keeps it.

use super::bench::Bench;
use super::journal::{self, Place, Stored, Waiting};
use super::sql::Connection;
use super::{RepoError, Rules, notices, system};
use desk_domain::group::Seat;
use desk_domain::ids::{CaseId, OpId};
use desk_domain::op::{Op, OpBody};
use desk_domain::outcome::{HeldWhy, Outcome};
use std::collections::BTreeSet;

/// Rounds over what waits: each op that is settled may be what another one waits for.
const ROUNDS: usize = 8;
/// Why an op may wait for its case.
const FOR_ITS_CASE: &[HeldWhy] = &[HeldWhy::MissingDependency];
/// Why an op may wait for a newer server.
const FOR_A_NEWER_SERVER: &[HeldWhy] = &[
    HeldWhy::UnknownKind,
    HeldWhy::Internal,
    HeldWhy::MissingDependency,
];
/// Ops that a newer server judges in one transaction.
const PORTION: usize = 200;
/// The server that last looked through what is held, and the kinds it knew.
const LOOKED_BY: &str = "held_looked_through_by";

/// Judges again what waited for the cases that have changed.
pub fn judge_waiting(bench: &mut Bench<'_>) -> Result<(), RepoError> {
    let mut looked = BTreeSet::new();
    let mut waiting: Vec<Waiting> = Vec::new();
    for _ in 0..ROUNDS {
        let news: BTreeSet<CaseId> = bench
            .changed()
            .into_iter()
            .filter(|case| looked.insert(*case))
            .collect();
        for case in journal::waited_for(bench.conn, &news)? {
            waiting.extend(journal::waiting_on(bench.conn, case)?);
        }
        let before = waiting.len();
        let mut still = Vec::new();
        for one in waiting {
            if !judge_again(bench, &one, FOR_ITS_CASE)? {
                still.push(one);
            }
        }
        waiting = still;
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    Ok(())
}

/// At the start of a server that is newer than the one before: judges what the old one could not. True when it has
/// looked through everything.
///
/// # Errors
/// When the database fails; the next start tries again.
pub fn look_through(
    conn: &Connection,
    rules: &Rules,
    after: i64,
) -> Result<Option<i64>, RepoError> {
    if after == 0 && system::note(conn, LOOKED_BY)?.as_deref() == Some(this_server().as_str()) {
        return Ok(None);
    }
    let portion = journal::held_after(conn, after, PORTION)?;
    let mut bench = Bench::careful(conn, rules)?;
    for (_, one) in &portion {
        judge_again(&mut bench, one, FOR_A_NEWER_SERVER)?;
    }
    judge_waiting(&mut bench)?;
    notices::announce(&mut bench)?;
    bench.finish()?;
    let last = portion.last().map(|(row, _)| *row);
    if last.is_none() {
        system::put_note(conn, LOOKED_BY, &this_server())?;
    }
    Ok(last)
}

fn this_server() -> String {
    let kinds = blake3::hash(OpBody::KINDS.join("\n").as_bytes()).to_hex();
    format!("{} {kinds}", env!("CARGO_PKG_VERSION"))
}

/// Judges an op with its group; true when it waits no more.
fn judge_again(bench: &mut Bench<'_>, one: &Waiting, whys: &[HeldWhy]) -> Result<bool, RepoError> {
    if bench.settled(&one.place).is_some() {
        return Ok(true);
    }
    let Ok(op) = Op::parse(&one.bytes) else {
        return Ok(false);
    };
    let group = journal::group_of(bench.conn, &one.place, &op.group)?;
    let members: Vec<Member> = group
        .into_iter()
        .map(|stored| member(bench, stored))
        .collect();
    let mut seats = Vec::with_capacity(members.len());
    for member in &members {
        seats.push(seat(bench, member, whys)?);
    }
    let ops: Vec<Option<&Op>> = members.iter().map(|member| member.op.as_ref()).collect();
    let outcomes = bench.judge_seats(&ops, &seats)?;
    let mut done = false;
    for (member, outcome) in members.iter().zip(outcomes) {
        let Some(op) = member.op.as_ref().filter(|_| outcome != member.outcome) else {
            continue;
        };
        done |= member.place == one.place;
        bench.settle(member.place.clone(), op.case, outcome);
    }
    Ok(done)
}

/// One op of a stored group, with what it has come to, if need be in this very transaction.
struct Member {
    place: Place,
    op_id: OpId,
    /// None for a copy and for the place of a parked op.
    op: Option<Op>,
    outcome: Outcome,
}

fn member(bench: &Bench<'_>, stored: Stored) -> Member {
    let outcome = bench.settled(&stored.place).cloned();
    let op = stored
        .bytes
        .filter(|_| stored.counted)
        .and_then(|bytes| Op::parse(&bytes).ok());
    Member {
        place: stored.place,
        op_id: stored.op_id,
        op,
        outcome: outcome.unwrap_or(stored.outcome),
    }
}

/// A verdict stands for ever; somebody whose rights are gone stays held for a person.
fn seat(bench: &mut Bench<'_>, member: &Member, whys: &[HeldWhy]) -> Result<Seat, RepoError> {
    let outcome = &member.outcome;
    let waits = matches!(outcome, Outcome::Held { why } if whys.contains(why));
    let Some(op) = &member.op else {
        return Ok(Seat {
            op: member.op_id,
            command: false,
            known: Some(outcome.clone()),
        });
    };
    let rights = bench.actor(op.device, op.actor)?.is_some();
    let seat = Seat::of(op);
    Ok(if waits && rights {
        seat
    } else {
        seat.known(outcome.clone())
    })
}
