//! G9 and G10: what goes over the line, counted by a proxy: bytes a record, a document that the office has already, and
//! what is sent again after a cut.

use crate::figure::{Figure, median};
use crate::station::{Station, noise, unsent};
use crate::{Plan, fill};
use desk_domain::case::CHUNK_BYTES;
use desk_protocol::MAX_PUSH_OPS;
use desk_store::Store;
use desk_tests::Failure;
use desk_tests::office::Office;
use desk_tests::proxy::{Cut, Direction, Proxy, Weather};
use std::path::Path;
use std::time::Duration;

/// Cases of one push and the facts of each: 4,000 records.
const CASES: usize = 800;
const FACTS: usize = 4;
const RECORDS: usize = CASES * (FACTS + 1);
/// A document of four chunks, and one of twenty.
const DOCUMENT_BYTES: usize = 4 * 1024 * 1024;
const SCAN_BYTES: usize = 20_000_000;
/// `performance.md`: bytes a record up.
const RECORD_BYTES: f64 = 160.0;
/// Chunks on their way at once.
const IN_FLIGHT: f64 = 3.0;
/// An op, its offer and its completion, with their HTTP.
const WITHOUT_BYTES: f64 = 16.0 * 1024.0;

/// Longest wait for the cut.
const PATIENCE: Duration = Duration::from_mins(1);

/// A desk behind a line that counts.
struct Behind {
    desk: Station,
    line: Proxy,
}

impl Behind {
    fn open(folder: &Path, office: &Office) -> Result<Self, Failure> {
        Ok(Self {
            desk: Station::enrol(folder, office)?,
            line: Proxy::before_url(office.url())?,
        })
    }

    /// Bytes up from the courier's start until the server has everything.
    fn moved(&mut self, cut_after: Option<u64>) -> Result<f64, Failure> {
        self.line.count_anew();
        self.line.plan(cut_after.map(|after| Cut {
            direction: Direction::Up,
            after,
        }));
        self.desk.start(&self.line.url())?;
        self.desk.until_moved()?;
        let counts = self.line.counts();
        self.desk.stop();
        if counts.cuts != u64::from(cut_after.is_some()) {
            return Err(Failure::new(format!("void: {} cuts", counts.cuts)));
        }
        Ok(number(counts.up))
    }

    /// Records that were on their way when the line was cut in the middle of the push, of which the server has told
    /// nothing: those go a second time. `whole` is what the same push costs without a cut, in bytes.
    fn sent_in_vain(&mut self, whole: f64) -> Result<f64, Failure> {
        let known = acknowledged(&self.desk.bare.store)?;
        self.line.count_anew();
        let cut = Cut {
            direction: Direction::Up,
            after: half(whole),
        };
        self.line.plan([cut]);
        self.desk.start(&self.line.url())?;
        let was_cut = self.line.wait_until(PATIENCE, |counts| counts.cuts > 0);
        self.line.set(Weather::BlackHole);
        let told = acknowledged(&self.desk.bare.store)?.saturating_sub(known);
        self.line.cut_now();
        self.line.set(Weather::Fair);
        self.desk.until_moved()?;
        self.desk.stop();
        if !was_cut || told == 0 {
            return Err(Failure::new(format!(
                "void: {told} records told before the cut"
            )));
        }
        Ok(fill::count(RECORDS) / 2.0 - number(told))
    }

    fn write(&self) -> Result<(), Failure> {
        for _ in 0..CASES {
            self.desk.new_case(FACTS)?;
        }
        let waiting = unsent(&self.desk.bare.store)?;
        if waiting == u64::try_from(RECORDS).unwrap_or(0) {
            return Ok(());
        }
        Err(Failure::new(format!("void: {waiting} records wait")))
    }
}

/// Measures the line. The desk is a fresh one in each round: a day has room for 9,999 cases of a desk.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let office = Office::open(&folder.path().join("office"), 1)?;
    let (mut record, mut again) = (vec![], vec![]);
    let (mut known, mut chunks) = (vec![], vec![]);
    for round in 0..plan.rounds {
        let mut behind = Behind::open(&folder.path().join(round.to_string()), &office)?;
        behind.moved(None)?;
        behind.write()?;
        let whole = behind.moved(None)?;
        record.push(whole / fill::count(RECORDS));
        behind.write()?;
        again.push(behind.sent_in_vain(whole)?);
        let (twice, sent_again) = documents(&mut behind)?;
        known.push(twice);
        chunks.push(sent_again);
    }
    Ok(judge([&record, &again, &known, &chunks]))
}

/// Bytes up for a document that the office has under another id, and chunks sent again after a cut at half of a scan.
fn documents(behind: &mut Behind) -> Result<(f64, f64), Failure> {
    let case = behind.desk.new_case(1)?;
    let original = noise(DOCUMENT_BYTES);
    behind.desk.bare.attach(case, &original)?;
    let first = behind.moved(None)?;
    if first < fill::count(DOCUMENT_BYTES) {
        return Err(Failure::new("void: the document did not go up"));
    }
    let other = behind.desk.new_case(1)?;
    behind.desk.bare.attach(other, &original)?;
    let second = behind.moved(None)?;
    behind.desk.attach(case, SCAN_BYTES)?;
    let scan = behind.moved(Some(half(fill::count(SCAN_BYTES))))?;
    let again = (scan - fill::count(SCAN_BYTES)) / fill::count(CHUNK_BYTES);
    Ok((second, again))
}

fn judge([record, again, known, chunks]: [&[f64]; 4]) -> Vec<Figure> {
    let batch = fill::count(MAX_PUSH_OPS);
    vec![
        Figure::of_number(
            "G9",
            "a record up, with everything on the line",
            "B",
            median(record),
            RECORD_BYTES,
        ),
        Figure::of_number(
            "G9",
            "a document of 4 MiB that the office has, up",
            "B",
            median(known),
            WITHOUT_BYTES,
        ),
        Figure::of_number(
            "G10",
            "sent again after a cut in a push",
            "records",
            median(again),
            batch,
        ),
        Figure::of_number(
            "G10",
            "sent again after a cut at half of 20 MB",
            "chunks",
            median(chunks),
            IN_FLIGHT,
        ),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive count of bytes far below 2^53"
)]
fn half(bytes: f64) -> u64 {
    (bytes / 2.0) as u64
}

fn number(bytes: u64) -> f64 {
    usize::try_from(bytes).map_or(f64::MAX, fill::count)
}

/// Ops of the present life of which a receipt has come.
fn acknowledged(store: &Store) -> Result<u64, Failure> {
    let heads = store.heads().map_err(Failure::at("read the heads"))?;
    Ok(heads
        .iter()
        .map(|head| head.acknowledged_seq)
        .max()
        .unwrap_or(0))
}
