//! A file that only takes up room, given back when the disk is full so that the op in hand is kept.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// 8 MiB: some hundreds of saves.
const BALLAST_BYTES: usize = 8 * 1024 * 1024;

/// The ballast beside one database.
pub(crate) struct Ballast {
    file: PathBuf,
}

impl Ballast {
    /// Lays it down if it is not there. A disk too full for it is no reason not to open.
    pub(crate) fn beside(db: &Path) -> Self {
        let ballast = Self {
            file: db.with_extension("ballast"),
        };
        if !ballast.file.exists() {
            let laid = ballast.lay();
            if let Err(error) = laid {
                tracing::warn!(%error, "no room for the ballast file");
                let _ = fs::remove_file(&ballast.file);
            }
        }
        ballast
    }

    /// Gives the room back. False when there was nothing left to give.
    pub(crate) fn release(&self) -> bool {
        fs::remove_file(&self.file).is_ok()
    }

    /// Lays it down again once there is room.
    pub(crate) fn restore(&self) {
        if !self.file.exists() && self.lay().is_err() {
            let _ = fs::remove_file(&self.file);
        }
    }

    /// True while it lies there.
    pub(crate) fn is_there(&self) -> bool {
        self.file.exists()
    }

    fn lay(&self) -> std::io::Result<()> {
        let mut file = fs::File::create(&self.file)?;
        // Not zeros: some file systems keep a run of zeros as a hole, which frees nothing.
        let block: Vec<u8> = (0..64 * 1024_u32)
            .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        for _ in 0..BALLAST_BYTES / block.len() {
            file.write_all(&block)?;
        }
        file.sync_all()
    }
}
