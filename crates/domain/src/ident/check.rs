//! Check-digit arithmetic. Every function takes text that was checked for its alphabet before.

/// The alphabet of GB 32100; the value of a character is its index.
const USCC_ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// The base-36 alphabet of GB 11714 and ISO 7064 MOD 37,36.
const BASE36_ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn index_in(alphabet: &[u8], c: u8) -> Option<u32> {
    alphabet
        .iter()
        .position(|a| *a == c)
        .and_then(|at| u32::try_from(at).ok())
}

fn char_at(alphabet: &[u8], value: u32) -> Option<char> {
    alphabet
        .get(usize::try_from(value).ok()?)
        .map(|b| char::from(*b))
}

fn digit(b: u8) -> u32 {
    char::from(b).to_digit(10).unwrap_or(0)
}

/// ISO 7064 MOD 11-2 over the first 17 digits (GB 11643).
pub(super) fn resident_check(first17: &str) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = first17
        .bytes()
        .zip(WEIGHTS)
        .map(|(b, weight)| digit(b) * weight)
        .sum();
    char_at(b"10X98765432", sum % 11)
}

/// GB 32100: MOD 31 with powers of three over the first 17 characters.
pub(super) fn uscc_check(first17: &str) -> Option<char> {
    let mut weight = 1;
    let mut sum = 0;
    for b in first17.bytes() {
        sum += index_in(USCC_ALPHABET, b)? * weight;
        weight = weight * 3 % 31;
    }
    char_at(USCC_ALPHABET, (31 - sum % 31) % 31)
}

pub(super) fn is_uscc_char(b: u8) -> bool {
    USCC_ALPHABET.contains(&b)
}

/// ISO 7064 MOD 11,10 over the first 14 digits of an old registration number.
pub(super) fn registration_check(first14: &str) -> Option<char> {
    let mut product = 10;
    for b in first14.bytes() {
        let sum = match (product + digit(b)) % 10 {
            0 => 10,
            other => other,
        };
        product = 2 * sum % 11;
    }
    char::from_digit((11 - product) % 10, 10)
}

/// GB 11714 over the first 8 characters.
pub(super) fn organisation_check(first8: &str) -> Option<char> {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let mut sum = 0;
    for (b, weight) in first8.bytes().zip(WEIGHTS) {
        sum += index_in(BASE36_ALPHABET, b)? * weight;
    }
    match 11 - sum % 11 {
        10 => Some('X'),
        11 => Some('0'),
        other => char::from_digit(other, 10),
    }
}

/// ISO 7064 MOD 37,36 over base-36 text; `None` when a character is not of that alphabet.
pub(crate) fn base36_check(data: &str) -> Option<char> {
    let mut product = 36;
    for b in data.bytes() {
        let sum = match (product + index_in(BASE36_ALPHABET, b)?) % 36 {
            0 => 36,
            other => other,
        };
        product = 2 * sum % 37;
    }
    char_at(BASE36_ALPHABET, (37 - product) % 36)
}

/// A number below 36 to the fourth as four base-36 characters.
pub(crate) fn base36_four(mut number: u32) -> Option<String> {
    let mut reversed = Vec::with_capacity(4);
    for _ in 0..4 {
        reversed.push(char_at(BASE36_ALPHABET, number % 36)?);
        number /= 36;
    }
    (number == 0).then(|| reversed.iter().rev().collect())
}

/// Whether a string of digits passes the Luhn check; anything else does not.
pub fn luhn(digits: &str) -> bool {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, b)| match (at % 2, digit(b)) {
            (0, value) => value,
            (_, value) if value > 4 => value * 2 - 9,
            (_, value) => value * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}
