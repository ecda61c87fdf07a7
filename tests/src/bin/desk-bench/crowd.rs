//! A crowd comes back: hundreds of desks that were away reconnect at once, each with two hundred ops. How long until all is
//! stored, how long one push waits, and what the server's memory comes to.

use crate::figure::{Figure, quantile};
use crate::office::{applied, server_pid};
use crate::signer::{Device, Wire, get, post};
use crate::{Plan, fill, raw, watch};
use desk_tests::Failure;
use desk_tests::office::{BRANCH, Office};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

/// A case and its three fields: so many ops.
const OPS: usize = 4;
/// Ops that each desk brings.
const BACKLOG: usize = 200;
/// The goals: all of it stored, one push answered, and memory, in seconds and MB.
const DRAINED_S: f64 = 60.0;
const PUSH_S: f64 = 5.0;
const MEMORY_MB: f64 = 500.0;
/// G16: what is left when it is over.
const AFTER_MB: f64 = 60.0;
/// After it is over: a moment later.
const REST: Duration = Duration::from_secs(1);
/// Flat: a second crowd leaves no more behind than the first, but for what the clock of the allocator makes of it.
const FLAT: f64 = 1.2;
/// Stack of a desk's thread: it holds a request and a reply.
const STACK: usize = 256 * 1024;

/// Measures `plan.desks` of them, once.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let address: SocketAddr = office
        .url()
        .trim_start_matches("http://")
        .parse()
        .map_err(Failure::at("read the address"))?;
    let server = server_pid()?;
    let (mut desks, mut again) = (Vec::new(), Vec::new());
    let mut cases = 0;
    for seed in 0..plan.desks {
        let code = office.enrol_code(BRANCH)?;
        let mut device = Device::enrol(address, &code, "agent1", u64::from(seed) + 1_000)?;
        for crowd in [&mut desks, &mut again] {
            let body = device.next_batch(&mut cases, BACKLOG / OPS, OPS - 1)?;
            crowd.push((device.token.clone(), body));
        }
    }
    let start = watch::monotonic_ms();
    let waits = all_at_once(address, &desks)?;
    let drained_s = (watch::monotonic_ms() - start) / 1e3;
    let status = format!("/proc/{server}/status");
    let most_mb = watch::most_memory_mb(Path::new(&status))?;
    let rest = || thread::sleep(REST);
    rest();
    let after_mb = watch::tree_pss(server);
    all_at_once(address, &again)?;
    rest();
    let second_mb = watch::tree_pss(server);
    drop(office);
    stored(&folder.path().join("office/office.db"), 2 * desks.len())?;
    let crowd = desks.len();
    Ok(vec![
        Figure::of_number(
            "crowd",
            format!("{crowd} desks with {BACKLOG} ops each: all stored after"),
            "s",
            drained_s,
            DRAINED_S,
        ),
        Figure::of_number(
            "crowd",
            "one push, 99th of a hundred",
            "s",
            quantile(&waits, 0.99),
            PUSH_S,
        ),
        Figure::of_number(
            "crowd",
            "the server's memory at its most",
            "MB",
            most_mb,
            MEMORY_MB,
        ),
        Figure::of_number(
            "G16",
            "the server's memory afterwards",
            "MB",
            after_mb,
            AFTER_MB,
        ),
        Figure::of_number(
            "G16",
            "the same after a second crowd, beside after the first",
            "MB",
            second_mb,
            after_mb * FLAT,
        ),
    ])
}

/// Every desk on a connection and a thread of its own, let go together; seconds that each push took.
fn all_at_once(address: SocketAddr, desks: &[(String, Vec<u8>)]) -> Result<Vec<f64>, Failure> {
    let gate = Barrier::new(desks.len());
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (token, body) in desks {
            let gate = &gate;
            let thread = thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, move || {
                    gate.wait();
                    come_back(address, token, body)
                })
                .map_err(Failure::at("start a desk"))?;
            threads.push(thread);
        }
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Failure::new("a desk fell"))?)
            .collect()
    })
}

fn come_back(address: SocketAddr, token: &str, body: &[u8]) -> Result<f64, Failure> {
    let mut wire = Wire::to(address)?;
    let start = watch::monotonic_ms();
    let reply = wire.exchange(&post("/v1/sync/push", token, body))?;
    let took_s = (watch::monotonic_ms() - start) / 1e3;
    applied(&reply, BACKLOG)?;
    // What it missed meanwhile is asked for as well: a page of the feed.
    let pull = format!("/v1/sync/pull?scope={BRANCH}&cursor=0");
    wire.exchange(&get(&pull, token))?;
    Ok(took_s)
}

/// A fast wrong push is void: every op of every desk is in the office's log.
fn stored(db: &Path, desks: usize) -> Result<(), Failure> {
    let stored: i64 = raw::plain(db)?
        .query_row("SELECT count(*) FROM journal", [], |row| row.get(0))
        .map_err(Failure::at("count the ops"))?;
    let wanted = desks * BACKLOG;
    if usize::try_from(stored).is_ok_and(|stored| stored >= wanted) {
        return Ok(());
    }
    Err(Failure::new(format!("void: {wanted} ops, {stored} stored")))
}
