//! Documents in chunks: `sync.md` section 6.

use desk_domain::case::{DocumentKind, DocumentManifest};
use desk_domain::ids::{CaseId, DocumentId};
use serde::{Deserialize, Serialize};

/// `POST /v1/documents`: what is coming. The op travels first, so the server knows the case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferRequest {
    pub document: DocumentId,
    pub case: CaseId,
    pub kind: DocumentKind,
    pub manifest: DocumentManifest,
}

/// What the server has of it. Also the reply of `HEAD`-like `GET /v1/documents/{id}/state`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OfferReply {
    /// The whole is in the object store.
    pub stored: bool,
    /// One flag per chunk of the manifest.
    pub have: Vec<bool>,
}

/// Reply of `PUT /v1/documents/{id}/chunks/{i}` and of `POST /v1/documents/{id}/complete`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChunkReply {
    pub stored: bool,
}
