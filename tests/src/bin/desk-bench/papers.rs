//! G4: what a document costs the server, and that its memory does not grow with the file.

use crate::figure::{Figure, Round, median};
use crate::office::server_pid;
use crate::station::Station;
use crate::{Plan, fill, watch};
use desk_tests::Failure;
use desk_tests::office::Office;
use sha2::{Digest, Sha256};
use std::path::Path;

const MIB: usize = 1024 * 1024;
/// Documents of one round, of either size.
const MANY: usize = 16;
const LARGE: usize = 20;
/// The most memory after documents of 20 MiB beside that after documents of 1 MiB.
const FLAT: f64 = 1.1;

/// Measures both sizes, the small ones first: the most memory that a process ever had only grows.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let server = server_pid()?;
    let mut desk = Station::enrol(&folder.path().join("desk"), &office)?;
    let status = format!("/proc/{server}/status");
    let mut small = vec![];
    for round in 0..=plan.rounds {
        let ours = upload(&mut desk, (&office, server), MANY, MIB)?;
        let limit = hashed(MANY, MIB);
        if round > 0 {
            small.push(Round { ours, limit });
        }
    }
    let after_small = watch::most_memory_mb(Path::new(&status))?;
    let mut large = vec![];
    for _ in 0..plan.rounds {
        let cpu_ms = upload(&mut desk, (&office, server), 4, LARGE * MIB)?;
        large.push(cpu_ms / fill::count(LARGE));
    }
    let after_large = watch::most_memory_mb(Path::new(&status))?;
    Ok(vec![
        Figure::of_rounds(
            "G4",
            "server CPU a document of 1 MiB / SHA-256 of it alone",
            "ms",
            f64::INFINITY,
            &small,
        ),
        Figure::of_number(
            "G4",
            "server CPU a MiB of documents of 20 MiB beside those of 1 MiB",
            "ms",
            median(&large),
            small.iter().map(|round| round.ours).fold(0.0, f64::max),
        ),
        Figure::of_number(
            "G4",
            "the server's memory at its most, after 20 MiB / after 1 MiB",
            "MB",
            after_large,
            after_small * FLAT,
        ),
    ])
}

/// CPU of the server's tree for each document, from the desk's sealed file to the object store.
fn upload(
    desk: &mut Station,
    (office, server): (&Office, u32),
    many: usize,
    bytes: usize,
) -> Result<f64, Failure> {
    let case = desk.new_case(1)?;
    for _ in 0..many {
        desk.attach(case, bytes)?;
    }
    let before = watch::tree_cpu(server);
    desk.start(office.url())?;
    desk.until_moved()?;
    let cpu_ms = watch::tree_cpu(server) - before;
    desk.stop();
    Ok(cpu_ms / fill::count(many))
}

/// What nobody who vouches for the bytes can do without.
fn hashed(many: usize, bytes: usize) -> f64 {
    let content = vec![0x5a; bytes];
    let ((), spent) = watch::measure(|| {
        for _ in 0..many {
            std::hint::black_box(Sha256::digest(&content));
        }
    });
    spent.cpu_ms / fill::count(many)
}
