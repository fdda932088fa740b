//! How far apart two cores are.

use std::sync::atomic::{AtomicU64, Ordering};

use neuronbus::pace::Stamp;

use super::histogram;

/// Pins the calling thread to a core; false if the system refuses or there is no such core.
pub fn pin(core: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: core })
}

/// A word on lines of its own.
#[repr(align(128))]
struct Apart(AtomicU64);

/// How far apart the first two cores are right now: half of the median round trip of a number that goes over one line
/// and comes back over another, in ns.
#[must_use]
pub fn placement_probe() -> f64 {
    let (there, back) = (Apart(AtomicU64::new(0)), Apart(AtomicU64::new(0)));
    let rounds = 20_000;
    let mut times = histogram();
    let await_round = |line: &Apart, round| {
        while line.0.load(Ordering::Acquire) != round {
            std::hint::spin_loop();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            for round in 1..=rounds {
                await_round(&there, round);
                back.0.store(round, Ordering::Release);
            }
        });
        // A thread of its own, so that the caller stays where it is.
        scope.spawn(|| {
            pin(0);
            for round in 1..=rounds {
                let began = Stamp::now();
                there.0.store(round, Ordering::Release);
                await_round(&back, round);
                times.saturating_record(Stamp::now().ns_since(began).max(1));
            }
        });
    });
    times.value_at_quantile(0.5) as f64 / 2.0
}
