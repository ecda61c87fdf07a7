//! What the repository counts of itself, for the metrics.

use super::RepoError;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// A label with a handful of values, all of them ours.
pub type Why = [(&'static str, &'static str); 1];

/// Which way, and what came of it.
type Way = [(&'static str, &'static str); 2];

/// Handles to counters; cheap to clone.
#[derive(Clone)]
pub struct Figures {
    /// Seconds from the begin of a transaction to the end of its COMMIT, repetitions included.
    pub commit_seconds: Histogram,
    /// Jobs that shared one COMMIT.
    pub commit_jobs: Histogram,
    /// Transactions done once more.
    repeated: Family<Why, Counter>,
    failed: Family<Why, Counter>,
    outgoing: Family<Way, Counter>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            // 1 ms to 16 s; 1 to 64 jobs.
            commit_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            commit_jobs: Histogram::new(exponential_buckets(1.0, 2.0, 7)),
            repeated: Family::default(),
            failed: Family::default(),
            outgoing: Family::default(),
        }
    }
}

impl Figures {
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "commit_seconds",
            "Time that one transaction of the writer took, repetitions included",
            self.commit_seconds.clone(),
        );
        registry.register(
            "commit_jobs",
            "Jobs that shared one commit",
            self.commit_jobs.clone(),
        );
        registry.register(
            "database_repeated",
            "Transactions done once more: another one stood in the way, or the database was gone",
            self.repeated.clone(),
        );
        registry.register(
            "database_errors",
            "Questions and jobs that the database failed",
            self.failed.clone(),
        );
        registry.register(
            "outgoing",
            "Attempts towards systems outside, by which (message, execution, webhook) and what came of them",
            self.outgoing.clone(),
        );
    }

    /// An attempt towards a system outside has come to something.
    pub fn went_out(&self, to: &'static str, came_to: &'static str) {
        self.outgoing
            .get_or_create(&[("to", to), ("came_to", came_to)])
            .inc();
    }

    /// A transaction is tried once more.
    pub fn repeated(&self, why: &'static str) {
        self.repeated.get_or_create(&[("why", why)]).inc();
    }

    /// Counts a failure that lies in the database and not in what was asked of it.
    pub fn note<T>(&self, result: &Result<T, RepoError>) {
        if let Err(error) = result
            && let Some(why) = fault(error)
        {
            self.failed.get_or_create(&[("why", why)]).inc();
        }
    }
}

fn fault(error: &RepoError) -> Option<&'static str> {
    match error {
        RepoError::Sql(sql) => match sql.meaning() {
            super::sql::Meaning::Refused => None,
            super::sql::Meaning::Again => Some("collided"),
            super::sql::Meaning::Gone => Some("unreachable"),
            super::sql::Meaning::Failed | super::sql::Meaning::Unclear => Some("failed"),
        },
        RepoError::Busy => Some("busy"),
        RepoError::Unreachable => Some("unreachable"),
        RepoError::CommitFailed => Some("commit"),
        RepoError::Damaged(_) | RepoError::BadEntry(_) | RepoError::Json(_) => Some("damaged"),
        RepoError::Migration(_)
        | RepoError::Thread(_)
        | RepoError::NoRole
        | RepoError::Policy(_)
        | RepoError::Unclear
        | RepoError::Stopped
        | RepoError::Panicked => Some("failed"),
        RepoError::Op(_) => None,
    }
}
