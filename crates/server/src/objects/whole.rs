//! A whole document, read block by block from wherever it is kept.

use super::bucket::RemoteWhole;
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Read from a file at a time.
const BLOCK_BYTES: u64 = 64 * 1024;

/// A document open for reading, from its beginning to its end or a part of it. Reading blocks.
pub struct Whole {
    source: Source,
    size_bytes: u64,
    /// Where the next byte is, and where the part ends.
    at: u64,
    end: u64,
    /// Fetched and not yet read through [`Read`].
    rest: Bytes,
}

enum Source {
    File(File),
    Remote(RemoteWhole),
}

impl Whole {
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let size_bytes = file.metadata()?.len();
        Ok(Self::new(Source::File(file), size_bytes))
    }

    pub(super) fn of_bucket(remote: RemoteWhole, size_bytes: u64) -> Self {
        Self::new(Source::Remote(remote), size_bytes)
    }

    fn new(source: Source, size_bytes: u64) -> Self {
        Self {
            source,
            size_bytes,
            at: 0,
            end: size_bytes,
            rest: Bytes::new(),
        }
    }

    /// Of the whole, also when a part of it is read.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Narrows it to the bytes from `from` up to, not including, `to`.
    ///
    /// # Errors
    /// When the file cannot be moved in.
    pub fn part(mut self, from: u64, to: u64) -> io::Result<Self> {
        if let Source::File(file) = &mut self.source {
            file.seek(SeekFrom::Start(from))?;
        }
        self.at = from;
        self.end = to.min(self.size_bytes);
        self.rest = Bytes::new();
        Ok(self)
    }

    /// The next bytes of the part; none at its end.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub fn block(&mut self) -> io::Result<Bytes> {
        let left = self.end.saturating_sub(self.at);
        if left == 0 {
            return Ok(Bytes::new());
        }
        let block = match &mut self.source {
            Source::File(file) => block_of(file, left)?,
            Source::Remote(remote) => remote.block(self.at, self.end)?,
        };
        let count = u64::try_from(block.len()).unwrap_or(u64::MAX);
        self.at = self.at.saturating_add(count);
        Ok(block)
    }
}

fn block_of(file: &mut File, left: u64) -> io::Result<Bytes> {
    let mut block = Vec::new();
    file.take(left.min(BLOCK_BYTES)).read_to_end(&mut block)?;
    Ok(block.into())
}

impl Read for Whole {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.block()?;
        }
        let count = out.len().min(self.rest.len());
        let taken = self.rest.split_to(count);
        if let Some(target) = out.get_mut(..count) {
            target.copy_from_slice(&taken);
        }
        Ok(count)
    }
}
