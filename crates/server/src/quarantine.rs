//! Quarantine: what a phone brings up without an account is opened in the box before it becomes a paper of a case. Until
//! then it is bytes that nobody decodes and nobody is served.

use crate::objects::Objects;
use desk_domain::case::DocumentManifest;
use desk_domain::ids::{DocumentId, OfficeCode};
use desk_domain::manifest::manifest_of;
use desk_media::{Docbox, MediaError};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Files opened at once: each may take 20 MiB, and its picture more in the box.
const SEATS: usize = 2;

/// One file in quarantine.
pub struct Suspect {
    pub office: OfficeCode,
    pub id: DocumentId,
    pub chunks: usize,
    pub size_bytes: u64,
}

/// What came of opening it.
pub enum Opened {
    /// The office has its bytes as they came; these are what they are, and what a second photo could do better.
    Paper {
        manifest: DocumentManifest,
        hints: Vec<String>,
    },
    /// Chunks are missing, or together they are not as long as announced.
    NotWhole,
    Refused(MediaError),
}

/// The box and its queue.
#[derive(Clone)]
pub struct Quarantine {
    docbox: Docbox,
    seats: Arc<Semaphore>,
}

impl Quarantine {
    /// `exe` is a program that acts as the box when it is called so; this one, unless a test says otherwise.
    ///
    /// # Errors
    /// When this program cannot tell where it lies.
    pub fn open(exe: Option<PathBuf>) -> io::Result<Self> {
        let exe = exe.map_or_else(std::env::current_exe, Ok)?;
        Ok(Self {
            docbox: Docbox::new(exe),
            seats: Arc::new(Semaphore::new(SEATS)),
        })
    }

    /// Joins the chunks, opens the file in the box and, when it is a paper, puts it where papers are kept. The chunks stay
    /// until [`Objects::forget`], so that a crash before the case knows of it costs nothing.
    ///
    /// # Errors
    /// When the object store does not answer.
    pub async fn examine(&self, objects: Objects, suspect: Suspect) -> io::Result<Opened> {
        let _seat = self.seats.acquire().await.map_err(io::Error::other)?;
        let docbox = self.docbox.clone();
        let work = tokio::task::spawn_blocking(move || examined(&docbox, &objects, &suspect));
        work.await.map_err(io::Error::other)?
    }
}

fn examined(docbox: &Docbox, objects: &Objects, suspect: &Suspect) -> io::Result<Opened> {
    let joined = objects.joined(&suspect.office, suspect.id, suspect.chunks)?;
    let whole = joined
        .filter(|bytes| u64::try_from(bytes.len()).is_ok_and(|len| len == suspect.size_bytes));
    let Some(bytes) = whole else {
        return Ok(Opened::NotWhole);
    };
    let taken = match docbox.intake(&bytes) {
        Ok(taken) => taken,
        Err(refusal) => return Ok(Opened::Refused(refusal)),
    };
    let manifest = manifest_of(&bytes, taken.kind.mime(), taken.pages);
    objects.put_whole(&suspect.office, &manifest, bytes)?;
    let hints = taken.quality.hints.iter();
    Ok(Opened::Paper {
        manifest,
        hints: hints.map(|hint| hint.as_str().to_owned()).collect(),
    })
}
