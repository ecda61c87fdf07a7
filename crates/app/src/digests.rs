//! What a desk really holds of a case's documents: hashes of the opened originals, for comparing with another copy.

use crate::commands::read;
use crate::{AppError, Desk};
use desk_store::Part;
use sha2::{Digest, Sha256};

/// Kind and SHA-256 (hexadecimal) of each document of the case whose original lies on this desk.
pub fn document_digests(desk: &Desk, case: &str) -> Result<Vec<(String, String)>, AppError> {
    let session = desk.session()?;
    let view = session.view(read::case(case)?)?;
    let mut found = Vec::new();
    for (id, document) in &view.case.documents {
        let original = session.store.open_document(*id, Part::Original)?;
        let kind = serde_json::to_value(document.kind).ok();
        let kind = kind
            .as_ref()
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        found.push((kind.to_owned(), hex::encode(Sha256::digest(&original))));
    }
    Ok(found)
}
