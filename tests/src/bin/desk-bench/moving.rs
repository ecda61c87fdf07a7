//! G12: documents from the desk's sealed files into the office's object store, beside bare durable file writes.

use crate::figure::{Figure, Round, median};
use crate::station::Station;
use crate::{Plan, fill, watch};
use desk_tests::Failure;
use desk_tests::office::Office;
use std::fs::File;
use std::io::Write;
use std::path::Path;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// Small documents of one round.
const SMALL: usize = 120;
/// Large documents of one round, 20 MiB each.
const LARGE: usize = 4;
const LARGE_BYTES: usize = 20 * MIB;
/// MB/s of 100 KiB files up at the fastest peer, which does not make each of them durable (`performance.md`), times 0.8.
const SMALL_MB_S: f64 = 65.0 * 0.8;
const LARGE_MIB_S: f64 = 80.0;

/// Measures both sizes.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let mut desk = Station::enrol(&folder.path().join("desk"), &office)?;
    let bare = folder.path().join("bare");
    std::fs::create_dir_all(&bare).map_err(Failure::at("make a folder"))?;
    let (mut small, mut large) = (vec![], vec![]);
    for round in 0..=plan.rounds {
        let ours = upload(&mut desk, &office, SMALL, 100 * KIB)?;
        let limit = durable_files(&bare, SMALL, 100 * KIB)?;
        let big = upload(&mut desk, &office, LARGE, LARGE_BYTES)?;
        let big_limit = durable_files(&bare, LARGE, LARGE_BYTES)?;
        if round > 0 {
            small.push(Round { ours, limit });
            large.push(Round {
                ours: big,
                limit: big_limit,
            });
        }
    }
    let mb_s = rate(&small, SMALL * 100 * KIB, 1e6);
    let mib_s = rate(&large, LARGE * LARGE_BYTES, fill::count(MIB));
    Ok(vec![
        Figure::at_least(
            "G12",
            "100 KiB documents up, each durable",
            "MB/s",
            mb_s,
            SMALL_MB_S,
        ),
        Figure::of_rounds(
            "G12",
            "wall of 120 of them / bare durable files",
            "ms",
            f64::INFINITY,
            &small,
        ),
        Figure::at_least(
            "sync",
            "20 MiB documents up, each durable",
            "MiB/s",
            mib_s,
            LARGE_MIB_S,
        ),
        Figure::of_rounds(
            "sync",
            "wall of 4 of them / bare durable files",
            "ms",
            f64::INFINITY,
            &large,
        ),
    ])
}

fn rate(rounds: &[Round], bytes: usize, unit: f64) -> f64 {
    let rates: Vec<f64> = rounds
        .iter()
        .map(|round| fill::count(bytes) / unit / (round.ours / 1e3))
        .collect();
    median(&rates)
}

/// Wall time from the courier's start to the last document stored, ms.
fn upload(desk: &mut Station, office: &Office, many: usize, bytes: usize) -> Result<f64, Failure> {
    let case = desk.new_case(1)?;
    for _ in 0..many {
        desk.attach(case, bytes)?;
    }
    let start = watch::monotonic_ms();
    desk.start(office.url())?;
    desk.until_moved()?;
    let wall_ms = watch::monotonic_ms() - start;
    desk.stop();
    Ok(wall_ms)
}

/// One writer, each file synced and renamed, ms.
fn durable_files(folder: &Path, many: usize, bytes: usize) -> Result<f64, Failure> {
    let content = vec![0x5a; bytes];
    let start = watch::monotonic_ms();
    for number in 0..many {
        let part = folder.join("part");
        let mut file = File::create(&part).map_err(Failure::at("write a bare file"))?;
        file.write_all(&content)
            .and_then(|()| file.sync_all())
            .map_err(Failure::at("write a bare file"))?;
        std::fs::rename(&part, folder.join(number.to_string()))
            .map_err(Failure::at("rename a bare file"))?;
    }
    Ok(watch::monotonic_ms() - start)
}
