//! What stands inside the skin, packed with zstd: named parts one behind the other, and a last line that says what there
//! must have been. Each part: length of its name (2 bytes), name, length (8 bytes), bytes. The last line has no name.

use super::BackupError;
use super::key::Secret;
use super::seal::{Opening, Sealing};
use desk_domain::time::Chance;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

/// Fast: documents do not pack, the database does at any level.
const LEVEL: i32 = 1;
const NAME_BYTES: usize = 128;
/// Longest last line.
const LAST_BYTES: u64 = 64 * 1024 * 1024;
const BLOCK_BYTES: usize = 64 * 1024;

/// Writes parts.
pub struct Writer {
    packer: zstd::Encoder<'static, Sealing>,
    size_bytes: u64,
}

impl Writer {
    pub fn create(path: &Path, secret: &Secret, chance: &dyn Chance) -> Result<Self, BackupError> {
        let sealing = Sealing::create(path, secret, chance)?;
        Ok(Self {
            packer: zstd::Encoder::new(sealing, LEVEL)?,
            size_bytes: 0,
        })
    }

    /// Adds one file. It must not change meanwhile.
    pub fn add_file(&mut self, name: &str, file: File) -> Result<(), BackupError> {
        let size = file.metadata()?.len();
        self.add(name, size, file)
    }

    /// Adds what `bytes` gives, `size` bytes of it.
    pub fn add(&mut self, name: &str, size: u64, bytes: impl Read) -> Result<(), BackupError> {
        self.begin(name, size)?;
        let copied = io::copy(&mut BufReader::new(bytes).take(size), &mut self.packer)?;
        if copied != size {
            return Err(BackupError::Damaged(format!("{name} became shorter")));
        }
        self.size_bytes = self.size_bytes.saturating_add(size);
        Ok(())
    }

    /// Bytes of all parts so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Writes the last line and makes the file durable.
    pub fn finish(mut self, last: &[u8]) -> Result<(), BackupError> {
        self.begin("", u64::try_from(last.len()).unwrap_or(u64::MAX))?;
        self.packer.write_all(last)?;
        Ok(self.packer.finish()?.finish()?)
    }

    fn begin(&mut self, name: &str, size: u64) -> io::Result<()> {
        let length = u16::try_from(name.len()).map_err(io::Error::other)?;
        self.packer.write_all(&length.to_be_bytes())?;
        self.packer.write_all(name.as_bytes())?;
        self.packer.write_all(&size.to_be_bytes())
    }
}

/// Reads parts in their order.
pub struct Reader {
    unpacker: zstd::Decoder<'static, BufReader<Opening>>,
    left: u64,
}

impl Reader {
    pub fn open(path: &Path, secret: &Secret) -> Result<Self, BackupError> {
        let unpacker = zstd::Decoder::new(Opening::open(path, secret)?)?;
        Ok(Self { unpacker, left: 0 })
    }

    /// The name of the next part; none before the last line.
    pub fn next_name(&mut self) -> Result<Option<String>, BackupError> {
        let mut length = [0_u8; 2];
        self.take(&mut length)?;
        let mut name = vec![0_u8; usize::from(u16::from_be_bytes(length))];
        if name.len() > NAME_BYTES {
            return Err(BackupError::Damaged("a name in it".into()));
        }
        self.take(&mut name)?;
        let mut size = [0_u8; 8];
        self.take(&mut size)?;
        self.left = u64::from_be_bytes(size);
        let name =
            String::from_utf8(name).map_err(|_| BackupError::Damaged("a name in it".into()))?;
        Ok(Some(name).filter(|name| !name.is_empty()))
    }

    /// Writes the part to a new file, durably; returns its SHA-256.
    pub fn unpack(&mut self, path: &Path) -> Result<String, BackupError> {
        let mut file = File::create_new(path)?;
        let mut hasher = Sha256::new();
        let mut block = vec![0_u8; BLOCK_BYTES];
        while self.left > 0 {
            let most = usize::try_from(self.left).unwrap_or(usize::MAX);
            let part = block.get_mut(..most.min(BLOCK_BYTES)).unwrap_or_default();
            self.unpacker.read_exact(part).map_err(cut)?;
            hasher.update(&*part);
            file.write_all(part)?;
            let count = u64::try_from(part.len()).unwrap_or(u64::MAX);
            self.left = self.left.saturating_sub(count);
        }
        file.sync_all()?;
        Ok(hex::encode(hasher.finalize()))
    }

    /// The last line; nothing may follow it.
    pub fn last(&mut self) -> Result<Vec<u8>, BackupError> {
        if self.left > LAST_BYTES {
            return Err(BackupError::Damaged("its last line".into()));
        }
        let mut last = Vec::new();
        self.unpacker
            .by_ref()
            .take(self.left)
            .read_to_end(&mut last)
            .map_err(cut)?;
        let mut more = [0_u8; 1];
        if self.unpacker.read(&mut more).map_err(cut)? > 0 {
            return Err(BackupError::Damaged("something follows its end".into()));
        }
        Ok(last)
    }

    fn take(&mut self, into: &mut [u8]) -> Result<(), BackupError> {
        self.unpacker.read_exact(into).map_err(cut)
    }
}

fn cut(error: io::Error) -> BackupError {
    BackupError::Damaged(error.to_string())
}
