//! How identifiers and numbers stand in SQL, said once.

use crate::error::StoreError;
use desk_domain::ids::{CaseId, DeviceId, DocumentId, Incarnation, MerchantId, OpId, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Identifiers are 16-byte blobs.
pub(crate) trait Blob: Sized {
    fn blob(self) -> [u8; 16];
    fn from_blob(bytes: [u8; 16]) -> Self;
}

macro_rules! blobs {
    ($($name:ident),+) => {$(
        impl Blob for $name {
            fn blob(self) -> [u8; 16] {
                self.uuid().into_bytes()
            }
            fn from_blob(bytes: [u8; 16]) -> Self {
                Self::from_uuid(Uuid::from_bytes(bytes))
            }
        }
    )+};
}

blobs!(
    CaseId,
    DeviceId,
    DocumentId,
    Incarnation,
    MerchantId,
    OpId,
    UserId
);

/// SQLite's integers are signed.
pub(crate) fn signed(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::OutOfRange)
}

/// The way back.
pub(crate) fn unsigned(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::OutOfRange)
}

/// A count for a LIMIT.
pub(crate) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The snake_case name of a unit variant, as serde writes it.
pub(crate) fn name_of<T: Serialize>(value: &T) -> Result<String, StoreError> {
    let json = serde_json::to_string(value)?;
    Ok(json.trim_matches('"').to_owned())
}

/// The unit variant of a name.
pub(crate) fn named<T: DeserializeOwned>(name: &str) -> Result<T, StoreError> {
    Ok(serde_json::from_value(serde_json::Value::String(
        name.to_owned(),
    ))?)
}
