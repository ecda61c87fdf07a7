//! G9 and G11: what a sync costs the office that has nothing new, or a hundred new things, at two sizes of its history.

use crate::figure::{Figure, Round, slope};
use crate::office::{applied, server_pid};
use crate::signer::{Device, Wire, get, post};
use crate::{Plan, fill, watch};
use desk_protocol::MAX_PUSH_OPS;
use desk_tests::Failure;
use desk_tests::office::{BRANCH, Office};
use desk_tests::programs::repository;
use serde_json::Value;
use std::net::SocketAddr;

/// Questions of one block: CPU time comes in ticks of 10 ms.
const ASKED: usize = 2_000;
const PAGES: usize = 300;
const CHANGED: usize = 100;
/// Raise it when an older server's data is not to be used again.
const GENERATION: u32 = 1;
const FIRST_PAGE_MS: f64 = 1_000.0;

/// An office with a history, and one desk that has all of it.
struct Filled {
    cases: usize,
    office: Office,
    pid: u32,
    address: SocketAddr,
    device: Device,
    cursor: u64,
}

/// Measures both sizes.
pub fn figures(plan: &Plan, small: usize, large: usize) -> Result<Vec<Figure>, Failure> {
    let small = filled(small)?;
    let large = filled(large)?;
    let (mut nothing, mut hundred, mut first) = (vec![], vec![], vec![]);
    for round in 0..=plan.rounds {
        let a = small.nothing_new()?;
        let b = large.nothing_new()?;
        let c = small.changed()?;
        let d = large.changed()?;
        let page = large.first_page()?;
        if round > 0 {
            nothing.push(Round { ours: b, limit: a });
            hundred.push(Round { ours: d, limit: c });
            first.push(page);
        }
    }
    let sizes = format!("at {} / at {} cases", large.cases, small.cases);
    let flat = Figure::of_rounds(
        "G11",
        format!("nothing new, server CPU a question, {sizes}"),
        "ms",
        1.2,
        &nothing,
    );
    let slope = slope((small.cases, flat.limit), (large.cases, flat.value));
    Ok(vec![
        flat,
        Figure::of_number("G11", "log-log slope of it over the size", "", slope, 0.1),
        Figure::of_rounds(
            "G11",
            format!("{CHANGED} cases changed, server CPU a pull, {sizes}"),
            "ms",
            1.2,
            &hundred,
        ),
        Figure::of_number(
            "G11",
            format!("first page of a first fill at {}, wall", large.cases),
            "ms",
            crate::figure::median(&first),
            FIRST_PAGE_MS,
        ),
    ])
}

/// An office of so many cases under `target/bench`; an earlier run's is used again.
fn filled(cases: usize) -> Result<Filled, Failure> {
    let folder = repository().join(format!("target/bench/office-{GENERATION}-{cases}"));
    let complete = folder.join("complete");
    if folder.exists() && !complete.is_file() {
        std::fs::remove_dir_all(&folder).map_err(Failure::at("remove half a fill"))?;
    }
    let office = Office::open(&folder.join("office"), 1)?;
    let pid = server_pid()?;
    let address = office
        .url()
        .trim_start_matches("http://")
        .parse()
        .map_err(Failure::at("read the address"))?;
    let seed = u64::try_from(watch::now()).unwrap_or(1) & 0xffff_ffff;
    let mut device = Device::enrol(address, &office.enrol_code(BRANCH)?, "agent1", seed)?;
    if !complete.is_file() {
        fill_office(&mut device, address, cases)?;
        std::fs::write(&complete, b"").map_err(Failure::at("mark the fill"))?;
    }
    let mut filled = Filled {
        cases,
        office,
        pid,
        address,
        device,
        cursor: 0,
    };
    // The hundred that changed are the newest hundred cases: a cursor just below them.
    let body = filled.device.next_batch(&mut 0, CHANGED, 0)?;
    let top = filled.top()?;
    let mut wire = Wire::to(address)?;
    applied(
        &wire.exchange(&post("/v1/sync/push", &filled.device.token, &body))?,
        CHANGED,
    )?;
    filled.cursor = top;
    Ok(filled)
}

fn fill_office(device: &mut Device, address: SocketAddr, cases: usize) -> Result<(), Failure> {
    let mut wire = Wire::to(address)?;
    let mut made = 0;
    let at_once = MAX_PUSH_OPS / 4;
    while usize::try_from(made).is_ok_and(|made| made < cases) {
        let body = device.next_batch(&mut made, at_once, 3)?;
        wire.exchange(&post("/v1/sync/push", &device.token, &body))?;
    }
    Ok(())
}

impl Filled {
    fn pull(&self, wire: &mut Wire, cursor: u64) -> Result<Value, Failure> {
        let path = format!("/v1/sync/pull?scope={BRANCH}&cursor={cursor}&wait_ms=0&limit=200");
        let reply = wire.exchange(&get(&path, &self.device.token))?;
        serde_json::from_slice(&reply).map_err(Failure::at("read a page"))
    }

    /// Where the feed stands now: the position that a first fill is true at.
    fn top(&self) -> Result<u64, Failure> {
        let mut wire = Wire::to(self.address)?;
        let path = format!("/v1/sync/snapshot?scope={BRANCH}&limit=1");
        let reply = wire.exchange(&get(&path, &self.device.token))?;
        let reply: Value = serde_json::from_slice(&reply).map_err(Failure::at("read a fill"))?;
        reply["position"]
            .as_u64()
            .ok_or_else(|| Failure::new("a fill without its position"))
    }

    fn nothing_new(&self) -> Result<f64, Failure> {
        let top = self.top()?;
        self.cpu(ASKED, |wire| {
            let page = self.pull(wire, top)?;
            void_unless(page["changes"].as_array().is_some_and(Vec::is_empty), &page)
        })
    }

    fn changed(&self) -> Result<f64, Failure> {
        self.cpu(PAGES, |wire| {
            let page = self.pull(wire, self.cursor)?;
            let many = page["changes"].as_array().map_or(0, Vec::len);
            void_unless(many == CHANGED, &page)
        })
    }

    fn cpu(
        &self,
        times: usize,
        ask: impl Fn(&mut Wire) -> Result<(), Failure>,
    ) -> Result<f64, Failure> {
        let mut wire = Wire::to(self.address)?;
        let before = watch::cpu_of(self.pid)?;
        for _ in 0..times {
            ask(&mut wire)?;
        }
        Ok((watch::cpu_of(self.pid)? - before) / fill::count(times))
    }

    fn first_page(&self) -> Result<f64, Failure> {
        let mut wire = Wire::to(self.address)?;
        let request = get(
            &format!("/v1/sync/snapshot?scope={BRANCH}&limit=200"),
            &self.device.token,
        );
        let (reply, spent) = watch::measure(|| wire.exchange(&request));
        let page: Value = serde_json::from_slice(&reply?).map_err(Failure::at("read a fill"))?;
        void_unless(
            page["changes"]
                .as_array()
                .is_some_and(|all| all.len() == 200),
            &page,
        )?;
        Ok(spent.wall_ms)
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        self.office.stop();
    }
}

fn void_unless(good: bool, page: &Value) -> Result<(), Failure> {
    if good {
        return Ok(());
    }
    let text: String = page.to_string().chars().take(300).collect();
    Err(Failure::new(format!("void: {text}")))
}
