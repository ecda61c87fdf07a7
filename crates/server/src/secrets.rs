//! Tokens, one-time codes and password hashes. What is kept is always a hash.

use crate::hashing::Scratch;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desk_domain::time::{Chance, Millis};
use sha2::{Digest, Sha256};

/// An access token lives ten minutes.
pub const ACCESS_MS: Millis = 600_000;
/// A refresh token lives a week: as long as a desk may work alone.
pub const REFRESH_MS: Millis = 7 * 86_400_000;
/// An enrolment code lives fifteen minutes.
pub const CODE_MS: Millis = 900_000;
/// An invitation lives three days unless its maker says otherwise.
pub const INVITATION_HOURS: u32 = 72;
/// Characters of an enrolment code, and of an invitation: 130 bits.
pub const CODE_CHARS: usize = 26;
/// Shortest password of a user.
pub const PASSWORD_CHARS: usize = 12;
/// Longest login, password or code that is typed, in bytes.
pub const TYPED_BYTES: usize = 256;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Memory in KiB and passes of the password hash.
const ARGON2_KIB: u32 = 19_456;
const ARGON2_PASSES: u32 = 2;
/// The same for a passphrase that opens a file.
const STRETCH_KIB: u32 = 65_536;
const STRETCH_PASSES: u32 = 3;

/// 256 bits for a bearer.
pub fn token(chance: &dyn Chance) -> String {
    let mut bytes = [0_u8; 32];
    chance.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A one-time code that a person can read out.
pub fn enrol_code(chance: &dyn Chance) -> String {
    letters(CODE_CHARS, chance)
}

/// So many random characters of base32, five bits each.
pub fn letters(count: usize, chance: &dyn Chance) -> String {
    let mut bytes = vec![0_u8; count];
    chance.fill(&mut bytes);
    bytes
        .iter()
        .filter_map(|byte| BASE32.get(usize::from(byte % 32)))
        .map(|byte| char::from(*byte))
        .collect()
}

/// The code as typed, without blanks and hyphens, in capitals.
pub fn fold_code(text: &str) -> String {
    let kept = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(CODE_CHARS + 1);
    kept.map(|c| c.to_ascii_uppercase()).collect()
}

/// What is kept of a token or a code.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Argon2id; slow on purpose, never on a request path other than sign-in. In the PHC format.
pub fn hash_password(password: &str, chance: &dyn Chance, scratch: &mut Scratch) -> Option<String> {
    let mut salt = [0_u8; 16];
    chance.fill(&mut salt);
    let params = Params::new(ARGON2_KIB, ARGON2_PASSES, 1, None).ok()?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(Salt::new(&salt).ok()?),
        hash: None,
    };
    let output = output(password, &hash, scratch)?;
    let whole = PasswordHash {
        hash: Some(output),
        ..hash
    };
    Some(whole.to_string())
}

/// True when the password is the one that was hashed. Outputs compare in constant time.
pub fn password_holds(password: &str, phc: &str, scratch: &mut Scratch) -> bool {
    let Ok(hash) = PasswordHash::new(phc) else {
        return false;
    };
    hash.hash.is_some() && output(password, &hash, scratch) == hash.hash
}

/// What the password comes to under the salt and the parameters of `hash`; as long as its output, if it has one.
fn output(password: &str, hash: &PasswordHash, scratch: &mut Scratch) -> Option<Output> {
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from);
    let params = Params::try_from(hash).ok()?;
    let mut buffer = [0_u8; Output::MAX_LENGTH];
    let out = buffer.get_mut(..params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
    let blocks = params.block_count();
    Argon2::new(algorithm, version.ok()?, params)
        .hash_password_into_with_memory(
            password.as_bytes(),
            hash.salt.as_ref()?,
            out,
            scratch.blocks(blocks),
        )
        .ok()?;
    Output::new(out).ok()
}

/// Makes a key of a passphrase; as slow as a password hash, and with more memory, because the file can be guessed at
/// for years.
pub fn stretch(passphrase: &str, salt: &[u8], key: &mut [u8; 32]) -> Option<()> {
    let params = Params::new(STRETCH_KIB, STRETCH_PASSES, 1, Some(key.len())).ok()?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::SystemChance;

    #[test]
    fn a_password_holds_against_its_hash_in_memory_that_others_have_used() {
        let mut scratch = Scratch::default();
        let hashes = ["first fake password", "second fake password"]
            .map(|word| hash_password(word, &SystemChance, &mut scratch).unwrap_or_default());
        let [first, second] = &hashes;
        assert!(
            first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{first}"
        );
        assert!(password_holds("first fake password", first, &mut scratch));
        assert!(password_holds(
            "second fake password",
            second,
            &mut Scratch::default()
        ));
        for (word, phc) in [
            ("second fake password", first.as_str()),
            ("", first),
            ("first fake password", ""),
            ("first fake password", "$argon2id$v=19$m=19456,t=2,p=1$"),
        ] {
            assert!(!password_holds(word, phc, &mut scratch), "{word} {phc}");
        }
    }

    #[test]
    fn hashes_made_by_other_programs_are_understood_whatever_their_parameters() {
        // The example of the reference implementation's README: its own salt, 64 MiB, two passes, four lanes, 24 bytes.
        let phc = "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG";
        let mut scratch = Scratch::default();
        assert!(password_holds("password", phc, &mut scratch));
        assert!(!password_holds("passwore", phc, &mut scratch));
        // And a small one after a large one.
        let small = hash_password("a fake password", &SystemChance, &mut scratch);
        assert!(small.is_some_and(|phc| password_holds("a fake password", &phc, &mut scratch)));
    }
}
