//! Pages of a damaged file, opened one by one without the database library: what is authentic is read, the rest is skipped.
//!
//! Layout (SQLCipher 4): page 1 begins with the 16-byte salt; each page ends with a 16-byte IV and an HMAC-SHA512 over
//! ciphertext, IV and page number. The WAL holds the same sealed pages, each behind a 24-byte frame header.

use crate::error::StoreError;
use crate::open::{DbKey, with_suffix};
use aes::Aes256;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a page on disk.
pub(super) const PAGE_BYTES: usize = 4096;
/// IV and tag at the end of each page.
const RESERVED_BYTES: usize = IV_BYTES + TAG_BYTES;
const IV_BYTES: usize = 16;
const TAG_BYTES: usize = 64;
const SALT_BYTES: usize = 16;
/// What the library leaves for content.
pub(super) const USABLE_BYTES: usize = PAGE_BYTES - RESERVED_BYTES;
pub(super) const WAL_HEADER_BYTES: usize = 32;
pub(super) const FRAME_HEADER_BYTES: usize = 24;
/// Where the header of the WAL names its generation.
const GENERATION_AT: u64 = 16;
/// Pages tried before a salt counts as wrong.
const TRIED: u32 = 64;

/// The plain content of a page.
pub(super) type Page = Vec<u8>;

/// What opens the pages that were written under one salt.
struct PageKey {
    cipher: Zeroizing<[u8; 32]>,
    tag: Zeroizing<[u8; 32]>,
}

impl PageKey {
    fn new(key: &DbKey, salt: [u8; SALT_BYTES]) -> Self {
        let masked = salt.map(|byte| byte ^ 0x3a);
        Self {
            cipher: key.raw(),
            tag: tag_key(&key.raw(), &masked),
        }
    }

    /// The plain page; none when a bit of it is not what was written.
    fn open(&self, number: u32, sealed: &[u8]) -> Option<Page> {
        let start = if number == 1 { SALT_BYTES } else { 0 };
        let (body, tag) = sealed.split_at_checked(PAGE_BYTES - TAG_BYTES)?;
        let body = body.get(start..)?;
        let mut mac = Hmac::<Sha512>::new_from_slice(self.tag.as_slice()).ok()?;
        mac.update(body);
        mac.update(&number.to_le_bytes());
        mac.verify_slice(tag).ok()?;
        let (cipher, iv) = body.split_at_checked(body.len().checked_sub(IV_BYTES)?)?;
        let plain = cbc::Decryptor::<Aes256>::new_from_slices(self.cipher.as_slice(), iv)
            .ok()?
            .decrypt_padded_vec::<NoPadding>(cipher)
            .ok()?;
        let mut page = vec![0; start];
        page.extend(plain);
        Some(page)
    }
}

/// PBKDF2-HMAC-SHA512 with two rounds, as the library derives the key of its tags.
fn tag_key(key: &[u8; 32], salt: &[u8; SALT_BYTES]) -> Zeroizing<[u8; 32]> {
    let round = |parts: &[&[u8]]| {
        let mut mac = Hmac::<Sha512>::new_from_slice(key).ok();
        for part in parts {
            if let Some(mac) = &mut mac {
                mac.update(part);
            }
        }
        mac.map(|mac| mac.finalize().into_bytes())
            .unwrap_or_default()
    };
    let first = round(&[salt, &1_u32.to_be_bytes()]);
    let second = round(&[&first]);
    let mut out = Zeroizing::new([0_u8; 32]);
    for (to, (a, b)) in out.iter_mut().zip(first.iter().zip(&second)) {
        *to = a ^ b;
    }
    out
}

/// A page in the WAL. A higher generation was begun later; older ones are leftovers behind the living part.
struct Frame {
    generation: u32,
    offset: u64,
    /// The last of a transaction.
    commits: bool,
}

/// Every image of every page that the files hold.
pub(super) struct Images {
    db: File,
    db_pages: u32,
    wal: Option<File>,
    /// Newest first.
    frames: BTreeMap<u32, Vec<Frame>>,
    newest_generation: u32,
    keys: Vec<PageKey>,
}

impl Images {
    /// Looks at a database and its WAL. Changes nothing.
    pub(super) fn of(db: &Path, key: &DbKey) -> Result<Self, StoreError> {
        let mut file = File::open(db)?;
        let mut salt = [0_u8; SALT_BYTES];
        let mut salts = vec![key.salt()];
        if file.read_exact(&mut salt).is_ok() && salt != key.salt() {
            salts.push(salt);
        }
        let len = file.metadata()?.len();
        let pages = len.div_ceil(page_len());
        let mut images = Self {
            db: file,
            db_pages: u32::try_from(pages).map_err(|_| StoreError::OutOfRange)?,
            wal: File::open(with_suffix(db, "-wal")).ok(),
            frames: BTreeMap::new(),
            newest_generation: 0,
            keys: salts
                .into_iter()
                .map(|salt| PageKey::new(key, salt))
                .collect(),
        };
        images.list_frames()?;
        images.choose_key();
        Ok(images)
    }

    /// The highest page number of which there is an image.
    pub(super) fn last_page(&self) -> u32 {
        let in_wal = self.frames.last_key_value().map_or(0, |(page, _)| *page);
        self.db_pages.max(in_wal)
    }

    /// The newest authentic image of a page.
    pub(super) fn newest(&mut self, number: u32) -> Option<Page> {
        self.walk(number, 1).pop()
    }

    /// The authentic images of a page, newest first.
    pub(super) fn every(&mut self, number: u32) -> Vec<Page> {
        self.walk(number, usize::MAX)
    }

    /// Authentic frames of the living generation that end a transaction, from frame `first` of the file on.
    pub(super) fn commits_from(&mut self, first: usize) -> usize {
        let step = long(FRAME_HEADER_BYTES) + page_len();
        let from = long(WAL_HEADER_BYTES) + long(first) * step;
        let living = self.newest_generation;
        let mut ends: Vec<(u32, u64)> = Vec::new();
        for (number, frames) in &self.frames {
            let later = frames
                .iter()
                .filter(|frame| frame.commits && frame.generation == living && frame.offset > from);
            ends.extend(later.map(|frame| (*number, frame.offset)));
        }
        ends.into_iter()
            .filter(|(number, offset)| self.frame(*number, *offset).is_some())
            .count()
    }

    fn walk(&mut self, number: u32, most: usize) -> Vec<Page> {
        let mut found = Vec::new();
        let (living, older) = self.offsets(number);
        for offset in living {
            if found.len() < most {
                found.extend(self.frame(number, offset));
            }
        }
        if found.len() < most {
            found.extend(self.in_file(number));
        }
        for offset in older {
            if found.len() < most {
                found.extend(self.frame(number, offset));
            }
        }
        found
    }

    fn offsets(&self, number: u32) -> (Vec<u64>, Vec<u64>) {
        let frames = self.frames.get(&number).map_or(&[][..], Vec::as_slice);
        let (living, older): (Vec<&Frame>, Vec<&Frame>) = frames
            .iter()
            .partition(|frame| frame.generation == self.newest_generation);
        let places = |frames: Vec<&Frame>| frames.iter().map(|frame| frame.offset).collect();
        (places(living), places(older))
    }

    fn in_file(&mut self, number: u32) -> Option<Page> {
        let offset = u64::from(number.checked_sub(1)?) * page_len();
        let sealed = read_at(&mut self.db, offset)?;
        self.open(number, &sealed)
    }

    fn frame(&mut self, number: u32, offset: u64) -> Option<Page> {
        let sealed = read_at(self.wal.as_mut()?, offset)?;
        self.open(number, &sealed)
    }

    fn open(&self, number: u32, sealed: &[u8]) -> Option<Page> {
        self.keys.iter().find_map(|key| key.open(number, sealed))
    }

    fn list_frames(&mut self) -> Result<(), StoreError> {
        let Some(wal) = &mut self.wal else {
            return Ok(());
        };
        let len = wal.metadata()?.len();
        let mut named = [0_u8; 4];
        if len >= long(WAL_HEADER_BYTES) {
            wal.seek(SeekFrom::Start(GENERATION_AT))?;
            wal.read_exact(&mut named)?;
        }
        let step = long(FRAME_HEADER_BYTES) + page_len();
        let mut at = long(WAL_HEADER_BYTES);
        while at + step <= len {
            let mut header = [0_u8; 12];
            wal.seek(SeekFrom::Start(at))?;
            wal.read_exact(&mut header)?;
            let [p0, p1, p2, p3, c0, c1, c2, c3, g0, g1, g2, g3] = header;
            let number = u32::from_be_bytes([p0, p1, p2, p3]);
            let generation = u32::from_be_bytes([g0, g1, g2, g3]);
            let frame = Frame {
                generation,
                offset: at + long(FRAME_HEADER_BYTES),
                commits: [c0, c1, c2, c3] != [0; 4],
            };
            self.frames.entry(number).or_default().push(frame);
            at += step;
        }
        self.find_generation(u32::from_be_bytes(named));
        Ok(())
    }

    /// The living generation overwrites from the start: header and first frames name it, and one of them may be spoilt.
    fn find_generation(&mut self, named: u32) {
        let mut all: Vec<&Frame> = self.frames.values().flatten().collect();
        all.sort_by_key(|frame| frame.offset);
        let mut first = all.iter().map(|frame| frame.generation);
        let (one, two) = (first.next(), first.next());
        self.newest_generation = if one == Some(named) || two == Some(named) {
            named
        } else {
            one.unwrap_or(named)
        };
        for frames in self.frames.values_mut() {
            frames.sort_by_key(|frame| std::cmp::Reverse(frame.offset));
        }
    }

    /// One salt wrote all pages: once a page opens, the other key is not tried any more.
    fn choose_key(&mut self) {
        let last = self.last_page().min(TRIED);
        for number in 1..=last {
            let Some(sealed) = self.sealed(number) else {
                continue;
            };
            let works = self
                .keys
                .iter()
                .position(|key| key.open(number, &sealed).is_some());
            if let Some(works) = works {
                let key = self.keys.swap_remove(works);
                self.keys = vec![key];
                return;
            }
        }
    }

    fn sealed(&mut self, number: u32) -> Option<Vec<u8>> {
        let (living, _) = self.offsets(number);
        if let (Some(offset), Some(wal)) = (living.first(), self.wal.as_mut()) {
            return read_at(wal, *offset);
        }
        let offset = u64::from(number.checked_sub(1)?) * page_len();
        read_at(&mut self.db, offset)
    }
}

fn page_len() -> u64 {
    long(PAGE_BYTES)
}

fn long(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// One whole page; none where the file ends before it does.
fn read_at(file: &mut File, offset: u64) -> Option<Vec<u8>> {
    let mut sealed = vec![0; PAGE_BYTES];
    file.seek(SeekFrom::Start(offset)).ok()?;
    file.read_exact(&mut sealed).ok()?;
    Some(sealed)
}
