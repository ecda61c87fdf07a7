//! The child's side of the box: read a request, lock oneself in, decode, answer, end.

mod cage;
mod codes;
mod pdf;
mod picture;

use crate::wire::{self, Job, Reply, Request};
use crate::{MAX_PAGE_PX, MediaError, MediaKind, RENDITION_PX, fonts};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::thread;

/// Answers a self-test; given only by the helper binary, so the desk's own binary has none.
pub type Probe = fn(u8) -> Vec<u8>;

/// Deeply nested files recurse in the decoders; Windows gives a main thread only 1 MiB.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// The smallest long side that a page may be asked for.
const MIN_PAGE_PX: u32 = 64;

/// The child's entry: call it first in `main` when the first argument is `docbox`, and exit with
/// what it returns. Serves one request on stdin and stdout.
pub fn docbox_main() -> i32 {
    run(None)
}

/// The same with self-tests, for the helper binary.
pub fn docbox_main_with_probes(probe: Probe) -> i32 {
    run(Some(probe))
}

fn run(probe: Option<Probe>) -> i32 {
    // What a decoder says when it panics may quote the document.
    panic::set_hook(Box::new(|_| {}));
    let server = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || serve(probe));
    match server.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => 0,
        Ok(_) => 1,
        Err(_) => 2,
    }
}

fn serve(probe: Option<Probe>) -> io::Result<()> {
    let mut from = io::stdin().lock();
    let request = Request::read(&mut from)?;
    // The last file this process opens.
    let font = (request.kind == MediaKind::Pdf)
        .then(fonts::open_chinese)
        .flatten();
    if cage::enter().is_err() {
        return answer(&Reply::Refused(MediaError::BoxUnavailable));
    }
    let bytes = wire::take_bytes(&mut from, request.len)?;
    let worked = panic::catch_unwind(AssertUnwindSafe(|| work(&request, bytes, font, probe)));
    answer(&worked.unwrap_or(Reply::Refused(MediaError::Corrupt)))
}

fn answer(reply: &Reply) -> io::Result<()> {
    let mut to = io::stdout().lock();
    reply.write(&mut to)?;
    to.flush()
}

fn work(
    request: &Request,
    bytes: Vec<u8>,
    font: Option<fonts::FontFile>,
    probe: Option<Probe>,
) -> Reply {
    let (page, max_px, with_codes) = match request.job {
        Job::Intake => (1, RENDITION_PX, true),
        Job::Page { page, max_px } => (page, max_px.clamp(MIN_PAGE_PX, MAX_PAGE_PX), false),
        Job::Probe(which) => {
            return probe.map_or(Reply::Refused(MediaError::Corrupt), |test| {
                Reply::Probed(test(which))
            });
        }
    };
    let want = Want {
        page,
        max_px,
        with_codes,
    };
    let decoded = match request.kind {
        MediaKind::Pdf => pdf::decode(bytes, &want, font),
        MediaKind::Jpeg | MediaKind::Png | MediaKind::Webp => {
            picture::decode(request.kind, &bytes, &want)
        }
    };
    match decoded {
        Ok(decoded) => Reply::Decoded(Box::new(decoded)),
        Err(error) => Reply::Refused(error),
    }
}

/// What is wanted of a document.
struct Want {
    page: u32,
    max_px: u32,
    with_codes: bool,
}

impl Want {
    fn check_page(&self, pages: u32) -> Result<(), MediaError> {
        if self.page == 0 || self.page > pages {
            return Err(MediaError::NoSuchPage {
                page: self.page,
                pages,
            });
        }
        Ok(())
    }
}
