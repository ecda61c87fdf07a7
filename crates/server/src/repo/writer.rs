//! Group commit: one thread owns the writing connection; what waits in the queue shares one COMMIT and one fsync.
//!
//! Each job runs under a savepoint of its own, so a failed one leaves its neighbours alone. Nobody is answered before
//! the COMMIT that holds his work.

use super::RepoError;
use rusqlite::Connection;
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

type Answer = Box<dyn FnOnce(Result<(), RepoError>) + Send>;
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;

/// The handle to the writing thread.
pub struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `committed` is notified after each commit.
    pub fn start(conn: Connection, committed: Arc<Notify>) -> Result<Self, RepoError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("office-writer".into())
            .spawn(move || run(&conn, jobs, &committed))
            .map_err(RepoError::Thread)?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `work` in a transaction; the answer comes after its COMMIT.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let queue = self.queue.as_ref().ok_or(RepoError::Stopped)?;
        let place = tokio::time::timeout(WAIT_OUTSIDE, queue.reserve()).await;
        let place = place.map_err(|_| RepoError::Busy)?;
        let (job, answer) = prepare(work);
        place.map_err(|_| RepoError::Stopped)?.send(job);
        answer.await.map_err(|_| RepoError::Stopped)?
    }

    /// The same for threads without a runtime.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, RepoError> {
        let (job, answer) = prepare(work);
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
    work: impl FnOnce(&Connection) -> Result<T, RepoError> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, RepoError>>) {
    let (tell, answer) = oneshot::channel();
    let job: Job = Box::new(move |conn| {
        let result = in_savepoint(conn, work);
        Box::new(move |committed| {
            // Nobody waits any more when the connection was cut; the work stands all the same.
            let _ = tell.send(committed.and(result));
        })
    });
    (job, answer)
}

fn run(conn: &Connection, mut jobs: mpsc::Receiver<Job>, committed: &Notify) {
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < MOST_TOGETHER {
            let Ok(next) = jobs.try_recv() else { break };
            batch.push(next);
        }
        commit_together(conn, batch);
        committed.notify_waiters();
    }
}

fn commit_together(conn: &Connection, batch: Vec<Job>) {
    if let Err(error) = conn.execute_batch("BEGIN IMMEDIATE") {
        let why = error.to_string();
        tracing::error!(%why, "no transaction");
        // Dropping the jobs drops their answers: the callers learn that nothing happened.
        return;
    }
    let answers: Vec<Answer> = batch.into_iter().map(|job| job(conn)).collect();
    let outcome = conn.execute_batch("COMMIT");
    if let Err(error) = &outcome {
        tracing::error!(why = %error, "commit failed");
        if let Err(error) = conn.execute_batch("ROLLBACK") {
            tracing::error!(why = %error, "roll back failed");
        }
    }
    for answer in answers {
        answer(
            outcome
                .as_ref()
                .copied()
                .map_err(|_| RepoError::CommitFailed),
        );
    }
}

fn in_savepoint<T>(
    conn: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, RepoError>,
) -> Result<T, RepoError> {
    conn.execute_batch("SAVEPOINT job")?;
    let result = catch_unwind(AssertUnwindSafe(|| work(conn))).unwrap_or(Err(RepoError::Panicked));
    if result.is_err() {
        conn.execute_batch("ROLLBACK TO job")?;
    }
    conn.execute_batch("RELEASE job")?;
    result
}
