//! How long one op is under way: to the server and back, and to another desk's screen. Durable on both sides.

use crate::figure::{Figure, quantile};
use crate::signer::{Device, Wire, post};
use crate::station::Station;
use crate::{Plan, fill, watch};
use desk_domain::field::FieldKey;
use desk_tests::Failure;
use desk_tests::office::{BRANCH, Office};
use std::net::SocketAddr;

/// Round trips; a p99 below a thousand samples says nothing.
const TRIPS: u32 = 1_000;
/// Edits that another desk waits for; each may wait for the next look at the counters.
const EDITS: usize = 200;
const TRIP_MS: f64 = 15.0;
const VISIBLE_MS: f64 = 300.0;

/// Measures both.
pub fn figures(_: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let trips = round_trips(&office)?;
    let seen = edits_seen(folder.path(), &office)?;
    let figure =
        |name: String, value: f64, limit: f64| Figure::of_number("sync", name, "ms", value, limit);
    Ok(vec![
        figure(
            format!("one op to COMMIT and back, wall p50 of {}", trips.len()),
            quantile(&trips, 0.5),
            TRIP_MS,
        ),
        figure(
            "edit until another desk has it on disk, wall p50".to_owned(),
            quantile(&seen, 0.5),
            VISIBLE_MS,
        ),
        figure(
            format!("the same, wall p95 of {}", seen.len()),
            quantile(&seen, 0.95),
            VISIBLE_MS,
        ),
    ])
}

fn round_trips(office: &Office) -> Result<Vec<f64>, Failure> {
    let address: SocketAddr = office
        .url()
        .trim_start_matches("http://")
        .parse()
        .map_err(Failure::at("read the address"))?;
    let mut device = Device::enrol(address, &office.enrol_code(BRANCH)?, "agent1", 77)?;
    let mut wire = Wire::to(address)?;
    let mut trips = Vec::new();
    for number in 0..TRIPS {
        let body = device.next_case(number + 1, 0)?;
        let request = post("/v1/sync/push", &device.token, &body);
        let (reply, spent) = watch::measure(|| wire.exchange(&request));
        crate::office::applied(&reply?, 1)?;
        trips.push(spent.wall_ms);
    }
    Ok(trips)
}

fn edits_seen(folder: &std::path::Path, office: &Office) -> Result<Vec<f64>, Failure> {
    let mut author = Station::enrol(&folder.join("author"), office)?;
    let mut reader = Station::enrol(&folder.join("reader"), office)?;
    author.start(office.url())?;
    reader.start(office.url())?;
    let case = author.new_case(1)?;
    reader.until("the case is there", |store, _| {
        let view = store.case_view(case).map_err(Failure::at("look"))?;
        Ok(view.is_some())
    })?;
    let mut seen = Vec::new();
    for edit in 0..EDITS {
        let start = watch::monotonic_ms();
        let op = author.set_field(case, FieldKey::RequestWords, &format!("示例第 {edit} 次"))?;
        reader.until("the edit is there", |store, touched| {
            if !touched.cases.contains(&case) {
                return Ok(false);
            }
            let view = store.case_view(case).map_err(Failure::at("look"))?;
            let field =
                view.and_then(|view| view.case.fields.get(&FieldKey::RequestWords).cloned());
            Ok(field.is_some_and(|field| field.rev == op))
        })?;
        seen.push(watch::monotonic_ms() - start);
    }
    Ok(seen)
}
