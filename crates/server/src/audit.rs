//! `audit verify`: the log and the documents of a data directory, checked without a network and beside a running server.

use crate::objects::Objects;
use crate::repo::RepoError;
use crate::repo::audit::{self, Walked};
use crate::run::House;
use desk_domain::ids::OfficeCode;
use sha2::{Digest, Sha256};
use std::io::ErrorKind;

/// What was found in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Audit {
    pub walked: Walked,
    /// Documents of which every byte was read.
    pub documents: u64,
}

/// Why the audit did not pass.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("document {sha256} of office {office} is {what}")]
    Document {
        office: String,
        sha256: String,
        /// `missing`, `unreadable` or `not what its name says`.
        what: &'static str,
    },
}

/// Checks every chain and, by every byte, each document that the office says it has.
///
/// # Errors
/// The first thing that is wrong, with its name.
pub fn verify(house: &House) -> Result<Audit, AuditError> {
    let (walked, documents) = house.repo.read_blocking(|conn| {
        let facts = crate::repo::backup::facts_of(conn)?;
        Ok((audit::chains(conn)?, facts.documents))
    })?;
    for (office, sha256) in &documents {
        document(&house.objects, office, sha256).map_err(|what| AuditError::Document {
            office: office.clone(),
            sha256: sha256.clone(),
            what,
        })?;
    }
    let documents = u64::try_from(documents.len()).unwrap_or(u64::MAX);
    Ok(Audit { walked, documents })
}

fn document(objects: &Objects, office: &str, sha256: &str) -> Result<(), &'static str> {
    let office = OfficeCode::parse(office).ok_or("missing")?;
    let mut whole = objects
        .read(&office, sha256)
        .map_err(|error| why(error.kind()))?;
    let mut hasher = Sha256::new();
    // Bounded by the document: each turn reads on.
    loop {
        let block = whole.block().map_err(|_| "unreadable")?;
        if block.is_empty() {
            break;
        }
        hasher.update(&block);
    }
    if hex::encode(hasher.finalize()) == sha256 {
        Ok(())
    } else {
        Err("not what its name says")
    }
}

fn why(kind: ErrorKind) -> &'static str {
    if [ErrorKind::NotFound, ErrorKind::InvalidInput].contains(&kind) {
        "missing"
    } else {
        "unreadable"
    }
}
