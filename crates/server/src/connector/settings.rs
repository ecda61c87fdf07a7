//! What an installation says of its connector: a TOML file for what is no secret, the environment or a file of its own for
//! what is. Nothing secret is taken from the command line.

use super::scope::Scope;
use crate::sms::settings::Secret;
use desk_domain::ids::OfficeCode;
use desk_domain::time::Millis;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where the two halves of the key stand.
pub const KEY_ID: &str = "UNBIND_DESK_CONNECTOR_KEY_ID";
pub const SECRET: &str = "UNBIND_DESK_CONNECTOR_SECRET";
/// A shorter secret could be guessed from one signature.
const SECRET_CHARS: usize = 32;
const USUAL_SECONDS: u64 = 8;
const MOST_SECONDS: u64 = 30;
const USUAL_MINUTES: u32 = 10;
const MOST_MINUTES: u32 = 24 * 60;
const MINUTE_MS: Millis = 60_000;

/// The settings as they were given; [`super::Connector::open`] judges them.
#[derive(Clone, Debug, Default)]
pub struct ConnectorSettings {
    pub file: ConnectorFile,
    pub key_id: String,
    pub secret: Secret,
    /// How long the core system may take to answer, in place of the file's word.
    pub within: Option<Duration>,
}

/// The TOML file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectorFile {
    /// Requests are posted here, and asked for below it by their key.
    pub url: Option<String>,
    /// Offices whose cases the connector executes; none unless they are named.
    pub offices: Vec<String>,
    /// Only merchants whose number begins like this: an acquirer by three digits, a merchant by all of them.
    pub merchant_prefixes: Vec<String>,
    /// Only terminals of these models.
    pub models: Vec<String>,
    pub timeout_seconds: Option<u64>,
    /// How long nothing clear may come back before the result counts as unknown.
    pub unknown_after_minutes: Option<u32>,
    /// Holds the secret, instead of the environment.
    pub secret_file: Option<PathBuf>,
}

impl ConnectorSettings {
    /// Reads the file, if there is one, and the two variables.
    ///
    /// # Errors
    /// In words; values are not repeated.
    pub fn read(
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let file: ConnectorFile = match file {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|error| format!("--connector-config cannot be read: {error}"))?;
                // The parser's own words would quote the line.
                toml::from_str(&text).map_err(|error: toml::de::Error| {
                    format!(
                        "--connector-config is not the agreed TOML: {}",
                        error.message()
                    )
                })?
            }
            None => ConnectorFile::default(),
        };
        let secret = match &file.secret_file {
            Some(path) => Some(Zeroizing::new(fs::read_to_string(path).map_err(
                |error| format!("secret_file in --connector-config cannot be read: {error}"),
            )?)),
            None => variable(SECRET).map(Zeroizing::new),
        };
        Ok(Self {
            file,
            key_id: variable(KEY_ID).unwrap_or_default().trim().to_owned(),
            secret: secret.map(|text| Secret::new(&text)).unwrap_or_default(),
            within: None,
        })
    }

    pub(super) fn url(&self) -> Result<&str, String> {
        let url = self.file.url.as_deref().map(str::trim);
        url.filter(|url| !url.is_empty())
            .ok_or_else(|| "url is missing in --connector-config".to_owned())
    }

    pub(super) fn key(&self) -> Result<(String, Secret), String> {
        if self.key_id.is_empty() || self.secret.is_empty() {
            return Err(format!(
                "set {KEY_ID} and {SECRET} (or secret_file in --connector-config)"
            ));
        }
        if !self.key_id.chars().all(|c| c.is_ascii_graphic()) {
            return Err(format!("{KEY_ID} holds more than letters and digits"));
        }
        if self.secret.bytes().len() < SECRET_CHARS {
            return Err(format!(
                "{SECRET} is shorter than {SECRET_CHARS} characters"
            ));
        }
        Ok((self.key_id.clone(), self.secret.clone()))
    }

    pub(super) fn scope(&self) -> Result<Scope, String> {
        let mut offices = BTreeSet::new();
        for text in &self.file.offices {
            let code = OfficeCode::parse(text).ok_or_else(|| {
                "offices in --connector-config: a code has five capital letters or digits"
                    .to_owned()
            })?;
            offices.insert(code);
        }
        let blank = |all: &[String]| all.iter().any(|one| one.trim().is_empty());
        if blank(&self.file.merchant_prefixes) || blank(&self.file.models) {
            return Err(
                "merchant_prefixes and models in --connector-config hold an empty word; leave the line out to take all"
                    .to_owned(),
            );
        }
        Ok(Scope {
            offices,
            merchant_prefixes: self.file.merchant_prefixes.clone(),
            models: self.file.models.clone(),
        })
    }

    pub(super) fn timeout(&self) -> Result<Duration, String> {
        let seconds = self.file.timeout_seconds.unwrap_or(USUAL_SECONDS);
        if !(1..=MOST_SECONDS).contains(&seconds) {
            return Err(format!(
                "timeout_seconds in --connector-config: between 1 and {MOST_SECONDS}"
            ));
        }
        Ok(self.within.unwrap_or(Duration::from_secs(seconds)))
    }

    pub(super) fn unknown_after_ms(&self) -> Result<Millis, String> {
        let minutes = self.file.unknown_after_minutes.unwrap_or(USUAL_MINUTES);
        if !(1..=MOST_MINUTES).contains(&minutes) {
            return Err(format!(
                "unknown_after_minutes in --connector-config: between 1 and {MOST_MINUTES}"
            ));
        }
        Ok(Millis::from(minutes) * MINUTE_MS)
    }
}
