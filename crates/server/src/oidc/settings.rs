//! What an installation says of its identity provider: a TOML file for what is no secret, the environment or a file of its
//! own for what is.

use super::keys::Algorithm;
use crate::sms::settings::Secret;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where the client's secret stands, for a provider that gives one.
pub const SECRET: &str = "UNBIND_DESK_OIDC_SECRET";
/// What every provider signs with.
const USUAL: &[&str] = &["RS256"];

/// The settings as they were given; [`super::Provider::open`] judges them.
#[derive(Clone, Debug, Default)]
pub struct OidcSettings {
    pub file: Option<OidcFile>,
    pub secret: Secret,
}

/// The TOML file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcFile {
    /// Exactly as the provider writes it in its tokens.
    pub issuer: String,
    pub client_id: String,
    /// What tokens may be signed with: RS256, PS256, ES256, EdDSA. RS256 unless named.
    pub algorithms: Vec<String>,
    /// Asked for beside `openid`, where the provider wants more before it issues a token.
    pub scopes: Vec<String>,
    /// Holds the secret, instead of the environment.
    pub secret_file: Option<PathBuf>,
}

/// The same, judged.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub issuer: String,
    pub client_id: String,
    pub algorithms: BTreeSet<Algorithm>,
    pub scope: String,
    pub secret: Option<Secret>,
}

impl OidcSettings {
    /// Reads the file, if one is named, and the variable.
    ///
    /// # Errors
    /// In words; values are not repeated.
    pub fn read(
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let Some(path) = file else {
            return Ok(Self::default());
        };
        let text = fs::read_to_string(path)
            .map_err(|error| format!("--oidc-config cannot be read: {error}"))?;
        // The parser's own words would quote the line.
        let file: OidcFile = toml::from_str(&text).map_err(|error: toml::de::Error| {
            format!("--oidc-config is not the agreed TOML: {}", error.message())
        })?;
        let secret = match &file.secret_file {
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    format!("secret_file in --oidc-config cannot be read: {error}")
                })?;
                Some(Zeroizing::new(text))
            }
            None => variable(SECRET).map(Zeroizing::new),
        };
        let settings = Self {
            file: Some(file),
            secret: secret.map(|text| Secret::new(&text)).unwrap_or_default(),
        };
        settings.terms()?;
        Ok(settings)
    }

    /// None where no provider is connected.
    pub(super) fn terms(&self) -> Result<Option<Terms>, String> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        for (name, value) in [("issuer", &file.issuer), ("client_id", &file.client_id)] {
            if value.trim().is_empty() || value.trim() != value {
                return Err(format!(
                    "{name} in --oidc-config is missing or has blanks around it"
                ));
            }
        }
        if file.issuer.contains(['?', '#']) {
            return Err("issuer in --oidc-config holds a query or a fragment".to_owned());
        }
        let named: Vec<&str> = file.algorithms.iter().map(String::as_str).collect();
        let named = if named.is_empty() { USUAL } else { &named };
        let mut algorithms = BTreeSet::new();
        for name in named {
            let known = Algorithm::parse(name).ok_or_else(|| {
                "algorithms in --oidc-config: RS256, PS256, ES256 or EdDSA".to_owned()
            })?;
            algorithms.insert(known);
        }
        let mut scope = "openid".to_owned();
        for more in file.scopes.iter().filter(|more| *more != "openid") {
            if more.is_empty() || !more.chars().all(|c| c.is_ascii_graphic()) {
                return Err("scopes in --oidc-config: single words".to_owned());
            }
            scope = format!("{scope} {more}");
        }
        Ok(Some(Terms {
            issuer: file.issuer.clone(),
            client_id: file.client_id.clone(),
            algorithms,
            scope,
            secret: (!self.secret.is_empty()).then(|| self.secret.clone()),
        }))
    }
}
