//! What the loops that send share: a bell, a tick, an end, and chance in their pauses.

use crate::repo::{Repo, RepoError};
use desk_domain::time::{Chance, Millis};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often is looked without a bell: for what other nodes wrote, and for what was put off.
const TICK: Duration = Duration::from_secs(1);

/// Commits of a moment are looked at together: an office under load has hundreds a second, of which few are news to a job.
const BREATH: Duration = Duration::from_millis(20);

/// Goes round soon after each commit of this process and every second, again at once while there was something to do,
/// until it is asked to stop. The round that is under way then is finished.
pub async fn run<F>(
    what: &'static str,
    repo: &Arc<Repo>,
    mut stopped: watch::Receiver<bool>,
    round: impl Fn() -> F,
) where
    F: Future<Output = Result<bool, RepoError>>,
{
    let committed = repo.committed();
    while !*stopped.borrow() {
        // Listening begins before looking: a commit in between rings too.
        let bell = committed.notified();
        tokio::pin!(bell);
        bell.as_mut().enable();
        match round().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, what, "a round"),
        }
        tokio::select! {
            () = rung(bell, BREATH) => {}
            () = tokio::time::sleep(TICK) => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    }
}

/// A bell, and `breath` after it.
pub async fn rung(bell: impl Future<Output = ()>, breath: Duration) {
    bell.await;
    tokio::time::sleep(breath).await;
}

/// Anything from nothing to just below a limit.
pub fn below(limit: Millis, chance: &dyn Chance) -> Millis {
    let mut bytes = [0_u8; 4];
    chance.fill(&mut bytes);
    Millis::from(u32::from_le_bytes(bytes))
        .checked_rem_euclid(limit)
        .unwrap_or_default()
}

/// Full jitter: anything up to a limit that doubles from the first to the longest, so that a thousand things that failed
/// together come back apart.
pub fn jitter(attempt: u32, (first, longest): (Millis, Millis), chance: &dyn Chance) -> Millis {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    below(doubled.min(longest), chance)
}
