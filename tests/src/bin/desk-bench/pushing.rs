//! G7, G8: ten thousand records pushed in full batches with everything on, beside a floor that writes the same rows (ADR 29)
//! and beside bare multi-row inserts of the same bytes.

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
pub const OPS: usize = 4;
/// Of one round.
pub const RECORDS: usize = 10_000;
/// G8 on SQLite: at least so much of the rate of the same rows.
const OF_THE_LIMIT: f64 = 0.5;
/// What that left for a record beside 12,000 rows a second (`performance.md`), ms.
const OWN_MS: f64 = (1.0 / OF_THE_LIMIT - 1.0) / 12.0;
/// CPU of a record at the peer that is the fastest (`performance.md`: 0.07 ms, times two).
const CPU_MS: f64 = 0.14;
/// Wall time of a record at that peer: 9,990 records a second.
const WALL_MS: f64 = 1.0 / 9.99;

/// What one side gave, round by round.
#[derive(Default)]
pub struct Beside {
    pub cpu: Vec<Round>,
    pub wall: Vec<Round>,
}

impl Beside {
    pub fn add(&mut self, ours: &watch::Spent, limit: &watch::Spent) {
        self.cpu.push(Round {
            ours: ours.cpu_ms,
            limit: limit.cpu_ms,
        });
        self.wall.push(Round {
            ours: ours.wall_ms,
            limit: limit.wall_ms,
        });
    }
}

/// Measures the pushes.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let (floor_db, office_db) = (
        folder.path().join("floor.db"),
        folder.path().join("office/office.db"),
    );
    let office = Office::open(&folder.path().join("office"), 1)?;
    let address: SocketAddr = office
        .url()
        .trim_start_matches("http://")
        .parse()
        .map_err(Failure::at("read the address"))?;
    let server = server_pid()?;
    let mut device = Device::enrol(address, &office.enrol_code(BRANCH)?, "agent1", 5)?;
    let mut cases = 0;
    let ours = |bodies: &[Vec<u8>], token: &str| {
        drive(server, address, ("/v1/sync/push", token), bodies, true)
    };
    // The floor takes the length of its rows from a case of ours.
    let warm = bodies(&mut device, &mut cases)?;
    ours(&warm, &device.token)?;
    let (floor, bare) = start_floor(&floor_db, Some(&office_db))?;
    let limit = |path: &str, bodies: &[Vec<u8>], pass: &str| {
        drive(floor.pid(), bare, (path, pass), bodies, false)
    };
    limit("/same", &warm, &device.key_hex)?;
    limit("/batch", &warm, "")?;
    let (mut same, mut rows) = (Beside::default(), Beside::default());
    for _ in 0..plan.rounds {
        let bodies = bodies(&mut device, &mut cases)?;
        let ours = ours(&bodies, &device.token)?;
        same.add(&ours, &limit("/same", &bodies, &device.key_hex)?);
        rows.add(&ours, &limit("/batch", &bodies, "")?);
    }
    check(&office_db, plan.rounds)?;
    check(&floor_db.with_extension("same"), plan.rounds)?;
    Ok(judge(&same, &rows))
}

/// Full pushes of one round, with new cases.
pub fn bodies(device: &mut Device, cases: &mut u32) -> Result<Vec<Vec<u8>>, Failure> {
    (0..RECORDS / MAX_PUSH_OPS)
        .map(|_| device.next_batch(cases, MAX_PUSH_OPS / OPS, OPS - 1))
        .collect()
}

fn judge(same: &Beside, rows: &Beside) -> Vec<Figure> {
    let free = f64::INFINITY;
    let name = "same rows, signature checked, 500 a transaction";
    let figures = [
        (
            "G8",
            format!("wall a record / {name}"),
            1.0 / OF_THE_LIMIT,
            &same.wall,
        ),
        ("G8", format!("CPU a record / {name}"), free, &same.cpu),
        (
            "G8",
            "wall a record / bare rows, 500 a transaction".to_owned(),
            free,
            &rows.wall,
        ),
        (
            "G7",
            "CPU a record / bare rows, 500 a transaction".to_owned(),
            free,
            &rows.cpu,
        ),
    ];
    let figures =
        figures.map(|(goal, name, target, of)| Figure::of_rounds(goal, name, "ms", target, of));
    let [wall, _, _, cpu] = &figures;
    let peers = [
        Figure::of_number(
            "G7",
            "CPU a record beside the fastest peer's, twice",
            "ms",
            cpu.value,
            CPU_MS,
        ),
        Figure::of_number(
            "G7",
            "wall a record beside the fastest peer's",
            "ms",
            wall.value,
            WALL_MS,
        ),
    ];
    let own = own_work("SQLite", wall, OWN_MS);
    peers.into_iter().chain(figures).chain([own]).collect()
}

/// What a record costs beyond its rows, beside what the goal left for that when it was written (ADR 30).
pub fn own_work(database: &str, wall: &Figure, limit: f64) -> Figure {
    let name = format!("{database}: own work on a record, beyond the rows themselves");
    Figure::of_number("G8", name, "ms", wall.value - wall.limit, limit)
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

/// Sends pushes one after the other over one connection; what each record costs.
pub fn drive(
    pid: u32,
    address: SocketAddr,
    (path, pass): (&str, &str),
    bodies: &[Vec<u8>],
    checked: bool,
) -> Result<watch::Spent, Failure> {
    let requests: Vec<Vec<u8>> = bodies.iter().map(|body| post(path, pass, body)).collect();
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
