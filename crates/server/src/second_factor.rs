//! The second factor: six digits of an authenticator app (RFC 6238: SHA-1, 30 s), and codes for the day the phone is lost.
//! What the app shares with us is kept sealed; recovery codes are kept as hashes.

use crate::sealing::SealingKey;
use crate::secrets;
use desk_domain::ids::UserId;
use desk_domain::time::{Chance, Millis};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

/// Recovery codes of one person.
pub const RECOVERY_CODES: usize = 10;
/// Characters of one: 80 bits, so that a stolen hash is not worth guessing at.
const RECOVERY_CHARS: usize = 16;
const RECOVERY_GROUP: usize = 4;
/// Bits that the app and we share: 160, as RFC 4226 advises.
const SHARED_BYTES: usize = 20;
const ISSUER: &str = "Unbind Desk";
/// Names the use of the key that [`FactorKey`] is derived from; never changes.
const CONTEXT: &str = "unbind-desk second factor v1";

/// What an app and this server share; wiped when dropped.
pub struct Shared(Zeroizing<[u8; SHARED_BYTES]>);

impl Shared {
    /// A new one.
    pub fn random(chance: &dyn Chance) -> Self {
        let mut bytes = Zeroizing::new([0; SHARED_BYTES]);
        chance.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// What an app reads: the address behind the QR. None for a login that such an address cannot hold (a colon).
    pub fn address(&self, login: &str) -> Option<String> {
        let named = self
            .builder()
            .with_account_name(login)
            .with_issuer(Some(ISSUER));
        named.build().ok()?.to_url().ok()
    }

    /// The step of 30 seconds that the code belongs to: the present one, the one before, or the one after.
    pub fn step_of(&self, code: &str, now: Millis) -> Option<i64> {
        let seconds = u64::try_from(now / 1000).ok()?;
        i64::try_from(self.totp()?.check(code, seconds)?).ok()
    }

    fn totp(&self) -> Option<Totp> {
        self.builder().build().ok()
    }

    /// The crate's own defaults are those of RFC 6238: SHA-1, six digits, 30 s, one step of drift.
    fn builder(&self) -> Builder {
        Builder::new().with_secret(Secret::new_stack(*self.0))
    }
}

/// Seals what is shared. Derived from the keys of the data directory, so that every server of an office has the same.
pub struct FactorKey(SealingKey);

impl FactorKey {
    /// The key that follows from a seed.
    pub fn derive(seed: &[u8; 32]) -> Self {
        Self(SealingKey::derive(CONTEXT, seed))
    }

    /// Sealed for one account: of no use in the row of another.
    pub fn seal(&self, user: UserId, shared: &Shared, chance: &dyn Chance) -> Option<Vec<u8>> {
        self.0.seal(&user.to_string(), shared.0.as_slice(), chance)
    }

    /// None when it was sealed with another key, for another account, or changed.
    pub fn open(&self, user: UserId, sealed: &[u8]) -> Option<Shared> {
        let plain = self.0.open(&user.to_string(), sealed)?;
        let bytes: [u8; SHARED_BYTES] = plain.as_slice().try_into().ok()?;
        Some(Shared(Zeroizing::new(bytes)))
    }
}

/// A set of recovery codes, in groups of four characters for people to write down.
pub fn recovery_codes(chance: &dyn Chance) -> Vec<String> {
    let one = |_| {
        let letters: Vec<char> = secrets::letters(RECOVERY_CHARS, chance).chars().collect();
        let groups: Vec<String> = letters
            .chunks(RECOVERY_GROUP)
            .map(|group| group.iter().collect())
            .collect();
        groups.join("-")
    };
    (0..RECOVERY_CODES).map(one).collect()
}

/// What is kept of a recovery code: worthless for another account. None when the text cannot be one.
pub fn recovery_hash(user: UserId, typed: &str) -> Option<[u8; 32]> {
    let folded = secrets::fold_code(typed);
    (folded.len() == RECOVERY_CHARS).then(|| secrets::hash(&format!("recovery\n{user}\n{folded}")))
}

/// The QR of an address, drawn with half blocks for a dark terminal.
pub fn qr(address: &str) -> Option<String> {
    let code = QrCode::new(address.as_bytes()).ok()?;
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    Some(drawn)
}

impl std::fmt::Debug for FactorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FactorKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::SystemChance;

    fn someone() -> UserId {
        UserId::new(1, &SystemChance)
    }

    /// RFC 6238, appendix B, SHA-1; the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let shared = Shared(Zeroizing::new(*b"12345678901234567890"));
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(
                shared.step_of(code, seconds * 1000),
                Some(seconds / 30),
                "{seconds}"
            );
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_or_late_and_no_further() {
        let shared = Shared(Zeroizing::new(*b"12345678901234567890"));
        let at = |seconds: i64| shared.step_of("005924", seconds * 1000);
        let middle = 1_234_567_890;
        assert_eq!([at(middle - 30), at(middle + 30)], [Some(middle / 30); 2]);
        assert_eq!([at(middle - 60), at(middle + 60)], [None; 2]);
        for wrong in ["", "005925", "5924", "0005924", "00592x", "００５９２４"] {
            assert_eq!(shared.step_of(wrong, middle * 1000), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_sealed_opens_for_its_account_with_its_key_only() {
        let (key, other) = (FactorKey::derive(&[1; 32]), FactorKey::derive(&[2; 32]));
        let (owner, shared) = (someone(), Shared::random(&SystemChance));
        let sealed = key.seal(owner, &shared, &SystemChance).unwrap();
        assert_eq!(*key.open(owner, &sealed).unwrap().0, *shared.0);
        assert!(key.open(someone(), &sealed).is_none());
        assert!(other.open(owner, &sealed).is_none());
        assert!(key.open(owner, &sealed[..23]).is_none());
        let mut bent = sealed.clone();
        *bent.last_mut().unwrap() ^= 1;
        assert!(key.open(owner, &bent).is_none());
        let holds = |part: &[u8]| sealed.windows(part.len()).any(|window| window == part);
        assert!(!holds(shared.0.as_slice()));
    }

    #[test]
    fn the_address_holds_what_the_app_needs_and_the_qr_is_drawn() {
        let shared = Shared(Zeroizing::new(*b"12345678901234567890"));
        let address = shared.address("zhang").unwrap();
        assert!(address.starts_with("otpauth://totp/"), "{address}");
        assert!(
            address.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{address}"
        );
        assert!(shared.address("a:b").is_none());
        assert!(qr(&address).unwrap().lines().count() > 15);
    }

    #[test]
    fn recovery_codes_are_ten_different_ones_and_typed_as_one_likes() {
        let codes = recovery_codes(&SystemChance);
        let unique: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!((codes.len(), unique.len()), (10, 10));
        let (user, code) = (someone(), &codes[0]);
        let kept = recovery_hash(user, code).unwrap();
        let loose = code.to_lowercase().replace('-', " ");
        assert_eq!(recovery_hash(user, &loose), Some(kept));
        assert_ne!(recovery_hash(someone(), code), Some(kept));
        assert_eq!(recovery_hash(user, "123456"), None);
    }
}
