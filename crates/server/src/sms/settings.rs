//! What an installation says of its gateway: a TOML file for what is no secret, the environment or a file of its own for
//! what is. Nothing secret is taken from the command line, where every user of the machine could read it.

use super::wording::{self, Sender};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where the two halves of a provider's key stand.
pub const KEY_ID: &str = "UNBIND_DESK_SMS_KEY_ID";
pub const SECRET: &str = "UNBIND_DESK_SMS_SECRET";

/// A key that is never shown.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The settings of every gateway; each takes what it needs.
#[derive(Clone, Debug, Default)]
pub struct SmsSettings {
    pub file: SmsFile,
    pub key_id: String,
    pub secret: Secret,
    /// How long a provider may take to answer; the usual time when none.
    pub within: Option<Duration>,
}

/// The TOML file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsFile {
    /// The approved signature.
    pub brand: Option<String>,
    /// Where merchants may call.
    pub hotline: Option<String>,
    /// Another address of the provider.
    pub endpoint: Option<String>,
    /// Tencent: region and application.
    pub region: Option<String>,
    pub app_id: Option<String>,
    /// The provider's code of each of our messages.
    pub templates: BTreeMap<String, String>,
    /// Holds the secret, instead of the environment.
    pub secret_file: Option<PathBuf>,
    /// HTTP: address, JSON body with placeholders, header of the HMAC, pointer to the provider's id in the answer.
    pub url: Option<String>,
    pub body: Option<String>,
    pub signature_header: Option<String>,
    pub id_at: Option<String>,
}

impl SmsSettings {
    /// Reads the file, if there is one, and the two variables.
    ///
    /// # Errors
    /// In words; values are not repeated.
    pub fn read(
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let file: SmsFile = match file {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|error| format!("--sms-config cannot be read: {error}"))?;
                // The parser's own words would quote the line.
                toml::from_str(&text).map_err(|error: toml::de::Error| {
                    format!("--sms-config is not the agreed TOML: {}", error.message())
                })?
            }
            None => SmsFile::default(),
        };
        let secret = match &file.secret_file {
            Some(path) => Some(Zeroizing::new(fs::read_to_string(path).map_err(
                |error| format!("secret_file in --sms-config cannot be read: {error}"),
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

    /// How messages are signed.
    pub fn sender(&self) -> Sender {
        let usual = Sender::default();
        Sender {
            brand: self.file.brand.clone().unwrap_or(usual.brand),
            hotline: self.file.hotline.clone().unwrap_or(usual.hotline),
        }
    }

    /// The provider's key; both halves must be there.
    pub(super) fn key(&self) -> Result<(String, Secret), String> {
        if self.key_id.is_empty() || self.secret.is_empty() {
            return Err(format!("set {KEY_ID} and {SECRET}"));
        }
        Ok((self.key_id.clone(), self.secret.clone()))
    }

    /// A provider's code for every message that may be sent.
    pub(super) fn templates(&self) -> Result<BTreeMap<String, String>, String> {
        for name in wording::names() {
            if !self.file.templates.contains_key(name) {
                return Err(format!("[templates] in --sms-config lacks {name}"));
            }
        }
        Ok(self.file.templates.clone())
    }

    /// The secret, if there is one.
    pub(super) fn maybe_secret(&self) -> Option<Secret> {
        (!self.secret.is_empty()).then(|| self.secret.clone())
    }
}

/// A setting that a gateway cannot do without.
pub(super) fn needed(value: Option<&String>, name: &str) -> Result<String, String> {
    let given = value.filter(|text| !text.trim().is_empty());
    given
        .cloned()
        .ok_or_else(|| format!("{name} is missing in --sms-config"))
}
