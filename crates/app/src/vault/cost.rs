//! What a guess of a passphrase costs.

use super::VaultError;
use argon2::{Algorithm, Argon2, Params, Version};
use desk_domain::time::Clock;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// 128 MiB, 3 passes, 4 lanes.
const STANDARD: KdfCost = KdfCost {
    m_kib: 128 * 1024,
    t: 3,
    p: 4,
    floor_kib: FLOOR_KIB,
};
/// No desk guards its key with less memory.
const FLOOR_KIB: u32 = 64 * 1024;
/// A file that asks for more is hostile, not careful.
const CEILING_KIB: u32 = 1024 * 1024;
const CEILING_PASSES: u32 = 16;
const CEILING_LANES: u32 = 16;
/// The time one guess should take, milliseconds.
const AIM_MS: std::ops::RangeInclusive<i64> = 700..=1_000;

/// Argon2id parameters, with the memory below which a wrap is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KdfCost {
    pub(super) m_kib: u32,
    pub(super) t: u32,
    pub(super) p: u32,
    floor_kib: u32,
}

/// The parameters as they stand in a wrap file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KdfParams {
    pub name: String,
    pub m_kib: u32,
    pub t: u32,
    pub p: u32,
    /// 16 bytes, hexadecimal.
    pub salt: String,
}

impl Default for KdfCost {
    fn default() -> Self {
        STANDARD
    }
}

impl KdfCost {
    /// The least that is ever used; for demo data, which guards nothing.
    pub const fn floor() -> Self {
        Self {
            m_kib: FLOOR_KIB,
            t: 1,
            p: 4,
            floor_kib: FLOOR_KIB,
        }
    }

    /// Cheap on purpose: tests open hundreds of vaults.
    #[doc(hidden)]
    pub const fn for_tests() -> Self {
        Self {
            m_kib: 64,
            t: 1,
            p: 1,
            floor_kib: 64,
        }
    }

    /// Measures this machine and returns the cost nearest to 0.7–1.0 s that is not below the floor.
    pub fn calibrated(clock: &dyn Clock) -> Result<Self, VaultError> {
        let standard = Self::default();
        let started = clock.now();
        standard.derive(b"measured, never kept", &[0; 16])?;
        let took_ms = clock.now().saturating_sub(started).max(1);
        if AIM_MS.contains(&took_ms) {
            return Ok(standard);
        }
        Ok(standard.scaled(took_ms))
    }

    fn scaled(self, took_ms: i64) -> Self {
        let per_pass_ms = (took_ms / i64::from(self.t)).max(1);
        let passes = u32::try_from((AIM_MS.end() / per_pass_ms).clamp(1, 6)).unwrap_or(1);
        if per_pass_ms > *AIM_MS.end() {
            return Self {
                m_kib: FLOOR_KIB,
                t: 1,
                ..self
            };
        }
        Self { t: passes, ..self }
    }

    /// Whether a wrap with these parameters may be tried at all.
    pub(super) fn accepts(&self, params: &KdfParams) -> bool {
        params.name == "argon2id"
            && (self.floor_kib..=CEILING_KIB).contains(&params.m_kib)
            && (1..=CEILING_PASSES).contains(&params.t)
            && (1..=CEILING_LANES).contains(&params.p)
    }

    pub(super) fn of_wrap(&self, params: &KdfParams) -> Result<Self, VaultError> {
        if !self.accepts(params) {
            return Err(VaultError::Damaged("key derivation parameters"));
        }
        Ok(Self {
            m_kib: params.m_kib,
            t: params.t,
            p: params.p,
            floor_kib: self.floor_kib,
        })
    }

    /// Argon2id over the passphrase, 32 bytes.
    pub(super) fn derive(
        &self,
        passphrase: &[u8],
        salt: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let params = Params::new(self.m_kib, self.t, self.p, Some(32))
            .map_err(|_| VaultError::Damaged("key derivation parameters"))?;
        let mut key = Zeroizing::new([0_u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, key.as_mut_slice())
            .map_err(|_| VaultError::OutOfMemory)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_below_the_floor_or_above_the_ceiling_are_refused() {
        let cost = KdfCost::default();
        let sound = KdfParams {
            name: "argon2id".into(),
            m_kib: FLOOR_KIB,
            t: 1,
            p: 4,
            salt: String::new(),
        };
        assert!(cost.accepts(&sound));
        for bad in [
            KdfParams {
                m_kib: FLOOR_KIB - 1,
                ..sound.clone()
            },
            KdfParams {
                m_kib: CEILING_KIB + 1,
                ..sound.clone()
            },
            KdfParams {
                t: 0,
                ..sound.clone()
            },
            KdfParams {
                t: 1000,
                ..sound.clone()
            },
            KdfParams {
                p: 0,
                ..sound.clone()
            },
            KdfParams {
                name: "pbkdf2".into(),
                ..sound.clone()
            },
        ] {
            assert!(!cost.accepts(&bad), "{bad:?}");
        }
    }

    #[test]
    fn a_slow_machine_goes_down_to_the_floor_and_a_fast_one_gets_more_passes() {
        assert_eq!(STANDARD.scaled(30_000).m_kib, FLOOR_KIB);
        assert_eq!(STANDARD.scaled(1_500), KdfCost { t: 2, ..STANDARD });
        assert_eq!(STANDARD.scaled(300), KdfCost { t: 6, ..STANDARD });
        assert!(STANDARD.scaled(i64::MAX).m_kib >= FLOOR_KIB);
    }
}
