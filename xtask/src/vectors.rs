//! `cargo xtask vectors FILE`.

use crate::exec::{Failed, say};
use chrono::NaiveDate;
use desk_domain::ident::vector_mismatches;
use std::path::Path;

/// The vectors were made as of this day; ages and future dates depend on it.
const VECTORS_DAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 1, 1);

/// Lists every vector that the domain parsers judge otherwise.
pub fn check(file: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failed::because(&file.display().to_string(), error))?;
    let today = VECTORS_DAY.ok_or_else(|| Failed("the vectors' day is not a date".to_owned()))?;
    let mismatches = vector_mismatches(&text, today)
        .map_err(|error| Failed::because("the file is not of the agreed shape", error))?;
    for mismatch in &mismatches {
        let (kind, input) = (&mismatch.kind, &mismatch.input);
        say(&format!(
            "#{} {kind} «{input}»: the file says {}, the parser says {}",
            mismatch.index, mismatch.expect, mismatch.got
        ));
    }
    if mismatches.is_empty() {
        say("every vector agrees");
        return Ok(());
    }
    Err(Failed(format!("{} vectors disagree", mismatches.len())))
}
