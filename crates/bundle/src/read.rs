//! Reading, twice: once to verify every byte, then to hand out exactly what was verified.

use crate::error::BundleError;
use crate::frame::{self, End, Frame, Kind};
use crate::header::Header;
use crate::keys::{self, Opener};
use crate::seal::{self, Gauge, Limits, Plain};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Read;
use std::sync::Arc;

/// A bundle whose signature holds, and the hash of each of its frames.
#[derive(Clone, Debug)]
pub struct Checked {
    pub header: Header,
    /// BLAKE3 of all plain bytes before the end.
    pub digest: [u8; 32],
    /// Plain bytes before the end.
    pub bytes: u64,
    prints: Vec<blake3::Hash>,
}

/// Reads a bundle to its end and verifies it; nothing is handed out.
///
/// `trust` gives the Ed25519 key of the sender that the header names, or says why there is none. `progress` hears how
/// many plain bytes were read and may stop the reading.
pub fn check<R: Read>(
    source: R,
    opener: &Opener,
    limits: Limits,
    trust: impl FnOnce(&Header) -> Result<[u8; 32], BundleError>,
    mut progress: impl FnMut(u64) -> Result<(), BundleError>,
) -> Result<Checked, BundleError> {
    let mut stream = Stream::open(source, opener, limits)?;
    let first = stream.next()?;
    if first.kind != Kind::Header {
        return Err(BundleError::Damaged("no header"));
    }
    let header = frame::header_of(&first.payload)?;
    let key = trust(&header)?;
    let mut prints = vec![first.print];
    loop {
        // The signature is over everything before the end.
        let (digest, bytes) = (*stream.hasher.finalize().as_bytes(), stream.bytes);
        let next = stream.next()?;
        progress(stream.bytes)?;
        if next.kind == Kind::End {
            let end = frame::end_of(&next.payload)?;
            signed(&end, &key, &digest, prints.len())?;
            stream.ended()?;
            return Ok(Checked {
                header,
                digest,
                bytes,
                prints,
            });
        }
        Frame::decode(next.kind, &next.payload)?;
        prints.push(next.print);
    }
}

fn signed(end: &End, key: &[u8; 32], digest: &[u8; 32], frames: usize) -> Result<(), BundleError> {
    let signature = STANDARD
        .decode(&end.signature)
        .map_err(|_| BundleError::BadSignature)?;
    if !keys::holds(key, digest, &signature) {
        return Err(BundleError::BadSignature);
    }
    if usize::try_from(end.frames).ok() == Some(frames) {
        Ok(())
    } else {
        Err(BundleError::Damaged("frames are missing"))
    }
}

/// The frames of a checked bundle, in order.
pub struct Contents<R: Read> {
    stream: Stream<R>,
    prints: std::vec::IntoIter<blake3::Hash>,
}

impl<R: Read> Contents<R> {
    /// Opens the same file once more. A file that changed in between ends with an error at the first frame that did.
    pub fn open(
        source: R,
        opener: &Opener,
        limits: Limits,
        checked: &Checked,
    ) -> Result<Self, BundleError> {
        let mut contents = Self {
            stream: Stream::open(source, opener, limits)?,
            prints: checked.prints.clone().into_iter(),
        };
        contents.next_print()?;
        Ok(contents)
    }

    /// The next frame; none after the last.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, BundleError> {
        if self.prints.as_slice().is_empty() {
            return Ok(None);
        }
        let raw = self.next_print()?;
        Frame::decode(raw.kind, &raw.payload).map(Some)
    }

    /// Plain bytes handed out so far.
    pub fn bytes(&self) -> u64 {
        self.stream.bytes
    }

    fn next_print(&mut self) -> Result<Raw, BundleError> {
        let raw = self.stream.next()?;
        if self.prints.next() == Some(raw.print) {
            Ok(raw)
        } else {
            Err(BundleError::Damaged("it changed while it was read"))
        }
    }
}

/// One frame before it is understood.
struct Raw {
    kind: Kind,
    payload: Vec<u8>,
    print: blake3::Hash,
}

struct Stream<R: Read> {
    plain: Plain<R>,
    gauge: Arc<Gauge>,
    limits: Limits,
    hasher: blake3::Hasher,
    bytes: u64,
    frames: u32,
}

impl<R: Read> Stream<R> {
    fn open(source: R, opener: &Opener, limits: Limits) -> Result<Self, BundleError> {
        let (plain, gauge) = seal::open(source, opener, limits)?;
        Ok(Self {
            plain,
            gauge,
            limits,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            frames: 0,
        })
    }

    fn next(&mut self) -> Result<Raw, BundleError> {
        let mut prefix = [0_u8; frame::PREFIX];
        self.plain
            .read_exact(&mut prefix)
            .map_err(|error| self.gauge.explain(error))?;
        let [kind, length @ ..] = prefix;
        let kind = Kind::of(kind).ok_or(BundleError::Damaged("a frame of an unknown kind"))?;
        let length = u64::from(u32::from_le_bytes(length));
        if usize::try_from(length).unwrap_or(usize::MAX) > kind.most_bytes() {
            return Err(BundleError::TooLarge("a frame"));
        }
        self.frames = self.frames.saturating_add(1);
        let grown = self.bytes.saturating_add(length);
        if self.frames > self.limits.frames || grown > self.limits.plain_bytes {
            return Err(BundleError::TooLarge("its content"));
        }
        // Grows with what really comes, not with what is claimed.
        let mut payload = Vec::new();
        (&mut self.plain)
            .take(length)
            .read_to_end(&mut payload)
            .map_err(|error| self.gauge.explain(error))?;
        if payload.len() as u64 != length {
            return Err(BundleError::Truncated);
        }
        self.hasher.update(&prefix);
        self.hasher.update(&payload);
        self.bytes = grown.saturating_add(frame::PREFIX as u64);
        let mut print = blake3::Hasher::new();
        print.update(&prefix);
        print.update(&payload);
        Ok(Raw {
            kind,
            payload,
            print: print.finalize(),
        })
    }

    /// Nothing may follow the end: the last bytes of the seal are checked by reading them.
    fn ended(&mut self) -> Result<(), BundleError> {
        let mut one = [0_u8; 1];
        match self.plain.read(&mut one) {
            Ok(0) if self.gauge.is_short() => Err(BundleError::Truncated),
            Ok(0) => Ok(()),
            Ok(_) => Err(BundleError::Damaged("something follows its end")),
            Err(error) => Err(self.gauge.explain(error)),
        }
    }
}
