//! G3: cases over HTTP on PostgreSQL, beside pgbench with the same rows and indexes; and readers of a feed that sixteen write
//! at once, who may miss nothing.

use crate::figure::{Figure, Round};
use crate::office::{Sent, Target, applied, bodies, drive, server_pid, token};
use crate::signer::{Device, Wire, get, post};
use crate::{Plan, fill, watch};
use desk_protocol::MAX_PUSH_OPS;
use desk_tests::Failure;
use desk_tests::cluster::Cluster;
use desk_tests::office::{BRANCH, Office};
use postgres::{Client, NoTls};
use serde_json::Value;
use std::collections::HashSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const CONNECTIONS: u64 = 8;
/// Requests of one connection in one round; before the first round.
const REQUESTS: u32 = 300;
const WARM: u32 = 20;
/// At least so much of pgbench's rate.
const PART: f64 = 0.5;
/// Who writes, and who reads meanwhile.
const WRITERS: u64 = 16;
const READERS: u64 = 2;
/// A case and its three fields: so many ops.
const OPS: usize = 4;

pub fn database(cluster: &Cluster) -> Vec<(String, OsString)> {
    vec![("UNBIND_DESK_DATABASE".to_owned(), cluster.url().into())]
}

pub fn address(office: &Office) -> Result<SocketAddr, Failure> {
    let address = office.url().trim_start_matches("http://");
    address.parse().map_err(Failure::at("read the address"))
}

/// Who numbers the rows of pgbench's clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offices {
    /// All of them write one office, as our desks do: its counter numbers the feed.
    One,
    /// Each has an office of its own, so that none waits for another.
    Own,
}

/// Measures one case a request, beside both.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let cluster = Cluster::start()?;
    let base = cluster.pid().ok_or_else(|| Failure::new("no PostgreSQL"))?;
    let environment = database(&cluster);
    let office = Office::open_with(&folder.path().join("office"), 1, "127.0.0.1:0", environment)?;
    let ours = Target {
        pid: server_pid()?,
        address: address(&office)?,
        pass: token,
    };
    let mut devices = Vec::new();
    for seed in 0..CONNECTIONS {
        let code = office.enrol_code(BRANCH)?;
        devices.push(Device::enrol(ours.address, &code, "agent1", seed + 300)?);
    }
    let mut sent = Sent::default();
    let mut client = connect(&cluster)?;
    let before = cases(&mut client)?;
    let warm = bodies(&mut devices, WARM, 0, &mut sent)?;
    drive(&ours, "/v1/sync/push", &devices, &warm, 1)?;
    make_bare(&mut client)?;
    let mut beside = Vec::new();
    for offices in [Offices::One, Offices::Own] {
        let script = same_rows(&mut client, offices)?;
        cluster.pgbench(&script, CONNECTIONS, WARM)?;
        beside.push((offices, script, vec![], vec![]));
    }
    for _ in 0..plan.rounds {
        let bodies = bodies(&mut devices, REQUESTS, 0, &mut sent)?;
        let many = f64::from(REQUESTS) * fill::count(devices.len());
        let db = watch::tree_cpu(base);
        let a = drive(&ours, "/v1/sync/push", &devices, &bodies, 1)?;
        let a_cpu = a.cpu_ms + (watch::tree_cpu(base) - db) / many;
        for (_, script, wall, cpu) in &mut beside {
            let db = watch::tree_cpu(base);
            let rate = cluster.pgbench(script, CONNECTIONS, REQUESTS)?;
            wall.push(Round {
                ours: a.wall_ms,
                limit: 1e3 / rate,
            });
            cpu.push(Round {
                ours: a_cpu,
                limit: (watch::tree_cpu(base) - db) / many,
            });
        }
    }
    let stored = cases(&mut client)? - before;
    if usize::try_from(sent.requests).is_ok_and(|sent| stored < sent) {
        let sent = sent.requests;
        return Err(Failure::new(format!("void: {sent} cases, {stored} stored")));
    }
    let mut figures = Vec::new();
    for (offices, _, wall, cpu) in &beside {
        let (name, goal) = match offices {
            Offices::One => ("same rows, one office", 1.0 / PART),
            Offices::Own => ("an office for each client", f64::INFINITY),
        };
        let wide =
            format!("wall a case on PostgreSQL, {CONNECTIONS} connections / pgbench, {name}");
        figures.push(Figure::of_rounds("G3", wide, "ms", goal, wall));
        let wide = format!("CPU a case, server and database / database under pgbench, {name}");
        figures.push(Figure::of_rounds("G3", wide, "ms", f64::INFINITY, cpu));
    }
    Ok(figures)
}

pub fn connect(cluster: &Cluster) -> Result<Client, Failure> {
    Client::connect(&cluster.url(), NoTls).map_err(Failure::at("connect to PostgreSQL"))
}

fn cases(client: &mut Client) -> Result<usize, Failure> {
    let row = client
        .query_one("SELECT count(*) FROM case_file", &[])
        .map_err(Failure::at("count the cases"))?;
    usize::try_from(row.get::<_, i64>(0)).map_err(Failure::at("count the cases"))
}

/// Tables with the columns and indexes of ours.
pub fn make_bare(client: &mut Client) -> Result<(), Failure> {
    client
        .batch_execute(
            "CREATE SCHEMA bare; \
             CREATE TABLE bare.journal (LIKE journal INCLUDING ALL); \
             CREATE TABLE bare.case_file (LIKE case_file INCLUDING ALL); \
             CREATE TABLE bare.timeline (LIKE timeline INCLUDING ALL); \
             CREATE TABLE bare.feed (LIKE feed INCLUDING ALL); \
             CREATE TABLE bare.counter (LIKE counter INCLUDING ALL); \
             CREATE TABLE bare.head (LIKE head INCLUDING ALL); \
             CREATE TABLE bare.ticket (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind TEXT, bytes TEXT); \
             INSERT INTO bare.counter SELECT 'C' || n, 0 FROM generate_series(0, 99) AS n; \
             INSERT INTO bare.counter VALUES ('ONE', 0); \
             INSERT INTO bare.head SELECT 'C' || n, 'one', 0, '' FROM generate_series(0, 99) AS n;",
        )
        .map_err(Failure::at("make bare tables"))
}

/// A script that writes rows as long as those of a case that was just made: all that one push writes.
fn same_rows(client: &mut Client, offices: Offices) -> Result<String, Failure> {
    let lengths = client
        .query_one(
            "SELECT max(length(j.bytes)), max(length(j.outcome)), max(length(c.snapshot)), \
             max(length(t.entry)), count(t.entry) \
             FROM (SELECT * FROM journal ORDER BY rowid DESC LIMIT 1) j \
             JOIN case_file c ON c.id = j.case_id LEFT JOIN timeline t ON t.case_id = j.case_id",
            &[],
        )
        .map_err(Failure::at("look at a case"))?;
    let text = |at: usize| {
        let length: Option<i32> = lengths.get(at);
        format!("repeat('x', {})", length.unwrap_or(0))
    };
    let (bytes, outcome, snapshot, entry) = (text(0), text(1), text(2), text(3));
    let lines: i64 = lengths.get(4);
    let hash = "decode(repeat('5a', 32), 'hex')";
    let id = "gen_random_uuid()::text";
    let office = match offices {
        Offices::One => "'ONE'",
        Offices::Own => "'C' || :client_id",
    };
    let mut script = vec![format!(
        "BEGIN;\n\
         INSERT INTO bare.journal (device, incarnation, seq, op_id, counted, case_id, actor, bytes, hash, content, \
         outcome, received_at, position) VALUES ({id}, {id}, 1, {id}, 1, {id}, {id}, {bytes}, {hash}, {hash}, {outcome}, 1, 1);\n\
         INSERT INTO bare.case_file (office, id, case_no, state, rev, is_open, snapshot, updated_at) \
         VALUES ({office}, {id}, {id}, 'draft', 1, 0, {snapshot}, 1);\n"
    )];
    for line in 0..lines {
        script.push(format!(
            "INSERT INTO bare.timeline (office, case_id, position, n, entry) \
             VALUES ({office}, {id}, 1, {line}, {entry});\n"
        ));
    }
    script.push(format!(
        "UPDATE bare.head SET seq = seq + 1, hash = {hash} WHERE device = 'C' || :client_id;\n\
         UPDATE bare.counter SET position = position + 1 WHERE office = {office};\n\
         INSERT INTO bare.feed SELECT office, position, 'case', {id} FROM bare.counter WHERE office = {office};\n\
         COMMIT;\n"
    ));
    Ok(script.concat())
}

/// Sixteen desks write `plan.feed_ops` ops through two servers while others read: what each reader has seen in the end beside
/// what is there.
pub fn feed(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let cluster = Cluster::start()?;
    let office = Office::open_shared(&folder.path().join("office"), 1, database(&cluster))?;
    let address = address(&office)?;
    let mut desks = Vec::new();
    for seed in 0..WRITERS + READERS {
        let code = office.enrol_code(BRANCH)?;
        desks.push(Device::enrol(address, &code, "agent1", seed + 400)?);
    }
    let readers: Vec<Device> = desks.split_off(usize::try_from(WRITERS).unwrap_or(0));
    let pushes = plan.feed_ops / MAX_PUSH_OPS;
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let start = watch::monotonic_ms();
    let seen = thread::scope(|scope| {
        let writing: Vec<_> = desks
            .iter_mut()
            .zip(0_u32..)
            .map(|(desk, n)| {
                let (next, done) = (&next, &done);
                scope.spawn(move || {
                    let wrote = write(address, desk, n * 10_000_000, (next, pushes));
                    done.fetch_add(1, Ordering::SeqCst);
                    wrote
                })
            })
            .collect();
        let all = writing.len();
        let reading: Vec<_> = readers
            .iter()
            .map(|desk| {
                let done = &done;
                scope.spawn(move || read(address, desk, || done.load(Ordering::SeqCst) == all))
            })
            .collect();
        for thread in writing {
            joined(thread.join())?;
        }
        reading
            .into_iter()
            .map(|thread| joined(thread.join()))
            .collect::<Result<Vec<HashSet<String>>, Failure>>()
    })?;
    let took_s = (watch::monotonic_ms() - start) / 1e3;
    let ops = pushes * MAX_PUSH_OPS;
    judge(&mut connect(&cluster)?, &seen, ops, took_s)
}

fn joined<T>(thread: thread::Result<Result<T, Failure>>) -> Result<T, Failure> {
    thread.map_err(|_| Failure::new("a desk fell"))?
}

fn judge(
    client: &mut Client,
    seen: &[HashSet<String>],
    ops: usize,
    took_s: f64,
) -> Result<Vec<Figure>, Failure> {
    let there = client
        .query("SELECT id FROM case_file", &[])
        .map_err(Failure::at("list the cases"))?;
    if there.len() < ops / OPS {
        let made = there.len();
        return Err(Failure::new(format!("void: {ops} ops, {made} cases")));
    }
    let missed: usize = seen
        .iter()
        .map(|seen| {
            let missing = |row: &&postgres::Row| !seen.contains(row.get::<_, &str>(0));
            there.iter().filter(missing).count()
        })
        .sum();
    let count = fill::count;
    Ok(vec![
        Figure {
            holds: missed == 0,
            ..Figure::of_number(
                "feed",
                format!(
                    "missed by {} readers of {} cases, {WRITERS} writers, two servers",
                    seen.len(),
                    there.len()
                ),
                "cases",
                count(missed),
                1.0,
            )
        },
        Figure::at_least(
            "feed",
            format!("{ops} ops on PostgreSQL while they are read"),
            "ops/s",
            count(ops) / took_s,
            0.0,
        ),
    ])
}

/// Full pushes until all of them are made; who is turned away for a moment comes again.
fn write(
    address: SocketAddr,
    desk: &mut Device,
    mut cases: u32,
    (next, pushes): (&AtomicUsize, usize),
) -> Result<(), Failure> {
    let mut wire = Wire::to(address)?;
    while next.fetch_add(1, Ordering::SeqCst) < pushes {
        let body = desk.next_batch(&mut cases, MAX_PUSH_OPS / OPS, OPS - 1)?;
        let reply = wire.until_taken(&post("/v1/sync/push", &desk.token, &body))?;
        applied(&reply, MAX_PUSH_OPS)?;
    }
    Ok(())
}

/// Reads from the first position to the last one that is there when nobody writes any more. Positions only go forward.
fn read(
    address: SocketAddr,
    desk: &Device,
    is_over: impl Fn() -> bool,
) -> Result<HashSet<String>, Failure> {
    let mut wire = Wire::to(address)?;
    let mut seen = HashSet::new();
    let mut cursor = 0;
    loop {
        // Asked before the page is: what was written until then is on it or behind it.
        let over = is_over();
        let path = format!("/v1/sync/pull?scope={BRANCH}&cursor={cursor}&wait_ms=0&limit=200");
        let reply = wire.until_taken(&get(&path, &desk.token))?;
        let page: Value = serde_json::from_slice(&reply).map_err(Failure::at("read a page"))?;
        let changes = page["changes"].as_array().map_or(&[][..], Vec::as_slice);
        let ids = changes
            .iter()
            .filter_map(|change| change.pointer("/case/id")?.as_str());
        seen.extend(ids.map(str::to_owned));
        let after = page["cursor"].as_u64().unwrap_or(0);
        if after < cursor || (after == cursor && !changes.is_empty()) {
            return Err(Failure::new(format!("void: from {cursor} to {after}")));
        }
        cursor = after;
        if over && changes.is_empty() {
            return Ok(seen);
        }
    }
}
