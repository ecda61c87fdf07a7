//! A server that was restored, a standby that lacks the last ops, a row that rotted: real files, a real server process,
//! two desks. Nothing is lost, nothing is doubled, and everybody ends with what the server has.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

use desk_domain::case::Case;
use desk_domain::digest::{Sum, Sums, bucket_of};
use desk_domain::ids::{CaseId, DocumentId};
use desk_server::ServerConfig;
use desk_server::run::House;
use desk_store::DigestStand;
use desk_tests::courier_desk::{CourierDesk, branch};
use desk_tests::office::{BRANCH, Office};
use desk_tests::programs::files_below;
use std::fs;
use std::path::{Path, PathBuf};

struct Houses {
    folder: tempfile::TempDir,
    office: Office,
    one: CourierDesk,
    two: CourierDesk,
}

impl Houses {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("server");
        fs::create_dir(&data).unwrap();
        let office = Office::open(&data, 2).unwrap();
        let desk = |login: &str| {
            let home = folder.path().join(login);
            fs::create_dir(&home).unwrap();
            CourierDesk::enrol(&office, &home, BRANCH, login).unwrap()
        };
        let (one, two) = (desk("agent1"), desk("clerk1"));
        Self {
            folder,
            office,
            one,
            two,
        }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn data(&self) -> PathBuf {
        self.path("server")
    }
    fn desks(&self) -> [&CourierDesk; 2] {
        [&self.one, &self.two]
    }
    /// Until nothing waits anywhere and both desks hold what the server's database holds.
    fn settle(&self) {
        for desk in self.desks() {
            desk.sync_now();
        }
        for desk in self.desks() {
            desk.until_settled().unwrap();
            desk.until("the desk holds what the server holds", |desk| {
                held(desk) == Some(self.truth())
            })
            .unwrap();
        }
    }
    /// The sums of what the server's database holds for the branch.
    fn truth(&self) -> Sums {
        let mut sums = Sums::default();
        for case in server_cases(&self.data()) {
            if case.office.as_str() == BRANCH {
                sums.add(bucket_of(case.id), Sum::of(&case).unwrap());
            }
        }
        sums
    }
}

fn held(desk: &CourierDesk) -> Option<Sums> {
    match desk
        .bare
        .store
        .scope_digest(&branch(BRANCH).unwrap())
        .unwrap()
    {
        DigestStand::Ready(digest) => Some(digest.sums),
        DigestStand::Working | DigestStand::Unfilled => None,
    }
}

fn server_cases(data: &Path) -> Vec<Case> {
    let house = House::open(&ServerConfig::new(data)).unwrap();
    house
        .repo
        .read_blocking(|conn| {
            let mut select = conn.prepare_cached("SELECT snapshot FROM case_file")?;
            let rows = select.query_map((), |row| row.get::<String>(0))?;
            let mut cases = Vec::new();
            for row in rows {
                cases.push(serde_json::from_str(&row?)?);
            }
            Ok(cases)
        })
        .unwrap()
}

fn server_case(data: &Path, id: CaseId) -> Case {
    let cases = server_cases(data);
    cases.into_iter().find(|case| case.id == id).unwrap()
}

/// How often each text stands on the server's case.
fn notes(data: &Path, id: CaseId) -> Vec<String> {
    let case = server_case(data, id);
    let mut texts: Vec<String> = case.notes.into_iter().map(|note| note.text).collect();
    texts.sort();
    texts
}

fn until_stored(desk: &CourierDesk, case: CaseId, document: DocumentId) {
    desk.until("the document is with the server", |desk| {
        let seen = desk.case(case);
        seen.and_then(|case| case.documents.get(&document).map(|there| there.stored)) == Some(true)
    })
    .unwrap();
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from).unwrap() {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

#[test]
fn a_restored_server_gets_back_what_its_backup_lacked_and_every_desk_agrees_with_it() {
    let mut house = Houses::open();
    let key = house.path("backup.key");
    let file = house.path("monday.udbackup");
    let (key_text, file_text) = (key.to_str().unwrap(), file.to_str().unwrap());
    fs::write(&key, format!("{}\n", "5a".repeat(32))).unwrap();
    // Before the backup.
    let case = house.one.open_case("备份之前").unwrap();
    let photo = house.one.bare.attach(case, &vec![1; 70_000]).unwrap();
    until_stored(&house.one, case, photo);
    house.settle();
    let made = house
        .office
        .admin(&["backup", "create", "--key-file", key_text, file_text])
        .unwrap();
    assert!(made.contains("\"documents\":"), "{made}");
    // After the backup, all of it acknowledged.
    house.two.note(case, "备份之后").unwrap();
    let later = house.one.open_case("备份之后的案").unwrap();
    let second = house.one.bare.attach(later, &vec![2; 50_000]).unwrap();
    until_stored(&house.one, later, second);
    house.settle();
    let before = server_cases(&house.data());
    // The disk dies; the backup takes its place.
    house.office.stop();
    fs::rename(house.data(), house.path("lost")).unwrap();
    let restored = house
        .office
        .admin(&["backup", "restore", "--key-file", key_text, file_text])
        .unwrap();
    assert!(restored.contains("\"epoch_before\":"), "{restored}");
    assert!(
        !server_cases(&house.data())
            .iter()
            .any(|case| case.id == later)
    );
    house.office.restart().unwrap();
    for desk in house.desks() {
        desk.sign_in_again().unwrap();
    }
    house.one.sync_now();
    house
        .one
        .until("the server has it again", |_| {
            let cases = server_cases(&house.data());
            cases.iter().any(|one| {
                let document = one.documents.get(&second);
                one.id == later && document.is_some_and(|there| there.stored)
            })
        })
        .unwrap();
    house.settle();
    until_stored(&house.two, later, second);
    assert_eq!(notes(&house.data(), case), ["备份之前", "备份之后"]);
    assert_eq!(notes(&house.data(), later), ["备份之后的案"]);
    let after = server_cases(&house.data());
    assert_eq!(before.len(), after.len());
    let stored = files_below(&house.data().join("objects")).unwrap().len();
    let had = files_below(&house.path("lost").join("objects"))
        .unwrap()
        .len();
    assert_eq!(stored, had, "every document is back");
    for desk in house.desks() {
        assert_eq!(desk.status().unwrap().repaired_cases, 0, "the feeds did it");
    }
}

#[test]
fn a_standby_that_lacks_the_last_ops_is_noticed_under_the_same_epoch() {
    let mut house = Houses::open();
    let case = house.one.open_case("先").unwrap();
    house.settle();
    // What the standby has.
    house.office.stop();
    copy(&house.data(), &house.path("standby"));
    house.office.restart().unwrap();
    for desk in house.desks() {
        desk.sync_now();
    }
    house.one.note(case, "主库才有").unwrap();
    let later = house.two.open_case("主库才有的案").unwrap();
    house.settle();
    // The main one is gone; the standby answers at its address.
    house.office.stop();
    fs::rename(house.data(), house.path("lost")).unwrap();
    fs::rename(house.path("standby"), house.data()).unwrap();
    house.office.restart().unwrap();
    for desk in house.desks() {
        desk.sync_now();
    }
    for desk in house.desks() {
        desk.until("both ops are back", |_| {
            let cases = server_cases(&house.data());
            cases.iter().any(|one| one.id == later)
                && notes(&house.data(), case) == ["主库才有", "先"]
        })
        .unwrap();
    }
    house.settle();
    assert_eq!(notes(&house.data(), later), ["主库才有的案"]);
}

#[test]
fn a_confirmed_case_that_rotted_in_the_file_is_mended_and_people_are_told() {
    let house = Houses::open();
    let case = house.one.open_case("原来的字").unwrap();
    house.settle();
    let spoilt = house
        .one
        .bare
        .past_the_door()
        .unwrap()
        .execute(
            "UPDATE case_body SET confirmed = replace(confirmed, '原来的字', '烂掉的字') \
             WHERE confirmed LIKE '%原来的字%'",
            [],
        )
        .unwrap();
    assert_eq!(spoilt, 1);
    let text = |desk: &CourierDesk| desk.case(case).unwrap().notes[0].text.clone();
    assert_eq!(text(&house.one), "烂掉的字");
    house.one.sync_now();
    house
        .one
        .until("the case is mended", |desk| text(desk) == "原来的字")
        .unwrap();
    house
        .one
        .until("people are told", |desk| {
            desk.status()
                .is_some_and(|status| status.repaired_cases == 1 && status.repaired_at.is_some())
        })
        .unwrap();
    house.settle();
    let told = house.office.admin(&["device", "events"]).unwrap();
    assert!(told.contains("desk.cases_differed"), "{told}");
    assert!(told.contains(&house.one.bare.device.to_string()));
}
