//! `epoch renew`: one line of JSON with the old life and the new one.

use super::{EpochCommand, say};
use crate::error::ServerError;
use crate::repo::life::{self, Renewal};
use crate::run;
use serde_json::json;

pub fn run(command: EpochCommand) -> Result<(), ServerError> {
    let EpochCommand::Renew { data, yes } = command;
    data.must_hold_an_office()?;
    if !yes {
        let why = "everybody has to sign in again, and desks take the server's word anew: add --yes if the database was put back";
        return Err(ServerError::Usage(why.to_owned()));
    }
    let config = data.config()?;
    let _lock = run::lock(&config)?;
    match life::renew(&run::database(&config)?, &run::rules(&config)?)? {
        Renewal::Done {
            before,
            epoch,
            sessions_ended,
        } => say(&json!({
            "epoch": epoch, "epoch_before": before, "sessions_ended": sessions_ended,
        })
        .to_string()),
        Renewal::InUse(connections) => Err(ServerError::Serving(connections)),
    }
}
