//! The outer skin of a backup: STREAM of XChaCha20-Poly1305 over 64 KiB segments, so that a flipped bit, a missing end
//! and a swapped part are found while it is read, with no more than one segment in memory.
//!
//! Layout: magic (8), how the key is made (1), salt (16), nonce (19), then the segments with their 16-byte tags. The
//! whole head is bound to each segment.

use super::BackupError;
use super::key::Secret;
use aead_stream::{NewStream, Nonce, StreamBE32, StreamPrimitive};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{KeyInit, Payload};
use desk_domain::time::Chance;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

const MAGIC: &[u8; 8] = b"UDBACK1\n";
const NONCE_BYTES: usize = 19;
const SALT_BYTES: usize = 16;
const HEAD_BYTES: usize = MAGIC.len() + 1 + SALT_BYTES + NONCE_BYTES;
const SEGMENT_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;

type Stream = StreamBE32<XChaCha20Poly1305>;

/// Seals what is written to it. [`Sealing::finish`] must be called: without the last segment the file is not whole.
pub struct Sealing {
    file: File,
    head: [u8; HEAD_BYTES],
    stream: Stream,
    segment: Vec<u8>,
    counter: u32,
}

impl Sealing {
    pub fn create(path: &Path, secret: &Secret, chance: &dyn Chance) -> Result<Self, BackupError> {
        let (mut salt, mut nonce) = ([0_u8; SALT_BYTES], [0_u8; NONCE_BYTES]);
        chance.fill(&mut salt);
        chance.fill(&mut nonce);
        let mut head = [0_u8; HEAD_BYTES];
        let parts = [MAGIC.as_slice(), &[secret.kind()], &salt, &nonce].concat();
        head.copy_from_slice(&parts);
        let mut file = File::options().write(true).create_new(true).open(path)?;
        file.write_all(&head)?;
        Ok(Self {
            file,
            head,
            stream: stream(secret, &salt, &nonce)?,
            segment: Vec::with_capacity(SEGMENT_BYTES),
            counter: 0,
        })
    }

    /// Writes the last segment and makes the file durable.
    pub fn finish(mut self) -> io::Result<()> {
        self.seal(true)?;
        self.file.sync_all()
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let payload = Payload {
            msg: &self.segment,
            aad: &self.head,
        };
        let sealed = self
            .stream
            .encrypt(self.counter, last, payload)
            .map_err(|_| io::Error::other("sealing failed"))?;
        self.file.write_all(&sealed)?;
        self.segment.clear();
        self.counter = self
            .counter
            .checked_add(1)
            .ok_or_else(|| io::Error::other("too large for one backup"))?;
        Ok(())
    }
}

impl Write for Sealing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.segment.len() == SEGMENT_BYTES {
            self.seal(false)?;
        }
        let room = SEGMENT_BYTES.saturating_sub(self.segment.len());
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.segment.extend_from_slice(taken);
        Ok(taken.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what [`Sealing`] sealed. A segment is handed out only after its tag was checked.
pub struct Opening {
    file: BufReader<File>,
    head: [u8; HEAD_BYTES],
    stream: Stream,
    plain: io::Cursor<Vec<u8>>,
    counter: u32,
    ended: bool,
}

impl Opening {
    pub fn open(path: &Path, secret: &Secret) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(|error| BackupError::Io("backup file", error))?;
        let mut file = BufReader::with_capacity(SEGMENT_BYTES, file);
        let mut head = [0_u8; HEAD_BYTES];
        file.read_exact(&mut head)
            .map_err(|_| BackupError::NotABackup)?;
        let mut rest = head.as_slice();
        let (mut magic, mut kind) = ([0_u8; MAGIC.len()], [0_u8; 1]);
        let (mut salt, mut nonce) = ([0_u8; SALT_BYTES], [0_u8; NONCE_BYTES]);
        for part in [&mut magic[..], &mut kind, &mut salt, &mut nonce] {
            rest.read_exact(part)?;
        }
        if &magic != MAGIC {
            return Err(BackupError::NotABackup);
        }
        if kind != [secret.kind()] {
            return Err(BackupError::WrongKey);
        }
        let mut opening = Self {
            file,
            head,
            stream: stream(secret, &salt, &nonce)?,
            plain: io::Cursor::default(),
            counter: 0,
            ended: false,
        };
        opening.next_segment().map_err(|_| BackupError::WrongKey)?;
        Ok(opening)
    }

    fn next_segment(&mut self) -> io::Result<()> {
        let most = u64::try_from(SEGMENT_BYTES + TAG_BYTES).unwrap_or(u64::MAX);
        let mut sealed = Vec::with_capacity(SEGMENT_BYTES + TAG_BYTES);
        (&mut self.file).take(most).read_to_end(&mut sealed)?;
        // The last segment says so itself: a file that ends at a segment's end is found out.
        let last = io::BufRead::fill_buf(&mut self.file)?.is_empty();
        let payload = Payload {
            msg: &sealed,
            aad: &self.head,
        };
        let plain = self
            .stream
            .decrypt(self.counter, last, payload)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a seal does not hold"))?;
        self.counter = self.counter.saturating_add(1);
        self.ended = last;
        self.plain = io::Cursor::new(plain);
        Ok(())
    }
}

impl Read for Opening {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.plain.read(into)?;
            if count > 0 || self.ended || into.is_empty() {
                return Ok(count);
            }
            self.next_segment()?;
        }
    }
}

fn stream(
    secret: &Secret,
    salt: &[u8; SALT_BYTES],
    nonce: &[u8; NONCE_BYTES],
) -> Result<Stream, BackupError> {
    let key = secret.key(salt)?;
    let key: &[u8; 32] = &key;
    let aead = XChaCha20Poly1305::new(key.into());
    let mut prefix = Nonce::<XChaCha20Poly1305, Stream>::default();
    for (to, from) in prefix.iter_mut().zip(nonce) {
        *to = *from;
    }
    Ok(Stream::from_aead(aead, &prefix))
}
