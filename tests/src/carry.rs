//! One scan carried over a bad line by the whole house, watched as a person at the sync centre watches it.

use crate::Failure;
use crate::desk::TestDesk;
use crate::office::{BRANCH, Office};
use crate::papers::scan;
use crate::proxy::{Counts, Cut, Direction, Proxy, Slow, Weather};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// Side of the largest scan that a desk takes, in pixels: about 20 MB.
pub const LARGEST_PX: u32 = 2_580;
/// Longest time without a newly confirmed byte: twice what a chunk takes at 2 KB/s.
const STANDS_STILL: Duration = Duration::from_mins(20);

/// What is sent, and over what.
#[derive(Clone, Copy, Debug)]
pub struct Trip<'a> {
    /// Three bytes a pixel, incompressible.
    pub side_px: u32,
    pub line: Slow,
    /// The line is cut when this many percent of the scan's bytes have passed it.
    pub cuts_at_percent: &'a [u64],
}

/// One look at the sync centre.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Glance {
    /// Since the scan was added.
    pub at: Duration,
    pub sent_bytes: u64,
    pub percent: u64,
    pub state: String,
    pub badge: String,
    /// Bytes that had passed the line upwards, those sent again included.
    pub passed: u64,
}

/// How it went.
#[derive(Debug)]
pub struct Carried {
    pub size_bytes: u64,
    pub took: Duration,
    /// Every look that differed from the one before.
    pub glances: Vec<Glance>,
    pub counts: Counts,
}

/// Carries a scan to a fresh office; fails when a byte is lost, or when the sync centre says what is not so.
pub fn carry(
    folder: &Path,
    trip: Trip<'_>,
    mut tell: impl FnMut(&Glance),
) -> Result<Carried, Failure> {
    let data = folder.join("server");
    std::fs::create_dir_all(&data).map_err(Failure::at("make the office's folder"))?;
    let office = Office::open(&data, 1)?;
    let line = Proxy::before_url(office.url())?;
    let desk = TestDesk::open(&folder.join("desk"))?;
    desk.enrol(&line.url(), &office.enrol_code(BRANCH)?, "agent1")?;
    let case = desk.ask("case_new", json!({ "call_ref": null, "channel": "phone" }))?;
    let case = text(&case, "id")?;
    let bytes = scan(trip.side_px, 7)?;
    let size_bytes = u64::try_from(bytes.len()).map_err(Failure::at("measure the scan"))?;
    line.count_anew();
    line.set(Weather::Slow(trip.line));
    line.plan(trip.cuts_at_percent.iter().map(|percent| Cut {
        direction: Direction::Up,
        after: size_bytes * percent / 100,
    }));
    let add = json!({ "case": case, "kind": "other", "name": "扫描件.png", "bytes": STANDARD.encode(&bytes), "replaces": null });
    desk.ask("document_add", add)?;
    let begun = now();
    let glances = watch(&desk, &line, &case, &mut tell)?;
    let carried = Carried {
        size_bytes,
        took: begun.elapsed(),
        glances,
        counts: line.counts(),
    };
    let sha256 = desk_store::manifest_of(&bytes, "image/png", 1).sha256;
    let shelf = office.data().join("objects").join(BRANCH);
    let (drawer, _) = sha256.split_at_checked(2).unwrap_or_default();
    let kept = std::fs::read(shelf.join(drawer).join(&sha256))
        .map_err(Failure::at("read what the office has"))?;
    let after = desk.ask("sync_status", json!({}))?;
    desk.close();
    if kept != bytes {
        return Err(Failure::new("the office has other bytes than were sent"));
    }
    if after["documents"] != json!([]) {
        return Err(Failure::new(format!("still listed as on its way: {after}")));
    }
    Ok(carried)
}

fn watch(
    desk: &TestDesk,
    line: &Proxy,
    case: &str,
    tell: &mut impl FnMut(&Glance),
) -> Result<Vec<Glance>, Failure> {
    let begun = now();
    let mut moved = now();
    let mut glances: Vec<Glance> = Vec::new();
    let mut seen = 0;
    loop {
        let screen = desk.ask("case_open", json!({ "case": case }))?;
        if screen["documents"][0]["stored"] == true {
            return Ok(glances);
        }
        let status = desk.ask("sync_status", json!({}))?;
        // Read after the status: whatever it claims had passed the line by then.
        let passed = line.counts().up;
        if let Some(row) = status["documents"].get(0) {
            let glance = glance(&status, row, begun.elapsed(), passed)?;
            let last = glances.last();
            if last.is_some_and(|last| last.sent_bytes > glance.sent_bytes) {
                return Err(Failure::new(format!(
                    "progress went back: {glances:?}, {glance:?}"
                )));
            }
            if last.is_none_or(|last| last.sent_bytes < glance.sent_bytes) {
                moved = now();
            }
            let same = |last: &Glance| {
                (last.sent_bytes, &last.state, &last.badge)
                    == (glance.sent_bytes, &glance.state, &glance.badge)
            };
            if !last.is_some_and(same) {
                tell(&glance);
                glances.push(glance);
            }
        }
        if moved.elapsed() > STANDS_STILL {
            return Err(Failure::new(format!(
                "nothing is confirmed any more: {status}"
            )));
        }
        if let Some(changed) = desk.desk().events_since(seen, Duration::from_millis(200)) {
            seen = changed.n;
        }
    }
}

/// What the sync centre says; an error when it cannot be so.
fn glance(status: &Value, row: &Value, at: Duration, passed: u64) -> Result<Glance, Failure> {
    let number = |name: &str| {
        row[name]
            .as_u64()
            .ok_or_else(|| Failure::new(format!("no {name}: {row}")))
    };
    let glance = Glance {
        at,
        sent_bytes: number("sent_bytes")?,
        percent: number("percent")?,
        state: text(row, "state")?,
        badge: text(&status["badge"], "state")?,
        passed,
    };
    let too_much = glance.sent_bytes > passed || glance.sent_bytes > number("total_bytes")?;
    // "Synced" or "all of it" would be a lie as long as one paper is on its way.
    if too_much || glance.percent >= 100 || glance.badge == "synced" {
        return Err(Failure::new(format!("claimed what is not so: {glance:?}")));
    }
    Ok(glance)
}

fn text(value: &Value, name: &str) -> Result<String, Failure> {
    let text = value[name].as_str().map(str::to_owned);
    text.ok_or_else(|| Failure::new(format!("no {name}: {value}")))
}

#[expect(clippy::disallowed_methods, reason = "a line's pace is real time")]
fn now() -> Instant {
    Instant::now()
}
