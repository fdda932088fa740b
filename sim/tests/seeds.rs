//! A thousand seeds go well, and planted bugs do not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use neuronbus_sim::{Planted, Tally, simulate};

#[test]
fn a_thousand_seeds_lose_nothing_and_differ_in_nothing() {
    let next = AtomicU64::new(0);
    let run = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= 1000 {
                return tally;
            }
            match simulate(seed, None) {
                Ok(outcome) => tally += outcome.tally,
                Err(failure) => {
                    panic!(
                        "seed {seed}, {failure}; again: cargo run -p neuronbus-sim -- --seed {seed}"
                    )
                }
            }
        }
    };
    let mut total = Tally::default();
    thread::scope(|scope| {
        let threads = [scope.spawn(run), scope.spawn(run)];
        for thread in threads {
            total += thread.join().expect("a seed failed");
        }
    });
    // A fault that does not occur proves nothing.
    let Tally { kills, power_losses, orderly_ends, failed_syncs, full_disks, cuts, .. } = total;
    let Tally { clock_jumps, from_snapshots, .. } = total;
    let occurred = [kills, power_losses, orderly_ends, failed_syncs, full_disks, cuts];
    let occurred = occurred.into_iter().chain([clock_jumps, from_snapshots]);
    assert!(occurred.clone().all(|count| count > 100), "{total:?}");
}

#[test]
fn a_seed_does_the_same_every_time() {
    for seed in [0, 1, 2, 77] {
        assert_eq!(simulate(seed, None).ok(), simulate(seed, None).ok());
    }
}

#[test]
fn every_planted_bug_is_found_within_a_hundred_seeds() {
    for planted in Planted::ALL {
        let found = (0..100).find(|&seed| simulate(seed, Some(planted)).is_err());
        assert!(found.is_some(), "{planted:?} was not found");
    }
}
