//! What travels from the threads that use a bus to its gate: one queue, so that the order of calls is the order of
//! admissions.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crossbeam_channel::{Receiver, Sender};
use neuronbus::axon::Doorbell;
use neuronbus::event::{EventIds, EventView, TopicPattern};
use neuronbus::pace::Stamp;

/// Code of the user that is called with each event of a subscription.
pub(super) type Handler = Box<dyn FnMut(&EventView<'_>) + Send>;

pub(super) enum Handed {
    Event {
        record: Vec<u8>,
        priority: u8,
        stamp: Stamp,
    },
    /// A change of context, encoded.
    Change(Vec<u8>),
    Subscribe {
        number: u64,
        pattern: TopicPattern,
        asked: Vec<u8>,
        handler: Handler,
    },
    Unsubscribe {
        number: u64,
    },
}

/// What all handles of a bus and its gate share.
pub(super) struct Shared {
    pub(super) to_gate: Sender<Handed>,
    pub(super) spare: Receiver<Vec<u8>>,
    pub(super) ids: Mutex<EventIds>,
    pub(super) doorbell: OnceLock<Arc<Doorbell>>,
    pub(super) closed: AtomicBool,
    /// Events that wait for the gate, and how many may.
    pub(super) waiting: AtomicUsize,
    pub(super) bound: usize,
    pub(super) numbers: AtomicU64,
    pub(super) counts: Counts,
}

/// Counts of a bus. Each is a number of its own: Relaxed.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) published: AtomicU64,
    pub(super) turned_away: AtomicU64,
    pub(super) handled: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) late: AtomicU64,
    pub(super) let_go: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64, by: u64) {
    // relaxed: a count.
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Shared {
    pub(super) fn is_closed(&self) -> bool {
        // relaxed: a late answer only lets one more in, which the gate counts as abandoned.
        self.closed.load(Ordering::Relaxed)
    }

    /// Puts something into the queue and rings; false if nobody will look.
    pub(super) fn hand(&self, handed: Handed) -> bool {
        if self.is_closed() || self.to_gate.send(handed).is_err() {
            return false;
        }
        if let Some(doorbell) = self.doorbell.get() {
            doorbell.ring();
        }
        true
    }
}
