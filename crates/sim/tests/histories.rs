//! Whole histories: nothing is found in them, each fault class happens, and one seed is one history.

use desk_sim::live;
use desk_sim::nemesis::{Kind, Tally};

#[test]
fn honest_histories_lose_double_diverge_and_wedge_nothing() {
    for seed in 10_000..10_030 {
        let history = live(seed, None);
        assert!(
            history.found.is_empty(),
            "seed {seed}: {:#?}",
            history.found
        );
        assert!(history.ops > 0, "seed {seed} did nothing");
    }
}

#[test]
fn one_seed_is_one_history() {
    for seed in [1, 16, 77] {
        let (first, second) = (live(seed, None), live(seed, None));
        assert_eq!(
            (first.trace, first.ops, first.digest),
            (second.trace, second.ops, second.digest),
            "seed {seed}"
        );
    }
    assert_ne!(live(1, None).digest, live(2, None).digest);
}

#[test]
fn every_fault_class_happens() {
    let mut tally = Tally::default();
    for seed in 0..200 {
        tally.add(&live(seed, None).tally);
        if Kind::ALL.iter().all(|kind| tally.of(*kind) > 0) {
            return;
        }
    }
    let never: Vec<_> = Kind::ALL
        .iter()
        .filter(|kind| tally.of(**kind) == 0)
        .map(|kind| kind.as_str())
        .collect();
    panic!("never in 200 seeds: {never:?}");
}
