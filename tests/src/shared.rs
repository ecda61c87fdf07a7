//! What several servers share in place of a file and a folder: a PostgreSQL and an object store.

use crate::Failure;
use crate::bucket::Bucket;
use crate::cluster::Cluster;
use std::ffi::OsString;

/// Both, on loopback.
pub struct Shared {
    pub cluster: Cluster,
    pub bucket: Bucket,
}

impl Shared {
    pub fn start() -> Result<Self, Failure> {
        Ok(Self {
            cluster: Cluster::start()?,
            bucket: Bucket::start()?,
        })
    }

    /// What the environment of each server says.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let mut environment = self.bucket.environment();
        environment.push(("UNBIND_DESK_DATABASE".to_owned(), self.cluster.url().into()));
        environment
    }
}
