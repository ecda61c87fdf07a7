//! The office's database behind one concrete type. SQL stands in this room and nowhere else, so that a second backend
//! has one place to go.

pub mod apply;
pub mod ask;
pub mod backup;
pub mod bench;
pub mod cases;
pub mod codes;
pub mod device_events;
pub mod devices;
pub mod digest;
pub mod documents;
pub mod feed;
pub mod journal;
pub mod offices;
mod open;
pub mod people;
pub mod register;
pub mod risk;
pub mod sessions;
pub mod system;
pub mod waiting;
mod writer;

use desk_domain::calendar::Calendar;
use desk_domain::ids::Epoch;
use desk_domain::policy::Policy;
use desk_domain::time::{Chance, Clock};
use rusqlite::{Connection, ErrorCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// Readers beside the one writer.
const READERS: usize = 4;

/// What can go wrong below the rules.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("stored JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("migration: {0}")]
    Migration(#[source] Box<refinery::Error>),
    #[error("op: {0}")]
    Op(#[from] desk_domain::op::OpError),
    #[error("writer thread: {0}")]
    Thread(#[source] std::io::Error),
    #[error("the database is not as expected: {0}")]
    Damaged(&'static str),
    #[error("nothing was committed")]
    CommitFailed,
    #[error("more work waits than can be done soon")]
    Busy,
    #[error("the writer has stopped")]
    Stopped,
    #[error("a job failed inside")]
    Panicked,
}

impl RepoError {
    /// True when the fault lies in what one op says or in the row it meets; false when the disk, the memory or the file
    /// as a whole fails, which the same push may survive later.
    pub fn is_of_one_op(&self) -> bool {
        match self {
            Self::Json(_) | Self::Op(_) | Self::Damaged(_) => true,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                None | Some(
                    ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig
                )
            ),
            Self::Migration(_)
            | Self::Thread(_)
            | Self::CommitFailed
            | Self::Busy
            | Self::Stopped
            | Self::Panicked => false,
        }
    }
}

/// The rules in force, as [`apply`] needs them.
#[derive(Clone)]
pub struct Rules {
    pub policy: Arc<Policy>,
    pub calendar: Arc<Calendar>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

/// One open database.
pub struct Repo {
    writer: writer::Writer,
    readers: Mutex<Vec<Connection>>,
    returned: Condvar,
    seats: Semaphore,
    committed: Arc<Notify>,
    epoch: Epoch,
}

impl Repo {
    /// Opens or creates the database at `path`.
    pub fn open(path: &Path, rules: &Rules) -> Result<Arc<Self>, RepoError> {
        let conn = open::writer(path)?;
        let epoch = system::prepare(&conn, rules)?;
        digest::prepare(&conn)?;
        look_through(&conn, rules)?;
        let readers = (0..READERS)
            .map(|_| open::reader(path))
            .collect::<Result<Vec<_>, _>>()?;
        let committed = Arc::new(Notify::new());
        Ok(Arc::new(Self {
            writer: writer::Writer::start(conn, Arc::clone(&committed))?,
            readers: Mutex::new(readers),
            returned: Condvar::new(),
            seats: Semaphore::new(READERS),
            committed,
            epoch,
        }))
    }

    /// This life of the database.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Rings after each commit of this process.
    pub fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// Runs `work` in a transaction; the answer comes after its COMMIT.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        self.writer.write(work).await
    }

    /// The same for threads without a runtime.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        self.writer.write_blocking(work)
    }

    /// Runs `work` on one unchanging state of the database.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let _seat = self.seats.acquire().await.map_err(|_| RepoError::Stopped)?;
        let repo = Arc::clone(self);
        tokio::task::spawn_blocking(move || repo.read_blocking(work))
            .await
            .map_err(|_| RepoError::Panicked)?
    }

    /// The same for threads without a runtime.
    pub fn read_blocking<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        let conn = self.borrow_reader()?;
        let result = catch_unwind(AssertUnwindSafe(|| one_state(&conn, work)))
            .unwrap_or(Err(RepoError::Panicked));
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(conn);
        self.returned.notify_one();
        result
    }

    fn borrow_reader(&self) -> Result<Connection, RepoError> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(conn) = readers.pop() {
                return Ok(conn);
            }
            readers = self
                .returned
                .wait(readers)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A newer server judges what the one before could not, portion by portion.
fn look_through(conn: &Connection, rules: &Rules) -> Result<(), RepoError> {
    let mut after = 0;
    loop {
        let portion = conn.unchecked_transaction()?;
        let last = waiting::look_through(&portion, rules, after)?;
        portion.commit()?;
        match last {
            Some(row) => after = row,
            None => return Ok(()),
        }
    }
}

fn one_state<T>(
    conn: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, RepoError>,
) -> Result<T, RepoError> {
    let state = conn.unchecked_transaction()?;
    let result = work(&state);
    state.finish()?;
    result
}
