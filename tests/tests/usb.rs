//! Two desks without a network hand over by stick: out, in at headquarters by command line and by HTTP, receipts back,
//! equal counts and hashes on both sides, and nothing doubles when the network comes back.
#![expect(clippy::unwrap_used, reason = "a story ends at the first surprise")]

use desk_app::commands::{usb_export, usb_import, usb_places};
use desk_app::document_digests;
use desk_app::dto::{Nothing, UiError, UsbExport, UsbImport, UsbTaken, UsbWritten};
use desk_domain::ids::DeviceId;
use desk_domain::time::{Clock, Millis};
use desk_sync::{FrontDoor, NetConfig};
use desk_tests::case_script;
use desk_tests::desk::{PATIENCE, TestDesk};
use desk_tests::office::{BRANCH, Office, password};
use desk_tests::papers::draw_papers;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

struct House {
    folder: tempfile::TempDir,
    office: Office,
}

impl House {
    fn open() -> Self {
        let (folder, office) = Office::open_fresh(3).unwrap();
        draw_papers(&folder.path().join("papers")).unwrap();
        Self { folder, office }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Enrolled while there was a network; it knows headquarters' keys from then.
    fn desk(&self, login: &str) -> TestDesk {
        let desk = TestDesk::open(&self.path(login)).unwrap();
        let code = self.office.enrol_code(BRANCH).unwrap();
        desk.enrol(self.office.url(), &code, login).unwrap();
        let scratch = self.path(&format!("{login}-scratch"));
        std::fs::create_dir(&scratch).unwrap();
        let mut seen = 0;
        loop {
            match export(&desk, &scratch) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.code, "bundle.keys_unknown"),
            }
            if let Some(changed) = desk.desk().events_since(seen, Duration::from_millis(250)) {
                seen = changed.n;
            }
        }
        synced(&desk);
        desk
    }

    fn stick(&self, name: &str) -> PathBuf {
        let stick = self.path(name);
        std::fs::create_dir(&stick).unwrap();
        stick
    }

    /// The server's database, read with the plain tool.
    fn rows(&self, question: &str) -> Vec<String> {
        let output = Command::new("sqlite3")
            .arg("-readonly")
            .arg(self.office.data().join("office.db"))
            .arg(question)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn export(desk: &TestDesk, folder: &Path) -> Result<UsbWritten, UiError> {
    let folder = Some(folder.display().to_string());
    usb_export(desk.desk(), UsbExport { folder }).map_err(UiError::from)
}

fn import(desk: &TestDesk, file: &Path) -> Result<UsbTaken, UiError> {
    let path = file.display().to_string();
    usb_import(desk.desk(), UsbImport { path }).map_err(UiError::from)
}

fn synced(desk: &TestDesk) {
    desk.until("app_status", &json!({}), |status| {
        status["sync"]["state"] == "synced" && status["sync"]["unsent"] == 0
    })
    .unwrap();
}

/// A case with everything said and five papers; nothing of it leaves.
fn work(house: &House, desk: &TestDesk) -> String {
    let id = case_script::fill(desk).unwrap();
    case_script::attach(desk, &id, &house.path("papers")).unwrap();
    id
}

fn screen(desk: &TestDesk, id: &str) -> Value {
    desk.ask("case_open", json!({ "case": id })).unwrap()
}

/// The chain's end as the desk knows it: (device, incarnation, seq, acknowledged, hash).
fn head(desk: &TestDesk) -> (String, String, u64, u64, String) {
    let told = desk.ask("sync_diagnostics", json!({})).unwrap();
    let text = told["text"].as_str().unwrap();
    let line = |name: &str| {
        let start = format!("{name}: ");
        let found = text.lines().find_map(|line| line.strip_prefix(&start));
        found.unwrap().to_owned()
    };
    let words: Vec<String> = line("head").split(' ').map(str::to_owned).collect();
    (
        line("device"),
        words[0].clone(),
        words[2].parse().unwrap(),
        words[4].parse().unwrap(),
        words[6].clone(),
    )
}

/// Both sides hold the same ops and the same papers.
fn equal(house: &House, desk: &TestDesk, case: &str) {
    let (device, incarnation, seq, acknowledged, hash) = head(desk);
    assert_eq!(seq, acknowledged, "every op has its receipt");
    let question = format!(
        "SELECT seq || ' ' || lower(hex(hash)) FROM head WHERE device = '{device}' AND incarnation = '{incarnation}'"
    );
    assert_eq!(house.rows(&question), [format!("{seq} {hash}")]);
    let counted =
        format!("SELECT count(*) || ' ' || sum(counted) FROM journal WHERE device = '{device}'");
    assert_eq!(house.rows(&counted), [format!("{seq} {seq}")]);
    let mut here: Vec<String> = document_digests(desk.desk(), case)
        .unwrap()
        .into_iter()
        .map(|(_, sha256)| sha256)
        .collect();
    here.sort();
    let papers = format!(
        "SELECT sha256 FROM document WHERE case_id = '{case}' AND stored_at IS NOT NULL ORDER BY sha256"
    );
    assert_eq!(house.rows(&papers), here);
    assert_eq!(here.len(), 5);
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

struct Now;

impl Clock for Now {
    #[expect(
        clippy::disallowed_methods,
        reason = "the server of this story lives in real time"
    )]
    fn now(&self) -> Millis {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Millis::try_from(since.unwrap().as_millis()).unwrap()
    }
}

/// Somebody at headquarters, signed in on a desk of its own.
fn token_of_headquarters(office: &Office) -> String {
    let key = SigningKey::from_bytes(&[9; 32]);
    let public = key.verifying_key().to_bytes();
    let signer = Arc::new(move |message: &[u8]| key.sign(message).to_bytes());
    let net = NetConfig {
        base_url: office.url().to_owned(),
        ..NetConfig::default()
    };
    let device = DeviceId::parse("01900000-0000-7000-8000-0000000000f0").unwrap();
    let door = FrontDoor::open(&net, device, signer, Arc::new(Now)).unwrap();
    let code = office.enrol_code("HQ000").unwrap();
    door.enrol(&code, &public, "headquarters").unwrap();
    let login = "reviewer1";
    let tokens = door.sign_in(login, &password(login), None).unwrap();
    tokens.access_token
}

/// `POST /v1/bundles`: the status line and the body.
fn post(office: &Office, token: &str, bundle: &[u8]) -> (String, Vec<u8>) {
    let mut socket = TcpStream::connect(office.url().trim_start_matches("http://")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /v1/bundles HTTP/1.1\r\nhost: office\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-length: {}\r\n\r\n",
        bundle.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(bundle).unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).unwrap();
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let body = bytes[end + 4..].to_vec();
    (head.lines().next().unwrap().to_owned(), body)
}

/// In at headquarters by the command line, twice; gives the way back.
fn by_command_line(house: &House, bundle: &Path) -> PathBuf {
    let import = || {
        let bundle = bundle.display().to_string();
        house.office.admin(&["bundle", "import", &bundle]).unwrap()
    };
    let told = import();
    assert!(
        told.contains("documents stored 5 repeated 0 waiting 0"),
        "{told}"
    );
    let folder = bundle.parent().unwrap();
    let back = folder.join(return_name(folder));
    let again = import();
    assert!(again.contains("ops new 0"), "{again}");
    back
}

/// In by HTTP, on an address that no desk knows; gives the way back.
fn by_http(house: &House, bundle: &Path) -> PathBuf {
    let office = Office::open_at(house.office.data(), 3, "127.0.0.1:0").unwrap();
    let token = token_of_headquarters(&office);
    let (status, body) = post(&office, &token, &std::fs::read(bundle).unwrap());
    assert!(status.contains(" 200 "), "{status}");
    let back = bundle.with_file_name("HZ001-return-1.jbx");
    std::fs::write(&back, body).unwrap();
    back
}

#[test]
fn two_desks_without_a_network_hand_over_by_stick_and_nothing_doubles() {
    let mut house = House::open();
    let (one, two) = (house.desk("agent1"), house.desk("agent2"));
    house.office.stop();
    let (case_one, case_two) = (work(&house, &one), work(&house, &two));
    let (stick_one, stick_two) = (house.stick("stick-1"), house.stick("stick-2"));

    // Out: whole files with their names, and everything still here, marked.
    for (desk, stick) in [(&one, &stick_one), (&two, &stick_two)] {
        let written = export(desk, stick).unwrap();
        assert_eq!(written.files, [only_file(stick).display().to_string()]);
        assert_eq!(written.documents, 5);
        let before = usb_places(desk.desk(), Nothing {}).unwrap();
        assert_eq!(before.exported.unwrap().waiting, written.ops);
        let listed = desk.ask("sync_status", json!({})).unwrap();
        let waiting = listed["waiting"].as_array().unwrap();
        assert!(
            !waiting.is_empty() && waiting.iter().all(|case| case["state"] == "exported"),
            "{waiting:?}"
        );
        assert!(listed["badge"]["unsent"].as_u64().unwrap() > 0);
    }

    let bundle = only_file(&stick_one);
    let back_one = by_command_line(&house, &bundle);
    let back_two = by_http(&house, &only_file(&stick_two));

    // Back: somebody else's is refused, the right one settles everything, and once is enough.
    let foreign = import(&two, &back_one).unwrap_err();
    assert_eq!(foreign.code, "bundle.not_for_us");
    let own = import(&one, &bundle).unwrap_err();
    assert_eq!(own.code, "bundle.wrong_way");
    for (desk, back, case) in [(&one, &back_one, &case_one), (&two, &back_two, &case_two)] {
        let taken = import(desk, back).unwrap();
        assert!(taken.receipts > 0 && !taken.already, "{taken:?}");
        assert_eq!(taken.held_back, Vec::<String>::new());
        let again = import(desk, back).unwrap();
        assert!(again.already && again.receipts == 0);
        let shown = screen(desk, case);
        assert_eq!(shown["sync"]["pending"], 0);
        let cards = shown["documents"].as_array().unwrap();
        assert!(cards.iter().all(|card| card["stored"] == true), "{cards:?}");
        equal(&house, desk, case);
        assert!(
            usb_places(desk.desk(), Nothing {})
                .unwrap()
                .exported
                .is_none()
        );
    }

    // The network comes back: nothing is sent twice, and work goes on.
    let before = house.rows("SELECT count(*), sum(counted) FROM journal");
    house.office.restart().unwrap();
    for desk in [&one, &two] {
        desk.ask("sync_now", json!({})).unwrap();
        synced(desk);
    }
    assert_eq!(
        house.rows("SELECT count(*), sum(counted) FROM journal"),
        before
    );
    case_script::set(&one, &case_one, "reason.text", "回到网络后补充的说明").unwrap();
    synced(&one);
    equal(&house, &one, &case_one);
    one.close();
    two.close();
}

/// The last return bundle of a folder.
fn return_name(folder: &Path) -> String {
    let names = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("-return-"))
        .collect();
    names.sort();
    names.pop().unwrap()
}

#[test]
fn the_network_may_be_faster_than_the_stick() {
    let mut house = House::open();
    let desk = house.desk("agent1");
    house.office.stop();
    let case = work(&house, &desk);
    let stick = house.stick("stick");
    export(&desk, &stick).unwrap();
    let bundle = only_file(&stick);
    house.office.restart().unwrap();
    desk.ask("sync_now", json!({})).unwrap();
    synced(&desk);
    desk.until("case_open", &json!({ "case": case }), |shown| {
        let cards = shown["documents"].as_array().unwrap();
        cards.iter().all(|card| card["stored"] == true)
    })
    .unwrap();
    let told = house
        .office
        .admin(&["bundle", "import", &bundle.display().to_string()])
        .unwrap();
    assert!(told.contains("ops new 0"), "{told}");
    assert!(told.contains("documents stored 0 repeated 5"), "{told}");
    let taken = import(&desk, &stick.join(return_name(&stick))).unwrap();
    assert_eq!(taken.receipts, 0);
    equal(&house, &desk, &case);
    desk.close();
}

#[test]
fn a_bad_stick_is_named_and_harms_nothing() {
    let mut house = House::open();
    let desk = house.desk("agent1");
    house.office.stop();
    work(&house, &desk);
    let stick = house.stick("stick");
    let file = stick.join("file");
    std::fs::write(&file, b"not a folder, and no bundle").unwrap();
    assert_eq!(export(&desk, &file).unwrap_err().code, "bundle.not_a_file");
    assert_eq!(
        export(&desk, &stick.join("gone")).unwrap_err().code,
        "bundle.missing"
    );
    assert_eq!(import(&desk, &stick).unwrap_err().code, "bundle.not_a_file");
    assert_eq!(
        import(&desk, &stick.join("gone")).unwrap_err().code,
        "bundle.missing"
    );
    assert_eq!(
        import(&desk, &file).unwrap_err().code,
        "bundle.not_a_bundle"
    );
    std::fs::remove_file(&file).unwrap();
    let before = head(&desk);
    export(&desk, &stick).unwrap();
    let whole = std::fs::read(only_file(&stick)).unwrap();
    let bundle = only_file(&stick).display().to_string();
    let import_at_headquarters = |bytes: &[u8]| {
        std::fs::write(&bundle, bytes).unwrap();
        let refused = house.office.admin(&["bundle", "import", &bundle]);
        refused.unwrap_err().to_string()
    };
    let ops = house.rows("SELECT count(*) FROM journal");
    assert!(import_at_headquarters(&whole[..whole.len() / 2]).contains("1 of 1 bundles"));
    let mut bent = whole.clone();
    let middle = bent.len() / 2;
    bent[middle] ^= 4;
    assert!(import_at_headquarters(&bent).contains("1 of 1 bundles"));
    assert_eq!(house.rows("SELECT count(*) FROM journal"), ops);
    assert_eq!(head(&desk), before, "nothing has moved on the desk");
    desk.close();
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn opened(profile: &Path) -> TestDesk {
    let desk = TestDesk::open(profile).unwrap();
    let passphrase = desk_tests::desk::PASSPHRASE;
    desk.ask("unlock", json!({ "passphrase": passphrase, "user": null }))
        .unwrap();
    desk
}

/// Out by one stick, in at headquarters, and the way back.
fn there_and_back(house: &House, desk: &TestDesk, name: &str) -> PathBuf {
    let stick = house.stick(name);
    export(desk, &stick).unwrap();
    let bundle = only_file(&stick).display().to_string();
    house.office.admin(&["bundle", "import", &bundle]).unwrap();
    stick.join(return_name(&stick))
}

#[test]
fn a_way_back_that_does_not_fit_a_restored_desk_is_held_back_until_the_next_one() {
    let mut house = House::open();
    let desk = house.desk("agent1");
    house.office.stop();
    let case = case_script::fill(&desk).unwrap();
    let first = there_and_back(&house, &desk, "first");
    desk.close();
    copy_folder(&house.path("agent1"), &house.path("restored"));
    let desk = opened(&house.path("agent1"));
    import(&desk, &first).unwrap();
    case_script::set(&desk, &case, "reason.text", "备份之后补充的说明").unwrap();
    let second = there_and_back(&house, &desk, "second");
    desk.close();

    let restored = opened(&house.path("restored"));
    let taken = import(&restored, &second).unwrap();
    assert!(taken.renewed, "{taken:?}");
    assert_eq!(taken.held_back, [BRANCH]);
    let third = there_and_back(&house, &restored, "third");
    let taken = import(&restored, &third).unwrap();
    assert!(!taken.renewed && taken.held_back.is_empty(), "{taken:?}");
    let shown = screen(&restored, &case);
    assert_eq!(shown["fields"]["reason.text"]["raw"], "备份之后补充的说明");
    assert_eq!(shown["sync"]["pending"], 0);
    let doubled = "SELECT count(*) FROM (SELECT op_id FROM journal WHERE counted = 1 GROUP BY op_id HAVING count(*) > 1)";
    assert_eq!(house.rows(doubled), ["0"]);
    restored.close();
}
