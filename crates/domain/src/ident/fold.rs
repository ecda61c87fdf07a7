//! Folding of typed and pasted codes to plain ASCII. Never for names and addresses.

use super::Reject;

/// The longest text before a colon that is still taken for a label.
const LABEL_MAX_CHARS: usize = 16;

/// Folds full-width forms, look-alike letters, spaces and dashes; drops invisible characters.
pub fn fold(text: &str) -> String {
    // Nothing grows by it: one piece of memory is enough.
    let mut folded = String::with_capacity(text.len());
    folded.extend(text.chars().filter_map(fold_char));
    folded
}

/// One character folded, or `None` when it is invisible.
pub(crate) fn fold_char(c: char) -> Option<char> {
    match c {
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' => None,
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0),
        '\u{3000}' | '\u{00A0}' => Some(' '),
        '×' | 'х' | 'Х' => Some('X'),
        '—' | '–' | '−' | '‐' | '‑' => Some('-'),
        _ => Some(c),
    }
}

/// Folds, drops a label such as `SN:`, spaces and hyphens, and upper-cases ASCII.
pub fn compact(text: &str) -> String {
    let folded = fold(text);
    let kept = strip_label(&folded)
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-');
    let mut compact = String::with_capacity(folded.len());
    compact.extend(kept.map(|c| c.to_ascii_uppercase()));
    compact
}

/// Drops quotation marks around and a digit-free label with a colon before a pasted code.
pub fn strip_label(folded: &str) -> &str {
    let bare = folded.trim_matches(|c: char| c.is_whitespace() || "「」『』【】“”\"'".contains(c));
    match bare.split_once(':') {
        Some((label, rest)) if is_label(label) => rest.trim(),
        _ => bare,
    }
}

fn is_label(text: &str) -> bool {
    text.chars().count() <= LABEL_MAX_CHARS && !text.bytes().any(|b| b.is_ascii_digit())
}

/// Checks the number of characters first and then each one of them.
pub(super) fn shape(
    text: &str,
    lengths: std::ops::RangeInclusive<usize>,
    allowed: fn(u8) -> bool,
) -> Result<(), Reject> {
    if !lengths.contains(&text.chars().count()) {
        return Err(Reject::Length);
    }
    if text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Reject::Format)
    }
}

pub(super) fn is_digit(b: u8) -> bool {
    b.is_ascii_digit()
}

pub(super) fn is_code_char(b: u8) -> bool {
    b.is_ascii_digit() || b.is_ascii_uppercase()
}

/// Whether the text is one character over and over.
pub(super) fn is_repeated(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    first.is_some() && bytes.all(|b| Some(b) == first)
}
