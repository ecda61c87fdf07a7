//! Simulator and checker: desks, a server and everything that can go wrong between them, in virtual time.
//!
//! Invariants: one seed is one history, to the last byte; the sync machine, the wire codec and `decide()` are the
//! product's own, only the two databases are models of theirs; after the last fault everything drains, or it is a wedge;
//! the checker trusts the logs and nothing else, and it is itself tested by planted mutants of the models.
//!
//! It must never know: a real clock, a thread, a file, a socket, or the shell.

pub mod cast;
pub mod check;
pub mod desk;
pub mod dice;
pub mod disk;
pub mod fail;
pub mod mutant;
pub mod nemesis;
pub mod objects;
pub mod paper;
pub mod person;
pub mod rules;
pub mod server;
pub mod world;

use desk_domain::op::ChainHash;
use mutant::Mutant;
use nemesis::Tally;

/// One history and what the checker says of it.
#[derive(Clone, Debug)]
pub struct History {
    pub seed: u64,
    pub tally: Tally,
    /// Ops that count in the server's log.
    pub ops: usize,
    /// Documents that the server holds whole.
    pub documents: usize,
    /// Equal for equal histories.
    pub trace: u64,
    /// Fingerprint of the server's log: positions, bytes and verdicts.
    pub digest: ChainHash,
    /// Empty when all is well.
    pub found: Vec<String>,
}

/// Lives through the history of one seed and checks it.
pub fn live(seed: u64, mutant: Option<Mutant>) -> History {
    let mut world = world::World::new(seed, mutant);
    world.run();
    let found = check::check(&world);
    world.count_conflicts();
    let journal = &world.server.disk.synced.journal;
    let ops = journal.iter().filter(|entry| entry.counted).count();
    let papers = world.server.disk.synced.papers.values();
    let documents = papers.filter(|paper| paper.stored).count();
    let digest = journal.iter().fold(ChainHash::GENESIS, |hash, entry| {
        ChainHash::after(hash, format!("{entry:?}").as_bytes())
    });
    History {
        seed,
        ops,
        documents,
        trace: world.trace,
        digest,
        found,
        tally: world.tally,
    }
}
