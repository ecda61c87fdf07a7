//! A masked copy of a paper, through the real box: what was covered is nowhere in the copy.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_media::Docbox;
use desk_tests::desk::TestDesk;
use desk_tests::papers::draw_papers;
use desk_tests::programs::program;
use serde_json::{Value, json};
use std::path::Path;

const SIZE_PX: u32 = 4096;

fn add(desk: &TestDesk, case: &Value, folder: &Path, kind: &str, name: &str) -> Value {
    let bytes = STANDARD.encode(std::fs::read(folder.join(name)).unwrap());
    desk.ask(
        "document_add",
        json!({ "case": case, "kind": kind, "name": name, "bytes": bytes, "replaces": null }),
    )
    .unwrap()["id"]
        .clone()
}

/// The picture that the window shows of a paper.
fn shown(desk: &TestDesk, document: &Value) -> Vec<u8> {
    let args = json!({ "document": document, "part": "rendition", "page": 0 });
    let url = desk.ask("document_ticket", args).unwrap()["url"]
        .as_str()
        .unwrap()
        .to_owned();
    desk.desk()
        .redeem(url.rsplit('/').next().unwrap())
        .unwrap()
        .1
}

fn card<'a>(screen: &'a Value, document: &Value) -> &'a Value {
    let cards = screen["documents"].as_array().unwrap();
    cards.iter().find(|card| card["id"] == *document).unwrap()
}

#[test]
fn what_is_covered_is_gone_and_the_copy_takes_the_papers_place() {
    let folder = tempfile::tempdir().unwrap();
    let papers = folder.path().join("papers");
    draw_papers(&papers).unwrap();
    let desk = TestDesk::open(&folder.path().join("desk")).unwrap();
    desk.ask("setup_standalone", json!({ "office_name": "示例网点", "name": "坐席示例", "passphrase": "测试口令-correct-horse" })).unwrap();
    let case = desk
        .ask("case_new", json!({ "call_ref": null, "channel": null }))
        .unwrap()["id"]
        .clone();
    let photo = add(&desk, &case, &papers, "id_card_front", "身份证 人像面.jpg");
    let scan = add(&desk, &case, &papers, "invoice", "购机发票.pdf");
    let mask = |document: &Value, page: u32, areas: Value| {
        desk.try_ask(
            "document_mask",
            json!({ "case": case, "document": document, "page": page, "areas": areas }),
        )
    };
    for odd in [
        json!([]),
        json!([{ "x": 0, "y": 0, "width": 0, "height": 10 }]),
        json!([{ "x": 9_000, "y": 0, "width": 2_000, "height": 10 }]),
        json!([{ "x": u32::MAX, "y": 0, "width": u32::MAX, "height": 10 }]),
    ] {
        assert_eq!(
            mask(&photo, 0, odd).unwrap_err().code,
            "request.bad_arguments"
        );
    }
    let area = json!([{ "x": 2_000, "y": 3_000, "width": 4_000, "height": 2_000 }]);
    assert_eq!(
        mask(&scan, 7, area.clone()).unwrap_err().code,
        "document.not_found"
    );
    let screen = mask(&photo, 0, area).unwrap();
    assert_eq!(card(&screen, &photo)["replaced"], true);
    let is_copy = |card: &&Value| card["kind"] == "id_card_front" && card["replaced"] == false;
    let copy = screen["documents"]
        .as_array()
        .unwrap()
        .iter()
        .find(is_copy)
        .unwrap()["id"]
        .clone();
    let docbox = Docbox::new(program("desk-docbox").unwrap());
    let picture = docbox.page(&shown(&desk, &copy), 1, SIZE_PX).unwrap();
    let (width, height) = picture.dimensions();
    let mut darkest_neighbour = 0;
    for (x, y) in [(25, 35), (40, 33), (58, 48)] {
        let pixel = picture.get_pixel(width * x / 100, height * y / 100);
        // The watermark may lie over the black; nothing of the paper does.
        assert!(
            pixel.0.iter().all(|part| *part < 110),
            "{pixel:?} at {x},{y}"
        );
        darkest_neighbour += u32::from(picture.get_pixel(width * x / 100, height * 60 / 100).0[0]);
    }
    assert!(
        darkest_neighbour > 300,
        "the rest of the paper is still there"
    );
}
