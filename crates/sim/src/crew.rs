//! Seeds on all cores. A history has no thread in it; what they found is merged in the order of the seeds.

use desk_sim::mutant::Mutant;
use desk_sim::{History, live};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Lives through the seeds and hands each history to `take`, in order, until that says enough.
pub fn live_all(seeds: &[u64], mutant: Option<Mutant>, mut take: impl FnMut(History) -> bool) {
    let hands = thread::available_parallelism().map_or(1, usize::from);
    let (next, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..hands {
            let (send, next, enough) = (send.clone(), &next, &enough);
            scope.spawn(move || work(seeds, mutant, (next, enough), &send));
        }
        drop(send);
        let mut early: BTreeMap<usize, History> = BTreeMap::new();
        let mut turn = 0;
        for (index, history) in receive {
            early.insert(index, history);
            while let Some(history) = early.remove(&turn) {
                turn += 1;
                if !enough.load(Ordering::Relaxed) && !take(history) {
                    enough.store(true, Ordering::Relaxed);
                }
            }
        }
    });
}

fn work(
    seeds: &[u64],
    mutant: Option<Mutant>,
    (next, enough): (&AtomicUsize, &AtomicBool),
    send: &mpsc::Sender<(usize, History)>,
) {
    while !enough.load(Ordering::Relaxed) {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(seed) = seeds.get(index) else {
            return;
        };
        if send.send((index, live(*seed, mutant))).is_err() {
            return;
        }
    }
}
