//! Backups: made beside a running server, read back before they count, restored into a new life.

use crate::support::{Desk, HERE, TestOffice, applied, office_on_file, outcomes};
use desk_domain::ids::{CaseId, Incarnation};
use desk_domain::op::ChainHash;
use desk_server::backup::{self, BackupError, Secret};
use desk_server::door::SystemChance;
use desk_server::repo::journal;
use desk_server::run::{House, rules};
use desk_server::{Server, ServerConfig};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

struct Kept {
    folder: tempfile::TempDir,
    file: PathBuf,
    secret: Secret,
}

fn key_in(folder: &Path) -> Secret {
    let path = folder.join("backup.key");
    backup::new_key_file(&path, &SystemChance).unwrap();
    Secret::from_key_file(&path).unwrap()
}

/// A case with a stored document, and a backup of it.
fn kept(office: &TestOffice, desk: &mut Desk) -> (Kept, CaseId) {
    let (case, create) = desk.new_case();
    let (document, _, attach) = desk.attach(case, b"a fake label");
    assert!(desk.write(vec![create, attach]).iter().all(applied));
    let path = format!("/v1/documents/{document}");
    assert_eq!(
        desk.send("PUT", &format!("{path}/chunks/0"), b"a fake label")
            .status,
        200
    );
    assert_eq!(
        desk.send("POST", &format!("{path}/complete"), b"").status,
        200
    );
    let folder = tempfile::tempdir().unwrap();
    let secret = key_in(folder.path());
    let file = folder.path().join("monday.udbackup");
    let summary = backup::create(&office.house(), &file, &secret).unwrap();
    assert_eq!((summary.documents, summary.ops), (1, 3));
    (
        Kept {
            folder,
            file,
            secret,
        },
        case,
    )
}

fn hello(desk: &Desk) -> Value {
    let body = json!({"device": desk.id, "app_version": "0"}).to_string();
    let reply = desk.send("POST", "/v1/sync/hello", body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn verify(kept: &Kept) -> Result<backup::Summary, BackupError> {
    let rules = rules(&ServerConfig::new(".")).unwrap();
    backup::verify(&kept.file, &kept.secret, &rules)
}

#[test]
fn what_a_verified_backup_holds_is_announced_to_its_desk_and_nothing_above_it() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let before = hello(&desk);
    assert_eq!(before["backup_safe_seq"], json!({}));
    let (_kept, case) = kept(&office, &mut desk);
    let note = desk.note(case, "之后");
    desk.write(vec![note]);
    let safe = hello(&desk)["backup_safe_seq"].clone();
    assert_eq!(safe, json!({ desk.incarnation.to_string(): 2 }));
}

#[test]
fn a_restored_server_is_another_life_with_the_same_cases_documents_and_chains() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let (kept, case) = kept(&office, &mut desk);
    let behind = desk.clone();
    let note = desk.note(case, "备份之后");
    let lost = desk.chain(vec![note]);
    outcomes(&desk.push(&lost));
    let epoch = hello(&desk)["epoch"].clone();
    let config = ServerConfig {
        data_dir: kept.folder.path().join("restored"),
        ..office.config.clone()
    };
    let rules = rules(&config).unwrap();
    let (summary, fresh) = backup::restore(&kept.file, &config, &kept.secret, &rules).unwrap();
    assert_eq!(json!(summary.epoch), epoch);
    let server = Server::start(config.clone()).unwrap();
    desk.addr = server.addr;
    assert_eq!(desk.pull(HERE, 0, 0).status, 401, "sessions do not survive");
    assert_eq!(desk.sign_in("agent", crate::support::PASSWORD).status, 200);
    let greeting = hello(&desk);
    assert_eq!(greeting["epoch"], json!(fresh));
    assert_ne!(greeting["epoch"], epoch);
    assert_eq!(greeting["heads"][0]["seq"], 2);
    assert_eq!(
        greeting["backup_safe_seq"],
        json!({ desk.incarnation.to_string(): 2 })
    );
    let page = desk.pull(HERE, 0, 0);
    assert!(page.text().contains("device_label") && !page.text().contains("备份之后"));
    // What the backup lacks is sent again and goes on where the chain ends.
    assert!(applied(&outcomes(&desk.push(&lost))[0]));
    assert_eq!(behind.seq + 1, desk.seq);
    let house = House::open(&config).unwrap();
    assert_eq!(house.repo.read_blocking(journal::count).unwrap(), (4, 4));
}

#[test]
fn a_backup_is_one_state_though_desks_go_on_writing() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    desk.write(vec![create]);
    let folder = tempfile::tempdir().unwrap();
    let secret = key_in(folder.path());
    let writing = std::thread::spawn(move || {
        for _ in 0..40 {
            let note = desk.note(case, "不停地写");
            assert!(applied(&desk.write(vec![note])[0]));
        }
        desk
    });
    for n in 0..3 {
        let file = folder.path().join(format!("{n}.udbackup"));
        let summary = backup::create(&office.house(), &file, &secret).unwrap();
        assert_eq!(summary.heads[0].seq, summary.ops);
    }
    let desk = writing.join().unwrap();
    assert_eq!(hello(&desk)["heads"][0]["seq"], 41);
}

#[test]
fn a_file_that_is_cut_flipped_or_somebody_elses_is_not_taken_for_a_backup() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let (kept, _) = kept(&office, &mut desk);
    let whole = fs::read(&kept.file).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&kept.file, bytes).unwrap();
        verify(&kept).unwrap_err().to_string()
    };
    for length in [0, 7, 44, 60, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..length]);
    }
    for at in [0, 8, 9, 30, 44, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        refused(&flipped);
    }
    refused(&[whole.as_slice(), b"more"].concat());
    refused(&[7; 5000]);
    let other = tempfile::tempdir().unwrap();
    fs::write(&kept.file, &whole).unwrap();
    let rules = rules(&ServerConfig::new(".")).unwrap();
    let wrong = backup::verify(&kept.file, &key_in(other.path()), &rules);
    assert!(matches!(wrong, Err(BackupError::WrongKey)));
    assert!(verify(&kept).is_ok());
    let left: Vec<_> = fs::read_dir(kept.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing half-done stays: {left:?}");
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let (kept, _) = kept(&office, &mut desk);
    let again = backup::create(&office.house(), &kept.file, &kept.secret);
    assert!(matches!(again, Err(BackupError::AlreadyThere(_))));
    let rules = rules(&office.config).unwrap();
    let over = backup::restore(&kept.file, &office.config, &kept.secret, &rules);
    assert!(matches!(over, Err(BackupError::AlreadyThere(_))));
    let key = backup::new_key_file(&kept.folder.path().join("backup.key"), &SystemChance);
    assert!(matches!(key, Err(BackupError::AlreadyThere(_))));
}

#[test]
fn a_passphrase_opens_what_it_sealed_and_a_short_one_is_none() {
    let office = office_on_file();
    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words");
    fs::write(&words, "太短\n").unwrap();
    assert!(matches!(
        Secret::from_passphrase_file(&words),
        Err(BackupError::BadSecret)
    ));
    fs::write(&words, "一二三四五六七八九十甲乙丙丁戊己庚辛\n").unwrap();
    let secret = Secret::from_passphrase_file(&words).unwrap();
    let file = folder.path().join("words.udbackup");
    backup::create(&office.house(), &file, &secret).unwrap();
    let rules = rules(&office.config).unwrap();
    assert!(backup::verify(&file, &secret, &rules).is_ok());
    let key = key_in(folder.path());
    assert!(matches!(
        backup::verify(&file, &key, &rules),
        Err(BackupError::WrongKey)
    ));
}

#[test]
fn a_backup_shows_no_name_number_or_word_of_anybody() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let (kept, _) = kept(&office, &mut desk);
    let bytes = fs::read(&kept.file).unwrap();
    for word in ["示例agent", "SQLite format 3", "a fake label", "agent"] {
        let found = bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes());
        assert!(!found, "{word}");
    }
}

#[test]
fn a_document_that_is_missing_on_the_disk_makes_no_backup() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let (kept, _) = kept(&office, &mut desk);
    fs::remove_dir_all(office.dir.path().join("objects").join(HERE)).unwrap();
    let file = kept.folder.path().join("tuesday.udbackup");
    assert!(backup::create(&office.house(), &file, &kept.secret).is_err());
    assert!(!file.exists());
}

#[test]
fn heads_of_another_database_make_nothing_safe() {
    let (one, two) = (office_on_file(), office_on_file());
    let (mut here, there) = (one.desk(HERE, "agent"), two.desk(HERE, "agent"));
    let (kept, _) = kept(&one, &mut here);
    let mut summary = verify(&kept).unwrap();
    for head in &mut summary.heads {
        head.device = there.id;
        head.incarnation = Incarnation::from_uuid(there.id.uuid());
        head.hash = ChainHash::GENESIS;
    }
    backup::note_safe(&two.house(), &summary).unwrap();
    assert_eq!(hello(&there)["backup_safe_seq"], json!({}));
}
