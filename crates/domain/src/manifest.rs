//! What the bytes of a document are.

use crate::case::{CHUNK_BYTES, DocumentManifest};
use sha2::{Digest, Sha256};

/// The manifest of an original: its hash and the hashes of its 1 MiB chunks.
pub fn manifest_of(original: &[u8], mime: &str, pages: u32) -> DocumentManifest {
    DocumentManifest {
        sha256: sha256_hex(original),
        size_bytes: u64::try_from(original.len()).unwrap_or(u64::MAX),
        chunks: original.chunks(CHUNK_BYTES).map(sha256_hex).collect(),
        mime: mime.to_owned(),
        pages,
    }
}

/// True when the bytes are the ones that the manifest speaks of, whole and chunk by chunk.
pub fn fits(manifest: &DocumentManifest, original: &[u8]) -> bool {
    u64::try_from(original.len()).is_ok_and(|len| len == manifest.size_bytes)
        && sha256_hex(original) == manifest.sha256
        && original
            .chunks(CHUNK_BYTES)
            .map(sha256_hex)
            .eq(manifest.chunks.iter().cloned())
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
