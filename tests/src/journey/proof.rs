//! What must hold at the end: the server has the case and the same documents, the answer is on the agent's desk, and
//! nobody without a key reads a desk's file.

use super::Journey;
use crate::Failure;
use crate::case_script::MERCHANT_NAME;
use crate::desk::{PASSPHRASE, TestDesk};
use crate::programs::files_below;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Checks everything and writes `summary.json`.
pub fn write(journey: &Journey, case: &str, started: Instant) -> Result<(), Failure> {
    let snapshot = on_the_server(journey, case)?;
    let desk = TestDesk::open(&journey.profile("agent1"))?;
    desk.ask("unlock", json!({ "passphrase": PASSPHRASE }))?;
    let screen = desk.ask("case_open", json!({ "case": case }))?;
    let digests = desk_app::document_digests(desk.desk(), case)
        .map_err(Failure::at("hash the desk's documents"))?;
    desk.close();
    let summary = json!({
        "case_no": snapshot["case_no"],
        "case_id": case,
        "states": states(&screen),
        "documents": documents(journey, &digests)?,
        "desks": desks(journey)?,
        "server": { "url": journey.office.url(), "data_dir": journey.office.data() },
        "seconds": started.elapsed().as_secs_f64(),
    });
    let text = serde_json::to_string_pretty(&summary).map_err(Failure::at("write the summary"))?;
    std::fs::write(journey.out.join("summary.json"), text)
        .map_err(Failure::at("write the summary"))?;
    let closed = snapshot["state"] == "closed" && screen["state"] == "closed";
    let reached: Vec<&str> = ["unbound", "closed"]
        .into_iter()
        .filter(|state| {
            summary["states"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == state))
        })
        .collect();
    if !closed || reached.len() != 2 || digests.len() < 3 {
        return Err(Failure::new(format!(
            "the case did not come through: {summary}"
        )));
    }
    Ok(())
}

/// The server's own snapshot, read with the plain tool.
fn on_the_server(journey: &Journey, case: &str) -> Result<Value, Failure> {
    if !case
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    {
        return Err(Failure::new("not a case id"));
    }
    let question = ["SELECT snapshot FROM case_file WHERE id = '", case, "'"].concat();
    let output = Command::new("sqlite3")
        .arg("-readonly")
        .arg(journey.office.data().join("office.db"))
        .arg(question)
        .output();
    let output = output.map_err(Failure::at("ask the server's database"))?;
    serde_json::from_slice(&output.stdout).map_err(Failure::at("the server has no such case"))
}

/// Every state that the case went through, in order, from its history on the desk (newest first there).
fn states(screen: &Value) -> Vec<String> {
    let mut states = vec!["draft".to_owned()];
    for line in screen["timeline"].as_array().into_iter().flatten().rev() {
        let to = line["params"]["to"].as_str();
        if let Some(to) = to.filter(|to| states.last().is_none_or(|last| last != to)) {
            states.push(to.to_owned());
        }
    }
    states
}

fn documents(journey: &Journey, digests: &[(String, String)]) -> Result<Vec<Value>, Failure> {
    let stored: BTreeSet<String> = files_below(&journey.office.data().join("objects"))?
        .iter()
        .map(|file| sha256(file))
        .collect::<Result<_, _>>()?;
    let found = |digest: &String| stored.get(digest).cloned();
    let rows = digests.iter().map(|(kind, digest)| {
        let server =
            found(digest).ok_or_else(|| Failure::new(format!("the server lacks the {kind}")))?;
        Ok(json!({ "kind": kind, "sha256_desk": digest, "sha256_server": server }))
    });
    rows.collect()
}

fn sha256(file: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(file).map_err(Failure::at("read an object"))?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

/// Each person's file is another one, and the plain tool opens none of them.
fn desks(journey: &Journey) -> Result<Vec<Value>, Failure> {
    let people = [
        ("agent", "agent1"),
        ("reviewer", "reviewer1"),
        ("operator", "operator1"),
    ];
    let mut rows = Vec::new();
    for (role, login) in people {
        let files = files_below(&journey.profile(login))?;
        let store = files
            .iter()
            .find(|file| file.extension().is_some_and(|ending| ending == "db"));
        let store = store.ok_or_else(|| Failure::new(format!("{login} has no store")))?;
        let tried = Command::new("sqlite3")
            .arg("-readonly")
            .arg(store)
            .arg(".schema")
            .output();
        let opens = tried
            .map_err(Failure::at("try the plain tool"))?
            .status
            .success();
        let bytes = std::fs::read(store).map_err(Failure::at("read a store"))?;
        let name = MERCHANT_NAME.as_bytes();
        let readable = bytes.windows(name.len()).any(|window| window == name);
        if opens || readable {
            return Err(Failure::new(format!(
                "{login}'s file can be read without its key"
            )));
        }
        rows.push(json!({ "role": role, "store_path": store, "plain_sqlite_opens": opens }));
    }
    Ok(rows)
}
