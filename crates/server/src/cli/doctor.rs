//! `doctor`: what was found, line by line or as one line of JSON.

use super::say;
use crate::config::ServerConfig;
use crate::doctor::{self, State};
use crate::error::ServerError;
use serde_json::json;
use std::path::PathBuf;

pub fn run(
    config: &ServerConfig,
    backup_key: Option<&PathBuf>,
    as_json: bool,
) -> Result<(), ServerError> {
    let found = doctor::look(config, backup_key);
    let wrong = found.iter().filter(|one| one.state == State::Wrong).count();
    if as_json {
        say(&json!({ "well": wrong == 0, "findings": found }).to_string())?;
    } else {
        found.iter().try_for_each(|one| say(&one.lines()))?;
    }
    if wrong == 0 {
        Ok(())
    } else {
        Err(ServerError::Unwell(wrong))
    }
}
