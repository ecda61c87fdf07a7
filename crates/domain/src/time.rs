//! Time and chance come in from outside, so that every rule can be replayed.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// The door through which every room learns what time it is.
pub trait Clock: Send + Sync {
    /// The current instant, UTC milliseconds.
    fn now(&self) -> Millis;
}

/// The door through which every room gets random bytes.
pub trait Chance: Send + Sync {
    /// Fills the whole slice with unpredictable bytes.
    fn fill(&self, out: &mut [u8]);
}
