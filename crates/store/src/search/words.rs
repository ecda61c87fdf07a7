//! Cutting text into tokens, the same way for rows and for queries.
//!
//! A run of letters outside ASCII becomes its characters and its overlapping pairs; a run of ASCII letters and digits
//! becomes one lower-case word. Measured in `domain/search.md`: pairs are exact for the two-character words of which
//! Chinese is made, and single characters keep one-character queries from walking a prefix.

/// Longest ASCII word that is indexed; the rest of a longer one is not looked at.
const LONGEST_WORD: usize = 40;

/// Full-width ASCII and the ideographic space become plain; everything lower-case.
pub(super) fn fold_char(c: char) -> char {
    let plain = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' => ' ',
        other => other,
    };
    plain.to_ascii_lowercase()
}

pub(super) fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

/// A piece of folded text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Letters outside ASCII.
    Wide(Vec<char>),
    /// One ASCII word.
    Word(String),
}

/// Cuts folded text at everything that is neither letter nor digit, and where ASCII meets the rest.
pub(super) fn runs(folded: &str) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let mut joined = false;
    for c in folded.chars() {
        if !c.is_alphanumeric() {
            joined = false;
            continue;
        }
        match (found.last_mut(), c.is_ascii()) {
            (Some(Run::Wide(run)), false) if joined => run.push(c),
            (Some(Run::Word(run)), true) if joined => run.push(c),
            (_, false) => found.push(Run::Wide(vec![c])),
            (_, true) => found.push(Run::Word(c.to_string())),
        }
        joined = true;
    }
    found
}

/// Adds the tokens of a text.
pub(super) fn add_tokens(text: &str, tokens: &mut std::collections::BTreeSet<String>) {
    for run in runs(&fold(text)) {
        match run {
            Run::Word(word) => {
                tokens.insert(word.chars().take(LONGEST_WORD).collect());
            }
            Run::Wide(chars) => {
                tokens.extend(chars.iter().map(char::to_string));
                tokens.extend(pairs(&chars));
            }
        }
    }
}

/// The overlapping pairs of a run.
pub(super) fn pairs(chars: &[char]) -> Vec<String> {
    chars.windows(2).map(|pair| pair.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn chinese_becomes_characters_and_pairs_and_ascii_becomes_words() {
        let mut tokens = BTreeSet::new();
        add_tokens("解绑ＰＯＳ机，E45", &mut tokens);
        let expected = ["解", "绑", "解绑", "pos", "机", "e45"];
        assert_eq!(tokens, expected.into_iter().map(str::to_owned).collect());
    }

    #[test]
    fn pairs_do_not_reach_over_punctuation() {
        let mut tokens = BTreeSet::new();
        add_tokens("解，绑", &mut tokens);
        assert!(!tokens.contains("解绑"));
    }
}
