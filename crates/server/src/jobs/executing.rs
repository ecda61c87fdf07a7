//! Begins what the connector may execute, and asks the core system: at once after a commit of this process, and every
//! second for what other nodes wrote or left behind.

use super::rounds::{self, jitter};
use crate::connector::{Connector, Heard};
use crate::repo::executions::start::{self, Seen};
use crate::repo::executions::{self, Claimed, rows};
use crate::repo::{Repo, RepoError, Rules, Scope};
use desk_domain::time::{Chance, Millis};
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// Requests on their way at once.
const TOGETHER: usize = 8;
/// A question never follows sooner than this, and at the latest after the longest pause.
const SHORTEST_MS: Millis = 1_000;
const FIRST_WAIT_MS: Millis = 2_000;
const LONGEST_WAIT_MS: Millis = 300_000;

/// What the loop works with.
pub struct Work {
    pub repo: Arc<Repo>,
    pub rules: Rules,
    pub connector: Arc<Connector>,
}

/// Runs until it is asked to stop. What is on its way then is finished and written down; nothing else is claimed.
pub async fn run(work: Work, stopped: watch::Receiver<bool>) {
    let seen = Mutex::new(Seen::default());
    let round = || async { round(&work, &mut *seen.lock().await).await };
    rounds::run("executions", &work.repo, stopped, round).await;
}

/// Begins and asks what is due; whether there was any.
async fn round(work: &Work, seen: &mut Seen) -> Result<bool, RepoError> {
    let begun = begin(work, seen).await?;
    let now = work.rules.clock.now();
    let due = work
        .repo
        .read(Scope::House, move |conn| rows::is_due(conn, now))
        .await?;
    if !due {
        return Ok(begun);
    }
    let (rules, terms) = (work.rules.clone(), work.connector.terms);
    let claimed = work
        .repo
        .write(Scope::House, move |conn| {
            executions::claim(conn, &rules, terms, TOGETHER)
        })
        .await?;
    let asked = join_all(claimed.into_iter().map(|one| ask(work, one))).await;
    asked.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(true)
}

async fn begin(work: &Work, seen: &mut Seen) -> Result<bool, RepoError> {
    let (rules, connector, known) = (
        work.rules.clone(),
        Arc::clone(&work.connector),
        seen.clone(),
    );
    let (found, still) = work
        .repo
        .read(Scope::House, move |conn| {
            start::candidates(conn, &rules, &connector.scope, (&known, TOGETHER))
        })
        .await?;
    *seen = still;
    let mut begun = false;
    for case in found {
        let (rules, connector) = (work.rules.clone(), Arc::clone(&work.connector));
        let key = work
            .repo
            .write(Scope::House, move |conn| {
                start::start(conn, &rules, &connector.scope, case)
            })
            .await?;
        if let Some(key) = key {
            tracing::info!(%key, %case, "execution begins");
            begun = true;
        }
    }
    Ok(begun)
}

async fn ask(work: &Work, claimed: Claimed) -> Result<(), RepoError> {
    let now = work.rules.clock.now();
    // A node that slept over its lease sends nothing: another one asks already.
    if now >= claimed.until {
        return Ok(());
    }
    let heard = match &claimed.send {
        Some(request) => work.connector.execute(claimed.key, request, now).await,
        None => work.connector.query(claimed.key, now).await,
    };
    tracing::info!(key = %claimed.key, attempt = claimed.attempt, sent = claimed.send.is_some(), heard = word(&heard), "execution");
    work.repo.figures().went_out("execution", class(&heard));
    let pause = pause(claimed.attempt, work.rules.chance.as_ref());
    let again_at = work.rules.clock.now().saturating_add(pause);
    let (rules, terms) = (work.rules.clone(), work.connector.terms);
    work.repo
        .write(Scope::House, move |conn| {
            executions::settle(conn, &rules, (&claimed, &heard, terms), again_at)
        })
        .await
}

/// For the log: what came back, without its words.
fn word(heard: &Heard) -> String {
    match heard {
        Heard::Unclear { code } => code.clone(),
        Heard::Told(_) | Heard::Unsent => class(heard).to_owned(),
    }
}

/// The same in a handful of words.
const fn class(heard: &Heard) -> &'static str {
    use crate::connector::answer::Told;
    match heard {
        Heard::Told(Told::Done { .. }) => "done",
        Heard::Told(Told::Refused { .. }) => "refused",
        Heard::Told(Told::Pending { .. }) => "pending",
        Heard::Told(Told::NeverSeen) => "never_seen",
        Heard::Unsent => "unsent",
        Heard::Unclear { .. } => "unclear",
    }
}

/// Growing pauses, so that a core system in trouble is left in peace.
fn pause(attempt: u32, chance: &dyn Chance) -> Millis {
    SHORTEST_MS.saturating_add(jitter(attempt, (FIRST_WAIT_MS, LONGEST_WAIT_MS), chance))
}
