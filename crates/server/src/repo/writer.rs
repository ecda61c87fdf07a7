//! Group commit: one thread owns the writing connection; what waits in the queue shares one COMMIT and one fsync.
//!
//! Nobody is answered before the COMMIT that holds his work. Jobs run one behind the other and ahead of the answers to what
//! they write ([`Pace::Ahead`]). Should anything fail, nothing of the transaction stands and each job is done once more in
//! one of its own, [`Pace::Stepwise`]: a failed one leaves its neighbours alone, and who shares pays nothing for that in
//! the usual case. On a shared database other servers write too: a transaction that stood in the way of theirs is done
//! once more from its beginning. So a job is work that can be repeated.

use super::RepoError;
use super::figures::Figures;
use super::sql::{Connection, Meaning, Pace, Purpose, Scope};
use crate::door::Stopwatch;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

/// Most jobs that share a commit: bounds the wait of the first one.
const MOST_TOGETHER: usize = 64;
/// Most jobs that wait.
const QUEUE: usize = 256;
/// A caller who finds the queue full waits this long for a place; then it is told to come back.
const WAIT_OUTSIDE: Duration = Duration::from_secs(2);
/// How often a transaction that collides with others is tried.
const TRIES: u32 = 12;
/// Jobs that collided so often together go on one by one: alone each has less to collide with.
const TOGETHER: u32 = 3;
/// How often a database that is gone is looked for again before the callers are told.
const SEARCHES: u32 = 2;
type Job = Box<dyn Work>;

/// One job, whatever it answers.
trait Work: Send {
    /// Runs it, once more if need be. Its own error is kept for its caller; here it says that the transaction is spoilt.
    fn run(&mut self, conn: &Connection) -> Result<(), Meaning>;
    fn answer(self: Box<Self>, committed: Result<(), RepoError>);
}

struct Task<T, F> {
    scope: Scope,
    work: F,
    result: Option<Result<T, RepoError>>,
    tell: oneshot::Sender<Result<T, RepoError>>,
}

impl<T, F> Work for Task<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, RepoError> + Send,
{
    fn run(&mut self, conn: &Connection) -> Result<(), Meaning> {
        let work = || (self.work)(conn);
        let result = match conn.reach(&self.scope) {
            Ok(()) => catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(RepoError::Panicked)),
            Err(error) => Err(error.into()),
        };
        let meaning = result.as_ref().err().map(RepoError::meaning);
        self.result = Some(result);
        meaning.map_or(Ok(()), Err)
    }

    fn answer(self: Box<Self>, committed: Result<(), RepoError>) {
        let result = self.result.unwrap_or(Err(RepoError::Stopped));
        // Nobody waits any more when the connection was cut; the work stands all the same.
        let _ = self.tell.send(committed.and(result));
    }
}

/// The handle to the writing thread.
pub struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `committed` is notified after each commit.
    pub fn start(
        conn: Connection,
        committed: Arc<Notify>,
        figures: Figures,
    ) -> Result<Self, RepoError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("office-writer".into())
            .spawn(move || run(&conn, jobs, &committed, &figures))
            .map_err(RepoError::Thread)?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Jobs that wait for their turn.
    pub fn waiting(&self) -> usize {
        let queue = self.queue.as_ref();
        queue.map_or(0, |queue| {
            queue.max_capacity().saturating_sub(queue.capacity())
        })
    }

    /// Runs `work` in a transaction that reaches as far as `scope`; the answer comes after its COMMIT.
    pub async fn write<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl FnMut(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let queue = self.queue.as_ref().ok_or(RepoError::Stopped)?;
        let place = tokio::time::timeout(WAIT_OUTSIDE, queue.reserve()).await;
        let place = place.map_err(|_| RepoError::Busy)?;
        let (job, answer) = prepare(scope, work);
        place.map_err(|_| RepoError::Stopped)?.send(job);
        answer.await.map_err(|_| RepoError::Stopped)?
    }

    /// The same for threads without a runtime.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl FnMut(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let (job, answer) = prepare(scope, work);
        let queue = self.queue.as_ref().ok_or(RepoError::Stopped)?;
        queue.blocking_send(job).map_err(|_| RepoError::Stopped)?;
        answer.blocking_recv().map_err(|_| RepoError::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing left to finish.
            let _ = thread.join();
        }
    }
}

fn prepare<T: Send + 'static>(
    scope: Scope,
    work: impl FnMut(&Connection) -> Result<T, RepoError> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, RepoError>>) {
    let (tell, answer) = oneshot::channel();
    let task = Task {
        scope,
        work,
        result: None,
        tell,
    };
    (Box::new(task), answer)
}

fn run(conn: &Connection, mut jobs: mpsc::Receiver<Job>, committed: &Notify, figures: &Figures) {
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < MOST_TOGETHER {
            let Ok(next) = jobs.try_recv() else { break };
            batch.push(next);
        }
        let (watch, together) = (Stopwatch::start(), u32::try_from(batch.len()));
        commit_together(conn, batch, Pace::Ahead, figures);
        figures.commit_seconds.observe(watch.seconds());
        figures.commit_jobs.observe(together.map_or(0.0, f64::from));
        committed.notify_waiters();
    }
}

/// How a transaction ended that did not come to its COMMIT, or not surely.
enum End {
    /// Nothing happened; the same again may pass.
    Collided,
    /// Nothing happened; whose fault that is shows when each is done for itself.
    Unclear,
    /// Nothing happened; the one job that was done knows why.
    Said,
    /// Nothing happened; the database is gone.
    Gone,
    /// Nothing happened and will not.
    Failed,
    /// The connection broke on the COMMIT itself: whoever asked asks again and finds out.
    Unknown,
}

fn commit_together(conn: &Connection, mut batch: Vec<Job>, pace: Pace, figures: &Figures) {
    let mut searches = 0;
    for attempt in 0..TRIES {
        conn.set_pace(pace);
        let Err(end) = one_transaction(conn, &mut batch) else {
            return answer_all(batch, || Ok(()));
        };
        match end {
            End::Collided if attempt == TOGETHER && batch.len() > 1 => {
                return one_by_one(conn, batch, pace, figures);
            }
            End::Unclear if batch.len() > 1 || pace == Pace::Ahead => {
                figures.repeated("unclear");
                return one_by_one(conn, batch, Pace::Stepwise, figures);
            }
            End::Collided => figures.repeated("collided"),
            End::Gone if searches < SEARCHES => {
                searches += 1;
                figures.repeated("unreachable");
            }
            End::Gone => return answer_all(batch, || Err(RepoError::Unreachable)),
            End::Said => return answer_all(batch, || Ok(())),
            End::Failed | End::Unclear | End::Unknown => {
                return answer_all(batch, || Err(RepoError::CommitFailed));
            }
        }
        rest(attempt);
    }
    tracing::warn!(jobs = batch.len(), "collided too often");
    answer_all(batch, || Err(RepoError::Busy));
}

fn one_by_one(conn: &Connection, batch: Vec<Job>, pace: Pace, figures: &Figures) {
    for job in batch {
        commit_together(conn, vec![job], pace, figures);
    }
}

fn one_transaction(conn: &Connection, batch: &mut [Job]) -> Result<(), End> {
    // Each job says how far it reaches.
    conn.begin(Purpose::Write, &Scope::House).map_err(|error| {
        tracing::error!(why = %error, "no transaction");
        match error.meaning() {
            Meaning::Gone => End::Gone,
            Meaning::Again => End::Collided,
            Meaning::Refused | Meaning::Failed | Meaning::Unclear => End::Failed,
        }
    })?;
    let alone = batch.len() == 1;
    for job in batch {
        let Err(meaning) = job.run(conn) else {
            continue;
        };
        undo(conn);
        return Err(match meaning {
            Meaning::Gone => End::Gone,
            Meaning::Again => End::Collided,
            Meaning::Refused | Meaning::Failed if alone => End::Said,
            Meaning::Refused | Meaning::Failed | Meaning::Unclear => End::Unclear,
        });
    }
    let Err(error) = conn.commit() else {
        return Ok(());
    };
    let meaning = error.meaning();
    if meaning == Meaning::Again {
        // The server has rolled back already.
        return Err(End::Collided);
    }
    undo(conn);
    if meaning == Meaning::Unclear {
        return Err(End::Unclear);
    }
    tracing::error!(why = %error, "commit failed");
    Err(match meaning {
        Meaning::Gone => End::Unknown,
        Meaning::Unclear | Meaning::Again | Meaning::Refused | Meaning::Failed => End::Failed,
    })
}

fn undo(conn: &Connection) {
    if let Err(error) = conn.roll_back() {
        tracing::error!(why = %error, "roll back failed");
    }
}

fn answer_all(batch: Vec<Job>, outcome: impl Fn() -> Result<(), RepoError>) {
    for job in batch {
        job.answer(outcome());
    }
}

/// Longer each time; servers differ by their process numbers, so that two do not keep step.
fn rest(attempt: u32) {
    let apart = u64::from(std::process::id() % 7);
    let wait = (4_u64 << attempt.min(7)).saturating_add(apart);
    std::thread::sleep(Duration::from_millis(wait));
}
