//! What an office's telephone system tells of its calls, in the format of Zammad's generic CTI webhook.

pub mod event;

use crate::sealing::SealingKey;
use desk_domain::ids::OfficeCode;
use desk_domain::time::Chance;

/// Names the use of the key that [`CallKey`] is derived from; never changes.
const CONTEXT: &str = "unbind-desk caller number v1";

/// Seals callers' numbers. Derived from the keys of the data directory, so that every server of an office has the same.
pub struct CallKey(SealingKey);

impl CallKey {
    /// The key that follows from a seed.
    pub fn derive(seed: &[u8; 32]) -> Self {
        Self(SealingKey::derive(CONTEXT, seed))
    }

    /// Sealed for one call.
    pub fn seal(
        &self,
        (office, call_ref): (&OfficeCode, &str),
        number: &str,
        chance: &dyn Chance,
    ) -> Option<Vec<u8>> {
        self.0
            .seal(&owner(office, call_ref), number.as_bytes(), chance)
    }

    /// None when it was sealed with another key, for another call, or changed.
    pub fn open(&self, (office, call_ref): (&OfficeCode, &str), sealed: &[u8]) -> Option<String> {
        let plain = self.0.open(&owner(office, call_ref), sealed)?;
        std::str::from_utf8(&plain).ok().map(str::to_owned)
    }
}

fn owner(office: &OfficeCode, call_ref: &str) -> String {
    format!("{office}/{call_ref}")
}
