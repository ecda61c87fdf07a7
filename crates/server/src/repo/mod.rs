//! The office's database behind one type, embedded or PostgreSQL. SQL stands in this room and nowhere else, once for both
//! ([`sql`]).

pub mod administer;
pub mod apply;
pub mod ask;
mod asked;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod bindings;
pub mod bundles;
mod call_backs;
pub mod calls;
pub mod cases;
pub mod codes;
pub mod deliveries;
pub mod delivery_log;
pub mod device_acts;
pub mod device_events;
pub mod devices;
pub mod digest;
pub mod documents;
pub mod executions;
pub mod feed;
pub mod figures;
mod ghosts;
pub mod health;
pub mod invitations;
pub mod journal;
pub mod life;
pub mod lines;
pub mod links;
pub mod notices;
pub mod offices;
pub mod oidc;
mod open;
pub mod outbox;
pub mod people;
pub mod policies;
pub mod receipts;
pub mod register;
pub mod register_apply;
pub mod registry;
pub mod risk;
pub mod safeguards;
pub mod second_factor;
pub mod sessions;
pub mod sql;
pub mod stops;
pub mod system;
pub mod uploads;
pub mod waiting;
pub mod webhooks;
pub mod wipes;
mod writer;

use crate::calls::CallKey;
use crate::policies::{Doubt, Policies};
use desk_domain::calendar::Calendar;
use desk_domain::ids::Epoch;
use desk_domain::policy::Policy;
use desk_domain::time::{Chance, Clock};
use figures::Figures;
use sql::{Address, Connection, Glance, Meaning, Purpose, SqlError};

pub use sql::Scope;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// Readers beside the one writer.
const READERS: usize = 4;
/// How often work at the start is tried that collides with other servers'.
const TRIES_ALONE: u32 = 8;

/// What can go wrong below the rules.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    #[error("database: {0}")]
    Sql(#[from] SqlError),
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
    #[error("the log is not as it was written: {0}")]
    BadEntry(Box<audit::BadEntry>),
    #[error(
        "the role {role} is missing and may not be made by this login. As an administrator of PostgreSQL, once: \
         CREATE ROLE {role} NOLOGIN; GRANT {role} TO the login of this address",
        role = sql::ROLE
    )]
    NoRole,
    #[error("{0}")]
    Policy(Doubt),
    #[error("to be done stepwise")]
    Unclear,
    #[error("nothing was committed")]
    CommitFailed,
    #[error("more work waits than can be done soon")]
    Busy,
    #[error("the database cannot be reached")]
    Unreachable,
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
            Self::Sql(error) => error.meaning() == Meaning::Refused,
            Self::Migration(_)
            | Self::Thread(_)
            | Self::BadEntry(_)
            | Self::NoRole
            | Self::Policy(_)
            | Self::Unclear
            | Self::CommitFailed
            | Self::Busy
            | Self::Unreachable
            | Self::Stopped
            | Self::Panicked => false,
        }
    }

    /// What it means for the transaction in which it came up.
    fn meaning(&self) -> Meaning {
        match self {
            Self::Sql(error) => error.meaning(),
            Self::Json(_) | Self::Op(_) | Self::Damaged(_) | Self::BadEntry(_) => Meaning::Refused,
            Self::Unclear => Meaning::Unclear,
            Self::Migration(_)
            | Self::Thread(_)
            | Self::NoRole
            | Self::Policy(_)
            | Self::CommitFailed
            | Self::Busy
            | Self::Unreachable
            | Self::Stopped
            | Self::Panicked => Meaning::Failed,
        }
    }
}

impl From<rusqlite::Error> for RepoError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error.into())
    }
}

/// Where the database is.
#[derive(Clone)]
pub enum Database {
    /// An SQLite file, made when it is missing: one process at a time.
    File(PathBuf),
    /// PostgreSQL, or what speaks like it: any number of servers at once.
    Postgres(Box<Address>),
}

/// The rules in force, as [`apply`] needs them.
#[derive(Clone)]
pub struct Rules {
    /// Which policy is in force is asked anew in each transaction that judges.
    pub policies: Arc<Policies>,
    pub calendar: Arc<Calendar>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    /// A gateway is open: merchants hear of a result by message.
    pub tells_merchants: bool,
    /// Where phones find this server, as `https://host`.
    pub public_url: Option<Arc<str>>,
    /// What numbers of calls are sealed and compared with; none before the keys of the data directory are read.
    pub call_key: Option<Arc<CallKey>>,
}

impl Rules {
    /// The policy that was in force when this process judged last: for words and days, not for verdicts.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policies.now().policy)
    }
}

/// One open database.
pub struct Repo {
    writer: writer::Writer,
    readers: Mutex<Vec<Connection>>,
    returned: Condvar,
    seats: Semaphore,
    committed: Arc<Notify>,
    epoch: Epoch,
    figures: Figures,
    is_file: bool,
}

impl Repo {
    /// Opens the database; makes and migrates its tables when needed.
    pub fn open(database: &Database, rules: &Rules) -> Result<Arc<Self>, RepoError> {
        let conn = open::writer(database)?;
        let epoch = system::prepare(&conn, rules)?;
        look_through(&conn, rules)?;
        open::release(&conn)?;
        let readers = (0..READERS)
            .map(|_| open::reader(database))
            .collect::<Result<Vec<_>, _>>()?;
        let committed = Arc::new(Notify::new());
        let figures = Figures::default();
        Ok(Arc::new(Self {
            writer: writer::Writer::start(conn, Arc::clone(&committed), figures.clone())?,
            readers: Mutex::new(readers),
            returned: Condvar::new(),
            seats: Semaphore::new(READERS),
            committed,
            epoch,
            figures,
            is_file: matches!(database, Database::File(_)),
        }))
    }

    /// This life of the database.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What it counts of itself.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Jobs that wait for the writer.
    pub fn waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// Rings after each commit of this process.
    pub fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// Runs `work` in a transaction that reaches as far as `scope`; the answer comes after its COMMIT. It may run several
    /// times until one of them counts.
    pub async fn write<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl FnMut(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let done = self.writer.write(scope, work).await;
        self.figures.note(&done);
        done
    }

    /// The same for the console and other threads without a runtime, in the whole house.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        self.writer.write_blocking(Scope::House, work)
    }

    /// Runs `work` on one unchanging state of the database, as far as `scope` reaches.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        scope: Scope,
        work: impl FnOnce(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        self.aside(move |repo| repo.read_within(&scope, work)).await
    }

    /// Asks the house one question: some microseconds in an embedded file, where going to another thread for it would take
    /// twice as long; a shared database is asked from a thread that may wait.
    pub async fn glance<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(Glance<'_>) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let question = |conn: &Connection| question(Glance::over(conn)?);
        let free = self.is_file.then(|| self.free_reader()).flatten();
        match free {
            Some(conn) => self.lend(conn, question),
            None => self.aside(|repo| repo.with_reader(question)).await,
        }
    }

    /// On a thread that may block, as many at once as there are readers.
    async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let _seat = self.seats.acquire().await.map_err(|_| RepoError::Stopped)?;
        let repo = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&repo))
            .await
            .map_err(|_| RepoError::Panicked)?
    }

    /// The same for the console and other threads without a runtime, in the whole house.
    pub fn read_blocking<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        self.read_within(&Scope::House, work)
    }

    /// As [`Repo::read`], on a thread without a runtime.
    pub fn read_within<T>(
        &self,
        scope: &Scope,
        work: impl FnOnce(&Connection) -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        self.with_reader(|conn| one_state(conn, scope, work))
    }

    fn with_reader<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        self.lend(self.borrow_reader()?, work)
    }

    fn lend<T>(
        &self,
        conn: Connection,
        work: impl FnOnce(&Connection) -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        let result =
            catch_unwind(AssertUnwindSafe(|| work(&conn))).unwrap_or(Err(RepoError::Panicked));
        self.figures.note(&result);
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(conn);
        self.returned.notify_one();
        result
    }

    fn free_reader(&self) -> Option<Connection> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.pop()
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

/// What a newer server does first: digests of another shape are taken anew, and it judges the one before could not, portion
/// by portion.
fn look_through(conn: &Connection, rules: &Rules) -> Result<(), RepoError> {
    alone(conn, digest::prepare)?;
    let mut after = 0;
    while let Some(row) = alone(conn, |conn| waiting::look_through(conn, rules, after))? {
        after = row;
    }
    Ok(())
}

/// One transaction on the writing connection before its thread begins. Servers that run already may be in the way.
fn alone<T>(
    conn: &Connection,
    work: impl Fn(&Connection) -> Result<T, RepoError>,
) -> Result<T, RepoError> {
    let mut tries = TRIES_ALONE;
    loop {
        conn.begin(Purpose::Write, &Scope::House)?;
        let done = work(conn).and_then(|done| Ok(conn.commit().map(|()| done)?));
        match done {
            Err(error) => {
                // After a COMMIT that failed there is nothing left to roll back.
                let _ = conn.roll_back();
                tries = tries.saturating_sub(1);
                if tries == 0 || error.meaning() != Meaning::Again {
                    return Err(error);
                }
            }
            done => return done,
        }
    }
}

fn one_state<T>(
    conn: &Connection,
    scope: &Scope,
    work: impl FnOnce(&Connection) -> Result<T, RepoError>,
) -> Result<T, RepoError> {
    conn.begin(Purpose::Read, scope)?;
    let result = catch_unwind(AssertUnwindSafe(|| work(conn))).unwrap_or(Err(RepoError::Panicked));
    // Nothing was written; an end that fails shows at the next beginning.
    let ended = conn.roll_back();
    let result = result?;
    ended?;
    Ok(result)
}
