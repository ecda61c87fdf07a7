//! One list of what a place for documents does, held against the folder and against a bucket; and what a bucket may do
//! to us.

use crate::support::store::{Mood, SECRET, TestStore, URL};
use crate::support::{HERE, Reply, THERE, call, office_at};
use desk_domain::case::{CHUNK_BYTES, DocumentManifest};
use desk_domain::ids::{DocumentId, OfficeCode};
use desk_server::door::SystemChance;
use desk_server::objects::{Completed, Location, Objects};
use desk_server::{ServerConfig, ServerError, audit, backup};
use std::io::{ErrorKind, Read};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Longer than any single call may take, shorter than the repetitions of minutes that the crate would make by itself.
const BOUNDED: Duration = Duration::from_secs(40);

struct Paper {
    bytes: Vec<u8>,
    id: DocumentId,
    manifest: DocumentManifest,
}

fn paper(length: usize) -> Paper {
    let bytes: Vec<u8> = (0..length)
        .map(|i| u8::try_from(i * 7 % 251).unwrap())
        .collect();
    Paper {
        manifest: crate::support::manifest(&bytes),
        id: DocumentId::new(1, &SystemChance),
        bytes,
    }
}

impl Paper {
    fn chunk(&self, index: usize) -> &[u8] {
        self.bytes.chunks(CHUNK_BYTES).nth(index).unwrap()
    }
    fn put(&self, objects: &Objects, indexes: &[usize]) {
        for index in indexes {
            objects
                .put_chunk(&here(), self.id, *index, self.chunk(*index))
                .unwrap();
        }
    }
    fn complete(&self, objects: &Objects) -> Completed {
        objects.complete(&here(), self.id, &self.manifest).unwrap()
    }
    fn chunks(&self, objects: &Objects) -> Vec<bool> {
        objects.chunks_of(&here(), self.id, &self.manifest).unwrap()
    }
    fn read(&self, objects: &Objects) -> Vec<u8> {
        let mut whole = objects.read(&here(), &self.manifest.sha256).unwrap();
        assert_eq!(whole.size_bytes(), self.manifest.size_bytes);
        let mut bytes = Vec::new();
        whole.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

fn here() -> OfficeCode {
    OfficeCode::parse(HERE).unwrap()
}

/// Runs `list` with two values on one place: a folder, then a bucket.
fn in_both(list: fn(&Objects, &Objects)) {
    let dir = tempfile::tempdir().unwrap();
    let open = || Objects::open(dir.path(), &Location::Folder, Arc::new(SystemChance)).unwrap();
    list(&open(), &open());
    let store = TestStore::start();
    list(&store.objects(), &store.objects());
}

#[test]
fn what_is_no_hash_or_not_there_is_not_read() {
    in_both(|objects, _| {
        for bad in [
            "",
            "ab",
            "../../etc/passwd",
            &"A".repeat(64),
            &"é".repeat(32),
        ] {
            let error = objects.read(&here(), bad).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}");
        }
        let error = objects.read(&here(), &"a".repeat(64)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let mut odd = paper(10);
        odd.put(objects, &[0]);
        odd.manifest.sha256 = "x/../y".into();
        assert!(!objects.has(&here(), &odd.manifest).unwrap());
        assert_eq!(odd.complete(objects), Completed::Mismatch);
    });
}

#[test]
fn a_document_with_a_chunk_missing_is_incomplete_and_keeps_the_others() {
    in_both(|objects, _| {
        let paper = paper(2 * CHUNK_BYTES + 5);
        assert_eq!(paper.complete(objects), Completed::Incomplete);
        paper.put(objects, &[2, 0]);
        assert_eq!(paper.complete(objects), Completed::Incomplete);
        assert_eq!(paper.chunks(objects), [true, false, true]);
        assert!(!objects.has(&here(), &paper.manifest).unwrap());
    });
}

#[test]
fn chunks_that_are_not_the_document_announced_are_thrown_away() {
    in_both(|objects, _| {
        let mut paper = paper(CHUNK_BYTES + 5);
        paper.put(objects, &[0, 1]);
        let right = paper.manifest.clone();
        paper.manifest.sha256 = "ab".repeat(32);
        assert_eq!(paper.complete(objects), Completed::Mismatch);
        assert_eq!(paper.chunks(objects), [false, false]);
        assert!(!objects.has(&here(), &paper.manifest).unwrap());
        // A length that is not the announced one is found out as well.
        paper.manifest = right.clone();
        paper.manifest.size_bytes += 1;
        paper.put(objects, &[0, 1]);
        assert_eq!(paper.complete(objects), Completed::Mismatch);
        paper.manifest = right;
        paper.put(objects, &[0, 1]);
        assert_eq!(paper.complete(objects), Completed::Stored);
    });
}

#[test]
fn a_whole_is_stored_once_and_read_as_it_was_sent() {
    in_both(|objects, _| {
        // More than what one request to a bucket brings.
        let paper = paper(4 * CHUNK_BYTES + 7);
        paper.put(objects, &[4, 3, 2, 1, 0]);
        paper.put(objects, &[3]);
        for _ in 0..2 {
            assert_eq!(paper.complete(objects), Completed::Stored);
            assert_eq!(paper.chunks(objects), [true; 5]);
        }
        assert!(objects.has(&here(), &paper.manifest).unwrap());
        assert!(paper.read(objects) == paper.bytes);
    });
}

#[test]
fn the_same_bytes_under_another_id_are_stored_already() {
    in_both(|objects, _| {
        let (first, second) = (paper(100), paper(100));
        first.put(objects, &[0]);
        second.put(objects, &[0]);
        assert_eq!(first.complete(objects), Completed::Stored);
        assert_eq!(second.complete(objects), Completed::Stored);
        assert!(second.read(objects) == first.bytes);
    });
}

#[test]
fn a_part_of_a_whole_is_read_from_the_middle() {
    in_both(|objects, _| {
        let paper = paper(CHUNK_BYTES + 100);
        paper.put(objects, &[0, 1]);
        assert_eq!(paper.complete(objects), Completed::Stored);
        let length = paper.bytes.len();
        for (from, to) in [
            (0, 1),
            (CHUNK_BYTES - 3, CHUNK_BYTES + 3),
            (length - 1, length),
        ] {
            let whole = objects.read(&here(), &paper.manifest.sha256).unwrap();
            let (start, end) = (u64::try_from(from).unwrap(), u64::try_from(to).unwrap());
            let mut bytes = Vec::new();
            whole
                .part(start, end)
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
            assert!(bytes == paper.bytes[from..to], "{from}..{to}");
        }
    });
}

#[test]
fn another_office_does_not_see_a_document() {
    in_both(|objects, _| {
        let paper = paper(50);
        paper.put(objects, &[0]);
        assert_eq!(paper.complete(objects), Completed::Stored);
        let there = OfficeCode::parse(THERE).unwrap();
        assert!(!objects.has(&there, &paper.manifest).unwrap());
        let flags = objects.chunks_of(&there, paper.id, &paper.manifest);
        assert_eq!(flags.unwrap(), [false]);
        let error = objects.read(&there, &paper.manifest.sha256).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn two_servers_on_one_place_see_each_others_chunks_and_finish_each_others_work() {
    in_both(|one, two| {
        let paper = paper(2 * CHUNK_BYTES + 1);
        paper.put(one, &[0, 2]);
        assert_eq!(paper.chunks(two), [true, false, true]);
        paper.put(two, &[1]);
        assert_eq!(paper.complete(one), Completed::Stored);
        assert_eq!(paper.complete(two), Completed::Stored);
        assert!(paper.read(two) == paper.bytes);
    });
}

#[test]
fn servers_that_finish_at_once_all_say_stored() {
    let store = TestStore::start();
    let paper = Arc::new(paper(CHUNK_BYTES + 1));
    paper.put(&store.objects(), &[0, 1]);
    let finishing: Vec<_> = (0..4)
        .map(|_| (store.objects(), Arc::clone(&paper)))
        .map(|(objects, paper)| std::thread::spawn(move || paper.complete(&objects)))
        .collect();
    for one in finishing {
        assert_eq!(one.join().unwrap(), Completed::Stored);
    }
    assert_eq!(store.files("objects").len(), 1);
    assert_eq!(store.files("incoming"), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_store_that_is_down_is_an_error_in_bounded_time_and_loses_nothing() {
    let store = TestStore::start();
    let objects = store.objects();
    let paper = Arc::new(paper(CHUNK_BYTES + 9));
    paper.put(&objects, &[0, 1]);
    store.set(Mood::Down);
    let (tell, told) = mpsc::channel();
    let (trying, same) = (objects.clone(), Arc::clone(&paper));
    std::thread::spawn(move || {
        let put = trying.put_chunk(&here(), same.id, 0, same.chunk(0));
        tell.send(put.unwrap_err()).unwrap();
        let done = trying.complete(&here(), same.id, &same.manifest);
        tell.send(done.unwrap_err()).unwrap();
        let read = trying.read(&here(), &same.manifest.sha256);
        tell.send(read.err().unwrap()).unwrap();
    });
    for _ in 0..3 {
        let error = told.recv_timeout(BOUNDED).unwrap();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy, "{error}");
        assert!(error.to_string().contains("503") && !error.to_string().contains(SECRET));
    }
    store.set(Mood::Well);
    assert_eq!(paper.chunks(&objects), [true, true]);
    assert_eq!(paper.complete(&objects), Completed::Stored);
    assert!(paper.read(&objects) == paper.bytes);
}

#[test]
fn a_store_that_nobody_listens_for_and_a_key_that_is_wrong_are_told_apart() {
    let paper = paper(9);
    let store = TestStore::start();
    let mut settings = store.settings();
    settings.push(("AWS_SECRET_ACCESS_KEY".into(), "another".into()));
    let open = |settings| {
        let at = Location::parse(Some(URL), settings).unwrap();
        Objects::open("/nowhere".as_ref(), &at, Arc::new(SystemChance)).unwrap()
    };
    let put = |objects: &Objects| objects.put_chunk(&here(), paper.id, 0, paper.chunk(0));
    let wrong = put(&open(settings)).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::PermissionDenied, "{wrong}");
    let mut settings = store.settings();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = closed.local_addr().unwrap();
    drop(closed);
    settings.push(("AWS_ENDPOINT_URL".into(), format!("http://{addr}")));
    let nobody = put(&open(settings)).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotConnected, "{nobody}");
}

#[test]
fn a_whole_whose_reply_was_lost_is_found_where_it_belongs() {
    let store = TestStore::start();
    let objects = store.objects();
    let paper = paper(300);
    paper.put(&objects, &[0]);
    store.set(Mood::LosesOneReply);
    assert_eq!(paper.complete(&objects), Completed::Stored);
    assert!(paper.read(&objects) == paper.bytes);
}

#[test]
fn something_else_where_the_document_belongs_is_neither_overwritten_nor_called_stored() {
    let store = TestStore::start();
    let objects = store.objects();
    let paper = paper(300);
    paper.put(&objects, &[0]);
    assert_eq!(paper.complete(&objects), Completed::Stored);
    let place = store.files("objects").remove(0);
    std::fs::write(&place, b"short").unwrap();
    paper.put(&objects, &[0]);
    assert!(
        objects
            .complete(&here(), paper.id, &paper.manifest)
            .is_err()
    );
    assert_eq!(std::fs::read(&place).unwrap(), b"short");
    assert_eq!(paper.chunks(&objects), [true], "the chunks stay");
}

fn range(desk: &crate::support::Desk, document: DocumentId, range: &str) -> Reply {
    let bearer = format!("Bearer {}", desk.access);
    let headers = [("authorization", bearer.as_str()), ("range", range)];
    call(
        desk.addr,
        "GET",
        &format!("/v1/documents/{document}"),
        &headers,
        b"",
    )
}

#[test]
fn a_document_goes_through_a_server_into_the_bucket_and_back_and_into_a_backup() {
    let store = TestStore::start();
    let office = office_at(true, store.location(), None);
    let mut desk = office.desk(HERE, "agent");
    let whole = paper(CHUNK_BYTES + 20).bytes;
    let (case, create) = desk.new_case();
    let (document, manifest, attach) = desk.attach(case, &whole);
    desk.write(vec![create, attach]);
    let path = format!("/v1/documents/{document}");
    let (first, last) = whole.split_at(CHUNK_BYTES);
    let put = |index, bytes: &[u8]| desk.send("PUT", &format!("{path}/chunks/{index}"), bytes);
    assert_eq!(put(0, first).status, 200);
    // The other chunk came through another server.
    let other = store.objects();
    other.put_chunk(&here(), document, 1, last).unwrap();
    let state = desk.get(&format!("{path}/state")).json();
    assert_eq!(state["have"], serde_json::json!([true, true]));
    store.set(Mood::Down);
    let refused = desk.send("POST", &format!("{path}/complete"), b"");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "server.unavailable")
    );
    assert_eq!(refused.headers["retry-after"], "5");
    store.set(Mood::Well);
    assert_eq!(
        desk.send("POST", &format!("{path}/complete"), b"").status,
        200
    );
    assert!(desk.get(&path).body == whole);
    let part = range(&desk, document, "bytes=1048570-1048580");
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, &whole[1_048_570..=1_048_580])
    );
    assert_eq!(range(&desk, document, "bytes=99999999-").status, 416);
    let mut seen = Vec::new();
    other
        .read(&here(), &manifest.sha256)
        .unwrap()
        .read_to_end(&mut seen)
        .unwrap();
    assert!(seen == whole);
    assert!(
        !office.dir.path().join("objects").exists(),
        "nothing lies in the data directory"
    );
    assert_eq!(audit::verify(&office.house()).unwrap().documents, 1);
    a_backup_is_restored_into_an_empty_bucket(&office.house(), &manifest.sha256, &whole);
}

fn a_backup_is_restored_into_an_empty_bucket(
    house: &desk_server::run::House,
    sha256: &str,
    whole: &[u8],
) {
    let folder = tempfile::tempdir().unwrap();
    let (key, file) = (folder.path().join("key"), folder.path().join("b.udbackup"));
    backup::new_key_file(&key, &SystemChance).unwrap();
    let secret = backup::Secret::from_key_file(&key).unwrap();
    assert_eq!(backup::create(house, &file, &secret).unwrap().documents, 1);
    let empty = TestStore::start();
    let config = ServerConfig {
        objects: empty.location(),
        ..ServerConfig::new(folder.path().join("restored"))
    };
    empty.set(Mood::Down);
    assert!(backup::restore(&file, &config, &secret, &house.rules).is_err());
    assert!(!config.data_dir.exists());
    empty.set(Mood::Well);
    backup::restore(&file, &config, &secret, &house.rules).unwrap();
    assert!(!config.data_dir.join("objects").exists());
    let mut seen = Vec::new();
    empty
        .objects()
        .read(&here(), sha256)
        .unwrap()
        .read_to_end(&mut seen)
        .unwrap();
    assert!(seen == whole);
}

#[test]
fn the_command_line_names_the_flag_and_keeps_the_secret_to_itself() {
    let dir = tempfile::tempdir().unwrap();
    let run = |url: &str, endpoint: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_unbind-desk-server"))
            .args(["office", "add", HERE, "示例", "--objects", url, "--data"])
            .arg(dir.path())
            .env("AWS_ACCESS_KEY_ID", "AKFAKE")
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("UNBIND_DESK_LOG", "trace")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains(SECRET), "{said}");
        (output.status.success(), said)
    };
    for url in ["bucket", "s3://", "s3://bucket/../x"] {
        let (is_fine, said) = run(url, "http://127.0.0.1:9");
        assert!(!is_fine && said.contains("--objects"), "{said}");
    }
    let (is_fine, said) = run("s3://bucket", "http://store.example");
    assert!(!is_fine && said.contains("AWS_ALLOW_HTTP"), "{said}");
    assert!(run("s3://bucket", "http://127.0.0.1:9").0);
}

#[test]
fn a_setting_that_is_not_understood_is_told_without_its_value() {
    let store = TestStore::start();
    let mut settings = store.settings();
    settings.push(("AWS_UNSIGNED_PAYLOAD".into(), SECRET.into()));
    let objects = Location::parse(Some(URL), settings).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = ServerConfig {
        objects,
        ..ServerConfig::new(dir.path())
    };
    let error = desk_server::Server::start(config).err().unwrap();
    assert!(
        matches!(error, ServerError::Io("object store", _)),
        "{error}"
    );
    assert!(!error.to_string().contains(SECRET));
}
