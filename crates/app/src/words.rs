//! Text from outside into bounded, harmless text; names of choices to and from the wire.

use crate::error::AppError;
use chrono::NaiveDate;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Notes and reasons.
pub(crate) const NOTE_CHARS: usize = 2_000;
/// References, codes and file names.
pub(crate) const SHORT_CHARS: usize = 200;

/// The snake-case name of a choice.
pub(crate) fn word<T: Serialize>(choice: &T) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        // Our choices are plain words; anything else shows as nothing rather than as JSON.
        Ok(_) | Err(_) => String::new(),
    }
}

/// A choice by its name.
pub(crate) fn choice<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, AppError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| AppError::NotAChoice(what))
}

/// Trimmed, not empty, not endless.
pub(crate) fn said(text: &str, what: &'static str, limit: usize) -> Result<String, AppError> {
    let trimmed = maybe_said(text, what, limit)?;
    if trimmed.is_empty() {
        Err(AppError::TextEmpty(what))
    } else {
        Ok(trimmed)
    }
}

/// Trimmed and not endless.
pub(crate) fn maybe_said(text: &str, what: &'static str, limit: usize) -> Result<String, AppError> {
    let trimmed = text.trim();
    if trimmed.chars().count() > limit {
        return Err(AppError::TextTooLong(what, limit));
    }
    Ok(trimmed.to_owned())
}

/// `yyyy-mm-dd`.
pub(crate) fn date(text: &str, what: &'static str) -> Result<String, AppError> {
    let day =
        NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_err(|_| AppError::BadDate(what))?;
    Ok(day.format("%Y-%m-%d").to_string())
}
