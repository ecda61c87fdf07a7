//! The audit finds one changed byte, one missing row, one exchanged picture, and names it.

use crate::support::shared::is_shared;
use crate::support::{Desk, HERE, TestOffice, applied, office};
use desk_server::audit::{self, AuditError};
use desk_server::repo::RepoError;
use desk_server::repo::audit::{BadEntry, Flaw};
use std::fs;

/// One desk with a case, a note and a stored document.
fn written() -> (TestOffice, Desk) {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let (document, _, attach) = desk.attach(case, b"a fake label");
    let note = desk.note(case, "记录");
    assert!(desk.write(vec![create, attach, note]).iter().all(applied));
    let path = format!("/v1/documents/{document}");
    let kept = desk.send("PUT", &format!("{path}/chunks/0"), b"a fake label");
    assert_eq!(kept.status, 200);
    let done = desk.send("POST", &format!("{path}/complete"), b"");
    assert_eq!(done.status, 200);
    (office, desk)
}

/// Past the door: what somebody with the file, or the database's owner's password, in hand could do.
fn tamper(office: &TestOffice, sql: &str) {
    let on = if is_shared() { " ON journal" } else { "" };
    let guards = ["immutable", "kept"]
        .map(|name| format!("DROP TRIGGER IF EXISTS journal_{name}{on};"))
        .concat();
    let owner = if is_shared() { "RESET ROLE;" } else { "" };
    let sql = format!("{owner} {guards} {sql}");
    let repo = office.house().repo;
    repo.write_blocking(move |conn| Ok(conn.execute_batch(&sql)?))
        .unwrap();
}

fn first_bad(office: &TestOffice) -> BadEntry {
    let found = audit::verify(&office.house());
    assert!(
        matches!(found, Err(AuditError::Repo(RepoError::BadEntry(_)))),
        "{found:?}"
    );
    let Err(AuditError::Repo(RepoError::BadEntry(bad))) = found else {
        unreachable!("asserted above")
    };
    *bad
}

#[test]
fn an_office_that_nobody_touched_passes() {
    let (office, _) = written();
    let found = audit::verify(&office.house()).unwrap();
    // The desk's chain, and that of the office itself, which says that the document is stored.
    assert_eq!((found.walked.chains, found.walked.ops), (2, 4));
    assert_eq!(found.documents, 1);
}

#[test]
fn one_changed_letter_is_found_and_named() {
    let (office, desk) = written();
    tamper(
        &office,
        "UPDATE journal SET bytes = replace(bytes, '记录', '纪录') WHERE seq = 3",
    );
    let bad = first_bad(&office);
    assert_eq!((bad.device, bad.seq, bad.why), (desk.id, 3, Flaw::Hash));
    assert!(bad.to_string().starts_with("hash: desk "));
}

#[test]
fn a_row_taken_out_is_a_gap_and_an_end_cut_off_shows_at_the_head() {
    let (office, desk) = written();
    let of_desk = format!("device = '{}'", desk.id);
    tamper(
        &office,
        &format!("DELETE FROM journal WHERE {of_desk} AND seq = 3"),
    );
    let bad = first_bad(&office);
    assert_eq!((bad.seq, bad.why), (3, Flaw::Head));
    tamper(
        &office,
        &format!("UPDATE journal SET seq = 3 WHERE {of_desk} AND seq = 2"),
    );
    let bad = first_bad(&office);
    assert_eq!((bad.seq, bad.why), (3, Flaw::Gap));
}

#[test]
fn columns_that_contradict_the_op_and_a_chain_without_head_are_found() {
    let (office, desk) = written();
    let of_desk = format!("device = '{}'", desk.id);
    tamper(
        &office,
        &format!("UPDATE journal SET content = hash WHERE {of_desk} AND seq = 2"),
    );
    let bad = first_bad(&office);
    assert_eq!((bad.seq, bad.why), (2, Flaw::Columns));
    let (office, desk) = written();
    tamper(
        &office,
        &format!("DELETE FROM head WHERE device = '{}'", desk.id),
    );
    let bad = first_bad(&office);
    assert_eq!((bad.device, bad.seq, bad.why), (desk.id, 1, Flaw::NoHead));
}

#[test]
fn a_picture_that_was_exchanged_or_is_gone_is_named() {
    let (office, _) = written();
    let objects = office.config.data_dir.join("objects");
    let whole = only_file(&objects);
    fs::write(&whole, b"b fake label").unwrap();
    let wrong = audit::verify(&office.house()).unwrap_err();
    assert!(
        wrong.to_string().ends_with("is not what its name says"),
        "{wrong}"
    );
    fs::remove_file(&whole).unwrap();
    let gone = audit::verify(&office.house()).unwrap_err();
    assert!(gone.to_string().ends_with("is missing"), "{gone}");
}

/// The only file below a folder.
fn only_file(folder: &std::path::Path) -> std::path::PathBuf {
    let mut folder = folder.to_path_buf();
    while folder.is_dir() {
        folder = fs::read_dir(&folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
    }
    folder
}
