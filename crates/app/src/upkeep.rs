//! The quiet work of an open desk: search rows and WAL, where the journal stands, what may go, what a person must hear.
//!
//! One thread per session, ended and waited for when the session ends. Nothing here is needed for anything to be right.

use crate::desk::hold;
use crate::error::AppError;
use crate::session::Rules;
use crate::vault::Vault;
use desk_domain::time::{Clock, Millis};
use desk_store::{HeadNote, Retention, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it is looked whether the desk has come to rest.
const TICK: Duration = Duration::from_secs(5);
const NOTE_EVERY_MS: Millis = 60_000;
const PRUNE_EVERY_MS: Millis = 3_600_000;
/// Rows of one step.
const STEP: usize = 500;
/// Steps of one round.
const STEPS: usize = 20;
/// An acknowledged op is kept this long, even when a backup holds it sooner.
const OP_DAYS: u32 = 90;

/// What the work needs.
pub(crate) struct Upkeep {
    pub store: Weak<Store>,
    pub vault: Vault,
    pub rules: Arc<Mutex<Rules>>,
    pub clock: Arc<dyn Clock>,
}

/// The running work; dropping it ends it.
pub(crate) struct Running {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// What the rounds remember of each other.
#[derive(Default)]
struct Memory {
    writes: u32,
    noted: Option<HeadNote>,
    noted_at: Millis,
    pruned_at: Option<Millis>,
    told_low: bool,
}

impl Upkeep {
    pub(crate) fn start(self) -> Result<Running, AppError> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("desk-upkeep".into())
            .spawn(move || self.run(&seen))
            .map_err(|_| AppError::Unexpected("no thread"))?;
        Ok(Running {
            stop,
            thread: Some(thread),
        })
    }

    fn run(&self, stop: &(Mutex<bool>, Condvar)) {
        let mut memory = Memory::default();
        let (stopped, bell) = stop;
        loop {
            let (guard, _) = bell
                .wait_timeout_while(hold(stopped), TICK, |stopped| !*stopped)
                .unwrap_or_else(PoisonError::into_inner);
            let last = *guard;
            drop(guard);
            let Some(store) = self.store.upgrade() else {
                return;
            };
            if let Err(error) = self.round(&store, &mut memory, last) {
                tracing::warn!(code = error.code(), "upkeep put off");
            }
            if last {
                return;
            }
        }
    }

    fn round(&self, store: &Store, memory: &mut Memory, last: bool) -> Result<(), AppError> {
        self.note_head(store, memory, last)?;
        if last {
            return Ok(());
        }
        self.tell_disk(store, memory)?;
        let writes = store.writes_since_upkeep();
        let at_rest = writes == memory.writes;
        memory.writes = writes;
        if writes > 0 && at_rest {
            for _ in 0..STEPS {
                if store.upkeep(STEP)?.unindexed == 0 {
                    break;
                }
            }
            memory.writes = store.writes_since_upkeep();
        }
        Ok(self.prune(store, memory)?)
    }

    fn note_head(&self, store: &Store, memory: &mut Memory, last: bool) -> Result<(), AppError> {
        let now = self.clock.now();
        if !last && now.abs_diff(memory.noted_at) < NOTE_EVERY_MS.unsigned_abs() {
            return Ok(());
        }
        let head = store.head_note()?;
        let Some(head) = head.filter(|head| memory.noted != Some(*head)) else {
            return Ok(());
        };
        self.vault.note_head(&head)?;
        (memory.noted, memory.noted_at) = (Some(head), now);
        Ok(())
    }

    fn tell_disk(&self, store: &Store, memory: &mut Memory) -> Result<(), StoreError> {
        let low = store.disk_is_low();
        if low == memory.told_low {
            // Without a write nothing would try whether there is room again.
            return if low {
                store.upkeep(0).map(|_| ())
            } else {
                Ok(())
            };
        }
        if low {
            store.raise_alert("desk.disk_full", self.clock.now(), &BTreeMap::new())?;
        } else {
            store.settle_alert("desk.disk_full")?;
        }
        memory.told_low = low;
        Ok(())
    }

    /// In steps, until nothing more is due; then again after an hour.
    fn prune(&self, store: &Store, memory: &mut Memory) -> Result<(), StoreError> {
        let now = self.clock.now();
        let rested = memory
            .pruned_at
            .is_none_or(|at| now.abs_diff(at) >= PRUNE_EVERY_MS.unsigned_abs());
        if !rested {
            return Ok(());
        }
        let keep = Retention {
            op_days: OP_DAYS,
            copy_days: hold(&self.rules)
                .policy
                .retention
                .local_copy_days_after_close,
        };
        let pruned = store.prune(now, keep, STEP)?;
        if pruned.ops == 0 && pruned.copies == 0 {
            memory.pruned_at = Some(now);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (stopped, bell) = &*self.stop;
        *hold(stopped) = true;
        bell.notify_all();
        if let Some(thread) = self.thread.take() {
            // Err: that thread fell; nothing depends on it.
            let _ = thread.join();
        }
    }
}
