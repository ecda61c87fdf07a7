//! Bundles at headquarters: taken in by the same code as pushes and documents, answered by a bundle for the desk.

mod intake;
mod keys;
mod outgoing;

pub use intake::{IntakeError, Taken};
pub use keys::BundleKeys;

use crate::error::ServerError;
use crate::objects::Objects;
use crate::repo::{Repo, Rules};
use desk_bundle::{Header, Limits};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that working off a bundle needs.
#[derive(Clone)]
pub struct Bundles {
    pub repo: Arc<Repo>,
    pub rules: Rules,
    pub objects: Objects,
    pub keys: Arc<BundleKeys>,
    /// Where uploads lie until they are worked off.
    pub spool: PathBuf,
    pub limits: Limits,
}

impl Bundles {
    /// Opens, creating what is missing.
    pub fn open(
        data_dir: &Path,
        repo: &Arc<Repo>,
        rules: &Rules,
        objects: &Objects,
    ) -> Result<Self, ServerError> {
        let failed = |error| ServerError::Io("bundle keys", error);
        let keys = BundleKeys::open(data_dir, rules.chance.as_ref()).map_err(failed)?;
        let spool = data_dir.join("spool");
        fs::create_dir_all(&spool).map_err(|error| ServerError::Io("spool", error))?;
        Ok(Self {
            repo: Arc::clone(repo),
            rules: rules.clone(),
            objects: objects.clone(),
            keys: Arc::new(keys),
            spool,
            limits: Limits::default(),
        })
    }

    /// Verifies a bundle file to its last byte, then applies it.
    pub fn take_in(&self, file: &Path) -> Result<Taken, IntakeError> {
        intake::take_in(self, file)
    }

    /// What a bundle says of itself, without applying anything: for sorting parts.
    pub fn look_at(&self, file: &Path) -> Result<Header, IntakeError> {
        intake::verify(self, file).map(|(checked, _)| checked.header)
    }

    /// Writes the return bundle for the desk of `taken` into `folder`. The last one is what the desk knows best.
    pub fn answer(&self, taken: &[Header], folder: &Path) -> Result<PathBuf, IntakeError> {
        outgoing::write(self, taken, folder)
    }
}
