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
    let mut trouble = Trouble::of(what, TICK);
    while !*stopped.borrow() {
        // Listening begins before looking: a commit in between rings too.
        let bell = committed.notified();
        tokio::pin!(bell);
        bell.as_mut().enable();
        let looked = round().await;
        trouble.say(looked.as_ref().err());
        if looked.is_ok_and(|more| more) {
            continue;
        }
        tokio::select! {
            () = rung(bell, BREATH) => {}
            () = tokio::time::sleep(TICK) => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    }
}

/// Rounds that failed one after the other. A loop looks every second or sooner: a database that is away for an hour is told of
/// when it begins, about once a minute while it goes on, and when it is over.
pub struct Trouble {
    what: &'static str,
    failed: u32,
    /// Rounds of a minute.
    minute: u32,
}

impl Trouble {
    /// None so far. `what` looks every `pause` while nothing rings.
    pub fn of(what: &'static str, pause: Duration) -> Self {
        let rounds = 60_000_u128.checked_div(pause.as_millis()).unwrap_or(1);
        Self {
            what,
            failed: 0,
            minute: u32::try_from(rounds).unwrap_or(u32::MAX).max(1),
        }
    }

    /// Counts a round, and says of it what is news.
    pub fn say(&mut self, error: Option<&RepoError>) {
        let (what, failed) = (self.what, self.failed);
        match error {
            Some(error) if self.counts(true) => {
                tracing::error!(%error, what, failed, "looking failed");
            }
            None if self.counts(false) => tracing::info!(what, failed, "looking goes on"),
            Some(_) | None => {}
        }
    }

    /// True when the round is to be told of.
    fn counts(&mut self, failed: bool) -> bool {
        if failed {
            let tells = self.failed.is_multiple_of(self.minute);
            self.failed = self.failed.saturating_add(1);
            return tells;
        }
        std::mem::take(&mut self.failed) > 0
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

#[cfg(test)]
mod tests {
    use super::Trouble;
    use std::time::Duration;

    #[test]
    fn trouble_is_told_when_it_begins_each_minute_and_when_it_is_over() {
        let mut trouble = Trouble::of("a test", Duration::from_millis(250));
        assert!(!trouble.counts(false));
        for _ in 0..3 {
            let told = (0..480).filter(|_| trouble.counts(true)).count();
            assert_eq!(told, 2);
            assert!(trouble.counts(false));
            assert!(!trouble.counts(false));
        }
    }
}
