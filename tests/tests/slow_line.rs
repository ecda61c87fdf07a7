//! A large scan over a bad line, by the whole house: the real core, a real server, and what the sync centre says.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_domain::case::CHUNK_BYTES;
use desk_store::Transfer;
use desk_tests::bare_desk::BareDesk;
use desk_tests::carry::{Carried, LARGEST_PX, Trip, carry};
use desk_tests::office::{BRANCH, Office};
use desk_tests::proxy::{Cut, Direction, Proxy, Slow, Stall};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Heads, ops, offers and bitmaps beside the chunks.
const BESIDE: u64 = 256 * 1024;

fn office(folder: &Path) -> Office {
    let data = folder.join("server");
    std::fs::create_dir(&data).unwrap();
    Office::open(&data, 1).unwrap()
}

fn chunk() -> u64 {
    u64::try_from(CHUNK_BYTES).unwrap()
}

fn stored(office: &Office, sha256: &str) -> Vec<u8> {
    let shelf = office.data().join("objects").join(BRANCH);
    std::fs::read(shelf.join(&sha256[..2]).join(sha256)).unwrap()
}

fn steps(carried: &Carried) -> usize {
    let bytes = carried.glances.iter().map(|glance| glance.sent_bytes);
    bytes.collect::<BTreeSet<_>>().len()
}

/// Each cut costs at most so many chunks, and the rest travels once.
fn sent_once(carried: &Carried, chunks_a_cut: u64) {
    let again = carried.counts.cuts * chunks_a_cut * chunk().min(carried.size_bytes);
    let most = carried.size_bytes + again + BESIDE;
    assert!(
        carried.counts.up <= most,
        "{} sent, at most {most} expected",
        carried.counts.up
    );
}

#[test]
fn a_scan_of_twenty_megabytes_over_a_slow_and_cut_line_arrives_and_the_sync_centre_tells_the_truth()
{
    let folder = tempfile::tempdir().unwrap();
    let line = Slow {
        bytes_per_s: 1_500_000,
        stall: Some(Stall {
            every_bytes: 4_000_000,
            lasts: Duration::from_millis(300),
        }),
    };
    let trip = Trip {
        side_px: LARGEST_PX,
        line,
        cuts_at_percent: &[25, 50, 75],
    };
    let carried = carry(folder.path(), trip, |_| {}).unwrap();
    assert!(carried.size_bytes > 19_900_000, "{}", carried.size_bytes);
    assert_eq!(carried.counts.cuts, 3);
    assert!(
        steps(&carried) >= 5,
        "hardly any progress was shown: {:?}",
        carried.glances
    );
    sent_once(&carried, 3);
}

/// The real thing of a village: 50 kbit/s with loss, and a cut. `cargo xtask line` carries 20 MB over it, in some 70 minutes.
#[test]
fn a_photo_arrives_over_fifty_kilobits_with_loss_and_a_cut() {
    let folder = tempfile::tempdir().unwrap();
    let trip = Trip {
        side_px: 400,
        line: Slow::VILLAGE,
        cuts_at_percent: &[25],
    };
    let carried = carry(folder.path(), trip, |_| {}).unwrap();
    assert!(carried.size_bytes > 450_000, "{}", carried.size_bytes);
    assert_eq!(carried.counts.cuts, 1);
    sent_once(&carried, 1);
    assert!(
        carried.took > Duration::from_mins(1),
        "that was no slow line: {carried:?}"
    );
}

/// Bytes that wait for a full window are on their way all the same: a line is dead when it is silent, not when it is slow.
#[test]
fn a_line_that_takes_two_kilobytes_a_second_is_not_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let line = Slow {
        bytes_per_s: 2_000,
        stall: None,
    };
    let trip = Trip {
        side_px: 280,
        line,
        cuts_at_percent: &[],
    };
    let carried = carry(folder.path(), trip, |_| {}).unwrap();
    assert!(carried.size_bytes > 220_000, "{}", carried.size_bytes);
    sent_once(&carried, 0);
}

#[test]
fn a_cut_at_half_of_twenty_megabytes_costs_at_most_three_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let office = office(folder.path());
    let line = Proxy::before_url(office.url()).unwrap();
    let desk = BareDesk::enrol(&folder.path().join("desk"), &office, BRANCH, "agent1").unwrap();
    let case = desk.new_case().unwrap();
    let courier = desk.courier(&line.url()).unwrap();
    desk.until_drained(case).unwrap();
    let bytes: Vec<u8> = (0..20_000_000_u32)
        .map(|i| u8::try_from(i % 253).unwrap())
        .collect();
    let size = u64::try_from(bytes.len()).unwrap();
    line.count_anew();
    line.plan([Cut {
        direction: Direction::Up,
        after: size / 2,
    }]);
    let document = desk.attach(case, &bytes).unwrap();
    desk.until("the document is stored", |store| {
        let known = store.document(document);
        known.is_ok_and(|known| known.is_some_and(|known| known.transfer == Transfer::Stored))
    })
    .unwrap();
    courier.stop();
    let counts = line.counts();
    assert_eq!(counts.cuts, 1);
    let again = counts.up.saturating_sub(size);
    assert!(again <= 3 * chunk() + BESIDE, "{again} bytes sent again");
    let sha256 = desk_store::manifest_of(&bytes, "image/jpeg", 1).sha256;
    assert_eq!(stored(&office, &sha256), bytes);
}
