//! `sms`: what an operator sets up with the provider of messages.

use super::{Site, say};
use crate::error::ServerError;
use crate::repo::receipts::TOKEN;
use crate::repo::system;
use crate::run::House;
use crate::sms::settings::SmsSettings;
use clap::Subcommand;
use std::path::Path;

#[derive(Subcommand)]
pub enum SmsCommand {
    /// Show where the providers' delivery reports go, below this server's public address. Whoever knows it can report.
    Receipts {
        #[command(flatten)]
        data: Site,
    },
}

pub fn run(command: SmsCommand) -> Result<(), ServerError> {
    let SmsCommand::Receipts { data } = command;
    let house = House::open(&data.config()?)?;
    let token = house.repo.read_blocking(|conn| system::note(conn, TOKEN))?;
    let token = token.unwrap_or_default();
    for provider in ["aliyun", "tencent", "http"] {
        say(&format!("/hooks/sms/{provider}/{token}"))?;
    }
    Ok(())
}

/// What the gateway is told, from a file and from the environment.
pub fn settings(file: Option<&Path>) -> Result<SmsSettings, ServerError> {
    SmsSettings::read(file, |name| std::env::var(name).ok()).map_err(ServerError::Usage)
}
