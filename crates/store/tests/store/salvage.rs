//! A damaged file gives back everything that can still be read, says what it could not, and is never thrown away.

use crate::house::{Counted, Desk, START, judge, key, paths};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DocumentId, OpId};
use desk_store::{
    Acknowledged, Keepsake, Mend, NewDocument, Part, Recovered, Store, StoreError, manifest_of,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const PAGE: usize = 4096;

/// What a desk held before its file was damaged.
struct Before {
    dir: tempfile::TempDir,
    ops: Vec<OpId>,
    case: CaseId,
    document: DocumentId,
    keepsake: Keepsake,
}

/// A desk with forty unsent ops, drafts and a document, closed properly.
fn desk() -> Before {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let before = fill(&desk, dir);
    drop(desk);
    before
}

fn fill(desk: &Desk, dir: tempfile::TempDir) -> Before {
    let mut case = desk.new_case();
    for i in 0..36 {
        if i % 9 == 8 {
            case = desk.new_case();
        }
        desk.set(case, FieldKey::RequestWords, &format!("机器坏了第{i}次"))
            .unwrap();
    }
    desk.store
        .put_draft(case, FieldKey::ReasonText, "还没写完")
        .unwrap();
    let document = DocumentId::new(START, &*desk.chance);
    desk.store
        .put_document(&NewDocument {
            id: document,
            original: b"paper",
            rendition: None,
            thumbnail: None,
            manifest: &manifest_of(b"paper", "image/png", 1),
            quality: None,
            added_at: START,
        })
        .unwrap();
    desk.store.put_setting("app.mode", "\"kept\"").unwrap();
    let rows = desk.store.unsent(0, 1_000, usize::MAX).unwrap();
    let users = [desk.agent.user];
    Before {
        dir,
        ops: rows.iter().map(|row| row.op_id).collect(),
        case,
        document,
        keepsake: desk.store.keepsake(&["app.mode"], &users).unwrap().unwrap(),
    }
}

impl Before {
    /// A copy of the closed desk, as an unclean exit leaves it.
    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_files(self.dir.path(), copy.path());
        copy
    }
    fn db(&self) -> Vec<u8> {
        fs::read(self.dir.path().join("desk.db")).unwrap()
    }
}

fn copy_files(from: &Path, to: &Path) {
    for name in ["desk.db", "desk.db-wal"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    fs::create_dir_all(to.join("documents")).unwrap();
    for entry in fs::read_dir(from.join("documents")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        fs::copy(&path, to.join("documents").join(name)).unwrap();
    }
    fs::write(to.join("desk.lock"), b"open").unwrap();
}

fn open(dir: &Path) -> Result<Store, StoreError> {
    let store = Store::open(&paths(dir), &key(), Arc::new(Counted::from(99)))?;
    store.set_judge(judge());
    store.finish_recovery()?;
    Ok(store)
}

fn recover(dir: &Path, keepsake: Option<&Keepsake>) -> Result<Recovered, StoreError> {
    let chance = Counted::from(77);
    let mend = Mend {
        keepsake,
        outside: None,
        chance: &chance,
        at: START + 1,
    };
    Store::recover(&paths(dir), &key(), &mend)
}

fn kept(store: &Store) -> BTreeSet<OpId> {
    let rows = store.unsent(0, 10_000, usize::MAX).unwrap();
    let outbox = store.outbox().unwrap();
    assert_eq!(
        u64::try_from(rows.len()).unwrap(),
        outbox.unsent + outbox.parked
    );
    rows.into_iter().map(|row| row.op_id).collect()
}

/// Opens what may be damaged; mends it when it is. Returns what is missing, and what the recovery said.
fn opened(before: &Before, dir: &Path) -> (Store, usize, Option<Recovered>) {
    let damaged = fs::read(dir.join("desk.db")).unwrap();
    let (store, said) = match open(dir) {
        Ok(store) => (store, None),
        Err(StoreError::Damaged(_) | StoreError::WrongKey) => {
            let said = recover(dir, Some(&before.keepsake)).unwrap();
            let aside = fs::read(said.moved_to.join("desk.db")).unwrap();
            assert_eq!(aside, damaged, "the damaged file is whole, elsewhere");
            (open(dir).unwrap(), Some(said))
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(store.verify_chain().unwrap().first_bad, None);
    let kept = kept(&store);
    let missing = before.ops.iter().filter(|op| !kept.contains(op)).count();
    if let Some(said) = &said {
        assert_eq!(said.lost, u64::try_from(missing).unwrap());
        assert_eq!(said.kept, u64::try_from(kept.len()).unwrap());
        let alerts = store.alerts().unwrap();
        assert_eq!(alerts[0].code, "desk.recovered");
        assert_eq!(alerts[0].params["lost"], missing.to_string());
    }
    (store, missing, said)
}

#[test]
fn one_bad_page_costs_what_stands_on_it_and_nothing_else() {
    let before = desk();
    let db = before.db();
    let (mut missing, mut without_draft, mut without_key, mut mended) = (0, 0, 0, 0);
    for page in 0..db.len() / PAGE {
        let copy = before.copy();
        let mut bytes = db.clone();
        bytes[page * PAGE + (page * 131) % PAGE] ^= 0x10;
        fs::write(copy.path().join("desk.db"), &bytes).unwrap();
        let (store, gone, said) = opened(&before, copy.path());
        mended += usize::from(said.is_some());
        missing += gone;
        without_draft += usize::from(store.drafts(before.case).unwrap().is_empty());
        let paper = store.open_document(before.document, Part::Original);
        without_key += usize::from(paper.is_err());
        assert_eq!(
            store.setting("app.mode").unwrap().as_deref(),
            Some("\"kept\"")
        );
    }
    // Each op, draft and key stands on one page: over all pages each is lost exactly once.
    assert_eq!(missing, before.ops.len());
    assert_eq!((without_draft, without_key), (1, 1));
    assert!(mended > 20, "{mended}");
}

#[test]
fn a_destroyed_beginning_costs_no_op() {
    let before = desk();
    for destroyed in [16, 100, PAGE] {
        let copy = before.copy();
        let mut bytes = before.db();
        bytes[..destroyed].fill(0xee);
        fs::write(copy.path().join("desk.db"), &bytes).unwrap();
        let (store, missing, said) = opened(&before, copy.path());
        assert!(said.is_some());
        assert_eq!(missing, 0, "{destroyed}");
        let view = store.case_view(before.case).unwrap().unwrap();
        assert!(view.case.fields.contains_key(&FieldKey::RequestWords));
        assert_eq!(view.drafts[&FieldKey::ReasonText], "还没写完");
        let paper = store.open_document(before.document, Part::Original);
        assert_eq!(paper.unwrap(), b"paper");
    }
}

#[test]
fn a_truncated_file_gives_back_what_is_left_of_it() {
    let before = desk();
    let db = before.db();
    let mut missing_by_length = Vec::new();
    for eighth in 1..8 {
        let copy = before.copy();
        let len = db.len() * eighth / 8 + 7;
        fs::write(copy.path().join("desk.db"), &db[..len]).unwrap();
        let (_store, missing, said) = opened(&before, copy.path());
        assert!(
            said.is_some(),
            "a short file is never taken for a whole one"
        );
        missing_by_length.push(missing);
    }
    assert!(
        missing_by_length.is_sorted_by(|a, b| a >= b),
        "{missing_by_length:?}"
    );
    assert!(
        missing_by_length[6] < before.ops.len(),
        "{missing_by_length:?}"
    );
}

#[test]
fn a_log_torn_in_its_middle_drops_no_confirmed_save_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let before = fill(&desk, dir);
    let wal = fs::read(before.dir.path().join("desk.db-wal")).unwrap();
    let step = 24 + PAGE;
    let frames = (wal.len() - 32) / step;
    assert!(frames > 40);
    for frame in (0..frames - 20).step_by(frames / 13) {
        // In a frame's header, in its page, and (once) in the header of the log itself.
        for at in [32 + frame * step + 9, 32 + frame * step + 2_000, 17] {
            let copy = before.copy();
            let mut torn = wal.clone();
            torn[at] ^= 0x04;
            fs::write(copy.path().join("desk.db-wal"), &torn).unwrap();
            let (_store, missing, said) = opened(&before, copy.path());
            assert!(said.is_some(), "frame {frame} at {at}");
            // An op in the torn frame stands, mostly, in a later image of the same page too.
            assert!(missing <= 5, "frame {frame}: {missing}");
        }
    }
    let copy = before.copy();
    let (_store, missing, said) = opened(&before, copy.path());
    assert_eq!(
        (missing, said),
        (0, None),
        "an untouched copy needs no mending"
    );
}

#[test]
fn an_action_that_lost_a_part_waits_for_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let case = desk.new_case();
    let said = |i: usize| desk.set_op(case, FieldKey::RequestWords, &format!("机器坏了第{i}次"));
    let ops: Vec<_> = (0..12).map(said).collect();
    desk.store.append(&ops, &[]).unwrap();
    let all: Vec<OpId> = ops.iter().map(|op| op.op_id).collect();
    let users = [desk.agent.user];
    let keepsake = desk.store.keepsake(&[], &users).unwrap().unwrap();
    drop(desk);
    let whole = fs::read(dir.path().join("desk.db")).unwrap();
    let mut seen = false;
    for page in 0..whole.len() / PAGE {
        let copy = tempfile::tempdir().unwrap();
        copy_files(dir.path(), copy.path());
        let mut bytes = whole.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0);
        fs::write(copy.path().join("desk.db"), &bytes).unwrap();
        let Ok(said) = recover(copy.path(), Some(&keepsake)) else {
            continue;
        };
        if said.parked == 0 {
            continue;
        }
        seen = true;
        let store = open(copy.path()).unwrap();
        let rows = store.outbox_rows(10).unwrap();
        let parked: Vec<_> = rows.iter().filter(|row| row.reason.is_some()).collect();
        assert_eq!(u64::try_from(parked.len()).unwrap(), said.parked);
        assert_eq!(
            parked[0].reason.as_deref(),
            Some("desk.recovered_incomplete")
        );
        assert!(parked.iter().all(|row| all.contains(&row.op_id)));
        // A person sends what is left: it is an action of its own now, and moves.
        assert_eq!(store.retry_parked(parked[0].op_id).unwrap(), said.parked);
        let rows = store.unsent(0, 100, usize::MAX).unwrap();
        assert!(rows.iter().rev().take(parked.len()).all(|row| !row.parked));
        assert_eq!(store.outbox().unwrap().parked, 0);
    }
    assert!(seen, "no page held a part of the action only");
}

#[test]
fn what_the_server_has_is_not_counted_as_lost_and_is_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let before = fill(&desk, dir);
    let rows = desk.store.unsent(0, 1_000, usize::MAX).unwrap();
    let half = &rows[19];
    desk.store
        .acknowledge(&Acknowledged {
            first_seq: 1,
            incarnation: half.incarnation,
            seq: half.seq,
            hash: half.hash,
            outcomes: Vec::new(),
        })
        .unwrap();
    drop(desk);
    let copy = before.copy();
    let mut bytes = before.db();
    bytes[..PAGE].fill(0);
    fs::write(copy.path().join("desk.db"), &bytes).unwrap();
    let said = recover(copy.path(), Some(&before.keepsake)).unwrap();
    assert_eq!((said.kept, said.lost), (rows.len() as u64 - 20, 0));
    let store = open(copy.path()).unwrap();
    let sent_again = kept(&store);
    assert!(
        rows[..20]
            .iter()
            .all(|row| !sent_again.contains(&row.op_id))
    );
    assert_eq!(store.verify_chain().unwrap().first_bad, None);
}

#[test]
fn a_foreign_or_unreadable_file_is_refused_and_stays_as_it_is() {
    let before = desk();
    for bytes in [vec![0x5a; 20 * PAGE], vec![0; 10], Vec::new()] {
        let copy = before.copy();
        fs::write(copy.path().join("desk.db"), &bytes).unwrap();
        assert!(recover(copy.path(), None).is_err());
        assert_eq!(fs::read(copy.path().join("desk.db")).unwrap(), bytes);
        let names: Vec<_> = fs::read_dir(copy.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("mend") || name.starts_with("damaged"))
            .collect();
        assert!(names.is_empty(), "{names:?}");
        assert!(open(copy.path()).is_err(), "never an empty desk instead");
    }
    let missing = tempfile::tempdir().unwrap();
    assert!(matches!(
        recover(missing.path(), None),
        Err(StoreError::Missing)
    ));
}

#[test]
fn a_recovery_that_a_power_cut_broke_off_goes_on_at_the_next_start() {
    let before = desk();
    let mut spoilt = before.db();
    spoilt[..PAGE].fill(0xee);
    for moved in 0..3 {
        let copy = before.copy();
        fs::write(copy.path().join("desk.db"), &spoilt).unwrap();
        fs::write(copy.path().join("desk.db-wal"), b"an old log").unwrap();
        recover(copy.path(), Some(&before.keepsake)).unwrap();
        // As it stood before the last renames: the new file whole under its own name, some of the old ones moved.
        let dir = copy.path();
        let aside = dir.join(format!("damaged-{}", START + 1));
        fs::rename(dir.join("desk.db"), dir.join("desk.db.mended")).unwrap();
        if moved < 2 {
            fs::rename(aside.join("desk.db"), dir.join("desk.db")).unwrap();
        }
        if moved < 1 {
            fs::rename(aside.join("desk.db-wal"), dir.join("desk.db-wal")).unwrap();
        }
        let store = open(dir).unwrap();
        assert_eq!(kept(&store).len(), before.ops.len());
        assert_eq!(fs::read(aside.join("desk.db")).unwrap(), spoilt);
        assert_eq!(fs::read(aside.join("desk.db-wal")).unwrap(), b"an old log");
        assert!(!dir.join("desk.db.mended").exists());
    }
}
