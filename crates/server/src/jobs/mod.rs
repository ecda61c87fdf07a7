//! Work that nobody waits for, one loop of each kind a node. What is to be done stands in the database and is claimed for
//! a while, so that any node may do it and a dead one is no loss.

pub mod executing;
pub mod sending;

use desk_domain::time::{Chance, Millis};

/// Full jitter: anything up to a limit that doubles from the first to the longest, so that a thousand things that failed
/// together come back apart.
fn jitter(attempt: u32, (first, longest): (Millis, Millis), chance: &dyn Chance) -> Millis {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    let limit = doubled.min(longest);
    let mut bytes = [0_u8; 4];
    chance.fill(&mut bytes);
    Millis::from(u32::from_le_bytes(bytes)).rem_euclid(limit)
}
