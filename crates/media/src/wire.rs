//! What goes through the pipe between the desk and the box: length-framed, little-endian, bounded
//! on both sides. Neither side trusts the other: the box checks lengths because it may be fed
//! nonsense, the desk because the box may have been taken over by what it reads.

use crate::{MAX_BYTES, MAX_PAGE_PX, MediaError, MediaKind, Rgb8Image, num};
use std::io::{self, Read, Write};

const MAGIC: [u8; 4] = *b"DBX1";
/// The most code texts in one answer, and the most bytes in one text.
pub const MAX_TEXTS: usize = 8;
pub const MAX_TEXT_BYTES: usize = 4096;
/// The longest answer to a self-test.
const MAX_PROBE_BYTES: usize = 64 * 1024;

/// What the box is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Page 1, its codes, and how many pages there are.
    Intake,
    /// One page (counted from 1), at most this long a side, without codes.
    Page { page: u32, max_px: u32 },
    /// A self-test that only a helper binary answers.
    Probe(u8),
}

/// The head of a request; the file's bytes follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub job: Job,
    pub kind: MediaKind,
    pub len: usize,
}

/// What the box made of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub pages: u32,
    pub width: u32,
    pub height: u32,
    pub had_active_content: bool,
    pub texts: Vec<String>,
    pub picture: Rgb8Image,
}

/// An answer of the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Decoded(Box<Decoded>),
    Refused(MediaError),
    Probed(Vec<u8>),
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

fn long(value: usize) -> io::Result<u32> {
    u32::try_from(value).map_err(|_| broken())
}

fn take_u8(from: &mut impl Read) -> io::Result<u8> {
    let mut one = [0_u8; 1];
    from.read_exact(&mut one)?;
    Ok(u8::from_le_bytes(one))
}

fn take_u32(from: &mut impl Read) -> io::Result<u32> {
    let mut four = [0_u8; 4];
    from.read_exact(&mut four)?;
    Ok(u32::from_le_bytes(four))
}

fn take_u64(from: &mut impl Read) -> io::Result<u64> {
    let mut eight = [0_u8; 8];
    from.read_exact(&mut eight)?;
    Ok(u64::from_le_bytes(eight))
}

/// Reads exactly `len` bytes that were announced and found within their bound.
pub fn take_bytes(from: &mut impl Read, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; len];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn take_magic(from: &mut impl Read) -> io::Result<()> {
    let mut four = [0_u8; 4];
    from.read_exact(&mut four)?;
    if four == MAGIC { Ok(()) } else { Err(broken()) }
}

impl Request {
    /// Writes the head; the caller writes the bytes after it.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (op, a, b) = match self.job {
            Job::Intake => (1_u8, 0, 0),
            Job::Page { page, max_px } => (2, page, max_px),
            Job::Probe(which) => (3, u32::from(which), 0),
        };
        let kind = match self.kind {
            MediaKind::Jpeg => 1_u8,
            MediaKind::Png => 2,
            MediaKind::Webp => 3,
            MediaKind::Pdf => 4,
        };
        to.write_all(&MAGIC)?;
        to.write_all(&[op, kind])?;
        for value in [a, b, long(self.len)?] {
            to.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    }

    /// Reads the head.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        take_magic(from)?;
        let (op, kind) = (take_u8(from)?, take_u8(from)?);
        let (a, b, len) = (
            take_u32(from)?,
            take_u32(from)?,
            num::index(take_u32(from)?),
        );
        if len > MAX_BYTES {
            return Err(broken());
        }
        let kind = match kind {
            1 => MediaKind::Jpeg,
            2 => MediaKind::Png,
            3 => MediaKind::Webp,
            4 => MediaKind::Pdf,
            _ => return Err(broken()),
        };
        let job = match op {
            1 => Job::Intake,
            2 => Job::Page { page: a, max_px: b },
            3 => Job::Probe(u8::try_from(a).map_err(|_| broken())?),
            _ => return Err(broken()),
        };
        Ok(Self { job, kind, len })
    }
}

impl Reply {
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&MAGIC)?;
        match self {
            Self::Decoded(decoded) => decoded.write(to),
            Self::Refused(error) => {
                let (tag, a, b) = error_fields(error);
                to.write_all(&[1, tag])?;
                to.write_all(&a.to_le_bytes())?;
                to.write_all(&b.to_le_bytes())
            }
            Self::Probed(bytes) => {
                to.write_all(&[2])?;
                to.write_all(&long(bytes.len())?.to_le_bytes())?;
                to.write_all(bytes)
            }
        }
    }

    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        take_magic(from)?;
        match take_u8(from)? {
            0 => Ok(Self::Decoded(Box::new(Decoded::read(from)?))),
            1 => {
                let tag = take_u8(from)?;
                let (a, b) = (take_u64(from)?, take_u64(from)?);
                Ok(Self::Refused(error_from(tag, a, b).ok_or_else(broken)?))
            }
            2 => {
                let len = num::index(take_u32(from)?);
                if len > MAX_PROBE_BYTES {
                    return Err(broken());
                }
                Ok(Self::Probed(take_bytes(from, len)?))
            }
            _ => Err(broken()),
        }
    }
}

impl Decoded {
    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&[0])?;
        for value in [self.pages, self.width, self.height] {
            to.write_all(&value.to_le_bytes())?;
        }
        let texts = self
            .texts
            .get(..self.texts.len().min(MAX_TEXTS))
            .unwrap_or_default();
        let number = u8::try_from(texts.len()).map_err(|_| broken())?;
        to.write_all(&[u8::from(self.had_active_content), number])?;
        for text in texts {
            to.write_all(&long(text.len())?.to_le_bytes())?;
            to.write_all(text.as_bytes())?;
        }
        for side in [self.picture.width(), self.picture.height()] {
            to.write_all(&side.to_le_bytes())?;
        }
        to.write_all(self.picture.as_raw())
    }

    fn read(from: &mut impl Read) -> io::Result<Self> {
        let (pages, width, height) = (take_u32(from)?, take_u32(from)?, take_u32(from)?);
        let (active, number) = (take_u8(from)?, usize::from(take_u8(from)?));
        if active > 1 || number > MAX_TEXTS {
            return Err(broken());
        }
        let mut texts = Vec::with_capacity(number);
        for _ in 0..number {
            let len = num::index(take_u32(from)?);
            if len > MAX_TEXT_BYTES {
                return Err(broken());
            }
            texts.push(String::from_utf8(take_bytes(from, len)?).map_err(|_| broken())?);
        }
        let (wide, high) = (take_u32(from)?, take_u32(from)?);
        if wide == 0 || high == 0 || wide > MAX_PAGE_PX || high > MAX_PAGE_PX {
            return Err(broken());
        }
        let pixels = take_bytes(from, num::index(wide) * num::index(high) * 3)?;
        let picture = Rgb8Image::from_raw(wide, high, pixels).ok_or_else(broken)?;
        Ok(Self {
            pages,
            width,
            height,
            had_active_content: active == 1,
            texts,
            picture,
        })
    }
}

/// Only the refusals that the box itself can come to; the others belong to the desk's side.
fn error_fields(error: &MediaError) -> (u8, u64, u64) {
    match error {
        MediaError::TooManyPixels { pixels, limit } => (2, *pixels, *limit),
        MediaError::TooManyPages { pages, limit } => (3, u64::from(*pages), u64::from(*limit)),
        MediaError::EncryptedPdf => (4, 0, 0),
        MediaError::NoSuchPage { page, pages } => (5, u64::from(*page), u64::from(*pages)),
        MediaError::OutOfMemory => (6, 0, 0),
        MediaError::BoxUnavailable => (7, 0, 0),
        MediaError::Corrupt
        | MediaError::Empty
        | MediaError::TooLarge { .. }
        | MediaError::UnsupportedType { .. }
        | MediaError::Polyglot { .. }
        | MediaError::Timeout
        | MediaError::BoxCrashed
        | MediaError::NoFont
        | MediaError::Encode => (1, 0, 0),
    }
}

fn error_from(tag: u8, a: u64, b: u64) -> Option<MediaError> {
    let small = |value: u64| u32::try_from(value).ok();
    Some(match tag {
        1 => MediaError::Corrupt,
        2 => MediaError::TooManyPixels {
            pixels: a,
            limit: b,
        },
        3 => MediaError::TooManyPages {
            pages: small(a)?,
            limit: small(b)?,
        },
        4 => MediaError::EncryptedPdf,
        5 => MediaError::NoSuchPage {
            page: small(a)?,
            pages: small(b)?,
        },
        6 => MediaError::OutOfMemory,
        7 => MediaError::BoxUnavailable,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Decoded, Job, Reply, Request};
    use crate::{MediaError, MediaKind, Rgb8Image};
    use proptest::prelude::*;

    fn decoded() -> Reply {
        Reply::Decoded(Box::new(Decoded {
            pages: 3,
            width: 4000,
            height: 3000,
            had_active_content: true,
            texts: vec!["01,32,,1".into(), "二".into()],
            picture: Rgb8Image::from_pixel(7, 5, image::Rgb([1, 2, 3])),
        }))
    }

    #[test]
    fn replies_survive_the_pipe() {
        let refused = Reply::Refused(MediaError::TooManyPixels {
            pixels: 9,
            limit: 8,
        });
        for reply in [decoded(), refused, Reply::Probed(vec![1, 2])] {
            let mut bytes = Vec::new();
            reply.write(&mut bytes).unwrap();
            assert_eq!(Reply::read(&mut bytes.as_slice()).unwrap(), reply);
        }
    }

    #[test]
    fn requests_survive_the_pipe() {
        for job in [
            Job::Intake,
            Job::Page {
                page: 2,
                max_px: 900,
            },
            Job::Probe(4),
        ] {
            let request = Request {
                job,
                kind: MediaKind::Webp,
                len: 12,
            };
            let mut bytes = Vec::new();
            request.write(&mut bytes).unwrap();
            assert_eq!(Request::read(&mut bytes.as_slice()).unwrap(), request);
        }
    }

    #[test]
    fn a_request_over_the_size_limit_is_refused() {
        let request = Request {
            job: Job::Intake,
            kind: MediaKind::Png,
            len: crate::MAX_BYTES + 1,
        };
        let mut bytes = Vec::new();
        request.write(&mut bytes).unwrap();
        assert!(Request::read(&mut bytes.as_slice()).is_err());
    }

    #[test]
    fn a_reply_cannot_announce_more_pixels_than_were_asked_for() {
        let mut bytes = Vec::new();
        decoded().write(&mut bytes).unwrap();
        let side = bytes.len() - 7 * 5 * 3 - 8;
        bytes[side..side + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Reply::read(&mut bytes.as_slice()).is_err());
    }

    proptest! {
        #[test]
        fn mutated_replies_never_panic(
            edits in proptest::collection::vec((0_usize..200, any::<u8>()), 1..10),
        ) {
            let mut bytes = Vec::new();
            decoded().write(&mut bytes).unwrap();
            for (at, value) in edits {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            let _ = Reply::read(&mut bytes.as_slice());
            let _ = Request::read(&mut bytes.as_slice());
        }
    }
}
