//! The hand-over by stick, for offices without a network: out, and back in.

pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod places;
#[cfg(test)]
mod tests;

use crate::desk::{Desk, hold};
use crate::dto::{Changed, UsbRunning};
use crate::error::AppError;
use crate::session::Session;
use desk_bundle::BundleError;
use desk_domain::ids::{BundleId, Epoch, Incarnation};
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Names of what is kept in the store's settings.
pub(crate) mod kept {
    pub const EXPORTED: &str = "usb.exported";
    pub const IMPORTED: &str = "usb.imported";
    /// Server lives that this desk has lived through.
    pub const EPOCHS: &str = "usb.epochs";
}

/// The last export.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Exported {
    pub bundle: BundleId,
    pub at: Millis,
    pub incarnation: Incarnation,
    pub through_seq: u64,
    pub files: Vec<String>,
}

/// Server lives before the present one, newest last: what was made in them is stale. No clock is asked.
pub(crate) fn past_epochs(session: &Session) -> Result<Vec<Epoch>, AppError> {
    let mut epochs: Vec<Epoch> = session.recall(kept::EPOCHS)?.unwrap_or_default();
    let Some(present) = session.store.server_epoch()? else {
        return Ok(epochs);
    };
    if epochs.last() != Some(&present) {
        epochs.retain(|epoch| *epoch != present);
        epochs.push(present);
        let excess = epochs.len().saturating_sub(EPOCHS_KEPT);
        epochs.drain(..excess);
        session.keep(kept::EPOCHS, &epochs)?;
    }
    epochs.pop();
    Ok(epochs)
}

/// A bundle being written or read.
#[derive(Debug)]
pub(crate) struct Running {
    what: &'static str,
    done: AtomicU64,
    total: AtomicU64,
    told: AtomicU64,
    stop: AtomicBool,
}

/// One at a time.
#[derive(Debug, Default)]
pub(crate) struct Turn(Mutex<Option<Arc<Running>>>);

/// More restores of one server than anybody lives through.
const EPOCHS_KEPT: usize = 50;
/// Progress is told about this often.
const STEPS: u64 = 100;

impl Turn {
    /// What runs now.
    pub(crate) fn view(&self) -> Option<UsbRunning> {
        let running = hold(&self.0);
        let running = running.as_ref()?;
        Some(UsbRunning {
            what: running.what.to_owned(),
            done_bytes: running.done.load(Ordering::Relaxed),
            total_bytes: running.total.load(Ordering::Relaxed),
        })
    }

    /// Asks what runs to stop; it leaves nothing half done behind.
    pub(crate) fn stop(&self) {
        if let Some(running) = hold(&self.0).as_ref() {
            running.stop.store(true, Ordering::Relaxed);
        }
    }

    fn take(&self, what: &'static str) -> Result<Arc<Running>, AppError> {
        let mut turn = hold(&self.0);
        if turn.is_some() {
            return Err(AppError::UsbBusy);
        }
        let running = Arc::new(Running {
            what,
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            told: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        *turn = Some(Arc::clone(&running));
        Ok(running)
    }

    fn give_back(&self) {
        *hold(&self.0) = None;
    }
}

/// Runs `work` as the only hand-over, and tells the front ends when it begins and ends.
pub(crate) fn in_turn<T>(
    desk: &Desk,
    what: &'static str,
    work: impl FnOnce(&Running) -> Result<T, AppError>,
) -> Result<T, AppError> {
    let running = desk.usb().take(what)?;
    let done = work(&running);
    desk.usb().give_back();
    tell(desk);
    done
}

pub(crate) fn tell(desk: &Desk) {
    desk.tell(Changed {
        sync: true,
        ..Changed::default()
    });
}

impl Running {
    fn expect(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Notes how far it is; stops if somebody asked for it.
    fn at(&self, desk: &Desk, done: u64) -> Result<(), BundleError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(BundleError::Cancelled);
        }
        let total = self.total.load(Ordering::Relaxed).max(1);
        self.done.store(done.min(total), Ordering::Relaxed);
        let step = done.saturating_mul(STEPS) / total;
        if self.told.swap(step, Ordering::Relaxed) != step {
            tell(desk);
        }
        Ok(())
    }
}
