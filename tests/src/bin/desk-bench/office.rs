//! G1: create one case over HTTP with everything on, beside the floor; CPU of the server process for each request.

use crate::figure::{Figure, Round};
use crate::signer::{Device, Wire, post};
use crate::{Plan, fill, raw, watch};
use desk_tests::Failure;
use desk_tests::office::{BRANCH, Office};
use desk_tests::programs::Running;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

const CONNECTIONS: u64 = 8;
/// Requests of one connection in one round.
const REQUESTS: u32 = 500;
/// Before the first round.
const WARM: u32 = 50;

/// Measures a bare case, then one with three fields.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let address: SocketAddr = office
        .url()
        .trim_start_matches("http://")
        .parse()
        .map_err(Failure::at("read the address"))?;
    let server = server_pid()?;
    let mut devices = Vec::new();
    for seed in 0..CONNECTIONS {
        let code = office.enrol_code(BRANCH)?;
        devices.push(Device::enrol(address, &code, "agent1", seed + 1)?);
    }
    let floor_db = folder.path().join("floor.db");
    let (floor, floor_address) = start_floor(&floor_db, None)?;
    let mut sent = Sent::default();
    let mut figures = Vec::new();
    let ours = Target {
        pid: server,
        address,
        pass: token,
    };
    let bare = Target {
        pid: floor.pid(),
        address: floor_address,
        pass: token,
    };
    for (fields, target, name) in [
        (0, 3.0, "one case, one op"),
        (3, f64::INFINITY, "one case, three fields, four ops"),
    ] {
        let mut cpu = Vec::new();
        let mut rate = Vec::new();
        for round in 0..=plan.rounds {
            let requests = if round == 0 { WARM } else { REQUESTS };
            let bodies = bodies(&mut devices, requests, fields, &mut sent)?;
            let a = drive(&ours, "/v1/sync/push", &devices, &bodies, fields + 1)?;
            let b = drive(&bare, "/ticket", &devices, &bodies, 0)?;
            if round > 0 {
                cpu.push(Round {
                    ours: a.cpu_ms,
                    limit: b.cpu_ms,
                });
                rate.push(Round {
                    ours: a.wall_ms,
                    limit: b.wall_ms,
                });
            }
        }
        let title = format!("{name}: server CPU a request / floor, same bytes");
        figures.push(Figure::of_rounds("G1", title, "ms", target, &cpu));
        let title = format!("{name}: wall a request at {CONNECTIONS} connections");
        figures.push(Figure::of_rounds("G1", title, "ms", f64::INFINITY, &rate));
    }
    drop(floor);
    drop(office);
    check(&floor_db, &folder.path().join("office/office.db"), &sent)?;
    Ok(figures)
}

pub struct Target {
    pub pid: u32,
    pub address: SocketAddr,
    /// What it wants of a device beside the body.
    pub pass: fn(&Device) -> &str,
}

/// What an office wants.
pub fn token(device: &Device) -> &str {
    &device.token
}

/// What went out, to be compared with what is stored.
#[derive(Default)]
pub struct Sent {
    pub requests: u32,
    pub ops: usize,
}

pub type Bodies = Vec<Vec<Vec<u8>>>;

pub fn bodies(
    devices: &mut [Device],
    requests: u32,
    fields: usize,
    sent: &mut Sent,
) -> Result<Bodies, Failure> {
    let mut all = Vec::new();
    for device in devices {
        let mut own = Vec::new();
        for _ in 0..requests {
            sent.requests += 1;
            sent.ops += fields + 1;
            own.push(device.next_case(sent.requests, fields)?);
        }
        all.push(own);
    }
    Ok(all)
}

/// Sends all of it, one connection a device, and returns what each request cost.
pub fn drive(
    target: &Target,
    path: &str,
    devices: &[Device],
    bodies: &Bodies,
    outcomes: usize,
) -> Result<watch::Spent, Failure> {
    let requests: Vec<Vec<Vec<u8>>> = bodies
        .iter()
        .zip(devices)
        .map(|(bodies, device)| {
            bodies
                .iter()
                .map(|body| post(path, (target.pass)(device), body))
                .collect()
        })
        .collect();
    let before = watch::cpu_of(target.pid)?;
    let start = watch::monotonic_ms();
    let replies = thread::scope(|scope| {
        let threads: Vec<_> = requests
            .iter()
            .map(|requests| scope.spawn(|| converse(target.address, requests)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_| Failure::new("a connection fell"))?
            })
            .collect::<Result<Vec<_>, Failure>>()
    })?;
    let wall_ms = watch::monotonic_ms() - start;
    let cpu_ms = watch::cpu_of(target.pid)? - before;
    let mut many = 0.0;
    for reply in replies.iter().flatten() {
        many += 1.0;
        applied(reply, outcomes)?;
    }
    Ok(watch::Spent {
        wall_ms: wall_ms / many,
        cpu_ms: cpu_ms / many,
    })
}

fn converse(address: SocketAddr, requests: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut wire = Wire::to(address)?;
    requests
        .iter()
        .map(|request| wire.exchange(request))
        .collect()
}

/// A fast refusal is void.
pub fn applied(reply: &[u8], outcomes: usize) -> Result<(), Failure> {
    if outcomes == 0 {
        return Ok(());
    }
    let reply: Value = serde_json::from_slice(reply).map_err(Failure::at("read a reply"))?;
    let list = reply.get("outcomes").and_then(Value::as_array);
    let good = list.map_or(0, |list| {
        list.iter()
            .filter(|one| one.pointer("/outcome/is").and_then(Value::as_str) == Some("applied"))
            .count()
    });
    if good == outcomes {
        return Ok(());
    }
    Err(Failure::new(format!("void: not applied: {reply}")))
}

/// Every request is a row on both sides, after both servers were killed.
pub fn check(floor: &Path, office: &Path, sent: &Sent) -> Result<(), Failure> {
    let count = |path: &Path, sql: &str| -> Result<i64, Failure> {
        raw::plain(path)?
            .query_row(sql, [], |row| row.get(0))
            .map_err(Failure::at("count rows"))
    };
    let tickets = count(floor, "SELECT count(*) FROM ticket")?;
    let created = count(office, "SELECT count(*) FROM case_file")?;
    let ops = count(office, "SELECT count(*) FROM journal")?;
    let enough = |rows: i64, wanted: usize| usize::try_from(rows).is_ok_and(|rows| rows >= wanted);
    let wanted = usize::try_from(sent.requests).unwrap_or(usize::MAX);
    if enough(tickets, wanted) && enough(created, wanted) && enough(ops, sent.ops) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "void: {wanted} requests, {tickets} tickets, {created} cases, {ops} ops"
    )))
}

pub fn start_floor(db: &Path, like: Option<&Path>) -> Result<(Running, SocketAddr), Failure> {
    let own = std::env::current_exe().map_err(Failure::at("find the bench"))?;
    let mut command = Command::new(own);
    command
        .arg("floor")
        .arg(db)
        .args(like)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut floor = Running::start(&mut command)?;
    let pipe = floor
        .child()
        .stdout
        .take()
        .ok_or_else(|| Failure::new("the floor has no output"))?;
    let mut line = String::new();
    BufReader::new(pipe)
        .read_line(&mut line)
        .map_err(Failure::at("read the floor's address"))?;
    let address = line
        .trim()
        .parse()
        .map_err(Failure::at("read the floor's address"))?;
    Ok((floor, address))
}

/// The server that was started last below this process.
pub fn server_pid() -> Result<u32, Failure> {
    let own = std::process::id();
    let serves = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"serve"))
    };
    watch::tree_of(own)
        .into_iter()
        .rev()
        .find(serves)
        .ok_or_else(|| Failure::new("the server is not there"))
}
