//! Sends what the outbox holds: at once after a commit of this process, and every second for what other nodes wrote or
//! left behind.

use super::rounds;
use crate::gateway::Gateway;
use crate::repo::outbox::{self, Claimed, Verdict};
use crate::repo::{Repo, RepoError, Rules, Scope};
use desk_domain::time::{Chance, Millis};
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::sync::watch;

/// Messages on their way at once.
const TOGETHER: usize = 16;
/// Longest wait before the second try, and before any.
const FIRST_WAIT_MS: Millis = 2_000;
const LONGEST_WAIT_MS: Millis = 300_000;

/// What the loop works with.
pub struct Post {
    pub repo: Arc<Repo>,
    pub rules: Rules,
    pub gateway: Gateway,
}

/// Runs until it is asked to stop. What is on its way then is finished and written down; nothing else is claimed.
pub async fn run(post: Post, stopped: watch::Receiver<bool>) {
    rounds::run("outbox", &post.repo, stopped, || round(&post)).await;
}

/// Claims and sends what is due; whether there was any.
async fn round(post: &Post) -> Result<bool, RepoError> {
    let now = post.rules.clock.now();
    // Most commits hold no message: a reader finds that out without a transaction of the writer.
    if !post
        .repo
        .read(Scope::House, move |conn| outbox::is_due(conn, now))
        .await?
    {
        return Ok(false);
    }
    let (rules, name) = (post.rules.clone(), post.gateway.name());
    let claimed = post
        .repo
        .write(Scope::House, move |conn| {
            outbox::claim(conn, &rules, name, TOGETHER)
        })
        .await?;
    let sent = join_all(claimed.into_iter().map(|message| deliver(post, message))).await;
    sent.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(true)
}

async fn deliver(post: &Post, message: Claimed) -> Result<(), RepoError> {
    let chance = post.rules.chance.as_ref();
    let now = post.rules.clock.now();
    let verdict = post.gateway.send(&message, now, chance).await;
    tracing::info!(message = %message.id, template = message.template, attempt = message.attempt, ?verdict, "message");
    post.repo.figures().went_out("message", word(&verdict));
    let again_at = now.saturating_add(pause(message.attempt, chance));
    let rules = post.rules.clone();
    post.repo
        .write(Scope::House, move |conn| {
            outbox::settle(conn, &rules, &message, &verdict, again_at)
        })
        .await
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Sent { .. } => "sent",
        Verdict::Later { .. } => "later",
        Verdict::Refused { .. } => "refused",
        Verdict::Unknown { .. } => "unclear",
    }
}

fn pause(attempt: u32, chance: &dyn Chance) -> Millis {
    rounds::jitter(attempt, (FIRST_WAIT_MS, LONGEST_WAIT_MS), chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Chance for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    #[test]
    fn pauses_grow_by_chance_and_stay_under_their_limit() {
        assert_eq!(pause(1, &Fixed(0)), 0);
        for attempt in 1..40 {
            let longest = (FIRST_WAIT_MS << (attempt - 1).min(20)).min(LONGEST_WAIT_MS);
            for byte in [1, 77, 255] {
                assert!(pause(attempt, &Fixed(byte)) < longest);
            }
        }
        assert!(pause(9, &Fixed(255)) > pause(1, &Fixed(255)));
    }
}
