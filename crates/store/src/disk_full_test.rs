//! A full disk: an error that says so, and nothing lost.

use crate::house::Desk;
use crate::store::hold;
use desk_domain::field::FieldKey;

fn set_page_limit(desk: &Desk, extra: i64) {
    let writer = hold(&desk.store.writer);
    let pages: i64 = writer
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    let sql = format!("PRAGMA max_page_count = {}", pages + extra);
    writer.query_row(&sql, [], |_| Ok(())).unwrap();
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let desk = Desk::new();
    let case = desk.new_case();
    desk.store
        .put_draft(case, FieldKey::ReasonText, "typed before")
        .unwrap();
    set_page_limit(&desk, 2);
    let long = "示例".repeat(200);
    let mut written = 1;
    let error = loop {
        assert!(written < 2_000, "the limit never bit");
        match desk.set(case, FieldKey::RequestWords, &format!("{long}{written}")) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "store.disk_full");
    assert!(
        desk.store.disk_is_low(),
        "the ballast was given up for the op in hand"
    );
    let before = desk.store.case_view(case).unwrap().unwrap();
    assert_eq!(
        desk.store
            .put_draft(case, FieldKey::UnsettledNote, &"x".repeat(90_000))
            .unwrap_err()
            .code(),
        "store.disk_full"
    );
    assert_eq!(desk.store.case_view(case).unwrap().unwrap(), before);
    assert_eq!(before.drafts[&FieldKey::ReasonText], "typed before");
    let report = desk.store.verify_chain().unwrap();
    assert_eq!((report.sound, report.first_bad), (written, None));
    assert_eq!(before.case.rev, written);
    // Room again: the same op goes through.
    set_page_limit(&desk, 10_000);
    desk.set(case, FieldKey::RequestWords, &long).unwrap();
    desk.store.upkeep(100).unwrap();
    assert!(!desk.store.disk_is_low());
}

#[test]
fn documents_are_read_only_while_the_disk_is_low() {
    let desk = Desk::new();
    assert!(desk.store.ballast.release());
    let manifest = crate::manifest_of(b"x", "image/png", 1);
    let document = crate::NewDocument {
        id: desk_domain::ids::DocumentId::new(crate::house::START, &*desk.chance),
        original: b"x",
        rendition: None,
        thumbnail: None,
        manifest: &manifest,
        quality: None,
        added_at: crate::house::START,
    };
    assert_eq!(
        desk.store.put_document(&document).unwrap_err().code(),
        "store.disk_full"
    );
    desk.store.upkeep(1).unwrap();
    desk.store.put_document(&document).unwrap();
}

#[test]
fn a_save_waits_for_the_disk() {
    let desk = Desk::new();
    let writer = hold(&desk.store.writer);
    let pragma = |name: &str| {
        writer
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(
        pragma("synchronous"),
        2,
        "FULL: the WAL is synced before a commit returns"
    );
    assert_eq!(
        pragma("wal_autocheckpoint"),
        0,
        "no checkpoint hides inside a save"
    );
    assert_eq!(pragma("foreign_keys"), 1);
    let mode: String = writer
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}
