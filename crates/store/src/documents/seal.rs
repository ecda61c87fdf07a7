//! Sealed files: STREAM of XChaCha20-Poly1305 over 64 KiB segments, one random key per document.
//!
//! Layout: magic (8), nonce (19), then the segments with their 16-byte tags. The last segment carries the "last" flag of
//! STREAM, so a file cut at a segment's end is found out; the document and the part are bound as associated data.

use aead_stream::{NewStream, Nonce, StreamBE32, StreamPrimitive};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{KeyInit, Payload};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"UDSEAL1\n";
const NONCE_BYTES: usize = 19;
const TAG_BYTES: usize = 16;
/// Plain bytes in one segment.
pub(super) const SEGMENT_BYTES: usize = 64 * 1024;
const HEADER_BYTES: usize = MAGIC.len() + NONCE_BYTES;
const SEALED_SEGMENT_BYTES: usize = SEGMENT_BYTES + TAG_BYTES;

type Stream = StreamBE32<XChaCha20Poly1305>;

/// Why a sealed file cannot be read.
#[derive(Debug)]
pub(super) enum SealError {
    /// A bit was flipped, the file was cut, or it is somebody else's.
    Damaged,
    Io(io::Error),
}

impl From<io::Error> for SealError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Damaged
        } else {
            Self::Io(error)
        }
    }
}

/// What opens one part of one document.
pub(super) struct Seal<'a> {
    pub key: &'a Zeroizing<[u8; 32]>,
    /// Document id and part, authenticated with each segment.
    pub label: &'a [u8],
}

impl Seal<'_> {
    /// Writes the sealed bytes to a new file and makes them durable.
    pub(super) fn write(
        &self,
        path: &Path,
        nonce: [u8; NONCE_BYTES],
        plain: &[u8],
    ) -> io::Result<()> {
        let stream = self.stream(&nonce);
        let mut file = File::options().write(true).create_new(true).open(path)?;
        file.write_all(MAGIC)?;
        file.write_all(&nonce)?;
        let last = plain.len().div_ceil(SEGMENT_BYTES).max(1) - 1;
        let mut segments = plain.chunks(SEGMENT_BYTES);
        for position in 0..=last {
            let msg = segments.next().unwrap_or_default();
            let counter = u32::try_from(position).map_err(io::Error::other)?;
            let sealed = stream
                .encrypt(
                    counter,
                    position == last,
                    Payload {
                        msg,
                        aad: self.label,
                    },
                )
                .map_err(|_| io::Error::other("sealing failed"))?;
            file.write_all(&sealed)?;
        }
        file.sync_all()
    }

    /// Reads `len` plain bytes from `from`, which must lie on a segment's start. `total` is the plain length of the whole.
    ///
    /// The file must have exactly the length that `total` asks for.
    pub(super) fn read(
        &self,
        path: &Path,
        total: u64,
        from: u64,
        len: usize,
    ) -> Result<Vec<u8>, SealError> {
        let mut file = File::open(path)?;
        let segments = total.div_ceil(SEGMENT_BYTES as u64).max(1);
        let sealed_len = HEADER_BYTES as u64 + total + segments * TAG_BYTES as u64;
        if file.metadata()?.len() != sealed_len {
            return Err(SealError::Damaged);
        }
        let mut magic = [0_u8; MAGIC.len()];
        let mut nonce = [0_u8; NONCE_BYTES];
        file.read_exact(&mut magic)?;
        file.read_exact(&mut nonce)?;
        if &magic != MAGIC {
            return Err(SealError::Damaged);
        }
        let stream = self.stream(&nonce);
        let first = from / SEGMENT_BYTES as u64;
        file.seek(SeekFrom::Start(
            HEADER_BYTES as u64 + first * SEALED_SEGMENT_BYTES as u64,
        ))?;
        let mut plain = Vec::with_capacity(len);
        let mut sealed = Vec::with_capacity(SEALED_SEGMENT_BYTES);
        for position in first..segments {
            sealed.clear();
            (&mut file)
                .take(SEALED_SEGMENT_BYTES as u64)
                .read_to_end(&mut sealed)?;
            let counter = u32::try_from(position).map_err(|_| SealError::Damaged)?;
            let opened = stream
                .decrypt(
                    counter,
                    position + 1 == segments,
                    Payload {
                        msg: &sealed,
                        aad: self.label,
                    },
                )
                .map_err(|_| SealError::Damaged)?;
            plain.extend_from_slice(&opened);
            if plain.len() >= len {
                break;
            }
        }
        plain.truncate(len);
        Ok(plain)
    }

    fn stream(&self, nonce: &[u8; NONCE_BYTES]) -> Stream {
        let key: &[u8; 32] = self.key;
        let aead = XChaCha20Poly1305::new(key.into());
        let mut prefix = Nonce::<XChaCha20Poly1305, Stream>::default();
        for (to, from) in prefix.iter_mut().zip(nonce) {
            *to = *from;
        }
        Stream::from_aead(aead, &prefix)
    }
}
