//! Masking: what of a personal value may leave the domain towards a screen, a list or an export.

use std::fmt;

use serde::Serialize;

/// Compound surnames, only to choose what a mask leaves readable; a name is never split for anything else.
const COMPOUND_SURNAMES: &[&str] = &[
    "欧阳", "司马", "上官", "诸葛", "司徒", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "夏侯",
    "长孙", "宇文", "端木", "独孤", "南宫", "西门", "轩辕", "澹台", "公冶", "宗政", "濮阳", "淳于",
    "单于", "太叔", "申屠", "钟离", "闻人", "赫连", "万俟", "呼延", "拓跋", "百里", "东郭", "第五",
];
const DOT: char = '·';
const HIDDEN: &str = "****";

/// A masked text. It can be shown and sent, and only the functions of this module make one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ts_rs::TS)]
#[ts(type = "string")]
pub struct Masked(String);

impl Masked {
    /// The masked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `张**`, `欧阳**`, `阿依古丽·***`, `J**`: the length of the rest does not show.
pub fn name(text: &str) -> Masked {
    let name = crate::names::normalise(text);
    let chars = name.chars().count();
    if let Some((first, rest)) = name.split_once(DOT)
        && !first.is_empty()
        && !rest.is_empty()
    {
        return Masked(format!("{first}·***"));
    }
    let compound = COMPOUND_SURNAMES
        .iter()
        .find(|surname| name.starts_with(**surname));
    match (compound, name.chars().next()) {
        (Some(surname), _) if chars > surname.chars().count() => Masked(format!("{surname}**")),
        (_, Some(first)) if chars > 1 => Masked(format!("{first}**")),
        _ => Masked("**".to_owned()),
    }
}

/// `3****************X`: first and last character, one star for each other.
pub fn id_number(text: &str) -> Masked {
    let code = crate::ident::compact(text);
    let chars: Vec<char> = code.chars().collect();
    match chars.as_slice() {
        // A short text would be given away by its two ends.
        [first, middle @ .., last] if middle.len() >= 4 => {
            Masked(format!("{first}{}{last}", "*".repeat(middle.len())))
        }
        _ => Masked(HIDDEN.to_owned()),
    }
}

/// `138****1234` for a mobile number; only the last four digits of any other number.
pub fn phone(text: &str) -> Masked {
    let digits: String = crate::ident::fold(text)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let national = digits.strip_prefix("0086").unwrap_or(&digits);
    let national = if national.len() == 13 {
        national.strip_prefix("86").unwrap_or(national)
    } else {
        national
    };
    let tail = national
        .get(national.len().saturating_sub(4)..)
        .unwrap_or_default();
    match national.get(..3) {
        Some(head) if national.len() == 11 && head.starts_with('1') => {
            Masked(format!("{head}{HIDDEN}{tail}"))
        }
        _ if national.len() >= 7 => Masked(format!("{HIDDEN}{tail}")),
        _ => Masked(HIDDEN.to_owned()),
    }
}

/// `**** 1234` for a kept card tail.
pub fn card(tail: &crate::ident::CardTail) -> Masked {
    Masked(format!("{HIDDEN} {}", tail.as_str()))
}

/// The first six characters of an address, which name the province or the city.
pub fn address(text: &str) -> Masked {
    const SHOWN: usize = 6;
    let trimmed = text.trim();
    let head: String = trimmed.chars().take(SHOWN).collect();
    let is_long = trimmed.chars().count() >= SHOWN * 2;
    Masked(if is_long {
        format!("{head}{HIDDEN}")
    } else {
        HIDDEN.to_owned()
    })
}

/// Nothing of the value, not even its length.
pub fn all() -> Masked {
    Masked(HIDDEN.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ident::CardTail;

    #[test]
    fn names_show_the_surname_at_most() {
        for (text, masked) in [
            ("", "**"),
            ("张", "**"),
            ("张三", "张**"),
            ("张三丰", "张**"),
            ("欧阳样张", "欧阳**"),
            ("欧阳", "欧**"),
            ("阿依古丽·买买提", "阿依古丽·***"),
            ("阿依古丽•买买提", "阿依古丽·***"),
            ("SAMPLE JOHN", "S**"),
            ("𠮷样张", "𠮷**"),
        ] {
            assert_eq!(name(text).as_str(), masked, "{text}");
        }
    }

    #[test]
    fn numbers_show_their_ends_only() {
        assert_eq!(
            id_number("33010619930615002x").as_str(),
            "3****************X"
        );
        assert_eq!(id_number("110105900307001").as_str(), "1*************1");
        assert_eq!(id_number("12345").as_str(), "****");
        assert_eq!(phone("13800001234").as_str(), "138****1234");
        assert_eq!(phone("+86 138-0000-1234").as_str(), "138****1234");
        assert_eq!(phone("010-62001234").as_str(), "****1234");
        assert_eq!(phone("95016").as_str(), "****");
        let tail = CardTail::parse("1234").unwrap().value;
        assert_eq!(card(&tail).as_str(), "**** 1234");
        assert_eq!(
            address("样例省样例市样例路1号院2楼").as_str(),
            "样例省样例市****"
        );
        assert_eq!(address("样例路1号").as_str(), "****");
    }

    #[test]
    fn a_masked_text_is_sent_as_a_plain_string() {
        assert_eq!(serde_json::to_string(&name("张三")).unwrap(), "\"张**\"");
        assert_eq!(all().to_string(), "****");
    }

    proptest! {
        #[test]
        fn the_value_never_shows_in_full(text in "[\\p{Han}a-z0-9]{1,30}") {
            for masked in [name(&text), id_number(&text), phone(&text), address(&text)] {
                prop_assert!(masked.as_str().contains("**"));
                prop_assert!(!masked.as_str().contains(text.trim()));
            }
        }
    }
}
