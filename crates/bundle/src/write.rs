//! Writing: frames are hashed, packed and sealed as they come; the signature and the length come last.

use crate::VERSION;
use crate::error::BundleError;
use crate::frame::{self, End, Frame, Kind};
use crate::header::Header;
use crate::keys::{self, Sign};
use crate::seal::{LENGTH_AT, MAGIC, PRELUDE};
use age::Encryptor;
use age::stream::StreamWriter;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Arc, OnceLock};

const PACK_LEVEL: i32 = 3;

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// The hash that [`crate::check`] must find again.
    pub digest: [u8; 32],
    pub plain_bytes: u64,
    /// Length of the whole file.
    pub file_bytes: u64,
}

/// One bundle being written. Dropped before [`Writer::finish`], the file says of itself that it is not whole.
pub struct Writer<W: Write + Seek> {
    out: zstd::stream::write::Encoder<'static, StreamWriter<Counted<W>>>,
    hasher: blake3::Hasher,
    bytes: u64,
    frames: u32,
    slip: Slip,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins with the header, sealed for `recipients` and nobody else.
    pub fn begin(out: W, header: &Header, recipients: &[String]) -> Result<Self, BundleError> {
        let recipients = keys::recipients(recipients)?;
        let slip = Slip::default();
        let mut out = Counted {
            inner: out,
            count: 0,
            slip: slip.clone(),
        };
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&0_u64.to_le_bytes())?;
        let encryptor = Encryptor::with_recipients(
            recipients
                .iter()
                .map(|recipient| recipient as &dyn age::Recipient),
        )
        .map_err(|_| BundleError::Key("nobody to seal for"))?;
        let sealed = encryptor
            .wrap_output(out)
            .map_err(|error| slip.explain(error))?;
        let mut packed = zstd::stream::write::Encoder::new(sealed, PACK_LEVEL)?;
        packed.include_checksum(true)?;
        let mut writer = Self {
            out: packed,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            frames: 0,
            slip,
        };
        writer.raw(Kind::Header, &frame::json(header)?)?;
        Ok(writer)
    }

    /// Adds a frame.
    pub fn put(&mut self, frame: &Frame) -> Result<(), BundleError> {
        let (kind, payload) = frame.encode()?;
        self.raw(kind, &payload)
    }

    /// Plain bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Signs, closes every layer, and writes the length. The file is the caller's again, to be synced.
    pub fn finish(mut self, sign: Sign<'_>) -> Result<(Written, W), BundleError> {
        let digest = *self.hasher.finalize().as_bytes();
        let plain_bytes = self.bytes;
        let end = End {
            frames: self.frames,
            signature: STANDARD.encode(sign(&keys::message(&digest))),
        };
        self.raw(Kind::End, &frame::json(&end)?)?;
        let Self { out, slip, .. } = self;
        let mut out = out
            .finish()
            .and_then(StreamWriter::finish)
            .map_err(|error| slip.explain(error))?;
        let file_bytes = out.count;
        let length = file_bytes.saturating_sub(PRELUDE as u64);
        out.inner.seek(SeekFrom::Start(LENGTH_AT))?;
        out.inner.write_all(&length.to_le_bytes())?;
        out.inner.seek(SeekFrom::End(0))?;
        out.inner.flush()?;
        let written = Written {
            digest,
            plain_bytes,
            file_bytes,
        };
        Ok((written, out.inner))
    }

    fn raw(&mut self, kind: Kind, payload: &[u8]) -> Result<(), BundleError> {
        if payload.len() > kind.most_bytes() {
            return Err(BundleError::TooLarge("a frame"));
        }
        let length = u32::try_from(payload.len()).map_err(|_| BundleError::TooLarge("a frame"))?;
        let [a, b, c, d] = length.to_le_bytes();
        let prefix: [u8; frame::PREFIX] = [kind.byte(), a, b, c, d];
        self.out
            .write_all(&prefix)
            .and_then(|()| self.out.write_all(payload))
            .map_err(|error| self.slip.explain(error))?;
        self.hasher.update(&prefix);
        self.hasher.update(payload);
        let added = (frame::PREFIX + payload.len()) as u64;
        self.bytes = self.bytes.saturating_add(added);
        self.frames = self.frames.saturating_add(1);
        Ok(())
    }
}

/// The medium's own error, which the layers above may put into words of theirs.
#[derive(Clone, Default)]
struct Slip(Arc<OnceLock<(io::ErrorKind, Option<i32>)>>);

impl Slip {
    fn note(&self, error: &io::Error) {
        // The first one is the cause of the others.
        let _ = self.0.set((error.kind(), error.raw_os_error()));
    }

    fn explain(&self, error: io::Error) -> BundleError {
        BundleError::Io(match self.0.get() {
            Some((_, Some(code))) => io::Error::from_raw_os_error(*code),
            Some((kind, None)) => (*kind).into(),
            None => error,
        })
    }
}

struct Counted<W> {
    inner: W,
    count: u64,
    slip: Slip,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self
            .inner
            .write(bytes)
            .inspect_err(|error| self.slip.note(error))?;
        self.count = self.count.saturating_add(count as u64);
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
