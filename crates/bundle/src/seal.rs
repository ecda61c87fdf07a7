//! The layers of a file: a short prelude, then `age`, then zstd, then frames.
//!
//! Prelude, 16 bytes: `JBX\n`, format version (u32, little endian), length of what follows (u64). The length is written
//! last; a file that was not finished says 0. It proves nothing, it only names a short file for what it is: integrity
//! is the business of `age` and of the signature.

use crate::VERSION;
use crate::error::BundleError;
use crate::keys::Opener;
use age::stream::StreamReader;
use age::{DecryptError, Decryptor};
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) const MAGIC: &[u8; 4] = b"JBX\n";
pub(crate) const PRELUDE: usize = 16;
/// Where the length stands.
pub(crate) const LENGTH_AT: u64 = 8;
/// The head of `age` names recipients, a hundred bytes each; more than this is an attack on memory and time.
const HEAD_BYTES: u64 = 4 * 1024;
/// Window of a packed stream: 8 MiB, so that a file cannot ask for gigabytes.
const WINDOW_LOG_MAX: u32 = 23;

/// How much a bundle may claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The sealed file.
    pub sealed_bytes: u64,
    /// Everything in it, unpacked.
    pub plain_bytes: u64,
    pub frames: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sealed_bytes: 4 * 1024 * 1024 * 1024,
            // Parts are planned by their plain size, so an honest one is never larger inside than outside may be.
            plain_bytes: 4 * 1024 * 1024 * 1024 + 64 * 1024 * 1024,
            frames: 1_000_000,
        }
    }
}

/// What the layers above learn of the file below.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    /// The file ended before its length.
    short: AtomicBool,
    /// Bytes that may still be read before the head of `age` must be complete.
    head_left: AtomicU64,
    overgrown: AtomicBool,
}

impl Gauge {
    /// The file ended before its length said so.
    pub fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// The honest name of an error that came up through the layers.
    pub fn explain(&self, error: io::Error) -> BundleError {
        if error.raw_os_error().is_some() {
            BundleError::Io(error)
        } else if self.short.load(Ordering::Relaxed) {
            BundleError::Truncated
        } else if self.overgrown.load(Ordering::Relaxed) {
            BundleError::TooLarge("the list of recipients")
        } else {
            BundleError::inside(error)
        }
    }
}

/// The sealed bytes of the file: as many as the prelude says.
pub(crate) struct Sealed<R> {
    inner: R,
    left: u64,
    gauge: Arc<Gauge>,
}

impl<R: Read> Read for Sealed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head_left = self.gauge.head_left.load(Ordering::Relaxed);
        if head_left == 0 {
            self.gauge.overgrown.store(true, Ordering::Relaxed);
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let most = self.left.min(head_left).min(buffer.len() as u64);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let Some(room) = buffer.get_mut(..most).filter(|room| !room.is_empty()) else {
            return Ok(0);
        };
        let count = self.inner.read(room)?;
        if count == 0 {
            self.gauge.short.store(true, Ordering::Relaxed);
        }
        self.left = self.left.saturating_sub(count as u64);
        if head_left != u64::MAX {
            let rest = head_left.saturating_sub(count as u64);
            self.gauge.head_left.store(rest, Ordering::Relaxed);
        }
        Ok(count)
    }
}

/// The plain stream of frames.
pub(crate) type Plain<R> =
    zstd::stream::read::Decoder<'static, BufReader<StreamReader<Sealed<BufReader<R>>>>>;

/// Reads the prelude and takes the layers off.
pub(crate) fn open<R: Read>(
    source: R,
    opener: &Opener,
    limits: Limits,
) -> Result<(Plain<R>, Arc<Gauge>), BundleError> {
    let mut source = BufReader::with_capacity(64 * 1024, source);
    let length = prelude(&mut source)?;
    if length > limits.sealed_bytes {
        return Err(BundleError::TooLarge("the file"));
    }
    let gauge = Arc::new(Gauge {
        head_left: AtomicU64::new(HEAD_BYTES),
        ..Gauge::default()
    });
    let sealed = Sealed {
        inner: source,
        left: length,
        gauge: Arc::clone(&gauge),
    };
    let decryptor = Decryptor::new(sealed).map_err(|error| refused(error, &gauge))?;
    gauge.head_left.store(u64::MAX, Ordering::Relaxed);
    let identity: &dyn age::Identity = opener.identity();
    let plain = decryptor
        .decrypt(std::iter::once(identity))
        .map_err(|error| refused(error, &gauge))?;
    let mut plain = zstd::stream::read::Decoder::new(plain).map_err(|e| gauge.explain(e))?;
    plain
        .window_log_max(WINDOW_LOG_MAX)
        .map_err(|error| gauge.explain(error))?;
    Ok((plain, gauge))
}

/// Length of the sealed stream.
fn prelude(source: &mut impl Read) -> Result<u64, BundleError> {
    let mut bytes = [0_u8; PRELUDE];
    source.read_exact(&mut bytes).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            BundleError::NotABundle
        } else {
            BundleError::Io(error)
        }
    })?;
    let (magic, rest) = bytes
        .split_first_chunk::<4>()
        .ok_or(BundleError::NotABundle)?;
    if magic != MAGIC {
        return Err(BundleError::NotABundle);
    }
    let (version, rest) = rest
        .split_first_chunk::<4>()
        .ok_or(BundleError::NotABundle)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(BundleError::WrongVersion(version));
    }
    let length = rest.first_chunk::<8>().ok_or(BundleError::NotABundle)?;
    match u64::from_le_bytes(*length) {
        0 => Err(BundleError::Truncated),
        length => Ok(length),
    }
}

fn refused(error: DecryptError, gauge: &Gauge) -> BundleError {
    if let DecryptError::Io(error) = error {
        return gauge.explain(error);
    }
    if gauge.short.load(Ordering::Relaxed) {
        return BundleError::Truncated;
    }
    if matches!(error, DecryptError::NoMatchingKeys) {
        return BundleError::NotForUs;
    }
    BundleError::Damaged("its head does not open")
}
