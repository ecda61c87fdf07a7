//! Identifiers of things. Most are UUIDv7 text; office and device codes are the short ones printed in case numbers.

use crate::time::{Chance, Millis};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new UUIDv7 from the injected time and chance.
            pub fn new(now: Millis, chance: &dyn Chance) -> Self {
                Self(uuid_v7(now, chance))
            }
            /// Wraps an existing UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
            /// Parses the hyphenated text form.
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::parse_str(text).ok().map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )+};
}

uuid_id! {
    /// One immutable thing a person did.
    OpId,
    /// One case.
    CaseId,
    /// One enrolled desk (or the server's own device).
    DeviceId,
    /// One life of a journal.
    Incarnation,
    /// One person who signs in.
    UserId,
    /// One document (photo or PDF).
    DocumentId,
    /// One merchant of the register.
    MerchantId,
    /// All ops of one user action.
    GroupId,
    /// One life of the server's database.
    Epoch,
    /// One hand-over by stick, all of its parts.
    BundleId,
    /// One upload link given to a merchant.
    LinkId,
    /// One message to a merchant's phone.
    MessageId,
    /// One execution by the connector: its idempotency key.
    ExecutionId,
    /// One address outside that is told of cases.
    WebhookId,
    /// One telephone system that tells of an office's calls.
    LineId,
}

impl ExecutionId {
    /// The connector's key of a case, the same for ever: a server that was put back to a backup, and has forgotten that it
    /// asked, asks under the key that the core system knows already, and every desk knows whose execution it sees. A case is
    /// given to the connector once, so one key is enough.
    pub fn of_connector(case: CaseId) -> Self {
        let hash = blake3::derive_key(
            "unbind-desk execution by connector 1",
            case.uuid().as_bytes(),
        );
        let mut bytes = [0_u8; 16];
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// Five characters `[0-9A-Z]`, printed in case numbers; the scope of a feed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct OfficeCode(String);

impl OfficeCode {
    /// Parses exactly five upper-case letters or digits.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 5
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        fits.then(|| Self(text.to_owned()))
    }
    /// The five characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for OfficeCode {
    fn deserialize<D: serde::Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
        let text = String::deserialize(de)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("office code: 5 of 0-9A-Z"))
    }
}

impl fmt::Display for OfficeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn uuid_v7(now: Millis, chance: &dyn Chance) -> Uuid {
    let mut random = [0_u8; 10];
    chance.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(now.unsigned_abs(), &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::{CaseId, ExecutionId};

    #[test]
    fn a_case_has_one_key_of_the_connector_for_ever_and_no_other_case_has_it() {
        let key = |last: u8| {
            let case = CaseId::parse(&format!("01890000-0000-7000-8000-0000000000{last:02}"));
            case.map(|case| ExecutionId::of_connector(case).to_string())
        };
        // Written down: another version of the server must ask under the same one.
        assert_eq!(
            key(1).as_deref(),
            Some("ea510e42-5319-833c-a41b-3b4ef64c36b4")
        );
        assert_ne!(key(1), key(2));
    }
}
