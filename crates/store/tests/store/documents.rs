//! Documents are sealed: unreadable without the key, and not readable at all once a bit is wrong.

use crate::house::{Counted, Desk, START, office, server_fold};
use desk_domain::case::{CHUNK_BYTES, Case, CaseState, DocumentKind, DocumentManifest};
use desk_domain::ids::{CaseId, DocumentId};
use desk_domain::op::OpBody;
use desk_store::{NewDocument, Page, PageChange, Part, StoreError, Transfer, manifest_of};
use std::fs;
use std::path::PathBuf;

/// Bytes that repeat at no power of two, so that a misplaced segment shows.
fn filler(len: usize) -> Vec<u8> {
    (0..=250_u8).cycle().take(len).collect()
}

/// More than two chunks, not a whole number of segments, with something readable in it.
fn picture() -> Vec<u8> {
    let mut bytes = filler(2 * CHUNK_BYTES + 70_001);
    for place in bytes.chunks_mut(64) {
        for (to, from) in place.iter_mut().zip(b"CANARY") {
            *to = *from;
        }
    }
    bytes
}

fn put(desk: &Desk, bytes: &[u8]) -> (DocumentId, DocumentManifest) {
    let id = DocumentId::new(desk.now(), &*desk.chance);
    let manifest = manifest_of(bytes, "image/jpeg", 1);
    let document = NewDocument {
        id,
        original: bytes,
        rendition: Some(b"CANARY rendition"),
        thumbnail: Some(b"CANARY thumbnail"),
        manifest: &manifest,
        quality: Some("{\"blur\":0.1}"),
        added_at: START,
    };
    desk.store.put_document(&document).unwrap();
    (id, manifest)
}

fn attach(desk: &Desk, case: CaseId, id: DocumentId, manifest: DocumentManifest) {
    let body = OpBody::DocumentAttach {
        document: id,
        kind: DocumentKind::FaultPhoto,
        manifest,
        replaces: None,
    };
    desk.store.append(&[desk.op(case, body)], &[]).unwrap();
}

fn sealed_files(desk: &Desk) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(&desk.paths.documents_dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort_by_key(|path| fs::metadata(path).unwrap().len());
    files
}

fn original_file(desk: &Desk) -> PathBuf {
    sealed_files(desk).pop().unwrap()
}

#[test]
fn what_was_put_in_comes_out_whole_and_by_chunk() {
    let desk = Desk::new();
    let bytes = picture();
    let (id, manifest) = put(&desk, &bytes);
    assert_eq!(desk.store.open_document(id, Part::Original).unwrap(), bytes);
    assert_eq!(
        desk.store.open_document(id, Part::Rendition).unwrap(),
        b"CANARY rendition"
    );
    assert_eq!(
        desk.store.open_document(id, Part::Thumbnail).unwrap(),
        b"CANARY thumbnail"
    );
    assert_eq!(manifest.chunks.len(), 3);
    for (i, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
        assert_eq!(desk.store.read_chunk(id, i).unwrap(), chunk, "chunk {i}");
    }
    assert_eq!(
        desk.store.read_chunk(id, 3).unwrap_err().code(),
        "store.out_of_range"
    );
}

#[test]
fn lengths_around_a_segment_and_a_chunk_come_out_as_they_were() {
    let desk = Desk::new();
    for len in [
        0,
        1,
        65_535,
        65_536,
        65_537,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
    ] {
        let bytes = filler(len);
        let (id, _) = put(&desk, &bytes);
        assert_eq!(
            desk.store.open_document(id, Part::Original).unwrap(),
            bytes,
            "{len}"
        );
    }
}

#[test]
fn no_file_shows_what_a_document_holds() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    put(&desk, &picture());
    let beside = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file());
    let all: Vec<PathBuf> = beside.chain(sealed_files(&desk)).collect();
    assert!(
        all.iter()
            .any(|path| path.to_string_lossy().ends_with("-wal"))
    );
    for path in all {
        let bytes = fs::read(&path).unwrap();
        assert!(
            !bytes.windows(6).any(|window| window == b"CANARY"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let desk = Desk::new();
    let bytes = picture();
    let (id, _) = put(&desk, &bytes);
    let file = original_file(&desk);
    let sound = fs::read(&file).unwrap();
    for at in [0, 9, 26, 27, 65_600, sound.len() / 2, sound.len() - 1] {
        let mut bad = sound.clone();
        bad[at] ^= 1;
        fs::write(&file, bad).unwrap();
        assert!(
            matches!(
                desk.store.open_document(id, Part::Original),
                Err(StoreError::DocumentDamaged(_))
            ),
            "{at}"
        );
    }
    fs::write(&file, &sound).unwrap();
    assert_eq!(desk.store.open_document(id, Part::Original).unwrap(), bytes);
}

#[test]
fn a_cut_or_lengthened_file_is_found() {
    let desk = Desk::new();
    let (id, _) = put(&desk, &picture());
    let file = original_file(&desk);
    let sound = fs::read(&file).unwrap();
    let segment = 64 * 1024 + 16;
    for len in [
        0,
        8,
        27,
        27 + segment,
        sound.len() - segment,
        sound.len() - 1,
    ] {
        fs::write(&file, &sound[..len]).unwrap();
        for i in 0..3 {
            assert_eq!(
                desk.store.read_chunk(id, i).unwrap_err().code(),
                "store.document_damaged",
                "{len} chunk {i}"
            );
        }
    }
    let mut longer = sound.clone();
    longer.extend_from_slice(&sound[sound.len() - 100..]);
    fs::write(&file, longer).unwrap();
    assert_eq!(
        desk.store
            .open_document(id, Part::Original)
            .unwrap_err()
            .code(),
        "store.document_damaged"
    );
    fs::remove_file(&file).unwrap();
    assert_eq!(
        desk.store
            .open_document(id, Part::Original)
            .unwrap_err()
            .code(),
        "store.document_damaged"
    );
}

#[test]
fn a_short_part_cut_at_a_segment_is_found_though_its_length_is_not_kept() {
    let desk = Desk::new();
    let id = DocumentId::new(START, &*desk.chance);
    let rendition = filler(3 * 64 * 1024);
    let manifest = manifest_of(b"x", "image/png", 1);
    let document = NewDocument {
        id,
        original: b"x",
        rendition: Some(&rendition),
        thumbnail: None,
        manifest: &manifest,
        quality: None,
        added_at: START,
    };
    desk.store.put_document(&document).unwrap();
    assert_eq!(
        desk.store.open_document(id, Part::Rendition).unwrap(),
        rendition
    );
    let file = original_file(&desk);
    let sound = fs::read(&file).unwrap();
    fs::write(&file, &sound[..27 + 2 * (64 * 1024 + 16)]).unwrap();
    assert_eq!(
        desk.store
            .open_document(id, Part::Rendition)
            .unwrap_err()
            .code(),
        "store.document_damaged"
    );
}

#[test]
fn a_file_of_another_document_is_not_taken_for_this_one() {
    let desk = Desk::new();
    let (first, _) = put(&desk, &picture());
    let file = original_file(&desk);
    let (second, _) = put(&desk, &picture());
    let other = sealed_files(&desk)
        .into_iter()
        .rev()
        .find(|path| *path != file)
        .unwrap();
    fs::copy(&other, &file).unwrap();
    let damaged = [first, second].map(|id| desk.store.open_document(id, Part::Original).is_err());
    assert_eq!(damaged.iter().filter(|damaged| **damaged).count(), 1);
}

#[test]
fn bytes_that_are_not_the_manifests_are_not_taken() {
    let desk = Desk::new();
    let manifest = manifest_of(b"one thing", "image/png", 1);
    let id = DocumentId::new(START, &*desk.chance);
    let document = NewDocument {
        id,
        original: b"another!!",
        rendition: None,
        thumbnail: None,
        manifest: &manifest,
        quality: None,
        added_at: START,
    };
    assert_eq!(
        desk.store.put_document(&document).unwrap_err().code(),
        "store.manifest_mismatch"
    );
    assert!(desk.store.document(id).unwrap().is_none());
    assert!(sealed_files(&desk).is_empty());
}

#[test]
fn a_document_waits_in_the_tray_until_an_op_attaches_it() {
    let desk = Desk::new();
    let case = desk.new_case();
    let (large, large_manifest) = put(&desk, &picture());
    let (small, small_manifest) = put(&desk, b"small");
    assert_eq!(desk.store.tray().unwrap().len(), 2);
    assert!(desk.store.documents_to_send(9).unwrap().is_empty());
    attach(&desk, case, large, large_manifest);
    attach(&desk, case, small, small_manifest);
    assert!(desk.store.tray().unwrap().is_empty());
    assert!(desk.store.documents_ready_to_send(9).unwrap().is_empty());
    desk.acknowledge_all();
    assert_eq!(desk.store.documents_ready_to_send(9).unwrap().len(), 2);
    let uploads = desk.store.documents_to_send(9).unwrap();
    assert_eq!(
        uploads.iter().map(|upload| upload.id).collect::<Vec<_>>(),
        [small, large],
        "smallest first"
    );
    assert_eq!(
        (uploads[1].case, uploads[1].kind),
        (case, DocumentKind::FaultPhoto)
    );
    desk.store.set_chunks(large, &[true, false, false]).unwrap();
    assert_eq!(
        desk.store.documents_to_send(9).unwrap()[1].have,
        [true, false, false]
    );
    desk.store.mark_stored(large).unwrap();
    desk.store.mark_stored(small).unwrap();
    assert!(desk.store.documents_to_send(9).unwrap().is_empty());
    desk.store.offer_documents_again().unwrap();
    assert_eq!(desk.store.documents_to_send(9).unwrap().len(), 2);
    assert_eq!(desk.store.documents_to_send_count(9).unwrap(), 2);
    assert_eq!(desk.store.documents_to_send_count(1).unwrap(), 1);
}

#[test]
fn a_document_without_bytes_here_is_not_attached() {
    let desk = Desk::new();
    let case = desk.new_case();
    let id = DocumentId::new(START, &*desk.chance);
    let manifest = manifest_of(b"x", "image/png", 1);
    let body = OpBody::DocumentAttach {
        document: id,
        kind: DocumentKind::Invoice,
        manifest,
        replaces: None,
    };
    let answer = desk.store.append(&[desk.op(case, body)], &[]);
    assert_eq!(answer.unwrap_err().code(), "store.document_missing");
    assert_eq!(desk.store.heads().unwrap()[0].seq, 1);
}

/// A case with one document, as the server would send it to another desk.
fn snapshot(bytes: &[u8], stored: bool, state: CaseState) -> (Case, DocumentId) {
    let desk = Desk::new();
    let case = desk.new_case();
    let (id, manifest) = put(&desk, bytes);
    attach(&desk, case, id, manifest);
    let rows = desk.store.unsent(0, 9, usize::MAX).unwrap();
    let ops: Vec<&str> = rows.iter().map(|row| row.bytes.as_str()).collect();
    let mut case = server_fold(None, &ops, &desk.agent).unwrap();
    case.state = state;
    case.documents.get_mut(&id).unwrap().stored = stored;
    (case, id)
}

fn receive(desk: &Desk, case: Case) {
    let change = PageChange::Case {
        case: Box::new(case),
        timeline: vec![],
        outcomes: vec![],
    };
    desk.store
        .apply_page(&Page {
            scope: office(),
            cursor: Some(1),
            fill: false,
            changes: vec![change],
        })
        .unwrap();
}

#[test]
fn documents_of_work_in_hand_are_fetched_and_checked() {
    let reviewer = Desk::new();
    let bytes = picture();
    let (mut case, id) = snapshot(&bytes, false, CaseState::Submitted);
    receive(&reviewer, case.clone());
    assert!(
        reviewer.store.documents_wanted(9).unwrap().is_empty(),
        "the server does not have it yet"
    );
    case.documents.get_mut(&id).unwrap().stored = true;
    case.rev += 1;
    receive(&reviewer, case);
    assert_eq!(reviewer.store.documents_wanted(9).unwrap()[0].id, id);
    let mut wrong = bytes.clone();
    wrong[5] ^= 1;
    assert_eq!(
        reviewer
            .store
            .put_downloaded(id, &wrong)
            .unwrap_err()
            .code(),
        "store.manifest_mismatch"
    );
    assert_eq!(
        reviewer
            .store
            .open_document(id, Part::Original)
            .unwrap_err()
            .code(),
        "store.document_missing"
    );
    reviewer.store.put_downloaded(id, &bytes).unwrap();
    reviewer.store.put_downloaded(id, &bytes).unwrap();
    assert!(reviewer.store.documents_wanted(9).unwrap().is_empty());
    assert_eq!(
        reviewer.store.open_document(id, Part::Original).unwrap(),
        bytes
    );
    assert_eq!(
        reviewer
            .store
            .open_document(id, Part::Thumbnail)
            .unwrap_err()
            .code(),
        "store.document_missing"
    );
    reviewer.store.put_rendition(id, b"big", b"small").unwrap();
    assert_eq!(
        reviewer.store.open_document(id, Part::Thumbnail).unwrap(),
        b"small"
    );
    assert_eq!(sealed_files(&reviewer).len(), 3);
}

#[test]
fn documents_of_closed_cases_are_fetched_only_when_wanted() {
    let desk = Desk::new();
    let (case, id) = snapshot(b"old", true, CaseState::Closed);
    receive(&desk, case);
    assert!(desk.store.documents_wanted(9).unwrap().is_empty());
    assert_eq!(
        desk.store.document(id).unwrap().unwrap().transfer,
        Transfer::Absent
    );
    desk.store.want_document(id).unwrap();
    assert_eq!(desk.store.documents_wanted(9).unwrap().len(), 1);
}

#[test]
fn erasing_the_key_erases_the_document() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let case = desk.new_case();
    let (id, manifest) = put(&desk, &picture());
    // A copy of the sealed file, as a backup would have it.
    let backup = fs::read(original_file(&desk)).unwrap();
    let name = original_file(&desk);
    attach(&desk, case, id, manifest);
    assert!(
        desk.store.erase_document(id).is_err(),
        "the server does not have it yet"
    );
    assert!(desk.store.open_document(id, Part::Original).is_ok());
    desk.store.mark_stored(id).unwrap();
    desk.store.erase_document(id).unwrap();
    assert!(sealed_files(&desk).is_empty());
    fs::write(&name, backup).unwrap();
    for part in [Part::Original, Part::Rendition, Part::Thumbnail] {
        assert_eq!(
            desk.store.open_document(id, part).unwrap_err().code(),
            "store.document_erased"
        );
    }
    drop(desk);
    #[expect(clippy::disallowed_methods, reason = "a test looks behind the door")]
    let conn = rusqlite::Connection::open(dir.path().join("desk.db")).unwrap();
    conn.execute_batch(&format!("PRAGMA key = \"x'{}'\";", "07".repeat(32)))
        .unwrap();
    let keys: i64 = conn
        .query_row(
            "SELECT count(*) FROM document WHERE key IS NOT NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(keys, 0);
}

#[test]
fn files_that_a_crash_left_behind_are_swept_and_named_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let (id, _) = put(&desk, b"kept");
    let orphan = desk
        .paths
        .documents_dir
        .join(format!("{}.part", "ab".repeat(16)));
    let foreign = desk.paths.documents_dir.join("readme.txt");
    fs::write(&orphan, b"x").unwrap();
    fs::write(&foreign, b"x").unwrap();
    drop(desk);
    fs::write(dir.path().join("desk.lock"), b"open").unwrap();
    let chance = std::sync::Arc::new(Counted::from(5));
    let store = desk_store::Store::open(
        &crate::house::paths(dir.path()),
        &crate::house::key(),
        chance,
    )
    .unwrap();
    assert!(!orphan.exists());
    assert!(foreign.exists());
    assert_eq!(store.open_document(id, Part::Original).unwrap(), b"kept");
}
