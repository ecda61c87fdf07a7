//! Wrong passphrases slow their own user down, across restarts; nobody else is affected.

use super::VaultError;
use super::file;
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// So many slips are free.
const FREE_TRIES: u32 = 3;
const FIRST_WAIT_MS: i64 = 5_000;
const LONGEST_WAIT_MS: i64 = 15 * 60 * 1_000;

/// The tries of one user since the last success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tries {
    failed: u32,
    last_at: Millis,
}

pub(super) struct Throttle {
    path: PathBuf,
}

impl Throttle {
    pub(super) fn of(dir: &Path, user: &str) -> Self {
        Self {
            path: dir.join("tries").join(format!("{user}.json")),
        }
    }

    /// Counts the try before it is made, so that ending the process does not make it free.
    pub(super) fn begin(&self, now: Millis) -> Result<(), VaultError> {
        let tries = self.read()?;
        let wait_ms = tries.wait_ms(now);
        if wait_ms > 0 {
            return Err(VaultError::TooManyTries { wait_ms });
        }
        file::write_json(
            &self.path,
            &Tries {
                failed: tries.failed.saturating_add(1),
                last_at: now,
            },
        )
    }

    pub(super) fn succeeded(&self) -> Result<(), VaultError> {
        file::write_json(&self.path, &Tries::default())
    }

    fn read(&self) -> Result<Tries, VaultError> {
        // A spoilt counter must not lock a person out of their data; it must not be free either.
        let spoilt = Tries {
            failed: FREE_TRIES,
            last_at: 0,
        };
        match file::read_json(&self.path, "tries") {
            Ok(tries) => Ok(tries.unwrap_or_default()),
            Err(VaultError::Damaged(_)) => Ok(spoilt),
            Err(error) => Err(error),
        }
    }
}

impl Tries {
    fn wait_ms(self, now: Millis) -> i64 {
        let Some(over) = self.failed.checked_sub(FREE_TRIES) else {
            return 0;
        };
        let wait_ms = FIRST_WAIT_MS
            .saturating_mul(1_i64 << over.min(16))
            .min(LONGEST_WAIT_MS);
        // A clock set back must not lengthen the wait beyond itself.
        (self.last_at.min(now).saturating_add(wait_ms) - now).clamp(0, wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded_whatever_the_clock_says() {
        let after = |failed, now| {
            Tries {
                failed,
                last_at: 1_000,
            }
            .wait_ms(now)
        };
        assert_eq!(after(2, 1_000), 0);
        assert_eq!(after(3, 1_000), 5_000);
        assert_eq!(after(4, 1_000), 10_000);
        assert_eq!(after(4, 11_000), 0);
        assert_eq!(after(u32::MAX, 1_000), LONGEST_WAIT_MS);
        assert_eq!(after(3, 0), 5_000);
    }

    #[test]
    fn tries_survive_a_restart_and_one_user_does_not_slow_another() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..FREE_TRIES {
            Throttle::of(dir.path(), "a").begin(1_000).unwrap();
        }
        assert!(matches!(
            Throttle::of(dir.path(), "a").begin(1_001),
            Err(VaultError::TooManyTries { wait_ms: 4_999 })
        ));
        assert!(Throttle::of(dir.path(), "b").begin(1_001).is_ok());
        Throttle::of(dir.path(), "a").succeeded().unwrap();
        assert!(Throttle::of(dir.path(), "a").begin(1_002).is_ok());
    }
}
