//! Password hashes at work, and the memory they work in: used again and again. Allocated anew each time, an allocator with
//! an arena for each thread would keep some twenty MiB for every thread that ever checked a password.

use argon2::Block;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

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
}

impl Hashing {
    /// So many at once; who comes later waits without a thread.
    pub fn new(seats: usize) -> Arc<Self> {
        Arc::new(Self {
            seats: Semaphore::new(seats),
            idle: Mutex::default(),
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
        done.await.ok()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
