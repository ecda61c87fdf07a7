//! A file that only takes up room, given back when the disk is full so that the op in hand is kept.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// 8 MiB: some hundreds of saves.
const BALLAST_BYTES: usize = 8 * 1024 * 1024;
const BALLAST_LEN: u64 = 8 * 1024 * 1024;

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
            let laid = lay(&ballast.file, BALLAST_BYTES);
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

    /// Lays it down again once there is room for it twice: the room that it gave back alone is not a healthy disk.
    pub(crate) fn restore(&self) {
        if self.file.exists() {
            return;
        }
        // Under another name until it is known to fit: half a ballast must not look like one.
        let trial = self.file.with_extension("ballast-new");
        let laid = lay(&trial, 2 * BALLAST_BYTES)
            .and_then(|file| file.set_len(BALLAST_LEN))
            .and_then(|()| fs::rename(&trial, &self.file));
        if laid.is_err() {
            let _ = fs::remove_file(&trial);
        }
    }

    /// True while it lies there.
    pub(crate) fn is_there(&self) -> bool {
        self.file.exists()
    }
}

fn lay(path: &Path, bytes: usize) -> std::io::Result<fs::File> {
    let mut file = fs::File::create(path)?;
    // Not zeros: some file systems keep a run of zeros as a hole, which frees nothing.
    let block: Vec<u8> = (0..64 * 1024_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    for _ in 0..bytes / block.len() {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    Ok(file)
}
