//! Keys for bundles that travel by hand. What opens return bundles lies beside the device's signing key, inside the
//! encrypted file; what is known of headquarters' keys came over an authenticated line, or signed by the key before.

use crate::error::AppError;
use crate::session::{keep, recall};
use desk_bundle::Opener;
use desk_store::Store;
use desk_sync::BundleKeys;
use zeroize::Zeroizing;

const IDENTITY: &str = "app.bundle_identity";
const HEADQUARTERS: &str = "app.bundle_keys";

/// What opens bundles for this desk; made on first use.
pub(crate) fn opener(store: &Store) -> Result<Opener, AppError> {
    if let Some(secret) = recall::<String>(store, IDENTITY)?.map(Zeroizing::new) {
        return Ok(Opener::parse(&secret)?);
    }
    let opener = Opener::generate();
    keep(store, IDENTITY, &*Zeroizing::new(opener.secret()))?;
    Ok(opener)
}

/// Headquarters' keys, if this desk has ever heard them.
pub(crate) fn headquarters(store: &Store) -> Result<BundleKeys, AppError> {
    recall(store, HEADQUARTERS)?.ok_or(AppError::BundleKeysUnknown)
}

/// Keeps what headquarters said of its keys.
pub(crate) fn learn(store: &Store, keys: &BundleKeys) -> Result<(), AppError> {
    let known: Option<BundleKeys> = recall(store, HEADQUARTERS)?;
    if known.as_ref() == Some(keys) {
        return Ok(());
    }
    keep(store, HEADQUARTERS, keys)
}
