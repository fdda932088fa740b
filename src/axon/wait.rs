//! Waiting for work: spinning for those who have a core to spare, sleeping for everybody else.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::shm::futex;
use crate::shm::mapping::Word;
use crate::sync::{Condvar, Mutex, Relaxed, cores, lock, order, sleep, spin_loop, yield_now};

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
    word: Word,
    parking: Parking,
}

/// How sleepers sleep.
#[derive(Debug)]
enum Parking {
    /// Within one process.
    Private { lock: Mutex<()>, wake: Condvar },
    /// On the word itself, which processes share. A ringer may die between its count and its call, so no sleep is long.
    Shared,
    /// On nothing: the word may only be read.
    Watched,
}

/// The longest sleep on a word that others share.
const DOZE: Duration = Duration::from_millis(50);

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
        let parking = Parking::Private { lock: Mutex::new(()), wake: Condvar::new() };
        Self { word: Word::private(), parking }
    }

    /// A bell that processes share.
    pub(crate) fn shared(word: Word) -> Self {
        Self { word, parking: Parking::Shared }
    }

    /// A shared bell that can only be looked at; it is not rung.
    pub(crate) fn watched(word: Word) -> Self {
        Self { word, parking: Parking::Watched }
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
        self.wait_or(seen, strategy, timeout, || false)
    }

    /// The same, which also ends when something is found ready; only a wait that spins looks for it.
    pub(crate) fn wait_or(
        &self,
        seen: u64,
        strategy: WaitStrategy,
        timeout: Option<Duration>,
        ready: impl Fn() -> bool,
    ) -> u64 {
        let rang = || self.count() != seen || ready();
        if !spin(strategy, timeout, rang) && strategy.rounds().is_some() {
            self.park(seen, timeout);
        }
        self.count()
    }

    #[cold]
    fn wake_all(&self) {
        match &self.parking {
            Parking::Private { lock: parking, wake } => {
                let sleepers = lock(parking);
                // relaxed: the lock orders it against those who set the bit
                self.word.fetch_and(!PARKED, Relaxed);
                // Woken while it is held, they would go to sleep again at once, over the lock. Whoever set the bit was
                // asleep before it could be taken here, so none is missed.
                drop(sleepers);
                wake.notify_all();
            }
            Parking::Shared => {
                // relaxed: whoever sets the bit again has seen the new count
                self.word.fetch_and(!PARKED, Relaxed);
                futex::wake_all(&self.word);
            }
            Parking::Watched => {}
        }
    }

    /// Sleeps until the count differs from `seen` or a time has passed.
    fn park(&self, seen: u64, timeout: Option<Duration>) {
        let deadline = deadline(timeout);
        let left = || deadline.map(|deadline| deadline.saturating_duration_since(now()));
        match &self.parking {
            Parking::Private { lock: parking, wake } => {
                let mut parking = lock(parking);
                while self.mark_parked(seen).is_some() {
                    let Some(left) = left() else {
                        parking = wake.wait(parking).unwrap_or_else(PoisonError::into_inner);
                        continue;
                    };
                    if left.is_zero() {
                        return;
                    }
                    let woken = wake.wait_timeout(parking, left);
                    parking = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
            Parking::Shared => {
                while let Some(marked) = self.mark_parked(seen) {
                    let left = left().map_or(DOZE, |left| left.min(DOZE));
                    if left.is_zero() {
                        return;
                    }
                    futex::wait(&self.word, marked, left);
                }
            }
            Parking::Watched => {
                // relaxed: the caller's `count` acquires
                while self.word.load(Relaxed) / RING == seen {
                    let left = left().map_or(NAP, |left| left.min(NAP));
                    if left.is_zero() {
                        return;
                    }
                    sleep(left);
                }
            }
        }
    }

    /// Says that somebody sleeps, and what the word is then; `None` if the count is no more what was seen.
    fn mark_parked(&self, seen: u64) -> Option<u64> {
        // bound: a failed exchange is a ring or another sleeper's mark
        loop {
            // relaxed: the caller's `count` acquires
            let word = self.word.load(Relaxed);
            if word / RING != seen {
                return None;
            }
            // The bit is set only on the very count that was seen, so the next ring finds it.
            let marked = word | PARKED;
            if word == marked || self.word.compare_exchange(word, marked, Relaxed, Relaxed).is_ok()
            {
                return Some(marked);
            }
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
