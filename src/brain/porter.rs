//! The cortex's housekeeper: beats, and lets go what the dead have left. And how others wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::axon::{AxonHub, Doorbell, WaitStrategy};
use crate::sync::Arc;

use super::table::Table;

/// A thread that lives as long as the cortex is open.
#[derive(Debug)]
pub(super) struct Porter {
    stop: Arc<AtomicBool>,
    bell: Arc<Doorbell>,
    thread: Option<JoinHandle<()>>,
}

impl Porter {
    /// Starts beating, and looking after these rings so often.
    pub(super) fn start(
        table: Arc<Table>,
        hubs: Vec<AxonHub>,
        every: Duration,
    ) -> std::io::Result<Self> {
        let (stop, bell) = (Arc::new(AtomicBool::new(false)), Arc::new(Doorbell::new()));
        let (stopped, rung) = (Arc::clone(&stop), Arc::clone(&bell));
        let cortex = table.bell();
        let round = move || {
            // relaxed: a late look is one round more
            while !stopped.load(Ordering::Relaxed) {
                let seen = rung.count();
                let reaped = hubs.iter().map(|hub| hub.reap(None));
                let reaped = reaped
                    .fold((0_u64, 0_u64), |all, one| (all.0 + one.0, all.1.saturating_add(one.1)));
                table.beat(reaped);
                // A producer that died between its spike and the bell has left somebody asleep.
                cortex.ring();
                rung.wait(seen, WaitStrategy::YieldThenPark, Some(every));
            }
        };
        let thread = std::thread::Builder::new().name("porter".to_owned()).spawn(round)?;
        Ok(Self { stop, bell, thread: Some(thread) })
    }
}

impl Drop for Porter {
    fn drop(&mut self) {
        // relaxed: the ring behind it publishes
        self.stop.store(true, Ordering::Relaxed);
        self.bell.ring();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed; a drop has nobody to tell.
            let _ = thread.join();
        }
    }
}

/// How long somebody is willing to wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// `None` is for ever: a time that no clock can hold.
    deadline: Option<Instant>,
}

/// Rounds of waiting that only spin, and those that only offer the core to others.
const SPINS: u32 = 64;
const YIELDS: u32 = 1 << 12;

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { deadline: now().checked_add(timeout) }
    }

    pub(super) fn left(self) -> Duration {
        self.deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(now()))
    }

    /// Waits a moment, longer in later rounds; false if the time has passed.
    pub(super) fn pause(self, round: u32) -> bool {
        match round {
            0..SPINS => crate::sync::spin_loop(),
            SPINS..YIELDS => crate::sync::yield_now(),
            _ => return self.doze(Duration::from_micros(200)),
        }
        // The clock costs as much as a round.
        !round.is_multiple_of(SPINS) || !self.left().is_zero()
    }

    /// Sleeps for a time, or for what is left; false if nothing was.
    pub(super) fn doze(self, time: Duration) -> bool {
        let left = self.left();
        crate::sync::sleep(left.min(time));
        !left.is_zero()
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a peer waits is no part of any result")]
fn now() -> Instant {
    Instant::now()
}
