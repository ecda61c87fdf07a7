//! G7, G8: ten thousand records pushed in full batches with everything on, beside bare multi-row inserts of the same bytes.

use crate::figure::{Figure, Round};
use crate::office::{applied, server_pid, start_floor};
use crate::signer::{Device, Wire, post};
use crate::{Plan, fill, raw, watch};
use desk_protocol::MAX_PUSH_OPS;
use desk_tests::Failure;
use desk_tests::office::{BRANCH, Office};
use std::net::SocketAddr;
use std::path::Path;

/// A case and its three fields: so many ops.
const OPS: usize = 4;
const RECORDS: usize = 10_000;
/// G8 on SQLite: at least so much of the rate of bare rows.
const OF_THE_LIMIT: f64 = 0.5;
/// CPU of a record at the peer that is the fastest (`performance.md`: 0.07 ms, times two).
const CPU_MS: f64 = 0.14;
/// Wall time of a record at that peer: 9,990 records a second.
const WALL_MS: f64 = 1.0 / 9.99;

/// Measures the pushes.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let address: SocketAddr = office
        .url()
        .trim_start_matches("http://")
        .parse()
        .map_err(Failure::at("read the address"))?;
    let server = server_pid()?;
    let (floor, floor_address) = start_floor(&folder.path().join("floor.db"), None)?;
    let mut device = Device::enrol(address, &office.enrol_code(BRANCH)?, "agent1", 5)?;
    let (mut cpu, mut wall) = (vec![], vec![]);
    let mut cases = 0;
    for round in 0..=plan.rounds {
        let bodies = (0..RECORDS / MAX_PUSH_OPS)
            .map(|_| device.next_batch(&mut cases, MAX_PUSH_OPS / OPS, OPS - 1))
            .collect::<Result<Vec<_>, _>>()?;
        let ours = drive(
            server,
            address,
            "/v1/sync/push",
            &device.token,
            &bodies,
            true,
        )?;
        let limit = drive(floor.pid(), floor_address, "/batch", "", &bodies, false)?;
        if round > 0 {
            cpu.push(Round {
                ours: ours.cpu_ms,
                limit: limit.cpu_ms,
            });
            wall.push(Round {
                ours: ours.wall_ms,
                limit: limit.wall_ms,
            });
        }
    }
    check(&folder.path().join("office/office.db"), plan.rounds)?;
    Ok(judge(&cpu, &wall))
}

fn judge(cpu: &[Round], wall: &[Round]) -> Vec<Figure> {
    let of = Figure::of_rounds(
        "G7",
        "CPU a record / bare rows, 500 a transaction",
        "ms",
        f64::INFINITY,
        cpu,
    );
    let rate = Figure::of_rounds(
        "G8",
        "wall a record / bare rows, 500 a transaction",
        "ms",
        1.0 / OF_THE_LIMIT,
        wall,
    );
    vec![
        Figure::of_number(
            "G7",
            "CPU a record beside the fastest peer's, twice",
            "ms",
            of.value,
            CPU_MS,
        ),
        Figure::of_number(
            "G7",
            "wall a record beside the fastest peer's",
            "ms",
            rate.value,
            WALL_MS,
        ),
        of,
        rate,
    ]
}

/// A fast wrong push is void: every record is in the office's log.
fn check(db: &Path, rounds: u32) -> Result<(), Failure> {
    let stored: i64 = raw::plain(db)?
        .query_row("SELECT count(*) FROM journal", [], |row| row.get(0))
        .map_err(Failure::at("count the ops"))?;
    let wanted = RECORDS * (usize::try_from(rounds).unwrap_or(0) + 1);
    if usize::try_from(stored).is_ok_and(|stored| stored >= wanted) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "void: {wanted} records, {stored} stored"
    )))
}

fn drive(
    pid: u32,
    address: SocketAddr,
    path: &str,
    token: &str,
    bodies: &[Vec<u8>],
    checked: bool,
) -> Result<watch::Spent, Failure> {
    let requests: Vec<Vec<u8>> = bodies.iter().map(|body| post(path, token, body)).collect();
    let mut wire = Wire::to(address)?;
    let before = watch::cpu_of(pid)?;
    let start = watch::monotonic_ms();
    let replies = requests
        .iter()
        .map(|request| wire.exchange(request))
        .collect::<Result<Vec<_>, _>>()?;
    let wall_ms = watch::monotonic_ms() - start;
    let cpu_ms = watch::cpu_of(pid)? - before;
    for reply in replies.iter().filter(|_| checked) {
        applied(reply, MAX_PUSH_OPS)?;
    }
    Ok(watch::Spent {
        wall_ms: wall_ms / fill::count(RECORDS),
        cpu_ms: cpu_ms / fill::count(RECORDS),
    })
}
