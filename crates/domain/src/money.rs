//! Money in whole fen, its display, and the Chinese uppercase amount of invoices.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Digits in groups of four and the characters of financial writing.
const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
/// Positions within a group of four, from the left.
const POSITIONS: [&str; 4] = ["仟", "佰", "拾", ""];
/// Group units from the left; their number bounds what can be written out.
const GROUPS: [&str; 3] = ["亿", "万", ""];
/// Amounts from a trillion yuan up are not written out.
const WRITTEN_FEN_BELOW: i64 = 100_000_000_000_000;
/// From here on a hint in 万 helps people to read.
const WAN_FEN: i64 = 1_000_000;

/// An amount in fen (1/100 yuan). CNY is the only currency.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    ts_rs::TS,
)]
#[ts(type = "number")]
pub struct Fen(pub i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number with well-placed separators.
    #[error("amount.format")]
    Format,
    /// More than two decimal places.
    #[error("amount.precision")]
    Precision,
    /// Too large to keep.
    #[error("amount.range")]
    Range,
}

impl Fen {
    /// Reads `1299`, `1,299.00`, `￥１，２９９．００` or `1299元`; group separators must stand in groups of three.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let folded = crate::ident::fold(text);
        let bare = folded.trim();
        let (negative, bare) = match bare.strip_prefix('-') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, bare),
        };
        let bare = bare.strip_prefix(['¥', '￥']).unwrap_or(bare).trim_start();
        let bare = bare.strip_suffix('元').unwrap_or(bare).trim_end();
        let (whole, fraction) = bare
            .split_once('.')
            .map_or((bare, None), |(w, f)| (w, Some(f)));
        let yuan = parse_whole(whole)?;
        let cents = fraction.map_or(Ok(0), parse_fraction)?;
        let fen = yuan.checked_mul(100).and_then(|fen| fen.checked_add(cents));
        let fen = fen.ok_or(AmountError::Range)?;
        Ok(Self(if negative { -fen } else { fen }))
    }

    /// `1299.00`: for exports and for comparing with papers.
    pub fn plain(self) -> String {
        let (sign, magnitude) = self.split();
        format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100)
    }

    /// `12.99万`, as a reading aid only, from ten thousand yuan up.
    pub fn wan_hint(self) -> Option<String> {
        let (sign, magnitude) = self.split();
        if magnitude < WAN_FEN.unsigned_abs() {
            return None;
        }
        let hundredths = magnitude / (WAN_FEN.unsigned_abs() / 100);
        Some(format!(
            "{sign}{}.{:02}万",
            hundredths / 100,
            hundredths % 100
        ))
    }

    /// The uppercase amount of an invoice; `None` below zero and from a trillion yuan up.
    pub fn to_uppercase_zh(self) -> Option<String> {
        if !(0..WRITTEN_FEN_BELOW).contains(&self.0) {
            return None;
        }
        let magnitude = self.0.unsigned_abs();
        let (yuan, jiao, fen) = (magnitude / 100, magnitude / 10 % 10, magnitude % 10);
        let mut written = write_whole(yuan)?;
        if yuan > 0 {
            written.push('圆');
        }
        if jiao > 0 {
            written.push(digit_char(jiao)?);
            written.push('角');
        } else if fen > 0 && yuan > 0 {
            written.push('零');
        }
        if fen > 0 {
            written.push(digit_char(fen)?);
            written.push('分');
        }
        match (written.is_empty(), jiao + fen) {
            (true, _) => Some("零圆整".to_owned()),
            (false, 0) => Some(written + "整"),
            (false, _) => Some(written),
        }
    }

    /// Reads an uppercase amount; 圆/元 and 整/正 are equal, a missing 零 is forgiven, nothing else is.
    pub fn parse_uppercase_zh(text: &str) -> Result<Self, AmountError> {
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let fen = Self(read_uppercase(&bare).ok_or(AmountError::Format)?);
        let written = fen.to_uppercase_zh().ok_or(AmountError::Range)?;
        if loosened(&written) == loosened(&bare) {
            Ok(fen)
        } else {
            Err(AmountError::Format)
        }
    }

    fn split(self) -> (&'static str, u64) {
        (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs())
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, magnitude) = self.split();
        let yuan = (magnitude / 100).to_string();
        write!(f, "{sign}¥")?;
        for (at, c) in yuan.chars().enumerate() {
            if at > 0 && (yuan.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{c}")?;
        }
        write!(f, ".{:02}", magnitude % 100)
    }
}

fn parse_whole(text: &str) -> Result<i64, AmountError> {
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = text.contains(',');
    let first_fits = !first.is_empty() && (!grouped || first.len() <= 3);
    if !first_fits || !groups.all(|group| group.len() == 3) {
        return Err(AmountError::Format);
    }
    let digits: String = text.chars().filter(|c| *c != ',').collect();
    parse_digits(&digits)
}

fn parse_fraction(text: &str) -> Result<i64, AmountError> {
    let value = parse_digits(text)?;
    match text.len() {
        1 => Ok(value * 10),
        2 => Ok(value),
        _ => Err(AmountError::Precision),
    }
}

fn parse_digits(text: &str) -> Result<i64, AmountError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AmountError::Format);
    }
    text.parse().map_err(|_| AmountError::Range)
}

fn digit_char(value: u64) -> Option<char> {
    DIGITS.get(usize::try_from(value).ok()?).copied()
}

/// Whole yuan; a gap of zeros inside is one 零. Empty for zero.
fn write_whole(yuan: u64) -> Option<String> {
    let mut written = String::new();
    let mut gap = false;
    for (group_unit, scale) in GROUPS.iter().zip([100_000_000, 10_000, 1]) {
        let group = yuan / scale % 10_000;
        for (position_unit, place) in POSITIONS.iter().zip([1000, 100, 10, 1]) {
            let value = group / place % 10;
            if value == 0 {
                gap = true;
                continue;
            }
            if gap && !written.is_empty() {
                written.push('零');
            }
            gap = false;
            written.push(digit_char(value)?);
            written.push_str(position_unit);
        }
        if group > 0 {
            written.push_str(group_unit);
        }
    }
    Some(written)
}

/// The value of the characters, whatever their order; the caller compares with the canonical form.
fn read_uppercase(text: &str) -> Option<i64> {
    let (mut total, mut group, mut value) = (0_i64, 0_i64, 0_i64);
    for c in text.chars() {
        if let Some(at) = DIGITS.iter().position(|digit| *digit == c) {
            value = i64::try_from(at).ok()?;
            continue;
        }
        match c {
            '拾' => group = group.checked_add(value * 10)?,
            '佰' => group = group.checked_add(value * 100)?,
            '仟' => group = group.checked_add(value * 1000)?,
            '万' => total = total.checked_add((group + value).checked_mul(1_000_000)?)?,
            '亿' => total = total.checked_add((group + value).checked_mul(10_000_000_000)?)?,
            '圆' | '元' => total = total.checked_add((group + value).checked_mul(100)?)?,
            '角' => total = total.checked_add(value * 10)?,
            '分' => total = total.checked_add(value)?,
            '整' | '正' => {}
            _ => return None,
        }
        if matches!(c, '万' | '亿' | '圆' | '元') {
            group = 0;
        }
        value = 0;
    }
    (group == 0 && value == 0).then_some(total)
}

/// The form in which two writings of one amount are equal.
fn loosened(text: &str) -> String {
    let zero_free: String = text
        .trim_end_matches(['整', '正'])
        .chars()
        .filter(|c| *c != '零')
        .map(|c| if c == '元' { '圆' } else { c })
        .collect();
    zero_free
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn malformed_amounts_are_refused() {
        for (text, error) in [
            ("", AmountError::Format),
            ("1,2", AmountError::Format),
            ("1,2999", AmountError::Format),
            ("1234,567", AmountError::Format),
            ("12.", AmountError::Format),
            (".5", AmountError::Format),
            ("1.2.3", AmountError::Format),
            ("--1", AmountError::Format),
            ("一百", AmountError::Format),
            ("٣", AmountError::Format),
            ("12.999", AmountError::Precision),
            ("99999999999999999999", AmountError::Range),
            ("92233720368547758.08", AmountError::Range),
        ] {
            assert_eq!(Fen::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn usual_ways_of_typing_are_read() {
        for text in [
            "1299",
            "1,299.00",
            "￥１，２９９．００",
            "¥1299.0",
            "1299元",
            " ¥ 1,299 元 ",
        ] {
            assert_eq!(Fen::parse(text), Ok(Fen(129_900)), "{text}");
        }
        assert_eq!(Fen::parse("64.9"), Ok(Fen(6490)));
        assert_eq!(Fen::parse("-0.05"), Ok(Fen(-5)));
    }

    #[test]
    fn amounts_are_grouped_by_three() {
        assert_eq!(Fen(129_900).to_string(), "¥1,299.00");
        assert_eq!(Fen(-5).to_string(), "-¥0.05");
        assert_eq!(Fen(123_456_789_012).to_string(), "¥1,234,567,890.12");
        assert_eq!(Fen(12_990_000).wan_hint().as_deref(), Some("12.99万"));
        assert_eq!(Fen(999_999).wan_hint(), None);
        assert_eq!(Fen(i64::MIN).plain(), "-92233720368547758.08");
    }

    #[test]
    fn uppercase_amounts_match_the_standard_ones() {
        for (fen, text) in [
            (129_900, "壹仟贰佰玖拾玖圆整"),
            (1_005, "壹拾圆零伍分"),
            (10_030_040, "壹拾万零叁佰圆肆角"),
            (30, "叁角"),
            (8, "捌分"),
            (1_010_100, "壹万零壹佰零壹圆整"),
            (
                123_456_789_012,
                "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾圆壹角贰分",
            ),
            (0, "零圆整"),
        ] {
            assert_eq!(Fen(fen).to_uppercase_zh().as_deref(), Some(text));
            assert_eq!(Fen::parse_uppercase_zh(text), Ok(Fen(fen)), "{text}");
        }
        assert_eq!(
            Fen::parse_uppercase_zh("壹仟贰佰玖拾玖元正"),
            Ok(Fen(129_900))
        );
    }

    #[test]
    fn disordered_uppercase_amounts_are_refused() {
        for text in [
            "",
            "壹",
            "佰壹圆",
            "壹圆壹圆",
            "壹角壹圆",
            "壹拾壹拾圆",
            "一百元",
            "壹拾",
            "万圆",
            "贰贰圆",
        ] {
            assert_eq!(
                Fen::parse_uppercase_zh(text),
                Err(AmountError::Format),
                "{text}"
            );
        }
        assert_eq!(Fen(-1).to_uppercase_zh(), None);
        assert_eq!(Fen(WRITTEN_FEN_BELOW).to_uppercase_zh(), None);
    }

    proptest! {
        #[test]
        fn display_is_read_back(fen in -i64::MAX..i64::MAX) {
            prop_assert_eq!(Fen::parse(&Fen(fen).to_string()), Ok(Fen(fen)));
            prop_assert_eq!(Fen::parse(&Fen(fen).plain()), Ok(Fen(fen)));
        }

        #[test]
        fn uppercase_is_read_back(fen in 0..WRITTEN_FEN_BELOW) {
            let written = Fen(fen).to_uppercase_zh().unwrap();
            prop_assert_eq!(Fen::parse_uppercase_zh(&written), Ok(Fen(fen)));
        }

        #[test]
        fn no_text_makes_it_fall_over(text in "\\PC{0,40}|[壹贰拾佰仟万亿圆角分整]{0,60}") {
            let _ = Fen::parse(&text);
            let _ = Fen::parse_uppercase_zh(&text);
        }
    }
}
