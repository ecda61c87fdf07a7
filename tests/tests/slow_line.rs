//! A large scan over a bad line, by the whole house: the real core, a real server, and what the sync centre says.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::case::CHUNK_BYTES;
use desk_store::Transfer;
use desk_tests::bare_desk::BareDesk;
use desk_tests::desk::TestDesk;
use desk_tests::office::{BRANCH, Office};
use desk_tests::papers::scan;
use desk_tests::proxy::{Cut, Direction, Proxy, Slow, Stall, Weather};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// About 20 MB: the largest scan that a desk takes.
const SIDE_PX: u32 = 2_580;
/// Heads, ops, offers and bitmaps beside the chunks.
const BESIDE: u64 = 256 * 1024;

fn office(folder: &Path) -> Office {
    let data = folder.join("server");
    std::fs::create_dir(&data).unwrap();
    Office::open(&data, 1).unwrap()
}

fn up(after: u64) -> Cut {
    Cut {
        direction: Direction::Up,
        after,
    }
}

fn chunk() -> u64 {
    u64::try_from(CHUNK_BYTES).unwrap()
}

fn stored(office: &Office, sha256: &str) -> Vec<u8> {
    let shelf = office.data().join("objects").join(BRANCH);
    std::fs::read(shelf.join(&sha256[..2]).join(sha256)).unwrap()
}

/// What the sync centre says of the one document on its way, from first to last.
fn watch(desk: &TestDesk, line: &Proxy, case: &str) -> Vec<u64> {
    let mut said = Vec::new();
    let mut seen = 0;
    loop {
        let screen = desk.ask("case_open", json!({ "case": case })).unwrap();
        if screen["documents"][0]["stored"] == true {
            return said;
        }
        let status = desk.ask("sync_status", json!({})).unwrap();
        // Read after the status: whatever it claims had passed the line by then.
        let passed = line.counts().up;
        if let Some(document) = status["documents"].get(0) {
            let sent = document["sent_bytes"].as_u64().unwrap();
            assert!(sent <= document["total_bytes"].as_u64().unwrap());
            assert!(sent <= passed, "{sent} bytes claimed, {passed} on the line");
            assert!(document["percent"].as_u64().unwrap() < 100, "{document}");
            said.push(sent);
        }
        if let Some(changed) = desk.desk().events_since(seen, Duration::from_millis(200)) {
            seen = changed.n;
        }
    }
}

#[test]
fn a_scan_of_twenty_megabytes_over_a_slow_and_cut_line_arrives_and_the_sync_centre_tells_the_truth()
{
    let folder = tempfile::tempdir().unwrap();
    let office = office(folder.path());
    let line = Proxy::before_url(office.url()).unwrap();
    let desk = TestDesk::open(&folder.path().join("desk")).unwrap();
    let code = office.enrol_code(BRANCH).unwrap();
    desk.enrol(&line.url(), &code, "agent1").unwrap();
    let case = desk
        .ask("case_new", json!({ "call_ref": null, "channel": "phone" }))
        .unwrap();
    let case = case["id"].as_str().unwrap().to_owned();
    let bytes = scan(SIDE_PX, 7).unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    assert!(size > 19_900_000, "{size}");
    line.count_anew();
    line.set(Weather::Slow(Slow {
        bytes_per_s: 1_500_000,
        stall: Some(Stall {
            every_bytes: 4_000_000,
            lasts: Duration::from_millis(300),
        }),
    }));
    line.plan([up(size / 4), up(size / 2), up(size * 3 / 4)]);
    let add = json!({ "case": case, "kind": "other", "name": "扫描件.png", "bytes": STANDARD.encode(&bytes), "replaces": null });
    desk.ask("document_add", add).unwrap();
    let said = watch(&desk, &line, &case);
    let counts = line.counts();
    assert_eq!(counts.cuts, 3);
    assert!(said.is_sorted(), "progress went back: {said:?}");
    let steps: std::collections::BTreeSet<u64> = said.iter().copied().collect();
    assert!(steps.len() >= 5, "hardly any progress was shown: {said:?}");
    // Each cut costs at most the chunks in flight.
    let most = size + 3 * 3 * chunk() + BESIDE;
    assert!(
        counts.up <= most,
        "{} sent, at most {most} expected",
        counts.up
    );
    let sha256 = desk_store::manifest_of(&bytes, "image/png", 1).sha256;
    assert_eq!(stored(&office, &sha256), bytes);
    let after: Value = desk.ask("sync_status", json!({})).unwrap();
    assert_eq!(after["documents"], json!([]));
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
    line.plan([up(size / 2)]);
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
