//! Waiting for work: spinning for those who have a core to spare, sleeping for everybody else.

use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU64, Condvar, Mutex, Relaxed, cores, lock, order, spin_loop, yield_now};

/// How long a parked wait for a ring that nobody rings for lasts before it looks again.
const NAP: Duration = Duration::from_millis(1);

/// Rounds between two looks at the clock: some microseconds.
const ROUNDS_PER_LOOK: u32 = 256;

/// Yields before `YieldThenPark` parks; a yield is some hundred nanoseconds.
const YIELDS: u32 = 16;

/// Spins before `Adaptive` begins to yield: some microseconds, a fraction of what a wake-up costs.
const SPINS: u32 = 200;

/// How a thread waits for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WaitStrategy {
    /// Looks again at once and never sleeps: some nanoseconds, and a core that does nothing else.
    BusySpin,
    /// The same with the processor's hint between looks, which spares power and a sibling thread.
    SpinLoopHint,
    /// Offers the core to others a few times, then sleeps: no core burnt, microseconds to wake.
    YieldThenPark,
    /// Spins briefly when there is more than one core, yields, then sleeps.
    #[default]
    Adaptive,
}

impl WaitStrategy {
    /// Rounds of spinning and of yielding before parking; `None` never parks.
    fn rounds(self) -> Option<(u32, u32)> {
        match self {
            Self::BusySpin | Self::SpinLoopHint => None,
            Self::YieldThenPark => Some((0, YIELDS)),
            Self::Adaptive if cores() > 1 => Some((SPINS, YIELDS)),
            Self::Adaptive => Some((0, 1)),
        }
    }
}

/// Wakes waiting threads: whoever has work for them rings.
///
/// Shared by reference or in an `Arc`, used from any thread. A ring takes no lock and makes no system call unless
/// somebody sleeps, and is never lost on one who is about to.
#[derive(Debug)]
pub struct Doorbell {
    /// Bit 0: somebody may be parked. The others: how often it rang. One word, so that a waiter who sets the bit and a
    /// ringer cannot miss each other.
    word: CachePadded<AtomicU64>,
    parking: Mutex<()>,
    wake: Condvar,
}

const PARKED: u64 = 1;
const RING: u64 = 2;

impl Default for Doorbell {
    fn default() -> Self {
        Self::new()
    }
}

impl Doorbell {
    /// A bell that has not rung.
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: CachePadded::new(AtomicU64::new(0)),
            parking: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Wakes everybody who waits; what was written before is visible to them.
    #[inline]
    pub fn ring(&self) {
        // SYNC(bell-rung): whoever sees the new count sees the work; `count` and `park` are the other half.
        if self.word.fetch_add(RING, order::bell_rung_ring()) & PARKED != 0 {
            self.wake_all();
        }
    }

    /// How often it rang; what was written before those rings is visible.
    #[must_use]
    #[inline]
    pub fn count(&self) -> u64 {
        // SYNC(bell-rung): `ring` is the other half.
        self.word.load(order::bell_rung_wait()) / RING
    }

    /// Waits until the count differs from `seen` or a time has passed; returns the count.
    pub fn wait(&self, seen: u64, strategy: WaitStrategy, timeout: Option<Duration>) -> u64 {
        let rang = || self.count() != seen;
        if !spin(strategy, timeout, rang) && strategy.rounds().is_some() {
            self.park(seen, timeout);
        }
        self.count()
    }

    #[cold]
    fn wake_all(&self) {
        let _parking = lock(&self.parking);
        // relaxed: the lock orders it against those who set the bit
        self.word.fetch_and(!PARKED, Relaxed);
        self.wake.notify_all();
    }

    /// Sleeps until the count differs from `seen` or a time has passed.
    fn park(&self, seen: u64, timeout: Option<Duration>) {
        let deadline = deadline(timeout);
        let mut parking = lock(&self.parking);
        loop {
            // relaxed: the caller's `count` acquires
            let word = self.word.load(Relaxed);
            if word / RING != seen {
                return;
            }
            // The bit is set only on the very count that was seen, so the next ring finds it.
            if word & PARKED == 0
                && self.word.compare_exchange(word, word | PARKED, Relaxed, Relaxed).is_err()
            {
                continue;
            }
            let Some(deadline) = deadline else {
                parking = match self.wake.wait(parking) {
                    Ok(guard) => guard,
                    Err(poisoned) => poisoned.into_inner(),
                };
                continue;
            };
            let left = deadline.saturating_duration_since(now());
            if left.is_zero() {
                return;
            }
            parking = match self.wake.wait_timeout(parking, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

/// Waits until something is ready or a time has passed, and says which. Parks on a bell, but does not trust it to ring.
pub(super) fn until(
    strategy: WaitStrategy,
    timeout: Option<Duration>,
    bell: &Doorbell,
    ready: impl Fn() -> bool,
) -> bool {
    if spin(strategy, timeout, &ready) {
        return true;
    }
    if strategy.rounds().is_none() {
        return false;
    }
    let deadline = deadline(timeout);
    // bound: the deadline, if there is one
    loop {
        let seen = bell.count();
        if ready() {
            return true;
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now()));
        if left == Some(Duration::ZERO) {
            return false;
        }
        bell.park(seen, Some(left.map_or(NAP, |left| left.min(NAP))));
    }
}

/// The part of a wait that does not sleep; whether it became ready.
fn spin(strategy: WaitStrategy, timeout: Option<Duration>, ready: impl Fn() -> bool) -> bool {
    if ready() {
        return true;
    }
    if timeout == Some(Duration::ZERO) {
        return false;
    }
    let Some((spins, yields)) = strategy.rounds() else {
        return spin_until(strategy, timeout, ready);
    };
    for round in 0..spins + yields {
        if round < spins {
            spin_loop()
        } else {
            yield_now()
        }
        if ready() {
            return true;
        }
    }
    false
}

fn spin_until(strategy: WaitStrategy, timeout: Option<Duration>, ready: impl Fn() -> bool) -> bool {
    let deadline = deadline(timeout);
    // bound: the deadline, if there is one
    loop {
        for _ in 0..ROUNDS_PER_LOOK {
            if strategy == WaitStrategy::SpinLoopHint {
                spin_loop();
            }
            if ready() {
                return true;
            }
        }
        if deadline.is_some_and(|deadline| now() >= deadline) {
            return false;
        }
    }
}

/// `None` is never: a timeout that no clock can hold is as good as none.
fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| now().checked_add(timeout))
}

#[expect(clippy::disallowed_methods, reason = "how long a thread sleeps is no part of any result")]
fn now() -> Instant {
    Instant::now()
}
