//! Documents at a scale of 1 : 65,536. The op's manifest speaks of chunks of 1 MiB, as the rules demand; what travels
//! and lies on disks is 16 bytes a chunk, with true hashes, so that thousands of histories stay cheap.

use crate::dice::Dice;
use desk_domain::case::{CHUNK_BYTES, DocumentManifest};
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Bytes of one full chunk here.
pub const CHUNK: usize = 16;
/// Most chunks of one document.
const MOST_CHUNKS: u64 = 6;
const SCALE: usize = CHUNK_BYTES / CHUNK;

/// A document's bytes. Shared, because a crash copies whole disks.
pub type Bytes = Rc<Vec<u8>>;

/// A new document: its bytes, and the manifest that its op carries.
pub fn draw(dice: &Dice) -> (Bytes, DocumentManifest) {
    let chunks = 1 + dice.below(MOST_CHUNKS);
    let tail = 1 + dice.below(16);
    let length = usize::try_from((chunks - 1) * 16 + tail).unwrap_or(1);
    let mut bytes = vec![0_u8; length];
    for part in bytes.chunks_mut(8) {
        for (to, from) in part.iter_mut().zip(dice.roll().to_le_bytes()) {
            *to = from;
        }
    }
    let manifest = DocumentManifest {
        sha256: hash(&bytes),
        size_bytes: u64::try_from(length * SCALE).unwrap_or(u64::MAX),
        chunks: bytes.chunks(CHUNK).map(hash).collect(),
        mime: "image/jpeg".to_owned(),
        pages: 1,
    };
    (Rc::new(bytes), manifest)
}

/// The manifest of what really travels.
pub fn to_scale(manifest: &DocumentManifest) -> DocumentManifest {
    let scale = u64::try_from(SCALE).unwrap_or(1);
    DocumentManifest {
        size_bytes: manifest.size_bytes / scale,
        ..manifest.clone()
    }
}

/// One chunk of the bytes; none beyond their end.
pub fn chunk(bytes: &[u8], index: u32) -> Option<Vec<u8>> {
    let index = usize::try_from(index).ok()?;
    bytes.chunks(CHUNK).nth(index).map(<[u8]>::to_vec)
}

/// SHA-256 in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_fits_its_manifest_at_both_scales() {
        let dice = Dice::new(1, 1);
        for _ in 0..50 {
            let (bytes, manifest) = draw(&dice);
            let real = u64::try_from(CHUNK_BYTES).unwrap();
            let count = u64::try_from(manifest.chunks.len()).unwrap();
            assert_eq!(count, manifest.size_bytes.div_ceil(real));
            let small = to_scale(&manifest);
            assert_eq!(small.size_bytes, u64::try_from(bytes.len()).unwrap());
            assert_eq!(count, small.size_bytes.div_ceil(16));
            let whole: Vec<u8> = (0..)
                .map_while(|index| chunk(&bytes, index))
                .flatten()
                .collect();
            assert_eq!((hash(&whole), whole.len()), (manifest.sha256, bytes.len()));
        }
    }
}
