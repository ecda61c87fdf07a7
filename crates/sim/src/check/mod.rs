//! The checker: what must hold once everything has drained. It trusts nothing but the logs and `decide()`.

mod chains;
mod desks;
mod documents;
mod groups;
mod promises;
mod replay;
mod transitions;

use crate::world::World;
pub use documents::documents_waiting;

/// What was found; empty when the history is as it must be.
pub fn check(world: &World) -> Vec<String> {
    let mut found = world.ledger.broken.clone();
    found.extend(promises::check(world));
    found.extend(chains::check(world));
    found.extend(replay::check(world));
    found.extend(desks::check(world));
    found.extend(groups::check(world));
    found.extend(documents::check(world));
    found
}
