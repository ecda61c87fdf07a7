//! Tells endpoints what they want to hear, signs each attempt anew, and forgets what is old.

use super::rounds;
use crate::repo::deliveries::{self, Claimed, Tried};
use crate::repo::{Repo, RepoError, Rules, Scope, delivery_log};
use crate::run::House;
use crate::webhooks::WebhookSettings;
use crate::webhooks::door::{Answer, Door, Lost};
use crate::webhooks::signing::{self, HookSecret, WebhookKey};
use desk_domain::time::{Chance, Millis};
use futures_util::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::watch;

/// Deliveries on their way at once.
const TOGETHER: usize = 32;
/// Pauses after the first, second, … failure; the specification's own, about three days together.
const PAUSES_MS: [Millis; 9] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];
const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
/// Longest wait that an endpoint may ask for.
const LONGEST_ASKED: Millis = 24 * HOUR;
/// Old deliveries are looked for so often, and forgotten so many at once.
const SWEEP_EVERY: Millis = HOUR;
const SWEEP_AT_ONCE: usize = 500;

/// What the loop works with.
pub struct Hooks {
    repo: Arc<Repo>,
    rules: Rules,
    key: WebhookKey,
    door: Door,
    swept_at: AtomicI64,
}

impl Hooks {
    pub fn new(house: &House, settings: WebhookSettings) -> Self {
        Self {
            repo: Arc::clone(&house.repo),
            rules: house.rules.clone(),
            key: house.bundles.keys.webhooks(),
            door: Door::new(settings.reach, settings.within),
            swept_at: AtomicI64::new(Millis::MIN),
        }
    }
}

/// Runs until it is asked to stop. What is on its way then is finished and written down; nothing else is claimed.
pub async fn run(hooks: Hooks, stopped: watch::Receiver<bool>) {
    rounds::run("webhooks", &hooks.repo, stopped, || round(&hooks)).await;
}

/// Claims and sends what is due; whether there was any.
async fn round(hooks: &Hooks) -> Result<bool, RepoError> {
    sweep(hooks).await?;
    let now = hooks.rules.clock.now();
    // Most commits move no case that somebody wants to hear of: a reader finds that out.
    let is_due = move |conn: &_| deliveries::is_due(conn, now);
    if !hooks.repo.read(Scope::House, is_due).await? {
        return Ok(false);
    }
    let rules = hooks.rules.clone();
    let claim = move |conn: &_| deliveries::claim(conn, &rules, TOGETHER);
    let claimed = hooks.repo.write(Scope::House, claim).await?;
    let sent = join_all(claimed.into_iter().map(|one| deliver(hooks, one))).await;
    sent.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(true)
}

async fn deliver(hooks: &Hooks, claimed: Claimed) -> Result<(), RepoError> {
    let at = hooks.rules.clock.now();
    let answer = post(hooks, &claimed, at).await;
    let now = hooks.rules.clock.now();
    let tried = Tried {
        at,
        took_ms: now.saturating_sub(at),
        status: answer.ok().map(|answer| answer.status),
        error: answer.err(),
    };
    hooks
        .repo
        .figures()
        .went_out("webhook", class(tried.status));
    let endpoint = claimed.endpoint;
    tracing::info!(%endpoint, id = claimed.id, event = claimed.event, attempt = claimed.attempt,
        status = tried.status, error = tried.error, "webhook");
    let planned = pause(claimed.round, hooks.rules.chance.as_ref());
    let again_at = now.saturating_add(planned.max(asked(answer.ok())));
    let rules = hooks.rules.clone();
    let settle = move |conn: &_| deliveries::settle(conn, &rules, &claimed, &tried, again_at);
    hooks.repo.write(Scope::House, settle).await
}

const fn class(status: Option<u16>) -> &'static str {
    match status {
        Some(200..=299) => "success",
        Some(_) => "refused",
        None => "no_answer",
    }
}

/// How long a busy endpoint asks to be left alone; a day at most, so that nobody can put a delivery off for ever.
fn asked(answer: Option<Answer>) -> Millis {
    let busy = answer.filter(|answer| matches!(answer.status, 429 | 503));
    let seconds = busy.and_then(|answer| answer.wait_s).unwrap_or(0);
    (Millis::from(seconds) * SECOND).min(LONGEST_ASKED)
}

async fn post(hooks: &Hooks, claimed: &Claimed, now: Millis) -> Result<Answer, &'static str> {
    let open = |sealed: &Vec<u8>| hooks.key.open(claimed.endpoint, sealed);
    let secrets: Vec<HookSecret> = claimed.sealed.iter().filter_map(open).collect();
    if secrets.is_empty() {
        // Sealed with the keys of another data directory: an unsigned delivery would be worth nothing.
        return Err("secret.not_ours");
    }
    let (timestamp, signature) = signing::signed(&secrets, &claimed.id, now, &claimed.body);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", claimed.id.clone()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ];
    let sent = hooks
        .door
        .post(&claimed.url, &headers, claimed.body.clone());
    sent.await.map_err(Lost::as_str)
}

async fn sweep(hooks: &Hooks) -> Result<(), RepoError> {
    let now = hooks.rules.clock.now();
    let next = hooks.swept_at.load(Ordering::Relaxed);
    if now < next.saturating_add(SWEEP_EVERY) {
        return Ok(());
    }
    let is_old = move |conn: &_| delivery_log::is_old(conn, now);
    if hooks.repo.read(Scope::House, is_old).await? {
        let work = move |conn: &_| delivery_log::sweep(conn, now, SWEEP_AT_ONCE);
        return hooks.repo.write(Scope::House, work).await;
    }
    hooks.swept_at.store(now, Ordering::Relaxed);
    Ok(())
}

/// After so many failures: from nine tenths to eleven tenths of what is planned, so that what failed together comes back
/// apart.
fn pause(failures: u32, chance: &dyn Chance) -> Millis {
    let at = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let planned = PAUSES_MS.get(at).or(PAUSES_MS.last());
    let planned = planned.copied().unwrap_or_default();
    let tenth = planned / 10;
    planned
        .saturating_sub(tenth)
        .saturating_add(rounds::below(tenth.saturating_mul(2), chance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::deliveries::{FAILING_MS, TRIES};

    struct Fixed(u8);

    impl Chance for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    #[test]
    fn pauses_grow_by_chance_and_last_about_three_days() {
        for byte in [0, 1, 77, 254, 255] {
            let pauses: Vec<Millis> = (1..TRIES).map(|n| pause(n, &Fixed(byte))).collect();
            assert!(pauses.is_sorted_by(|one, next| one < next), "{pauses:?}");
            let days = pauses.iter().sum::<Millis>() / (24 * HOUR);
            assert!((2..=3).contains(&days), "{pauses:?}");
            assert!(pauses.iter().sum::<Millis>() < FAILING_MS);
        }
        assert_eq!(PAUSES_MS.len(), usize::try_from(TRIES - 1).unwrap());
        assert_ne!(pause(9, &Fixed(1)), pause(9, &Fixed(77)));
        assert!(pause(u32::MAX, &Fixed(255)) <= 27 * HOUR);
    }

    #[test]
    fn a_busy_endpoint_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
        let answer = |status, wait_s| Some(Answer { status, wait_s });
        for (answer, wait) in [
            (None, 0),
            (answer(429, None), 0),
            (answer(429, Some(90)), 90 * SECOND),
            (answer(503, Some(3_600)), HOUR),
            (answer(503, Some(u32::MAX)), 24 * HOUR),
            (answer(500, Some(90)), 0),
            (answer(200, Some(90)), 0),
        ] {
            assert_eq!(asked(answer), wait, "{answer:?}");
        }
    }
}
