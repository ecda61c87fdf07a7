//! Does the WAL go on behind the place where the library stops reading it?
//!
//! The library takes a frame whose checksum is wrong for the end. After a power cut that is right for the one
//! transaction under way; if two or more committed ones stand behind it, saves that were confirmed would be dropped in silence.

use super::pages::{FRAME_HEADER_BYTES, Images, PAGE_BYTES, WAL_HEADER_BYTES};
use crate::error::StoreError;
use crate::open::{DbKey, with_suffix};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Committed transactions that one power cut can leave behind a hole.
const UNDER_WAY: usize = 1;

/// Refuses a WAL that lost something in its middle. Changes nothing.
pub(crate) fn check_wal(db: &Path, key: &DbKey) -> Result<(), StoreError> {
    let wal = match File::open(with_suffix(db, "-wal")) {
        Ok(wal) => wal,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let read = accepted_frames(std::io::BufReader::new(wal))?;
    let behind = Images::of(db, key)?.commits_from(read);
    if behind > UNDER_WAY {
        return Err(StoreError::Damaged(format!(
            "{behind} saves stand behind a torn place of the log"
        )));
    }
    Ok(())
}

/// How many frames the library reads: the unbroken run of right checksums from the start.
fn accepted_frames(mut wal: impl Read) -> Result<usize, StoreError> {
    let mut header = [0_u8; WAL_HEADER_BYTES];
    if !fill(&mut wal, &mut header)? {
        return Ok(0);
    }
    let big_endian = match header.get(..4) {
        Some([0x37, 0x7f, 0x06, 0x83]) => true,
        Some([0x37, 0x7f, 0x06, 0x82]) => false,
        _ => return Ok(0),
    };
    let mut sum = Sum {
        big_endian,
        at: (0, 0),
    };
    sum.add(header.get(..24).unwrap_or_default());
    if header.get(24..) != Some(sum.bytes().as_slice()) {
        return Ok(0);
    }
    let salts = header.get(16..24).unwrap_or_default().to_vec();
    let mut frame = vec![0_u8; FRAME_HEADER_BYTES + PAGE_BYTES];
    let mut accepted = 0;
    while fill(&mut wal, &mut frame)? {
        sum.add(frame.get(..8).unwrap_or_default());
        sum.add(frame.get(FRAME_HEADER_BYTES..).unwrap_or_default());
        let right = frame.get(8..16) == Some(salts.as_slice())
            && frame.get(16..24) == Some(sum.bytes().as_slice());
        if !right {
            break;
        }
        accepted += 1;
    }
    Ok(accepted)
}

/// False at the end of the file.
fn fill(wal: &mut impl Read, bytes: &mut [u8]) -> Result<bool, StoreError> {
    match wal.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The running checksum of the WAL format.
struct Sum {
    big_endian: bool,
    at: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let (mut s0, mut s1) = self.at;
        let (words, _) = bytes.as_chunks::<4>();
        for pair in words.chunks_exact(2) {
            let [a, b] = pair else { continue };
            s0 = s0.wrapping_add(self.word(*a)).wrapping_add(s1);
            s1 = s1.wrapping_add(self.word(*b)).wrapping_add(s0);
        }
        self.at = (s0, s1);
    }

    fn word(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    /// As it stands in headers: big-endian, whatever the words are.
    fn bytes(&self) -> Vec<u8> {
        let (s0, s1) = self.at;
        [s0.to_be_bytes(), s1.to_be_bytes()].concat()
    }
}
