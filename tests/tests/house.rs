//! The walls: arrows between rooms, one way through each door, sizes, one of each heavy library.
#![expect(clippy::unwrap_used, reason = "tests may end at once")]

use desk_tests::programs::repository;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which rooms a room may lean on. `desk-tests` and `desk-sim` may lean on all but the shell.
const ARROWS: &[(&str, &[&str])] = &[
    ("unbind-desk", &["desk-app"]),
    (
        "desk-app",
        &[
            "desk-sync",
            "desk-store",
            "desk-media",
            "desk-bundle",
            "desk-domain",
            "desk-protocol",
        ],
    ),
    (
        "desk-sync",
        &[
            "desk-store",
            "desk-protocol",
            "desk-domain",
            "desk-failpoint",
        ],
    ),
    ("desk-store", &["desk-domain", "desk-failpoint"]),
    (
        "desk-server",
        &[
            "desk-bundle",
            "desk-protocol",
            "desk-domain",
            "desk-media",
            "desk-failpoint",
        ],
    ),
    ("desk-bundle", &["desk-protocol", "desk-domain"]),
    ("desk-failpoint", &[]),
    ("desk-protocol", &["desk-domain"]),
    ("desk-media", &["desk-domain"]),
    ("desk-domain", &[]),
    ("xtask", &["desk-domain"]),
];

/// A word that may stand in these files only.
const DOORS: &[(&str, &[&str])] = &[
    (
        "Connection::open",
        &["crates/store/src/open.rs", "crates/server/src/repo/open.rs"],
    ),
    (
        "Client::builder",
        &[
            "crates/sync/src/http.rs",
            "crates/server/src/sms/door.rs",
            "crates/server/src/webhooks/door.rs",
        ],
    ),
    (
        "SystemTime::now",
        &["crates/app/src/door.rs", "crates/server/src/door.rs"],
    ),
    (
        "getrandom::fill",
        &["crates/app/src/door.rs", "crates/server/src/door.rs"],
    ),
    ("age::x25519", &["crates/bundle/src/"]),
    ("argon2::", &["crates/app/src/vault/", "crates/server/src/"]),
    ("__TAURI_INTERNALS__", &["ui/src/lib/bridge.ts"]),
    ("{@html", &[]),
    ("innerHTML", &[]),
];

const LONGEST_FILE: usize = 500;

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(repository())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn sources() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(repository())
        .output()
        .unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    let endings = ["rs", "ts", "svelte", "css", "sql", "mjs", "js"];
    let wanted = |path: &&str| {
        Path::new(path)
            .extension()
            .is_some_and(|ending| endings.iter().any(|one| ending == *one))
    };
    text.lines()
        .filter(wanted)
        .map(PathBuf::from)
        .filter(|path| repository().join(path).is_file())
        .collect()
}

fn is_production(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let test = text.starts_with("tests/")
        || text.contains("/tests/")
        || text.contains(".test.")
        || text.contains("/testkit")
        || text.ends_with("_test.rs")
        || text.ends_with("eslint.config.js");
    !test && !text.contains("ui/src/lib/types/")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_default()
}

/// The file without its trailing `#[cfg(test)]` module.
fn production_part(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

#[test]
fn rooms_lean_only_where_the_arrows_point() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ARROWS
        .iter()
        .map(|(room, others)| (*room, others.iter().copied().collect()))
        .collect();
    let mut seen = 0;
    for package in metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| package["source"].is_null())
    {
        let name = package["name"].as_str().unwrap();
        let leans = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"].is_null() || dependency["kind"] == "build");
        let leans: BTreeSet<&str> = leans
            .map(|dependency| dependency["name"].as_str().unwrap())
            .filter(|name| name.starts_with("desk-") || *name == "unbind-desk")
            .collect();
        seen += 1;
        if name == "desk-tests" || name == "desk-sim" {
            assert!(
                !leans.contains("unbind-desk"),
                "{name} sees the shell from inside"
            );
            continue;
        }
        let may = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not on the plan of the house"));
        assert!(
            leans.is_subset(may),
            "{name} leans on {:?}",
            leans.difference(may).collect::<Vec<_>>()
        );
    }
    assert_eq!(seen, ARROWS.len() + 2);
}

#[test]
fn each_door_is_the_only_way_through() {
    let mut wrong = Vec::new();
    for path in sources()
        .iter()
        .filter(|path| is_production(path) && !path.ends_with("house.rs"))
    {
        let text = read(path);
        for (word, doors) in DOORS {
            let at_door = doors
                .iter()
                .any(|door| path.to_string_lossy().starts_with(door));
            let used = production_part(&text)
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| line.contains(word));
            if used && !at_door {
                wrong.push(format!("{} uses {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn sql_stands_in_the_two_rooms_that_keep_data() {
    let homes = [
        "crates/store/",
        "crates/server/src/repo/",
        "crates/server/migrations/",
        "docs/SCHEMA.sql",
    ];
    let verbs = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];
    let mut wrong = Vec::new();
    for path in sources()
        .iter()
        .filter(|path| is_production(path) && path.extension().is_some_and(|ending| ending == "rs"))
    {
        let home = homes
            .iter()
            .any(|home| path.to_string_lossy().starts_with(home));
        let text = read(path);
        if !home
            && production_part(&text)
                .lines()
                .any(|line| verbs.iter().any(|verb| line.contains(&format!("\"{verb}"))))
        {
            wrong.push(path.clone());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_is_longer_than_a_person_can_hold() {
    let long = |path: &PathBuf| (read(path).lines().count(), path.clone());
    let too_long: Vec<_> = sources()
        .iter()
        .filter(|path| is_production(path))
        .map(long)
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .collect();
    assert!(too_long.is_empty(), "{too_long:#?}");
}

#[test]
fn every_fail_point_stands_in_the_code_once_and_has_a_name_on_the_list() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for path in sources()
        .iter()
        .filter(|path| is_production(path) && path.extension().is_some_and(|ending| ending == "rs"))
    {
        let text = read(path);
        for call in text.split("desk_failpoint::reached(\"").skip(1) {
            let name = call.split('"').next().unwrap();
            *found.entry(name.to_owned()).or_default() += 1;
        }
    }
    let listed: BTreeMap<String, usize> = desk_failpoint::ALL
        .iter()
        .chain(desk_failpoint::OF_COMMANDS)
        .map(|name| ((*name).to_owned(), 1))
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn one_database_one_client_one_tls_stack() {
    let metadata = metadata();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        versions
            .entry(package["name"].as_str().unwrap())
            .or_default()
            .insert(package["version"].as_str().unwrap());
    }
    for single in [
        "rusqlite",
        "libsqlite3-sys",
        "reqwest",
        "rustls",
        "tokio",
        "axum",
        "serde_json",
    ] {
        assert_eq!(
            versions.get(single).map(BTreeSet::len),
            Some(1),
            "{single}: {:?}",
            versions.get(single)
        );
    }
    for never in [
        "sqlx",
        "sqlx-core",
        "sea-orm",
        "diesel",
        "native-tls",
        "openssl",
    ] {
        assert!(!versions.contains_key(never), "{never} came in");
    }
}

#[test]
fn numbered_placeholders_first_appear_in_ascending_order() {
    for path in sources().iter().filter(|path| {
        path.extension()
            .is_some_and(|ending| ending == "rs" || ending == "sql")
    }) {
        for statement in read(path).split('"').filter(|text| text.contains("$1")) {
            let mut highest = 0;
            for number in statement.split('$').skip(1).filter_map(|rest| {
                rest.chars()
                    .take_while(char::is_ascii_digit)
                    .collect::<String>()
                    .parse::<u32>()
                    .ok()
            }) {
                assert!(
                    number <= highest + 1,
                    "{}: ${number} before ${} in {statement}",
                    path.display(),
                    highest + 1
                );
                highest = highest.max(number);
            }
        }
    }
}

#[test]
fn window_commands_acl_use_cases_and_bridge_are_the_same_list() {
    let quoted = |text: &str| -> BTreeSet<String> {
        text.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let shell = quoted(&read(Path::new("src-tauri/src/command_names.rs")));
    let use_cases: BTreeSet<String> = desk_app::commands::COMMANDS
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    let capability: Value =
        serde_json::from_str(&read(Path::new("src-tauri/capabilities/main.json"))).unwrap();
    let permissions = capability["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|permission| permission.as_str()?.strip_prefix("allow-"));
    let acl: BTreeSet<String> = permissions.map(|name| name.replace('-', "_")).collect();
    assert_eq!(shell, use_cases);
    assert_eq!(shell, acl);
    assert!(shell.len() <= 60, "{} commands", shell.len());
    let table = read(Path::new("ui/src/lib/commands.ts"));
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once(": ["));
    let bridge: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(shell, bridge);
}

#[test]
fn nothing_names_a_machine_or_a_registry_host() {
    // Written in pieces, so that this file is not a finding of its own.
    let words = [
        ["/work", "/main"].concat(),
        ["/ro", "ot/"].concat(),
        ["index.", "crates.io"].concat(),
        ["registry.", "npmjs"].concat(),
    ];
    let listed = Command::new("git")
        .args(["ls-files"])
        .current_dir(repository())
        .output()
        .unwrap();
    for path in String::from_utf8(listed.stdout).unwrap().lines() {
        // Cargo itself writes the index's address into its lock file.
        if path == "Cargo.lock" {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(repository().join(path)) else {
            continue;
        };
        for word in &words {
            assert!(!text.contains(word.as_str()), "{path} names {word}");
        }
    }
}
