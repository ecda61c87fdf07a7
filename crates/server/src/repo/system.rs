//! What the database knows of itself, and the server's own device: receipts and risk are ops with a chain like any
//! other's.

use super::bench::Bench;
use super::journal::{self, Entry};
use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, Rules, executions, receipts};
use crate::secrets;
use desk_domain::decide::{Context, decide};
use desk_domain::ids::{CaseId, DeviceId, Epoch, GroupId, Incarnation, OpId, UserId};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::outcome::Outcome;
use desk_domain::people::{Actor, Employer, Role};
use desk_domain::time::Millis;
use desk_protocol::sync::Head;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

const EPOCH: &str = "epoch";
const DEVICE: &str = "server_device";
const INCARNATION: &str = "server_incarnation";
const USER: &str = "server_user";
const QUERY_KEY: &str = "query_code_key";

/// Makes sure that the database has an identity; returns its epoch.
pub fn prepare(conn: &Connection, rules: &Rules) -> Result<Epoch, RepoError> {
    for key in [EPOCH, DEVICE, INCARNATION, USER] {
        let fresh = Epoch::new(rules.clock.now(), rules.chance.as_ref());
        conn.execute(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
            params![key, fresh.to_string()],
        )?;
    }
    // The codes of the progress page are made from it.
    conn.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
        params![QUERY_KEY, secrets::token(rules.chance.as_ref())],
    )?;
    receipts::prepare(conn, rules)?;
    executions::results::prepare(conn, rules)?;
    epoch(conn)
}

/// The key from which the codes of the progress page are made.
pub fn query_key(conn: &Connection) -> Result<String, RepoError> {
    note(conn, QUERY_KEY)?.ok_or(RepoError::Damaged("no key for query codes"))
}

/// This life of the database.
pub fn epoch(conn: &Connection) -> Result<Epoch, RepoError> {
    Ok(Epoch::from_uuid(own(conn, EPOCH)?))
}

/// Another life, after a restore: the server's own ops go on in a new chain, so that none is numbered twice, and nobody is
/// signed in any more. The number of sessions that ended.
pub fn begin_life(conn: &Connection, epoch: Epoch, rules: &Rules) -> Result<usize, RepoError> {
    let now = rules.clock.now();
    let chain = Incarnation::new(now, rules.chance.as_ref());
    put_note(conn, EPOCH, &epoch.to_string())?;
    put_note(conn, INCARNATION, &chain.to_string())?;
    Ok(conn.execute(
        "UPDATE session SET ended_at = ?1 WHERE ended_at IS NULL",
        [now],
    )?)
}

/// A small thing that the database remembers of itself.
pub fn note(conn: &Connection, key: &str) -> Result<Option<String>, RepoError> {
    Ok(conn
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

/// Keeps such a thing.
pub fn put_note(conn: &Connection, key: &str, value: &str) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![key, value],
    )?;
    Ok(())
}

/// The person that the server's own ops name.
pub fn actor(conn: &Connection) -> Result<Actor, RepoError> {
    let user = UserId::from_uuid(own(conn, USER)?);
    Ok(Actor {
        user,
        person: user,
        roles: BTreeSet::from([Role::System]),
        employer: Employer::Acquirer,
        offices: BTreeSet::new(),
        active: true,
    })
}

/// Writes ops of the server's own device onto the bench and judges them.
pub fn say(bench: &mut Bench<'_>, sayings: Vec<(CaseId, OpBody)>) -> Result<(), RepoError> {
    if sayings.is_empty() {
        return Ok(());
    }
    let actor = actor(bench.conn)?;
    let device = DeviceId::from_uuid(own(bench.conn, DEVICE)?);
    let incarnation = Incarnation::from_uuid(own(bench.conn, INCARNATION)?);
    let mut head = journal::head(bench.conn, device, incarnation)?;
    for (case, body) in sayings {
        let op = compose(
            bench.rules,
            bench.now,
            (device, head),
            actor.user,
            case,
            &body,
        )?;
        let bytes = op.to_bytes()?;
        let hash = ChainHash::after(head.hash, bytes.as_bytes());
        let outcome = bench.judge(&op, &actor)?;
        tracing::debug!(kind = op.kind, ?outcome, "own op");
        head = Head {
            incarnation,
            seq: op.seq,
            hash,
        };
        bench.entries.push(Entry {
            device,
            incarnation,
            seq: op.seq,
            op_id: op.op_id,
            counted: true,
            case: Some(case),
            actor: Some(actor.user),
            bytes: Some(bytes),
            hash,
            content: op.content()?,
            outcome,
        });
    }
    journal::move_head(bench.conn, device, head)
}

/// What the rules would say of an op of the server's own device; nothing is written and nothing changes.
pub(super) fn rehearse(
    bench: &mut Bench<'_>,
    case: CaseId,
    body: &OpBody,
) -> Result<Outcome, RepoError> {
    let actor = actor(bench.conn)?;
    let device = DeviceId::from_uuid(own(bench.conn, DEVICE)?);
    let head = Head {
        incarnation: Incarnation::from_uuid(own(bench.conn, INCARNATION)?),
        seq: 0,
        hash: ChainHash::GENESIS,
    };
    let place = (device, head);
    let op = compose(bench.rules, bench.now, place, actor.user, case, body)?;
    let policy = Arc::clone(&bench.policy);
    let ctx = Context {
        actor: &actor,
        policy: &policy,
        calendar: &bench.rules.calendar,
        now: bench.now,
        same_serial_open: None,
        call_doubt: None,
    };
    Ok(decide(bench.case(case)?.as_deref(), &op, &ctx).outcome)
}

fn compose(
    rules: &Rules,
    now: Millis,
    (device, head): (DeviceId, Head),
    actor: UserId,
    case: CaseId,
    body: &OpBody,
) -> Result<Op, RepoError> {
    let chance = rules.chance.as_ref();
    Ok(Op {
        op_id: OpId::new(now, chance),
        device,
        incarnation: head.incarnation,
        seq: head.seq.saturating_add(1),
        prev_hash: head.hash,
        actor,
        case,
        group: Group {
            id: GroupId::new(now, chance),
            i: 0,
            len: 1,
        },
        kind: body.kind().to_owned(),
        version: 1,
        body: body.to_raw()?,
        base_rev: None,
        hlc: Hlc { ms: now, n: 0 },
        captured_at: now,
    })
}

fn own(conn: &Connection, key: &str) -> Result<Uuid, RepoError> {
    note(conn, key)?
        .and_then(|text| Uuid::parse_str(&text).ok())
        .ok_or(RepoError::Damaged("no identity"))
}
