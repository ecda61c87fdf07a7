//! `backup`: key, create, verify, restore. Each prints one line of JSON.

use super::{BackupCommand, SecretFile, say};
use crate::backup::{self, BackupError, Secret, Summary};
use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::run::{House, rules};
use serde_json::json;

pub fn run(command: BackupCommand) -> Result<(), ServerError> {
    match command {
        BackupCommand::Key { file } => {
            let config = ServerConfig::new(".");
            Ok(backup::new_key_file(&file, config.chance.as_ref())?)
        }
        BackupCommand::Create { data, secret, file } => {
            let secret = open(&secret)?;
            let house = House::open(&data.config()?)?;
            print(&backup::create(&house, &file, &secret)?)
        }
        BackupCommand::Verify { secret, file, data } => {
            let secret = open(&secret)?;
            let rules = rules(&ServerConfig::new("."))?;
            let summary = backup::verify(&file, &secret, &rules)?;
            if let Some(data) = data {
                backup::note_safe(&House::open(&ServerConfig::new(data))?, &summary)?;
            }
            print(&summary)
        }
        BackupCommand::Restore { data, secret, file } => {
            let secret = open(&secret)?;
            let config = data.config()?;
            let (summary, epoch) = backup::restore(&file, &config, &secret, &rules(&config)?)?;
            say(&json!({
                "epoch": epoch, "epoch_before": summary.epoch, "made_at": summary.made_at,
                "ops": summary.ops, "documents": summary.documents,
            })
            .to_string())
        }
    }
}

fn open(file: &SecretFile) -> Result<Secret, BackupError> {
    match (&file.key_file, &file.passphrase_file) {
        (Some(path), _) => Secret::from_key_file(path),
        (None, Some(path)) => Secret::from_passphrase_file(path),
        (None, None) => Err(BackupError::BadSecret),
    }
}

fn print(summary: &Summary) -> Result<(), ServerError> {
    say(&json!({
        "epoch": summary.epoch, "made_at": summary.made_at, "ops": summary.ops,
        "documents": summary.documents, "size_bytes": summary.size_bytes, "chains": summary.heads.len(),
    })
    .to_string())
}
