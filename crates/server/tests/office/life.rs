//! A new life for a database that was put back by other tools than ours.

use crate::support::{HERE, PASSWORD, TestOffice, applied, office_at, outcomes, shared};
use desk_server::objects::Location;
use desk_server::repo::life::{self, Renewal};
use desk_server::{ServerError, run};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output};

/// On a shared PostgreSQL it has a name of its own: other tests' servers are none of its.
fn office() -> TestOffice {
    let named = |url: String| format!("{url}&application_name=of-this-test-alone");
    office_at(true, Location::Folder, shared::database().map(named))
}

#[test]
fn a_new_life_is_refused_while_a_server_lives_the_old_one() {
    let office = office();
    let database = run::database(&office.config).unwrap();
    if shared::is_shared() {
        let renewed = life::renew(&database, &run::rules(&office.config).unwrap()).unwrap();
        assert!(
            matches!(renewed, Renewal::InUse(count) if count >= 5),
            "{renewed:?}"
        );
    }
    assert!(matches!(run::lock(&office.config), Err(ServerError::InUse)));
}

#[test]
fn in_a_new_life_everybody_signs_in_again_and_desks_send_what_is_missing() {
    let mut office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    assert!(desk.write(vec![create]).iter().all(applied));
    let hello = |desk: &crate::support::Desk| {
        let body = json!({"device": desk.id, "app_version": "0"}).to_string();
        desk.send("POST", "/v1/sync/hello", body.as_bytes())
    };
    let before = hello(&desk).json()["epoch"].clone();
    let (config, rules) = (office.config.clone(), run::rules(&office.config).unwrap());
    let mut renewed = None;
    office.restart_after(|| {
        renewed = Some(life::renew(&run::database(&config).unwrap(), &rules).unwrap());
    });
    let Some(Renewal::Done {
        before: old,
        epoch,
        sessions_ended,
    }) = renewed
    else {
        panic!("{renewed:?}");
    };
    assert_eq!((json!(old), sessions_ended), (before, 1));
    desk.addr = office.addr();
    assert_eq!(hello(&desk).status, 401);
    assert_eq!(desk.sign_in("agent", PASSWORD).status, 200);
    let greeting = hello(&desk).json();
    assert_eq!(
        (&greeting["epoch"], &greeting["heads"][0]["seq"]),
        (&json!(epoch), &json!(1))
    );
    let note = desk.note(case, "之后");
    let batch = desk.chain(vec![note]);
    assert!(applied(&outcomes(&desk.push(&batch))[0]));
}

fn renew(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_unbind-desk-server"))
        .args(["epoch", "renew", "--data"])
        .arg(data)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_command_wants_a_yes_a_stopped_server_and_an_office() {
    let office = crate::support::office_on_file();
    let said = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();
    let (dir, server) = office.into_parts();
    let running = renew(dir.path(), &["--yes"]);
    assert!(!running.status.success() && said(&running).contains("another server works"));
    server.stop();
    let unsure = renew(dir.path(), &[]);
    assert!(
        !unsure.status.success() && said(&unsure).contains("add --yes"),
        "{unsure:?}"
    );
    let sure = renew(dir.path(), &["--yes"]);
    let told: serde_json::Value = serde_json::from_slice(&sure.stdout).unwrap();
    assert!(
        sure.status.success() && told["epoch"] != told["epoch_before"],
        "{told}"
    );
    let nowhere = dir.path().join("nowhere");
    assert!(!renew(&nowhere, &["--yes"]).status.success());
    assert!(!nowhere.exists());
}
