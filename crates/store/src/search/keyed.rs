//! Keyed tokens: whole numbers and their tails are looked up by HMAC-SHA256, cut to 64 bits.
//!
//! A chance agreement of two tokens only costs a look: every hit is checked against the case.

use crate::open::DbKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

const PURPOSE: &str = "unbind-desk 2026 search rows";
/// Tails that have a row of their own.
const TAILS: [usize; 2] = [4, 6];

/// The key of the search rows, derived from the database key.
pub(crate) struct SearchKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for SearchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchKey(..)")
    }
}

impl SearchKey {
    pub(crate) fn derive(key: &DbKey) -> Self {
        Self(key.derive(PURPOSE))
    }

    /// The token of one whole value of one kind.
    pub(crate) fn token(&self, kind: &str, text: &str) -> i64 {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) else {
            return 0;
        };
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut head = [0_u8; 8];
        for (to, from) in head.iter_mut().zip(digest) {
            *to = from;
        }
        i64::from_be_bytes(head)
    }

    /// The tokens under which a number is found: whole, and by its tails.
    pub(super) fn tokens_of(&self, number: &str) -> Vec<i64> {
        let mut tokens = vec![self.token("whole", number)];
        tokens.extend(
            TAILS
                .into_iter()
                .filter_map(|len| tail(number, len))
                .map(|tail| self.token("tail", tail)),
        );
        tokens
    }

    /// The tokens to look under for what somebody typed.
    pub(super) fn tokens_for(&self, typed: &str) -> Vec<i64> {
        let mut tokens = vec![self.token("whole", typed)];
        // A typed tail longer than the longest row is found under that row's own tail.
        let longest = TAILS.into_iter().rev().find_map(|len| tail(typed, len));
        tokens.extend(longest.map(|tail| self.token("tail", tail)));
        tokens
    }
}

/// The last `len` characters of an ASCII number, when there are so many.
fn tail(number: &str, len: usize) -> Option<&str> {
    number
        .len()
        .checked_sub(len)
        .and_then(|from| number.get(from..))
}

/// A number as it is compared: ASCII letters and digits only, upper-case; full-width ones folded.
pub(crate) fn bare_number(text: &str) -> String {
    text.chars()
        .map(super::words::fold_char)
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}
