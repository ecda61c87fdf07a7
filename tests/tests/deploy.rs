//! Container, compose file and unit say only what the program understands. No engine is asked: the files are read.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_tests::programs::{program, repository};
use serde_yaml_ng::Value;
use std::process::Command;

fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join(name)).unwrap()
}

/// The program takes these words; it is only asked what they mean.
fn is_understood(words: &[String]) {
    let mut asked = Command::new(program("unbind-desk-server").unwrap());
    let output = asked.args(words).arg("--help").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
}

/// Variables that `serve` reads, and those of S3 that the operator's guide names.
fn is_read(variable: &str) -> bool {
    let mut asked = Command::new(program("unbind-desk-server").unwrap());
    let help = asked.args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let ours = variable.starts_with("UNBIND_DESK_")
        && ['=', ']']
            .iter()
            .any(|end| help.contains(&format!("[env: {variable}{end}")));
    ours || (variable.starts_with("AWS_") && read("docs/OPERATE.md").contains(variable))
}

fn words(list: &Value) -> Vec<String> {
    let list = list.as_sequence().unwrap();
    list.iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

/// Instructions, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = read("Containerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, rest) = line.split_once(' ').unwrap();
            (name.to_owned(), rest.trim().to_owned())
        })
        .collect()
}

fn last(name: &str) -> String {
    let all = instructions();
    let found = all
        .into_iter()
        .rev()
        .find(|(instruction, _)| instruction == name);
    found.unwrap_or_else(|| panic!("no {name}")).1
}

fn json_words(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_container_runs_what_the_program_understands_as_nobody_special() {
    let known = [
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "ENV",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    for (name, _) in instructions() {
        assert!(known.contains(&name.as_str()), "{name}");
    }
    assert_eq!(json_words(&last("ENTRYPOINT")), ["unbind-desk-server"]);
    is_understood(&json_words(&last("CMD")));
    let check = last("HEALTHCHECK");
    let check = json_words(check.split_once("CMD").unwrap().1);
    assert_eq!(check[0], "unbind-desk-server");
    is_understood(&check[1..]);
    let (variable, _) = last("ENV")
        .split_once('=')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(is_read(&variable), "{variable}");
    let user = last("USER");
    assert!(
        user.split(':')
            .all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)),
        "{user}"
    );
    let healthy = last("CMD").contains("8787") && last("HEALTHCHECK").contains(":8787/readyz");
    assert!(healthy, "the health check asks another port");
}

fn compose() -> Value {
    let mut file: Value = serde_yaml_ng::from_str(&read("compose.yaml")).unwrap();
    file.apply_merge().unwrap();
    file
}

#[test]
fn the_compose_file_names_only_what_is_there() {
    let file = compose();
    let services = file["services"].as_mapping().unwrap();
    let keys = |value: &Value| -> Vec<String> {
        match value {
            Value::Mapping(map) => map
                .keys()
                .map(|key| key.as_str().unwrap().to_owned())
                .collect(),
            Value::Sequence(_) => words(value),
            _ => Vec::new(),
        }
    };
    for (name, service) in services {
        let name = name.as_str().unwrap();
        let profiles = words(&service["profiles"]);
        assert!(
            profiles == ["one"] || profiles == ["many"],
            "{name}: {profiles:?}"
        );
        for other in keys(&service["depends_on"]) {
            assert!(
                services.contains_key(other.as_str()),
                "{name} waits for {other}"
            );
        }
        for network in keys(&service["networks"]) {
            assert!(
                file["networks"].get(network.as_str()).is_some(),
                "{network}"
            );
        }
        for volume in keys(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            let there = if source.starts_with('.') {
                repository().join(source).exists()
            } else {
                file["volumes"].get(source).is_some()
            };
            assert!(there, "{name}: {volume}");
        }
    }
    assert!(services.len() >= 6);
}

#[test]
fn the_servers_of_the_compose_file_are_started_with_words_they_understand_and_may_write_nowhere_else()
 {
    let file = compose();
    let mut seen = 0;
    for (name, service) in file["services"].as_mapping().unwrap() {
        if service["image"] != "unbind-desk-server" {
            continue;
        }
        seen += 1;
        is_understood(&words(&service["command"]));
        for variable in service["environment"]
            .as_mapping()
            .into_iter()
            .flat_map(|all| all.keys())
        {
            assert!(is_read(variable.as_str().unwrap()), "{variable:?}");
        }
        assert_eq!(service["read_only"], true, "{name:?}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"]);
        let volumes = words(&service["volumes"]);
        assert_eq!(volumes.len(), 1);
        assert!(volumes[0].ends_with(":/var/lib/unbind-desk"), "{volumes:?}");
    }
    assert_eq!(seen, 3);
    let balancer = read("assets/compose/Caddyfile");
    for server in ["node-1:8787", "node-2:8787", "/readyz?only=database"] {
        assert!(balancer.contains(server), "{server}");
    }
}

#[test]
fn the_unit_starts_the_program_with_words_it_understands() {
    let unit = read("assets/systemd/unbind-desk-server.service");
    let setting = |name: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}")).to_owned()
    };
    let start = setting("ExecStart=");
    let start: Vec<String> = start.split(' ').map(str::to_owned).collect();
    assert!(start[0].ends_with("/unbind-desk-server"));
    is_understood(&start[1..]);
    assert!(is_read(setting("Environment=").split('=').next().unwrap()));
    for hardening in [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "CapabilityBoundingSet=",
        "RestrictNamespaces=yes",
        "SystemCallArchitectures=native",
    ] {
        assert!(unit.lines().any(|line| line == hardening), "{hardening}");
    }
    assert_ne!(setting("User="), "root");
}
