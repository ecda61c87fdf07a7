//! Schemathesis over the OpenAPI document: what it makes up must never meet a 5xx, nor an answer that the document does not
//! know.

use crate::exec::{self, Failed, command, has, root, say};
use std::path::PathBuf;

/// A version that was tried; a newer one may ask for more.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Kept, so that a red run can be had again.
const SEED: &str = "20261126";
/// Requests made up for each route and phase.
const EXAMPLES: &str = "60";
/// Seconds that an answer may take: longer than the longest that a desk may ask to be kept waiting.
const WITHIN_S: &str = "60";
/// What an answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      ignored_auth,negative_data_rejection";

/// Where Python or its packages cannot be had it fails with words: a contract that nobody checks is none.
pub fn check() -> Result<(), Failed> {
    let program = installed()?;
    let mut contract = command(root().join("target/debug/desk-contract"));
    contract
        .arg(program)
        .args(["run", "{url}/openapi.json", "--url", "{url}"])
        .args(["--header", "Authorization: Bearer {token}"])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES, "--seed", SEED])
        .args(["--request-timeout", WITHIN_S])
        // What an earlier run on this machine met is not made up again: the seed alone decides.
        .args(["--generation-database", "none"])
        .args(["--workers", "1", "--no-color"]);
    exec::run("schemathesis", &mut contract)
}

/// A virtual environment of its own below `target`, made when it is missing.
fn installed() -> Result<PathBuf, Failed> {
    let home = root().join("target/schemathesis");
    let program = home.join("bin/schemathesis");
    let stamp = home.join("version");
    if std::fs::read_to_string(&stamp).is_ok_and(|version| version == SCHEMATHESIS) {
        return Ok(program);
    }
    if !has("python3") {
        return Err(Failed("python3 with venv is needed".to_owned()));
    }
    say(&format!("▸ installing {SCHEMATHESIS} below target"));
    let mut venv = command("python3");
    exec::run(
        "python3 -m venv",
        venv.args(["-m", "venv", "--clear"]).arg(&home),
    )?;
    let mut pip = command(home.join("bin/pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        SCHEMATHESIS,
    ]);
    exec::run("pip install", &mut pip)?;
    std::fs::write(&stamp, SCHEMATHESIS)
        .map_err(|error| Failed::because("target/schemathesis", error))?;
    Ok(program)
}
