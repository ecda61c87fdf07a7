//! Password hashes at work, and the memory they work in: used again and again while people sign in, since asking the
//! system for twenty MiB costs half as much as the hash; given back when nobody does any more.

use argon2::Block;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// When nobody has signed in for so long, the memory goes.
const KEEP: Duration = Duration::from_secs(2);

/// Memory of one hash at a time.
#[derive(Default)]
pub struct Scratch(Vec<Block>);

impl Scratch {
    /// So many blocks of 1 KiB, with whatever the hash before has left in them: every hash writes all of them first.
    pub(crate) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0.resize_with(count, Block::default);
        }
        self.0.get_mut(..count).unwrap_or_default()
    }
}

/// Seats for hashes that work at once.
pub struct Hashing {
    seats: Semaphore,
    idle: Mutex<Vec<Scratch>>,
    /// How many have worked.
    done: AtomicU64,
}

impl Hashing {
    /// So many at once; who comes later waits without a thread.
    pub fn new(seats: usize) -> Arc<Self> {
        Arc::new(Self {
            seats: Semaphore::new(seats),
            idle: Mutex::default(),
            done: AtomicU64::default(),
        })
    }

    /// Runs `work` on a thread for blocking work, in memory of its own; none when the server stops or `work` panicked.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Scratch) -> T + Send + 'static,
    ) -> Option<T> {
        let _seat = self.seats.acquire().await.ok()?;
        let here = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let idle = here.idle().pop();
            let mut scratch = idle.unwrap_or_default();
            let done = work(&mut scratch);
            here.idle().push(scratch);
            done
        });
        let done = done.await.ok();
        tokio::spawn(Arc::clone(self).rest());
        done
    }

    /// Gives the memory back unless another one works in the meantime.
    async fn rest(self: Arc<Self>) {
        let before = self.done.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(KEEP).await;
        if self.done.load(Ordering::Relaxed) == before.saturating_add(1) {
            self.idle().clear();
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
