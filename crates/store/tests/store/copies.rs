//! Local copies of documents go when the server and its backup have them and the case is long closed; the thumbnail stays.

use crate::house::{Desk, START, office, server_fold};
use desk_domain::case::{Case, CaseState, DocumentKind};
use desk_domain::ids::DocumentId;
use desk_domain::op::OpBody;
use desk_store::{
    Acknowledged, NewDocument, Page, PageChange, Part, Retention, Transfer, manifest_of,
};
use std::collections::BTreeMap;
use std::fs;

const DAY: i64 = 24 * 60 * 60 * 1_000;
const KEEP: Retention = Retention {
    op_days: 90,
    copy_days: 30,
};
const PAPER: &[u8] = b"paper";

/// A case with one stored document, as the server sends it.
fn snapshot() -> (Case, DocumentId) {
    let desk = Desk::new();
    let case = desk.new_case();
    let document = DocumentId::new(START, &*desk.chance);
    let manifest = manifest_of(PAPER, "image/png", 1);
    desk.store
        .put_document(&NewDocument {
            id: document,
            original: PAPER,
            rendition: None,
            thumbnail: None,
            manifest: &manifest,
            quality: None,
            added_at: START,
        })
        .unwrap();
    let body = OpBody::DocumentAttach {
        document,
        kind: DocumentKind::FaultPhoto,
        manifest,
        replaces: None,
    };
    desk.store.append(&[desk.op(case, body)], &[]).unwrap();
    let rows = desk.store.unsent(0, 9, usize::MAX).unwrap();
    let ops: Vec<&str> = rows.iter().map(|row| row.bytes.as_str()).collect();
    let mut case = server_fold(None, &ops, &desk.agent).unwrap();
    case.state = CaseState::Submitted;
    case.documents.get_mut(&document).unwrap().stored = true;
    (case, document)
}

fn receive(desk: &Desk, case: &Case) {
    let change = PageChange::Case {
        case: Box::new(case.clone()),
        timeline: vec![],
        outcomes: vec![],
    };
    desk.store
        .apply_page(&Page {
            scope: office(),
            cursor: Some(case.rev),
            fill: false,
            changes: vec![change],
        })
        .unwrap();
}

/// An op done later than anything so far, stored by the server and held by a backup.
fn backed_up(desk: &Desk) {
    for _ in 0..100 {
        desk.now();
    }
    desk.new_case();
    let row = desk.store.unsent(0, 9, usize::MAX).unwrap().pop().unwrap();
    desk.store
        .acknowledge(&Acknowledged {
            first_seq: 1,
            incarnation: row.incarnation,
            seq: row.seq,
            hash: row.hash,
            outcomes: Vec::new(),
        })
        .unwrap();
    let safe = BTreeMap::from([(row.incarnation, row.seq)]);
    desk.store.note_backup_safe(&safe).unwrap();
}

fn copies(desk: &Desk, day: i64) -> u64 {
    desk.store
        .prune(START + day * DAY, KEEP, 10)
        .unwrap()
        .copies
}

fn files(desk: &Desk) -> usize {
    fs::read_dir(&desk.paths.documents_dir).unwrap().count()
}

#[test]
fn a_copy_goes_late_leaves_its_thumbnail_and_can_be_fetched_again() {
    let desk = Desk::new();
    let (mut case, document) = snapshot();
    receive(&desk, &case);
    desk.store.put_downloaded(document, PAPER).unwrap();
    desk.store
        .put_rendition(document, b"big", b"small")
        .unwrap();
    backed_up(&desk);
    assert_eq!(copies(&desk, 400), 0, "the case is still worked on");
    case.rev += 1;
    case.state = CaseState::Closed;
    receive(&desk, &case);
    assert_eq!(copies(&desk, 20), 0, "closed, but not long ago");
    assert_eq!(files(&desk), 3);
    assert_eq!(copies(&desk, 40), 1);
    assert_eq!(files(&desk), 1);
    let part = |part| desk.store.open_document(document, part);
    assert_eq!(
        part(Part::Original).unwrap_err().code(),
        "store.document_missing"
    );
    assert_eq!(part(Part::Thumbnail).unwrap(), b"small");
    assert_eq!(
        desk.store.document(document).unwrap().unwrap().transfer,
        Transfer::Absent
    );
    desk.store.want_document(document).unwrap();
    desk.store.put_downloaded(document, PAPER).unwrap();
    desk.store
        .put_rendition(document, b"big again", b"other")
        .unwrap();
    assert_eq!(part(Part::Original).unwrap(), PAPER);
    assert_eq!(part(Part::Rendition).unwrap(), b"big again");
    assert_eq!(part(Part::Thumbnail).unwrap(), b"small");
}

#[test]
fn no_copy_goes_before_a_backup_was_made_after_the_case_was_closed() {
    let desk = Desk::new();
    let (mut case, document) = snapshot();
    receive(&desk, &case);
    desk.store.put_downloaded(document, PAPER).unwrap();
    case.rev += 1;
    case.state = CaseState::Closed;
    receive(&desk, &case);
    assert_eq!(copies(&desk, 400), 0, "no backup was reported");
    backed_up(&desk);
    assert_eq!(copies(&desk, 400), 1);
}
