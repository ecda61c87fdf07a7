//! Erases callers' numbers as soon as their calls are over, and forgets the calls themselves after a day.

use super::rounds;
use crate::repo::{Repo, RepoError, Rules, Scope, calls};
use desk_domain::time::Millis;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::watch;

/// How often is looked.
const EVERY_MS: Millis = 10_000;

/// Runs until it is asked to stop.
pub async fn run(repo: Arc<Repo>, rules: Rules, stopped: watch::Receiver<bool>) {
    let next_at = AtomicI64::new(Millis::MIN);
    rounds::run("calls", &repo, stopped, || round(&repo, &rules, &next_at)).await;
}

async fn round(repo: &Arc<Repo>, rules: &Rules, next_at: &AtomicI64) -> Result<bool, RepoError> {
    let now = rules.clock.now();
    let due = next_at.load(Ordering::Relaxed);
    // A clock that was set back does not put it off.
    if now < due && now > due.saturating_sub(EVERY_MS) {
        return Ok(false);
    }
    if repo
        .read(Scope::House, move |conn| calls::is_old(conn, now))
        .await?
    {
        repo.write(Scope::House, move |conn| calls::sweep(conn, now))
            .await?;
    }
    next_at.store(now.saturating_add(EVERY_MS), Ordering::Relaxed);
    Ok(false)
}
