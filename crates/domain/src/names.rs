//! Names of people: one dot, no invisible characters, and doubts about glyphs. Never folded, never split.

use serde::{Deserialize, Serialize};

/// The longest name, in Unicode scalars: Han names with dots reach 25, Latin ones more.
pub const NAME_CHARS_MAX: usize = 50;
/// The dot between the parts of a name.
const DOT: char = '·';

/// A name in the form in which it is kept. `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ts_rs::TS)]
#[ts(type = "string")]
pub struct PersonName(String);

/// Why a text is not a name; the codes are stable for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameReject {
    /// Nothing visible.
    #[error("EMPTY")]
    Empty,
    /// More than [`NAME_CHARS_MAX`] characters.
    #[error("LENGTH")]
    Length,
    /// A control character.
    #[error("FORMAT")]
    Control,
}

/// A doubt about a name that does not forbid it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NameWarning {
    /// A private-use glyph of an old system: ask for the standard form.
    WarnPrivateUse,
    /// A character was lost before it reached us.
    WarnReplacement,
}

/// How two names agree.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "snake_case")]
pub enum NameMatch {
    /// The same after normalisation.
    Same,
    /// The same but for dots and spaces: a person should look at it.
    SameWithoutDots,
    /// Not the same.
    Different,
}

impl PersonName {
    /// Reads a name and lists the doubts about it.
    pub fn parse(text: &str) -> Result<(Self, Vec<NameWarning>), NameReject> {
        let name = normalise(text);
        if name.is_empty() {
            return Err(NameReject::Empty);
        }
        if name.chars().count() > NAME_CHARS_MAX {
            return Err(NameReject::Length);
        }
        if name.chars().any(char::is_control) {
            return Err(NameReject::Control);
        }
        let warnings = doubts(&name);
        Ok((Self(name), warnings))
    }

    /// The name in clear: for sealing, matching and an audited reveal only.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PersonName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonName(***)")
    }
}

impl<'de> Deserialize<'de> for PersonName {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        Self::parse(&text)
            .map(|(name, _)| name)
            .map_err(serde::de::Error::custom)
    }
}

/// One dot for all dots, single spaces, upper-case ASCII, nothing invisible. Ideographs stay as they are.
pub fn normalise(text: &str) -> String {
    let visible: Vec<char> = text.chars().filter(|c| !is_invisible(*c)).collect();
    let mut name = String::with_capacity(text.len());
    for (at, c) in visible.iter().enumerate() {
        let left = at.checked_sub(1).and_then(|before| visible.get(before));
        let latin = [left, visible.get(at + 1)]
            .into_iter()
            .flatten()
            .any(char::is_ascii_alphabetic);
        name.push(match c {
            // In a Latin name the full stop abbreviates; elsewhere it stands for the dot.
            '.' | '\u{FF0E}' if latin => '.',
            '\u{2022}' | '\u{2027}' | '\u{30FB}' | '\u{2219}' | '\u{22C5}' | '.' | '\u{FF0E}' => {
                DOT
            }
            other => other.to_ascii_uppercase(),
        });
    }
    let words: Vec<&str> = name.split_whitespace().collect();
    let spaced = words.join(" ");
    spaced.replace(" ·", "·").replace("· ", "·")
}

/// Compares two names; equality without dots is for a person to judge.
pub fn compare(left: &str, right: &str) -> NameMatch {
    let (left, right) = (normalise(left), normalise(right));
    if left == right {
        return NameMatch::Same;
    }
    if undotted(&left) == undotted(&right) {
        NameMatch::SameWithoutDots
    } else {
        NameMatch::Different
    }
}

/// Doubts about the glyphs of a text.
pub fn doubts(text: &str) -> Vec<NameWarning> {
    let mut found = Vec::new();
    if text.chars().any(is_private_use) {
        found.push(NameWarning::WarnPrivateUse);
    }
    if text.contains('\u{FFFD}') {
        found.push(NameWarning::WarnReplacement);
    }
    found
}

fn undotted(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '·' | '.' | ' '))
        .collect()
}

fn is_private_use(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_endless_and_control_names_are_refused() {
        for (text, reject) in [
            ("", NameReject::Empty),
            (" \u{200B}\u{3000}", NameReject::Empty),
            ("张\u{7}三", NameReject::Control),
        ] {
            assert_eq!(PersonName::parse(text), Err(reject));
        }
        assert_eq!(PersonName::parse(&"𠮷".repeat(51)), Err(NameReject::Length));
        assert!(PersonName::parse(&"𠮷".repeat(50)).is_ok());
    }

    #[test]
    fn every_dot_variant_becomes_the_middle_dot() {
        for dot in [
            '\u{2022}', '\u{2027}', '\u{30FB}', '\u{2219}', '\u{FF0E}', '\u{22C5}', '.', '·',
        ] {
            assert_eq!(
                normalise(&format!("阿依古丽{dot}买买提")),
                "阿依古丽·买买提"
            );
        }
        assert_eq!(normalise("阿依古丽 · 买买提"), "阿依古丽·买买提");
    }

    #[test]
    fn latin_names_keep_their_full_stops() {
        assert_eq!(normalise("john  q. sample"), "JOHN Q. SAMPLE");
    }

    #[test]
    fn ideographs_are_never_rewritten() {
        for name in ["\u{FA0E}样张", "𠮷样张", "〇样张", "Ａ样张"] {
            assert_eq!(normalise(name), name);
        }
    }

    #[test]
    fn names_are_compared_with_dots_as_a_doubt() {
        assert_eq!(
            compare("阿依古丽•买买提", "阿依古丽·买买提"),
            NameMatch::Same
        );
        assert_eq!(
            compare("阿依古丽买买提", "阿依古丽·买买提"),
            NameMatch::SameWithoutDots
        );
        assert_eq!(compare("样张甲", "样张乙"), NameMatch::Different);
    }

    #[test]
    fn lost_and_private_glyphs_are_doubts() {
        let (_, warnings) = PersonName::parse("样\u{E863}\u{FFFD}").unwrap();
        assert_eq!(
            warnings,
            [NameWarning::WarnPrivateUse, NameWarning::WarnReplacement]
        );
        assert!(PersonName::parse("样张").unwrap().1.is_empty());
    }

    #[test]
    fn debug_does_not_tell_the_name() {
        let (name, _) = PersonName::parse("样张甲").unwrap();
        assert!(!format!("{name:?}").contains("样张"));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "[\\PC.·• ．‧]{0,30}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
