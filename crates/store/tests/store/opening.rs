//! A desk file opens with its own key or not at all.

use crate::house::{Counted, Desk, key, paths};
use desk_domain::field::FieldKey;
use desk_store::{DbKey, Store, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn open(dir: &Path, key: &DbKey) -> Result<Store, StoreError> {
    Store::open(&paths(dir), key, Arc::new(Counted::from(9)))
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_file());
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn opening_a_missing_file_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(open(dir.path(), &key()), Err(StoreError::Missing)));
    assert!(files(dir.path()).is_empty());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_wrong_key_is_told_and_changes_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    drop(Desk::at(dir.path()));
    let before = files(dir.path());
    let error = open(dir.path(), &DbKey::from_bytes([8; 32])).unwrap_err();
    assert_eq!(error.code(), "store.wrong_key");
    assert_eq!(files(dir.path()), before);
    open(dir.path(), &key()).unwrap();
}

#[test]
fn a_wrong_key_does_not_touch_a_wal_left_by_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let case = desk.new_case();
    // A copy of a living desk is what a power cut leaves.
    let copy = tempfile::tempdir().unwrap();
    for name in ["desk.db", "desk.db-wal"] {
        fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    fs::write(copy.path().join("desk.lock"), b"open").unwrap();
    let wal = fs::read(copy.path().join("desk.db-wal")).unwrap();
    assert!(!wal.is_empty());
    assert!(matches!(
        open(copy.path(), &DbKey::from_bytes([8; 32])),
        Err(StoreError::WrongKey)
    ));
    assert_eq!(fs::read(copy.path().join("desk.db-wal")).unwrap(), wal);
    let store = open(copy.path(), &key()).unwrap();
    assert!(store.opened_after_unclean_exit());
    assert!(store.case_view(case).unwrap().is_some());
}

#[test]
fn a_plain_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut plain = b"SQLite format 3\0".to_vec();
    plain.resize(4096, 0);
    fs::write(dir.path().join("desk.db"), &plain).unwrap();
    assert_eq!(
        open(dir.path(), &key()).unwrap_err().code(),
        "store.not_encrypted"
    );
    assert_eq!(fs::read(dir.path().join("desk.db")).unwrap(), plain);
}

#[test]
fn an_empty_file_is_not_taken_for_a_new_desk() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("desk.db"), b"").unwrap();
    assert_eq!(
        open(dir.path(), &key()).unwrap_err().code(),
        "store.damaged"
    );
    assert_eq!(fs::metadata(dir.path().join("desk.db")).unwrap().len(), 0);
}

#[test]
fn a_desk_is_not_created_over_another() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let case = desk.new_case();
    drop(desk);
    let again = Store::create(&paths(dir.path()), &key(), Arc::new(Counted::from(3)));
    assert_eq!(again.unwrap_err().code(), "store.already_there");
    assert!(
        open(dir.path(), &key())
            .unwrap()
            .case_view(case)
            .unwrap()
            .is_some()
    );
}

#[test]
fn two_processes_do_not_share_one_profile() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    assert_eq!(open(dir.path(), &key()).unwrap_err().code(), "store.in_use");
    drop(desk);
    open(dir.path(), &key()).unwrap();
}

#[test]
fn a_library_without_the_key_cannot_read_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let case = desk.new_case();
    desk.set(case, FieldKey::MerchantName, "金丝雀商行")
        .unwrap();
    drop(desk);
    let conn = unkeyed(&dir.path().join("desk.db"));
    let read: Result<i64, _> =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
    assert!(read.is_err());
}

#[expect(
    clippy::disallowed_methods,
    reason = "the point is to open it without the door"
)]
fn unkeyed(db: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(db).unwrap()
}

#[test]
fn the_plain_sqlite3_program_cannot_read_the_file() {
    let dir = tempfile::tempdir().unwrap();
    drop(Desk::at(dir.path()));
    let Ok(told) = Command::new("sqlite3")
        .arg(dir.path().join("desk.db"))
        .arg(".tables")
        .output()
    else {
        // Without the program on this machine, the header below says the same.
        let header = fs::read(dir.path().join("desk.db")).unwrap();
        assert_ne!(&header[..16], b"SQLite format 3\0");
        return;
    };
    let text = String::from_utf8_lossy(&told.stderr);
    assert!(text.contains("not a database"), "{text}");
}

#[test]
fn nothing_that_was_typed_stands_readable_in_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::at(dir.path());
    let case = desk.new_case();
    desk.set(case, FieldKey::MerchantName, "金丝雀商行CANARY")
        .unwrap();
    desk.store
        .put_draft(case, FieldKey::RequestWords, "CANARY draft")
        .unwrap();
    desk.store.upkeep(100).unwrap();
    desk.set(case, FieldKey::MerchantName, "金丝雀二号CANARY")
        .unwrap();
    for (name, bytes) in files(dir.path()) {
        assert!(
            !bytes.windows(6).any(|window| window == b"CANARY"),
            "{name}"
        );
        assert!(
            !bytes.windows(9).any(|window| window == "金丝雀".as_bytes()),
            "{name}"
        );
    }
}

#[test]
fn a_file_of_a_newer_desk_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(Desk::at(dir.path()));
    let conn = unkeyed(&dir.path().join("desk.db"));
    conn.execute_batch(&format!("PRAGMA key = \"x'{}'\";", "07".repeat(32)))
        .unwrap();
    conn.execute(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (900, 'add_future', '2030-01-01T00:00:00Z', '1')",
        [],
    )
    .unwrap();
    drop(conn);
    assert_eq!(
        open(dir.path(), &key()).unwrap_err().code(),
        "store.newer_schema"
    );
}
