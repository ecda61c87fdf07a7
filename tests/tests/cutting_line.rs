//! One op over a line that is cut in the middle, byte after byte: the real courier, a real server, no luck involved.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_domain::field::FieldKey;
use desk_domain::ids::CaseId;
use desk_sync::Courier;
use desk_tests::bare_desk::{BareDesk, PATIENCE};
use desk_tests::ledger::Ledger;
use desk_tests::office::{BRANCH, Office};
use desk_tests::programs::in_memory;
use desk_tests::proxy::{Cut, Direction, Proxy, Slow, Stall, Weather};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Every so many bytes of hello and first pull: its policy text alone is kilobytes, and one byte of it is like the next.
const HELLO_STEP: u64 = 23;
/// So many exchanges in a row without a cut mean that the exchange is over before that byte.
const PAST_THE_END: u32 = 3;

struct Line {
    _folder: tempfile::TempDir,
    office: Office,
    proxy: Proxy,
    desk: BareDesk,
    case: CaseId,
    written: BTreeSet<String>,
}

impl Line {
    fn open() -> Self {
        let folder = in_memory().unwrap();
        let data = folder.path().join("server");
        std::fs::create_dir(&data).unwrap();
        let office = Office::open(&data, 1).unwrap();
        let proxy = Proxy::before_url(office.url()).unwrap();
        let desk = BareDesk::enrol(&folder.path().join("desk"), &office, BRANCH, "agent1").unwrap();
        let case = desk.new_case().unwrap();
        Self {
            _folder: folder,
            office,
            proxy,
            desk,
            case,
            written: BTreeSet::new(),
        }
    }

    fn courier(&self) -> Courier {
        self.desk.courier(&self.proxy.url()).unwrap()
    }

    fn write(&mut self, text: &str) {
        let row = self.desk.set(self.case, FieldKey::MerchantName, text);
        self.written.insert(row.unwrap().op_id.to_string());
    }

    /// One op with a cut at this byte. False when the exchange was over before it.
    fn cut_at(&mut self, direction: Direction, after: u64) -> bool {
        self.proxy.count_anew();
        self.proxy.plan([Cut { direction, after }]);
        self.write(&format!("示例商行 {direction:?} {after}"));
        self.desk.until_drained(self.case).unwrap();
        let cut = self.proxy.counts().cuts > 0;
        self.proxy.plan([]);
        cut
    }

    /// Nothing lost, nothing twice, and both sides hold the same chain.
    fn check(&self) {
        let ledger = Ledger::open(self.office.data()).unwrap();
        let stored = ledger.ops_of(self.desk.device, 0).unwrap();
        let counted: Vec<&str> = stored
            .iter()
            .filter(|op| op.counted)
            .map(|op| op.op_id.as_str())
            .collect();
        let once: BTreeSet<&str> = counted.iter().copied().collect();
        assert_eq!(once.len(), counted.len(), "an op counts twice");
        assert!(
            self.written.iter().all(|op| once.contains(op.as_str())),
            "an op is not there"
        );
        let journal = self.desk.store.unsent(0, usize::MAX, usize::MAX).unwrap();
        let ours: Vec<_> = journal.iter().map(|row| (row.seq, row.hash)).collect();
        let theirs: Vec<_> = stored.iter().map(|op| (op.seq, op.hash)).collect();
        assert_eq!(ours, theirs);
        assert_eq!(self.desk.store.verify_chain().unwrap().first_bad, None);
        let seen = self.desk.store.case_view(self.case).unwrap().unwrap();
        assert_eq!(ledger.case(self.case).unwrap(), Some(seen.case));
    }
}

#[test]
fn an_op_survives_a_cut_at_every_byte_that_goes_up() {
    survives_cuts(Direction::Up);
}

#[test]
fn an_op_survives_a_cut_at_every_byte_of_its_receipt_and_its_page() {
    survives_cuts(Direction::Down);
}

fn survives_cuts(direction: Direction) {
    let mut line = Line::open();
    let courier = line.courier();
    line.write("示例商行");
    line.desk.until_drained(line.case).unwrap();
    let (mut after, mut missed) = (0, 0);
    while missed < PAST_THE_END {
        missed = if line.cut_at(direction, after) {
            0
        } else {
            missed + 1
        };
        after += 1;
    }
    // A push with its headers; a receipt and a page: fewer bytes would mean that hardly anything was cut.
    assert!(after > 600, "{direction:?}: only {after} bytes were cut at");
    courier.stop();
    line.check();
}

#[test]
fn a_desk_that_starts_over_a_cut_line_says_hello_again_and_loses_nothing() {
    let mut line = Line::open();
    for direction in [Direction::Up, Direction::Down] {
        let (mut after, mut missed) = (0_u64, 0);
        while missed < PAST_THE_END {
            line.proxy.count_anew();
            line.proxy.plan([Cut { direction, after }]);
            line.write(&format!("示例商行 {direction:?} {after}"));
            let courier = line.courier();
            line.desk.until_drained(line.case).unwrap();
            courier.stop();
            missed = if line.proxy.counts().cuts > 0 {
                0
            } else {
                missed + 1
            };
            line.proxy.plan([]);
            after += HELLO_STEP;
        }
        assert!(after > 800, "{direction:?}: only {after} bytes were cut at");
    }
    line.check();
}

#[test]
fn requests_that_arrive_twice_are_counted_once() {
    let mut line = Line::open();
    line.proxy.duplicate(true);
    let courier = line.courier();
    for round in 0..10 {
        line.write(&format!("示例商行 {round}"));
        line.desk.until_drained(line.case).unwrap();
    }
    assert!(
        line.proxy
            .wait_until(PATIENCE, |counts| counts.duplicated >= 10)
    );
    courier.stop();
    line.check();
}

#[test]
fn a_line_that_swallows_everything_is_given_up_and_what_was_written_arrives_later() {
    let mut line = Line::open();
    let courier = line.courier();
    line.write("示例商行 前");
    line.desk.until_drained(line.case).unwrap();
    line.proxy.set(Weather::BlackHole);
    line.proxy.count_anew();
    line.write("示例商行 在黑洞里");
    line.proxy.set(Weather::Late(Duration::from_millis(3)));
    // The connections of before are silent for ever; a person asks, or the network changes.
    line.proxy.cut_now();
    courier.sync_now();
    line.desk.until_drained(line.case).unwrap();
    courier.stop();
    line.check();
}

#[test]
fn a_document_over_a_slow_and_cut_line_arrives_whole() {
    let line = Line::open();
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect();
    line.proxy.set(Weather::Slow(Slow {
        bytes_per_s: 2_000_000,
        stall: Some(Stall {
            every_bytes: 700_000,
            lasts: Duration::from_millis(50),
        }),
    }));
    line.proxy
        .plan([900_000, 2_000_000, 2_900_000].map(|after| Cut {
            direction: Direction::Up,
            after,
        }));
    let courier = line.courier();
    let document = line.desk.attach(line.case, &bytes).unwrap();
    line.desk
        .until("the page says that it is stored", |store| {
            let view = store.case_view(line.case).ok().flatten();
            view.is_some_and(|view| view.case.documents[&document].stored)
        })
        .unwrap();
    assert_eq!(line.proxy.counts().cuts, 3);
    line.desk.until_drained(line.case).unwrap();
    courier.stop();
    let sha256 = desk_store::manifest_of(&bytes, "image/jpeg", 1).sha256;
    let stored = object(line.office.data(), &sha256);
    assert_eq!(std::fs::read(stored).unwrap(), bytes);
    line.check();
}

fn object(data: &Path, sha256: &str) -> std::path::PathBuf {
    data.join("objects")
        .join(BRANCH)
        .join(&sha256[..2])
        .join(sha256)
}
