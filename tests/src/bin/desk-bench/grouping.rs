//! G2: thirty-two desks that write at once, beside a floor that shares its commits as we do. Nobody is answered before the
//! fsync that holds his work, on either side.

use crate::figure::{Figure, Round};
use crate::office::{Sent, Target, bodies, check, drive, server_pid, start_floor};
use crate::signer::Device;
use crate::{Plan, fill};
use desk_tests::Failure;
use desk_tests::office::{BRANCH, Office};

const CONNECTIONS: u64 = 32;
/// Requests of one connection in one round; before the first round.
const REQUESTS: u32 = 100;
const WARM: u32 = 10;
/// At least so much of the floor's rate.
const PART: f64 = 0.6;

/// Measures one case a request.
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
    };
    let mut devices = Vec::new();
    for seed in 0..CONNECTIONS {
        let code = office.enrol_code(BRANCH)?;
        devices.push(Device::enrol(address, &code, "agent1", seed + 100)?);
    }
    let floor_db = folder.path().join("floor.db");
    let (floor, floor_address) = start_floor(&floor_db)?;
    let bare = Target {
        pid: floor.pid(),
        address: floor_address,
    };
    let mut sent = Sent::default();
    let (mut wall, mut cpu) = (vec![], vec![]);
    for round in 0..=plan.rounds {
        let requests = if round == 0 { WARM } else { REQUESTS };
        let bodies = bodies(&mut devices, requests, 0, &mut sent)?;
        let a = drive(&ours, "/v1/sync/push", &devices, &bodies, 1)?;
        let b = drive(&bare, "/grouped", &devices, &bodies, 0)?;
        if round > 0 {
            wall.push(Round {
                ours: a.wall_ms,
                limit: b.wall_ms,
            });
            cpu.push(Round {
                ours: a.cpu_ms,
                limit: b.cpu_ms,
            });
        }
    }
    drop(floor);
    drop(office);
    check(&floor_db, &folder.path().join("office/office.db"), &sent)?;
    let name = format!("wall a case at {CONNECTIONS} connections / floor's group commit");
    Ok(vec![
        Figure::of_rounds("G2", name, "ms", 1.0 / PART, &wall),
        Figure::of_rounds(
            "G2",
            "CPU a case / floor's group commit",
            "ms",
            f64::INFINITY,
            &cpu,
        ),
    ])
}
