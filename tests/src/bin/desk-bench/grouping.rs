//! G2: thirty-two desks that write at once, beside floors that share their commits as we do: one does the work that cannot be
//! left out (ADR 29), the other writes one bare row. Nobody is answered before the fsync that holds his work, on any side.

use crate::figure::{Figure, Round};
use crate::office::{Sent, Target, bodies, check, drive, server_pid, start_floor, token};
use crate::signer::Device;
use crate::{Plan, fill, raw};
use desk_tests::Failure;
use desk_tests::office::{BRANCH, Office};
use std::path::Path;

const CONNECTIONS: u64 = 32;
/// Requests of one connection in one round; before the first round.
const REQUESTS: u32 = 100;
const WARM: u32 = 10;
/// At least so much of the floor's rate.
const PART: f64 = 0.6;

/// Measures one case a request, beside the floor that does the same work and beside the bare one.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let address = office
        .url()
        .trim_start_matches("http://")
        .parse()
        .map_err(Failure::at("read the address"))?;
    let ours = Target {
        pid: server_pid()?,
        address,
        pass: token,
    };
    let mut devices = Vec::new();
    for seed in 0..CONNECTIONS {
        let code = office.enrol_code(BRANCH)?;
        devices.push(Device::enrol(address, &code, "agent1", seed + 100)?);
    }
    let mut sent = Sent::default();
    // The floor takes the length of its rows from a case of ours.
    let warm = bodies(&mut devices, WARM, 0, &mut sent)?;
    drive(&ours, "/v1/sync/push", &devices, &warm, 1)?;
    let floor_db = folder.path().join("floor.db");
    let office_db = folder.path().join("office/office.db");
    let (floor, address) = start_floor(&floor_db, Some(&office_db))?;
    let floors = [
        ("/same", "same rows, signature checked"),
        ("/grouped", "one bare row"),
    ];
    let bare = Target {
        pid: floor.pid(),
        address,
        pass: |device| &device.key_hex,
    };
    for (path, _) in floors {
        drive(&bare, path, &devices, &warm, 0)?;
    }
    let mut spent = floors.map(|_| (vec![], vec![]));
    for _ in 0..plan.rounds {
        let bodies = bodies(&mut devices, REQUESTS, 0, &mut sent)?;
        let a = drive(&ours, "/v1/sync/push", &devices, &bodies, 1)?;
        for ((path, _), (wall, cpu)) in floors.iter().zip(&mut spent) {
            let b = drive(&bare, path, &devices, &bodies, 0)?;
            wall.push(round(a.wall_ms, b.wall_ms));
            cpu.push(round(a.cpu_ms, b.cpu_ms));
        }
    }
    drop(floor);
    drop(office);
    check(&floor_db, &office_db, &sent)?;
    check_same(&floor_db, &sent)?;
    let mut figures = Vec::new();
    for ((path, name), (wall, cpu)) in floors.iter().zip(&spent) {
        let goal = if *path == "/same" {
            1.0 / PART
        } else {
            f64::INFINITY
        };
        let wide =
            format!("wall a case at {CONNECTIONS} connections / floor's group commit, {name}");
        figures.push(Figure::of_rounds("G2", wide, "ms", goal, wall));
        let wide = format!("CPU a case / the same floor, {name}");
        figures.push(Figure::of_rounds("G2", wide, "ms", f64::INFINITY, cpu));
    }
    Ok(figures)
}

const fn round(ours: f64, limit: f64) -> Round {
    Round { ours, limit }
}

/// The floor has written what it answered.
fn check_same(floor: &Path, sent: &Sent) -> Result<(), Failure> {
    let count = |table: &str| -> Result<i64, Failure> {
        raw::plain(&floor.with_extension("same"))?
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .map_err(Failure::at("count rows"))
    };
    let (ops, cases) = (count("journal")?, count("case_file")?);
    let wanted = i64::from(sent.requests);
    if ops == wanted && cases == wanted {
        return Ok(());
    }
    let why = format!("void: {wanted} requests, {ops} ops and {cases} cases on the floor");
    Err(Failure::new(why))
}
