//! Pinyin initials of names: 张三 is found by `zs`, a heteronym under each of its readings.
//!
//! Rows hold windows of two and three letters; at most 16 readings of a window are kept. A longer query is the AND of
//! its windows.

use pinyin::{ToPinyin, ToPinyinMulti};
use std::collections::BTreeSet;

/// Readings of one window that are kept.
const MOST_READINGS: usize = 16;
/// Marks a token as initials, so that it never meets a word of the text. From the private-use area.
const MARK: char = '\u{e000}';

/// The initials of each character of a name; characters without a reading stand for themselves or break the run.
pub(super) fn readings(name: &str) -> Vec<Vec<char>> {
    let mut all = Vec::new();
    for c in super::words::fold(name).chars() {
        if c.is_ascii_alphanumeric() {
            all.push(vec![c]);
            continue;
        }
        let mut letters: BTreeSet<char> = c
            .to_pinyin()
            .and_then(|sound| sound.first_letter().chars().next())
            .into_iter()
            .collect();
        if let Some(sounds) = c.to_pinyin_multi() {
            letters.extend(
                sounds
                    .into_iter()
                    .filter_map(|sound| sound.first_letter().chars().next()),
            );
        }
        // ASCII only: some interjections begin with a letter that no keyboard has.
        let letters: Vec<char> = letters.into_iter().filter(char::is_ascii).collect();
        all.push(letters);
    }
    all
}

/// Adds the tokens of a name.
pub(super) fn add_tokens(name: &str, tokens: &mut BTreeSet<String>) {
    let readings = readings(name);
    for len in [2, 3] {
        for window in readings.windows(len) {
            tokens.extend(
                combinations(window)
                    .into_iter()
                    .map(|letters| format!("{MARK}{letters}")),
            );
        }
    }
}

/// The tokens that a query of initials needs, all of them; none when it is too short to be one.
pub(super) fn query_tokens(typed: &str) -> Vec<String> {
    let letters: Vec<char> = typed.chars().collect();
    let len = letters.len().min(3);
    if len < 2 {
        return Vec::new();
    }
    letters
        .windows(len)
        .map(|window| {
            std::iter::once(MARK)
                .chain(window.iter().copied())
                .collect()
        })
        .collect()
}

/// True when the letters are the initials of neighbouring characters of the name.
pub(super) fn matches(name: &str, typed: &str) -> bool {
    let letters: Vec<char> = typed.chars().collect();
    let readings = readings(name);
    letters.len() >= 2
        && readings.windows(letters.len()).any(|window| {
            window
                .iter()
                .zip(&letters)
                .all(|(readings, letter)| readings.contains(letter))
        })
}

fn combinations(window: &[Vec<char>]) -> Vec<String> {
    let mut found = vec![String::new()];
    for readings in window {
        let mut longer = Vec::new();
        for head in &found {
            for letter in readings {
                longer.push(format!("{head}{letter}"));
            }
        }
        longer.truncate(MOST_READINGS);
        found = longer;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heteronym_is_found_under_each_reading() {
        // 重 is zhòng and chóng, 行 is xíng and háng.
        assert!(matches("重庆银行", "cqyh"));
        assert!(matches("重庆银行", "zqyx"));
        assert!(!matches("重庆银行", "aqyh"));
    }

    #[test]
    fn initials_are_found_in_the_middle_of_a_name() {
        assert!(matches("北京示例商贸", "slsm"));
        assert!(matches("示例A店", "lad"));
    }

    #[test]
    fn every_window_of_a_query_is_a_token_of_the_name() {
        let mut tokens = BTreeSet::new();
        add_tokens("重庆示例商行", &mut tokens);
        for query in ["cq", "zqs", "slsh", "cqslsx"] {
            assert!(
                query_tokens(query)
                    .iter()
                    .all(|token| tokens.contains(token)),
                "{query}"
            );
        }
    }
}
