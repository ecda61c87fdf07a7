//! Tells front ends that something changed, in order and numbered, so that a missed one shows.

use crate::dto::Changed;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Events kept for front ends that poll; one further behind sees a gap and reloads.
const KEPT: usize = 256;
/// Longest long-poll.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

type Listener = Arc<dyn Fn(&Changed) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Events {
    told: Mutex<Told>,
    more: Condvar,
}

#[derive(Default)]
struct Told {
    n: u64,
    kept: VecDeque<Changed>,
    listeners: Vec<Listener>,
}

impl Events {
    pub(crate) fn subscribe(&self, listener: impl Fn(&Changed) + Send + Sync + 'static) {
        hold(&self.told).listeners.push(Arc::new(listener));
    }

    /// Numbers the event and tells it.
    pub(crate) fn tell(&self, mut changed: Changed) {
        let listeners = {
            let mut told = hold(&self.told);
            told.n += 1;
            changed.n = told.n;
            told.kept.push_back(changed.clone());
            if told.kept.len() > KEPT {
                told.kept.pop_front();
            }
            told.listeners.clone()
        };
        self.more.notify_all();
        // Outside the lock: a listener may ask the desk something.
        for listener in listeners {
            listener(&changed);
        }
    }

    /// The oldest kept event after `n`; none when nothing happens in time. A front end that counts
    /// higher than we do is from before a restart and gets an empty event with our count.
    pub(crate) fn since(&self, n: u64, timeout: Duration) -> Option<Changed> {
        let told = hold(&self.told);
        let (told, _timed_out) = self
            .more
            .wait_timeout_while(told, timeout.min(LONGEST_WAIT), |told| told.n == n)
            .unwrap_or_else(PoisonError::into_inner);
        let next = told.kept.iter().find(|changed| changed.n > n).cloned();
        let restarted = told.n < n;
        next.or_else(|| {
            restarted.then(|| Changed {
                n: told.n,
                ..Changed::default()
            })
        })
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync_changed() -> Changed {
        Changed {
            sync: true,
            ..Changed::default()
        }
    }

    #[test]
    fn events_are_numbered_and_a_poller_gets_each() {
        let events = Events::default();
        events.tell(sync_changed());
        events.tell(Changed {
            locked: true,
            ..Changed::default()
        });
        let first = events.since(0, Duration::ZERO).unwrap();
        assert!(first.n == 1 && first.sync);
        let second = events.since(first.n, Duration::ZERO).unwrap();
        assert!(second.n == 2 && second.locked);
        assert_eq!(events.since(2, Duration::ZERO), None);
    }

    #[test]
    fn a_poller_far_behind_sees_the_gap() {
        let events = Events::default();
        for _ in 0..KEPT + 10 {
            events.tell(sync_changed());
        }
        assert_eq!(events.since(1, Duration::ZERO).unwrap().n, 11);
    }

    #[test]
    fn a_poller_from_before_a_restart_is_answered_at_once() {
        let events = Events::default();
        events.tell(sync_changed());
        assert_eq!(events.since(900, Duration::from_secs(20)).unwrap().n, 1);
    }

    #[test]
    fn listeners_hear_every_event_and_may_subscribe_others() {
        let events = Arc::new(Events::default());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (log, again) = (Arc::clone(&heard), Arc::clone(&events));
        events.subscribe(move |changed| {
            log.lock().unwrap().push(changed.n);
            again.subscribe(|_| ());
        });
        events.tell(sync_changed());
        events.tell(sync_changed());
        assert_eq!(*heard.lock().unwrap(), [1, 2]);
    }
}
