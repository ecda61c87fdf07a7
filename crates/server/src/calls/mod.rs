//! What an office's telephone system tells of its calls, in the format of Zammad's generic CTI webhook.

pub mod event;

use crate::sealing::SealingKey;
use desk_domain::ids::OfficeCode;
use desk_domain::time::Chance;
use zeroize::Zeroizing;

/// Names the use of the key that [`CallKey`] is derived from; never changes.
const CONTEXT: &str = "unbind-desk caller number v1";

/// The same for the key of the digests.
const CALLED: &str = "unbind-desk called number v1";
/// Digits from the end that tell numbers of this country apart, however they were dialled.
const TELLING: usize = 11;

/// Seals callers' numbers, and makes digests of called ones. Derived from the keys of the data directory, so that every
/// server of an office has the same.
pub struct CallKey {
    seals: SealingKey,
    digests: Zeroizing<[u8; 32]>,
}

impl CallKey {
    /// The key that follows from a seed.
    pub fn derive(seed: &[u8; 32]) -> Self {
        Self {
            seals: SealingKey::derive(CONTEXT, seed),
            digests: Zeroizing::new(blake3::derive_key(CALLED, seed)),
        }
    }

    /// Sealed for one call.
    pub fn seal(
        &self,
        (office, call_ref): (&OfficeCode, &str),
        number: &str,
        chance: &dyn Chance,
    ) -> Option<Vec<u8>> {
        self.seals
            .seal(&owner(office, call_ref), number.as_bytes(), chance)
    }

    /// None when it was sealed with another key, for another call, or changed.
    pub fn open(&self, (office, call_ref): (&OfficeCode, &str), sealed: &[u8]) -> Option<String> {
        let plain = self.seals.open(&owner(office, call_ref), sealed)?;
        std::str::from_utf8(&plain).ok().map(str::to_owned)
    }

    /// The same for one number however it is written or dialled; another one in every office.
    pub fn digest(&self, office: &OfficeCode, number: &str) -> [u8; 32] {
        let said = format!("{office}\n{}", telling(number));
        *blake3::keyed_hash(&self.digests, said.as_bytes()).as_bytes()
    }
}

fn owner(office: &OfficeCode, call_ref: &str) -> String {
    format!("{office}/{call_ref}")
}

/// Without the country, what opens an outside line, and the zero of a trunk.
fn telling(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let country = if number.trim_start().starts_with('+') {
        "86"
    } else {
        "0086"
    };
    let here = digits.strip_prefix(country).unwrap_or(&digits);
    let skipped = here.len().saturating_sub(TELLING);
    here.chars()
        .skip(skipped)
        .skip_while(|digit| *digit == '0')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_dialled_and_another_one_elsewhere() {
        let key = CallKey::derive(&[7; 32]);
        let [here, there] = ["HZ001", "SH001"].map(|code| OfficeCode::parse(code).unwrap());
        let mobile = key.digest(&here, "13000000001");
        for same in [
            "+86 130-0000-0001",
            "008613000000001",
            "013000000001",
            "913000000001",
        ] {
            assert_eq!(key.digest(&here, same), mobile, "{same}");
        }
        let fixed = key.digest(&here, "010-0000 0001");
        for same in ["+861000000001", "00861000000001", "901000000001"] {
            assert_eq!(key.digest(&here, same), fixed, "{same}");
        }
        for other in ["13000000002", "00000001", "8001", ""] {
            assert!(![mobile, fixed].contains(&key.digest(&here, other)));
        }
        assert_ne!(key.digest(&there, "13000000001"), mobile);
        let other_key = CallKey::derive(&[8; 32]);
        assert_ne!(other_key.digest(&here, "13000000001"), mobile);
    }
}
