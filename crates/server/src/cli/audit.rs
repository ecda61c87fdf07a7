//! `audit verify`: one line of JSON when all is as it was written; otherwise the name of the first thing that is not.

use super::{AuditCommand, say};
use crate::audit;
use crate::error::ServerError;
use crate::run::House;
use serde_json::json;

pub fn run(command: AuditCommand) -> Result<(), ServerError> {
    let AuditCommand::Verify { data } = command;
    data.must_hold_an_office()?;
    let house = House::open(&data.config()?)?;
    let found = audit::verify(&house)?;
    say(&json!({
        "chains": found.walked.chains, "ops": found.walked.ops, "documents": found.documents,
    })
    .to_string())
}
