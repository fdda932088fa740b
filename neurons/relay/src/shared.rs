//! What the user's end of a wire and its thread both see, besides the two rings.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use neuronbus::axon::Doorbell;

/// Sentences that are kept; the counts go on.
const NOTES_KEPT: usize = 16;

/// Counts and flags; single values that order nothing else, but for those that say so.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) confirmed: AtomicU64,
    pub(crate) resent: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) foreign: AtomicU64,
    /// The thread waits for room in the inbox.
    pub(crate) room_wanted: AtomicBool,
    /// The other side is done and nobody else will come. Everything it sent was in the inbox before this was set.
    ended: AtomicBool,
    closing: AtomicBool,
    linger_ns: AtomicU64,
    /// Rung for whoever waits in `recv`.
    pub(crate) bell: Doorbell,
    /// Rung for the cortex.
    pub(crate) notified: OnceLock<Arc<Doorbell>>,
    notes: Mutex<Vec<String>>,
}

impl Shared {
    /// Something has come, or will not come any more.
    pub(crate) fn ring(&self) {
        self.bell.ring();
        if let Some(bell) = self.notified.get() {
            bell.ring();
        }
    }

    pub(crate) fn count(counter: &AtomicU64, more: u64) {
        // relaxed: a count
        counter.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn read(counter: &AtomicU64) -> u64 {
        // relaxed: a count
        counter.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        // SYNC(wire-ended): the last spikes are in the inbox; `has_ended` is the other half.
        self.ended.store(true, Ordering::Release);
        self.ring();
    }

    /// Whether nothing will come but what is in the inbox already.
    pub(crate) fn has_ended(&self) -> bool {
        // SYNC(wire-ended): `end` is the other half.
        self.ended.load(Ordering::Acquire)
    }

    /// Asks the thread to bring to an end what was sent, for so long at most.
    pub(crate) fn close(&self, linger: Duration) {
        let linger = u64::try_from(linger.as_nanos()).unwrap_or(u64::MAX);
        // relaxed: stored before the flag below
        self.linger_ns.store(linger, Ordering::Relaxed);
        // SYNC(wire-closing): what was sent before is in the outbox; `closing` is the other half.
        self.closing.store(true, Ordering::Release);
    }

    /// How long the thread may still take, once it is asked to end.
    pub(crate) fn closing(&self) -> Option<Duration> {
        // SYNC(wire-closing): `close` is the other half.
        let closing = self.closing.load(Ordering::Acquire);
        // relaxed: loaded after the flag above
        closing.then(|| Duration::from_nanos(self.linger_ns.load(Ordering::Relaxed)))
    }

    pub(crate) fn note(&self, note: String) {
        let mut notes = self.lock();
        if notes.len() < NOTES_KEPT && !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
