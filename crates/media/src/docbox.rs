//! The desk's side of the box: start the child, feed it, wait no longer than the limit, and make
//! clean files of the raw pixels that come back.

use crate::wire::{Decoded, Job, Reply, Request};
use crate::{
    MediaError, MediaKind, Quality, RENDITION_PX, Rgb8Image, THUMBNAIL_PX, encode_jpeg, quality,
    raster, sniff,
};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// The wall clock's limit; the CPU limit in the child is shorter, a busy computer is slower.
const MAX_WALL: Duration = Duration::from_secs(40);
const RENDITION_QUALITY: u8 = 88;
const THUMBNAIL_QUALITY: u8 = 80;
/// So much of what the child says when it dies is looked at, to tell want of memory from a crash.
const MAX_LAST_WORDS: u64 = 4096;

/// How long a child that closed its pipe is given to end.
const SETTLE_ROUNDS: u32 = 100;
const SETTLE_PAUSE: Duration = Duration::from_millis(10);

/// The handle of the box.
#[derive(Debug, Clone)]
pub struct Docbox {
    exe: PathBuf,
    max_wall: Duration,
}

/// What the desk keeps of a file, beside the sealed original.
#[derive(Debug, Clone, PartialEq)]
pub struct Intake {
    pub kind: MediaKind,
    /// Of the original bytes, in lower-case hex.
    pub sha256_hex: String,
    pub pages: u32,
    /// Of page 1, upright; for a PDF, of its rendition.
    pub width: u32,
    pub height: u32,
    /// A PDF that wants to run something; it is shown without.
    pub had_active_content: bool,
    /// Page 1 as JPEG, long side at most 2400, nothing in it but pixels.
    pub rendition: Vec<u8>,
    /// The same, long side at most 320.
    pub thumbnail: Vec<u8>,
    pub quality: Quality,
    /// Texts of QR codes and Code 128 bars on page 1. They are data: never opened, never fetched.
    pub qr_texts: Vec<String>,
    pub perceptual_hash: u64,
}

impl Docbox {
    /// A box that re-executes `exe` with the one argument `docbox`; its `main` must then call
    /// [`docbox_main`](crate::docbox_main).
    pub fn new(exe: PathBuf) -> Self {
        Self {
            exe,
            max_wall: MAX_WALL,
        }
    }

    /// The same with another wall-clock limit.
    #[must_use]
    pub fn with_max_wall(self, max_wall: Duration) -> Self {
        Self { max_wall, ..self }
    }

    /// Takes a file in.
    ///
    /// # Errors
    /// Why the file is refused, or why the box failed.
    pub fn intake(&self, bytes: &[u8]) -> Result<Intake, MediaError> {
        let kind = sniff(bytes)?;
        let decoded = self.decode(Job::Intake, kind, bytes)?;
        let picture = raster::shrunk(&decoded.picture, RENDITION_PX);
        let long_px = decoded.width.max(decoded.height);
        let thumbnail = raster::shrunk(&picture, THUMBNAIL_PX);
        Ok(Intake {
            kind,
            sha256_hex: hex::encode(Sha256::digest(bytes)),
            pages: decoded.pages,
            width: decoded.width,
            height: decoded.height,
            had_active_content: decoded.had_active_content,
            rendition: encode_jpeg(&picture, RENDITION_QUALITY)?,
            thumbnail: encode_jpeg(&thumbnail, THUMBNAIL_QUALITY)?,
            quality: quality::measure(kind, &picture, long_px),
            qr_texts: decoded.texts,
            perceptual_hash: quality::perceptual_hash(&picture),
        })
    }

    /// The pixels of one page, counted from 1, long side at most `max_px` (64 to 4096).
    ///
    /// # Errors
    /// As for [`intake`](Self::intake); a page that does not exist.
    pub fn page(&self, bytes: &[u8], page: u32, max_px: u32) -> Result<Rgb8Image, MediaError> {
        let kind = sniff(bytes)?;
        Ok(self
            .decode(Job::Page { page, max_px }, kind, bytes)?
            .picture)
    }

    /// Runs a self-test of the helper binary inside the cage.
    ///
    /// # Errors
    /// As the box fails; binaries without self-tests answer `media.corrupt`.
    #[doc(hidden)]
    pub fn probe(&self, which: u8) -> Result<Vec<u8>, MediaError> {
        match self.ask(Job::Probe(which), MediaKind::Png, &[])? {
            Reply::Probed(report) => Ok(report),
            Reply::Refused(error) => Err(error),
            Reply::Decoded(_) => Err(MediaError::BoxCrashed),
        }
    }

    fn decode(&self, job: Job, kind: MediaKind, bytes: &[u8]) -> Result<Decoded, MediaError> {
        match self.ask(job, kind, bytes)? {
            Reply::Decoded(decoded) => Ok(*decoded),
            Reply::Refused(error) => Err(error),
            Reply::Probed(_) => Err(MediaError::BoxCrashed),
        }
    }

    fn ask(&self, job: Job, kind: MediaKind, bytes: &[u8]) -> Result<Reply, MediaError> {
        let mut child = self.start()?;
        let (Some(to), Some(from), Some(words)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            stop(&mut child);
            return Err(MediaError::BoxUnavailable);
        };
        let request = Request {
            job,
            kind,
            len: bytes.len(),
        };
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            scope.spawn(move || feed(to, &request, bytes));
            let last_words = scope.spawn(move || listen(words));
            scope.spawn(move || {
                let mut from = io::BufReader::new(from);
                // The receiver is gone only after a timeout.
                let _ = tell.send(Reply::read(&mut from));
            });
            let waited = told.recv_timeout(self.max_wall);
            // It has answered, or it never will.
            let ended = match &waited {
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    settle(&mut child)
                }
                Ok(_) | Err(_) => None,
            };
            stop(&mut child);
            match waited {
                Ok(Ok(reply)) => Ok(reply),
                Ok(Err(_)) => Err(cause(ended, &last_words.join().unwrap_or_default())),
                Err(RecvTimeoutError::Timeout) => Err(MediaError::Timeout),
                Err(RecvTimeoutError::Disconnected) => Err(MediaError::BoxCrashed),
            }
        })
    }

    fn start(&self) -> Result<Child, MediaError> {
        let mut command = Command::new(&self.exe);
        command.arg("docbox").env_clear();
        if let Some(root) = std::env::var_os("SystemRoot") {
            // Windows programs do not start without it, and fonts are found by it.
            command.env("SystemRoot", root);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().map_err(|_| MediaError::BoxUnavailable)
    }
}

/// A child that refuses early closes the pipe; its answer tells more than the write error would.
fn feed(mut to: ChildStdin, request: &Request, bytes: &[u8]) {
    let _ = request.write(&mut to).and_then(|()| to.write_all(bytes));
}

/// Keeps the first words, drops the rest, and never lets the child block on them.
fn listen(mut words: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let _ = words.by_ref().take(MAX_LAST_WORDS).read_to_end(&mut kept);
    let _ = io::copy(&mut words, &mut io::sink());
    kept
}

/// How a child ended that has closed its pipe: it is dying, or it pretends.
fn settle(child: &mut Child) -> Option<ExitStatus> {
    for _ in 0..SETTLE_ROUNDS {
        if let Ok(Some(ended)) = child.try_wait() {
            return Some(ended);
        }
        thread::sleep(SETTLE_PAUSE);
    }
    None
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn cause(ended: Option<ExitStatus>, last_words: &[u8]) -> MediaError {
    let starved = b"memory allocation of";
    if last_words
        .windows(starved.len())
        .any(|window| window == starved)
    {
        return MediaError::OutOfMemory;
    }
    if ended.is_some_and(ran_out_of_time) {
        return MediaError::Timeout;
    }
    MediaError::BoxCrashed
}

#[cfg(unix)]
fn ran_out_of_time(ended: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let by_clock = [
        rustix::process::Signal::XCPU.as_raw(),
        rustix::process::Signal::KILL.as_raw(),
    ];
    ended
        .signal()
        .is_some_and(|signal| by_clock.contains(&signal))
}

#[cfg(not(unix))]
fn ran_out_of_time(_ended: ExitStatus) -> bool {
    false
}
