//! Full card numbers, however they are spaced, told apart from the other long numbers of this trade.

use std::ops::Range;

use crate::ident::{
    BusinessRegistrationNo, HkMacaoTaiwanPermit, LegacyResidentId, MerchantInnerNo, ResidentId,
    Uscc, fold_char, luhn, real_date,
};

const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// The most characters between two groups of one number.
const GAP_CHARS_MAX: usize = 3;
const MASK: &str = "**** ";

/// Whether a full card number stands anywhere in the text.
pub(super) fn holds_card(text: &str) -> bool {
    let chars = super::folded_chars(text);
    let groups = groups_of(&chars);
    (0..groups.len()).any(|at| card_from(&chars, groups.iter().skip(at)).is_some())
}

/// The text with each full card number replaced by `**** 1234`; offered before a refused save.
pub fn mask_cards(text: &str) -> String {
    let original: Vec<char> = text.chars().collect();
    let (kept, chars): (Vec<usize>, Vec<char>) = original
        .iter()
        .enumerate()
        .filter_map(|(at, c)| fold_char(*c).map(|f| (at, f)))
        .unzip();
    let groups = groups_of(&chars);
    let mut masked = String::with_capacity(text.len());
    let mut copied = 0;
    let mut done = 0;
    for (at, group) in groups.iter().enumerate() {
        if group.start < done {
            continue;
        }
        let Some(found) = card_from(&chars, groups.iter().skip(at)) else {
            continue;
        };
        let start = kept.get(found.start).copied().unwrap_or(copied);
        let end = kept
            .get(found.end - 1)
            .map_or(original.len(), |last| last + 1);
        masked.extend(original.get(copied..start).unwrap_or_default());
        masked.push_str(MASK);
        let digits: Vec<char> = digits_in(&chars, &found).collect();
        masked.extend(digits.iter().skip(digits.len().saturating_sub(4)));
        copied = end;
        done = found.end;
    }
    masked.extend(original.get(copied..).unwrap_or_default());
    masked
}

/// Runs of digits.
fn groups_of(chars: &[char]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        match groups.last_mut() {
            _ if !c.is_ascii_digit() => {}
            Some(last) if last.end == at => last.end = at + 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

/// The card number that starts with the first of the groups, if there is one.
fn card_from<'a>(
    chars: &[char],
    groups: impl Iterator<Item = &'a Range<usize>>,
) -> Option<Range<usize>> {
    let mut taken: Vec<Range<usize>> = Vec::new();
    let mut total = 0;
    for group in groups {
        let joins = taken
            .last()
            .is_none_or(|last| is_gap(chars, last.end..group.start));
        total += group.len();
        if !joins || total > *DIGITS.end() {
            return None;
        }
        taken.push(group.clone());
        let whole = taken.first()?.start..taken.last()?.end;
        let digits: String = digits_in(chars, &whole).collect();
        if DIGITS.contains(&total) && is_card_shape(&taken, &digits) && is_card(&digits) {
            return Some(whole);
        }
    }
    None
}

fn is_gap(chars: &[char], gap: Range<usize>) -> bool {
    let separates =
        |c: &char| c.is_whitespace() || matches!(c, '-' | '.' | '·' | ',' | '_' | '/' | '、');
    gap.len() <= GAP_CHARS_MAX
        && chars
            .get(gap)
            .is_some_and(|between| between.iter().all(separates))
}

fn digits_in<'a>(chars: &'a [char], range: &Range<usize>) -> impl Iterator<Item = char> + 'a {
    let part = chars.get(range.clone()).unwrap_or_default();
    part.iter().copied().filter(char::is_ascii_digit)
}

/// Whether people group card numbers so: not at all, by fours, 4-6-5, digit by digit, or freely after 62.
fn is_card_shape(groups: &[Range<usize>], digits: &str) -> bool {
    let lengths: Vec<usize> = groups.iter().map(ExactSizeIterator::len).collect();
    match lengths.as_slice() {
        [_] | [4, 6, 4 | 5] => true,
        [fours @ .., last] if fours.iter().all(|n| *n == 4) => (1..=4).contains(last),
        _ if lengths.iter().all(|n| *n == 1) => true,
        [6, 7..=13] => digits.starts_with("62"),
        _ => digits.starts_with("62") && lengths.iter().all(|n| (2..=6).contains(n)),
    }
}

fn is_card(digits: &str) -> bool {
    let repeated = digits.chars().all(|c| digits.starts_with(c));
    !repeated && luhn(digits) && is_bank_prefix(digits) && !is_other_number(digits)
}

/// Prefixes under which banks issue cards; 0, 1, 7, 9 and most of 8 belong to other industries.
fn is_bank_prefix(digits: &str) -> bool {
    matches!(digits.as_bytes(), [b'2'..=b'6', ..] | [b'8', b'1', ..])
}

/// The other long numbers of this trade, one in ten of which passes Luhn.
fn is_other_number(digits: &str) -> bool {
    // No card starts with 19 or 20 and a date; order numbers and time stamps do.
    let dated = digits.starts_with("20") && digits.get(..8).and_then(real_date).is_some();
    dated
        || match digits.len() {
            // A merchant number, unless it starts like one of the few cards with 15 digits.
            15 => {
                !["34", "37", "62"]
                    .iter()
                    .any(|prefix| digits.starts_with(prefix))
                    || LegacyResidentId::read(digits, None).is_ok()
                    || BusinessRegistrationNo::parse(digits).is_ok()
            }
            18 => {
                ResidentId::read(digits, None).is_ok()
                    || HkMacaoTaiwanPermit::read(digits, None).is_ok()
                    || Uscc::parse(digits).is_ok()
            }
            19 => MerchantInnerNo::parse(digits).is_ok(),
            _ => false,
        }
}
