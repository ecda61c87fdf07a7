//! Tokens, one-time codes and password hashes. What is kept is always a hash.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
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

/// Argon2id; slow on purpose, never on a request path other than sign-in.
pub fn hash_password(password: &str, chance: &dyn Chance) -> Option<String> {
    let mut salt = [0_u8; 16];
    chance.fill(&mut salt);
    let hash: PasswordHash = hasher()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .ok()?;
    Some(hash.to_string())
}

/// True when the password is the one that was hashed.
pub fn password_holds(password: &str, phc: &str) -> bool {
    let Ok(hash) = PasswordHash::new(phc) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok()
}

/// Makes a key of a passphrase; as slow as a password hash, and with more memory, because the file can be guessed at
/// for years.
pub fn stretch(passphrase: &str, salt: &[u8], key: &mut [u8; 32]) -> Option<()> {
    let params = Params::new(STRETCH_KIB, STRETCH_PASSES, 1, Some(key.len())).ok()?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key)
        .ok()
}

fn hasher() -> Option<Argon2<'static>> {
    let params = Params::new(ARGON2_KIB, ARGON2_PASSES, 1, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
