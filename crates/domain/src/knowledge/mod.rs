//! What the desk knows by heart: answers for callers, sentences for the phone, and messages to merchants.
//!
//! The texts are data (`assets/knowledge`), in Chinese and English. An answer that the acquirer has not confirmed
//! is marked as unofficial and never leaves the desk; a message never carries a whole number or a link.

mod articles;
mod scripts;
mod templates;
#[cfg(test)]
mod tests;

pub use articles::{Article, Articles};
pub use scripts::{Script, Scripts};
pub use templates::{
    FORBIDDEN_VARIABLES, RESULT_TEMPLATE, RenderError, SERVICE_TEMPLATES, Template, Templates,
    Variable, segments,
};

use serde::{Deserialize, Serialize};

/// Why a text is not the content that it should be.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("content is not the agreed TOML: {0}")]
    Malformed(#[from] toml::de::Error),
    #[error("content does not make sense at {at}: {what}")]
    Senseless { at: String, what: &'static str },
}

impl ContentError {
    pub(crate) fn senseless(at: &str, what: &'static str) -> Self {
        Self::Senseless {
            at: at.to_owned(),
            what,
        }
    }
}

/// The languages that every text is written in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Zh,
    En,
}

/// One text in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub zh: String,
    pub en: String,
}

impl Text {
    /// The text in one language.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }

    /// Whether either language has nothing to read.
    pub fn is_blank(&self) -> bool {
        self.zh.trim().is_empty() || self.en.trim().is_empty()
    }

    fn holds(&self, folded_term: &str) -> bool {
        search_form(&self.zh).contains(folded_term) || search_form(&self.en).contains(folded_term)
    }
}

/// Ids stand in codes, file names and addresses: a–z, 0–9 and `_`, at most 40.
pub(crate) fn is_plain_id(id: &str) -> bool {
    (1..=40).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Half width and lower case, so that `ＰＯＳ` finds `pos`.
fn search_form(text: &str) -> String {
    crate::ident::fold(text).to_lowercase()
}
