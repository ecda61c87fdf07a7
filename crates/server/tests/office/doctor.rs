//! `doctor` on an office that is well, and on one ill in each way.

use crate::support::store::{Mood, SECRET, TestStore};
use crate::support::{HERE, TestOffice, applied, office, office_at, office_on_file, shared};
use desk_server::backup::{self, Secret};
use desk_server::doctor::{self, Finding, State};
use desk_server::door::{SystemChance, SystemClock};
use desk_server::gateway::GatewayKind;
use desk_server::{Server, ServerConfig};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What a part is said to be; the worst of its findings.
fn of<'a>(found: &'a [Finding], part: &str) -> &'a Finding {
    let all = found.iter().filter(|one| one.part == part);
    let worst = |state: State| all.clone().find(|one| one.state == state);
    let found = worst(State::Wrong).or_else(|| worst(State::Look));
    found.or_else(|| worst(State::Right)).unwrap()
}

/// An office that is as it should be, its clock the machine's.
fn well() -> TestOffice {
    let mut office = office();
    mode(office.dir.path(), 0o700);
    office.config.gateway = GatewayKind::Log;
    office.config.clock = Arc::new(SystemClock);
    office
}

fn looked(config: &ServerConfig) -> Vec<Finding> {
    doctor::look(config, None)
}

fn wrong(config: &ServerConfig, part: &str, words: &str) {
    let found = looked(config);
    let one = of(&found, part);
    assert_eq!(one.state, State::Wrong, "{found:#?}");
    assert!(one.what.contains(words), "{one:?}");
    assert!(one.todo.is_some(), "{one:?}");
}

#[test]
fn an_office_that_is_well_has_nothing_wrong_and_every_part_is_told_of() {
    let office = well();
    let key = tempfile::tempdir().unwrap();
    let key = key.path().join("backup.key");
    backup::new_key_file(&key, &SystemChance).unwrap();
    let before = fs::read_dir(office.dir.path()).unwrap().count();
    let found = doctor::look(&office.config, Some(&key));
    let ill: Vec<_> = found
        .iter()
        .filter(|one| one.state == State::Wrong)
        .collect();
    assert!(ill.is_empty(), "{ill:#?}");
    for part in [
        "data directory",
        "disk",
        "database",
        "clock",
        "backup",
        "life",
        "object store",
        "bundle keys",
        "backup key",
        "messages",
        "address",
    ] {
        assert!(
            found.iter().any(|one| one.part == part),
            "{part}: {found:#?}"
        );
    }
    assert_eq!(
        fs::read_dir(office.dir.path()).unwrap().count(),
        before,
        "it changes nothing"
    );
}

#[test]
fn a_data_directory_that_is_none_or_open_to_others_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    wrong(
        &ServerConfig::new(&nowhere),
        "data directory",
        "No such file",
    );
    assert!(!nowhere.exists(), "looking makes nothing");
    fs::write(&nowhere, "a file").unwrap();
    wrong(&ServerConfig::new(&nowhere), "data directory", "is a file");
    let office = well();
    mode(office.dir.path(), 0o755);
    wrong(&office.config, "data directory", "open to others (755)");
}

#[test]
fn a_database_that_is_not_there_or_not_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    wrong(
        &ServerConfig::new(folder.path()),
        "database",
        "is not there",
    );
    fs::write(folder.path().join("office.db"), "no database".repeat(100)).unwrap();
    wrong(
        &ServerConfig::new(folder.path()),
        "database",
        "not a database",
    );
    for (url, words) in [
        ("postgres://a:geheim@127.0.0.1:9/office", "refused"),
        ("postgres://a:geheim@db.invalid/office", "in the clear"),
        ("mysql://a:geheim@127.0.0.1/office", "postgres://"),
    ] {
        let config = ServerConfig {
            database: Some(url.to_owned()),
            ..ServerConfig::new(folder.path())
        };
        wrong(&config, "database", words);
        let said: String = looked(&config).iter().map(Finding::lines).collect();
        assert!(!said.contains("geheim"), "{said}");
    }
}

#[test]
fn a_database_of_a_newer_program_and_one_without_identity_are_told() {
    let office = well();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (99, 'later', '', '0')";
    office
        .house()
        .repo
        .write_blocking(move |conn| Ok(conn.execute_batch(newer)?))
        .unwrap();
    wrong(&office.config, "database", "of version 99");
    let office = well();
    let forget = "DELETE FROM meta WHERE key = 'epoch'";
    office
        .house()
        .repo
        .write_blocking(move |conn| Ok(conn.execute_batch(forget)?))
        .unwrap();
    wrong(&office.config, "life", "no identity");
}

#[test]
fn a_postgresql_that_may_forget_what_it_confirmed_is_told() {
    let Some(url) = shared::database() else {
        return; // a file has no such switch
    };
    let office = office_at(
        true,
        desk_server::objects::Location::Folder,
        Some(url.clone()),
    );
    let config = ServerConfig {
        database: Some(format!("{url}%20-c%20synchronous_commit%3Doff")),
        ..office.config.clone()
    };
    wrong(&config, "database", "synchronous_commit = off");
}

/// The tests' clock stands days away from a PostgreSQL's; a file's newest entry is as old as it.
#[test]
fn a_clock_that_is_off_is_told() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    assert!(desk.write(vec![create]).iter().all(applied));
    office.clock.advance(-7_200_000);
    let words = if shared::is_shared() {
        "apart"
    } else {
        "before the newest entry"
    };
    wrong(&office.config, "clock", words);
}

#[test]
fn an_object_store_that_does_not_keep_what_it_is_given_is_told() {
    let store = TestStore::start();
    let office = office_at(true, store.location(), shared::database());
    assert_eq!(
        of(&looked(&office.config), "object store").state,
        State::Right
    );
    assert!(store.files("").is_empty(), "the probe is gone again");
    store.set(Mood::Down);
    wrong(
        &office.config,
        "object store",
        "s3://unbind-papers/north/papers",
    );
    let said: String = looked(&office.config).iter().map(Finding::lines).collect();
    assert!(!said.contains(SECRET));
    let office = well();
    fs::remove_dir(office.dir.path().join("incoming")).unwrap();
    fs::write(office.dir.path().join("incoming"), "a file").unwrap();
    wrong(&office.config, "object store", "the data directory");
}

#[test]
fn keys_that_others_may_read_or_that_are_missing_are_told() {
    let office = well();
    let keys = office.dir.path().join("keys");
    let identity = keys.join("bundle-identity.txt");
    mode(&identity, 0o640);
    wrong(&office.config, "bundle keys", "open to others (640)");
    fs::remove_file(&identity).unwrap();
    wrong(&office.config, "bundle keys", "is missing");
    assert!(!identity.exists(), "looking makes nothing");
}

#[test]
fn a_backup_key_that_is_none_or_not_kept_apart_is_told() {
    let office = well();
    let folder = tempfile::tempdir().unwrap();
    let told = |file: &PathBuf, words: &str| {
        let found = doctor::look(&office.config, Some(file));
        let one = of(&found, "backup key");
        assert_eq!(one.state, State::Wrong, "{one:?}");
        assert!(one.what.contains(words), "{one:?}");
    };
    let key = folder.path().join("backup.key");
    told(&key, "No such file");
    fs::write(&key, "not a key").unwrap();
    told(&key, "64 hexadecimal");
    fs::remove_file(&key).unwrap();
    backup::new_key_file(&key, &SystemChance).unwrap();
    mode(&key, 0o644);
    told(&key, "open to others (644)");
    let inside = office.dir.path().join("backup.key");
    fs::copy(&key, &inside).unwrap();
    told(&inside, "lies in the data directory");
    assert_eq!(of(&looked(&office.config), "backup key").state, State::Look);
}

#[test]
fn a_backup_that_is_late_is_told() {
    let office = office_on_file();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    desk.write(vec![create]);
    assert_eq!(of(&looked(&office.config), "backup").state, State::Look);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("backup.key");
    backup::new_key_file(&key, &SystemChance).unwrap();
    let secret = Secret::from_key_file(&key).unwrap();
    backup::create(&office.house(), &folder.path().join("monday"), &secret).unwrap();
    assert_eq!(of(&looked(&office.config), "backup").state, State::Right);
    office.clock.advance(2 * 86_400_000);
    assert_eq!(of(&looked(&office.config), "backup").state, State::Look);
    office.clock.advance(6 * 86_400_000);
    wrong(
        &office.config,
        "backup",
        "the last verified one is of 2026-",
    );
}

#[test]
fn no_gateway_and_an_address_for_everybody_are_worth_a_look() {
    let mut office = well();
    office.config.gateway = GatewayKind::None;
    office.config.listen = "0.0.0.0:8787".parse().unwrap();
    let found = looked(&office.config);
    for (part, words) in [
        ("messages", "no gateway"),
        ("address", "plain HTTP to the network"),
    ] {
        let one = of(&found, part);
        assert_eq!(one.state, State::Look, "{one:?}");
        assert!(one.what.contains(words), "{one:?}");
    }
}

fn program(arguments: &[&str], data: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_unbind-desk-server"))
        .args(arguments)
        .env("UNBIND_DESK_DATA", data)
        .output()
        .unwrap()
}

#[test]
fn the_command_says_it_in_lines_or_in_json_and_fails_when_something_is_wrong() {
    let office = office_on_file();
    mode(office.dir.path(), 0o700);
    let (dir, server) = office.into_parts();
    let good = program(&["doctor"], dir.path());
    let lines = String::from_utf8(good.stdout).unwrap();
    assert!(good.status.success(), "{lines}");
    assert!(
        lines.contains("ok    database: SQLite") && lines.contains("\n      -> "),
        "{lines}"
    );
    mode(dir.path(), 0o755);
    let bad = program(&["doctor", "--json"], dir.path());
    assert_eq!(bad.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!(json["well"], false);
    let findings = json["findings"].as_array().unwrap();
    let open = findings.iter().find(|one| one["state"] == "wrong").unwrap();
    assert!(
        open["todo"].as_str().unwrap().starts_with("chmod 700"),
        "{open}"
    );
    drop(server);
}

#[test]
fn a_health_check_asks_a_running_server_and_fails_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(ServerConfig::new(folder.path())).unwrap();
    let check = |url: &str| program(&["healthcheck", "--url", url], folder.path());
    let good = check(&format!("{}/readyz", server.url()));
    assert!(good.status.success(), "{good:?}");
    assert!(String::from_utf8(good.stdout).unwrap().starts_with("200 {"));
    let absent = check(&format!("{}/nowhere", server.url()));
    assert_eq!(absent.status.code(), Some(1), "{absent:?}");
    let url = format!("{}/readyz", server.url());
    server.stop();
    assert_eq!(check(&url).status.code(), Some(1));
    assert_eq!(check("https://127.0.0.1/readyz").status.code(), Some(1));
}
