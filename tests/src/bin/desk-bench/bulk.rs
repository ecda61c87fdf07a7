//! G8 on PostgreSQL: full pushes with everything on, beside raw inserts, 500 rows a transaction: the same rows, and bare ones.

use crate::figure::Figure;
use crate::office::server_pid;
use crate::pushing::{self, Beside, OPS, RECORDS, bodies, drive};
use crate::sharing::{address, connect, database, make_bare};
use crate::signer::Device;
use crate::{Plan, fill, same, watch};
use desk_protocol::MAX_PUSH_OPS;
use desk_tests::Failure;
use desk_tests::cluster::Cluster;
use desk_tests::office::{BRANCH, Office};
use postgres::{Client, Statement};

/// At least so much of the rate of raw inserts of the same rows (ADR 30).
const OF_THE_LIMIT: f64 = 0.5;
/// What the goal of 70 % left for a record beside 5,900 raw rows a second (`performance.md`), ms.
const OWN_MS: f64 = (1.0 / 0.7 - 1.0) / 5.9;
/// Writes the bare rows.
const BARE: &str = "INSERT INTO bare.ticket (kind, bytes) SELECT 'op', * FROM unnest($1::text[])";

/// Statements that write what a full push comes to, of every row as long as those of a case that was stored.
struct SameRows {
    journal: Statement,
    cases: Statement,
    timeline: Statement,
    feed: Statement,
    counter: Statement,
    head: Statement,
    snapshot: String,
    entry: String,
    lines: i64,
    outcome: String,
    written: i64,
}

/// Measures the pushes beside both.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let cluster = Cluster::start()?;
    let base = cluster.pid().ok_or_else(|| Failure::new("no PostgreSQL"))?;
    let office = Office::open_with(
        &folder.path().join("office"),
        1,
        "127.0.0.1:0",
        database(&cluster),
    )?;
    let (server, address) = (server_pid()?, address(&office)?);
    let mut device = Device::enrol(address, &office.enrol_code(BRANCH)?, "agent1", 6)?;
    let mut cases = 0;
    let mut client = connect(&cluster)?;
    let push = |bodies: &[Vec<u8>], token: &str| {
        drive(server, address, ("/v1/sync/push", token), bodies, true)
    };
    push(&bodies(&mut device, &mut cases)?, &device.token)?;
    make_bare(&mut client)?;
    let mut same = SameRows::prepare(&mut client)?;
    let bare = client.prepare(BARE).map_err(at)?;
    let (mut alike, mut rows) = (Beside::default(), Beside::default());
    for _ in 0..plan.rounds {
        let bodies = bodies(&mut device, &mut cases)?;
        let db = watch::tree_cpu(base);
        let mut ours = push(&bodies, &device.token)?;
        ours.cpu_ms += (watch::tree_cpu(base) - db) / fill::count(RECORDS);
        let limit = raw(base, &bodies, |push| {
            same.write(&mut client, &ops_of(&device, push)?)
        })?;
        alike.add(&ours, &limit);
        let pushes = bodies
            .iter()
            .map(|push| ops_of(&device, push))
            .collect::<Result<Vec<_>, _>>()?;
        let limit = raw(base, &pushes, |ops| {
            client.execute(&bare, &[ops]).map(drop).map_err(at)
        })?;
        rows.add(&ours, &limit);
    }
    check(&mut client, plan.rounds)?;
    let free = f64::INFINITY;
    let figures = [
        (
            "wall a record / the same rows, signature checked",
            1.0 / OF_THE_LIMIT,
            &alike.wall,
        ),
        (
            "CPU a record, server and database / the database alone under the same rows",
            free,
            &alike.cpu,
        ),
        ("wall a record / bare rows", free, &rows.wall),
    ];
    let figures = figures.map(|(name, target, rounds)| {
        let name = format!("PostgreSQL, one desk: {name}, 500 a transaction");
        Figure::of_rounds("G8", name, "ms", target, rounds)
    });
    let own = pushing::own_work("PostgreSQL, one desk", &figures[0], OWN_MS);
    Ok(figures.into_iter().chain([own]).collect())
}

/// The ops of a push whose chain and signature hold, each as it came.
fn ops_of(device: &Device, push: &[u8]) -> Result<Vec<String>, Failure> {
    let checked = same::check(&device.key_hex, push).ok_or_else(|| Failure::new("void: a push"))?;
    Ok(checked.ops.into_iter().map(|op| op.bytes).collect())
}

/// What one record costs a single connection that writes push by push; CPU is the database's alone.
fn raw<P>(
    base: u32,
    pushes: &[P],
    write: impl FnMut(&P) -> Result<(), Failure>,
) -> Result<watch::Spent, Failure> {
    let (db, start) = (watch::tree_cpu(base), watch::monotonic_ms());
    pushes.iter().try_for_each(write)?;
    let wall_ms = watch::monotonic_ms() - start;
    Ok(watch::Spent {
        wall_ms: wall_ms / fill::count(RECORDS),
        cpu_ms: (watch::tree_cpu(base) - db) / fill::count(RECORDS),
    })
}

impl SameRows {
    fn prepare(client: &mut Client) -> Result<Self, Failure> {
        let case = client
            .query_one(
                "SELECT c.snapshot, j.outcome, t.entry, (SELECT count(*) FROM timeline WHERE case_id = c.id) \
                 FROM (SELECT * FROM journal ORDER BY rowid DESC LIMIT 1) j JOIN case_file c ON c.id = j.case_id \
                 JOIN timeline t ON t.case_id = c.id LIMIT 1",
                &[],
            )
            .map_err(at)?;
        let text = |column: usize| case.get::<_, String>(column);
        let mut ready = |sql: &str| client.prepare(sql).map_err(at);
        let hash = "decode(repeat('5a', 32), 'hex')";
        Ok(Self {
            journal: ready(&format!(
                "INSERT INTO bare.journal (device, incarnation, seq, op_id, counted, case_id, actor, bytes, hash, content, \
                 outcome, received_at, position) SELECT 'one', 'one', $1::bigint + n, id, 1, of, 'one', bytes, {hash}, {hash}, \
                 $2, 1, 1 FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS op (bytes, id, of, n)"
            ))?,
            cases: ready(
                "INSERT INTO bare.case_file (office, id, case_no, state, rev, is_open, snapshot, updated_at) \
                 SELECT 'ONE', id, id, 'draft', 1, 0, $1, 1 FROM unnest($2::text[]) AS id",
            )?,
            timeline: ready(
                "INSERT INTO bare.timeline (office, case_id, position, n, entry) \
                 SELECT 'ONE', id, 1, n, $1 FROM unnest($2::text[]) AS id, generate_series(1, $3::bigint) AS n",
            )?,
            feed: ready(
                "INSERT INTO bare.feed (office, position, thing, id) \
                 SELECT 'ONE', $1::bigint + n, 'case', id FROM unnest($2::text[]) WITH ORDINALITY AS of (id, n)",
            )?,
            counter: ready(
                "UPDATE bare.counter SET position = position + $1::bigint WHERE office = 'ONE'",
            )?,
            head: ready("UPDATE bare.head SET seq = seq + $1::bigint WHERE device = 'C1'")?,
            snapshot: text(0),
            outcome: text(1),
            entry: text(2),
            lines: case.get(3),
            written: 0,
        })
    }

    fn write(&mut self, client: &mut Client, ops: &Vec<String>) -> Result<(), Failure> {
        let first = self.written;
        self.written += i64::try_from(ops.len()).unwrap_or(0);
        // In the order of their making, as ids of ours begin with their time.
        let id = |n: i64| format!("{n:08x}-0000-7000-8000-{n:012x}");
        let ids: Vec<String> = (first..self.written).map(id).collect();
        let of: Vec<String> = ids
            .chunks(OPS)
            .flat_map(|case| case.iter().map(|_| case.concat()))
            .map(|case| case.chars().take(36).collect())
            .collect();
        let cases: Vec<&String> = of.iter().step_by(OPS).collect();
        let many = self.written - first;
        let mut work = client.transaction().map_err(at)?;
        let mut run = |sql: &Statement, params: &[&(dyn postgres::types::ToSql + Sync)]| {
            work.execute(sql, params).map(drop).map_err(at)
        };
        run(&self.cases, &[&self.snapshot, &cases])?;
        run(&self.counter, &[&many])?;
        run(&self.feed, &[&first, &cases])?;
        run(&self.timeline, &[&self.entry, &cases, &self.lines])?;
        run(&self.journal, &[&first, &self.outcome, ops, &ids, &of])?;
        run(&self.head, &[&many])?;
        work.commit().map_err(at)
    }
}

fn at(error: postgres::Error) -> Failure {
    Failure::at("write rows beside")(error)
}

/// A fast wrong push is void, on any side.
fn check(client: &mut Client, rounds: u32) -> Result<(), Failure> {
    let wanted = RECORDS * usize::try_from(rounds).unwrap_or(0);
    for (table, wanted) in [
        ("journal", wanted + RECORDS),
        ("bare.journal", wanted),
        ("bare.timeline", wanted),
        ("bare.case_file", wanted / OPS),
        ("bare.feed", wanted / OPS),
        ("bare.ticket", wanted),
    ] {
        let row = client
            .query_one(&format!("SELECT count(*) FROM {table}"), &[])
            .map_err(at)?;
        let stored = usize::try_from(row.get::<_, i64>(0)).unwrap_or(0);
        if stored < wanted {
            let pushes = wanted / MAX_PUSH_OPS;
            let why = format!("void: {wanted} rows ({pushes} pushes) in {table}, {stored} stored");
            return Err(Failure::new(why));
        }
    }
    Ok(())
}
